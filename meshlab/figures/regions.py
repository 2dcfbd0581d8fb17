"""A map of worlds: which region each combination of two parameters belongs to."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from meshlab.figures.style import LOOK, Look, axis, finish, looks, say
from meshlab.figures.timeline import Points
from meshlab.literal import literal

Cells = Mapping[tuple[float, float], str]
"""The region of every cell, by its place (x, y)."""

PALE = 0.25
"""How much of a region's colour its ground has; its markers have all of it."""


def regions(
    cells: Cells,
    *,
    title: str,
    x: str,
    y: str,
    x_unit: str = "",
    y_unit: str = "",
    concepts: Mapping[str, str] | None = None,
    lines: Mapping[str, Points] | None = None,
) -> go.Figure:
    """Every cell has the colour and the marker of its region; ``lines`` are drawn over them.

    With the unit "%" a parameter is a share (0..1). Lines are cut off at the edge of the map.
    """
    figure = go.Figure()
    chosen = looks(list(dict.fromkeys(cells.values())), concepts)
    for region, look in chosen.items():
        those = [place for place, name in cells.items() if name == region]
        figure.add_heatmap(**_ground(those, look), hoverinfo="skip", showscale=False)
        figure.add_scatter(
            name=literal(region),
            x=[place[0] for place in those],
            y=[place[1] for place in those],
            mode="markers",
            marker={"color": look.colour, "symbol": look.symbol, "size": 11},
        )
    truth = LOOK["truth"]
    for name, (xs, ys) in (lines or {}).items():
        pen = {"color": truth.colour, "dash": "dot", "width": 3}
        line = {"x": list(xs), "y": list(ys), "mode": "lines", "line": pen}
        figure.add_scatter(name=literal(name), **line)
    across, up = (_span([place[n] for place in cells]) for n in (0, 1))
    figure.update_xaxes(axis(x, x_unit), range=across, showgrid=False, zeroline=False)
    figure.update_yaxes(axis(y, y_unit), range=up, showgrid=False, zeroline=False)
    return finish(figure, title, _summary(cells, (x, x_unit), (y, y_unit)))


def _ground(places: list[tuple[float, float]], look: Look) -> dict[str, object]:
    """Pale squares, as a heatmap with holes where other regions are."""
    xs, ys = (sorted({place[n] for place in places}) for n in (0, 1))
    return {
        "x": xs,
        "y": ys,
        "z": [[1 if (a, b) in places else None for a in xs] for b in ys],
        "colorscale": [[0, look.colour], [1, look.colour]],
        "opacity": PALE,
    }


def _span(values: list[float]) -> list[float]:
    """From half a cell before the first to half a cell behind the last."""
    places = sorted(set(values))
    half = (places[-1] - places[0]) / max(len(places) - 1, 1) / 2 or 0.5
    return [places[0] - half, places[-1] + half]


def _summary(cells: Cells, x: tuple[str, str], y: tuple[str, str]) -> str:
    """How large every region is, and where on each axis it lies."""
    told = []
    for region in dict.fromkeys(cells.values()):
        places = [place for place, name in cells.items() if name == region]
        sides = [
            f"{name} {say(min(values), unit)} to {say(max(values), unit)}"
            for n, (name, unit) in enumerate((x, y))
            for values in [[place[n] for place in places]]
        ]
        told.append(f"{region}: {len(places)} of {len(cells)} cells, {', '.join(sides)}")
    return f"{y[0].capitalize()} against {x[0]}. {'; '.join(told)}."
