"""How many calls may begin per second: a token bucket before the first try of every call.

    max_tokens 3, one token a second

    time    0.0   0.0   0.0   0.0   |1.0   1.1   |2.0   |3.0   3.0
    tokens  3     2     1     0     |1     0     |1     |1     0       as each call finds them
    call    yes   yes   yes   no    |yes   no    |      |yes   no      the one of 2.0 was not needed

A rate limit protects an upstream from callers who want too much, whether it is slow or not; a
limit of concurrency (`meshlab.policies.limits`) from those who wait for it too long. The bucket is
that of Envoy's ``local_ratelimit``: every sidecar has its own, so that the upstream may get as many
times the rate as there are sidecars.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import record, seldom
from meshlab.normalized import normalized
from meshlab.rules import require_at_least, require_count

SHORTEST_FILL = 0.05
"""Seconds. Envoy's least ``fill_interval``, too."""

MOST_TOKENS = 10**9
"""Whole numbers of this size stay exact whatever a run adds to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class RateLimit:
    """Every ``fill_interval`` (s) ``tokens_per_fill`` come in; more than ``max_tokens`` are lost.

    The bucket is full at the beginning. The fields are those of Envoy's ``token_bucket``. Retries
    need no token: Envoy limits what arrives at the sidecar, and a retry begins there.
    """

    max_tokens: int
    tokens_per_fill: int = 1
    fill_interval: float = 1.0

    def __post_init__(self) -> None:
        where = "rate limit"
        for name in ("max_tokens", "tokens_per_fill"):
            require_count(getattr(self, name), 1, where, name, most=MOST_TOKENS)
        require_at_least(self.fill_interval, SHORTEST_FILL, where, "fill_interval")


@record
class TokenBucket:
    """The tokens of one sidecar for one cluster.

        if bucket.take():
            ...

    Fills come at whole multiples of the interval since time zero, and are counted up when the next
    call asks: nothing needs to happen in between.
    """

    clock: Clock
    left: int
    fills: int
    fill_interval: float
    tokens_per_fill: int
    max_tokens: int

    def __init__(self, config: RateLimit, clock: Clock) -> None:
        self.clock = clock
        self.max_tokens = config.max_tokens
        self.tokens_per_fill = config.tokens_per_fill
        self.fill_interval = config.fill_interval
        self.left = config.max_tokens
        self.fills = int(clock.now / config.fill_interval)

    @seldom
    def take(self) -> bool:
        """May one more call begin? If so, it has used a token."""
        fills = int(self.clock.now / self.fill_interval)
        if fills != self.fills:
            self.left = self._after(fills)
            self.fills = fills
        if self.left == 0:
            return False
        self.left -= 1
        return True

    def _after(self, fills: int) -> int:
        """The tokens there are when so many fills have come since time zero."""
        come = (fills - self.fills) * self.tokens_per_fill
        return min(self.max_tokens, self.left + come)

    @property
    def tokens(self) -> int:
        """How many calls could begin now."""
        return self._after(int(self.clock.now / self.fill_interval))
