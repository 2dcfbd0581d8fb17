"""What a run has to say to each line of the post-mortem: numbers that it recorded at that time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from meshlab.faults import Outage
from meshlab.incident import utc
from meshlab.mesh.result import Result
from meshlab.replay.stations import Station
from meshlab.telemetry.columns import Columns
from meshlab.toll import CALM, Toll, calm, dark, deaths, failures
from meshlab.wording import say

MIB = 2**20
NOTHING = "nothing of the kind"


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as all readers here look at it."""

    result: Result
    columns: Columns
    toll: Toll

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


def shown(seen: Seen, station: Station) -> str:
    """What the run shows where the post-mortem has ``station``."""
    read = _READERS.get(station.told)
    at = station.told if station.emerged is None else station.emerged
    return read(seen, at) if read else ""


def pages(seen: Seen, at: float) -> str:
    share, _ = failures(seen.columns)
    asked = seen.at(seen.columns.rate("mesh_requests_total", source="client"), at)
    return f"{say(asked, 'pages/s')}, {say(seen.at(share, at), '%')} of them fail"


def leak(seen: Seen, at: float) -> str:
    """When goroutines first were twice what they had ever been before the rush."""
    times, held = seen.columns.times, seen.fullest
    rest = float(np.nanmax(held[times <= CALM[1]]))
    twice = np.flatnonzero(np.nan_to_num(held) > 2 * rest)
    if not len(twice):
        return f"at most {say(float(np.nanmax(held)), 'goroutines')}, {say(rest)} before the rush"
    first = twice[0]
    return f"{say(held[first], 'goroutines')} at {utc(times[first])}, at most {say(rest)} before"


def kill(number: int) -> Callable[[Seen, float], str]:
    def read(seen: Seen, at: float) -> str:
        died = deaths(seen.result)
        if len(died) <= number:
            return NOTHING
        saw = dict(died[number].evidence)
        memory = f"{say(saw['memory_bytes'] / MIB, 'MiB')}"
        return f"{died[number].subject}: {say(saw['goroutines'], 'goroutines')}, {memory}"

    return read


def moved_load(seen: Seen, at: float) -> str:
    """Tries on those who live, before the first death and after the others know of it."""
    first = next(iter(seen.toll.kills), None)
    if first is None:
        return NOTHING
    died, dead = first
    told = []
    for name in seen.result.scenario.service("auth").instance_names():
        tries = seen.columns.rate("mesh_attempts_total", destination="auth", endpoint=name)
        if name != dead:
            before, after = seen.at(tries, died), seen.at(tries, at + 10.0)
            told.append(f"{name} {say(before)} to {say(after, 'tries/s')}")
    return ", ".join(told)


def second_kill(seen: Seen, at: float) -> str:
    return f"{kill(1)(seen, at)}; the storm is at most {say(seen.toll.peak, 'tries/s')}"


def breakers(seen: Seen, at: float) -> str:
    opened = [e for e in seen.result.ledger if e.event == "breaker opened"]
    if not opened:
        return NOTHING
    first = opened[0]
    others = len({entry.subject for entry in opened}) - 1
    return f"{first.subject} first ({first.reason.replace('_', ' ')}), {others} more"


def logins(seen: Seen, at: float) -> str:
    span = dark(seen.columns)
    if span is None:
        return "somebody was authenticated at all times"
    return f"nobody authenticated from {utc(span[0])} to {utc(span[1])}"


def database(seen: Seen, at: float) -> str:
    queries = seen.columns.rate("mesh_requests_total", destination="database")
    took = 1000 * seen.columns.mean("service_request_duration_seconds", service="database")
    now, calm = seen.at(queries, at), say(seen.calm(queries), "queries/s")
    normal = say(seen.calm(took), "ms")
    if now == 0.0:
        return f"no queries at all; in calm minutes {calm} of {normal} each"
    here = f"{say(now, 'queries/s')} of {say(seen.at(took, at), 'ms')} each"
    return f"{here}; in calm minutes {calm} of {normal}"


def network(seen: Seen, at: float) -> str:
    """Which services have endpoints that callers do not send to."""
    columns, missing = seen.columns, []
    for service in seen.result.scenario.services:
        known = columns.matrix("mesh_endpoints", destination=service.name)
        there = columns.matrix("mesh_endpoints_available", destination=service.name)
        short = np.fmax.reduce(known - there)
        if seen.at(short, at) > 0:
            known_now = seen.at(np.fmax.reduce(known), at)
            missing.append(f"{service.name} {say(seen.at(short, at))} of {say(known_now)}")
    return f"endpoints that are not healthy: {', '.join(missing) or 'none'}"


def truth(seen: Seen, at: float) -> str:
    held = seen.fullest
    height, calm = float(np.nanmax(held)), seen.calm(held)
    when = utc(float(seen.columns.times[int(np.nanargmax(held))]))
    times = say(height / calm)
    return f"{say(height, 'goroutines')} at {when}, {times} times the {say(calm)} of calm minutes"


def restarts(seen: Seen, at: float) -> str:
    planned = [f for f in seen.result.scenario.faults if isinstance(f, Outage)]
    told = [f"{f.target} {utc(f.start)}" for f in sorted(planned, key=lambda fault: fault.start)]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return ", ".join(told[:3]) + more if told else NOTHING


def restored(seen: Seen, at: float) -> str:
    return f"{say(seen.toll.last, '%')} of the pages fail at the end"


_READERS: Mapping[float, Callable[[Seen, float], str]] = {
    180.0: pages,
    300.0: leak,
    420.0: pages,
    540.0: kill(0),
    600.0: moved_load,
    660.0: second_kill,
    720.0: breakers,
    780.0: logins,
    900.0: database,
    1020.0: network,
    1140.0: truth,
    1320.0: restarts,
    1500.0: restored,
}
"""What to read, by the post-mortem's time (s)."""
