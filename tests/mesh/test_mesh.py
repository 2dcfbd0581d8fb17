"""A mesh is built from its scenario and its seed, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings

from meshlab.engines.run import run
from meshlab.kernel.distributions import Exponential
from meshlab.mesh.call import Calls
from meshlab.mesh.mesh import Mesh
from meshlab.mesh.result import Result
from meshlab.model import ConfigError, Outcome, RunTooLarge
from meshlab.policies.balancer import Random
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.health import HealthCheck
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.retry import RetryPolicy
from meshlab.policies.weighted_round_robin import WeightedRoundRobin
from meshlab.scenario.faults import Errors, Outage
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import shop
from meshlab.scenario.topology import Edge, Instance, Service
from tests.kernel.test_engine import PlainQueue
from tests.small import entries, instance, line, service
from tests.strategies import scenarios, seeds

SMALL = shop(duration=10.0)


# ---- what is refused before anything runs


@pytest.mark.parametrize("seed", [-1, 1.0, True, "1", None])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(ConfigError, match="run: seed must be a whole number >= 0"):
        run(SMALL, seed)


def test_a_run_that_would_not_end_soon_is_refused() -> None:
    with pytest.raises(RunTooLarge, match="lower the rate or the duration"):
        run(shop(rate=1e6, duration=1e6))


# ---- what is built


def test_every_instance_that_calls_has_a_sidecar_and_every_source_of_load_too() -> None:
    mesh = Mesh(SMALL, seed=1)
    callers = {"client", "gateway-1", "user-1", "user-2", "user-3", "order-1", "order-2"}
    assert mesh.sidecars.keys() == {*callers, "payment-1"}
    assert list(mesh.sidecars["gateway-1"]) == ["auth", "user", "order"]


def test_sidecars_of_one_service_keep_their_state_apart() -> None:
    mesh = Mesh(SMALL, seed=1)
    one, other = mesh.sidecars["order-1"]["payment"], mesh.sidecars["order-2"]["payment"]
    assert one is not other
    assert one.cluster.endpoints[0] is not other.cluster.endpoints[0]
    assert one.cluster.endpoints[0].target is other.cluster.endpoints[0].target


def test_a_page_of_the_shop_makes_its_fourteen_calls() -> None:
    services = tuple(
        replace(s, instances=tuple(replace(i, error_rate=0.0) for i in s.instances))
        for s in SMALL.services
    )
    result = run(replace(SMALL, services=services))
    pages = result.edges["client", "gateway"].calls
    inside = sum(totals.calls for edge, totals in result.edges.items() if edge[0] != "client")
    assert inside == pytest.approx(14 * pages, abs=14 * 5)  # pages in flight at the end


def test_an_edge_is_taken_only_by_its_routes() -> None:
    scenario = Scenario(
        services=(service("cart"), service("stock"), service("price")),
        edges=(
            Edge(source="cart", destination="stock", routes=("/buy",), calls=2),
            Edge(source="cart", destination="price"),
        ),
        loads=(
            Load(destination="cart", rate=8.0, route="/buy", arrivals="even"),
            Load(destination="cart", rate=16.0, route="/look", arrivals="even"),
        ),
        duration=7.99,
    )
    edges = run(scenario).edges
    buys, looks = 63, 127
    assert edges["client", "cart"].calls == buys + looks
    assert (edges["cart", "stock"].calls, edges["cart", "price"].calls) == (2 * buys, buys + looks)


def test_progress_is_told_from_the_beginning_to_the_end() -> None:
    seen: list[float] = []
    run(replace(SMALL, scrape_interval=2.5), progress=seen.append)
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_run_that_is_no_multiple_of_the_scrape_interval_is_scraped_at_its_end() -> None:
    result = run(replace(SMALL, duration=3.0, scrape_interval=2.0))
    assert list(result.recordings[0].times) == [0.0, 2.0, 3.0]


def test_an_interrupted_run_leaves_nothing_behind() -> None:
    def interrupt(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(SMALL, progress=interrupt)
    assert run(SMALL).digest() == run(SMALL).digest()


# ---- looking changes nothing


def essence(result: Result) -> tuple[object, ...]:
    """All of a result that does not say when it was looked at."""
    decisions = [e for e in result.ledger if e.event not in ("retry denied", "request shed")]
    return (
        result.events,
        result.edges,
        result.processes,
        result.central,
        result.spans,
        result.exemplars,
        decisions,
    )


@pytest.mark.slow
@settings(max_examples=25)
@given(scenarios(), seeds)
def test_scraping_more_or_less_often_never_changes_a_run(scenario: Scenario, seed: int) -> None:
    often = replace(scenario, scrape_interval=0.25)
    rarely = replace(scenario, scrape_interval=100.0)
    assert essence(run(often, seed)) == essence(run(rarely, seed))


def look_at_everything(mesh: Mesh) -> None:
    for upstreams in mesh.sidecars.values():
        for upstream in upstreams.values():
            repr((upstream.cluster.available, upstream.cluster.candidates, upstream.cluster.panic))
            repr((upstream.breaker_state, upstream.breaker))
            repr(upstream.budget and upstream.budget.balance)
            repr(upstream.counts.active)
    for registry in mesh.instances.values():
        repr((registry.goroutines, registry.memory_bytes))
    mesh.recorder.recordings()


@pytest.mark.slow
@settings(max_examples=25)
@given(scenarios(), seeds)
def test_looking_at_states_never_moves_them(scenario: Scenario, seed: int) -> None:
    mesh = Mesh(scenario, seed)
    watched = mesh.run(lambda _: look_at_everything(mesh))
    assert watched.digest() == run(scenario, seed).digest()


@pytest.mark.slow
@settings(max_examples=25)
@given(scenarios(), seeds)
def test_queues_of_timers_give_the_run_that_a_heap_of_them_gives(
    scenario: Scenario, seed: int
) -> None:
    with patch("meshlab.mesh.upstream.TimerQueue", PlainQueue):
        plain = run(scenario, seed, engine="reference")
    queues = run(scenario, seed, engine="reference")
    assert essence(plain)[1:] == essence(queues)[1:]
    assert plain.events >= queues.events


# ---- zones


def zonal(shares: tuple[int, ...], **fields: Any) -> Scenario:
    """Gateways of these weights, one in each zone, before an auth in each zone."""
    gateway = service("gateway", *(instance(weight=w, zone=f"z{n}") for n, w in enumerate(shares)))
    auth = service("auth", *(instance(zone=f"z{n}") for n in range(len(shares))))
    outer = {"balancer": WeightedRoundRobin()}
    return line(gateway, auth, edge=outer, inner={"zone_local": True}, duration=16.0, **fields)


def test_zone_local_routing_passes_an_uneven_split_on() -> None:
    shares = run(zonal((5, 2, 1))).edges["gateway", "auth"].shares
    assert list(shares.values()) == pytest.approx([80, 32, 16], abs=1)  # the last is on its way


def test_a_zone_whose_endpoint_is_found_ill_sends_to_the_others_and_comes_back() -> None:
    health = HealthCheck(interval=0.5, unhealthy_threshold=1, healthy_threshold=1)
    outage = Outage(service="auth", instance="auth-1", start=4.0, end=8.0)
    unseen = zonal((1, 1), faults=(outage,))
    outer, inner = unseen.edges
    seen = replace(unseen, edges=(outer, replace(inner, health=health)))
    assert run(unseen).edges["gateway", "auth"].shares["auth-1"] == 64
    # half of eight requests a second, for about four seconds of sixteen
    assert run(seen).edges["gateway", "auth"].shares["auth-1"] == pytest.approx(64 - 16, abs=4)


# ---- common random numbers


def listening(mesh: Mesh) -> dict[str, list[float]]:
    """The latencies that every instance draws, and the arrivals from outside, as they come."""
    heard: dict[str, list[float]] = {name: [] for name in (*mesh.instances, "arrivals")}

    def tell(name: str, draw: Callable[[], float]) -> Callable[[], float]:
        def drawn() -> float:
            heard[name].append(draw())
            return heard[name][-1]

        return drawn

    for name, each in mesh.instances.items():
        each.draw_latency.draw = tell(name, each.draw_latency.draw)
    begin: Callable[..., None] = Calls.begin

    def noted(*given: Any) -> None:
        heard["arrivals"].append(mesh.engine.now)
        begin(*given)

    with patch.object(Calls, "begin", noted):
        mesh.run()
    return heard


def agree(one: list[float], other: list[float]) -> bool:
    """Whether one is the beginning of the other, and neither is empty."""
    n = min(len(one), len(other))
    return n > 0 and one[:n] == other[:n]


def changed(scenario: Scenario, source: str, destination: str, **policies: Any) -> Scenario:
    edges = tuple(
        replace(e, **policies) if (e.source, e.destination) == (source, destination) else e
        for e in scenario.all_edges()
    )
    return replace(scenario, edges=edges)


CHANGES: dict[str, dict[str, Any]] = {
    "retry": {"retry": RetryPolicy(max_attempts=6, per_try_timeout=0.03)},
    "balancer": {"balancer": Random()},
    "breaker": {"breaker": BreakerConfig(consecutive_failures=1)},
    "limits": {"limits": ConcurrencyLimits(max_requests=1)},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_policy_changes_neither_the_arrivals_nor_anybody_s_latencies(change: str) -> None:
    before = listening(Mesh(SMALL, seed=1))
    after = listening(Mesh(changed(SMALL, "gateway", "auth", **CHANGES[change]), seed=1))
    assert before["arrivals"] == after["arrivals"]
    assert all(agree(before[name], after[name]) for name in before)


def test_what_shares_nothing_with_a_change_is_the_same_to_the_bit() -> None:
    scenario = Scenario(
        services=(service("cart"), Service(name="stock", instances=(Instance(),) * 3)),
        edges=(Edge(source="batch", destination="stock"),),
        loads=(
            Load(destination="cart", rate=20.0),
            Load(source="batch", destination="stock", rate=9.0),
        ),
        duration=10.0,
    )
    edge = ("batch", "stock")
    before = run(scenario)
    for after in (
        run(changed(scenario, "client", "cart", **CHANGES["retry"])),
        run(replace(scenario, faults=(Errors(service="cart", rate=0.5),))),
        run(replace(scenario, services=(service("cart", instance(9.0)), scenario.services[1]))),
        run(replace(scenario, services=(*scenario.services[::-1], service("price")))),
    ):
        assert after.edges[edge] == before.edges[edge]
        assert after.recording("stock-1", "service").values.tobytes() == (
            before.recording("stock-1", "service").values.tobytes()
        )


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    short, long = run(SMALL), run(replace(SMALL, duration=20.0))
    for one, other in zip(short.recordings, long.recordings, strict=True):
        assert one.values.tobytes() == other.values[: len(one.times)].tobytes()


def test_two_sidecars_do_not_share_their_luck() -> None:
    cart = service("cart", *[instance()] * 2)
    stock = Service(name="stock", instances=(Instance(latency=Exponential(0.01)),) * 4)
    scenario = line(cart, stock, rate=50.0, inner={"balancer": Random()})
    mesh = Mesh(scenario, seed=1)
    mesh.run()
    one, other = (mesh.sidecars[name]["stock"].every_endpoint for name in ("cart-1", "cart-2"))
    assert [e.attempts for e in one] != [e.attempts for e in other]


# ---- what a run tells


def test_the_ledger_is_in_the_order_of_time() -> None:
    result = run(replace(shop(rate=60.0), faults=(Errors(service="auth", rate=0.9, start=5.0),)))
    times = [entry.time for entry in result.ledger]
    assert times == sorted(times) and len(times) > 0
    assert len(entries(result, "fault began")) == 1


def test_a_result_lists_what_it_knows_when_asked_for_something_else() -> None:
    result = run(SMALL)
    with pytest.raises(ConfigError, match=r"unknown sidecar target 'auth-1'.*valid: .*gateway-1"):
        result.recording("auth-1")
    assert result.recording("auth-1", "service").job == "service"


def test_nothing_is_lost_between_the_edges_of_the_shop() -> None:
    edges = run(SMALL).edges
    for totals in edges.values():
        assert totals.calls == totals.succeeded + totals.failed + totals.rejected + totals.in_flight
    assert edges["gateway", "auth"].outcomes[Outcome.OK] > 0
