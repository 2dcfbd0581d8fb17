"""When a caller should stop calling: the closed, open and half-open circuit breaker.

Calls to a service that is down cost the caller its time and the service its recovery. A breaker
stands before them. Closed, it lets every call through and watches how they end. When a rule finds
too many of them bad it opens, and refuses calls at once. After a while it lets a few trials through
(half-open; others call them probes), and how those end decides. `TRANSITIONS` holds every change
that can happen, and this picture is drawn from it:

>>> print(diagram())
stateDiagram-v2
    [*] --> CLOSED
    CLOSED --> OPEN: consecutive failures
    CLOSED --> OPEN: failure rate
    CLOSED --> OPEN: slow calls
    OPEN --> HALF_OPEN: open time over
    HALF_OPEN --> OPEN: probe failed
    HALF_OPEN --> CLOSED: probes succeeded

Beware of the name: what Envoy calls circuit breakers are concurrency limits without a half-open
state (`meshlab.policies.limits`). Source: Michael Nygard, *Release It!*; the generations are those
of sony/gobreaker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum, auto
from typing import Final

from meshlab.kernel.clock import Clock
from meshlab.policies.breaker_config import PRESETS as PRESETS
from meshlab.policies.breaker_config import BreakerConfig as BreakerConfig


class State(IntEnum):
    """What a breaker does with the next call; a larger number lets fewer through."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Reason(StrEnum):
    """Why a breaker changed its state."""

    CONSECUTIVE_FAILURES = auto()
    FAILURE_RATE = auto()
    SLOW_CALLS = auto()
    OPEN_TIME_OVER = auto()
    PROBE_FAILED = auto()
    PROBES_SUCCEEDED = auto()


# Plain names: every call looks at the state, and looking it up inside the class takes longer.
CLOSED: Final = State.CLOSED
HALF_OPEN: Final = State.HALF_OPEN
OPEN: Final = State.OPEN

TRANSITIONS: dict[tuple[State, Reason], State] = {
    (CLOSED, Reason.CONSECUTIVE_FAILURES): OPEN,
    (CLOSED, Reason.FAILURE_RATE): OPEN,
    (CLOSED, Reason.SLOW_CALLS): OPEN,
    (OPEN, Reason.OPEN_TIME_OVER): HALF_OPEN,
    (HALF_OPEN, Reason.PROBE_FAILED): OPEN,
    (HALF_OPEN, Reason.PROBES_SUCCEEDED): CLOSED,
}
"""Every change of state there is: from where, for which reason, to where."""


def diagram() -> str:
    """The state diagram, drawn from `TRANSITIONS` in Mermaid's language (JupyterLab renders it)."""
    arrows = [
        f"    {source.name} --> {target.name}: {reason.replace('_', ' ')}"
        for (source, reason), target in TRANSITIONS.items()
    ]
    return "\n".join(["stateDiagram-v2", "    [*] --> CLOSED", *arrows])


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state, for the ledger: when (s), from where to where, why, on which numbers."""

    time: float
    source: State
    target: State
    reason: Reason
    evidence: tuple[tuple[str, float], ...]


@dataclass(slots=True, eq=False)
class Permit:
    """Leave to make one call; it ends with `CircuitBreaker.report` or `CircuitBreaker.abandon`."""

    generation: int
    trial: bool


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refusal: why, and from when (s) on it makes sense to ask again (None: nobody can tell)."""

    reason: str
    retry_at: float | None


TRIALS_IN_FLIGHT: Final = Rejection("trials in flight", None)


