"""The call machine: what a sidecar does with one call, as Send | Wait | Done.

    start() --> rate limit -> limits -> breaker -> balancer --> Send(endpoint, timeout)
                                                                  |
                 responded(send, outcome)  <----------------------+
                    |   an answer, an error, or its time is up
                    |-- good, or nothing left to try ----> Done(outcome)
                    +-- retry policy -> budget ----------> Wait(seconds) -- resume() --> Send

The machine does no I/O and knows no scheduler. Whoever drives it carries the Send to an endpoint,
or sleeps for the Wait, in virtual or in real time, and tells it what happened.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import Any

from meshlab.kernel.engine import Timed
from meshlab.mesh.upstream import Upstream
from meshlab.model import Endpoint, Outcome, Request
from meshlab.policies.breaker import Permit, Rejection
from meshlab.telemetry.counts import CLASS_OF
from meshlab.telemetry.names import DURATION_BUCKETS

OK = Outcome.OK

PICKS = 5
"""How often a retry asks the balancer for another endpoint than the last one (Istio's setting of
Envoy's ``host_selection_retry_max_attempts``)."""


class Send(Timed):
    """Send this try to ``endpoint``, and give it up after ``timeout`` seconds (None: never).

    ``cut`` says whether the time left for the call is shorter than the timeout of a try.
    The record stays with the try until it ends: ``open`` until then. ``job`` and ``span`` are notes
    of the transport.
    """

    __slots__ = ("call", "cut", "endpoint", "job", "permit", "sent_at", "span", "timeout")

    def __init__(
        self,
        call: Call,
        endpoint: Endpoint,
        permit: Permit | None,
        timeout: float | None,
        sent_at: float,
        cut: bool = False,
    ) -> None:
        self.open = True
        self.cut = cut
        self.call = call
        self.endpoint = endpoint
        self.permit = permit
        self.timeout = timeout
        self.sent_at = sent_at
        self.job: Any = None
        self.span: Any = None


class Wait:
    """Call ``resume()`` in this many seconds."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Done:
    """The call is over."""

    __slots__ = ("outcome",)

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


Action = Send | Wait | Done
DONE = tuple(Done(outcome) for outcome in Outcome)


class Call:
    """One call through a sidecar: first try, retries, end.

    ``deadline`` (s) is the time by which the call must end, infinite where there is none; ``open``
    until the call is over. ``parent``, ``trace`` and ``begins_trace`` are notes of the transport.
    """

    __slots__ = (
        "attempts",
        "begins_trace",
        "deadline",
        "open",
        "parent",
        "request",
        "retrying",
        "send",
        "started",
        "trace",
        "upstream",
    )

    def __init__(self, upstream: Upstream, request: Request, deadline: float, parent: Any) -> None:
        self.upstream = upstream
        self.request = request
        self.deadline = deadline
        self.parent = parent
        self.attempts = 0
        self.open = True
        self.retrying = False
        self.send: Send | None = None
        self.trace: Any = None
        self.begins_trace = False

    def start(self) -> Action:
        """Begin: the first try, or a refusal."""
        upstream = self.upstream
        self.started = now = upstream.clock.now
        upstream.counts.started += 1
        if upstream.deadline is not None:
            self.deadline = min(self.deadline, now + upstream.deadline)
        if upstream.rate_limiter is not None and not upstream.rate_limiter.take():
            return self._finish(Outcome.RATE_LIMITED, now)
        if upstream.budget is not None:
            upstream.budget.deposit()
        return self._try(now)

    def resume(self) -> Action:
        """The wait is over: try again."""
        return self._try(self.upstream.clock.now)

    def _try(self, now: float) -> Action:
        """Limits, breaker, balancer: each may refuse, and then what was taken is given back."""
        upstream = self.upstream
        limiter, breaker = upstream.limiter, upstream.breaker
        if now >= self.deadline:
            return self._finish(Outcome.DEADLINE, now)
        if limiter is not None and not limiter.acquire():
            return self._finish(Outcome.OVERFLOW, now)
        permit = None
        if breaker is not None:
            admitted = breaker.admit()
            if isinstance(admitted, Rejection):
                self._give_back(None)
                return self._finish(Outcome.CIRCUIT_OPEN, now)
            permit = admitted
        candidates = upstream.cluster.candidates
        if not candidates:
            self._give_back(permit)
            return self._finish(Outcome.NO_HEALTHY, now)
        endpoint = upstream.balancer.pick(candidates, self.request.key)
        if self.attempts > 0:
            endpoint = self._pick_for_retry(endpoint)
        return self._send_to(endpoint, permit, now)

    def _give_back(self, permit: Permit | None) -> None:
        """Return what a try took that nobody will judge."""
        upstream = self.upstream
        if upstream.limiter is not None:
            upstream.limiter.release()
        if permit is not None and upstream.breaker is not None:
            upstream.breaker.abandon(permit)

    def _pick_for_retry(self, endpoint: Endpoint) -> Endpoint:
        """Count the retry; another endpoint than last time, a little further along the ring.

        Where the caller's zone has no other, one of any zone.
        """
        upstream, last = self.upstream, self.send.endpoint  # type: ignore[union-attr]
        upstream.counts.retries += 1
        picks = PICKS if upstream.avoid_previous else 0
        near = upstream.cluster.candidates
        others = near if len(near) > 1 else upstream.cluster.anywhere
        for step in range(1, picks + 1):
            if endpoint is not last:
                break
            endpoint = upstream.balancer.pick(others, self.request.key + step)
        return endpoint

    def _send_to(self, endpoint: Endpoint, permit: Permit | None, now: float) -> Send:
        timeout = self.upstream.timeout
        cut = False
        if self.deadline < inf:
            left = self.deadline - now
            if timeout is None or left < timeout:
                timeout, cut = left, True
        endpoint.active += 1
        endpoint.attempts += 1
        self.attempts += 1
        self.send = send = Send(self, endpoint, permit, timeout, now, cut)
        return send

    def responded(self, send: Send, outcome: Outcome) -> Action:
        """The open try has ended: report it to every policy, then finish or try again."""
        upstream = self.upstream
        now = upstream.clock.now
        seconds = now - send.sent_at
        endpoint = send.endpoint
        ok = outcome is OK
        limiter, breaker = upstream.limiter, upstream.breaker
        send.open = False
        endpoint.active -= 1
        upstream.counts.tries[outcome] += 1
        upstream.balancer.observe(endpoint, seconds)
        if limiter is not None:
            limiter.release()
        if breaker is not None and send.permit is not None:
            breaker.report(send.permit, ok, seconds)
        if upstream.outlier is not None:
            upstream.report_outlier(endpoint, ok)
        if self.retrying:
            self._end_retry()
        if ok:
            return self._finish(outcome, now)
        endpoint.failures += 1
        return self._retry(outcome, now)

    def _retry(self, outcome: Outcome, now: float) -> Action:
        """Try again, if the policy, the time left and the budget allow it."""
        upstream = self.upstream
        retry = upstream.edge.retry
        if outcome is Outcome.TIMEOUT and self.send.cut:  # type: ignore[union-attr]
            return self._finish(Outcome.DEADLINE, now)
        if self.attempts >= retry.max_attempts or outcome not in retry.retry_on:
            return self._finish(outcome, now)
        pause = retry.backoff.delay(self.attempts, upstream.draw_jitter())
        if now + pause >= self.deadline:
            return self._finish(Outcome.DEADLINE, now)
        if upstream.budget is not None and not upstream.budget.withdraw():
            upstream.deny_retry(now)
            return self._finish(outcome, now)
        self.retrying = True
        upstream.retrying += 1
        return Wait(pause)

    def _end_retry(self) -> None:
        self.retrying = False
        self.upstream.retrying -= 1
        if self.upstream.budget is not None:
            self.upstream.budget.retry_ended()

    def _finish(self, outcome: Outcome, now: float) -> Done:
        """Count the end of the call, as its caller felt it."""
        upstream = self.upstream
        counts = upstream.counts
        seconds = now - self.started
        self.open = False
        counts.outcomes[outcome] += 1
        if counts.routes:
            counts.routes[self.request.route][CLASS_OF[outcome]] += 1
        counts.buckets[bisect_left(DURATION_BUCKETS, seconds)] += 1
        counts.seconds += seconds
        if self.attempts > 1 and outcome is OK:
            counts.retries_succeeded += 1
        if self.retrying:
            self._end_retry()
        if upstream.budget is not None and outcome is not Outcome.RATE_LIMITED:
            upstream.budget.settle(outcome is OK)
        return DONE[outcome]

    def abandon(self) -> Done:
        """The caller gave up: end the open try, unjudged, and the call."""
        upstream = self.upstream
        send = self.send
        if send is not None and send.open:
            send.open = False
            send.endpoint.active -= 1
            upstream.counts.tries[Outcome.ABANDONED] += 1
            self._give_back(send.permit)
        return self._finish(Outcome.ABANDONED, upstream.clock.now)
