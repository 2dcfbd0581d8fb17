"""What it takes to build a mesh before anything happens in it: seconds, and bytes.

Each sidecar keeps a record of every endpoint that it may send to, so the work grows with the pairs
of callers and instances; and it keeps a breaker's window, a ring or a schedule of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from meshlab.engines.traffic import sidecars, versions
from meshlab.policies.breaker import BreakerConfig, BreakerMaker
from meshlab.policies.ring_hash import RingHash
from meshlab.policies.weighted_round_robin import WeightedRoundRobin
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge


@dataclass(frozen=True, slots=True)
class Part:
    """Something of which a mesh has many: how long one takes to build (s), and its bytes.

    Measured in both engines; of the two, the larger.
    """

    seconds: float
    bytes: float


PARTS = {
    "instances": Part(150e-6, 10_000),
    "pairs": Part(20e-6, 550),  # of a sidecar and an endpoint
    "joins": Part(0.05e-6, 0),  # places of a list that is made anew whenever an endpoint joins
    "points": Part(4e-6, 130),  # of the rings
    "places": Part(0.2e-6, 24),  # of the windows
    "turns": Part(0.08e-6, 0),  # looks at an endpoint to find whose turn is next
    "steps": Part(10e-6, 65_000),  # of the requests; most of it is room that few runs need
}
"""What a mesh is made of, and what it costs."""


def parts(scenario: Scenario) -> dict[str, float]:
    """How many of each of `PARTS` the mesh of a scenario has."""
    weights = {s.name: [instance.weight for instance in s.instances] for s in scenario.services}
    routes = len(scenario.routes)
    found = dict.fromkeys(PARTS, 0.0)
    found["instances"] = sum(map(len, weights.values()))
    callers = sidecars(scenario)
    for name, edges in versions(scenario).items():
        endpoints = weights[edges[0].destination]
        of_one = _of_one_sidecar(edges, endpoints)
        of_one["steps"] = edges[0].calls * routes if edges[0].source in weights else 0
        for part, count in of_one.items():
            found[part] += callers[name] * count
    return found


def _of_one_sidecar(edges: tuple[Edge, ...], weights: list[int]) -> dict[str, float]:
    """What one sidecar keeps of an edge, in all of its versions."""
    count = len(weights)
    rings = {e.balancer for e in edges if isinstance(e.balancer, RingHash)}
    by_turns = any(isinstance(e.balancer, WeightedRoundRobin) for e in edges)
    return {
        "pairs": count,
        "joins": count * count / 2.0,
        "points": sum(ring.minimum_ring_size for ring in rings) * sum(weights),
        "places": sum(_window(edge.breaker) for edge in edges),
        "turns": sum(weights) // gcd(*weights) * count if by_turns else 0,
    }


def _window(breaker: BreakerConfig | BreakerMaker | None) -> int:
    """Calls that a breaker remembers one by one."""
    if not isinstance(breaker, BreakerConfig) or breaker.window_seconds is not None:
        return 0
    rates = breaker.failure_rate is not None or breaker.slow_call_rate is not None
    return breaker.window_calls if rates else 0


def seconds(scenario: Scenario) -> float:
    """How long it takes to build the mesh of a scenario, roughly, on a slow machine."""
    return sum(PARTS[part].seconds * count for part, count in parts(scenario).items())


def size(scenario: Scenario) -> float:
    """Bytes of the mesh before anything happens in it, roughly."""
    return sum(PARTS[part].bytes * count for part, count in parts(scenario).items())
