"""Timelines: how numbers move over (virtual) time, with the spans in which something was wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from meshlab.figures.style import axis, finish, looks, say, shade
from meshlab.literal import literal

if TYPE_CHECKING:
    import pandas as pd

MARKERS = 15
"""At most so many markers on a line: enough to tell it from others without its colour."""

Points = tuple[Sequence[float], Sequence[float]]
"""Times (s) and values of one line."""


def lines_by(samples: pd.DataFrame, label: str) -> dict[str, Points]:
    """A tidy frame (time, labels, value) as one line for each value of ``label``."""
    return {
        str(name): (rows["time"].tolist(), rows["value"].tolist())
        for name, rows in samples.groupby(label, sort=True)
    }


def timeline(
    lines: Mapping[str, Points | pd.DataFrame],
    *,
    title: str,
    y: str,
    unit: str = "",
    concepts: Mapping[str, str] | None = None,
    spans: Mapping[str, tuple[float, float]] | None = None,
    steps: bool = False,
    clock: Callable[[float], str] | None = None,
) -> go.Figure:
    """Lines over time.

    A line is (times, values) or a frame with the columns time and value; see `lines_by` for a frame
    of many. ``spans`` shades from..to (s) under a name: when a fault held. ``steps`` draws values
    that hold until they change (a state, a gauge). The unit "%" takes shares (0..1). ``clock`` says
    times as an incident's clock shows them, "14:29:00", instead of in seconds.
    """
    points = {name: _points(line) for name, line in lines.items()}
    figure = go.Figure()
    for name, look in looks(list(points), concepts).items():
        times, values = points[name]
        figure.add_scatter(
            name=literal(name),
            x=times,
            y=values,
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash, "shape": "hv" if steps else "linear"},
            marker={"symbol": look.symbol, "size": 7, "maxdisplayed": MARKERS},
        )
    shade(figure, spans or {})
    figure.update_layout(xaxis=axis("time", "s"), yaxis=axis(y, unit) | {"rangemode": "tozero"})
    if clock is not None:
        figure.update_xaxes(_clock_axis(points, clock))
    return finish(figure, title, _summary(points, y, unit, spans or {}, clock or _seconds))


def _seconds(time: float) -> str:
    return say(time, "s")


def _clock_axis(points: Mapping[str, Points], clock: Callable[[float], str]) -> dict[str, object]:
    """About nine times on the axis, at whole minutes."""
    last = max((times[-1] for times, _ in points.values() if times), default=0.0)
    step = max(60, round(last / 9 / 60) * 60)
    ticks = list(range(0, int(last) + 1, step))
    return {"title": {"text": "time (UTC)"}, "tickvals": ticks, "ticktext": [*map(clock, ticks)]}


def _points(line: Points | pd.DataFrame) -> Points:
    """Plain lists, so that a kept figure can be read and compared."""
    times, values = line if isinstance(line, tuple) else (line["time"], line["value"])
    return [float(t) for t in times], [float(v) for v in values]


def _summary(
    points: Mapping[str, Points],
    y: str,
    unit: str,
    spans: Mapping[str, tuple[float, float]],
    at_time: Callable[[float], str],
) -> str:
    told = []
    for name, (times, values) in points.items():
        known = [(v, t) for t, v in zip(times, values, strict=True) if v == v]
        if not known:
            told.append(f"{name}: no value")
            continue
        most, at = max(known, key=lambda pair: pair[0])
        least, last = min(known)[0], known[-1][0]
        told.append(
            f"{name}: {say(least, unit, bare=True)} to {say(most, unit)}, "
            f"highest at {at_time(at)}, last {say(last, unit)}"
        )
    shaded = [
        f"{name} from {at_time(a).removesuffix(' s')} to {at_time(b)}"
        for name, (a, b) in spans.items()
    ]
    return ". ".join([f"{y.capitalize()} over time", "; ".join(told), *shaded]) + "."
