"""Curves: one quantity against another, such as answers against load, with a line for each case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from meshlab.figures.style import axis, finish, looks, say
from meshlab.figures.timeline import MARKERS, Points
from meshlab.literal import literal


def curves(
    lines: Mapping[str, Points],
    *,
    title: str,
    x: str,
    y: str,
    x_unit: str = "",
    unit: str = "",
    concepts: Mapping[str, str] | None = None,
) -> go.Figure:
    """Lines of (x values, y values), drawn from point to point in the order in which they come.

    A line may turn back on itself: that is how a hysteresis looks.
    """
    figure = go.Figure()
    for name, look in looks(list(lines), concepts).items():
        xs, ys = lines[name]
        figure.add_scatter(
            name=literal(name),
            x=[float(value) for value in xs],
            y=[float(value) for value in ys],
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash},
            marker={"symbol": look.symbol, "size": 8, "maxdisplayed": MARKERS},
        )
    figure.update_layout(xaxis=axis(x, x_unit), yaxis=axis(y, unit) | {"rangemode": "tozero"})
    told = [f"{name}: {_course(*line, x_unit, unit)}" for name, line in lines.items()]
    return finish(figure, title, f"{y.capitalize()} against {x}. {'; '.join(told)}.")


def _course(xs: Sequence[float], ys: Sequence[float], x_unit: str, unit: str) -> str:
    """Where a line begins and ends, and its highest and lowest points."""
    points = [(float(a), float(b)) for a, b in zip(xs, ys, strict=True)]
    if not points:
        return "no point"
    high, low = max(points, key=lambda p: p[1]), min(points, key=lambda p: p[1])
    (first, at_first), (last, at_last) = points[0], points[-1]
    return (
        f"from {say(at_first, unit)} at {say(first, x_unit)} to {say(at_last, unit)} "
        f"at {say(last, x_unit)}, highest {say(high[1], unit)} at {say(high[0], x_unit)}, "
        f"lowest {say(low[1], unit)} at {say(low[0], x_unit)}"
    )
