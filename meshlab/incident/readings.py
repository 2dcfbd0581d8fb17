"""What a run has to say to each line of the post-mortem: numbers that it recorded at that time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meshlab.export.wording import say
from meshlab.incident.cost import CALM, Cost, calm, cost_of, dark, deaths, failures
from meshlab.incident.scenario import utc
from meshlab.mesh.result import Result
from meshlab.scenario.faults import Outage
from meshlab.telemetry.columns import Columns

MIB = 2**20
NOTHING = "nothing of the kind"


@dataclass(frozen=True, slots=True)
class Observed:
    """A run as all readers here look at it."""

    result: Result
    columns: Columns
    cost: Cost

    def at(self, values: np.ndarray, time: float) -> float:
        """The newest of ``values`` by ``time`` (s)."""
        return float(values[int(np.searchsorted(self.columns.times, time, side="right")) - 1])

    def calm(self, values: np.ndarray) -> float:
        """The mean over the minutes before the rush; NaN if nothing was known then."""
        known = calm(self.columns.times, values)
        return float(known.mean()) if len(known) else float("nan")

    @property
    def fullest(self) -> np.ndarray:
        """The most goroutines that an instance of auth holds, at each scrape."""
        held = self.columns.matrix("service_goroutines", service="auth")
        most: np.ndarray = np.fmax.reduce(held)
        return most


def observe(result: Result, columns: Columns | None = None) -> Observed:
    """Look at a run; ``columns`` saves reading them twice."""
    columns = columns or Columns(result.recordings)
    return Observed(result, columns, cost_of(result, columns))


def pages(run: Observed, at: float) -> str:
    share, _ = failures(run.columns)
    asked = run.at(run.columns.rate("mesh_requests_total", source="client"), at)
    return f"{say(asked, 'pages/s')}, {say(run.at(share, at), '%')} of them fail"


def leak(run: Observed, at: float) -> str:
    """When goroutines first were twice what they had ever been before the rush."""
    times, held = run.columns.times, run.fullest
    rest = float(np.nanmax(held[times <= CALM[1]]))
    twice = np.flatnonzero(np.nan_to_num(held) > 2 * rest)
    if not len(twice):
        return f"at most {say(float(np.nanmax(held)), 'goroutines')}, {say(rest)} before the rush"
    first = twice[0]
    return f"{say(held[first], 'goroutines')} at {utc(times[first])}, at most {say(rest)} before"


def kill(number: int) -> Callable[[Observed, float], str]:
    def read(run: Observed, at: float) -> str:
        died = deaths(run.result)
        if len(died) <= number:
            return NOTHING
        saw = dict(died[number].evidence)
        memory = f"{say(saw['memory_bytes'] / MIB, 'MiB')}"
        return f"{died[number].subject}: {say(saw['goroutines'], 'goroutines')}, {memory}"

    return read


def moved_load(run: Observed, at: float) -> str:
    """Tries on those who live, before the first death and after the others know of it."""
    first = next(iter(run.cost.kills), None)
    if first is None:
        return NOTHING
    died, dead = first
    told = []
    for name in run.result.scenario.service("auth").instance_names():
        tries = run.columns.rate("mesh_attempts_total", destination="auth", endpoint=name)
        if name != dead:
            before, after = run.at(tries, died), run.at(tries, at + 10.0)
            told.append(f"{name} {say(before)} to {say(after, 'tries/s')}")
    return ", ".join(told)


def second_kill(run: Observed, at: float) -> str:
    return f"{kill(1)(run, at)}; the storm is at most {say(run.cost.peak, 'tries/s')}"


def breakers(run: Observed, at: float) -> str:
    opened = [e for e in run.result.ledger if e.event == "breaker opened"]
    if not opened:
        return NOTHING
    first = opened[0]
    others = len({entry.subject for entry in opened}) - 1
    return f"{first.subject} first ({first.reason.replace('_', ' ')}), {others} more"


def logins(run: Observed, at: float) -> str:
    span = dark(run.columns)
    if span is None:
        return "somebody was authenticated at all times"
    return f"nobody authenticated from {utc(span[0])} to {utc(span[1])}"


def database(run: Observed, at: float) -> str:
    queries = run.columns.rate("mesh_requests_total", destination="database")
    took = 1000 * run.columns.mean("service_request_duration_seconds", service="database")
    now, calm = run.at(queries, at), say(run.calm(queries), "queries/s")
    normal = say(run.calm(took), "ms")
    if now == 0.0:
        return f"no queries at all; in calm minutes {calm} of {normal} each"
    here = f"{say(now, 'queries/s')} of {say(run.at(took, at), 'ms')} each"
    return f"{here}; in calm minutes {calm} of {normal}"


def network(run: Observed, at: float) -> str:
    """Which services have endpoints that callers do not send to."""
    columns, missing = run.columns, []
    for service in run.result.scenario.services:
        known = columns.matrix("mesh_endpoints", destination=service.name)
        there = columns.matrix("mesh_endpoints_available", destination=service.name)
        short = np.fmax.reduce(known - there)
        if run.at(short, at) > 0:
            known_now = run.at(np.fmax.reduce(known), at)
            missing.append(f"{service.name} {say(run.at(short, at))} of {say(known_now)}")
    return f"endpoints that are not healthy: {', '.join(missing) or 'none'}"


def truth(run: Observed, at: float) -> str:
    held = run.fullest
    height, calm = float(np.nanmax(held)), run.calm(held)
    when = utc(float(run.columns.times[int(np.nanargmax(held))]))
    times = say(height / calm)
    return f"{say(height, 'goroutines')} at {when}, {times} times the {say(calm)} of calm minutes"


def restarts(run: Observed, at: float) -> str:
    planned = [f for f in run.result.scenario.faults if isinstance(f, Outage)]
    told = [f"{f.target} {utc(f.start)}" for f in sorted(planned, key=lambda fault: fault.start)]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return ", ".join(told[:3]) + more if told else NOTHING


def restored(run: Observed, at: float) -> str:
    return f"{say(run.cost.last, '%')} of the pages fail at the end"
