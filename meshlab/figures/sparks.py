"""Sparks: several series above each other, each on its own scale, as a dashboard shows them.

Each row has its name, a grey band for what is normal, its line up to now, its newest value and its
greatest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from meshlab.figures.style import LOOK, finish, say
from meshlab.literal import literal


class Spark(NamedTuple):
    """One row: times (s), values (NaN: a gap), the unit, and the range that is normal."""

    times: Sequence[float]
    values: Sequence[float]
    unit: str
    normal: tuple[float, float]


def sparks(
    rows: Mapping[str, Spark], *, title: str, ticks: Mapping[float, str], summary: str
) -> go.Figure:
    """Draw the rows. ``ticks`` names times on the axis: ``{540.0: "14:29"}``."""
    figure = make_subplots(rows=max(len(rows), 1), shared_xaxes=True, vertical_spacing=0.06)
    for number, (name, spark) in enumerate(rows.items(), start=1):
        _draw(figure, number, name, spark)
    figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False, rangemode="tozero")
    shown = [literal(text) for text in ticks.values()]
    figure.update_xaxes(range=[min(ticks), max(ticks)], tickvals=list(ticks), ticktext=shown)
    finish(figure, title, summary)
    figure.update_layout(margin={"l": 215, "r": 90}, showlegend=False)
    return figure


def _draw(figure: go.Figure, number: int, name: str, spark: Spark) -> None:
    figure.add_scatter(
        name=literal(name),
        x=[float(t) for t in spark.times],
        y=[float(v) for v in spark.values],
        mode="lines",
        line={"color": LOOK["recorded"].colour, "width": 2},
        row=number,
        col=1,
    )
    low, high = spark.normal
    if low == low:
        figure.add_hrect(
            y0=low, y1=high, fillcolor="#999999", opacity=0.35, line_width=0, layer="below",
            exclude_empty_subplots=False, row=number, col=1,
        )  # fmt: skip
    place = {"yref": f"y{number if number > 1 else ''} domain", "y": 0.5, "showarrow": False}
    known = [value for value in spark.values if value == value]
    told = say(spark.values[-1], spark.unit) if len(spark.values) else "not scraped yet"
    most = [f"most {say(max(known), spark.unit, bare=True)}"] if known else []
    shown = "<br>".join(map(literal, [told, *most]))
    figure.add_annotation(
        text=literal(name), xref="paper", x=0, xanchor="right", xshift=-8, **place
    )
    figure.add_annotation(
        text=shown, align="left", xref="paper", x=1, xanchor="left", xshift=6, **place
    )
