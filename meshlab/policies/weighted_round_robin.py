"""Weighted round robin: turns in proportion to weights, exact in every cycle and well spread.

    weights a 5, b 1, c 1      one cycle: a a b a c a a

The cycle is worked out beforehand, as a list of turns; a pick takes the next one. The list comes
from nginx's smooth weighted round robin, because whole numbers make the shares exact and every
engine agree. Envoy's schedule (earliest deadline first) gives the same shares from fractions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd
from typing import ClassVar

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import record, seldom
from meshlab.kernel.streams import Uniform
from meshlab.policies.balancing import Balancer, Candidates
from meshlab.policies.endpoint import Endpoint
from meshlab.rules import check

POSITIONS = 2**32
"""Where a round robin may start: far more than endpoints, so that each is as likely to be first."""
LONGEST_SCHEDULE = 100_000
"""Turns in one cycle of a weighted round robin: 90/10 needs 10 of them, 99,999/1 needs them all."""


@record
class Schedule:
    """One cycle of turns: each endpoint as often as its weight says, its turns well apart."""

    turns: list[Endpoint]
    purses: list[int]

    @seldom
    def plan(self, endpoints: Candidates) -> None:
        """At each turn everyone earns its weight, and the richest goes and pays the total."""
        members = endpoints.members
        divisor = 0
        total = 0
        self.purses.clear()
        for place in range(len(members)):
            divisor = gcd(divisor, members[place].weight)
            total += members[place].weight
            self.purses.append(0)
        length = total // divisor
        self.turns.clear()
        for _ in range(length):
            richest = self._earn(endpoints, divisor)
            self.purses[richest] -= length
            self.turns.append(members[richest])

    def _earn(self, endpoints: Candidates, divisor: int) -> int:
        """Pay everyone its weight; where the richest stands, the first of equals."""
        members = endpoints.members
        richest = 0
        for place in range(len(members)):
            self.purses[place] += members[place].weight // divisor
            if self.purses[place] > self.purses[richest]:
                richest = place
        return richest


def schedule(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """The turns of one cycle: to look at.

    ConfigError if a weight is below 1 or the cycle would be longer than ``LONGEST_SCHEDULE``.
    """
    candidates = Candidates(endpoints)
    where = "weighted_round_robin"
    weights = [endpoint.weight for endpoint in candidates]
    check(min(weights) >= 1, where, "weights must be >= 1", weights)
    length = sum(weights) // gcd(*weights)
    rule = f"a cycle (the weights over their common divisor) has at most {LONGEST_SCHEDULE} turns"
    check(length <= LONGEST_SCHEDULE, where, rule, length)
    made = Schedule()
    made.plan(candidates)
    return made.turns


@record
class WeightedRoundRobinBalancer(Balancer):
    """Keeps the schedule of the candidates it last saw, and whose turn it is.

    It starts at a random turn, so that sidecars that start together spread out.
    """

    turn: int
    seen: Candidates | None
    version: int
    schedule: Schedule

    def __init__(self, chance: Uniform) -> None:
        self.turn = int(chance.draw() * POSITIONS)
        self.schedule = Schedule()

    @seldom
    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        if endpoints is not self.seen or endpoints.version != self.version:
            self.schedule.plan(endpoints)
            self.seen = endpoints
            self.version = endpoints.version
        turns = self.schedule.turns
        self.turn += 1
        return turns[self.turn % len(turns)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedRoundRobin:
    """Envoy's ROUND_ROBIN when weights differ: 8/1/1 gives exactly 80, 10 and 10 of 100."""

    kind: ClassVar[str] = "weighted_round_robin"

    def build(self, chance: Uniform, clock: Clock) -> WeightedRoundRobinBalancer:
        return WeightedRoundRobinBalancer(chance)
