"""Changes of policies in the middle of a run: what they replace, and what they leave alone."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any
from unittest.mock import patch

import pytest

from meshlab.engines.run import run
from meshlab.mesh.mesh import Mesh
from meshlab.mesh.upstream import PARTS, Upstream
from meshlab.model import Outcome
from meshlab.policies.balancer import LeastRequest, Random
from meshlab.policies.breaker import BreakerConfig, CircuitBreaker, State
from meshlab.policies.budget import ConcurrentRetryBudget, GrpcRetryThrottle, MaxRetries
from meshlab.policies.health import HealthCheck
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.outlier import OutlierDetection
from meshlab.policies.rate_limit import RateLimit
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario.changes import FIXED, Change
from meshlab.scenario.faults import EdgeFault, Errors, Leak, Outage
from meshlab.scenario.file import from_yaml, to_yaml
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import shop
from meshlab.scenario.topology import Edge, Instance, Memory, Service
from meshlab.telemetry.ledger import Entry
from tests.small import AT_ONCE, entries, instance, line, patience, service, value

WAY = ("client", "cart")


def edge_at(
    scenario: Scenario, at: float, ends: tuple[str, str] = WAY, **policies: Any
) -> Scenario:
    """The scenario with other policies on one edge from ``at`` on."""
    edge = replace(scenario.edge(*ends), **policies)
    return replace(scenario, changes=(*scenario.changes, Change(at=at, edge=edge)))


def service_at(scenario: Scenario, at: float, fields: dict[str, Any], **config: Any) -> Scenario:
    """The scenario with another cart from ``at`` on."""
    cart = scenario.service("cart")
    instances = tuple(replace(instance, **config) for instance in cart.instances)
    change = Change(at=at, service=replace(cart, instances=instances, **fields))
    return replace(scenario, changes=(*scenario.changes, change))


def at(scenario: Scenario, time: float) -> Mesh:
    """The mesh as it is at ``time``."""
    mesh = Mesh(scenario, seed=1)
    mesh.engine.run(until=time)
    return mesh


def upstream(mesh: Mesh) -> Upstream:
    return mesh.sidecars["client"]["cart"]


def waiting(duration: float = 8.0, work: float = 2.0, **edge: Any) -> Scenario:
    """Eight requests a second that each take two seconds: sixteen are in flight."""
    return line(service("cart", instance(work)), duration=duration, edge=edge)


# ---- what every change is


def test_until_a_change_everything_is_as_without_it_and_arrivals_stay_the_same() -> None:
    plain = shop(duration=10.0)
    retry = replace(plain.edge("user", "auth").retry, max_attempts=1)
    edge = replace(plain.edge("user", "auth"), retry=retry, balancer=Random())
    faults = (Errors(service="auth", rate=0.5),)
    before = run(replace(plain, faults=faults))
    after = run(replace(plain, faults=faults, changes=(Change(at=5.0, edge=edge),)))
    for one, other in zip(before.recordings, after.recordings, strict=True):
        early = one.times < 5.0
        assert one.values[early].tobytes() == other.values[early].tobytes()
    entrance = plain.loads[0].source, plain.loads[0].destination
    assert before.edges[entrance].calls == after.edges[entrance].calls
    assert before.edges["user", "auth"].retries > after.edges["user", "auth"].retries


def test_a_change_that_says_the_same_changes_nothing() -> None:
    plain = waiting(breaker=BreakerConfig(), limits=ConcurrencyLimits(), **patience(1.5, 2))
    same = service_at(edge_at(plain, 3.0), 3.0, {})
    one, other = run(plain), run(same)
    assert (one.edges, one.processes) == (other.edges, other.processes)
    assert [e.reason for e in entries(other, "changed")] == ["nothing", "nothing"]


def test_the_ledger_notes_what_changed() -> None:
    scenario = edge_at(waiting(), 3.0, breaker=BreakerConfig(), balancer=Random())
    scenario = service_at(scenario, 4.0, {"abandoned": "cancelled"}, workers=7, queue=3)
    assert entries(run(scenario), "changed") == [
        Entry(3.0, "client->cart", "changed", "balancer, breaker"),
        Entry(4.0, "cart", "changed", "abandoned, workers, queue"),
    ]


def test_changes_of_one_edge_follow_one_another_in_time_whatever_their_order() -> None:
    plain = line(service("cart", instance(error_rate=1.0)), duration=6.0)
    twice = edge_at(edge_at(plain, 4.0), 2.0, **patience(None, 3))
    totals = run(twice).edges[WAY]
    assert totals.retries == 2 * 16


def test_a_policy_that_is_said_to_be_as_before_keeps_its_state() -> None:
    policies = {
        "breaker": BreakerConfig(),
        "limits": ConcurrencyLimits(),
        "health": HealthCheck(),
        "outlier": OutlierDetection(),
        "rate_limit": RateLimit(max_tokens=100),
        **patience(1.0, budget=MaxRetries()),
    }
    names = ("breaker", "limiter", "health", "outlier", "rate_limiter", "budget", "balancer")
    plain = waiting(**policies)
    mesh = Mesh(edge_at(plain, 3.0, **patience(2.0, 2, budget=MaxRetries())), seed=1)
    kept = [getattr(upstream(mesh), name) for name in names]
    mesh.engine.run(until=4.0)
    assert [getattr(upstream(mesh), name) for name in names] == kept
    assert upstream(mesh).timeout == 2.0


# ---- edges


def test_a_new_timeout_holds_for_tries_sent_from_then_on() -> None:
    scenario = edge_at(waiting(work=100.0, **patience(1.0)), 2.0, **patience(0.25))
    recorded = run(replace(scenario, scrape_interval=0.125))
    timeouts = value(recorded, "client", "mesh_attempt_timeouts_total")
    # of the tries until 2 s one ends every 1/8 s, a second after it was sent
    seen = dict(zip(recorded.recordings[0].times, timeouts, strict=True))
    assert seen[2.125] - seen[2.0] == 1
    assert seen[2.375] - seen[2.25] == 2
    assert seen[4.0] - seen[3.0] == 8
    assert recorded.edges[WAY].outcomes[Outcome.DEADLINE] == 0


@pytest.mark.parametrize("timeout", [0.25, 4.0, None])
def test_a_try_that_times_out_after_a_change_of_the_timeout_is_tried_again(
    timeout: float | None,
) -> None:
    scenario = waiting(work=100.0, duration=2.999, **patience(1.0, 2))
    changed = run(edge_at(scenario, 1.5, **patience(timeout, 2))).edges[WAY]
    assert changed.outcomes[Outcome.DEADLINE] == 0
    assert changed.retries >= 11  # those that were sent until 1.5 s


def test_a_new_breaker_is_closed_and_deaf_to_what_was_sent_before() -> None:
    plain = waiting(work=1.0, breaker=BreakerConfig(consecutive_failures=1))
    failing = replace(plain, faults=(Errors(service="cart", rate=1.0, end=3.0),))
    old = upstream(at(failing, 2.0)).breaker
    scenario = edge_at(failing, 3.0, breaker=BreakerConfig(consecutive_failures=2))
    new = upstream(at(scenario, 3.0)).breaker
    assert isinstance(old, CircuitBreaker) and isinstance(new, CircuitBreaker)
    assert (old.state, new.state) == (State.OPEN, State.CLOSED)
    assert new.generation > old.generation


def test_a_breaker_that_comes_and_goes_and_comes_hears_nothing_of_earlier_calls() -> None:
    """Everything sent until 2 s fails between 2 s and 4 s; one failure would open the breaker."""
    strict = {"breaker": BreakerConfig(consecutive_failures=1)}
    plain = waiting(work=2.0, duration=3.9, **strict)
    scenario = edge_at(edge_at(plain, 1.0, breaker=None), 1.9375, **strict)
    result = run(replace(scenario, faults=(Errors(service="cart", rate=1.0),)))
    assert result.edges[WAY].outcomes[Outcome.ERROR] > 10
    assert entries(result, "breaker opened") == []


def test_a_limit_that_comes_counts_what_is_in_flight_already() -> None:
    mesh = at(edge_at(waiting(), 3.0, limits=ConcurrencyLimits(max_requests=4)), 3.0)
    limiter = upstream(mesh).limiter
    # at 3 s one is answered, after the change, and none is let in
    assert limiter is not None and limiter.active == 15
    totals = run(edge_at(waiting(), 3.0, limits=ConcurrencyLimits(max_requests=4))).edges[WAY]
    assert totals.outcomes[Outcome.OVERFLOW] > 0


@pytest.mark.parametrize("budget", [None, MaxRetries(max_retries=8), GrpcRetryThrottle()])
def test_a_budget_takes_over_calls_and_retries_in_flight(budget: Any) -> None:
    policy = RetryPolicy(max_attempts=3, per_try_timeout=0.5, backoff=AT_ONCE, budget=budget)
    scenario = waiting(work=0.75, retry=policy)
    new = replace(policy, budget=ConcurrentRetryBudget(budget_percent=100.0))
    mesh = at(edge_at(scenario, 3.0, retry=new), 3.0)
    calls, retries = upstream(mesh).counts.active, upstream(mesh).retrying
    assert calls > retries > 0
    assert upstream(mesh).budget.balance == calls - retries  # type: ignore[union-attr]
    mesh.engine.run(until=8.0)
    still = upstream(mesh).counts.active - upstream(mesh).retrying
    assert upstream(mesh).budget.balance == still  # type: ignore[union-attr]


def test_a_rate_limit_comes_and_goes() -> None:
    scenario = edge_at(
        line(service("cart"), duration=7.95), 2.0, rate_limit=RateLimit(max_tokens=1)
    )
    totals = run(edge_at(scenario, 6.0, rate_limit=None)).edges[WAY]
    # full at 2 s, and one token each at 3, 4 and 5 s, for 32 calls
    assert totals.outcomes[Outcome.RATE_LIMITED] == 32 - 4


def two(**fields: Any) -> Service:
    return service("cart", instance(**fields), instance(**fields))


def test_without_health_checks_everybody_is_trusted_again() -> None:
    health = HealthCheck(interval=0.5, unhealthy_threshold=1)
    outage = Outage(service="cart", instance="cart-1", start=1.0)
    plain = line(two(), edge={"health": health}, faults=(outage,))
    assert upstream(at(plain, 3.0)).cluster.available == 1
    mesh = at(edge_at(plain, 3.0, health=None), 3.0)
    assert upstream(mesh).cluster.available == 2
    mesh.engine.run(until=8.0)
    assert upstream(mesh).cluster.available == 2
    events = [e.event for e in mesh.journal.close() if e.subject == "client->cart cart-1"]
    assert events == ["unhealthy", "healthy"]


def test_new_health_checks_probe_at_their_own_interval_and_no_longer_at_the_old_one() -> None:
    probes: list[float] = []

    plain = line(service("cart"), edge={"health": HealthCheck(interval=0.25)}, duration=20.0)
    mesh = Mesh(edge_at(plain, 10.0, health=HealthCheck(interval=1.0)), seed=1)
    with patch.object(Upstream, "probed", lambda self, e, ok: probes.append(self.engine.now)):
        mesh.engine.run(until=20.0)
    assert sum(time <= 10.0 for time in probes) in (39, 40, 41)
    assert sum(time > 10.0 for time in probes) in (9, 10, 11)


def test_without_outlier_detection_everybody_who_was_ejected_returns() -> None:
    outlier = OutlierDetection(consecutive_5xx=2, max_ejection_percent=50.0)
    errors = Errors(service="cart", instance="cart-1", rate=1.0)
    plain = line(two(), edge={"outlier": outlier}, faults=(errors,))
    assert upstream(at(plain, 3.0)).cluster.available == 1
    result = run(edge_at(plain, 3.0, outlier=None))
    assert [e.reason for e in entries(result, "returned")] == ["outlier detection changed"]
    again = run(edge_at(edge_at(plain, 3.0, outlier=None), 4.0, outlier=outlier))
    assert [e.time > 4.0 for e in entries(again, "ejected")] == [False, True]


def test_another_balancer_takes_over_and_goes_on_with_its_stream() -> None:
    mesh = at(edge_at(line(two()), 3.0, balancer=LeastRequest()), 8.0)
    assert type(upstream(mesh).balancer).__name__ == "LeastRequestBalancer"
    assert sum(e.attempts for e in upstream(mesh).every_endpoint) == 64


def test_a_panic_threshold_and_zone_local_routing_hold_at_once() -> None:
    cart = service("cart", instance(zone="x"))
    stock = service("stock", instance(zone="x"), instance(zone="y"))
    plain = line(cart, stock, duration=7.95)
    near = edge_at(plain, 4.0, ("cart", "stock"), zone_local=True)
    shares = run(near).edges["cart", "stock"].shares
    assert shares["stock-1"] == 63 - shares["stock-2"] == 48

    health = HealthCheck(interval=0.5, unhealthy_threshold=1)
    outage = Outage(service="stock", instance="stock-2", start=1.0)
    inner = {"health": health, "panic_threshold": 0.0}
    ill = line(cart, stock, inner=inner, faults=(outage,))
    calm = edge_at(ill, 4.0, ("cart", "stock"), panic_threshold=1.0)
    assert [e.time for e in entries(run(calm), "panic began")] == [4.0]


def canary(*changes: Change) -> dict[str, int]:
    ends = {"source": "cart", "split": "stock"}
    scenario = Scenario(
        services=(service("cart"), service("v1"), service("v2")),
        edges=(
            Edge(destination="v1", split_weight=50.0, **ends),
            Edge(destination="v2", split_weight=50.0, **ends),
        ),
        loads=(Load(destination="cart", rate=16.0, arrivals="even"),),
        duration=8.0,
        changes=changes,
    )
    return {edge[1]: totals.calls for edge, totals in run(scenario).edges.items()}


def test_the_weights_of_a_split_may_change_and_the_draws_stay_the_same() -> None:
    rollback = Edge(source="cart", destination="v2", split="stock", split_weight=0.0)
    all_day = canary()
    rolled_back = canary(Change(at=4.0, edge=rollback))
    assert rolled_back["v2"] == pytest.approx(all_day["v2"] / 2, abs=8)
    assert rolled_back["v1"] + rolled_back["v2"] == all_day["v1"] + all_day["v2"]
    assert canary(Change(at=0.0, edge=rollback))["v2"] == 0


# ---- services


def test_more_workers_take_those_who_wait() -> None:
    plain = line(service("cart", instance(4.0, workers=1)), duration=7.95)
    before, after = (at(service_at(plain, 2.0, {}, workers=4), t) for t in (1.9375, 2.0))
    carts = [mesh.instances["cart-1"] for mesh in (before, after)]
    assert [(cart.busy, cart.queued) for cart in carts] == [(1, 14), (4, 12)]


def test_fewer_workers_finish_what_they_have_begun_and_take_no_more() -> None:
    plain = line(service("cart", instance(4.0, workers=4)), duration=20.0)
    mesh = at(service_at(plain, 2.0, {}, workers=1), 3.0)
    cart = mesh.instances["cart-1"]
    assert cart.busy == 4
    mesh.engine.run(until=12.0)
    assert cart.busy == 1


def test_a_shorter_queue_keeps_who_is_in_it_and_sheds_who_comes() -> None:
    plain = line(service("cart", instance(4.0, workers=1)), duration=7.95)
    mesh = at(service_at(plain, 2.0, {}, queue=0), 3.0)
    cart = mesh.instances["cart-1"]
    # the change comes before the arrival of that instant
    assert (cart.queued, cart.truth.shed) == (14, 9)


def test_a_new_error_rate_waits_for_the_end_of_the_fault_that_sets_another() -> None:
    fault = Errors(service="cart", rate=0.5, start=2.0, end=4.0)
    plain = line(service("cart"), faults=(fault,))
    for change in (1.0, 3.0):
        scenario = service_at(plain, change, {}, error_rate=0.25)
        seen = [at(scenario, time).instances["cart-1"].error_rate for time in (1.5, 3.5, 5.0)]
        assert seen == [0.25 if change == 1.0 else 0.0, 0.5, 0.25]


def test_less_memory_kills_the_process_that_needs_more() -> None:
    size = {"base_bytes": 1000, "bytes_per_goroutine": 10, "base_goroutines": 0}
    wide, narrow = Memory(limit_bytes=2000, **size), Memory(limit_bytes=1050, **size)
    plain = line(service("cart", instance(4.0, memory=wide)))
    (kill,) = entries(run(service_at(plain, 3.0, {}, memory=narrow)), "killed")
    assert (kill.time, kill.reason) == (3.0, "out of memory")
    assert entries(run(plain), "killed") == []


def test_more_memory_puts_the_kill_off() -> None:
    size = {"base_bytes": 0, "bytes_per_goroutine": 1, "base_goroutines": 0}
    leak = Leak(service="cart", rate=1.0, goroutines=10)
    memory = Memory(limit_bytes=200, **size)
    plain = line(service("cart", instance(memory=memory)), faults=(leak,), edge=patience(0.5))
    kills = [
        entries(run(scenario), "killed")[0].time
        for scenario in (plain, service_at(plain, 1.0, {}, memory=replace(memory, limit_bytes=400)))
    ]
    assert kills[1] > kills[0] + 1.0


def test_a_restart_policy_holds_for_the_next_kill() -> None:
    outages = (Outage(service="cart", start=1.0, end=2.0),)
    leak = Leak(service="cart", rate=1.0, goroutines=10, start=3.0)
    memory = Memory(limit_bytes=100, base_bytes=0, bytes_per_goroutine=1, base_goroutines=0)
    plain = line(
        service("cart", instance(memory=memory)), faults=(*outages, leak), edge=patience(0.5)
    )
    assert len(entries(run(plain), "killed")) == 2
    assert len(entries(run(service_at(plain, 0.5, {"restart_seconds": 0.25})), "killed")) > 2


def test_work_is_cancelled_and_deadlines_are_kept_from_the_change_on() -> None:
    plain = line(service("cart", instance(4.0)), edge=patience(0.5), duration=7.95)
    assert run(plain).processes["cart-1"].wasted > 20
    early = run(service_at(plain, 0.0, {"abandoned": "cancelled"})).processes["cart-1"]
    late = run(service_at(plain, 2.0, {"abandoned": "cancelled"})).processes["cart-1"]
    assert early.wasted == 0 < late.wasted < 20


# ---- what can't be changed, and files


def test_what_can_change_is_what_an_edge_and_a_service_decide_by() -> None:
    """A new field of a declaration belongs to one side or the other."""
    free = {
        kind: {field.name for field in fields(kind)} - set(fixed) for kind, fixed in FIXED.items()
    }
    assert free[Edge] == {"split_weight", *(part.partition(".")[0] for part in PARTS)}
    assert free[Service] == {"instances", "abandoned", "restart_seconds", "keeps_deadline"}
    assert free[Instance] == {"workers", "queue", "error_rate", "memory"}
    assert all({field.name for field in fields(k)} >= set(fixed) for k, fixed in FIXED.items())


def test_changes_survive_a_file() -> None:
    scenario = edge_at(waiting(), 3.0, breaker=BreakerConfig(), **patience(1.0, 2))
    scenario = service_at(scenario, 4.0, {"restart_seconds": 2.0}, workers=7)
    fault = EdgeFault(source="client", destination="cart", rate=0.1)
    scenario = replace(scenario, faults=(fault,))
    assert from_yaml(to_yaml(scenario)) == scenario
