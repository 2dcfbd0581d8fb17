"""Maglev against the numbers of its paper: how even it is, and how much a departure disturbs."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.kernel.clock import ManualClock
from meshlab.kernel.streams import Uniform
from meshlab.policies.balancing import Candidates
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.hashing import SplitMix64
from meshlab.policies.maglev import Maglev, MaglevTable
from meshlab.policies.ring_hash import Ring

PRIMES = [7, 31, 127, 251]


def members(*weights: int) -> list[Endpoint]:
    return [Endpoint(f"cart-{i + 1}", weight=weight) for i, weight in enumerate(weights)]


def owners(table: MaglevTable) -> list[str]:
    return [table.members[owner].name for owner in table.owners]


def order(table: MaglevTable, endpoint: Endpoint) -> list[int]:
    """The slots in the order in which an endpoint wants them, from the definition."""
    hashes = SplitMix64()
    hashes.seed(endpoint.name_hash)
    offset, skip = hashes.next() % table.size, 1 + hashes.next() % (table.size - 1)
    return [(offset + i * skip) % table.size for i in range(table.size)]


def who_wants(name: str, slots: list[int]) -> Endpoint:
    """An endpoint whose name, by luck, leads to this order."""
    table = MaglevTable((), len(slots))
    tried = (Endpoint(f"{name}-{number}") for number in count())
    return next(endpoint for endpoint in tried if order(table, endpoint) == slots)


def test_the_table_is_that_of_the_example_in_the_paper_and_so_is_its_disruption() -> None:
    """Eisenbud et al., NSDI 2016, table 1: seven slots, with three backends and without one."""
    b0 = who_wants("b0", [3, 0, 4, 1, 5, 2, 6])
    b1 = who_wants("b1", [0, 2, 4, 6, 1, 3, 5])
    b2 = who_wants("b2", [3, 4, 5, 6, 0, 1, 2])
    assert owners(MaglevTable([b0, b1, b2], 7)) == [e.name for e in (b1, b0, b1, b0, b2, b2, b0)]
    assert owners(MaglevTable([b0, b2], 7)) == [e.name for e in (b0, b0, b0, b0, b2, b2, b2)]


def filled(endpoints: list[Endpoint], size: int) -> list[str]:
    """The paper's listing 1, word for word: turns for all, one after the other."""
    table = MaglevTable((), size)
    orders = {endpoint: iter(order(table, endpoint)) for endpoint in endpoints}
    slots: dict[int, str] = {}
    while True:
        for endpoint in endpoints:
            slot = next(slot for slot in orders[endpoint] if slot not in slots)
            slots[slot] = endpoint.name
            if len(slots) == size:
                return [slots[slot] for slot in range(size)]


@given(n=st.integers(1, 12), size=st.sampled_from(PRIMES))
def test_endpoints_of_equal_weight_take_turns_as_in_the_paper(n: int, size: int) -> None:
    endpoints = members(*[2] * n)
    assert owners(MaglevTable(endpoints, size)) == filled(endpoints, size)


@given(n=st.integers(1, 31), size=st.sampled_from(PRIMES[1:]))
def test_equal_shares_differ_by_one_slot_at_most(n: int, size: int) -> None:
    endpoints = members(*[1] * n)
    slots = [round(share * size) for share in MaglevTable(endpoints, size).shares(endpoints)]
    assert sum(slots) == size
    assert max(slots) - min(slots) <= 1


def test_a_hundred_slots_for_each_keep_the_shares_within_one_percent() -> None:
    """Section 3.4 of the paper: M > 100 N; a ring of as many points is far from that."""
    endpoints = members(*[1] * 600)
    shares = Maglev().table(endpoints).shares(endpoints)
    assert max(shares) / min(shares) <= 1.01
    ring = Ring(endpoints, 65_537 // 600).shares(endpoints)
    assert max(ring) / min(ring) > 1.3


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_shares_are_in_proportion_to_the_weights(weights: list[int]) -> None:
    endpoints = members(*weights)
    table = MaglevTable(endpoints, 2003)
    for share, weight in zip(table.shares(endpoints), weights, strict=True):
        assert share == pytest.approx(weight / sum(weights), abs=(len(weights) + 9) / 2003)


def moved(before: list[str], after: list[str], gone: str) -> float:
    """Of the slots that nobody had to leave, the share that belongs to another all the same."""
    stay = [pair for pair in zip(before, after, strict=True) if pair[0] != gone]
    return sum(old != new for old, new in stay) / len(stay)


def test_when_one_of_many_leaves_few_of_the_others_keys_move() -> None:
    """Envoy's simulations: about as many as had to move anyway, where a ring moves no other."""
    endpoints = members(*[1] * 100)
    before = owners(Maglev().table(endpoints))
    found = []
    for gone in endpoints[::20]:
        rest = [endpoint for endpoint in endpoints if endpoint is not gone]
        found.append(moved(before, owners(Maglev().table(rest)), gone.name))
    assert min(found) > 0
    assert sum(found) / len(found) == pytest.approx(1 / 100, rel=0.5)


def test_a_larger_table_is_disturbed_less() -> None:
    """Figure 12 of the paper: 655,373 slots against 65,537, here with fewer of both."""
    endpoints = members(*[1] * 50)
    rest = endpoints[:25] + endpoints[26:]
    found = {
        size: moved(
            owners(MaglevTable(endpoints, size)), owners(MaglevTable(rest, size)), "cart-26"
        )
        for size in (251, 2503, 25_013)
    }
    assert found[251] > found[2503] > found[25_013] > 0


@given(key=st.integers(0, 2**64), seed=st.integers(0, 2**32))
def test_a_key_keeps_its_endpoint_whoever_asks(key: int, seed: int) -> None:
    candidates = Candidates(members(1, 2, 1))
    one = Maglev(table_size=31).build(Uniform(seed, "one"), ManualClock())
    other = Maglev(table_size=31).build(Uniform(seed, "other"), ManualClock())
    picked = one.pick(candidates, key)
    assert one.pick(candidates, key) is picked
    assert other.pick(candidates, key) is picked
