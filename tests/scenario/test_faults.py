"""Faults at work: each holds from its start to its end, on what it names and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations

import pytest

from meshlab.engines.run import run
from meshlab.kernel.distributions import Constant
from meshlab.mesh.inject import schedule
from meshlab.mesh.instance import AS_ALL
from meshlab.mesh.mesh import Mesh
from meshlab.mesh.result import Result
from meshlab.model import Outcome
from meshlab.scenario.cpu import Cpu
from meshlab.scenario.faults import FAULTS, EdgeFault, Errors, Fault, Leak, Outage, Slowdown
from meshlab.scenario.topology import Memory, Service
from tests.by_hand import Site
from tests.small import entries, instance, line, patience, service, value

WHEN = {"start": 2.0, "end": 4.0}
TIMES = (1.0, 3.0, 5.0)
"""Before, in and after a fault of two to four seconds."""


def failures(result: Result) -> list[float]:
    """Failed requests of the cart per second, as its own counter grew."""
    counter = value(result, "cart-1", "service_requests_total", "service", code="500")
    return [after - before for before, after in pairwise(counter)]


def test_errors_come_at_their_rate_while_the_fault_holds() -> None:
    fault = Errors(service="cart", rate=1.0, **WHEN)
    result = run(line(service("cart"), faults=(fault,), scrape_interval=1.0, duration=6.0))
    # eight requests a second, each answered 1/32 s later: what counts is when the work ends
    assert failures(result) == [0, 0, 8, 8, 0, 0]


def test_after_a_fault_an_instance_errs_as_it_was_declared() -> None:
    fault = Errors(service="cart", rate=0.0, **WHEN)
    cart = service("cart", instance(error_rate=1.0))
    result = run(line(cart, faults=(fault,), scrape_interval=1.0, duration=6.0))
    assert failures(result) == [7, 8, 0, 0, 8, 8]


TWO_CARTS = service("cart", instance(), instance())


def held(fault: Fault, attribute: str, cart: Service = TWO_CARTS) -> list[list[float]]:
    """An attribute of every instance before, in and after a fault."""
    scenario = line(cart, service("stock"), faults=(fault,))
    mesh = Mesh(scenario, seed=1)
    seen = []
    for time in TIMES:
        mesh.engine.run(until=time)
        seen.append([getattr(i, attribute) for i in mesh.instances.values()])
    return seen


def test_a_fault_strikes_every_instance_of_its_service() -> None:
    slow = Slowdown(service="cart", factor=4.0, **WHEN)
    assert held(slow, "slowdown") == [[1, 1, 1], [4, 4, 1], [1, 1, 1]]


def test_a_fault_with_an_instance_strikes_only_that() -> None:
    cart = service("cart", instance(), instance(cpu=Cpu(cores=1, work=Constant(0.01))))
    leak = Leak(service="cart", instance="cart-2", rate=0.5, goroutines=2, cpu=0.25, **WHEN)
    assert held(leak, "hang_cpu", cart) == [[0, 0, 0], [0, 0.25, 0], [0, 0, 0]]
    leak = replace(leak, cpu=0.0)
    assert held(leak, "hang_rate") == [[0, 0, 0], [0, 0.5, 0], [0, 0, 0]]
    assert held(leak, "hang_goroutines") == [[0, 0, 0], [0, 2, 0], [0, 0, 0]]


def test_an_outage_takes_the_process_down_and_up_again() -> None:
    outage = Outage(service="stock", **WHEN)
    assert held(outage, "up") == [[True] * 3, [True, True, False], [True] * 3]
    assert held(outage, "starts") == [[1, 1, 1], [1, 1, 1], [1, 1, 2]]


def test_an_outage_without_an_end_lasts() -> None:
    outage = Outage(service="stock", start=2.0)
    assert held(outage, "up") == [[True] * 3, [True, True, False], [True, True, False]]


def test_no_restart_policy_ends_an_outage() -> None:
    cart = service("cart", restart_seconds=0.25)
    result = run(line(cart, faults=(Outage(service="cart", **WHEN),), scrape_interval=0.5))
    up = value(result, "cart-1", "up", "service")
    assert list(up[:10]) == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_faults_that_follow_one_another_each_hold_in_their_time(order: tuple[int, ...]) -> None:
    """Whatever their order in the scenario: one ends before the next begins."""
    faults = (
        Errors(service="cart", rate=1.0, start=0.0, end=2.0),
        Errors(service="cart", instance="cart-1", rate=0.5, start=2.0, end=4.0),
        Errors(service="cart", rate=0.25, start=4.0, end=6.0),
    )
    mesh = Mesh(line(service("cart"), faults=tuple(faults[n] for n in order)), seed=1)
    seen = []
    for time in (1.0, 2.0, 3.0, 4.0, 5.0, 7.0):
        mesh.engine.run(until=time)
        seen.append(mesh.instances["cart-1"].error_rate)
    assert seen == [1.0, 0.5, 0.5, 0.25, 0.25, 0.0]


def test_two_outages_in_a_row_are_one_long_one() -> None:
    later = Outage(service="cart", start=3.0, end=4.0)
    first = Outage(service="cart", start=2.0, end=3.0)
    mesh = Mesh(line(service("cart"), faults=(later, first)), seed=1)
    up = []
    for time in (1.0, 2.5, 3.5, 4.5):
        mesh.engine.run(until=time)
        up.append(mesh.instances["cart-1"].up)
    assert up == [True, False, False, True]


def test_faults_of_different_kinds_hold_together() -> None:
    faults = (
        Errors(service="cart", rate=0.5, **WHEN),
        Slowdown(service="cart", factor=2.0, **WHEN),
        Leak(service="cart", rate=0.25, **WHEN),
    )
    mesh = Mesh(line(service("cart"), faults=faults), seed=1)
    mesh.engine.run(until=3.0)
    cart = mesh.instances["cart-1"]
    assert (cart.error_rate, cart.slowdown, cart.hang_rate) == (0.5, 2.0, 0.25)


@pytest.mark.parametrize("kind", FAULTS)
def test_the_ledger_notes_when_a_fault_begins_and_ends(kind: str) -> None:
    target = {"source": "client", "destination": "cart"} if kind == "edge" else {"service": "cart"}
    numbers = {"errors": {"rate": 0.5}, "slowdown": {"factor": 2.0}, "leak": {"rate": 0.5}}
    fault = FAULTS[kind](**target, **numbers.get(kind, {}), **WHEN)
    result = run(line(service("cart"), edge=patience(1.0), faults=(fault,)))
    (began,), (ended,) = entries(result, "fault began"), entries(result, "fault ended")
    assert (began.time, ended.time) == (2.0, 4.0)
    assert began.subject == ended.subject == fault.target
    assert began.reason == ended.reason == kind


def test_a_fault_that_begins_after_the_end_of_the_run_never_does() -> None:
    fault = Errors(service="cart", rate=1.0, start=100.0)
    assert run(line(service("cart"), faults=(fault,))).ledger == ()


def test_a_fault_finds_its_link_in_every_sidecar_of_its_source() -> None:
    fault = EdgeFault(source="cart", destination="stock", rate=0.5, delay=0.25, **WHEN)
    scenario = line(service("cart", instance(), instance()), service("stock"), faults=(fault,))
    mesh = Mesh(scenario, seed=1)
    seen = []
    for time in TIMES:
        mesh.engine.run(until=time)
        links = [u["stock"].link for name, u in mesh.sidecars.items() if name != "client"]
        seen.append([(link.rate, link.delay) for link in links])
    assert seen == [[(0.0, 0.0)] * 2, [(0.5, 0.25)] * 2, [(0.0, 0.0)] * 2]


def two_routes(*faults: Fault) -> Result:
    """Eight requests a second on each of two routes, through a cart to a stock."""
    scenario = line(service("cart"), service("stock"), duration=7.95, faults=())
    (load,) = scenario.loads
    loads = (load, replace(load, route="/buy"))
    return run(replace(scenario, loads=loads, faults=faults))


def by_route(result: Result, target: str) -> dict[str, tuple[float, ...]]:
    """Calls of one sidecar that ended well and badly, by route."""
    return {
        route: tuple(
            value(result, target, "mesh_route_requests_total", route=route, code_class=code)[-1]
            for code in ("2xx", "5xx")
        )
        for route in ("/", "/buy")
    }


def test_errors_on_one_route_leave_the_others_well() -> None:
    result = two_routes(Errors(service="stock", rate=1.0, route="/buy", **WHEN))
    assert by_route(result, "client") == {"/": (63, 0), "/buy": (47, 16)}
    assert result.processes["stock-1"].own_errors == 16


def test_errors_on_one_route_stand_in_place_of_the_declared_rate_and_of_no_other() -> None:
    """Two faults of one kind may hold on different routes at once."""
    faults = (
        Errors(service="stock", rate=0.0, route="/", **WHEN),
        Errors(service="stock", rate=1.0, route="/buy", start=3.0, end=5.0),
    )
    mesh = Mesh(two_routes().scenario, seed=1)
    mesh = Mesh(replace(mesh.scenario, faults=faults), seed=1)
    seen = []
    for time in (1.0, 2.5, 3.5, 4.5, 6.0):
        mesh.engine.run(until=time)
        errors = zip(mesh.routes, mesh.instances["stock-1"].route_errors, strict=True)
        seen.append({route: rate for route, rate in errors if rate != AS_ALL})
    assert seen == [{}, {"/": 0.0}, {"/": 0.0, "/buy": 1.0}, {"/buy": 1.0}, {}]
    assert mesh.instances["stock-1"].routes_apart == 0


def test_a_broken_link_may_break_one_route_only() -> None:
    fault = EdgeFault(source="cart", destination="stock", rate=1.0, route="/buy", **WHEN)
    result = two_routes(fault)
    assert by_route(result, "cart-1") == {"/": (63, 0), "/buy": (47, 16)}
    assert by_route(result, "client") == {"/": (63, 0), "/buy": (47, 16)}


def test_a_slow_link_may_slow_one_route_only() -> None:
    fault = EdgeFault(source="cart", destination="stock", delay=0.25, route="/buy", start=0.0)
    slow, well = two_routes(fault).edges["cart", "stock"], two_routes().edges["cart", "stock"]
    late = slow.succeeded - 63  # all of the other route, and those of this that are through
    assert slow.seconds == slow.succeeded * well.seconds / well.succeeded + 0.25 * late


def test_a_fault_on_a_route_is_named_with_it() -> None:
    fault = Errors(service="stock", instance="stock-1", rate=1.0, route="/buy", **WHEN)
    (began,) = entries(two_routes(fault), "fault began")
    assert began.subject == fault.target == "stock-1 /buy"


def test_a_fault_without_a_target_in_the_mesh_is_only_noted() -> None:
    site = Site()
    schedule(Outage(service="cart", start=1.0), site.engine, site.journal, (), ())
    site.engine.run(until=2.0)
    assert [entry.event for entry in site.journal.close()] == ["fault began"]


# ---- what a leak leads to


def test_a_leak_fills_the_memory_until_the_process_is_killed_with_the_evidence() -> None:
    """Every second request hangs and leaves ten goroutines of a megabyte; fifty fit."""
    memory = Memory(
        limit_bytes=60 * 2**20,
        base_bytes=10 * 2**20,
        bytes_per_goroutine=2**20,
        base_goroutines=0,
    )
    cart = service("cart", instance(memory=memory), restart_seconds=1.0)
    leak = Leak(service="cart", rate=0.5, goroutines=10)
    result = run(line(cart, edge=patience(0.25), faults=(leak,), scrape_interval=0.5))
    kills = entries(result, "killed", "cart-1")
    assert len(kills) > 1
    for kill in kills:
        evidence = dict(kill.evidence)
        assert kill.reason == "out of memory"
        assert evidence["goroutines"] > memory.most_goroutines == 50
        assert evidence["memory_bytes"] == memory.bytes_for(int(evidence["goroutines"]))
        assert evidence["memory_bytes"] > memory.limit_bytes
    starts = entries(result, "started", "cart-1")
    for kill, start in zip(kills, starts, strict=False):  # the last may not be over
        assert start.time == kill.time + 1.0
    totals = result.edges["client", "cart"]
    assert totals.outcomes[Outcome.TIMEOUT] > 0 and totals.outcomes[Outcome.REFUSED] > 0
    goroutines = value(result, "cart-1", "service_goroutines", "service")
    assert max(goroutines[goroutines == goroutines]) <= 51
