"""When trying again helps, and how long to wait before it: attempts, timeouts, backoff.

A retry turns a rare failure into a success, and a long outage into more load: with ``n`` attempts
and failure probability ``p`` a call costs ``expected_attempts(p, n)`` tries. At p = 1 that is n,
and n * n when the service behind retries too. What holds retries back is `meshlab.policies.budget`.

    try 1 --fails--> pause --> try 2 --fails--> longer pause --> try 3 ...
    |<- per_try_timeout ->|    |<- per_try_timeout ->|
    |<---------------------------- deadline ------------------------------->|
"""

from __future__ import annotations

from dataclasses import dataclass

from meshlab.kernel.record import interface, record, seldom
from meshlab.model import RETRIABLE, Outcome
from meshlab.normalized import normalized
from meshlab.policies.budget import BudgetConfig
from meshlab.rules import (
    check,
    require_at_least,
    require_count,
    require_positive,
    require_share,
    require_type,
)


@interface
class Pauses:
    """How long a call waits before each of its retries."""

    def delay(self, retry: int, u: float) -> float:
        """The delay before retry 1, 2, 3 ... in seconds, for a uniform ``u`` in [0, 1)."""
        raise NotImplementedError


@record
class ExponentialPauses(Pauses):
    """Exponentially longer up to a cap, and by chance, as `Backoff` says."""

    base_seconds: float
    factor: float
    cap_seconds: float
    low: float
    width: float

    def __init__(self, config: Backoff) -> None:
        self.base_seconds = float(config.base_seconds)
        self.factor = float(config.factor)
        self.cap_seconds = float(config.cap_seconds)
        if config.spread is not None:
            self.low = 1.0 - config.spread
            self.width = 2.0 * config.spread
        else:
            self.low = 1.0 - config.jitter
            self.width = float(config.jitter)

    def ceiling(self, retry: int) -> float:
        """The delay before retry 1, 2, 3 ... without chance, in seconds."""
        seconds = self.base_seconds
        for _ in range(retry - 1):
            longer = seconds * self.factor
            if longer >= self.cap_seconds:
                return self.cap_seconds
            if longer == seconds:  # nothing, or always the same
                return seconds
            seconds = longer
        return seconds

    @seldom
    def delay(self, retry: int, u: float) -> float:
        """The delay before retry 1, 2, 3 ... in seconds, for a uniform ``u`` in [0, 1)."""
        return self.ceiling(retry) * (self.low + self.width * u)


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Backoff:
    """How long to wait before a retry: exponentially longer, and by chance, so that callers spread.

    The ceiling of retry 1, 2, 3 ... is base, base * factor, base * factor^2 ..., at most the cap.
    A uniform number ``u`` in [0, 1) then chooses the delay:

        ceiling * (1 - jitter + jitter * u)        down to ceiling * (1 - jitter), never longer
        ceiling * (1 - spread + 2 * spread * u)    as much longer as shorter, where spread is set

    The defaults are Envoy's ``retry_back_off``: 25 ms, doubling, at most ten times that, with full
    jitter (its code draws below B, 2B, 4B ...; its manual says B, 3B, 7B ...). gRPC (A6) and the
    shop of the lessons have ``spread=0.2``, 20 % to either side; there a delay may exceed the cap.
    """

    base_seconds: float = 0.025
    factor: float = 2.0
    cap_seconds: float = 0.25
    jitter: float = 1.0
    spread: float | None = None

    def __post_init__(self) -> None:
        where = "backoff"
        require_at_least(self.base_seconds, 0, where, "base_seconds")
        require_at_least(self.factor, 1, where, "factor")
        require_at_least(self.cap_seconds, 0, where, "cap_seconds")
        rule = f"cap_seconds must be at least base_seconds ({self.base_seconds})"
        check(self.cap_seconds >= self.base_seconds, where, rule, self.cap_seconds)
        require_share(self.jitter, where, "jitter")
        if self.spread is not None:
            require_share(self.spread, where, "spread")

    def build(self) -> Pauses:
        """The pauses of one sidecar's calls. A back-off of your own returns its own record here."""
        return ExponentialPauses(self)

    def ceiling(self, retry: int) -> float:
        """The delay before retry 1, 2, 3 ... without chance, in seconds."""
        return ExponentialPauses(self).ceiling(retry)

    def delay(self, retry: int, u: float) -> float:
        """The delay before retry 1, 2, 3 ... in seconds, for a uniform ``u`` in [0, 1)."""
        return self.build().delay(retry, u)


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class RetryPolicy:
    """How often a sidecar tries a call, and when it gives up.

    ``max_attempts`` counts every try: 1 means no retries. It is gRPC's ``maxAttempts`` (A6, at most
    5 there) and Envoy's ``num_retries`` + 1. ``per_try_timeout`` (s) bounds one try, ``deadline``
    (s) the whole call with its retries and pauses (Envoy's route timeout); None: no bound.
    ``retry_on`` says which outcomes are worth a retry. ``avoid_previous`` asks for another endpoint
    than the last one (Envoy's retry host predicate ``previous_hosts``). ``budget`` may deny retries
    that all else allows.
    """

    max_attempts: int = 1
    per_try_timeout: float | None = None
    deadline: float | None = None
    backoff: Backoff = Backoff()
    retry_on: frozenset[Outcome] = RETRIABLE
    avoid_previous: bool = True
    budget: BudgetConfig | None = None

    def __post_init__(self) -> None:
        where = "retry policy"
        require_count(self.max_attempts, 1, where, "max_attempts")
        for name in ("per_try_timeout", "deadline"):
            if getattr(self, name) is not None:
                require_positive(getattr(self, name), where, name)
        require_type(self.backoff, Backoff, where, "backoff")
        require_type(self.retry_on, frozenset, where, "retry_on")
        valid = ", ".join(outcome.name for outcome in Outcome if outcome in RETRIABLE)
        fits = all(isinstance(o, Outcome) and o in RETRIABLE for o in self.retry_on)
        check(fits, where, f"retry_on must be among {valid}", self.retry_on)
        require_type(self.avoid_previous, bool, where, "avoid_previous")
        if self.budget is not None:
            require_type(self.budget, BudgetConfig.__args__, where, "budget")


def expected_attempts(p: float, n: int) -> float:
    """Tries that a call costs on average, when each of at most ``n`` fails with probability ``p``.

    (1 - p^n) / (1 - p). The war story: 15,000 calls/s with 4 attempts make 51,000 tries/s at
    p = 0.893. The formula is for failures that don't depend on the load; a storm makes its own.
    """
    return float(n) if p == 1 else (1.0 - p**n) / (1.0 - p)


def expected_success(p: float, n: int) -> float:
    """The share of calls that succeed when each of ``n`` tries fails with probability ``p``."""
    return 1.0 - p**n
