"""The minutes of the post-mortem, and when the same thing emerged in a run.

A row of the post-mortem is a *cause* (it is in the scenario), an *event* that a run may or may not
show, or what *people* did, of which a run knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meshlab.faults import Leak, Outage
from meshlab.incident.scenario import post_mortem
from meshlab.mesh.result import Result
from meshlab.telemetry.columns import Columns
from meshlab.toll import BAD, failures, toll


@dataclass(frozen=True, slots=True)
class Station:
    """One row: the post-mortem's time (s) and words, and when it emerged (s; None: it did not)."""

    told: float
    what: str
    kind: str
    emerged: float | None


def stations(result: Result, columns: Columns | None = None) -> list[Station]:
    """Every row of the post-mortem, held against a run."""
    columns = columns or Columns(result.recordings)
    found = []
    for told, what in post_mortem():
        kind, find = _FIND.get(told, ("people", _nothing))
        found.append(Station(told, what, kind, find(result, columns)))
    return found


Find = Callable[[Result, Columns], float | None]


def _nothing(result: Result, columns: Columns) -> float | None:
    return None


def _rush(result: Result, columns: Columns) -> float | None:
    """When the load begins to rise: the last point of the curve that is still at its first rate."""
    curve = result.scenario.loads[0].curve
    level = [time for time, rate in curve if rate == curve[0][1]]
    return level[-1] if len(level) < len(curve) else None


def _full_load(result: Result, columns: Columns) -> float | None:
    """When the load is at its height."""
    curve = result.scenario.loads[0].curve
    top = max(rate for _, rate in curve)
    return next(time for time, rate in curve if rate == top) if top > curve[0][1] else None


def _leak(result: Result, columns: Columns) -> float | None:
    return min((f.start for f in result.scenario.faults if isinstance(f, Leak)), default=None)


def _fix(result: Result, columns: Columns) -> float | None:
    """When operators stop the first instance to start it again."""
    return min((f.start for f in result.scenario.faults if isinstance(f, Outage)), default=None)


def _kill(number: int) -> Find:
    def find(result: Result, columns: Columns) -> float | None:
        kills = toll(result, columns).kills
        return kills[number][0] if len(kills) > number else None

    return find


def _moved_on(result: Result, columns: Columns) -> float | None:
    """When every gateway has the first dead instance out of its list."""
    kills = toll(result, columns).kills
    if not kills:
        return None
    dead = [
        entry.time
        for entry in result.ledger
        if entry.event == "unhealthy"
        and entry.subject.startswith("gateway")
        and entry.subject.endswith(f" {kills[0][1]}")
    ]
    gateways = len(result.scenario.service("gateway").instances)
    return dead[gateways - 1] if len(dead) >= gateways else None


def _breakers(result: Result, columns: Columns) -> float | None:
    return next((e.time for e in result.ledger if e.event == "breaker opened"), None)


def _dark(result: Result, columns: Columns) -> float | None:
    """When nobody is authenticated any more, after the last kill."""
    kills = toll(result, columns).kills
    good = columns.rate("mesh_requests_total", destination="auth", code="200")
    return _first(columns, (good == 0) & (columns.times > kills[0][0])) if kills else None


def _restored(result: Result, columns: Columns) -> float | None:
    """The first scrape after which no more pages fail than on a good day."""
    bad = np.flatnonzero(failures(columns)[0] > BAD)
    if not len(bad) or bad[-1] + 1 == columns.length:
        return None
    return float(columns.times[bad[-1] + 1])


def _first(columns: Columns, holds: np.ndarray) -> float | None:
    return float(columns.times[int(np.argmax(holds))]) if holds.any() else None


_FIND: dict[float, tuple[str, Find]] = {
    180.0: ("cause", _rush),
    300.0: ("cause", _leak),
    420.0: ("cause", _full_load),
    540.0: ("event", _kill(0)),
    600.0: ("event", _moved_on),
    660.0: ("event", _kill(1)),
    720.0: ("event", _breakers),
    780.0: ("event", _dark),
    1320.0: ("cause", _fix),
    1500.0: ("event", _restored),
}
"""What to look for, by the post-mortem's time (s). The other rows tell what people did."""
