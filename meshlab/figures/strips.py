"""Strips: every run as a dot, to see whether two worlds differ by more than days differ anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from meshlab.figures.style import Look, axis, finish, looks, say
from meshlab.literal import literal

Runs = Mapping[str, Mapping[str, Sequence[float]]]
"""World -> category -> one value for each run: ``{"world A": {"auth": [41.2, 39.8]}}``."""

Span = tuple[float, float]
"""The lowest and the highest run."""

TOLD = 5
"""How many rows the summary tells; the figure shows them all."""


def strips(
    panels: Mapping[str, Runs],
    *,
    title: str,
    units: Mapping[str, str] | None = None,
    concepts: Mapping[str, str] | None = None,
) -> go.Figure:
    """One panel for each quantity; in it a row of dots for each category and world.

    ``panels`` is quantity -> world -> category -> values; ``units`` is quantity -> unit, where "%"
    takes shares (0..1). All panels have the categories of the first.
    """
    first = next(iter(panels.values()))
    categories = list(next(iter(first.values())))
    chosen = looks(list(first), concepts)
    lanes = _lanes(list(first))
    figure = make_subplots(cols=len(panels), shared_yaxes=True, horizontal_spacing=0.05)
    for column, (quantity, runs) in enumerate(panels.items(), start=1):
        for world, look in chosen.items():
            dots = _dots(runs[world], categories, lanes[world], look)
            name = literal(world)
            dots.update(name=name, legendgroup=name, showlegend=column == 1)
            figure.add_trace(dots, row=1, col=column)
        scale = axis(quantity, (units or {}).get(quantity, "")) | {"rangemode": "tozero"}
        figure.update_xaxes(scale, row=1, col=column)
    figure.update_yaxes(range=[len(categories) - 0.5, -0.5], zeroline=False)
    shown = [literal(name) for name in categories]
    figure.update_yaxes(tickvals=list(range(len(categories))), ticktext=shown)
    return finish(figure, title, _summary(panels, units or {}))


def two_boards(
    boards: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]],
    *,
    title: str,
    units: Mapping[str, str],
) -> go.Figure:
    """Two boards beside each other: the first, of before or of world A, grey; the second purple.

    ``boards`` is world -> quantity -> category -> values, as one collects them, run by run.
    """
    turned = {what: {world: board[what] for world, board in boards.items()} for what in units}
    concepts = dict(zip(boards, ("before", "after"), strict=True))
    return strips(turned, title=title, units=units, concepts=concepts)


def _dots(
    values: Mapping[str, Sequence[float]], categories: Sequence[str], lane: float, look: Look
) -> go.Scatter:
    """The runs of one world, each category in its row."""
    points = [(value, row + lane) for row, name in enumerate(categories) for value in values[name]]
    return go.Scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        mode="markers",
        marker={
            "color": look.colour,
            "symbol": look.symbol,
            "size": 8,
            "line": {"color": look.colour, "width": 1.5},
        },
    )


def _lanes(worlds: Sequence[str]) -> dict[str, float]:
    """Where the dots of each world lie within the row of a category."""
    width = 0.6 / len(worlds)
    return {world: width * (i - (len(worlds) - 1) / 2) for i, world in enumerate(worlds)}


def _summary(panels: Mapping[str, Runs], units: Mapping[str, str]) -> str:
    """How many rows overlap; of those that don't, the ones that are furthest apart."""
    rows = [
        (_distance(spans), f"{quantity} of {category}: {_told(spans, units.get(quantity, ''))}.")
        for quantity, runs in panels.items()
        for category in next(iter(runs.values()))
        for spans in [{w: (min(v[category]), max(v[category])) for w, v in runs.items()}]
    ]
    apart = sorted((row for row in rows if row[0] > 0), reverse=True)
    worlds = ", ".join(next(iter(panels.values())))
    overlap = f"In {len(rows) - len(apart)} of {len(rows)} rows they overlap."
    most = ["Furthest apart:"] if len(apart) > TOLD else []
    return " ".join(
        [f"Every dot is one run: {worlds}.", overlap, *most, *(row for _, row in apart[:TOLD])]
    )


def _distance(spans: Mapping[str, Span]) -> float:
    """The room between two spans, as a share of all that the row takes; 0 where they overlap."""
    room = max(low for low, _ in spans.values()) - min(high for _, high in spans.values())
    width = max(high for _, high in spans.values()) - min(low for low, _ in spans.values())
    return max(room, 0.0) / width if width else 0.0


def _told(spans: Mapping[str, Span], unit: str) -> str:
    return ", ".join(
        f"{world} {say(low, unit, bare=True)} to {say(high, unit)}" if low < high
        else f"{world} {say(low, unit)}"
        for world, (low, high) in spans.items()
    )  # fmt: skip
