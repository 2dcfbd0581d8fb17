"""Intervals: what runs gave against what was expected, row by row, on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from meshlab.figures.style import LOOK, axis, finish, say
from meshlab.literal import literal
from meshlab.oracles import Comparison

CONCEPTS = {"agrees": "ok", "differs": "errors", "too wide": "before"}
"""The look of every verdict."""


def intervals(rows: Sequence[Comparison], *, title: str) -> go.Figure:
    """Mean and interval of every row, as a share of its expected value; 100 % is the exact value.

    Each verdict has its colour and marker. Rows that expect 0 can't be drawn on this scale.
    """
    figure = go.Figure()
    for verdict, concept in CONCEPTS.items():
        those = [row for row in rows if row.verdict == verdict]
        if not those:
            continue
        look = LOOK[concept]
        figure.add_scatter(
            name=verdict,
            x=[row.mean / row.expected for row in those],
            y=[literal(row.what) for row in those],
            error_x={"array": [row.reach / abs(row.expected) for row in those]},
            mode="markers",
            marker={"color": look.colour, "symbol": look.symbol, "size": 10},
        )
    names = [literal(row.what) for row in rows]
    order = {"categoryorder": "array", "categoryarray": names[::-1]}
    figure.update_layout(xaxis=axis("measured, as a share of expected", "%"), yaxis=order)
    figure.add_vline(x=1, line={"color": LOOK["truth"].colour, "dash": "dot"})
    finish(figure, title, " ".join(_told(row) for row in rows))
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(showlegend=True, legend=legend, height=170 + 26 * len(rows))
    figure.layout.margin.t = 52 + 21 * (figure.layout.title.text.count("<br>") + 1)
    return figure


def _told(row: Comparison) -> str:
    return (
        f"{row.what}: expected {say(row.expected)}, measured {say(row.mean)} "
        f"within {say(row.reach)}, {row.verdict}."
    )
