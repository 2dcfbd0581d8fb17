"""How every figure of the series looks: one look per concept, and what all figures share.

A concept has the same colour in all lessons, and a dash, a marker and a hatch of its own, because
colour is never the only sign. What is measured has the colours of Okabe and Ito (2008), services
have Paul Tol's "muted" ones, so that no colour stands for two things; all are safe for the
colour-blind.

A finished figure says in words what it shows: ``figure.layout.meta["summary"]``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from meshlab.literal import literal
from meshlab.wording import say as say


@dataclass(frozen=True, slots=True)
class Look:
    """How one concept is drawn: colour, and for black and white dash, marker and hatch."""

    colour: str
    dash: str = "solid"
    symbol: str = "circle"
    pattern: str = ""


LOOK: dict[str, Look] = {
    "requests": Look("#0072B2"),
    "errors": Look("#D55E00", "dash", "x", "/"),
    "retries": Look("#E69F00", "dot", "triangle-up", "x"),
    "latency": Look("#CC79A7", "solid", "diamond", "-"),
    "truth": Look("#000000", "solid", "pentagon"),
    "recorded": Look("#56B4E9", "dashdot", "square", "\\"),
    "ok": Look("#009E73", "longdashdot", "star", "."),
    "limit": Look("#595959", "longdash", "line-ew-open", "|"),
    "before": Look("#8C8C8C", "dot", "circle-open", ""),
    "after": Look("#5B4FA2", "solid", "diamond-open", "+"),
    "client": Look("#4D4D4D", "solid", "square"),
    "gateway": Look("#332288", "solid", "circle"),
    "auth": Look("#88CCEE", "dash", "square", "/"),
    "user": Look("#44AA99", "dot", "diamond", "\\"),
    "order": Look("#117733", "dashdot", "triangle-up", "x"),
    "inventory": Look("#999933", "longdash", "cross", "-"),
    "payment": Look("#CC6677", "longdashdot", "star", "|"),
    "database": Look("#882255", "12px,4px", "hexagon2", "+"),
}
"""The look of every concept, measured things first, then the services of the shop."""

SPARE = (
    Look("#DDCC77", "solid", "circle", "."),
    Look("#AA4499", "dash", "square", "/"),
    Look("#6699CC", "dot", "diamond", "x"),
    Look("#997700", "dashdot", "cross", "-"),
)
"""Looks for names that are no concept of the series, in the order in which they come."""

WIDTH, HEIGHT = 700, 400
"""The size of a figure in px. On a page it is as wide as there is room; kept pictures are this."""

CONFIG: dict[str, Any] = {"displaylogo": False, "showSendToCloud": False}
"""What plotly is told beside a figure: no link to its site, no button that uploads the figure.

The template takes that button out too, for viewers that heed no such word, and the two that select
points: nothing here asks for a selection, and every button is one more stop of the Tab key.
"""

_AXIS = {
    "automargin": True,
    "gridcolor": "#E5E5E5",
    "ticks": "outside",
    "tickcolor": "white",
    "title": {"standoff": 8, "font": {"size": 14}},
}

pio.templates["meshlab"] = go.layout.Template(
    layout={
        "font": {"family": "Arial, Helvetica, sans-serif", "size": 13, "color": "#222222"},
        "title": {"x": 0.012, "y": 1, "yanchor": "top", "pad": {"t": 12}, "font": {"size": 16}},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "colorway": [look.colour for look in SPARE],
        "hovermode": "closest",
        "modebar": {"remove": ["sendChartToCloud", "select2d", "lasso2d"]},
        "xaxis": _AXIS | {"linecolor": "#888888"},
        "yaxis": _AXIS | {"zerolinecolor": "#888888"},
    }
)
pio.templates.default = "meshlab"
# Only the notebook's own renderer: the others would fetch a script from outside.
pio.renderers.default = "plotly_mimetype"
pio.renderers["plotly_mimetype"].config = CONFIG


def looks(names: list[str], concepts: Mapping[str, str] | None = None) -> dict[str, Look]:
    """The look of every series: of the concept that ``concepts`` names, else of its own name.

    A name that is no concept gets one of the spare looks.
    """
    chosen = {name: (concepts or {}).get(name, name) for name in names}
    spare = [name for name in names if chosen[name] not in LOOK]
    return {
        name: LOOK[concept] if concept in LOOK else SPARE[spare.index(name) % len(SPARE)]
        for name, concept in chosen.items()
    }


def axis(quantity: str, unit: str = "") -> dict[str, Any]:
    """An axis with its unit in the title; shares are written in percent."""
    text = f"{quantity} ({unit})" if unit and quantity else quantity or unit
    return {"title": {"text": literal(text)}, **({"tickformat": ".0~%"} if unit == "%" else {})}


def shade(figure: go.Figure, spans: Mapping[str, tuple[float, float]]) -> None:
    """Shade from..to (s), each under its name: when a fault held."""
    for name, (start, end) in spans.items():
        figure.add_vrect(
            x0=start, x1=end, fillcolor="#999999", opacity=0.18, line_width=0, layer="below",
            annotation={"text": literal(name), "font": {"size": 12}},
            annotation_position="top left",
        )  # fmt: skip


def finish(figure: go.Figure, title: str, summary: str) -> go.Figure:
    """Give a figure what all have: its finding as title, its summary, room, a legend."""
    lines = wrap(title, 78)
    named = [trace.name for trace in figure.data if trace.showlegend is not False and trace.name]
    names = [unescape(name) for name in named]
    legend = len(names) > 1
    across = legend and sum(len(name) + 8 for name in names) < 90
    figure.update_layout(
        # plotly hangs a title of two lines half a line too high
        title={"text": "<br>".join(map(literal, lines)), "pad": {"t": 2 + 10 * len(lines)}},
        meta={"summary": summary},
        uirevision="meshlab",
        height=HEIGHT,
        margin={"l": 60, "r": 20, "t": 26 + 21 * len(lines) + 26 * across, "b": 50},
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"} if across else {},
    )
    return figure


def summary_of(figure: go.Figure) -> str:
    """What a figure shows, in words; its title if nobody wrote a summary."""
    meta = figure.layout.meta or {}
    title = figure.layout.title.text or ""
    return str(meta.get("summary") or unescape(title.replace("<br>", " ")))


def plain(figure: go.Figure) -> dict[str, Any]:
    """A figure as JSON knows it. What is not a number becomes null: a gap in a line.

    Jupyter itself would send NaN as the text "nan", and plotly would make the axis one of words.
    """
    described: dict[str, Any] = json.loads(figure.to_json())
    return described
