"""Lanes: when each breaker of a mesh kept calls back, one lane for each, to see storms and probes.

    order-1->payment  |      ======x======x======*        |
    user-2->order     |       ====================*       |
                      = not closed   x a probe failed   * closed again

Read from the ledger, which knows every transition; scraped states know only those that a scrape
happened to meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from meshlab.figures.style import LOOK, axis, finish, say, shade
from meshlab.literal import literal
from meshlab.telemetry.ledger import Entry


@dataclass(frozen=True, slots=True)
class Spell:
    """One time in which a breaker was not closed: from ``start`` to ``end`` (s).

    ``closed`` is False where the run ended first. ``failed_probes`` are the times (s) at which a
    trial failed and the breaker opened anew.
    """

    start: float
    end: float
    closed: bool
    failed_probes: tuple[float, ...] = ()


def spells(ledger: Iterable[Entry], end: float) -> dict[str, list[Spell]]:
    """The spells of every breaker that opened in a run that ended at ``end`` (s), by its name.

    In the order in which they opened first.
    """
    found: dict[str, list[Spell]] = {}
    started: dict[str, float] = {}
    failed: dict[str, list[float]] = {}
    for entry in ledger:
        name = entry.subject
        if entry.event == "breaker opened" and name not in started:
            started[name], failed[name] = entry.time, []
            found.setdefault(name, [])
        elif entry.event == "breaker opened":
            failed[name].append(entry.time)
        elif entry.event == "breaker closed":
            spell = Spell(started.pop(name), entry.time, True, tuple(failed[name]))
            found[name].append(spell)
    for name, start in started.items():
        found[name].append(Spell(start, end, False, tuple(failed[name])))
    return found


def most_at_once(lanes: Mapping[str, Sequence[Spell]]) -> int:
    """How many breakers were not closed at the same time, at most."""
    every = [spell for lane in lanes.values() for spell in lane]
    return max((sum(s.start <= t.start < s.end for s in every) for t in every), default=0)


def lanes(
    spells: Mapping[str, Sequence[Spell]],
    *,
    title: str,
    spans: Mapping[str, tuple[float, float]] | None = None,
) -> go.Figure:
    """A lane for each breaker, the first that opened on top; ``spans`` shades from..to (s)."""
    figure = go.Figure(_bar(spells))
    failed = [(t, name) for name, lane in spells.items() for s in lane for t in s.failed_probes]
    closed = [(s.end, name) for name, lane in spells.items() for s in lane if s.closed]
    for label, concept, marks in (
        ("probe failed", "errors", failed),
        ("closed again", "ok", closed),
    ):
        look = LOOK[concept]
        figure.add_scatter(
            name=label,
            x=[time for time, _ in marks],
            y=[literal(name) for _, name in marks],
            mode="markers",
            marker={"color": look.colour, "symbol": look.symbol, "size": 10},
        )
    shade(figure, spans or {})
    order = {
        "categoryorder": "array",
        "categoryarray": [literal(name) for name in spells],
        "range": [len(spells) - 0.5, -1.2],  # room above the first lane for the names of spans
    }
    figure.update_layout(xaxis=axis("time", "s"), yaxis=order, bargap=0.35)
    return finish(figure, title, _summary(spells))


def _bar(spells: Mapping[str, Sequence[Spell]]) -> go.Bar:
    """Every spell as a bar that lies in its lane."""
    look = LOOK["limit"]
    each = [(name, spell) for name, lane in spells.items() for spell in lane]
    return go.Bar(
        name="not closed",
        orientation="h",
        y=[literal(name) for name, _ in each],
        base=[spell.start for _, spell in each],
        x=[spell.end - spell.start for _, spell in each],
        marker={"color": look.colour, "opacity": 0.6},
    )


def _summary(spells: Mapping[str, Sequence[Spell]]) -> str:
    """How many opened, which first, how many at once, and how long in all."""
    every = [spell for lane in spells.values() for spell in lane]
    if not every:
        return "No breaker opened."
    first = min(spells, key=lambda name: spells[name][0].start)
    seconds = sum(spell.end - spell.start for spell in every)
    probes = sum(len(spell.failed_probes) for spell in every)
    shut = [name for name, lane in spells.items() if not lane[-1].closed]
    told = [
        f"{len(spells)} breakers opened, at most {most_at_once(spells)} at once",
        f"first {first} at {say(spells[first][0].start, 's')}",
        f"not closed for {say(seconds, 's')} in all, {probes} failed probes",
        f"{len(shut)} not closed at the end",
    ]
    return "; ".join(told) + "."
