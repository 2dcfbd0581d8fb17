"""Discovery delays: how long new instances wait for their first answer, and for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from meshlab.figures.bars import bars
from meshlab.mesh.discovery_delays import CAUSES, Delay, mean_waits

LOOKS = {"turn": "before"}
"""Of the turn, which is nobody's fault; the other causes take the spare looks in their order."""


WIDTH = 2
"""Seconds of a slot in the histogram."""


def delay_histogram(rows: Sequence[Delay], *, title: str) -> go.Figure:
    """How many sidecars waited how long, in slots of some seconds, by their main cause."""
    slots = [int(row.seconds // WIDTH) for row in rows]
    names = [f"{WIDTH * i} to {WIDTH * (i + 1)} s" for i in range(max(slots, default=0) + 1)]
    counts = {cause: dict.fromkeys(names, 0.0) for cause in CAUSES}
    for row, slot in zip(rows, slots, strict=True):
        counts[row.cause][names[slot]] += 1
    return bars(counts, title=title, y="sidecars", stacked=True, concepts=LOOKS)


def delay_parts(plans: Mapping[str, Sequence[Delay]], *, title: str) -> go.Figure:
    """The mean delay under each plan, as a bar made of its causes."""
    waits = {name: mean_waits(rows) for name, rows in plans.items()}
    parts = {cause: {name: waits[name][cause] for name in plans} for cause in CAUSES}
    return bars(
        parts, title=title, y="mean delay", unit="s", horizontal=True, stacked=True, concepts=LOOKS
    )
