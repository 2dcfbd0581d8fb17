"""Ring hash: the same key goes to the same endpoint, and stays there when others come and go.

Points are scattered over a circle of 2**64 positions, many for each endpoint. A key is hashed onto
the circle too, and belongs to the next point on its way round:

        ...--- b ------- a --- c ------- a ---...
                    ^              ^
                    key 7 -> a     key 8 -> a

When c leaves, its keys move to the points behind it, and no other key moves (Karger et al.,
*Consistent Hashing and Random Trees*, STOC 1997). Python's own ``hash`` differs from process to
process, so the points come from FNV-1a and SplitMix64, which give the same ring everywhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from meshlab.kernel.clock import Clock
from meshlab.kernel.streams import Draw
from meshlab.model import Endpoint
from meshlab.model.normalized import normalized
from meshlab.model.rules import check, is_number

CIRCLE = 2**64
MASK = CIRCLE - 1
LARGEST_RING = 2**23
"""Envoy's ``maximum_ring_size``: 8M points."""
GOLDEN = 0x9E3779B97F4A7C15
"""SplitMix64's step: 2**64 divided by the golden ratio."""


def fnv1a(text: str) -> int:
    """64 bits from a name: FNV-1a over its UTF-8 bytes."""
    bits = 0xCBF29CE484222325
    for byte in text.encode():
        bits = (bits ^ byte) * 0x100000001B3 & MASK
    return bits


def mix(number: int) -> int:
    """64 bits from a whole number, spread evenly: the first output of SplitMix64 seeded with it."""
    bits = (number + GOLDEN) & MASK
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB & MASK
    return bits ^ (bits >> 31)


class Ring:
    """A circle of points and the endpoint that owns each. It never changes once made.

    Each endpoint has ``size`` points per unit of weight, at positions that only its name decides:
    that is why nobody else's keys move when it leaves. (Envoy divides one ring size among the
    endpoints, so it places the points of the others anew when the number of endpoints changes.)
    """

    __slots__ = ("owners", "points")

    def __init__(self, endpoints: Sequence[Endpoint], size: int) -> None:
        weights = [endpoint.weight for endpoint in endpoints]
        check(min(weights) >= 1, "ring_hash", "weights must be >= 1", weights)
        total = size * sum(weights)
        rule = f"a ring has at most {LARGEST_RING} points"
        check(total <= LARGEST_RING, "ring_hash", rule, total)
        ring = sorted(
            (mix(fnv1a(endpoint.name) + i * GOLDEN), position)
            for position, endpoint in enumerate(endpoints)
            for i in range(size * endpoint.weight)
        )
        self.points = [point for point, _ in ring]
        self.owners = [endpoints[position] for _, position in ring]
        self.owners.append(self.owners[0])  # beyond the last point the circle begins again

    def owner(self, key: int) -> Endpoint:
        """The endpoint that ``key`` belongs to."""
        return self.owners[bisect_left(self.points, mix(key))]

    def shares(self, endpoints: Sequence[Endpoint]) -> list[float]:
        """The part of the circle, and so of all keys, that each of ``endpoints`` owns."""
        arcs = dict.fromkeys(endpoints, 0)
        before = self.points[-1] - CIRCLE
        for point, owner in zip(self.points, self.owners, strict=False):
            arcs[owner] += point - before
            before = point
        return [arcs[endpoint] / CIRCLE for endpoint in endpoints]


class RingHashBalancer:
    """Keeps the ring for the list of endpoints that it last saw."""

    __slots__ = ("_endpoints", "_ring", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._endpoints: Sequence[Endpoint] = ()
        self._ring: Ring

    def pick(self, endpoints: Sequence[Endpoint], key: int) -> Endpoint:
        if endpoints is not self._endpoints:
            self._ring = Ring(endpoints, self._size)
            self._endpoints = endpoints
        return self._ring.owner(key)

    def observe(self, endpoint: Endpoint, seconds: float) -> None:
        """Latency moves no key."""


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class RingHash:
    """Envoy's RING_HASH: for caches and sessions, where it matters that a key finds its endpoint.

    ``minimum_ring_size`` is the number of points of a ring with one endpoint of weight 1. More
    points give more even shares: one endpoint's share varies by about 1/sqrt(points) of itself.
    """

    minimum_ring_size: int = 1024
    kind: ClassVar[str] = "ring_hash"

    def __post_init__(self) -> None:
        size = self.minimum_ring_size
        fits = isinstance(size, int) and is_number(size) and 1 <= size <= LARGEST_RING
        check(fits, self.kind, f"minimum_ring_size must be in 1..{LARGEST_RING}", size)

    def build(self, draw: Draw, clock: Clock) -> RingHashBalancer:
        return RingHashBalancer(self.minimum_ring_size)

    def ring(self, endpoints: Sequence[Endpoint]) -> Ring:
        """The ring of these endpoints: to look at, and to know the shares beforehand."""
        return Ring(endpoints, self.minimum_ring_size)
