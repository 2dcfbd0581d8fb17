"""Which metric moved first: when each one left the range in which it had stayed while all was calm.

    calm: low..high          here it leaves by more than the range is wide, and stays away
    .-.._.-.._.-.._.-.._.-.._.---'''''''
                              ^ onset

An alert rule asks whether a metric is bad; this asks when it changed, so that the order in which
trouble travelled can be read from recorded series alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Onset(NamedTuple):
    """When a metric left its calm range (s; None: never), the range, and its value then."""

    name: str
    time: float | None
    low: float
    high: float
    value: float | None


def onset(name: str, samples: pd.DataFrame, calm: tuple[float, float], scrapes: int = 2) -> Onset:
    """Judge one series, a frame with the columns time and value. ``calm`` is from..to (s).

    It has moved at the first scrape after ``calm`` at which it lies outside of its calm range by
    more than that range is wide, if it does so at ``scrapes`` in a row: once alone may be chance. A
    metric that was constant has moved when it changes. Scrapes without a value are passed over.
    """
    known = samples.dropna(subset=["value"]).sort_values("time")
    before = known[(known.time >= calm[0]) & (known.time <= calm[1])].value
    if before.empty:
        return Onset(name, None, float("nan"), float("nan"), None)
    low, high = float(before.min()), float(before.max())
    width = high - low
    after = known[known.time > calm[1]]
    outside = [not low - width <= value <= high + width for value in after.value]
    for n in range(len(outside) - scrapes + 1):
        if all(outside[n : n + scrapes]):
            row = after.iloc[n]
            return Onset(name, float(row.time), low, high, float(row.value))
    return Onset(name, None, low, high, None)


def onsets(
    series: Mapping[str, pd.DataFrame], calm: tuple[float, float], scrapes: int = 2
) -> list[Onset]:
    """Judge many, by name: those that moved in the order in which they did, then the others."""
    judged = [onset(name, samples, calm, scrapes) for name, samples in series.items()]
    return sorted(judged, key=lambda o: float("inf") if o.time is None else o.time)
