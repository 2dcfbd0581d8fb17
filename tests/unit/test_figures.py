"""What every figure promises, and what each kind of figure shows of its data."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from math import inf, nan

import plotly.graph_objects as go
import plotly.io as pio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.engines.run import run
from meshlab.faults import Errors
from meshlab.figures import (
    LOOK,
    Flow,
    bars,
    buckets,
    flows,
    histogram,
    lines_by,
    mesh_graph,
    plan,
    summary_of,
    timeline,
    worlds,
)
from meshlab.figures.layers import Edge, layered
from meshlab.figures.style import SPARE, looks, say
from meshlab.mesh.result import Result
from meshlab.shop import shop

GROUPS = {"truth": {"auth": 41.0, "user": 7.0}, "recorded": {"auth": 37.0, "user": 7.0}}
SHOP = flows(run(shop(rate=5, duration=10), seed=1))

FIGURES = {
    "bars": bars(GROUPS, title="A finding", y="errors", unit="calls"),
    "lying bars": bars(GROUPS, title="A finding", y="errors", unit="calls", horizontal=True),
    "worlds": worlds({"A": GROUPS, "B": GROUPS}, title="A finding", y="errors", unit="calls"),
    "timeline": timeline({"errors": ([0, 5], [1, 2])}, title="A finding", y="errors", unit="1/s"),
    "histogram": histogram({"truth": [0.1, 0.2, 0.4]}, title="A finding", x="duration"),
    "buckets": buckets({0.1: 3, 0.5: 9, inf: 10}, title="A finding", x="duration"),
    "mesh": mesh_graph(SHOP, title="A finding"),
}


@pytest.fixture(scope="module")
def broken_auth() -> Result:
    faults = (Errors(service="auth", rate=0.3),)
    return run(replace(shop(rate=20, duration=20), faults=faults), seed=1)


# What all figures share


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_a_figure_states_its_finding_and_says_itself_in_words(figure: go.Figure) -> None:
    assert figure.layout.title.text == "A finding"
    assert len(summary_of(figure)) > 20


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_what_a_reader_zoomed_into_stays_when_the_figure_is_repainted(figure: go.Figure) -> None:
    assert figure.layout.uirevision


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_a_kept_figure_is_plain_numbers_that_one_can_read_and_compare(figure: go.Figure) -> None:
    assert "bdata" not in figure.to_json()


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "mesh"])
def test_an_axis_names_its_unit(name: str) -> None:
    layout = json.loads(FIGURES[name].to_json())["layout"]
    titles = [
        axis.get("title", {}).get("text", "") for key, axis in layout.items() if "axis" in key
    ]
    assert any("(" in title for title in titles)


def test_a_long_finding_is_broken_into_lines() -> None:
    figure = bars(GROUPS, title="one word after another " * 8, y="errors")
    lines = figure.layout.title.text.split("<br>")
    assert len(lines) > 1
    assert max(map(len, lines)) <= 78


def test_no_figure_fetches_a_script_from_outside() -> None:
    assert pio.renderers.default == "plotly_mimetype"


def test_every_concept_has_a_colour_of_its_own() -> None:
    colours = [look.colour for look in (*LOOK.values(), *SPARE)]
    assert len(set(colours)) == len(colours)


def test_concepts_can_be_told_apart_without_colour() -> None:
    services = list(LOOK)[list(LOOK).index("client") :]
    measured = [name for name in LOOK if name not in services]
    for family in (services, measured):
        shapes = [(LOOK[name].dash, LOOK[name].symbol) for name in family]
        assert len(set(shapes)) == len(shapes)


def test_a_series_has_the_look_of_its_concept_and_an_unknown_one_a_spare_look() -> None:
    chosen = looks(["errors", "seen by users", "my own"], {"seen by users": "truth"})
    assert chosen == {"errors": LOOK["errors"], "seen by users": LOOK["truth"], "my own": SPARE[0]}


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (17503.2, "calls", "17,503 calls"),
        (0.0213, "%", "2.1 %"),
        (0.02, "%", "2 %"),
        (1.0, "%", "100 %"),
        (0.02134, "s", "0.0213 s"),
        (0, "", "0"),
        (nan, "s", "no value"),
    ],
)
def test_a_number_is_told_with_three_digits_and_its_unit(
    value: float, unit: str, said: str
) -> None:
    assert say(value, unit) == said


# Bars


def test_bars_say_every_amount_when_there_are_few() -> None:
    summary = summary_of(FIGURES["bars"])
    assert summary == "Errors in calls. truth: auth 41, user 7; recorded: auth 37, user 7."


def test_bars_say_the_ends_when_there_are_many() -> None:
    many = {"truth": {f"s{i}": float(i) for i in range(20)}}
    assert (
        summary_of(bars(many, title="t", y="errors")) == "Errors. truth: from 0 (s0) to 19 (s19)."
    )


def test_a_hatched_bar_keeps_its_colour_under_the_hatch() -> None:
    # With a white foreground and no ground of its own, the bar would not be seen at all.
    bar = bars({"errors": {"auth": 1}}, title="t", y="errors").data[0]
    assert bar.marker.color == LOOK["errors"].colour
    assert (bar.marker.pattern.shape, bar.marker.pattern.fillmode) == ("/", "overlay")


def test_shares_are_written_in_percent() -> None:
    figure = bars({"errors": {"auth": 0.125}}, title="t", y="share", unit="%")
    assert figure.data[0].y == (0.125,)
    assert figure.data[0].text == ("12.5 %",)
    assert figure.layout.yaxis.tickformat == ".0~%"


def test_worlds_stand_side_by_side_on_one_scale() -> None:
    figure = FIGURES["worlds"]
    assert figure.layout.yaxis2.matches == "y"
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]


# Timelines


def test_a_timeline_says_range_peak_and_end_of_every_line_and_its_spans() -> None:
    figure = timeline(
        {"errors": ([0, 5, 10, 15], [0.0, 4.1, nan, 0.2])},
        title="t",
        y="errors",
        unit="per second",
        spans={"auth fails": (3, 8)},
    )
    assert summary_of(figure) == (
        "Errors over time. errors: 0 to 4.1 per second, highest at 5 s, last 0.2 per second. "
        "auth fails from 3 to 8 s."
    )


def test_a_line_without_a_value_is_told_as_such() -> None:
    assert "errors: no value" in summary_of(timeline({"errors": ([0], [nan])}, title="t", y="e"))


def test_a_timeline_may_tell_times_as_a_clock_does() -> None:
    def clock(time: float) -> str:
        return f"14:{20 + int(time) // 60}"

    line = ([0.0, 300.0, 600.0], [1.0, 4.0, 2.0])
    figure = timeline(
        {"errors": line}, title="t", y="errors", clock=clock, spans={"fault": (60.0, 120.0)}
    )
    assert "highest at 14:25, last 2" in summary_of(figure)
    assert "fault from 14:21 to 14:22" in summary_of(figure)
    axis = figure.layout.xaxis
    assert dict(zip(axis.tickvals, axis.ticktext, strict=True))[300] == "14:25"


def test_a_frame_becomes_one_line_for_each_value_of_a_label(broken_auth: Result) -> None:
    frame = broken_auth.frame("service_requests_in_flight", service="auth")
    lines = lines_by(frame, "instance")
    assert list(lines) == ["auth-1", "auth-2", "auth-3"]
    times, values = lines["auth-1"]
    assert times == sorted(set(times))
    assert len(times) == len(values)


# Distributions


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50), st.integers(1, 20))
def test_a_histogram_counts_every_observation_once(values: list[float], bins: int) -> None:
    figure = histogram({"truth": values}, title="t", x="duration", bins=bins)
    assert sum(figure.data[0].y[:-1]) == len(values)


def test_a_bucket_is_drawn_between_its_bounds_with_what_it_alone_holds() -> None:
    bar = FIGURES["buckets"].data[0]
    assert bar.x == (0.0, 0.1)
    assert bar.width == (0.1, 0.4)
    assert bar.y == (3, 6)


def test_observations_above_the_last_bound_are_told_and_not_drawn() -> None:
    assert "1 above 0.5 s" in summary_of(FIGURES["buckets"])


# The mesh as a graph

EDGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=14).map(
    lambda pairs: [(f"s{min(p)}", f"s{max(p)}") for p in pairs if p[0] != p[1]] or [("s0", "s1")]
)


@given(EDGES)
def test_every_call_goes_to_the_right_layer_by_layer(edges: list[Edge]) -> None:
    layout = layered(edges)
    for (source, destination), path in layout.paths.items():
        assert path[0] == layout.nodes[source]
        assert path[-1] == layout.nodes[destination]
        assert all(b[0] == a[0] + 1 for a, b in pairwise(path))


@given(EDGES)
def test_no_service_stands_where_another_or_the_waypoint_of_an_edge_is(edges: list[Edge]) -> None:
    layout = layered(edges)
    waypoints = [point for path in layout.paths.values() for point in path[1:-1]]
    taken = [*layout.nodes.values(), *waypoints]
    assert len(set(taken)) == len(taken)


def test_the_lines_of_the_shop_cross_once_at_most() -> None:
    paths = layered(SHOP).paths.values()
    steps = [step for path in paths for step in pairwise(path)]
    crossings = sum(
        a[0][0] == b[0][0] and (a[0][1] - b[0][1]) * (a[1][1] - b[1][1]) < -1e-9
        for i, a in enumerate(steps)
        for b in steps[:i]
    )
    assert crossings <= 1


def test_flows_are_the_truth_of_the_run(broken_auth: Result) -> None:
    edge = ("gateway", "auth")
    totals = broken_auth.edges[edge]
    tries = flows(broken_auth, tries=True)[edge]
    assert tries.rate == totals.attempts / 20
    assert tries.errors == pytest.approx(0.3, abs=0.06)
    assert flows(broken_auth)[edge].errors < tries.errors  # retries hide errors


def test_a_failing_edge_is_marked_by_more_than_its_colour_and_the_worst_is_named(
    broken_auth: Result,
) -> None:
    figure = mesh_graph(flows(broken_auth, tries=True), title="t", alarm=0.2)
    arrows = {trace.name: trace for trace in figure.data}
    assert arrows["gateway->auth"].line.dash == arrows["user->auth"].line.dash == "dash"
    assert arrows["order->payment"].line.dash == "solid"
    crossed = [note.text for note in figure.layout.annotations if "✕" in note.text]
    assert len(crossed) == 2
    assert "11 edges, 2 of them at 20 % errors or more" in summary_of(figure)
    assert "to auth: " in summary_of(figure)


def test_an_arrow_is_as_wide_as_its_rate() -> None:
    figure = mesh_graph({("a", "b"): Flow(rate=10), ("b", "c"): Flow(rate=20)}, title="t")
    assert [trace.line.width for trace in figure.data[:2]] == [3.5, 6.0]


def test_a_plan_is_dotted_and_claims_no_numbers() -> None:
    figure = mesh_graph(plan(shop()), title="t")
    assert {trace.line.dash for trace in figure.data if trace.name != "services"} == {"dot"}
    assert summary_of(figure).startswith("Calls, not measured: client to gateway")
