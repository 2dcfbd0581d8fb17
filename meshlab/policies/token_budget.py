"""Finagle's retry budget: calls pay tokens in, retries take them out, old tokens are forgotten.

    call   --deposit-->   +1000  |  a window of 10 slices over  |  -5000  --withdraw-->  retry
                                 |  the last ttl seconds        |
                                 +---- plus a fixed reserve ----+

Forgetting is the point. Without it an hour of good calls would save up enough for a long storm.
Source: Finagle's ``RetryBudget``, and the ``TokenBucket`` and ``WindowedAdder`` beneath it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshlab.kernel.clock import Clock
from meshlab.model.normalized import normalized
from meshlab.model.rules import MOST, check, is_number, require_at_least

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


class TokenBudget:
    """A balance whose entries count until their slice of time is too old."""

    __slots__ = (
        "_clock",
        "_cost",
        "_deposit",
        "_newest",
        "_reserve",
        "_seconds",
        "_slices",
        "_sum",
    )

    def __init__(self, config: TokenRetryBudget, clock: Clock) -> None:
        self._clock = clock
        self._deposit = DEPOSIT if config.ratio > 0 else 0
        self._cost = int(DEPOSIT / config.ratio) if config.ratio > 0 else 1
        self._reserve = int(config.min_retries_per_second * config.ttl_seconds * self._cost)
        self._seconds = config.ttl_seconds / SLICES
        self._newest = 0  # slices are numbered from time zero and kept in a ring
        self._slices = [0] * SLICES  # tokens paid in less tokens taken out
        self._sum = 0  # of all slices

    def take_over(self, calls: int, retries: int) -> None:
        """No matter: a call pays in as it begins, and what was taken out before is forgotten."""

    def deposit(self) -> None:
        number = int(self._clock.now / self._seconds)
        if number != self._newest:
            self._begin(number)
        self._slices[number % SLICES] += self._deposit
        self._sum += self._deposit

    def withdraw(self) -> bool:
        number = int(self._clock.now / self._seconds)
        if number != self._newest:
            self._begin(number)
        if self._sum + self._reserve < self._cost:
            return False
        self._slices[number % SLICES] -= self._cost
        self._sum -= self._cost
        return True

    def retry_ended(self) -> None:
        """No matter: what was taken out is forgotten with time."""

    def settle(self, ok: bool) -> None:
        """No matter: a call pays in whether it succeeds or not."""

    def _begin(self, number: int) -> None:
        """Slice ``number`` has begun: forget those that are too old."""
        for place in self._expired(number):
            self._sum -= self._slices[place]
            self._slices[place] = 0
        self._newest = number

    def _expired(self, number: int) -> list[int]:
        """Where in the ring the slices are that are too old once slice ``number`` has begun."""
        first = max(self._newest + 1, number - SLICES + 1)
        return [skipped % SLICES for skipped in range(first, number + 1)]

    @property
    def balance(self) -> int:
        number = int(self._clock.now / self._seconds)
        forgotten = sum(self._slices[place] for place in self._expired(number))
        return max(0, self._sum - forgotten + self._reserve) // self._cost
