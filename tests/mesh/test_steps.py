"""The steps of a request: their order, and the ways of a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.engines.run import run
from meshlab.kernel.streams import Uniform
from meshlab.mesh.steps import Step, Way, steps_of
from meshlab.model.rules import MOST
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge
from tests.by_hand import Site, scripted
from tests.small import instance, service


def call(destination: str, **fields: Any) -> tuple[Edge, Way]:
    edge = Edge(source="cart", destination=destination, **fields)
    return edge, Way(Site().upstream(edge, "cart-1"), Uniform(1, destination))


def names(*calls: tuple[Edge, Way], route: str = "/") -> list[str | list[str]]:
    """What is called, step by step; the ways of a split as a list."""
    draws = {edge.split: Uniform(1, "split") for edge, _ in calls}
    *steps, last = steps_of(route, calls, draws)
    assert last.last
    return [
        [way.upstream.destination for way in step.ways]
        if step.split
        else step.way.upstream.destination
        for step in steps
    ]


def test_steps_come_in_the_order_of_the_edges_each_as_often_as_it_is_called() -> None:
    assert names(call("a"), call("b", calls=2), call("c")) == ["a", "b", "b", "c"]


def test_an_edge_of_another_route_is_no_step() -> None:
    assert names(call("a", routes=("/buy",)), call("b")) == ["b"]
    assert names(call("a", routes=("/buy",)), call("b"), route="/buy") == ["a", "b"]


def test_the_edges_of_a_split_are_one_step_where_the_first_of_them_stands() -> None:
    edges = (call("a"), call("b", split="x"), call("c"), call("d", split="x"), call("e", split="y"))
    assert names(*edges) == ["a", ["b", "d"], "c", ["e"]]


def test_a_split_has_only_the_ways_that_the_route_may_take() -> None:
    edges = (call("b", split="x", routes=("/buy",)), call("d", split="x"))
    assert names(*edges) == [["d"]]
    assert names(*edges, route="/buy") == [["b", "d"]]


def split(*weights: float, draws: Iterable[float]) -> Step:
    ways = [call(f"s{n}", split="x", split_weight=w) for n, w in enumerate(weights)]
    step, _ = steps_of("/", ways, {"x": scripted(draws)})
    assert step.split
    return step


@pytest.mark.parametrize(
    ("drawn", "way"), [(0.0, 0), (0.249, 0), (0.25, 1), (0.749, 1), (0.75, 3), (0.999, 3)]
)
def test_a_way_has_its_part_of_what_can_be_drawn(drawn: float, way: int) -> None:
    step = split(1.0, 2.0, 0.0, 1.0, draws=[drawn])
    assert step.choose() is step.ways[way]


@given(
    st.lists(st.floats(0, MOST), min_size=1, max_size=6).filter(any),
    st.floats(0, 1, exclude_max=True),
)
def test_whatever_is_drawn_and_whatever_the_weights_some_way_with_a_weight_is_chosen(
    weights: list[float], drawn: float
) -> None:
    chosen = split(*weights, draws=[drawn]).choose()
    assert chosen.upstream.split_weight > 0


def canary(seed: int = 1, **fields: Any) -> Counter[str]:
    """A shop with two versions of the stock, of which the new one gets a twentieth."""
    ends = {"source": "cart", "split": "stock"}
    scenario = Scenario(
        services=(service("cart", instance(workers=100)), service("v1"), service("v2")),
        edges=(
            Edge(destination="v1", split_weight=95.0, **ends),
            Edge(destination="v2", split_weight=5.0, **ends, **fields),
        ),
        loads=(Load(destination="cart", rate=400.0, arrivals="even"),),
        duration=10.0,
    )
    edges = run(scenario, seed).edges
    return Counter({edge[1]: totals.calls for edge, totals in edges.items()})


def test_a_canary_gets_its_share_and_every_request_goes_one_way() -> None:
    calls = canary()
    assert calls["v1"] + calls["v2"] == pytest.approx(calls["cart"], abs=20)
    # 5 % of 4,000 with a standard deviation of 13.8
    assert calls["v2"] == pytest.approx(200, abs=60)


def test_the_choice_of_way_does_not_depend_on_the_policies_of_the_ways() -> None:
    assert canary()["v2"] == canary(zone_local=True)["v2"]
