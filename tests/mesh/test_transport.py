"""Between sidecars and instances: timeouts, late answers, links, deadlines, broken connections."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from meshlab.engines.run import run
from meshlab.mesh.mesh import Mesh
from meshlab.mesh.result import Result
from meshlab.mesh.totals import EdgeTotals
from meshlab.model import Outcome
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario.faults import EdgeFault, Leak, Outage, Slowdown
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Service
from tests.small import STEADY, instance, line, patience, service

ENTRANCE = ("client", "cart")
BEHIND = ("cart", "stock")


def one(work: float = 0.5, **fields: Any) -> Scenario:
    """One request, at 1 s, to a cart that works for a while."""
    cart = fields.pop("cart", None) or service("cart", instance(work))
    return line(cart, **{"rate": 1.0, "duration": 1.999, **fields})


def outcomes(totals: EdgeTotals) -> dict[str, int]:
    return {o.name: totals.outcomes[o] for o in Outcome if totals.outcomes[o]}


def tries(totals: EdgeTotals) -> dict[str, int]:
    return {o.name: totals.tries[o] for o in Outcome if totals.tries[o]}


def ends_at(scenario: Scenario) -> float:
    """When the only call of ``scenario`` from outside ends."""
    (exemplar,) = [
        e
        for e in run(replace(scenario, trace_sampling=1.0)).exemplars
        if e.target == scenario.loads[0].source
    ]
    return exemplar.time


# ---- timeouts


def test_a_try_is_given_up_when_its_time_is_over_and_not_before() -> None:
    assert ends_at(one(0.5, edge=patience(0.25))) == 1.25
    assert ends_at(one(0.5, edge=patience(0.75))) == 1.5


@pytest.mark.parametrize("work", [0.5, 0.5 - 2**-20])
def test_an_answer_in_the_very_instant_of_the_timeout_comes_too_late(work: float) -> None:
    """The timer was set first, and ties go by the order of setting."""
    totals = run(one(work, edge=patience(0.5))).edges[ENTRANCE]
    assert outcomes(totals) == ({"TIMEOUT": 1} if work == 0.5 else {"OK": 1})


def test_without_a_timeout_a_caller_waits_for_ever() -> None:
    result = run(one(faults=(Leak(service="cart", rate=1.0),), duration=100.0, rate=0.02))
    totals = result.edges[ENTRANCE]
    assert (totals.calls, totals.in_flight, totals.tries_in_flight) == (2, 2, 2)


def test_a_late_answer_reaches_nobody_and_is_counted_as_wasted() -> None:
    result = run(one(0.5, edge=patience(0.25), duration=1.9))
    assert outcomes(result.edges[ENTRANCE]) == {"TIMEOUT": 1}
    process = result.processes["cart-1"]
    assert (process.received, process.ok, process.wasted) == (1, 1, 1)


def test_each_try_has_its_own_timer() -> None:
    policy = RetryPolicy(max_attempts=3, per_try_timeout=0.25, backoff=STEADY)
    once = ((0.0, 1.0), (1.0, 1.0), (1.5, 0.0))
    scenario = one(100.0, edge={"retry": policy}, duration=3.999, rate=once)
    assert ends_at(scenario) == 1.0 + 0.25 + 0.25 + 0.25 + 0.5 + 0.25
    assert tries(run(scenario).edges[ENTRANCE]) == {"TIMEOUT": 3}


# ---- wasted against cancelled


@pytest.mark.parametrize("abandoned", ["wasted", "cancelled"])
def test_cancelling_frees_what_wasting_keeps_busy(abandoned: str) -> None:
    """The caller gives up after 1/4 s; the stock works for a second."""
    cart = service("cart", abandoned=abandoned)
    stock = service("stock", instance(1.0), abandoned=abandoned)
    mesh = Mesh(line(cart, stock, rate=1.0, duration=1.5, edge=patience(0.25), inner={}), seed=1)
    result = mesh.run()
    cancelled = abandoned == "cancelled"
    held = [mesh.instances[name].held() for name in ("cart-1", "stock-1")]
    assert held == ([0, 0] if cancelled else [1, 1])
    assert outcomes(result.edges[BEHIND]) == ({"ABANDONED": 1} if cancelled else {})
    assert tries(result.edges[BEHIND]) == ({"ABANDONED": 1} if cancelled else {})


def test_cancelling_reaches_as_far_as_services_cancel() -> None:
    services = [
        service("a", abandoned="cancelled"),
        service("b", abandoned="cancelled"),
        service("c", abandoned="wasted"),
        service("d", instance(1.0)),
    ]
    mesh = Mesh(line(*services, rate=1.0, duration=1.5, edge=patience(0.25), inner={}), seed=1)
    mesh.run()
    assert {name: i.held() for name, i in mesh.instances.items()} == {
        "a-1": 0,
        "b-1": 0,
        "c-1": 1,
        "d-1": 1,
    }


def test_a_call_that_is_abandoned_in_its_pause_is_not_tried_again() -> None:
    policy = RetryPolicy(max_attempts=3, backoff=STEADY)
    scenario = line(
        service("cart", abandoned="cancelled"),
        service("stock", instance(error_rate=1.0)),
        rate=1.0,
        duration=1.9,
        edge=patience(0.25),
        inner={"retry": policy},
    )
    totals = run(scenario).edges[BEHIND]
    assert outcomes(totals) == {"ABANDONED": 1}
    assert (tries(totals), totals.retries) == ({"ERROR": 1}, 0)


# ---- deadlines on their way


def deadline_of_stock(keeps: bool) -> Result:
    """The client has 3/4 s for it all; the stock would take a second."""
    return run(
        line(
            service("cart", instance(0.25), keeps_deadline=keeps),
            service("stock", instance(1.0)),
            rate=1.0,
            duration=1.999,
            edge={"retry": RetryPolicy(deadline=0.75)},
            inner={},
        )
    )


def test_a_service_that_keeps_the_deadline_passes_on_the_time_that_is_left() -> None:
    result = deadline_of_stock(keeps=True)
    assert outcomes(result.edges[ENTRANCE]) == {"DEADLINE": 1}
    assert outcomes(result.edges[BEHIND]) == {"DEADLINE": 1}
    assert result.edges[BEHIND].seconds == 0.5


def test_a_service_that_does_not_keep_it_waits_on_for_nobody() -> None:
    result = deadline_of_stock(keeps=False)
    assert outcomes(result.edges[ENTRANCE]) == {"DEADLINE": 1}
    assert (outcomes(result.edges[BEHIND]), result.edges[BEHIND].in_flight) == ({}, 1)


def test_a_request_that_comes_too_late_is_not_even_sent_on() -> None:
    result = run(
        line(
            service("cart", instance(1.0), keeps_deadline=True),
            service("stock"),
            rate=1.0,
            duration=2.999,
            edge={"retry": RetryPolicy(deadline=0.75)},
            inner={},
        )
    )
    assert outcomes(result.edges[BEHIND]) == {"DEADLINE": 1}
    assert result.edges[BEHIND].attempts == 0
    assert result.processes["stock-1"].received == 0


# ---- links


def test_a_broken_link_leaves_the_upstream_s_own_counts_clean() -> None:
    fault = EdgeFault(source="client", destination="cart", rate=1.0)
    result = run(line(service("cart"), faults=(fault,)))
    assert outcomes(result.edges[ENTRANCE]) == {"FAULT": 64}
    assert result.processes["cart-1"].received == 0
    assert result.frame("service_requests_total")["value"].sum() == 0


def test_a_link_breaks_as_many_tries_as_declared_and_retries_mend_it() -> None:
    fault = EdgeFault(source="client", destination="cart", rate=0.25)
    result = run(line(service("cart"), rate=512.0, edge=patience(None, 8), faults=(fault,)))
    totals = result.edges[ENTRANCE]
    broken = totals.tries[Outcome.FAULT] / totals.attempts
    assert broken == pytest.approx(0.25, abs=0.02)
    assert totals.succeeded == totals.calls - totals.in_flight
    assert result.processes["cart-1"].own_errors == 0


def test_a_broken_link_is_seen_by_the_breaker_of_the_caller() -> None:
    fault = EdgeFault(source="client", destination="cart", rate=1.0)
    edge = {"breaker": BreakerConfig(consecutive_failures=5)}
    result = run(line(service("cart"), edge=edge, faults=(fault,)))
    assert outcomes(result.edges[ENTRANCE]) == {"FAULT": 5, "CIRCUIT_OPEN": 59}


def test_a_slow_link_makes_tries_arrive_late() -> None:
    fault = EdgeFault(source="client", destination="cart", delay=0.25)
    assert ends_at(one(0.5, faults=(fault,))) == 1.75


def test_a_try_that_is_given_up_on_its_way_never_arrives() -> None:
    fault = EdgeFault(source="client", destination="cart", delay=0.5)
    result = run(one(edge=patience(0.25), faults=(fault,)))
    assert outcomes(result.edges[ENTRANCE]) == {"TIMEOUT": 1}
    assert result.processes["cart-1"].received == 0


def test_only_the_edge_that_is_named_is_bad() -> None:
    fault = EdgeFault(source="cart", destination="stock", rate=1.0)
    result = run(line(service("cart"), service("stock"), faults=(fault,), duration=7.95))
    assert outcomes(result.edges[BEHIND]) == {"FAULT": 63}
    assert outcomes(result.edges[ENTRANCE]) == {"ERROR": 63}
    assert result.processes["cart-1"].passed_on == 63


# ---- processes that end


def outage(work: float = 0.25, **fields: Any) -> Result:
    fault = Outage(service="cart", start=2.0625, end=4.0)
    return run(one(work, rate=8.0, duration=7.95, faults=(fault,), **fields))


def test_whoever_waits_for_a_process_that_dies_sees_the_connection_break() -> None:
    """Eight requests a second, each a quarter of a second in the process: two are in it."""
    result = outage()
    totals = result.edges[ENTRANCE]
    assert totals.outcomes[Outcome.RESET] == 2
    # those of 2.125 s .. 4.0 s: the outage ends at 4 s before the arrival of that instant
    assert totals.outcomes[Outcome.REFUSED] == 15
    assert totals.outcomes[Outcome.OK] == totals.calls - 17 - totals.in_flight


def test_a_retry_finds_the_instance_that_is_still_there() -> None:
    cart = service("cart", instance(0.25), instance(0.25))
    fault = Outage(service="cart", instance="cart-1", start=2.0, end=4.0)
    scenario = line(cart, edge=patience(1.0, 3), faults=(fault,), duration=7.5)
    totals = run(scenario).edges[ENTRANCE]
    assert totals.succeeded == totals.calls - totals.in_flight
    assert totals.tries[Outcome.REFUSED] > 0


def test_what_a_dead_process_had_asked_for_is_given_up() -> None:
    stock = service("stock", instance(1.0), abandoned="cancelled")
    fault = Outage(service="cart", start=1.5)
    scenario = line(service("cart"), stock, rate=1.0, duration=1.75, faults=(fault,))
    mesh = Mesh(scenario, seed=1)
    result = mesh.run()
    assert outcomes(result.edges[BEHIND]) == {"ABANDONED": 1}
    assert mesh.instances["stock-1"].held() == 0


def test_a_slow_service_slows_those_who_call_it() -> None:
    slow = Slowdown(service="stock", factor=8.0)
    seconds = [
        run(line(service("cart"), service("stock"), faults=faults)).edges[ENTRANCE].seconds
        for faults in ((), (slow,))
    ]
    assert seconds[1] > 4 * seconds[0]


def test_queues_of_a_caller_fill_when_its_upstream_is_slow() -> None:
    """The caller's worker is held: that is how slowness travels upstream."""
    cart: Service = service("cart", instance(workers=2, queue=3))
    stock = service("stock", instance(4.0))
    totals = run(line(cart, stock)).edges[ENTRANCE]
    assert totals.outcomes[Outcome.SHED] > totals.calls / 2


