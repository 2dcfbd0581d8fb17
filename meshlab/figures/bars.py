"""Bars: amounts by category, one series or several, and two worlds side by side."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from meshlab.figures.style import axis, finish, looks, say

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
    figure.update_layout(barmode="stack" if stacked else "group")
    amounts = axis(y, unit)
    if horizontal:
        figure.update_layout(xaxis=amounts, yaxis={"autorange": "reversed"})
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
    figure = make_subplots(
        cols=len(worlds), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=list(worlds)
    )
    for column, groups in enumerate(worlds.values(), start=1):
        for trace in _traces(groups, unit, concepts, False):
            trace.update(legendgroup=trace.name, showlegend=column == 1 and len(groups) > 1)
            figure.add_trace(trace, row=1, col=column)
    figure.update_layout(barmode="group", yaxis=axis(y, unit))
    told = [f"{name}: {_summary(groups, y, unit)}" for name, groups in worlds.items()]
    finish(figure, title, " ".join(told))
    figure.layout.margin.t += 20
    return figure


def _traces(
    groups: Groups, unit: str, concepts: Mapping[str, str] | None, horizontal: bool
) -> list[go.Bar]:
    chosen = looks(list(groups), concepts)
    return [
        go.Bar(
            name=name,
            orientation="h" if horizontal else "v",
            x=list(amounts.values()) if horizontal else list(amounts),
            y=list(amounts) if horizontal else list(amounts.values()),
            text=[say(value, "%" if unit == "%" else "") for value in amounts.values()],
            textposition="auto",
            textfont={"color": "#222222"},
            insidetextfont={"color": "white"},
            cliponaxis=False,
            marker={
                "color": chosen[name].colour,
                "pattern": {"shape": chosen[name].pattern, "fgcolor": "white", "solidity": 0.2},
            },
        )
        for name, amounts in groups.items()
    ]


def _summary(groups: Groups, y: str, unit: str) -> str:
    """Every amount if there are few, else the ends of each series."""
    few = sum(len(amounts) for amounts in groups.values()) <= 12
    told = []
    for name, amounts in groups.items():
        keys = list(amounts) if few else sorted({_least(amounts): 0, _most(amounts): 0})
        listed = ", ".join(f"{key} {say(amounts[key], unit)}" for key in keys)
        told.append(f"{name}: {listed}" + ("" if few else " (the least and the most)"))
    return f"{y.capitalize()}. " + "; ".join(told) + "."


def _least(amounts: Mapping[str, float]) -> str:
    return min(amounts, key=lambda key: amounts[key])


def _most(amounts: Mapping[str, float]) -> str:
    return max(amounts, key=lambda key: amounts[key])
