"""What-ifs of a scenario: the same one with other edges, or with other services."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshlab import BreakerConfig, ConfigError, Edge, RetryPolicy, Scenario, shop

BREAKER = BreakerConfig()


def test_only_the_named_edges_are_changed() -> None:
    before = shop()
    after = before.with_edges("order->payment", "user->auth", breaker=BREAKER, required=False)
    for old, new in zip(before.edges, after.edges, strict=True):
        if old.name in ("order->payment", "user->auth"):
            assert new == replace(old, breaker=BREAKER, required=False)
        else:
            assert new == old
    assert replace(after, edges=before.edges) == before


def test_without_a_name_every_edge_is_changed() -> None:
    retry = RetryPolicy(max_attempts=2)
    assert {edge.retry for edge in shop().with_edges(retry=retry).all_edges()} == {retry}


def test_a_star_stands_for_any_service() -> None:
    before = shop()
    after = before.with_edges("*->order", "user->*", breaker=BREAKER)
    changed = {e.name for e in set(after.edges) - set(before.edges)}
    assert changed == {
        edge.name for edge in before.edges if edge.destination == "order" or edge.source == "user"
    }


def test_the_plain_edge_of_a_load_can_be_changed_too() -> None:
    """It is declared by that; other plain edges stay undeclared."""
    bare = shop()
    bare = replace(bare, edges=tuple(e for e in bare.edges if e.source != "client"))
    changed = bare.with_edges("client->gateway", breaker=BREAKER)
    door = Edge(source="client", destination="gateway", breaker=BREAKER)
    assert changed.edges == (door, *bare.edges)
    assert bare.with_edges("order->payment", required=False).edges[0].source != "client"


def test_only_the_named_services_are_changed() -> None:
    before = shop()
    after = before.with_services("user", keeps_trace=False)
    changed = set(after.services) - set(before.services)
    assert {service.name for service in changed} == {"user"}
    assert not after.service("user").keeps_trace


def test_without_a_name_every_service_is_changed() -> None:
    after = shop().with_services(abandoned="cancelled")
    assert {service.abandoned for service in after.services} == {"cancelled"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s.with_edges("order->paymnt", required=False),
            r"'order->paymnt'.*->payment",
        ),
        (lambda s: s.with_edges("*->paymnt", required=False), r"'\*->paymnt'"),
        (lambda s: s.with_services("usr", keeps_trace=False), r"'usr'.*user"),
        (lambda s: s.with_edges("order->payment", breakr=BREAKER), r"edge.*'breakr'.*breaker"),
        (lambda s: s.with_services(keep_trace=False), r"service.*'keep_trace'.*keeps_trace"),
        (lambda s: s.with_edges("order->payment", calls=0), r"edge 'order->payment': calls"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(change: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _ = change(shop())  # type: ignore[operator]


def test_a_change_that_does_not_fit_the_others_is_refused() -> None:
    with pytest.raises(ConfigError):
        shop().with_edges("order->payment", destination="nobody")


def test_a_scenario_stays_as_it_was() -> None:
    before = shop()
    kept = Scenario(**{name: getattr(before, name) for name in before.__slots__})
    _ = before.with_edges(breaker=BREAKER).with_services(keeps_deadline=True)
    assert before == kept
