"""The storyboard: a replay in one picture, for viewers that play nothing.

Lines over the incident's clock, and beneath them where each minute of the post-mortem emerged; with
another history, what it changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from meshlab.figures.style import LOOK, axis, finish
from meshlab.literal import literal

Line = Sequence[float | None]


def storyboard(story: dict[str, Any], other: dict[str, Any] | None = None) -> go.Figure:
    """Draw a story (`meshlab.replay.story`): what users lost, and how the storm rose."""
    charts = {chart["title"]: chart for chart in story["charts"]}
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.06)
    beside = dict(zip(charts, (other or {}).get("charts", ()), strict=False))
    for row, (title, name) in enumerate((("pages", "failed"), ("at auth", "tries")), start=1):
        values = next(line["values"] for line in charts[title]["lines"] if line["name"] == name)
        concept = "errors" if row == 1 else "retries"
        _line(figure, row, story["times"], values, name, concept)
        if beside:
            _line(figure, row, story["times"], beside[title], "what if", "after")
            figure.data[-1].showlegend = row == 1
        figure.update_yaxes(axis(title, "per s"), rangemode="tozero", row=row, col=1)
    _marks(figure, story)
    ticks = range(0, len(story["times"]), 36)
    figure.update_xaxes(
        tickvals=[story["times"][i] for i in ticks], ticktext=[story["clock"][i][:5] for i in ticks]
    )
    failed = story["numbers"]["failed pages"]
    what_if = f", and {other['numbers']['failed pages']} with {other['label']}" if other else ""
    title = f"{failed} pages fail{what_if}"
    finish(figure, title, _summary(story, other))
    return figure


def _line(
    figure: go.Figure, row: int, times: Sequence[float], values: Line, name: str, concept: str
) -> None:
    look = LOOK[concept]
    figure.add_scatter(
        x=list(times), y=list(values), name=literal(name), mode="lines", row=row, col=1,
        line={"color": look.colour, "dash": look.dash},
    )  # fmt: skip


def _marks(figure: go.Figure, story: dict[str, Any]) -> None:
    """A triangle where an event emerged, a square where a cause begins."""
    found = [s for s in story["stations"] if s["emerged"] is not None]
    figure.add_scatter(
        x=[s["emerged"] for s in found],
        y=[0.0] * len(found),
        text=[literal(s["what"]) for s in found],
        name="▲ emerged ■ cause",
        mode="markers",
        marker={
            "symbol": ["square" if s["kind"] == "cause" else "triangle-up" for s in found],
            "color": LOOK["truth"].colour,
            "size": 9,
        },
        row=2,
        col=1,
    )


def _summary(story: dict[str, Any], other: dict[str, Any] | None) -> str:
    """The stations, and the numbers of both histories."""
    clock = dict(zip(story["times"], story["clock"], strict=True))
    told = [
        f"{s['what'].split(':')[0].split(';')[0]} at {_at(clock, s['emerged'])}"
        for s in story["stations"]
        if s["emerged"] is not None
    ]
    numbers = ", ".join(f"{name} {value}" for name, value in story["numbers"].items())
    text = f"{'; '.join(told)}. In numbers: {numbers}."
    if other:
        changed = ", ".join(f"{name} {value}" for name, value in other["numbers"].items())
        text += f" With {other['label']}: {changed}."
    return text


def _at(clock: dict[float, str], time: float) -> str:
    return clock[max(t for t in clock if t <= time)]