# ---- mirrors


def mirrored(**fields: Any) -> Result:
    """Every request of the cart is copied to the stock, which answers after a second, or errs."""
    stock = service("stock", instance(1.0, **fields))
    return run(line(service("cart"), stock, duration=7.95, inner={"mirror": True}))


def test_nobody_waits_for_a_mirror_and_its_errors_reach_nobody() -> None:
    for result in (mirrored(), mirrored(error_rate=1.0)):
        entrance, behind = result.edges[ENTRANCE], result.edges[BEHIND]
        assert outcomes(entrance) == {"OK": 63}
        assert entrance.seconds == 63 / 32
        assert behind.calls == 63
    assert outcomes(behind) == {"ERROR": 55}


def test_a_copy_outlives_the_process_that_sent_it() -> None:
    scenario = line(service("cart"), service("stock", instance(1.0)), inner={"mirror": True})
    outage = Outage(service="cart", start=1.5, end=100.0)
    result = run(replace(scenario, faults=(outage,)))
    sent = result.edges[BEHIND]
    assert outcomes(sent) == {"OK": sent.calls} and sent.calls == 11


def test_a_mirror_has_the_policies_of_its_own_edge_and_no_deadline_of_another() -> None:
    cart, stock = service("cart", keeps_deadline=True), service("stock", instance(1.0))
    edge, inner = patience(None, deadline=0.25), {"mirror": True, **patience(0.5, 2)}
    result = run(line(cart, stock, duration=7.95, edge=edge, inner=inner))
    assert outcomes(result.edges[ENTRANCE]) == {"OK": 63}
    assert set(outcomes(result.edges[BEHIND])) == {"TIMEOUT"}
    assert result.edges[BEHIND].retries > 0
