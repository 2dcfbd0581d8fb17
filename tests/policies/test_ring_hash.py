"""The same key, the same endpoint: on every machine, in every process, whoever comes and goes."""

import math
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.kernel.clock import ManualClock
from meshlab.kernel.streams import Uniform
from meshlab.model import ConfigError
from meshlab.policies.balancing import Candidates
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.hashing import fnv1a, mix
from meshlab.policies.ring_hash import LARGEST_RING, Ring, RingHash


def members(*given_weights: int) -> list[Endpoint]:
    return [Endpoint(f"cart-{i + 1}", weight=w) for i, w in enumerate(given_weights)]


def test_the_hashes_are_the_published_ones() -> None:
    """FNV-1a from its authors' test vectors, SplitMix64 from its author's program."""
    assert [fnv1a(text) for text in ("", "a", "foobar")] == [
        0xCBF29CE484222325,
        0xAF63DC4C8601EC8C,
        0x85944171F73967E8,
    ]
    golden = 0x9E3779B97F4A7C15
    assert [mix(1234567 + i * golden) for i in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@given(key=st.integers(), n=st.integers(1, 4), size=st.integers(1, 5))
def test_a_key_belongs_to_the_next_point_on_its_way_round(key: int, n: int, size: int) -> None:
    ring = Ring(members(*[1] * n), size)
    owners = [ring.members[owner] for owner in ring.owners]
    points = list(zip(ring.points, owners, strict=True))
    ahead = [owner for point, owner in points if point >= mix(key)]
    assert ring.owner(key) is (ahead[0] if ahead else points[0][1])


def test_a_key_beyond_the_last_point_belongs_to_the_first() -> None:
    ring = Ring(members(1, 1), 1)
    key = next(key for key in range(1000) if mix(key) > ring.points[-1])
    assert ring.owner(key) is ring.members[ring.owners[0]]


@given(key=st.integers(0, 2**64), seed=st.integers(0, 2**32))
def test_a_key_keeps_its_endpoint_whoever_asks_and_in_whatever_order(key: int, seed: int) -> None:
    endpoints = Candidates(members(1, 2, 1))
    config = RingHash(minimum_ring_size=16)
    one = config.build(Uniform(seed, "one"), ManualClock())
    other = config.build(Uniform(seed, "other"), ManualClock())
    picked = one.pick(endpoints, key)
    assert one.pick(endpoints, key) is picked
    assert other.pick(Candidates(endpoints.members[::-1]), key) is picked


@pytest.mark.parametrize("gone", range(5))
def test_removing_an_endpoint_moves_its_own_keys_and_no_other(gone: int) -> None:
    endpoints = members(1, 1, 1, 1, 1)
    left = [endpoint for i, endpoint in enumerate(endpoints) if i != gone]
    before, after = RingHash().ring(endpoints), RingHash().ring(left)
    keys = range(5000)
    moved = [key for key in keys if before.owner(key) is not after.owner(key)]
    assert moved == [key for key in keys if before.owner(key) is endpoints[gone]]
    assert len(moved) / len(keys) == pytest.approx(1 / 5, rel=0.2)


@given(
    present=st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=1, max_size=8),
    keys=st.lists(st.integers(0, 2**63), min_size=1, max_size=8),
)
def test_a_ring_that_passes_over_those_who_are_away_is_the_ring_of_those_who_are_there(
    present: list[set[int]], keys: list[int]
) -> None:
    endpoints = members(1, 2, 1, 3, 1)
    balancer = RingHash(minimum_ring_size=4).build(Uniform(1, "ring"), ManualClock())
    for numbers in present:
        candidates = Candidates(endpoints[number] for number in sorted(numbers))
        fresh = Ring(candidates, 4)
        for key in keys:
            assert balancer.pick(candidates, key) is fresh.owner(key)


def test_points_stay_while_an_endpoint_is_away_and_go_when_another_takes_its_place() -> None:
    old, other = members(1, 1)
    ring = Ring([old, other], 8)
    ring.serve(Candidates([other]))
    assert len(ring.points) == 16
    new = Endpoint(old.name)
    ring.serve(Candidates([other, new]))
    assert len(ring.points) == 16
    assert {ring.owner(key) for key in range(100)} == {other, new}


