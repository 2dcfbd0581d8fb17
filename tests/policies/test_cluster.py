"""Which endpoints may be picked, and when all of them may: membership, health and panic."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.model import ConfigError
from meshlab.policies.balancing import Candidates
from meshlab.policies.cluster import Cluster
from meshlab.policies.endpoint import Endpoint


def members(n: int, unavailable: int = 0) -> list[Endpoint]:
    """``n`` endpoints; the first ``unavailable`` are unhealthy, ejected or both by turns."""
    endpoints = [Endpoint(f"cart-{i + 1}") for i in range(n)]
    for i, endpoint in enumerate(endpoints[:unavailable]):
        endpoint.healthy = i % 3 == 1
        endpoint.ejected = i % 3 != 0
    return endpoints


def test_candidates_are_healthy_and_not_ejected() -> None:
    endpoints = members(8, unavailable=3)
    cluster = Cluster(endpoints)
    assert cluster.endpoints == endpoints
    assert list(cluster.candidates) == endpoints[3:]
    assert cluster.available == 5
    assert not cluster.panic


@pytest.mark.parametrize(
    ("n", "unavailable", "panic"), [(4, 2, False), (4, 3, True), (3, 1, False), (3, 2, True)]
)
def test_panic_begins_below_half_and_not_at_half(n: int, unavailable: int, panic: bool) -> None:
    endpoints = members(n, unavailable)
    cluster = Cluster(endpoints)
    assert cluster.panic is panic
    assert list(cluster.candidates) == (endpoints if panic else endpoints[unavailable:])


@given(n=st.integers(1, 200), data=st.data(), percent=st.integers(0, 100))
def test_panic_is_an_exact_comparison_of_shares(n: int, data: st.DataObject, percent: int) -> None:
    available = data.draw(st.integers(0, n))
    cluster = Cluster(members(n, unavailable=n - available), percent / 100)
    assert cluster.panic == (Fraction(available, n) < Fraction(percent, 100))


def test_seven_of_a_hundred_are_not_below_seven_percent() -> None:
    """0.07 * 100 is a little more than 7 in floating point."""
    assert not Cluster(members(100, unavailable=93), 0.07).panic
    assert Cluster(members(100, unavailable=94), 0.07).panic


def test_a_threshold_of_zero_turns_panic_off_and_may_leave_nobody() -> None:
    cluster = Cluster(members(3, unavailable=3), 0)
    assert not cluster.panic
    assert list(cluster.candidates) == []


def test_a_threshold_of_one_panics_as_soon_as_one_is_missing() -> None:
    assert not Cluster(members(3), 1).panic
    assert Cluster(members(3, unavailable=1), 1).panic


def test_a_cluster_without_members_has_no_candidates_and_no_panic() -> None:
    cluster = Cluster([])
    assert list(cluster.candidates) == []
    assert not cluster.panic
    first = Endpoint("cart-1")
    cluster.add(first)
    assert list(cluster.candidates) == [first]


def seen(cluster: Cluster) -> tuple[Candidates, int]:
    """What a balancer recognizes the candidates by: the object, and its version."""
    return cluster.candidates, cluster.candidates.version


def test_a_change_is_seen_at_the_refresh_and_by_another_version() -> None:
    first, second, third = endpoints = members(3)
    cluster = Cluster(endpoints)
    before = seen(cluster)
    first.ejected = True
    assert seen(cluster) == before
    assert list(cluster.candidates) == [first, second, third]
    cluster.refresh()
    assert seen(cluster) != before
    assert list(cluster.candidates) == [second, third]


def test_the_version_is_another_at_each_change_even_in_panic() -> None:
    endpoints = members(4, unavailable=3)
    cluster = Cluster(endpoints)
    before = [seen(cluster)]
    for change in (
        cluster.refresh,
        lambda: cluster.add(Endpoint("cart-5")),
        lambda: cluster.remove("cart-1"),
    ):
        change()
        assert seen(cluster) not in before
        before.append(seen(cluster))


def test_panic_ends_when_enough_come_back() -> None:
    endpoints = members(4, unavailable=3)
    cluster = Cluster(endpoints)
    assert cluster.panic
    endpoints[0].healthy, endpoints[0].ejected = True, False
    cluster.refresh()
    assert not cluster.panic
    assert list(cluster.candidates) == [endpoints[0], endpoints[3]]


def test_an_added_endpoint_is_a_candidate_and_a_removed_one_is_handed_back() -> None:
    endpoints = members(2)
    cluster = Cluster(endpoints)
    new = Endpoint("cart-3")
    cluster.add(new)
    assert list(cluster.candidates) == [*endpoints, new]
    assert cluster.remove("cart-1") is endpoints[0]
    assert cluster.endpoints == list(cluster.candidates) == [endpoints[1], new]
    assert len(endpoints) == 2  # the caller's own list is left alone


def zoned(*zones: str) -> list[Endpoint]:
    return [Endpoint(f"cart-{i + 1}", zone=zone) for i, zone in enumerate(zones)]


def test_candidates_are_those_of_the_callers_zone() -> None:
    endpoints = zoned("x", "y", "x")
    cluster = Cluster(endpoints, zone="x")
    assert list(cluster.candidates) == [endpoints[0], endpoints[2]]
    assert list(cluster.anywhere) == endpoints


def test_when_no_endpoint_of_the_zone_is_available_those_of_every_zone_are_candidates() -> None:
    endpoints = zoned("x", "y", "y")
    cluster = Cluster(endpoints, zone="x")
    endpoints[0].healthy = False
    cluster.refresh()
    assert list(cluster.candidates) == endpoints[1:]
    endpoints[0].healthy = True
    cluster.refresh()
    assert list(cluster.candidates) == endpoints[:1]


def test_in_panic_nobody_asks_for_zones() -> None:
    endpoints = zoned("x", "y", "y")
    cluster = Cluster(endpoints, zone="x")
    endpoints[1].healthy = endpoints[2].healthy = False
    cluster.refresh()
    assert cluster.panic
    assert list(cluster.candidates) == endpoints


def test_a_caller_without_a_zone_takes_those_of_every_zone() -> None:
    cluster = Cluster(zoned("x", "", "y"))
    assert cluster.candidates is cluster.anywhere


def test_the_candidates_of_a_zone_are_of_the_same_version_until_something_changes() -> None:
    cluster = Cluster(zoned("x", "y"), zone="x")
    before = seen(cluster)
    assert seen(cluster) == before
    cluster.add(Endpoint("cart-3", zone="x"))
    assert seen(cluster) != before


def test_the_zone_may_be_another_from_some_time_on() -> None:
    endpoints = zoned("x", "y", "x")
    cluster = Cluster(endpoints, zone="x")
    cluster.prefer("y")
    assert list(cluster.candidates) == [endpoints[1]]
    cluster.prefer("")
    assert list(cluster.candidates) == endpoints


def test_of_two_endpoints_of_one_name_only_the_one_that_is_there_is_a_member() -> None:
    old, other = members(2)
    cluster = Cluster([old, other])
    cluster.drop(old)
    cluster.add(new := Endpoint(old.name))
    assert cluster.has(new) and not cluster.has(old)
    cluster.drop(old)
    assert cluster.endpoints == [other, new]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, 50, float("nan")])
def test_a_threshold_is_a_share(threshold: float) -> None:
    with pytest.raises(
        ConfigError, match=r"cluster 'cart': panic_threshold must be in 0\.\.1, got"
    ):
        Cluster(members(1), threshold, name="cart")


def test_names_are_unique_and_an_unknown_one_lists_the_valid_ones() -> None:
    cluster = Cluster(members(2), name="cart")
    with pytest.raises(ConfigError, match="cluster 'cart': endpoint names must be unique"):
        cluster.add(Endpoint("cart-2"))
    with pytest.raises(ConfigError, match="cluster: endpoint names must be unique, got 'a'"):
        Cluster([Endpoint("a"), Endpoint("a")])
    with pytest.raises(ConfigError, match="must be one of cart-1, cart-2, got 'cart-7'"):
        cluster.remove("cart-7")
    with pytest.raises(ConfigError, match="must be one of none, got 'cart-7'"):
        Cluster([]).remove("cart-7")
    assert [endpoint.name for endpoint in cluster.endpoints] == ["cart-1", "cart-2"]
