"""Drives the call machines under virtual time: carries tries, answers and giving up.

`meshlab.mesh.sidecar.Call` decides, an instance works; the transport is what lies between them. It
knows the links, which edge faults can break or slow down, and notes the spans of traced requests.
"""

from __future__ import annotations

from math import inf

from meshlab.kernel.engine import Engine, Lane
from meshlab.kernel.streams import Draw
from meshlab.mesh.service import Job
from meshlab.mesh.sidecar import Action, Call, Done, Send, Wait
from meshlab.mesh.tracer import Tracer
from meshlab.mesh.upstream import Upstream
from meshlab.model import Outcome, Request


class Link:
    """The way from one sidecar to one cluster: how bad it is now, and the timers of its tries.

    ``routes`` has the rate and the delay of those routes that are worse, or better, than others.
    """

    __slots__ = ("delay", "draw", "lane", "rate", "routes")

    def __init__(self, lane: Lane | None, draw: Draw) -> None:
        self.rate = 0.0
        self.delay = 0.0
        self.routes: dict[str, tuple[float, float]] = {}
        self.lane = lane
        self.draw = draw


class Transport:
    """Carries Send, Wait and Done between sidecars and instances."""

    def __init__(self, engine: Engine, tracer: Tracer) -> None:
        self._engine = engine
        self._tracer = tracer

    def connect(self, upstream: Upstream, draw: Draw) -> Link:
        """Lay the link that the tries of ``upstream`` will take."""
        upstream.link = link = Link(self._lane(upstream.timeout), draw)
        return link

    def retime(self, upstream: Upstream) -> None:
        """Give the tries from now on the timeout that ``upstream`` has now."""
        upstream.link.lane = self._lane(upstream.timeout)

    def _lane(self, timeout: float | None) -> Lane | None:
        return None if timeout is None else Lane(self._engine, timeout, self._expired)

    def begin(self, upstream: Upstream, request: Request) -> None:
        """A request arrives from outside."""
        call = Call(upstream, request, inf, None)
        self._begin_trace(call)
        self._drive(call, call.start())

    def call(self, upstream: Upstream, job: Job) -> None:
        """A job calls another service; its instance is told how that ends."""
        service = job.instance.service
        before = job.send.call
        deadline = before.deadline if service.keeps_deadline else inf
        job.call = call = Call(upstream, before.request, deadline, job)
        self._pass_trace(job, call)
        self._drive(call, call.start())

    def mirror(self, upstream: Upstream, job: Job) -> None:
        """Send a copy of a job's request once the job has gone on; nobody waits for its end."""
        call = Call(upstream, job.send.call.request, inf, None)
        self._pass_trace(job, call)
        self._engine.after(0.0, self._start, call)

    def _start(self, call: Call) -> None:
        self._drive(call, call.start())

    def _begin_trace(self, call: Call) -> None:
        call.trace = self._tracer.root()
        call.begins_trace = True

    def _pass_trace(self, job: Job, call: Call) -> None:
        """A job's call belongs to its trace, unless the service drops the header."""
        if job.instance.service.keeps_trace:
            call.trace = job.trace
        else:
            self._begin_trace(call)

    def _drive(self, call: Call, action: Action) -> None:
        if type(action) is Send:
            self._transmit(action)
        elif type(action) is Done:
            parent = call.parent
            if call.trace is not None:
                self._tracer.call_ended(call, action.outcome, self._engine.now)
            call.send = call.parent = None  # what refers to each other is slow to free
            if parent is not None:
                parent.instance.called(parent, action.outcome)
        elif type(action) is Wait:
            self._engine.after(action.seconds, self._resume, call)

    def _resume(self, call: Call) -> None:
        if call.open:
            self._drive(call, call.resume())

    def _transmit(self, send: Send) -> None:
        """Start the try's timer and bring it to the endpoint, if the link lets it through."""
        call = send.call
        upstream = call.upstream
        link = upstream.link
        timeout = send.timeout
        if call.trace is not None:
            send.span = self._tracer.child(call.trace)
        if timeout is not None:
            if timeout == upstream.timeout:
                link.lane.start(send)
            else:
                self._engine.after(timeout, self._expired, send)
        rate, delay = link.rate, link.delay
        if link.routes:
            rate, delay = link.routes.get(call.request.route, (rate, delay))
        if rate > 0.0 and link.draw() < rate:
            self._respond(send, Outcome.FAULT)
        elif delay > 0.0:
            self._engine.after(delay, self._deliver, send)
        else:
            self._deliver(send)

    def _deliver(self, send: Send) -> None:
        if not send.open:
            return
        taken = send.endpoint.target.receive(send)  # type: ignore[attr-defined]
        if type(taken) is Job:
            send.job = taken
            if send.span is not None:
                taken.trace = self._tracer.child(send.span)
        else:
            self._respond(send, taken)

    def answer(self, job: Job, outcome: Outcome) -> None:
        """An instance answers; whether anybody still waits is for the try to know."""
        send = job.send
        if job.trace is not None:
            self._tracer.job_ended(job, outcome, self._engine.now)
        if send.open:
            self._respond(send, outcome)
        elif outcome is not Outcome.RESET:
            job.instance.truth.wasted += 1

    def _respond(self, send: Send, outcome: Outcome) -> None:
        call = send.call
        send.job = None
        if send.span is not None:
            self._tracer.try_ended(send, outcome, self._engine.now)
        self._drive(call, call.responded(send, outcome))

    def _expired(self, send: Send) -> None:
        if send.open:
            job = send.job
            if job is not None:
                self._give_up(job)
            self._respond(send, Outcome.TIMEOUT)

    def _give_up(self, job: Job) -> None:
        """Nobody waits for ``job``: if it is cancelled its span ends; what hangs has no end."""
        was_open = job.open
        job.instance.gave_up(job)
        if job.trace is not None and was_open and not job.open and not job.hung:
            self._tracer.job_ended(job, Outcome.ABANDONED, self._engine.now)

    def abandon(self, call: Call) -> None:
        """The one who waited for ``call`` is gone: give it up, and what it had asked for."""
        if not call.open:
            return
        send = call.send
        job = send.job if send is not None and send.open else None
        if send is not None and send.open and send.span is not None:
            self._tracer.try_ended(send, Outcome.ABANDONED, self._engine.now)
        outcome = call.abandon().outcome
        call.send = None
        if call.trace is not None:
            self._tracer.call_ended(call, outcome, self._engine.now)
        if job is not None:
            self._give_up(job)
