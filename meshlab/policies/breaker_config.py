"""What a circuit breaker watches for and how patient it is, with what well-known breakers do."""

from __future__ import annotations

import math
from dataclasses import dataclass

from meshlab.kernel.clock import Clock
from meshlab.normalized import normalized
from meshlab.policies.windows import CountWindow, TimeWindow, Window
from meshlab.rules import check, require_at_least, require_count, require_positive, require_share


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class BreakerConfig:
    """What a breaker watches for, and how patient it is. None turns a rule off; one must be on.

    The rates are shares of a window: the last ``window_calls`` calls or, where it is set, the last
    ``window_seconds``. Their rules look from ``minimum_calls`` calls on, and strike when the share
    is reached. A call is slow above ``slow_call_seconds``. Open, the breaker refuses calls for
    ``open_seconds``; then ``half_open_trials`` trials, which may be in flight together, must
    succeed. The first that fails, or is slow, reopens it.
    """

    consecutive_failures: int | None = 5
    failure_rate: float | None = None
    slow_call_rate: float | None = None
    slow_call_seconds: float | None = None
    window_calls: int = 100
    window_seconds: float | None = None
    minimum_calls: int = 100
    open_seconds: float = 60.0
    half_open_trials: int = 1

    def __post_init__(self) -> None:
        where = "circuit breaker"
        rates = {"failure_rate": self.failure_rate, "slow_call_rate": self.slow_call_rate}
        rates = {name: rate for name, rate in rates.items() if rate is not None}
        if self.consecutive_failures is not None:
            require_count(self.consecutive_failures, 1, where, "consecutive_failures")
        else:
            names = "consecutive_failures, failure_rate or slow_call_rate"
            check(len(rates) > 0, where, f"{names} must be set", None)
        for name, rate in rates.items():
            require_positive(rate, where, name)
            require_share(rate, where, name)
        if "slow_call_rate" in rates or self.slow_call_seconds is not None:
            require_positive(self.slow_call_seconds, where, "slow_call_seconds")
        for name in ("window_calls", "minimum_calls", "half_open_trials"):
            require_count(getattr(self, name), 1, where, name)
        if self.window_seconds is not None:
            require_at_least(self.window_seconds, 0.001, where, "window_seconds")
        elif rates:
            most = f"minimum_calls must be at most window_calls ({self.window_calls})"
            check(self.minimum_calls <= self.window_calls, where, most, self.minimum_calls)
        require_positive(self.open_seconds, where, "open_seconds")

    @property
    def slow_seconds(self) -> float:
        """Above how many seconds a call counts as slow: infinitely many, where no rule asks."""
        if self.slow_call_rate is None or self.slow_call_seconds is None:
            return math.inf
        return self.slow_call_seconds

    def build_window(self, clock: Clock) -> Window | None:
        """An empty window to count the rates in; None where no rule looks at one."""
        if self.failure_rate is None and self.slow_call_rate is None:
            return None
        if self.window_seconds is None:
            return CountWindow(self.window_calls)
        return TimeWindow(self.window_seconds, clock.now)


PRESETS: dict[str, BreakerConfig] = {
    # sony/gobreaker, Settings: ReadyToTrip (more than 5 in a row), Timeout and MaxRequests.
    "gobreaker": BreakerConfig(consecutive_failures=6, open_seconds=60, half_open_trials=1),
    # resilience4j, CircuitBreakerConfig. Left out: it judges the ten trials together, by the same
    # two rates. Here one bad trial is enough.
    "resilience4j": BreakerConfig(
        consecutive_failures=None,
        failure_rate=0.5,
        slow_call_rate=1.0,
        slow_call_seconds=60,
        window_calls=100,
        minimum_calls=100,
        open_seconds=60,
        half_open_trials=10,
    ),
    # Polly 8, CircuitBreakerStrategyOptions.
    "polly": BreakerConfig(
        consecutive_failures=None,
        failure_rate=0.1,
        window_seconds=30,
        minimum_calls=100,
        open_seconds=5,
    ),
    # Linkerd, failure accrual "consecutive", one for each endpoint. Left out: the penalty doubles
    # from 1 s up to 60 s while probes fail, with jitter. Here it stays at 1 s.
    "linkerd": BreakerConfig(consecutive_failures=7, open_seconds=1),
    # Finagle, the hybrid FailureAccrualPolicy, one for each endpoint: 5 in a row, or success below
    # 80 %. Left out: recent calls weigh more, and the dead time grows from 5 s up to 300 s, with
    # jitter. Here it stays at 5 s.
    "finagle": BreakerConfig(
        consecutive_failures=5,
        failure_rate=0.2,
        window_seconds=30,
        minimum_calls=5,
        open_seconds=5,
    ),
}
"""Well-known breakers with their default settings, as far as this one can do what they do."""
