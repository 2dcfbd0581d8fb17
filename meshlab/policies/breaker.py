"""When a caller should stop calling: the closed, open and half-open circuit breaker.

Calls to a service that is down cost the caller its time and the service its recovery. A breaker
stands in front of them. Closed, it lets every call through and watches how they end. When a rule
finds too many of them bad it opens and refuses calls at once. After a while it lets a few trials
through (half-open; others call them probes), and how they end decides. `TRANSITIONS` holds every
change that can happen, and this diagram is drawn from it:

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

from inspect import signature
from math import inf
from typing import Final, Protocol

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import Small, entry, interface, record, seldom
from meshlab.policies.breaker_config import PRESETS as PRESETS
from meshlab.policies.breaker_config import BreakerConfig as BreakerConfig
from meshlab.policies.breaker_states import (
    CLOSED,
    CONSECUTIVE_FAILURES,
    FAILURE_RATE,
    HALF_OPEN,
    OPEN,
    OPEN_TIME_OVER,
    PROBE_FAILED,
    PROBES_SUCCEEDED,
    SLOW_CALLS,
    TARGETS,
)
from meshlab.policies.breaker_states import TRANSITIONS as TRANSITIONS
from meshlab.policies.breaker_states import Reason as Reason
from meshlab.policies.breaker_states import State as State
from meshlab.policies.breaker_states import Transition as Transition
from meshlab.policies.breaker_states import diagram as diagram
from meshlab.policies.breaker_states import transition as transition
from meshlab.policies.windows import Window

REFUSED: Final = 0
"""In place of a permit: the call must not go out."""

TRIALS: Final = 1_000_000
"""Permits of trials in one generation. The first of generation 3 has the number -3000001."""


@interface
class Breaker:
    """Admits calls, and hears how they end. Every permit ends with a `report` or is abandoned."""

    def admit(self) -> int:
        """May a call go out now? Its permit, or `REFUSED`."""
        raise NotImplementedError

    def report(self, permit: int, ok: bool, seconds: float) -> None:
        """A permitted call has ended, well or not, after ``seconds``."""
        raise NotImplementedError

    def abandon(self, permit: int) -> None:
        """A permitted call has ended without a verdict: never sent, or its caller gave up."""
        raise NotImplementedError


@interface
class BreakerWatcher:
    """Hears of every move a breaker makes."""

    @entry
    def breaker_moved(self, state: int, reason: int, seen_1: float, seen_2: float) -> None:
        """It is in this `State` now, for this `Reason`, having seen these numbers (`EVIDENCE`)."""
        raise NotImplementedError


class BreakerMaker(Protocol):
    """What an edge takes in the place of a `BreakerConfig`: it builds a breaker of your own."""

    def build(self, clock: Clock, watcher: BreakerWatcher | None, generation: int) -> Breaker:
        """A breaker for one sidecar. Its permits from ``generation`` on are not yet in use."""
        ...


@record
class CircuitBreaker(Breaker):
    """Stands in front of the calls to one upstream, and refuses them while they would be in vain.

    >>> from meshlab.kernel.clock import ManualClock
    >>> clock = ManualClock()
    >>> breaker = CircuitBreaker(BreakerConfig(consecutive_failures=1, open_seconds=30), clock)
    >>> breaker.admit()
    1
    >>> breaker.report(1, ok=False, seconds=0.2)
    >>> breaker.admit(), breaker.refusal, breaker.retry_at
    (0, 'open', 30.0)
    >>> clock.advance(30)
    >>> breaker.admit()
    -3000001

    A permit is a number. While the breaker is closed all calls share one, that of its *generation*,
    which every move begins anew; a trial has a negative one of its own. What is reported on an old
    permit belongs to another time and is discarded. ``state`` and the counts may be read at any
    time: only `admit` and `report` move the breaker. ``watcher`` hears of each move after it
    happened, with the numbers behind it (see `EVIDENCE`). A breaker that takes the place of another
    begins with a later ``generation`` than that one had.
    """

    state: Small
    generation: int
    consecutive_failures: int
    clock: Clock
    window: Window | None
    slow_seconds: float
    consecutive_limit: float
    retry_at: float
    failure_rate: float
    slow_call_rate: float
    minimum_calls: int
    trials: list[int]
    trials_begun: int
    trials_succeeded: int
    half_open_trials: int
    open_seconds: float
    opened_at: float
    reason: Small
    watcher: BreakerWatcher | None

    def __init__(
        self,
        config: BreakerConfig,
        clock: Clock,
        watcher: BreakerWatcher | None = None,
        generation: int = 1,
    ) -> None:
        self.clock = clock
        self.watcher = watcher
        self.generation = generation
        self.window = config.build_window(clock)
        self.consecutive_limit = _limit(config.consecutive_failures)
        self.failure_rate = _limit(config.failure_rate)
        self.slow_call_rate = _limit(config.slow_call_rate)
        self.slow_seconds = config.slow_seconds
        self.minimum_calls = config.minimum_calls
        self.open_seconds = config.open_seconds
        self.half_open_trials = config.half_open_trials

    def admit(self) -> int:
        """May a call go out now? While the breaker is closed, all calls share one permit."""
        if self.state == CLOSED:
            return self.generation
        if self.state == OPEN:
            now = self.clock.now
            if now < self.retry_at:
                return REFUSED
            self._move(OPEN_TIME_OVER, now, now - self.opened_at, 0.0)
        if len(self.trials) + self.trials_succeeded >= self.half_open_trials:
            return REFUSED
        return self._begin_trial()

    def report(self, permit: int, ok: bool, seconds: float) -> None:
        """A permitted call has ended, well or not, after ``seconds``."""
        if permit < 0:
            if self._end_trial(permit):
                self._judge_trial(ok, seconds)
        elif permit != self.generation:
            return  # too late: this call was let through before the last transition
        elif ok and self.window is None:
            self.consecutive_failures = 0
        else:
            self._judge_call(ok, seconds)

    def abandon(self, permit: int) -> None:
        """A permitted call has ended without a verdict: never sent, or its caller gave up."""
        if permit < 0:
            self._end_trial(permit)

    @seldom
    def _judge_call(self, ok: bool, seconds: float) -> None:
        """Closed: count the call, and open if a rule says so. The rules are asked in this order."""
        now = self.clock.now
        window = self.window
        self.consecutive_failures = 0 if ok else self.consecutive_failures + 1
        if window is not None:
            window.add(now, not ok, seconds > self.slow_seconds)
        if self.consecutive_failures >= self.consecutive_limit:
            self._move(CONSECUTIVE_FAILURES, now, float(self.consecutive_failures), 0.0)
        elif window is not None and window.calls() >= self.minimum_calls:
            self._judge_rates(window, now)

    @seldom
    def _judge_rates(self, window: Window, now: float) -> None:
        calls = float(window.calls())
        failures = float(window.failures())
        slow = float(window.slow())
        if failures / calls >= self.failure_rate:
            self._move(FAILURE_RATE, now, failures, calls)
        elif slow / calls >= self.slow_call_rate:
            self._move(SLOW_CALLS, now, slow, calls)

    @seldom
    def _begin_trial(self) -> int:
        """Half-open: the permit of one more trial, which is among ``trials`` until it ends."""
        self.trials_begun += 1
        permit = -(self.generation * TRIALS + self.trials_begun)
        self.trials.append(permit)
        return permit

    @seldom
    def _end_trial(self, permit: int) -> bool:
        """Take a trial out; False if it is not there: it ended before, or the breaker has moved."""
        trials = self.trials
        for place in range(len(trials)):
            if trials[place] == permit:
                trials[place] = trials[len(trials) - 1]
                trials.pop()
                return True
        return False

    @seldom
    def _judge_trial(self, ok: bool, seconds: float) -> None:
        """Half-open: the first bad trial reopens, enough good ones close."""
        if not ok or seconds > self.slow_seconds:
            self._move(PROBE_FAILED, self.clock.now, 1.0 if ok else 0.0, seconds)
            return
        self.trials_succeeded += 1
        if self.trials_succeeded == self.half_open_trials:
            self._move(PROBES_SUCCEEDED, self.clock.now, float(self.trials_succeeded), 0.0)

    @seldom
    def _move(self, reason: int, now: float, seen_1: float, seen_2: float) -> None:
        """Every transition happens here: look up the target and begin a generation from zero."""
        self.state = TARGETS[reason]
        self.generation += 1
        self.consecutive_failures = 0
        self.trials_begun = 0
        self.trials_succeeded = 0
        self.trials.clear()
        if self.state == OPEN:
            self.opened_at = now
            self.retry_at = now + self.open_seconds
        window = self.window
        if self.state == CLOSED and window is not None:
            window.clear(now)
        self.reason = reason
        watcher = self.watcher
        if watcher is not None:
            watcher.breaker_moved(self.state, reason, seen_1, seen_2)

    @property
    def trials_in_flight(self) -> int:
        """How many trials have begun and not ended."""
        return len(self.trials)

    @property
    def refusal(self) -> str:
        """Why a call would be refused now, as far as looking can tell; "" if it would not be."""
        if self.state == OPEN:
            return "open" if self.clock.now < self.retry_at else ""
        full = self.trials_in_flight + self.trials_succeeded >= self.half_open_trials
        return "trials in flight" if self.state == HALF_OPEN and full else ""


def builds_breakers(value: object) -> bool:
    """Whether it has what a `BreakerMaker` has, down to the number of arguments."""
    build = getattr(value, "build", None)
    if isinstance(value, type) or not callable(build):
        return False
    return len(signature(build).parameters) == 3


def build_breaker(
    config: BreakerConfig | BreakerMaker, clock: Clock, watcher: BreakerWatcher, generation: int
) -> Breaker:
    """The breaker that ``config`` describes, or the one of a reader's own that it builds."""
    if isinstance(config, BreakerConfig):
        return CircuitBreaker(config, clock, watcher, generation)
    return config.build(clock, watcher, generation)


def _limit(value: float | None) -> float:
    """From where on a rule strikes; one without a limit never does."""
    return inf if value is None else float(value)
