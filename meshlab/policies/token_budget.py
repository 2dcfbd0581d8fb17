"""Finagle's retry budget: calls pay tokens in, retries take them out, old tokens are forgotten.

    call   --deposit-->   +1000  |  a window of 10 slices over  |  -5000  --withdraw-->  retry
                                 |  the last ttl seconds        |
                                 +---- plus a fixed reserve ----+

Forgetting is the point. Without it an hour of good calls would save up enough for a long storm.
Source: Finagle's ``RetryBudget``, and the ``TokenBucket`` and ``WindowedAdder`` beneath it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import record, seldom
from meshlab.normalized import normalized
from meshlab.policies.budgeting import Budget
from meshlab.rules import MOST, check, is_number, require_at_least

DEPOSIT = 1000
"""Tokens that a call pays in; a retry costs DEPOSIT / ratio. Whole numbers have exact sums."""

SLICES = 10
"""Into how many slices the ttl is cut. The newest is still filling, so that a ttl lasts 9 to 10."""

SHORTEST_TTL = 0.001
"""Seconds. Finagle takes 1 to 60 s; the slices of much shorter ones could not be numbered."""


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class TokenRetryBudget:
    """Retries are a share of the calls, on top of a small rate that is always there.

    In any ``ttl_seconds`` at most about ratio * calls + min_retries_per_second * ttl_seconds. The
    rate is for callers that have just started or call rarely. Defaults are those of Finagle;
    Linkerd took them over.
    """

    ratio: float = 0.2
    ttl_seconds: float = 10.0
    min_retries_per_second: float = 10.0
    kind: ClassVar[str] = "token"

    def __post_init__(self) -> None:
        where = "token retry budget"
        fits = is_number(self.ratio) and (self.ratio == 0 or 0.001 <= self.ratio <= DEPOSIT)
        check(fits, where, f"ratio must be 0 or in 0.001..{DEPOSIT}", self.ratio)
        require_at_least(self.ttl_seconds, SHORTEST_TTL, where, "ttl_seconds")
        most = MOST / max(1.0, self.ttl_seconds)
        require_at_least(self.min_retries_per_second, 0, where, "min_retries_per_second", most=most)

    def build(self, clock: Clock) -> TokenBudget:
        return TokenBudget(self, clock)


@record
class TokenBudget(Budget):
    """A balance whose entries count until their slice of time is too old.

    Calls pay in as they begin, whether they succeed or not, and what was taken out is forgotten
    with time: the end of a call or a retry does not matter here, nor what came before the budget.
    """

    clock: Clock
    total: int
    newest: int
    paid: int
    cost: int
    reserve: int
    slice_seconds: float
    slices: Annotated[list[int], SLICES]

    def __init__(self, config: TokenRetryBudget, clock: Clock) -> None:
        self.clock = clock
        self.paid = DEPOSIT if config.ratio > 0 else 0
        self.cost = int(DEPOSIT / config.ratio) if config.ratio > 0 else 1
        self.reserve = int(config.min_retries_per_second * config.ttl_seconds * self.cost)
        self.slice_seconds = config.ttl_seconds / SLICES

    @seldom
    def deposit(self) -> None:
        place = self._turn_to_now()
        self.slices[place] += self.paid
        self.total += self.paid

    @seldom
    def withdraw(self) -> bool:
        place = self._turn_to_now()
        if self.total + self.reserve < self.cost:
            return False
        self.slices[place] -= self.cost
        self.total -= self.cost
        return True

    @seldom
    def _turn_to_now(self) -> int:
        """Where the slice of now is; those that are too old by then are forgotten.

        Slices are numbered from time zero and kept in a ring, and each holds the tokens paid in
        less the tokens taken out. ``total`` is the sum of all.
        """
        now = int(self.clock.now / self.slice_seconds)
        if now != self.newest:
            for number in range(max(self.newest + 1, now - SLICES + 1), now + 1):
                self.total -= self.slices[number % SLICES]
                self.slices[number % SLICES] = 0
            self.newest = now
        return now % SLICES

    @property
    def balance(self) -> int:
        now = int(self.clock.now / self.slice_seconds)
        expired = range(max(self.newest + 1, now - SLICES + 1), now + 1)
        forgotten = sum(self.slices[number % SLICES] for number in expired)
        return max(0, self.total - forgotten + self.reserve) // self.cost
