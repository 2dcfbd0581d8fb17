"""Distributions: how values spread, as they are and as histogram buckets can show them."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from math import inf

import plotly.graph_objects as go

from meshlab.figures.style import LOOK, axis, finish, looks, say
from meshlab.literal import literal


def histogram(
    values: Mapping[str, Sequence[float]],
    *,
    title: str,
    x: str,
    unit: str = "s",
    bins: int = 40,
    marks: Mapping[str, float] | None = None,
    concepts: Mapping[str, str] | None = None,
) -> go.Figure:
    """How many observations lie where: the values themselves, in ``bins`` equal bins.

    Each series is counted over the same bins. ``marks`` are vertical lines with a name, at a value:
    a mean, a quantile.
    """
    everything = [v for series in values.values() for v in series]
    low, high = (min(everything), max(everything)) if everything else (0.0, 1.0)
    width = (high - low) / bins or 1.0
    edges = [low + i * width for i in range(1, bins)]
    figure = go.Figure()
    for name, look in looks(list(values), concepts).items():
        counts = [0] * bins
        for value in values[name]:
            counts[bisect_left(edges, value)] += 1
        figure.add_scatter(
            name=literal(name),
            x=[low + i * width for i in range(bins)] + [high],
            y=[*counts, counts[-1]],
            mode="lines",
            line={"color": look.colour, "dash": look.dash, "shape": "hv"},
            fill="tozeroy",
            fillpattern={"shape": look.pattern, "fgcolor": look.colour, "solidity": 0.15},
        )
    figure.update_layout(xaxis=axis(x, unit), yaxis=axis("observations"))
    _mark(figure, marks or {}, unit)
    told = [f"{name}: {_spread(series, unit)}" for name, series in values.items()]
    return finish(figure, title, f"{x.capitalize()}. " + "; ".join(told) + _told(marks, unit))


def buckets(
    counts: Mapping[float, float],
    *,
    title: str,
    x: str,
    unit: str = "s",
    marks: Mapping[str, float] | None = None,
) -> go.Figure:
    """A Prometheus histogram: upper bound ``le`` -> cumulative count (or rate), with +Inf.

    Every bucket is drawn from its lower to its upper bound, so that one sees how coarse it is. What
    lies above the last finite bound can't be placed and is only told in the summary.
    """
    bounds = sorted(bound for bound in counts if bound != inf)
    top = max(bounds, default=0.0)
    total = counts.get(inf, counts[top] if bounds else 0.0)
    below = [0.0, *(float(counts[bound]) for bound in bounds)]
    inside = [b - a for a, b in itertools.pairwise(below)]
    lower = [0.0, *bounds[:-1]]
    figure = go.Figure()
    figure.add_bar(
        name=literal(x), x=lower, y=inside, offset=0,
        width=[b - a for a, b in zip(lower, bounds, strict=True)],
        marker={"color": LOOK["latency"].colour, "line": {"color": "white", "width": 1}},
    )  # fmt: skip
    used = [bound for bound, count in zip(bounds, inside, strict=True) if count > 0]
    last = max([*used[-1:], *((marks or {}).values())], default=top)
    figure.update_layout(
        xaxis=axis(x, unit) | {"range": [0, last * 1.05]}, yaxis=axis("observations in the bucket")
    )
    _mark(figure, marks or {}, unit)
    fullest = max(range(len(bounds)), key=lambda i: inside[i])
    told = (
        f"{x.capitalize()}: {say(total)} observations; the fullest bucket ends at "
        f"{say(bounds[fullest], unit)} and holds {say(inside[fullest])}; "
        f"{say(total - below[-1])} above {say(top, unit)}"
    )
    return finish(figure, title, told + _told(marks, unit))


def _mark(figure: go.Figure, marks: Mapping[str, float], unit: str) -> None:
    """Vertical lines with their names, each a step lower so that names don't cover each other."""
    look = LOOK["limit"]
    for i, (name, value) in enumerate(marks.items()):
        figure.add_vline(x=value, line={"color": look.colour, "dash": look.dash, "width": 1.5})
        figure.add_annotation(
            x=value, y=1 - 0.09 * i, yref="paper", yanchor="top", xanchor="left", showarrow=False,
            text=literal(f"{name}: {say(value, unit)}"), bgcolor="rgba(255,255,255,0.85)",
        )  # fmt: skip


def _told(marks: Mapping[str, float] | None, unit: str) -> str:
    return "." + "".join(f" {name}: {say(v, unit)}." for name, v in (marks or {}).items())


def _spread(series: Sequence[float], unit: str) -> str:
    ordered = sorted(series)
    if not ordered:
        return "no observation"
    middle, tail = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return (
        f"{say(len(ordered))} observations, half below {say(middle, unit)}, "
        f"1 % above {say(tail, unit)}"
    )
