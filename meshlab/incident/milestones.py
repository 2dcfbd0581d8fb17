"""The minutes of the post-mortem, and when the same thing emerged in a run.

A row of the post-mortem is a *cause* (it is in the scenario), an *event* that a run may or may not
show, or what *people* did, of which a run knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meshlab.incident import readings
from meshlab.incident.cost import BAD, failures
from meshlab.incident.readings import Observed, observe
from meshlab.incident.scenario import post_mortem
from meshlab.mesh.result import Result
from meshlab.scenario.faults import Leak, Outage
from meshlab.telemetry.columns import Columns

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Milestone:
    """A line of the post-mortem: ``what`` it says of the minute ``told`` (s), and what a run shows.

    ``kind`` is cause (the scenario says so), event (it may emerge or not) or people (what they did,
    of which a run knows nothing). It ``emerged`` (s) or did not; ``shows`` are the run's numbers.
    """

    told: float
    what: str
    kind: str
    emerged: float | None
    shows: str

    @property
    def in_its_minute(self) -> bool:
        return self.emerged is not None and self.told <= self.emerged < self.told + MINUTE


def read_milestones(result: Result, columns: Columns | None = None) -> list[Milestone]:
    """Every line of the post-mortem, held against a run."""
    run = observe(result, columns)
    return [_held(run, told, what) for told, what in post_mortem()]


def _held(run: Observed, told: float, what: str) -> Milestone:
    kind, find, read = MILESTONES.get(told, ("people", _never, _silent))
    emerged = find(run)
    shows = read(run, told if emerged is None else emerged)
    return Milestone(told, what, kind, emerged, shows)


Find = Callable[[Observed], float | None]
"""When something emerged (s); None: it did not."""

Read = Callable[[Observed, float], str]
"""What a run shows at a time (s)."""


def _never(run: Observed) -> float | None:
    return None


def _silent(run: Observed, at: float) -> str:
    return ""


def _rush(run: Observed) -> float | None:
    """When the load begins to rise: the last point of the curve that is still at its first rate."""
    curve = run.result.scenario.loads[0].curve
    level = [time for time, rate in curve if rate == curve[0][1]]
    return level[-1] if len(level) < len(curve) else None


def _full_load(run: Observed) -> float | None:
    """When the load is at its height."""
    curve = run.result.scenario.loads[0].curve
    top = max(rate for _, rate in curve)
    return next(time for time, rate in curve if rate == top) if top > curve[0][1] else None


def _leak(run: Observed) -> float | None:
    return min((f.start for f in run.result.scenario.faults if isinstance(f, Leak)), default=None)


def _fix(run: Observed) -> float | None:
    """When operators stop the first instance to start it again."""
    return min((f.start for f in run.result.scenario.faults if isinstance(f, Outage)), default=None)


def _kill(number: int) -> Find:
    def find(run: Observed) -> float | None:
        kills = run.cost.kills
        return kills[number][0] if len(kills) > number else None

    return find


def _moved_on(run: Observed) -> float | None:
    """When every gateway has the first dead instance out of its list."""
    kills = run.cost.kills
    if not kills:
        return None
    dead = [
        entry.time
        for entry in run.result.ledger
        if entry.event == "unhealthy"
        and entry.subject.startswith("gateway")
        and entry.subject.endswith(f" {kills[0][1]}")
    ]
    gateways = len(run.result.scenario.service("gateway").instances)
    return dead[gateways - 1] if len(dead) >= gateways else None


def _breakers(run: Observed) -> float | None:
    return next((e.time for e in run.result.ledger if e.event == "breaker opened"), None)


def _dark(run: Observed) -> float | None:
    """When nobody is authenticated any more, after the last kill."""
    kills = run.cost.kills
    good = run.columns.rate("mesh_requests_total", destination="auth", code="200")
    return _first(run, (good == 0) & (run.columns.times > kills[0][0])) if kills else None


def _restored(run: Observed) -> float | None:
    """The first scrape after which no more pages fail than on a good day."""
    bad = np.flatnonzero(failures(run.columns)[0] > BAD)
    if not len(bad) or bad[-1] + 1 == run.columns.length:
        return None
    return float(run.columns.times[bad[-1] + 1])


def _first(run: Observed, holds: np.ndarray) -> float | None:
    return float(run.columns.times[int(np.argmax(holds))]) if holds.any() else None


MILESTONES: dict[float, tuple[str, Find, Read]] = {
    180.0: ("cause", _rush, readings.pages),
    300.0: ("cause", _leak, readings.leak),
    420.0: ("cause", _full_load, readings.pages),
    540.0: ("event", _kill(0), readings.kill(0)),
    600.0: ("event", _moved_on, readings.moved_load),
    660.0: ("event", _kill(1), readings.second_kill),
    720.0: ("event", _breakers, readings.breakers),
    780.0: ("event", _dark, readings.logins),
    900.0: ("people", _never, readings.database),
    1020.0: ("people", _never, readings.network),
    1140.0: ("people", _never, readings.truth),
    1320.0: ("cause", _fix, readings.restarts),
    1500.0: ("event", _restored, readings.restored),
}
"""What to look for and what to read, by the post-mortem's time (s)."""
