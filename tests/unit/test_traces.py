"""Traces of a run: every tree whole, every parent right, exemplars in their buckets."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

import pytest

from meshlab.engines.run import run
from meshlab.faults import Leak, Outage
from meshlab.mesh.result import Result
from meshlab.model import Outcome
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario import Scenario
from meshlab.shop import shop
from meshlab.telemetry.names import DURATION_BUCKETS
from meshlab.topology import Service
from meshlab.tracing import Node, tree
from tests.small import STEADY, instance, line, patience, service

ENDS = ((0.0, 8.0), (4.0, 8.0), (4.5, 0.0))
"""Load that ends long before the run does, so that every request is over."""


def traced(*services: Service, duration: float = 20.0, **fields: object) -> Result:
    scenario = line(*services, rate=ENDS, duration=duration, trace_sampling=1.0, **fields)
    return run(scenario)


def nodes(result: Result) -> Iterator[Node]:
    """Every node of every tree."""
    waiting = tree(result.spans)
    while waiting:
        node = waiting.pop()
        waiting += node.children
        yield node


def shape(node: Node) -> tuple[object, ...]:
    """A tree as nested tuples: who did what for whom, and how it ended."""
    span = node.span
    return (span.kind, span.service, span.name, span.outcome.name, *map(shape, node.children))


def test_a_call_is_a_client_span_above_a_try_above_a_server_span_at_every_hop() -> None:
    result = traced(service("cart"), service("stock"))
    expected = (
        ("client", "client", "cart/", "OK"),
        ("client", "client", "cart/", "OK"),
        ("server", "cart", "cart/", "OK"),
        ("client", "cart", "stock/", "OK"),
        ("server", "stock", "stock/", "OK"),
    )
    whole: tuple[object, ...] = ()
    for span in reversed(expected):
        whole = (*span, whole) if whole else span
    trees = tree(result.spans)
    assert len(trees) == result.edges["client", "cart"].calls
    assert {shape(root) for root in trees} == {whole}


def test_only_the_caller_s_first_span_has_no_parent() -> None:
    result = traced(service("cart"), service("stock"))
    ids = {(span.trace_id, span.span_id) for span in result.spans}
    orphans = [s for s in result.spans if s.parent_id and (s.trace_id, s.parent_id) not in ids]
    assert orphans == []
    assert {root.span.instance for root in tree(result.spans)} == {"client"}


def test_a_child_happens_within_its_parent_where_everyone_waits() -> None:
    result = traced(service("cart"), service("stock"), edge=patience(9.0, 2))
    for node in nodes(result):
        for child in node.children:
            assert node.span.start <= child.span.start <= child.span.end <= node.span.end


def test_retries_are_siblings_in_their_order_with_the_pause_between_them() -> None:
    policy = RetryPolicy(max_attempts=3, backoff=STEADY)
    cart = service("cart", instance(error_rate=1.0))
    result = traced(cart, edge={"retry": policy})
    for root in tree(result.spans):
        assert root.span.outcome is Outcome.ERROR
        first, second, third = (child.span for child in root.children)
        assert second.start - first.end == 0.25
        assert third.start - second.end == 0.5
        assert (root.span.start, root.span.end) == (first.start, third.end)
        assert [span.attributes["endpoint"] for span in (first, second, third)] == ["cart-1"] * 3


def test_a_refused_call_is_a_span_without_a_try() -> None:
    result = traced(service("cart"), edge={"limits": ConcurrencyLimits(max_requests=0)})
    roots = tree(result.spans)
    assert {shape(root) for root in roots} == {("client", "client", "cart/", "OVERFLOW")}
    assert {root.span.seconds for root in roots} == {0.0}


def test_a_dropped_header_begins_a_new_trace_behind_the_service() -> None:
    result = traced(service("cart", keeps_trace=False), service("stock"))
    roots = tree(result.spans)
    by_instance = {root.span.instance: shape(root) for root in roots}
    assert by_instance["client"][-1][-1] == ("server", "cart", "cart/", "OK")
    assert by_instance["cart-1"][:4] == ("client", "cart", "stock/", "OK")
    assert len({root.span.trace_id for root in roots}) == len(roots)
    assert len(roots) == 2 * result.edges["client", "cart"].calls


def test_a_mirrored_copy_belongs_to_the_trace_of_its_request_and_outlasts_it() -> None:
    result = traced(service("cart"), service("stock", instance(1.0)), inner={"mirror": True})
    for root in tree(result.spans):
        (attempt,) = root.children
        (work,) = attempt.children
        (copy,) = work.children
        assert shape(copy)[:4] == ("client", "cart", "stock/", "OK")
        assert copy.span.start == work.span.end < copy.span.end


def test_a_mirrored_copy_behind_a_dropped_header_is_a_trace_of_its_own() -> None:
    cart, stock = service("cart", keeps_trace=False), service("stock")
    roots = tree(traced(cart, stock, inner={"mirror": True}).spans)
    assert {root.span.instance for root in roots} == {"client", "cart-1"}


def test_late_work_belongs_to_the_try_that_gave_it_up() -> None:
    result = traced(service("cart", instance(0.5)), edge=patience(0.25))
    for root in tree(result.spans):
        (attempt,) = root.children
        (work,) = attempt.children
        assert (attempt.span.outcome, work.span.outcome) == (Outcome.TIMEOUT, Outcome.OK)
        assert work.span.end > attempt.span.end


def test_cancelled_work_leaves_a_span_and_its_calls_stay_in_the_tree() -> None:
    cart = service("cart", instance(), abandoned="cancelled")
    result = traced(cart, service("stock", instance(1.0)), edge=patience(0.25), inner={})
    for root in tree(result.spans):
        (attempt,) = root.children
        (work,) = attempt.children
        (call,) = work.children
        assert root.span.instance == "client"
        assert work.span.outcome is call.span.outcome is Outcome.ABANDONED
        assert work.span.end == call.span.end == attempt.span.end


def test_hanging_work_leaves_no_span_since_it_never_ends() -> None:
    leak = Leak(service="cart", rate=1.0)
    result = traced(service("cart"), edge=patience(0.25), faults=(leak,))
    assert {shape(root) for root in tree(result.spans)} == {
        ("client", "client", "cart/", "TIMEOUT", ("client", "client", "cart/", "TIMEOUT"))
    }


def test_a_killed_process_is_seen_as_a_broken_connection_all_the_way_up() -> None:
    outage = Outage(service="stock", start=1.0, end=2.0)
    result = traced(service("cart"), service("stock", instance(0.25)), faults=(outage,))
    ends = {shape(root) for root in tree(result.spans)}
    broken = [end for end in ends if "RESET" in str(end)]
    assert [end[3] for end in broken] == ["ERROR"]


def awkward() -> Scenario:
    """The shop on a bad day, its load over well before the end."""
    scenario = shop(duration=20.0)
    load = replace(scenario.loads[0], rate=ENDS)
    impatient = ("order", "payment")
    services = tuple(
        replace(s, abandoned="cancelled" if s.name in impatient else "wasted")
        for s in scenario.services
    )
    outage = Outage(service="payment", start=1.0, end=2.0)
    edges = tuple(
        replace(e, retry=replace(e.retry, per_try_timeout=0.1)) if e.source == "order" else e
        for e in scenario.edges
    )
    return replace(
        scenario,
        services=services,
        edges=edges,
        loads=(load,),
        faults=(outage,),
        trace_sampling=1.0,
    )


def test_every_tree_of_a_bad_day_in_the_shop_is_whole() -> None:
    result = run(awkward())
    roots = tree(result.spans)
    assert len(roots) == result.edges["client", "gateway"].calls
    assert {root.span.instance for root in roots} == {"client"}
    outcomes = {span.outcome for span in result.spans}
    seen = {Outcome.TIMEOUT, Outcome.RESET, Outcome.REFUSED, Outcome.ERROR, Outcome.ABANDONED}
    assert seen <= outcomes


@pytest.mark.parametrize("sampling", [0.0, 0.2, 1.0])
def test_sampling_keeps_whole_traces_and_changes_nothing_else(sampling: float) -> None:
    everything = run(awkward())
    some = run(replace(awkward(), trace_sampling=sampling))
    kept = {span.trace_id for span in some.spans}
    assert len(kept) == pytest.approx(sampling * 34, abs=8)
    assert len(tree(some.spans)) == len(kept)
    assert (some.edges, some.processes) == (everything.edges, everything.processes)
    assert some.events == everything.events


def test_a_larger_share_keeps_every_trace_of_a_smaller_one() -> None:
    few, many = (
        {span.trace_id for span in run(replace(awkward(), trace_sampling=share)).spans}
        for share in (0.2, 0.6)
    )
    assert few < many


# ---- exemplars


def test_every_call_that_is_traced_leaves_an_exemplar_in_its_own_bucket() -> None:
    result = run(awkward())
    bounds = [*map(str, DURATION_BUCKETS), "+Inf"]
    traces = {span.trace_id for span in result.spans}
    assert len(result.exemplars) == sum(sum(t.outcomes) for t in result.edges.values())
    for exemplar in result.exemplars:
        labels = dict(exemplar.series.labels)
        assert exemplar.trace_id in traces
        assert labels["le"] == bounds[bisect_left(DURATION_BUCKETS, exemplar.value)]
        assert exemplar.series.metric == "mesh_request_duration_seconds_bucket"
        assert exemplar.series in result.recording(exemplar.target).schema


def test_exemplars_fill_the_buckets_of_the_histogram_exactly() -> None:
    result = run(awkward())
    recording = result.recording("client")
    rising = [
        recording.values[-1, n]
        for n, key in enumerate(recording.schema)
        if key.metric == "mesh_request_duration_seconds_bucket"
    ]
    bounds = [*DURATION_BUCKETS, float("inf")]
    values = [e.value for e in result.exemplars if e.target == "client"]
    assert rising == [sum(value <= bound for value in values) for bound in bounds]
