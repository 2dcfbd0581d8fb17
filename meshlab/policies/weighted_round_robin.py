"""Weighted round robin: turns in proportion to weights, exact in every cycle and well spread.

    weights a 5, b 1, c 1      one cycle: a a b a c a a

The cycle is worked out beforehand, as a list of turns; a pick takes the next one. The list comes
from nginx's smooth weighted round robin, because whole numbers make the shares exact and every
engine agree. Envoy's schedule (earliest deadline first) gives the same shares from fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import ClassVar

from meshlab.kernel.clock import Clock
from meshlab.kernel.streams import Draw
from meshlab.model import Endpoint
from meshlab.model.rules import check

POSITIONS = 2**32
"""Where a round robin may start: far more than endpoints, so that each is as likely to be first."""
LONGEST_SCHEDULE = 100_000
"""Turns in one cycle of a weighted round robin: 90/10 needs 10 of them, 99,999/1 needs them all."""


def schedule(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """One cycle of turns: each endpoint as often as its weight says, its turns well apart.

    At each turn everyone earns its weight, and the richest goes and pays the total.
    ConfigError if a weight is below 1 or the cycle would be longer than ``LONGEST_SCHEDULE``.
    """
    where = "weighted_round_robin"
    weights = [endpoint.weight for endpoint in endpoints]
    check(min(weights) >= 1, where, "weights must be >= 1", weights)
    divisor = gcd(*weights)
    length = sum(weights) // divisor
    rule = f"a cycle (the weights over their common divisor) has at most {LONGEST_SCHEDULE} turns"
    check(length <= LONGEST_SCHEDULE, where, rule, length)
    purses = [0] * len(weights)
    turns = []
    for _ in range(length):
        purses = [purse + weight // divisor for purse, weight in zip(purses, weights, strict=True)]
        richest = purses.index(max(purses))
        purses[richest] -= length
        turns.append(endpoints[richest])
    return turns


class WeightedRoundRobinBalancer:
    """Keeps the schedule of the endpoints it last saw, and whose turn it is.

    It starts at a random turn, so that sidecars that start together spread out.
    """

    __slots__ = ("_endpoints", "_schedule", "_turn")

    def __init__(self, draw: Draw) -> None:
        self._turn = int(draw() * POSITIONS)
        self._endpoints: Sequence[Endpoint] = ()
        self._schedule: list[Endpoint] = []

    def pick(self, endpoints: Sequence[Endpoint], key: int) -> Endpoint:
        if endpoints is not self._endpoints:
            self._schedule = schedule(endpoints)
            self._endpoints = endpoints
        self._turn = turn = self._turn + 1
        return self._schedule[turn % len(self._schedule)]

    def observe(self, endpoint: Endpoint, seconds: float) -> None:
        """Latency changes nobody's turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedRoundRobin:
    """Envoy's ROUND_ROBIN when weights differ: 8/1/1 gives exactly 80, 10 and 10 of 100."""

    kind: ClassVar[str] = "weighted_round_robin"

    def build(self, draw: Draw, clock: Clock) -> WeightedRoundRobinBalancer:
        return WeightedRoundRobinBalancer(draw)
