"""Peak EWMA: send the try where it should wait least, judged by latency and by tries in flight.

Each endpoint carries a moving average of its latency that believes bad news at once and good news
slowly: an answer slower than the average replaces it, a faster one pulls it down by the time that
has passed. An endpoint that is never asked is forgiven in the same way, or it would be shunned for
ever. From Finagle (``PeakEwma``, decay 10 s); Linkerd balances by it too.

It looks at latency alone, and an endpoint that fails in a millisecond looks splendid. That is why
Finagle pairs it with failure accrual, and a mesh with outlier detection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import record, seldom
from meshlab.kernel.streams import Uniform
from meshlab.normalized import normalized
from meshlab.policies.balancing import Balancer, Candidates
from meshlab.policies.endpoint import Endpoint
from meshlab.rules import require_count, require_positive

PENALTY = 1e6
"""Seconds that an endpoint without any answer yet is taken to need, once a try is on its way."""

MOST_CHOICES = 1000
"""Endpoints that are drawn for one try: two do nearly all that more can do."""


@record
class PeakEwmaBalancer(Balancer):
    """Draws a few endpoints and takes the one with the smallest `load`; the first keeps a tie."""

    chance: Uniform
    clock: Clock
    decay: float
    others: int

    def __init__(self, chance: Uniform, clock: Clock, decay_seconds: float, choices: int) -> None:
        self.chance = chance
        self.clock = clock
        self.decay = decay_seconds
        self.others = choices - 1

    @seldom
    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        members = endpoints.members
        count = len(members)
        now = self.clock.now
        best = members[int(self.chance.draw() * count)]
        least = self.load(best, now)
        for _ in range(self.others):
            other = members[int(self.chance.draw() * count)]
            load = self.load(other, now)
            if load < least:
                best = other
                least = load
        return best

    def load(self, endpoint: Endpoint, now: float) -> float:
        """Latency (s), decayed since the last answer, times the tries that would be in flight.

        An endpoint without an answer yet costs nothing for its first try, and the penalty after.
        Looking changes nothing. (Finagle writes the decay down at each look.)
        """
        if endpoint.ewma == 0.0:
            return PENALTY * endpoint.active
        fade = math.exp(-(now - endpoint.ewma_at) / self.decay)
        return endpoint.ewma * fade * (endpoint.active + 1)

    @seldom
    def observe(self, endpoint: Endpoint, seconds: float) -> None:
        """Up at once, down by the time passed: ewma = ewma * w + seconds * (1 - w)."""
        now = self.clock.now
        if seconds > endpoint.ewma:
            endpoint.ewma = seconds
        else:
            w = math.exp(-(now - endpoint.ewma_at) / self.decay)
            endpoint.ewma = endpoint.ewma * w + seconds * (1.0 - w)
        endpoint.ewma_at = now


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class PeakEwma:
    """Finagle's peak EWMA over ``choices`` drawn endpoints: the fast ones get more.

    ``decay_seconds`` is how long the average remembers: after that time 37 % of a peak is left.
    """

    decay_seconds: float = 10.0
    choices: int = 2
    kind: ClassVar[str] = "peak_ewma"

    def __post_init__(self) -> None:
        require_positive(self.decay_seconds, self.kind, "decay_seconds")
        require_count(self.choices, 1, self.kind, "choices", most=MOST_CHOICES)

    def build(self, chance: Uniform, clock: Clock) -> PeakEwmaBalancer:
        return PeakEwmaBalancer(chance, clock, self.decay_seconds, self.choices)
