"""Which endpoint gets the next try: load balancing over the endpoints of one upstream cluster.

A config is data; ``config.build(chance, clock)`` makes the balancer that one sidecar keeps for one
cluster. Every algorithm is one `pick`:

    kind                  looks at                      weights
    random                nothing                       ignored
    round_robin           whose turn it is              ignored
    weighted_round_robin  whose turn it is              exact shares in every cycle
    least_request         tries in flight               weight / (active + 1)
    ring_hash             the request's key             points on the ring
    maglev                the request's key             shares of the table
    peak_ewma             latency x tries in flight     ignored

Four have modules of their own next to this one. Those that keep a schedule, a ring or a table make
another when the candidates have a new ``version``, so no pick has to compare them one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import record
from meshlab.kernel.streams import Uniform
from meshlab.model.normalized import normalized
from meshlab.model.rules import require_bool, require_count
from meshlab.policies.balancing import Balancer as Balancer
from meshlab.policies.balancing import BalancerConfig as BalancerConfig
from meshlab.policies.balancing import Candidates as Candidates
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.maglev import Maglev
from meshlab.policies.peak_ewma import MOST_CHOICES, PeakEwma
from meshlab.policies.ring_hash import RingHash
from meshlab.policies.weighted_round_robin import POSITIONS, WeightedRoundRobin


@record
class RandomBalancer(Balancer):
    """Every endpoint with the same chance, whatever was picked before."""

    chance: Uniform

    def __init__(self, chance: Uniform) -> None:
        self.chance = chance

    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        members = endpoints.members
        return members[int(self.chance.draw() * len(members))]


@record
class RoundRobinBalancer(Balancer):
    """One after the other, from a random position: sidecars that start together spread out.

    The turn goes on when the endpoints change, as it does in Envoy.
    """

    turn: int

    def __init__(self, chance: Uniform) -> None:
        self.turn = int(chance.draw() * POSITIONS)

    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        members = endpoints.members
        self.turn += 1
        return members[self.turn % len(members)]


@record
class LeastRequestBalancer(Balancer):
    """Draws a few endpoints and takes the least busy: the power of two choices (Mitzenmacher).

    The same endpoint may be drawn twice, and the first drawn keeps a tie, both as in Envoy. With
    equal weights the fewest tries in flight win; otherwise the largest weight / (active + 1), put
    without a division so that it stays exact. Envoy looks at the same number when weights differ,
    but then schedules by it instead of drawing.
    """

    chance: Uniform
    others: int

    def __init__(self, chance: Uniform, choices: int) -> None:
        self.chance = chance
        self.others = choices - 1

    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        members = endpoints.members
        count = len(members)
        best = members[int(self.chance.draw() * count)]
        for _ in range(self.others):
            other = members[int(self.chance.draw() * count)]
            if (other.active + 1) * best.weight < (best.active + 1) * other.weight:
                best = other
        return best


@record
class FullScanBalancer(Balancer):
    """Looks at every endpoint and takes the least busy; those that tie have equal chances.

    The k-th of a tie replaces the one kept so far with chance 1/k, as in Envoy's full scan.
    """

    chance: Uniform

    def __init__(self, chance: Uniform) -> None:
        self.chance = chance

    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        members = endpoints.members
        best = members[0]
        ties = 1
        for place in range(1, len(members)):
            other = members[place]
            ours = (other.active + 1) * best.weight
            theirs = (best.active + 1) * other.weight
            if ours < theirs:
                best = other
                ties = 1
            elif ours == theirs:
                ties += 1
                if self.chance.draw() * ties < 1.0:
                    best = other
        return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Random:
    """Envoy's RANDOM: no state at all; the busiest endpoint gets as much as the idlest."""

    kind: ClassVar[str] = "random"

    def build(self, chance: Uniform, clock: Clock) -> Balancer:
        return RandomBalancer(chance)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRobin:
    """Envoy's ROUND_ROBIN for equal weights: equal shares, however slow an endpoint is."""

    kind: ClassVar[str] = "round_robin"

    def build(self, chance: Uniform, clock: Clock) -> Balancer:
        return RoundRobinBalancer(chance)


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class LeastRequest:
    """Envoy's LEAST_REQUEST: a slow endpoint holds its tries longer, and so gets fewer of them.

    ``choices`` endpoints are drawn (Envoy's ``choice_count``; 1 is plain random), or with
    ``full_scan`` all of them are looked at.
    """

    choices: int = 2
    full_scan: bool = False
    kind: ClassVar[str] = "least_request"

    def __post_init__(self) -> None:
        require_count(self.choices, 1, self.kind, "choices", most=MOST_CHOICES)
        require_bool(self.full_scan, self.kind, "full_scan")

    def build(self, chance: Uniform, clock: Clock) -> Balancer:
        if self.full_scan:
            return FullScanBalancer(chance)
        return LeastRequestBalancer(chance, self.choices)


BALANCERS: dict[str, type] = {
    config.kind: config
    for config in (
        *(Random, RoundRobin, WeightedRoundRobin, LeastRequest),
        *(RingHash, Maglev, PeakEwma),
    )
}
"""Every built-in algorithm by the name that scenario files use."""


def expected_shares(config: object, endpoints: Sequence[Endpoint]) -> list[float] | None:
    """The share of tries that each endpoint should get in the long run, in their order.

    None where it depends on load or latency, and for an algorithm that is not built in.
    """
    match config:
        case Random() | RoundRobin():
            return [1.0 / len(endpoints)] * len(endpoints)
        case WeightedRoundRobin():
            total = sum(endpoint.weight for endpoint in endpoints)
            return [endpoint.weight / total for endpoint in endpoints]
        case RingHash():
            return config.ring(endpoints).shares(endpoints)
        case Maglev():
            return config.table(endpoints).shares(endpoints)
        case _:
            return None
