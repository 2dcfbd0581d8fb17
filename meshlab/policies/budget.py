"""How many retries a sidecar may add to the load: budgets that deny the storm, not the retry.

A limit per call (``max_attempts``) still multiplies the load when every call fails. A budget is
shared by all calls from a sidecar to a cluster, and holds the *sum* of their retries down. What it
hears and what it is asked stands in `meshlab.policies.budgeting`.

| config                  | that of        | grants a retry while                                  |
|-------------------------|----------------|-------------------------------------------------------|
| `ConcurrentRetryBudget` | Envoy          | those in flight are below 20 % of the calls in flight |
| `MaxRetries`            | Envoy, default | those in flight are below 3                           |
| `TokenRetryBudget`      | Finagle        | those of the last 10 s are below 20 % of its calls    |
| `GrpcRetryThrottle`     | gRPC           | failures have not used up half of its tokens          |

Beware of the name: Envoy and Finagle both say *retry budget*, but Envoy's looks at what is in
flight now, Finagle's at what was sent lately.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import record, seldom
from meshlab.normalized import normalized
from meshlab.policies.budgeting import Budget
from meshlab.policies.grpc_throttle import GrpcRetryThrottle
from meshlab.policies.token_budget import TokenRetryBudget
from meshlab.rules import check, is_number, require_count

__all__ = [
    "BUDGETS",
    "Budget",
    "BudgetConfig",
    "ConcurrentBudget",
    "ConcurrentRetryBudget",
    "GrpcRetryThrottle",
    "MaxRetries",
    "TokenRetryBudget",
]


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class ConcurrentRetryBudget:
    """Envoy's ``retry_budget``: retries in flight stay below a share of the calls in flight.

    ``budget_percent`` of the calls, rounded down, but never fewer than ``min_retry_concurrency``.
    A call is in flight from its first try to its end. (Envoy counts its requests, active or
    pending, so that a call which waits for its next try is missing there.)
    """

    budget_percent: float = 20.0
    min_retry_concurrency: int = 3
    kind: ClassVar[str] = "concurrent"

    def __post_init__(self) -> None:
        where = "concurrent retry budget"
        fits = is_number(self.budget_percent) and 0 <= self.budget_percent <= 100
        check(fits, where, "budget_percent must be in 0..100", self.budget_percent)
        require_count(self.min_retry_concurrency, 0, where, "min_retry_concurrency")

    def build(self, clock: Clock) -> ConcurrentBudget:
        return ConcurrentBudget(self.budget_percent / 100.0, self.min_retry_concurrency)


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class MaxRetries:
    """Envoy's ``max_retries``: so many retries in flight, however many calls there are.

    It is what Envoy does unless a ``retry_budget`` is set.
    """

    max_retries: int = 3
    kind: ClassVar[str] = "max_retries"

    def __post_init__(self) -> None:
        require_count(self.max_retries, 0, "max retries", "max_retries")

    def build(self, clock: Clock) -> ConcurrentBudget:
        return ConcurrentBudget(0.0, self.max_retries)


@record
class ConcurrentBudget(Budget):
    """Grants a retry while fewer are in flight than max(share of the calls in flight, floor)."""

    active: int
    retries: int
    share: float
    floor: int

    def __init__(self, share: float, floor: int) -> None:
        self.share = share
        self.floor = floor

    def take_over(self, calls: int, retries: int) -> None:
        self.active = calls
        self.retries = retries

    def deposit(self) -> None:
        self.active += 1

    @seldom
    def withdraw(self) -> bool:
        if self.retries >= self._allowed():
            return False
        self.retries += 1
        return True

    def retry_ended(self) -> None:
        self.retries -= 1

    def settle(self, ok: bool) -> None:
        self.active -= 1

    def _allowed(self) -> int:
        return max(int(self.share * self.active), self.floor)

    @property
    def balance(self) -> int:
        return max(0, self._allowed() - self.retries)


BudgetConfig = ConcurrentRetryBudget | MaxRetries | TokenRetryBudget | GrpcRetryThrottle

BUDGETS: dict[str, type[BudgetConfig]] = {
    config.kind: config
    for config in (ConcurrentRetryBudget, MaxRetries, TokenRetryBudget, GrpcRetryThrottle)
}
"""Every kind of budget by the name that scenario files use."""
