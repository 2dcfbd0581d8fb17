"""One call through a sidecar: its tries, its retries, its end.

    start() --> rate limit -> try_again() -> limits -> breaker -> balancer --> the endpoint
                                 ^                                               |
                                 | a pause                                       |
                                 |              answered(outcome) <--------------+
        retry policy -> budget --+--- failed ---+   |   an answer, an error, or its time is up
                                                    +-- good, or nothing left to try --> the parent

A call has one try at a time, so that the try is a part of it. Everything that a sidecar decides is
here and in the policies it asks; an instance behind the link works, and answers.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import Final

from meshlab.kernel.containers import Pool
from meshlab.kernel.record import Small, Word, entry, interface, record, seldom
from meshlab.mesh.counts import CLASS_COUNT
from meshlab.mesh.upstream import Upstream
from meshlab.model import Outcome
from meshlab.policies.breaker import REFUSED
from meshlab.policies.endpoint import Asker, Endpoint, Work
from meshlab.telemetry.names import DURATION_BUCKETS
from meshlab.telemetry.registry import CLASS_OF

# Plain numbers: every call needs them.
OK: Final = int(Outcome.OK)
TIMEOUT: Final = int(Outcome.TIMEOUT)
FAULT: Final = int(Outcome.FAULT)
OVERFLOW: Final = int(Outcome.OVERFLOW)
CIRCUIT_OPEN: Final = int(Outcome.CIRCUIT_OPEN)
NO_HEALTHY: Final = int(Outcome.NO_HEALTHY)
DEADLINE: Final = int(Outcome.DEADLINE)
ABANDONED: Final = int(Outcome.ABANDONED)
RATE_LIMITED: Final = int(Outcome.RATE_LIMITED)

PICKS: Final = 5
"""How often a retry asks the balancer for another endpoint than the last one (Istio's setting of
Envoy's ``host_selection_retry_max_attempts``)."""

NO_PERMIT: Final = 0
"""There is no breaker that would want to know how a try ends."""


@interface
class Parent:
    """Who makes a call, and takes its record back when it is over."""

    @entry
    def called(self, call: Call, outcome: int) -> None:
        """The call is over."""
        raise NotImplementedError


@record
class Call(Asker):
    """One call, and its open try while it is ``sending``.

    ``deadline`` (s) is the time by which the call must end, infinite where there is none. ``cut``
    says whether the time left for the call was shorter than the timeout of a try. ``timed`` is
    whether a timer of the upstream's runs for the try. ``job`` is what works on the open try.
    """

    attempts: Small = 0
    timer: Small
    sending: bool = False
    retrying: bool = False
    timed: bool = False
    traced: bool = False
    route: Small
    sent_at: float
    started: float
    upstream: Upstream
    parent: Parent
    endpoint: Endpoint
    # seldom, or only written
    job: Work | None = None
    permit: int
    key: int
    deadline: float
    begins_trace: bool = False
    cut: bool
    trace_high: Word
    trace_low: Word
    span: Word
    try_span: Word

    def start(self) -> None:
        """Begin: the first try, or a refusal."""
        upstream = self.upstream
        now = upstream.engine.now
        self.started = now
        upstream.counts.started += 1
        if upstream.deadline < inf:
            self.deadline = min(self.deadline, now + upstream.deadline)
        rate_limiter = upstream.rate_limiter
        if rate_limiter is not None and not rate_limiter.take():
            self._finish(RATE_LIMITED)
            return
        budget = upstream.budget
        if budget is not None:
            budget.deposit()
        self._try()

    @entry
    def start_mirrored(self) -> None:
        """The request that this one copies has gone on."""
        self.start()

    @entry
    def try_again(self) -> None:
        """The pause before a retry is over."""
        self._try()

    def _try(self) -> None:
        """Limits, breaker, balancer: each may refuse, and then what was taken is given back."""
        upstream = self.upstream
        limiter = upstream.limiter
        breaker = upstream.breaker
        if upstream.engine.now >= self.deadline:
            self._finish(DEADLINE)
            return
        if limiter is not None and not limiter.acquire():
            self._finish(OVERFLOW)
            return
        self.permit = NO_PERMIT
        if breaker is not None:
            self.permit = breaker.admit()
            if self.permit == REFUSED:
                self._give_back()
                self._finish(CIRCUIT_OPEN)
                return
        candidates = upstream.cluster.candidates
        if len(candidates.members) == 0:
            self._give_back()
            self._finish(NO_HEALTHY)
            return
        endpoint = upstream.balancer.pick(candidates, self.key)
        if self.attempts > 0:
            endpoint = self._pick_for_retry(endpoint)
        self._send_to(endpoint)

    @seldom
    def _give_back(self) -> None:
        """Return what a try took that nobody will judge."""
        limiter = self.upstream.limiter
        breaker = self.upstream.breaker
        if limiter is not None:
            limiter.release()
        if breaker is not None and self.permit != NO_PERMIT:
            breaker.abandon(self.permit)

    @seldom
    def _pick_for_retry(self, endpoint: Endpoint) -> Endpoint:
        """Count the retry; another endpoint than last time, a little further along the ring.

        Where the caller's zone has no other, one of any zone.
        """
        upstream = self.upstream
        upstream.counts.retries += 1
        if not upstream.avoid_previous:
            return endpoint
        others = upstream.cluster.candidates
        if len(others.members) <= 1:
            others = upstream.cluster.anywhere
        step = 1
        while endpoint is self.endpoint and step <= PICKS:
            endpoint = upstream.balancer.pick(others, self.key + step)
            step += 1
        return endpoint

    def _send_to(self, endpoint: Endpoint) -> None:
        """Start the try's timer and bring it to the endpoint, if the link lets it through."""
        upstream = self.upstream
        engine = upstream.engine
        endpoint.active += 1
        endpoint.attempts += 1
        self.endpoint = endpoint
        self.attempts += 1
        self.sending = True
        self.sent_at = engine.now
        if self.traced:
            self.try_span = upstream.tracer.new_span()
        left = self.deadline - engine.now
        cut = left < upstream.timeout
        self.cut = cut
        if cut:
            engine.after(left, self.deadline_passed, self.attempts)
        elif upstream.timeout < inf:
            self.timed = True
            upstream.timers.start(self)
        if upstream.link.faulty:
            self._cross(engine.now)
        else:
            self._deliver()

    @seldom
    def _cross(self, now: float) -> None:
        """The link is bad: the try breaks, or waits."""
        link = self.upstream.link
        rate = link.rate_of(self.route)
        delay = link.delay_of(self.route)
        if rate > 0.0 and link.draw.draw() < rate:
            self.answered(FAULT)
        elif delay > 0.0:
            self.upstream.engine.after(delay, self.delivered, self.attempts)
        else:
            self._deliver()

    @entry
    def delivered(self, attempt: int) -> None:
        """A slow link has let this attempt through."""
        if self.sending and self.attempts == attempt:
            self._deliver()

    def _deliver(self) -> None:
        target = self.endpoint.target
        job = target.receive(self, self.key, self.route, self.deadline)
        self.job = job
        if job is None:
            self.answered(target.refusal())
        elif self.traced:
            job.traced_by(self.trace_high, self.trace_low, self.try_span)

    @entry
    def expired(self) -> None:
        """The timeout of the open try is over."""
        self._time_out()

    @entry
    def deadline_passed(self, attempt: int) -> None:
        """The time for the call is over, and this attempt's with it."""
        if self.sending and self.attempts == attempt:
            self._time_out()

    @seldom
    def _time_out(self) -> None:
        job = self.job
        if job is not None:
            job.gave_up()
        self.answered(TIMEOUT)

    def answered(self, outcome: int) -> None:
        """The open try has ended: report it to every policy, then finish or try again."""
        upstream = self.upstream
        endpoint = self.endpoint
        seconds = upstream.engine.now - self.sent_at
        ok = outcome == OK
        self._end_try(outcome)
        upstream.balancer.observe(endpoint, seconds)
        limiter = upstream.limiter
        if limiter is not None:
            limiter.release()
        breaker = upstream.breaker
        if breaker is not None and self.permit != NO_PERMIT:
            breaker.report(self.permit, ok, seconds)
        outlier = upstream.outlier
        if outlier is not None:
            outlier.report(endpoint, ok)
        if self.retrying:
            self._end_retry()
        if ok:
            self._finish(OK)
        else:
            endpoint.failures += 1
            self._retry(outcome)

    def _end_try(self, outcome: int) -> None:
        """The try is over, and its timer with it."""
        upstream = self.upstream
        self.sending = False
        if self.timed:
            self.timed = False
            upstream.timers.stop(self)
        self.endpoint.active -= 1
        upstream.counts.tries[outcome] += 1
        if self.traced:
            self._note_try(outcome)

    @seldom
    def _retry(self, outcome: int) -> None:
        """Try again, if the policy, the time left and the budget allow it."""
        upstream = self.upstream
        if outcome == TIMEOUT and self.cut:
            self._finish(DEADLINE)
            return
        if self.attempts >= upstream.max_attempts or not (upstream.retry_on >> outcome) & 1:
            self._finish(outcome)
            return
        pause = upstream.pauses.delay(self.attempts, upstream.draw_jitter.draw())
        if upstream.engine.now + pause >= self.deadline:
            self._finish(DEADLINE)
            return
        budget = upstream.budget
        if budget is not None and not budget.withdraw():
            upstream.deny_retry()
            self._finish(outcome)
            return
        self.retrying = True
        self.job = None
        upstream.retrying += 1
        upstream.engine.after(pause, self.try_again)

    @seldom
    def _end_retry(self) -> None:
        self.retrying = False
        self.upstream.retrying -= 1
        budget = self.upstream.budget
        if budget is not None:
            budget.retry_ended()

    def _finish(self, outcome: int) -> None:
        """Count the end of the call, as its caller felt it; then whoever made it goes on."""
        upstream = self.upstream
        counts = upstream.counts
        seconds = upstream.engine.now - self.started
        counts.outcomes[outcome] += 1
        if counts.by_route:
            counts.routes[self.route * CLASS_COUNT + CLASS_OF[outcome]] += 1
        counts.buckets[bisect_left(DURATION_BUCKETS, seconds)] += 1
        counts.seconds += seconds
        if self.attempts > 1 and outcome == OK:
            counts.retries_succeeded += 1
        if self.retrying:
            self._end_retry()
        budget = upstream.budget
        if budget is not None and outcome != RATE_LIMITED:
            budget.settle(outcome == OK)
        if self.traced:
            self._note_call(outcome, seconds)
        self.parent.called(self, outcome)

    @seldom
    def abandon(self) -> None:
        """Who made the call is gone: end the open try, unjudged, and the call.

        From now on its parent is one that doesn't wait for it.
        """
        job = self.job
        sending = self.sending
        if sending:
            self._end_try(ABANDONED)
            self._give_back()
        self._finish(ABANDONED)
        if sending and job is not None:
            job.gave_up()

    # ---- tracing

    @seldom
    def begin_trace(self) -> None:
        """The request carries no context yet: begin a trace, which may be kept."""
        self.begins_trace = True
        tracer = self.upstream.tracer
        if tracer.begin():
            self.traced_by(tracer.high, tracer.low, tracer.span)

    def traced_by(self, high: int, low: int, span: int) -> None:
        """The call is part of this trace, and caused by (or, where it begins it, is) this span."""
        self.traced = True
        self.trace_high = high
        self.trace_low = low
        self.span = span

    @seldom
    def _note_try(self, outcome: int) -> None:
        """A try is over, as its caller saw it."""
        upstream = self.upstream
        upstream.tracer.spans.write(
            self.trace_high,
            self.trace_low,
            self.try_span,
            self.span,
            self.sent_at,
            upstream.engine.now,
            upstream.number,
            self.endpoint.number,
            self.route,
            outcome,
            False,
        )

    @seldom
    def _note_call(self, outcome: int, seconds: float) -> None:
        """A call is over: it leaves an exemplar, and a span where it began its trace."""
        upstream = self.upstream
        tracer = upstream.tracer
        tracer.observed(self.trace_high, self.trace_low, seconds, upstream.number)
        if self.begins_trace:
            tracer.spans.write(
                self.trace_high,
                self.trace_low,
                self.span,
                0,
                self.started,
                upstream.engine.now,
                upstream.number,
                0,
                self.route,
                outcome,
                False,
            )


@record
class Calls(Parent):
    """Where calls come from; and the parent of those that nobody waits for.

    ``requests`` came from outside so far, which is the key of the next.
    """

    pool: Pool[Call]
    requests: int

    def begin(self, upstream: Upstream, route: int) -> None:
        """A request arrives from outside."""
        call = self.make(upstream, self, self.requests, route, inf)
        self.requests += 1
        call.begin_trace()
        call.start()

    def make(
        self, upstream: Upstream, parent: Parent, key: int, route: int, deadline: float
    ) -> Call:
        """A new call, about to start."""
        call: Call = self.pool.new()
        call.upstream = upstream
        call.parent = parent
        call.key = key
        call.route = route
        call.deadline = deadline
        return call

    @entry
    def called(self, call: Call, outcome: int) -> None:
        """Nobody waits for it."""
        self.pool.release(call)
