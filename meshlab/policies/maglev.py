"""Maglev: the same key goes to the same endpoint, through a table that is filled evenly.

A key's hash points into a table, and every slot of it belongs to an endpoint. Each endpoint wants
the slots in an order of its own. They take turns, and each takes the first slot in its order that
is still free (three endpoints and seven slots, the example of the paper):

    a wants  3 0 4 1 5 2 6
    b wants  0 2 4 6 1 3 5      slots    0 1 2 3 4 5 6
    c wants  3 4 5 6 0 1 2      owners   b a b a c c a

Because they take turns, shares are even to within one slot; a hash ring would need very many points
for that. The price: when an endpoint leaves, a few slots of the others change hands too. Source:
Eisenbud et al., *Maglev: A Fast and Reliable Software Network Load Balancer*, NSDI 2016; weights as
in Envoy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isqrt
from typing import ClassVar

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import Word, record, seldom
from meshlab.kernel.streams import Uniform
from meshlab.model.normalized import normalized
from meshlab.model.rules import check
from meshlab.policies.balancing import Balancer, Candidates
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.hashing import SplitMix64

LARGEST_TABLE = 5_000_011
"""Envoy's limit of ``table_size``."""


@record
class MaglevTable:
    """The slots, and the endpoint that owns each."""

    size: int
    hashes: SplitMix64
    owners: list[int]
    members: list[Endpoint]
    wanted: list[int]
    skips: list[int]
    taken: list[int]
    limit: Word
    slot: int

    def __init__(self, endpoints: Iterable[Endpoint], size: int) -> None:
        self.size = size
        self.hashes = SplitMix64()
        self.owners = [-1] * size
        candidates = Candidates(endpoints)
        if len(candidates) > 0:
            weights = [endpoint.weight for endpoint in candidates]
            check(min(weights) >= 1, "maglev", "weights must be >= 1", weights)
            self.fill(candidates)

    @seldom
    def fill(self, candidates: Candidates) -> None:
        """Give all slots to these endpoints: one a turn to the heaviest, fewer to the others."""
        self._empty()
        heaviest = 0
        for place in range(len(candidates.members)):
            heaviest = max(heaviest, candidates.members[place].weight)
            self._admit(candidates.members[place])
        filled = 0
        turn = 0
        while filled < self.size:
            turn += 1
            for place in range(len(self.members)):
                due = turn * self.members[place].weight >= self.taken[place] * heaviest
                if due and filled < self.size:
                    self._take(place)
                    filled += 1

    def _empty(self) -> None:
        for slot in range(self.size):
            self.owners[slot] = -1
        self.members.clear()
        self.wanted.clear()
        self.skips.clear()
        self.taken.clear()

    def _admit(self, endpoint: Endpoint) -> None:
        """The size is a prime number, so that steps of any width lead to every slot."""
        self.hashes.seed(endpoint.name_hash)
        self.members.append(endpoint)
        self.wanted.append(self._hash_below(self.size))
        self.skips.append(1 + self._hash_below(self.size - 1))
        self.taken.append(0)

    def _hash_below(self, limit: int) -> int:
        """The next hash, as a number from 0 to ``limit`` - 1; 64 bits are divided as a `Word`."""
        self.limit = limit
        self.slot = self.hashes.next() % self.limit
        return self.slot

    def _take(self, place: int) -> None:
        """Give an endpoint the first free slot in its own order."""
        slot = self.wanted[place]
        skip = self.skips[place]
        while self.owners[slot] >= 0:
            slot = (slot + skip) % self.size
        self.owners[slot] = place
        self.wanted[place] = slot
        self.taken[place] += 1

    def owner(self, key: int) -> Endpoint:
        """The endpoint that ``key`` belongs to."""
        self.hashes.seed(key)
        return self.members[self.owners[self._hash_below(self.size)]]

    def shares(self, endpoints: Iterable[Endpoint]) -> list[float]:
        """The part of the slots, and so of all keys, that each of ``endpoints`` owns."""
        slots = dict(zip(self.members, self.taken, strict=True))
        return [slots[endpoint] / self.size for endpoint in endpoints]


@record
class MaglevBalancer(Balancer):
    """Keeps the table of the candidates it last saw."""

    table: MaglevTable
    seen: Candidates | None
    version: int

    def __init__(self, size: int) -> None:
        self.table = MaglevTable((), size)

    @seldom
    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        if endpoints is not self.seen or endpoints.version != self.version:
            self.table.fill(endpoints)
            self.seen = endpoints
            self.version = endpoints.version
        return self.table.owner(key)


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Maglev:
    """Envoy's MAGLEV: for caches and sessions, with shares as even as a round robin's.

    ``table_size`` is a prime number, by default that of Envoy and of the paper. More than a hundred
    slots for each endpoint keep the shares within 1 % of each other.
    """

    table_size: int = 65_537
    kind: ClassVar[str] = "maglev"

    def __post_init__(self) -> None:
        size = self.table_size
        fits = isinstance(size, int) and not isinstance(size, bool) and 3 <= size <= LARGEST_TABLE
        prime = fits and all(size % factor for factor in range(2, isqrt(size) + 1))
        check(prime, self.kind, f"table_size must be a prime number in 3..{LARGEST_TABLE}", size)

    def build(self, chance: Uniform, clock: Clock) -> MaglevBalancer:
        return MaglevBalancer(self.table_size)

    def table(self, endpoints: Iterable[Endpoint]) -> MaglevTable:
        """The table of these endpoints: to look at, and to know the shares beforehand."""
        return MaglevTable(endpoints, self.table_size)