def test_more_points_on_the_ring_make_shares_more_even() -> None:
    """The relative spread of a share is about 1 / sqrt(points); over many clusters, not one."""

    def spread(size: int) -> float:
        clusters = [[Endpoint(f"{c}-{i}") for i in range(10)] for c in range(30)]
        shares = [s for cluster in clusters for s in Ring(cluster, size).shares(cluster)]
        return math.sqrt(sum((10 * share - 1) ** 2 for share in shares) / len(shares))

    assert spread(4) == pytest.approx(1 / math.sqrt(4), rel=0.2)
    assert spread(64) == pytest.approx(1 / math.sqrt(64), rel=0.2)


@pytest.mark.parametrize("weights", [(2,), (1, 1), (1, 2)])
def test_a_ring_of_too_many_points_is_refused(weights: tuple[int, ...]) -> None:
    size = LARGEST_RING // 2 + 1
    rule = f"ring_hash: a ring has at most {LARGEST_RING} points, got {size * sum(weights)}"
    with pytest.raises(ConfigError, match=rule):
        Ring(members(*weights), size)


def test_a_ring_may_have_as_many_points_as_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshlab.policies.ring_hash.LARGEST_RING", 8)
    assert len(Ring(members(1, 1), 4).points) == 8
    with pytest.raises(ConfigError, match="a ring has at most 8 points, got 9"):
        Ring(members(1, 2), 3)


def test_the_points_of_an_endpoint_are_the_outputs_of_splitmix64_seeded_with_its_name() -> None:
    seed, golden = fnv1a("cart-1"), 0x9E3779B97F4A7C15
    assert Ring(members(1), 3).points == sorted(mix(seed + i * golden) for i in range(3))


def test_an_endpoint_without_weight_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"ring_hash: weights must be >= 1, got \[1, 0\]"):
        Ring(members(1, 0), 4)


@pytest.mark.parametrize("size", [0, -1, LARGEST_RING + 1, 1.5, True])
def test_a_ring_size_that_makes_no_sense_is_refused(size: int) -> None:
    rule = f"ring_hash: minimum_ring_size must be in 1..{LARGEST_RING}, got {size}"
    with pytest.raises(ConfigError, match=rule):
        RingHash(minimum_ring_size=size)
    assert RingHash(minimum_ring_size=1).ring(members(1, 2)).points
    assert RingHash(minimum_ring_size=LARGEST_RING).minimum_ring_size == LARGEST_RING


def test_an_endpoint_has_as_many_points_as_its_weight_and_shares_add_up_to_one() -> None:
    endpoints = members(1, 3)
    ring = Ring(endpoints, 5)
    owners = [ring.members[place] for place in ring.owners[: len(ring.points)]]
    counts = [owners.count(endpoint) for endpoint in endpoints]
    assert counts == [5, 15]
    assert len(set(ring.points)) == 20
    assert sum(ring.shares(endpoints)) == pytest.approx(1)


def test_the_share_of_an_endpoint_is_the_share_of_keys_that_it_gets() -> None:
    endpoints = members(1, 1, 2)
    ring = Ring(endpoints, 3)
    keys = range(20_000)
    got = [sum(ring.owner(key) is endpoint for key in keys) / 20_000 for endpoint in endpoints]
    assert got == pytest.approx(ring.shares(endpoints), abs=0.015)


OWNERS = """
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.ring_hash import RingHash
ring = RingHash().ring([Endpoint(name) for name in ("kühl", "b", "c")])
print(*(ring.owner(key).name for key in range(200)))
"""


def test_the_ring_is_the_same_under_any_hash_seed() -> None:
    def owners(hash_seed: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "utf-8"}
        command = [sys.executable, "-c", OWNERS]
        run = subprocess.run(command, env=environment, capture_output=True, check=True)
        return run.stdout.decode()

    first = owners("0")
    assert len(set(first.split())) == 3
    assert first == owners("1") == owners("4242")
