"""gRPC's retry throttle: a level that failures lower fast and successes raise slowly.

    max_tokens  +-----------+
                |  retries  |   a failed try:  -1
    half        +-----------+   a success:     +token_ratio
                | no retries|
    0           +-----------+

It knows neither the time nor how many calls there are; it weighs failures against successes. With
ratio 0.1 it falls for as long as more than one try in eleven fails. Source: gRPC proposal A6,
``retryThrottling``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import record, seldom
from meshlab.normalized import normalized
from meshlab.policies.budgeting import Budget
from meshlab.rules import check, require_at_least, require_count

TOKEN = 1000
"""Tokens are counted in thousandths, as gRPC does: whole numbers, so that their sums are exact."""

MOST_TOKENS = 1000
"""A6: ``maxTokens`` is a whole number in (0, 1000]."""


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class GrpcRetryThrottle:
    """Retries stop while no more than half of the tokens are left; first tries always go.

    A6 names no defaults; these are the values of its example. Of ``token_ratio`` it ignores what
    comes after three decimal places: 0.5466 is 0.546.
    """

    max_tokens: int = 10
    token_ratio: float = 0.1
    kind: ClassVar[str] = "grpc_throttle"

    def __post_init__(self) -> None:
        where = "gRPC retry throttle"
        require_count(self.max_tokens, 1, where, "max_tokens")
        fits = self.max_tokens <= MOST_TOKENS
        check(fits, where, f"max_tokens must be in 1..{MOST_TOKENS}", self.max_tokens)
        require_at_least(self.token_ratio, 1 / TOKEN, where, "token_ratio")

    def build(self, clock: Clock) -> Throttle:
        return Throttle(self)


@record
class Throttle(Budget):
    """The level, between 0 and ``most``.

    Each failed try counts once: when the retry after it is granted or, for the last try, when the
    call ends. (gRPC leaves out failures that are not retriable; here the end of a call is enough.)
    Neither the beginning of a call nor the end of a retry moves the level.
    """

    tokens: int
    most: int
    half: int
    earned: int

    def __init__(self, config: GrpcRetryThrottle) -> None:
        self.most = config.max_tokens * TOKEN
        self.half = config.max_tokens * TOKEN // 2
        thousandths = int(Decimal(str(config.token_ratio)) * TOKEN)
        self.earned = min(thousandths, self.most)  # more would not fit
        self.tokens = self.most

    @seldom
    def withdraw(self) -> bool:
        if self.tokens - TOKEN <= self.half:
            return False  # the failure counts when the call ends, which is next
        self.tokens -= TOKEN
        return True

    @seldom
    def settle(self, ok: bool) -> None:
        if ok:
            self.tokens = min(self.tokens + self.earned, self.most)
        else:
            self.tokens = max(self.tokens - TOKEN, 0)

    @property
    def balance(self) -> int:
        return max(0, (self.tokens - self.half - 1) // TOKEN)
