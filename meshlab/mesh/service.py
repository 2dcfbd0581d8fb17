"""A simulated instance of a service: queue, workers, work, memory, and what it asks of others.

    receive --> a free worker? --no--> room in the queue? --no--> shed
                    | yes                   | wait
                    v <---------------------+
       work (processor, latency) --> own error? --> calls to other services --> answer

The worker is taken for the whole stay, the calls included: that is how slowness travels upstream.
Work whose caller has given up goes on all the same ("wasted"), unless the service is declared to
cancel it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Any, Protocol

from meshlab.kernel.engine import Engine
from meshlab.kernel.streams import uniforms, variates
from meshlab.mesh.processor import Processor
from meshlab.mesh.sidecar import Call, Send
from meshlab.mesh.steps import Split, Step
from meshlab.mesh.upstream import Upstream
from meshlab.model import Outcome
from meshlab.scenario.topology import Instance, Service
from meshlab.telemetry.counts import ServiceCounts
from meshlab.telemetry.ledger import Evidence, Ledger
from meshlab.telemetry.names import DURATION_BUCKETS

OK = Outcome.OK  # plain names: every request needs them, and looking into the enum takes longer
ERROR = Outcome.ERROR


class Job:
    """One request in one instance, from its arrival to its answer.

    ``steps`` are the calls it still has to make; ``call`` is the last one it made. ``trace`` is a
    note of the transport.
    """

    __slots__ = ("arrived", "call", "hung", "instance", "open", "send", "steps", "trace", "working")

    def __init__(
        self, send: Send, instance: ServiceInstance, arrived: float, steps: Iterator[Step | Split]
    ) -> None:
        self.send = send
        self.instance = instance
        self.arrived = arrived
        self.steps = steps
        self.open = True
        self.working = False
        self.hung = False
        self.call: Call | None = None
        self.trace: Any = None


class Truth:
    """What really happened in an instance, over all its processes; no metric shows all of it."""

    __slots__ = ("ok", "own_errors", "passed_on", "received", "shed", "wasted")

    def __init__(self) -> None:
        self.received = self.ok = self.own_errors = self.passed_on = self.shed = self.wasted = 0


class Carrier(Protocol):
    """What an instance needs of the mesh around it."""

    def call(self, upstream: Upstream, job: Job) -> None:
        """Make a call for ``job``; ``job.instance.called(job, outcome)`` tells how it ended."""

    def mirror(self, upstream: Upstream, job: Job) -> None:
        """Make a call in the name of ``job`` that nobody waits for."""

    def abandon(self, call: Call) -> None:
        """Give up a call."""

    def answer(self, job: Job, outcome: Outcome) -> None:
        """Carry the answer of ``job`` back."""


Report = Callable[[str, str, bool, float, Callable[[], None]], None]


class ServiceInstance:
    """One running process. Faults set error rates, ``slowdown`` and the leak while they hold.

    ``slowdown`` stretches all its own work: that on the processor and the latency after it.
    """

    __slots__ = (  # with this many attributes, one without slots would be slower by a tenth
        "base_goroutines",
        "busy",
        "carrier",
        "config",
        "counts",
        "draw_cpu",
        "draw_error",
        "draw_hang",
        "draw_latency",
        "dying",
        "engine",
        "error_rate",
        "hang_cpu",
        "hang_goroutines",
        "hang_rate",
        "hang_steady",
        "held_down",
        "jobs",
        "leaked",
        "ledger",
        "most_goroutines",
        "name",
        "processor",
        "queued",
        "report",
        "report_seconds",
        "route_errors",
        "routes",
        "service",
        "slowdown",
        "starts",
        "truth",
        "up",
        "waiting",
        "wanted",
    )

    def __init__(
        self,
        service: Service,
        config: Instance,
        name: str,
        engine: Engine,
        carrier: Carrier,
        ledger: Ledger,
        seed: int,
    ) -> None:
        self.service = service
        self.config = config
        self.name = name
        self.engine = engine
        self.carrier = carrier
        self.ledger = ledger
        self.routes: dict[str, Sequence[Step | Split]] = {}
        self.report: Report | None = None
        self.report_seconds = 0.0

        self.up = False
        self.wanted = False
        self.held_down = False
        self.starts = 0
        self.truth = Truth()
        self.error_rate = config.error_rate
        self.route_errors: dict[str, float] = {}
        self.slowdown = 1.0
        self.hang_rate = 0.0
        self.hang_steady = False
        self.hang_goroutines = 0
        self.hang_cpu = 0.0
        self.draw_latency = variates(seed, f"{name}/latency", config.latency.block)
        self.draw_error = uniforms(seed, f"{name}/error")
        self.draw_hang = uniforms(seed, f"{name}/hang")
        if config.cpu is not None:
            self.draw_cpu = variates(seed, f"{name}/cpu", config.cpu.work.block)

        self._begin_afresh()
        self._measure_memory()

    def _measure_memory(self) -> None:
        """How many goroutines are there at rest, and how many fit."""
        memory = self.config.memory
        self.base_goroutines = memory.base_goroutines if memory else 0
        self.most_goroutines = memory.most_goroutines if memory else inf

    def change(self, service: Service, config: Instance) -> None:
        """Be as ``service`` and ``config`` say from now on; what is in the process stays in it.

        A new restart time holds for kills from now on.
        """
        self.service, self.config = service, config
        self._measure_memory()
        self._take_waiting()
        self._check_memory()

    def _begin_afresh(self) -> None:
        """What a new process has: nothing."""
        self.jobs: dict[Job, None] = {}
        self.waiting: deque[Job] = deque()
        self.queued = 0
        self.busy = 0
        self.leaked = 0.0
        self.dying = False
        cpu = self.config.cpu
        self.processor = None if cpu is None else Processor(cpu.cores, cpu.lump)
        self.counts = ServiceCounts()

    @property
    def goroutines(self) -> int:
        """At rest, one for each request in the process, and those that hung requests left."""
        return self.base_goroutines + len(self.jobs) + int(self.leaked)

    @property
    def memory_bytes(self) -> int:
        return self.config.memory.bytes_for(self.goroutines) if self.config.memory else 0

    # ---- the life of a request

    def receive(self, send: Send) -> Job | Outcome:
        """Take a request in, or say at once why not. The answer comes through the carrier."""
        if not self.up:
            return Outcome.REFUSED
        self.truth.received += 1
        free = self.busy < self.config.workers
        if not free and self.queued >= self.config.queue:
            self.counts.shed += 1
            self.truth.shed += 1
            self.ledger.tally(self.engine.now, self.name, "request shed", "queue full")
            if self.config.cpu is not None:
                self._compute(self.config.cpu.rejection_seconds)
            return Outcome.SHED
        steps = iter(self.routes[send.call.request.route])
        job = Job(send, self, self.engine.now, steps)
        self.jobs[job] = None
        if free:
            self._begin(job)
        else:
            self.queued += 1
            self.waiting.append(job)
        if self.most_goroutines < inf:
            self._check_memory()
        return job

    def _begin(self, job: Job) -> None:
        """A worker takes the job and works on it for a while, or for ever."""
        self.busy += 1
        job.working = True
        if self.hang_rate > 0.0 and self._hangs():
            job.hung = True
            if not job.send.open:  # nobody is left who could still give it up
                self.engine.after(0.0, self.gave_up, job)
        else:
            seconds = self.draw_latency() * self.slowdown + self.report_seconds
            if self.processor is None:
                self.engine.after(seconds, self._worked, job)
            else:
                self.engine.at(self._compute(self.draw_cpu()) + seconds, self._worked, job)

    def _hangs(self) -> bool:
        """While there is a leak: whether the next work hangs. What that leaves behind stays."""
        hangs = self.draw_hang() < self.hang_rate
        share = self.hang_rate if self.hang_steady else float(hangs)
        if share > 0.0:
            self.leaked += share * self.hang_goroutines
            if self.processor is not None:
                self.processor.taken += share * self.hang_cpu
            self._check_memory()
        return hangs

    def _compute(self, seconds: float) -> float:
        """Let the processor work for ``seconds``, longer in a slowdown; returns when it is done."""
        return self.processor.work(self.engine.now, seconds * self.slowdown)  # type: ignore[union-attr]

    def _worked(self, job: Job) -> None:
        """The instance's own work is done: it fails, or goes on to the calls it needs."""
        if not job.open:
            return
        error_rate = self.error_rate
        if self.route_errors:
            error_rate = self.route_errors.get(job.send.call.request.route, error_rate)
        if self.draw_error() < error_rate:
            self._finish(job, ERROR)
        else:
            self._proceed(job)

    def _proceed(self, job: Job) -> None:
        """Make the next call of the request's route; answer when none is left."""
        for step in job.steps:
            upstream, draw = step.choose() if isinstance(step, Split) else step
            probability = upstream.edge.probability
            if probability == 1.0 or draw() < probability:
                if not upstream.edge.mirror:
                    self.carrier.call(upstream, job)
                    return
                self.carrier.mirror(upstream, job)
        self._finish(job, OK)

    def called(self, job: Job, outcome: Outcome) -> None:
        """The call that ``job`` waited for is over."""
        if outcome is OK or not job.call.upstream.edge.required:  # type: ignore[union-attr]
            self._proceed(job)
        else:
            self._finish(job, ERROR)

    def _finish(self, job: Job, outcome: Outcome) -> None:
        """The request is through: report it where that is asked for, then answer."""
        if self.report is None:
            self._answer(job, outcome)
            return
        seconds = self.engine.now - job.arrived
        ok = outcome is OK
        self.report(self.service.name, self.name, ok, seconds, lambda: self._answer(job, outcome))

    def _answer(self, job: Job, outcome: Outcome) -> None:
        if not job.open:
            return
        counts = self.counts
        if outcome is OK:
            counts.ok += 1
            self.truth.ok += 1
        else:
            counts.errors += 1
            if job.call is None:  # its own errors come before the first call
                self.truth.own_errors += 1
            else:
                self.truth.passed_on += 1
        seconds = self.engine.now - job.arrived
        counts.buckets[bisect_left(DURATION_BUCKETS, seconds)] += 1
        counts.seconds += seconds
        self._drop(job)
        self.carrier.answer(job, outcome)

    def _drop(self, job: Job) -> None:
        """The job leaves the process; its worker takes the next that waits."""
        job.open = False
        self.jobs.pop(job, None)
        if not job.working:
            self.queued -= 1
            return
        self.busy -= 1
        self._take_waiting()

    def _take_waiting(self) -> None:
        """Free workers take those who wait, in their order."""
        while self.waiting and self.busy < self.config.workers:
            waiting = self.waiting.popleft()
            if waiting.open:
                self.queued -= 1
                self._begin(waiting)

    def gave_up(self, job: Job) -> None:
        """The caller no longer waits for ``job``."""
        if job.open and (job.hung or self.service.abandoned == "cancelled"):
            self._drop(job)
            if job.call is not None:
                self.carrier.abandon(job.call)

    # ---- the life of the process

    def come(self) -> None:
        """The time has come from which on the instance is to run."""
        self.wanted = True
        self.start()

    def go(self) -> None:
        """The time is over for which the instance was to run."""
        self.wanted = False
        self.kill("end of its time")

    def start(self) -> None:
        """A new process listens, if its time is now; nothing is left of an earlier one."""
        if self.up or self.held_down or not self.wanted:
            return
        self._begin_afresh()
        self.up = True
        self.starts += 1
        if self.starts > 1:
            self.ledger.write(self.engine.now, self.name, "started", "restarted after its end")

    def stop(self, reason: str) -> None:
        """End the process and keep it down until `resume`: no restart policy brings it back."""
        self.held_down = True
        self.kill(reason)

    def resume(self) -> None:
        """Let the process run again after `stop`."""
        self.held_down = False
        self.start()

    def kill(self, reason: str, evidence: Evidence = ()) -> None:
        """The process ends at once; its callers see their connections break."""
        if not self.up:
            return
        self.up = False
        held = (*evidence, ("requests_held", float(len(self.jobs))))
        self.ledger.write(self.engine.now, self.name, "killed", reason, held)
        jobs = list(self.jobs)
        self._begin_afresh()
        for job in jobs:
            job.open = False
        for job in jobs:
            if job.call is not None:
                self.carrier.abandon(job.call)
            self.carrier.answer(job, Outcome.RESET)
        if self.service.restart_seconds is not None:
            self.engine.after(self.service.restart_seconds, self._restart, self.starts)

    def _restart(self, starts: int) -> None:
        """The restart time of a killed process is over; another start may have come before."""
        if starts == self.starts:
            self.start()

    def _check_memory(self) -> None:
        """The process dies when its goroutines no longer fit into its memory."""
        if self.goroutines > self.most_goroutines and not self.dying:
            self.dying = True
            seen = (
                ("goroutines", float(self.goroutines)),
                ("memory_bytes", float(self.memory_bytes)),
            )
            self.engine.after(0.0, lambda _: self.kill("out of memory", seen))
