"""Bars: amounts by category, one series or several, and two worlds side by side."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from meshlab.figures.style import axis, finish, looks, say
from meshlab.literal import literal

Groups = Mapping[str, Mapping[str, float]]
"""Series name -> category -> amount: ``{"truth": {"auth": 41}, "recorded": {"auth": 37}}``."""


def bars(
    groups: Groups,
    *,
    title: str,
    y: str,
    unit: str = "",
    concepts: Mapping[str, str] | None = None,
    horizontal: bool = False,
    stacked: bool = False,
) -> go.Figure:
    """Amounts by category, a bar for each series.

    ``title`` is the finding; ``y`` names the quantity and ``unit`` its unit; the unit "%" takes
    shares (0..1). ``concepts`` says which look a series has: ``{"seen by users": "errors"}``. Bars
    lie down if ``horizontal`` (long category names), and are put on each other if ``stacked``.
    """
    figure = go.Figure(_traces(groups, unit, concepts, horizontal))
    if stacked:
        figure.update_traces(textposition="none")
    figure.update_layout(barmode="stack" if stacked else "group")
    amounts = axis(y, unit)
    if horizontal:
        most = max((v for each in groups.values() for v in each.values() if v == v), default=0)
        room = {} if stacked or most <= 0 else {"range": [0, 1.15 * most]}  # for the numbers
        figure.update_layout(xaxis=amounts | room, yaxis={"autorange": "reversed"})
    else:
        figure.update_layout(yaxis=amounts)
    return finish(figure, title, _summary(groups, y, unit))


def worlds(
    worlds: Mapping[str, Groups],
    *,
    title: str,
    y: str,
    unit: str = "",
    concepts: Mapping[str, str] | None = None,
) -> go.Figure:
    """Worlds side by side on one scale, to see what tells them apart (or does not)."""
    titles = [literal(name) for name in worlds]
    figure = make_subplots(
        cols=len(worlds), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=titles
    )
    for column, groups in enumerate(worlds.values(), start=1):
        for trace in _traces(groups, unit, concepts, False):
            trace.update(legendgroup=trace.name, showlegend=column == 1 and len(groups) > 1)
            figure.add_trace(trace, row=1, col=column)
    figure.update_layout(barmode="group", yaxis=axis(y, unit))
    told = [f"{name}: {_summary(groups, y, unit)}" for name, groups in worlds.items()]
    finish(figure, title, " ".join(told))
    figure.layout.margin.t += 24
    if figure.layout.showlegend:
        figure.layout.legend.y = 1.11
    return figure


def _traces(
    groups: Groups, unit: str, concepts: Mapping[str, str] | None, horizontal: bool
) -> list[go.Bar]:
    chosen = looks(list(groups), concepts)
    return [
        go.Bar(
            name=literal(name),
            orientation="h" if horizontal else "v",
            x=list(amounts.values()) if horizontal else [literal(key) for key in amounts],
            y=[literal(key) for key in amounts] if horizontal else list(amounts.values()),
            text=[say(value, unit, bare=True) for value in amounts.values()],
            textposition="outside",
            cliponaxis=False,
            marker={
                "color": chosen[name].colour,
                "pattern": {
                    "shape": chosen[name].pattern,
                    "fillmode": "overlay",
                    "fgcolor": "white",
                    "size": 6,
                    "solidity": 0.25,
                },
            },
        )
        for name, amounts in groups.items()
    ]


def _summary(groups: Groups, y: str, unit: str) -> str:
    """Every amount if there are few, else the ends of each series."""
    few = sum(len(amounts) for amounts in groups.values()) <= 12
    tell = _each if few else _ends
    told = [f"{name}: {tell(amounts, unit)}" for name, amounts in groups.items()]
    what = f"{y} in {unit}" if unit not in ("", "%", y) else y
    return f"{what[:1].upper()}{what[1:]}. {'; '.join(told)}."


def _each(amounts: Mapping[str, float], unit: str) -> str:
    return ", ".join(f"{key} {say(value, unit, bare=True)}" for key, value in amounts.items())


def _ends(amounts: Mapping[str, float], unit: str) -> str:
    least, most = min(amounts, key=amounts.__getitem__), max(amounts, key=amounts.__getitem__)
    low, high = say(amounts[least], unit, bare=True), say(amounts[most], unit, bare=True)
    return f"from {low} ({least}) to {high} ({most})"