class CircuitBreaker:
    """Stands before the calls to one upstream, and refuses them while they would be in vain.

    >>> from meshlab.kernel.clock import ManualClock
    >>> clock = ManualClock()
    >>> breaker = CircuitBreaker(BreakerConfig(consecutive_failures=1, open_seconds=30), clock)
    >>> breaker.report(breaker.admit(), ok=False, seconds=0.2)
    >>> breaker.admit()
    Rejection(reason='open', retry_at=30.0)
    >>> clock.advance(30)
    >>> breaker.admit()
    Permit(generation=3, trial=True)

    Every transition begins a new *generation*, and a permit knows in which one it was given. What
    is reported later tells of another time, and is discarded. ``state`` and the counts may be read
    at any time: only `admit` and `report` move the breaker. ``on_transition`` is told of each move
    after it happened; it may write that down, but not call the breaker. A breaker that takes the
    place of another begins with a later ``generation`` than that one had.
    """

    __slots__ = (
        "_clock",
        "_on_transition",
        "_opened_at",
        "_permit",
        "_rejection",
        "_retry_at",
        "_slow_seconds",
        "config",
        "consecutive_failures",
        "generation",
        "state",
        "trials_in_flight",
        "trials_succeeded",
        "window",
    )

    def __init__(
        self,
        config: BreakerConfig,
        clock: Clock,
        on_transition: Callable[[Transition], None] | None = None,
        generation: int = 1,
    ) -> None:
        self.config = config
        self.state: State = CLOSED
        self.generation = generation
        self.consecutive_failures = 0
        self.trials_in_flight = 0
        self.trials_succeeded = 0
        self.window = config.build_window(clock)
        self._clock = clock
        self._on_transition = on_transition
        self._slow_seconds = config.slow_seconds
        self._opened_at = self._retry_at = 0.0
        self._permit = Permit(self.generation, trial=False)
        self._rejection = Rejection("open", None)

    def admit(self) -> Permit | Rejection:
        """May a call go out now? While the breaker is closed, all calls share one permit."""
        if self.state is CLOSED:
            return self._permit
        if self.state is OPEN:
            now = self._clock.now
            if now < self._retry_at:
                return self._rejection
            self._move(Reason.OPEN_TIME_OVER, now, open_seconds=now - self._opened_at)
        if self.trials_in_flight + self.trials_succeeded >= self.config.half_open_trials:
            return TRIALS_IN_FLIGHT
        self.trials_in_flight += 1
        return Permit(self.generation, trial=True)

    def report(self, permit: Permit, ok: bool, seconds: float) -> None:
        """A permitted call has ended, well or not, after ``seconds``."""
        if permit.generation != self.generation:
            return  # too late: this call was let through before the last transition
        if permit.trial:
            self._judge_trial(permit, ok, seconds)
        elif ok and self.window is None:
            self.consecutive_failures = 0
        else:
            self._judge_call(ok, seconds)

    def abandon(self, permit: Permit) -> None:
        """A permitted call has ended without a verdict: never sent, or its caller gave up."""
        if permit.trial and permit.generation == self.generation:
            self._release(permit)

    def _judge_call(self, ok: bool, seconds: float) -> None:
        """Closed: count the call, and open if a rule says so. The rules are asked in this order."""
        now, config, window = self._clock.now, self.config, self.window
        self.consecutive_failures = 0 if ok else self.consecutive_failures + 1
        if window is not None:
            window.add(now, not ok, seconds > self._slow_seconds)
        failures = self.consecutive_failures
        if _reached(failures, config.consecutive_failures):
            self._move(Reason.CONSECUTIVE_FAILURES, now, consecutive_failures=failures)
        elif window is None or window.calls < config.minimum_calls:
            return
        elif _reached(window.failures / window.calls, config.failure_rate):
            self._move(Reason.FAILURE_RATE, now, failures=window.failures, calls=window.calls)
        elif _reached(window.slow / window.calls, config.slow_call_rate):
            self._move(Reason.SLOW_CALLS, now, slow_calls=window.slow, calls=window.calls)

    def _judge_trial(self, permit: Permit, ok: bool, seconds: float) -> None:
        """Half-open: the first bad trial reopens, enough good ones close."""
        self._release(permit)
        if not ok or seconds > self._slow_seconds:
            self._move(Reason.PROBE_FAILED, self._clock.now, ok=ok, seconds=seconds)
            return
        self.trials_succeeded += 1
        if self.trials_succeeded == self.config.half_open_trials:
            trials = self.trials_succeeded
            self._move(Reason.PROBES_SUCCEEDED, self._clock.now, trials_succeeded=trials)

    def _release(self, permit: Permit) -> None:
        """A trial has ended: free its place and spend its permit."""
        permit.generation = 0  # generations count from 1, so ending it again comes too late
        self.trials_in_flight -= 1

    def _move(self, reason: Reason, now: float, **numbers: float) -> None:
        """Every transition happens here: look up the target and begin a generation from zero."""
        source = self.state
        self.state = TRANSITIONS[source, reason]
        self.generation += 1
        self.consecutive_failures = self.trials_in_flight = self.trials_succeeded = 0
        if self.state is OPEN:
            self._opened_at = now
            self._retry_at = now + self.config.open_seconds
            self._rejection = Rejection("open", self._retry_at)
        elif self.state is CLOSED:
            self._permit = Permit(self.generation, trial=False)
            if self.window is not None:
                self.window.clear(now)
        if self._on_transition is not None:
            evidence = tuple((name, float(number)) for name, number in numbers.items())
            self._on_transition(Transition(now, source, self.state, reason, evidence))


def _reached(value: float, limit: float | None) -> bool:
    """Whether a rule strikes; one without a limit is off."""
    return limit is not None and value >= limit
