"""Who gets the next try: load balancing over the endpoints of one upstream cluster.

A config is data; ``config.build(draw, clock)`` makes the balancer that one sidecar keeps for one
cluster. Every algorithm is one `pick`:

    kind                  looks at                      weights
    random                nothing                       ignored
    round_robin           whose turn it is              ignored
    weighted_round_robin  whose turn it is              exact shares in every cycle
    least_request         tries in flight               weight / (active + 1)
    ring_hash             the request's key             points on the ring
    peak_ewma             latency x tries in flight     ignored

Three have rooms of their own beside this one: `weighted_round_robin`, `ring_hash`, `peak_ewma`. A
schedule or a ring is made anew when the list of endpoints is another *object*, so that no pick need
compare them one by one; `meshlab.policies.cluster` makes a new list at each change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from meshlab.kernel.clock import Clock
from meshlab.kernel.streams import Draw
from meshlab.model import Endpoint
from meshlab.model.normalized import normalized
from meshlab.model.rules import require_bool, require_count
from meshlab.policies.peak_ewma import MOST_CHOICES, PeakEwma
from meshlab.policies.ring_hash import RingHash
from meshlab.policies.weighted_round_robin import POSITIONS, WeightedRoundRobin


class Balancer(Protocol):
    """Spreads the tries of one sidecar over the endpoints of one cluster."""

    __slots__ = ()

    def pick(self, endpoints: Sequence[Endpoint], key: int) -> Endpoint:
        """The endpoint for the next try, out of at least one. ``key`` is the request's own."""
        ...

    def observe(self, endpoint: Endpoint, seconds: float) -> None:
        """A try on ``endpoint`` ended after ``seconds``. Most algorithms learn nothing from it."""
        return None


class BalancerConfig(Protocol):
    """The declaration of an algorithm, as data; a reader's own class may be one too."""

    @property
    def kind(self) -> str: ...

    def build(self, draw: Draw, clock: Clock) -> Balancer:
        """The balancer of one sidecar for one cluster, with its own stream of random numbers."""
        ...


class RandomBalancer(Balancer):
    """Every endpoint with the same chance, whatever was picked before."""

    __slots__ = ("_draw",)

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def pick(self, endpoints: Sequence[Endpoint], key: int) -> Endpoint:
        return endpoints[int(self._draw() * len(endpoints))]


class RoundRobinBalancer(Balancer):
    """One after the other, from a random position: sidecars that start together spread out.

    The turn goes on when the endpoints change, as it does in Envoy.
    """

    __slots__ = ("_turn",)

    def __init__(self, draw: Draw) -> None:
        self._turn = int(draw() * POSITIONS)

    def pick(self, endpoints: Sequence[Endpoint], key: int) -> Endpoint:
        self._turn = turn = self._turn + 1
        return endpoints[turn % len(endpoints)]


class LeastRequestBalancer(Balancer):
    """Draws a few endpoints and takes the least busy: the power of two choices (Mitzenmacher).

    The same endpoint may be drawn twice, and the first drawn keeps a tie, both as in Envoy. With
    equal weights the fewest tries in flight win; otherwise the largest weight / (active + 1), put
    without a division so that it stays exact. Envoy looks at the same number when weights differ,
    but then schedules by it instead of drawing.
    """

    __slots__ = ("_draw", "_others")

    def __init__(self, draw: Draw, choices: int) -> None:
        self._draw = draw
        self._others = range(choices - 1)

    def pick(self, endpoints: Sequence[Endpoint], key: int) -> Endpoint:
        draw = self._draw
        n = len(endpoints)
        best = endpoints[int(draw() * n)]
        for _ in self._others:
            other = endpoints[int(draw() * n)]
            if (other.active + 1) * best.weight < (best.active + 1) * other.weight:
                best = other
        return best


class FullScanBalancer(Balancer):
    """Looks at every endpoint and takes the least busy; those that tie have equal chances.

    The k-th of a tie replaces the one kept so far with chance 1/k, as in Envoy's full scan.
    """

    __slots__ = ("_draw",)

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def pick(self, endpoints: Sequence[Endpoint], key: int) -> Endpoint:
        rest = iter(endpoints)
        best = next(rest)
        ties = 1
        for other in rest:
            ours = (other.active + 1) * best.weight
            theirs = (best.active + 1) * other.weight
            if ours < theirs:
                best, ties = other, 1
            elif ours == theirs:
                ties += 1
                if self._draw() * ties < 1.0:
                    best = other
        return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Random:
    """Envoy's RANDOM: no state at all; the busiest endpoint gets as much as the idlest."""

    kind: ClassVar[str] = "random"

    def build(self, draw: Draw, clock: Clock) -> Balancer:
        return RandomBalancer(draw)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRobin:
    """Envoy's ROUND_ROBIN for equal weights: equal shares, however slow an endpoint is."""

    kind: ClassVar[str] = "round_robin"

    def build(self, draw: Draw, clock: Clock) -> Balancer:
        return RoundRobinBalancer(draw)


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

    def build(self, draw: Draw, clock: Clock) -> Balancer:
        if self.full_scan:
            return FullScanBalancer(draw)
        return LeastRequestBalancer(draw, self.choices)


BALANCERS: dict[str, type] = {
    c.kind: c for c in (Random, RoundRobin, WeightedRoundRobin, LeastRequest, RingHash, PeakEwma)
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
        case _:
            return None
