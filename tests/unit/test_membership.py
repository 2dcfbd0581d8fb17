"""Joining and leaving: processes and registrations have times of their own, news takes time."""

from __future__ import annotations

from typing import Any

import pytest

from meshlab.engines.run import run
from meshlab.kernel.distributions import Around, Constant
from meshlab.mesh.mesh import Mesh
from meshlab.mesh.totals import EdgeTotals
from meshlab.model import Outcome
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.health import HealthCheck
from meshlab.scenario import Scenario
from tests.small import entries, instance, line, patience, service, value

ALWAYS = instance()
STEPS = 40


def scenario(changing: Any, **edge: Any) -> Scenario:
    """A cart of two: cart-1 is always there, cart-2 is what the test is about."""
    return line(service("cart", ALWAYS, changing), rate=16.0, duration=10.0, edge=edge)


def totals(changing: Any, **edge: Any) -> EdgeTotals:
    return run(scenario(changing, **edge)).edges["client", "cart"]


def known(changing: Any, **edge: Any) -> tuple[float, float]:
    """From when to when (s, in quarters) the client's sidecar knows of cart-2."""
    mesh = Mesh(scenario(changing, **edge), seed=1)
    times = []
    for step in range(STEPS):
        mesh.engine.run(until=step / 4)
        endpoints = mesh.sidecars["client"]["cart"].cluster.endpoints
        if "cart-2" in [endpoint.name for endpoint in endpoints]:
            times.append(step / 4)
    return (times[0], times[-1]) if times else (-1.0, -1.0)


def test_what_is_there_at_the_beginning_is_known_to_everyone_at_once() -> None:
    assert known(ALWAYS, propagation=Constant(5.0)) == (0.0, 9.75)


@pytest.mark.parametrize("delay", [0.0, 1.5])
def test_news_reaches_a_sidecar_after_its_propagation(delay: float) -> None:
    there = instance(starts_at=2.0, stops_at=6.0)
    assert known(there, propagation=Constant(delay)) == (2.0 + delay, 5.75 + delay)


def test_a_registration_has_times_of_its_own() -> None:
    there = instance(starts_at=2.0, registers_at=3.0, deregisters_at=5.0, stops_at=6.0)
    assert known(there) == (3.0, 4.75)


def test_every_sidecar_hears_of_a_change_in_its_own_time() -> None:
    changing = instance(starts_at=2.0)
    callers = service("cart", *[instance()] * 4)
    mesh = Mesh(
        line(callers, service("stock", ALWAYS, changing), inner={"propagation": Around(4.0)}),
        seed=1,
    )
    heard = {}
    for step in range(2 * 64, 8 * 64):
        mesh.engine.run(until=step / 64)
        for name, upstreams in mesh.sidecars.items():
            if "stock" in upstreams and len(upstreams["stock"].cluster.endpoints) == 2:
                heard.setdefault(name, step / 64)
    assert len(set(heard.values())) == 4
    assert all(2.0 + 3.2 <= time <= 2.0 + 4.8 + 1 / 64 for time in heard.values())


def test_an_instance_that_came_gets_its_share_and_one_that_left_gets_nothing() -> None:
    shares = totals(instance(starts_at=4.0, stops_at=8.0)).shares
    # 16 requests a second: half of those of four seconds, less the instant of each change
    assert shares["cart-2"] == pytest.approx(32, abs=1)
    assert shares["cart-1"] == 160 - shares["cart-2"]


def test_registered_too_early_it_is_called_before_it_listens() -> None:
    result = totals(instance(starts_at=4.0, registers_at=2.0))
    assert result.tries[Outcome.REFUSED] == pytest.approx(16, abs=1)


def test_deregistered_too_late_it_is_called_after_its_end() -> None:
    result = totals(instance(stops_at=4.0, deregisters_at=6.0))
    assert result.tries[Outcome.REFUSED] == pytest.approx(16, abs=1)


def test_slow_news_of_a_leave_costs_as_much_as_a_late_deregistration() -> None:
    result = totals(instance(stops_at=4.0), propagation=Constant(2.0))
    assert result.tries[Outcome.REFUSED] == pytest.approx(16, abs=1)


def test_an_orderly_leave_costs_nothing() -> None:
    """Deregistered first, stopped when the last request is through."""
    result = totals(instance(deregisters_at=4.0, stops_at=4.5))
    assert result.succeeded == result.calls - result.in_flight


def test_a_leave_without_a_drain_breaks_what_is_in_the_process() -> None:
    result = totals(instance(0.5, deregisters_at=4.0, stops_at=4.0))
    assert 0 < result.tries[Outcome.RESET] <= 4


def test_the_last_that_leaves_leaves_nobody_to_call() -> None:
    alone = line(service("cart", instance(stops_at=4.0)), edge={"panic_threshold": 0.5})
    result = run(alone).edges["client", "cart"]
    assert result.outcomes[Outcome.NO_HEALTHY] == pytest.approx(32, abs=1)
    assert result.tries[Outcome.REFUSED] <= 1


def test_health_checks_find_out_what_discovery_does_not_say() -> None:
    dead = instance(stops_at=4.0, deregisters_at=9.5)
    health = HealthCheck(interval=0.5, unhealthy_threshold=2)
    checked, blind = totals(dead, health=health), totals(dead)
    assert blind.tries[Outcome.REFUSED] > 40
    assert 0 < checked.tries[Outcome.REFUSED] < 10


def test_an_end_in_good_time_is_written_down_as_one() -> None:
    result = run(scenario(instance(stops_at=4.0)))
    (entry,) = entries(result, "killed")
    assert (entry.time, entry.subject, entry.reason) == (4.0, "cart-2", "end of its time")


def test_a_restart_policy_does_not_bring_back_what_has_reached_its_end() -> None:
    cart = service("cart", ALWAYS, instance(stops_at=4.0), restart_seconds=0.5)
    result = run(line(cart, duration=10.0, scrape_interval=1.0))
    up = value(result, "cart-2", "up", "service")
    assert list(up) == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


def test_policies_forget_who_left_and_their_counts_stay() -> None:
    leaving = instance(error_rate=1.0, stops_at=4.0)
    edge = {"breaker": BreakerConfig(), "health": HealthCheck(interval=0.5), **patience(1.0)}
    result = run(scenario(leaving, **edge))
    attempts = value(result, "client", "mesh_attempts_total", endpoint="cart-2")
    assert attempts[-1] == result.edges["client", "cart"].shares["cart-2"] > 0
    assert value(result, "client", "mesh_endpoints")[-1] == 1
