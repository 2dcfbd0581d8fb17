"""The mesh as a picture: services as nodes from the client to the database, calls as arrows.

width of an arrow    calls per second
label                calls per second, and the share that failed
dash and colour      solid blue: fine; dashed red with a cross: failing; dotted grey: unknown
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import plotly.graph_objects as go

from meshlab.figures.layers import Edge, Point, layered
from meshlab.figures.style import LOOK, finish, say
from meshlab.literal import literal
from meshlab.mesh.result import Result
from meshlab.scenario import Scenario

ALARM = 0.05
"""The share of errors from which an edge is drawn as failing, unless said otherwise."""

UNKNOWN = LOOK["before"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What is known of one edge: calls per second, and the share that failed; NaN: not known."""

    rate: float = nan
    errors: float = nan


Flows = Mapping[Edge, Flow]


def flows(result: Result, *, tries: bool = False) -> dict[Edge, Flow]:
    """The truth of a run on every edge: calls, or with ``tries`` each try (retries included)."""
    found = {}
    for edge, totals in result.edges.items():
        ended = totals.tries if tries else totals.outcomes
        started = totals.attempts if tries else totals.calls
        share = (sum(ended) - ended[0]) / sum(ended) if sum(ended) else 0.0
        found[edge] = Flow(rate=started / result.scenario.duration, errors=share)
    return found


def plan(scenario: Scenario) -> dict[Edge, Flow]:
    """Who calls whom, as declared: edges of which nothing was measured."""
    return {(edge.source, edge.destination): Flow() for edge in scenario.all_edges()}


def mesh_graph(flows: Flows, *, title: str, alarm: float = ALARM) -> go.Figure:
    """Draw the mesh. An edge is failing from the error share ``alarm`` on."""
    layout = layered(flows)
    busiest = max((flow.rate for flow in flows.values() if flow.rate == flow.rate), default=1.0)
    figure = go.Figure()
    labels = []
    for edge, flow in flows.items():
        width = 1.5 if flow.rate != flow.rate else 1 + 5 * flow.rate / (busiest or 1)
        figure.add_trace(_arrow(edge, flow, layout.paths[edge], width, alarm))
        labels.append(_label(flow, layout.paths[edge], alarm))
    figure.add_trace(_nodes(layout.nodes))
    labels += [_name(name, place) for name, place in layout.nodes.items()]
    figure.update_layout(
        annotations=[label for label in labels if label["text"]],
        xaxis={"visible": False, "range": [-0.4, max(x for x, _ in layout.nodes.values()) + 0.4]},
        yaxis={"visible": False, "range": [-1.35, 1.15]},
    )
    finish(figure, title, _summary(flows, alarm))
    figure.update_layout(margin={"l": 10, "r": 10, "b": 10})
    return figure


def _look(flow: Flow, alarm: float) -> tuple[str, str]:
    """Colour and dash of an edge."""
    if flow.rate != flow.rate:
        return UNKNOWN.colour, UNKNOWN.dash
    concept = LOOK["errors" if flow.errors >= alarm else "requests"]
    return concept.colour, concept.dash


def _arrow(edge: Edge, flow: Flow, path: list[Point], width: float, alarm: float) -> go.Scatter:
    colour, dash = _look(flow, alarm)
    return go.Scatter(
        name=literal("->".join(edge)),
        showlegend=False,
        x=[x for x, _ in path],
        y=[y for _, y in path],
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": width, "shape": "spline", "smoothing": 0.8},
        marker={
            "symbol": "arrow",
            "angleref": "previous",
            "size": [0] * (len(path) - 1) + [10 + 2 * width],
            "standoff": [0] * (len(path) - 1) + [13],
            "color": colour,
            "opacity": 1,
            "line": {"width": 0},
        },
        hovertemplate=literal(f"{edge[0]} calls {edge[1]}: {_words(flow)}") + "<extra></extra>",
    )


def _label(flow: Flow, path: list[Point], alarm: float) -> dict[str, object]:
    """Numbers on a white ground, in the middle of an edge or at its first waypoint."""
    (x0, y0), (x1, y1) = path[0], path[1]
    x, y = (x1, y1) if len(path) > 2 else ((x0 + x1) / 2, (y0 + y1) / 2)
    text = "" if flow.rate != flow.rate else f"{say(flow.rate)}/s"
    if flow.errors == flow.errors:
        text += f"<br>{'✕ ' if flow.errors >= alarm else ''}{say(flow.errors, '%')}"
    return {
        "x": x, "y": y, "text": text, "showarrow": False, "bgcolor": "rgba(255,255,255,0.85)",
        "borderpad": 1, "font": {"size": 11, "color": _look(flow, alarm)[0]},
    }  # fmt: skip


def _nodes(places: Mapping[str, Point]) -> go.Scatter:
    return go.Scatter(
        name="services",
        showlegend=False,
        x=[x for x, _ in places.values()],
        y=[y for _, y in places.values()],
        text=[literal(name) for name in places],
        mode="markers",
        hoverinfo="text",
        marker={
            "size": 26,
            "color": [LOOK.get(name, UNKNOWN).colour for name in places],
            "symbol": [LOOK.get(name, UNKNOWN).symbol for name in places],
            "line": {"color": "white", "width": 2},
        },
    )


def _name(name: str, place: Point) -> dict[str, object]:
    """What stands under a node, on a white ground so that no line runs through it."""
    return {
        "x": place[0], "y": place[1], "yshift": -15, "yanchor": "top", "showarrow": False,
        "text": f"<b>{literal(name)}</b>", "bgcolor": "rgba(255,255,255,0.85)", "borderpad": 0,
    }  # fmt: skip


def _words(flow: Flow) -> str:
    if flow.rate != flow.rate:
        return "nothing measured"
    share = "" if flow.errors != flow.errors else f", {say(flow.errors, '%')} of them failed"
    return f"{say(flow.rate)} per second{share}"


def _summary(flows: Flows, alarm: float) -> str:
    measured = {edge: flow for edge, flow in flows.items() if flow.errors == flow.errors}
    if not measured:
        calls = ", ".join(f"{a} to {b}" for a, b in flows)
        return f"Calls, not measured: {calls}."
    (source, destination), worst = max(measured.items(), key=lambda item: item[1].errors)
    failing = sum(flow.errors >= alarm for flow in measured.values())
    return (
        f"{len(flows)} edges, {failing} of them at {say(alarm, '%')} errors or more. "
        f"The worst is {source} to {destination}: {_words(worst)}."
    )
