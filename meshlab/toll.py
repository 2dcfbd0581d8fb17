"""What a run of the incident cost, in a few numbers that stand beside those of another run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meshlab.mesh.result import Result
from meshlab.telemetry.columns import Columns
from meshlab.telemetry.ledger import Entry

CALM = (60.0, 180.0)
"""14:21 to 14:23: the queues have filled, the rush has not begun. This is what *normal* means."""

BAD = 0.01
"""From which share of failed pages on a minute counts as one of outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """Users' failed pages, minutes in which more than 1 % failed, the height of the storm, deaths.

    ``peak`` is tries per second at auth instances that lived; ``kills`` are (time in s, instance)
    in the order of time. ``last`` is the share of pages that fail when the run ends.
    """

    failed: float
    bad_minutes: float
    peak: float
    kills: tuple[tuple[float, str], ...]
    last: float

    def next_kill(self, after: float = 0.0) -> float | None:
        """When the next instance died after a time (s); None: no more did."""
        return next((time for time, _ in self.kills if time > after), None)


def toll(result: Result, columns: Columns | None = None) -> Toll:
    """Read the toll off a run; ``columns`` saves reading them twice."""
    columns = columns or Columns(result.recordings)
    share, failed = failures(columns)
    seconds = np.diff(columns.times, prepend=0.0)
    return Toll(
        failed=float(np.nansum(failed * seconds)),
        bad_minutes=float(seconds[share > BAD].sum() / 60.0),
        last=float(share[-1]),
        peak=float(np.nanmax(storm(columns), initial=0.0)),
        kills=tuple((entry.time, entry.subject) for entry in deaths(result)),
    )


def calm(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values of the calm minutes; none if nothing was known then."""
    known: np.ndarray = values[(times >= CALM[0]) & (times <= CALM[1]) & ~np.isnan(values)]
    return known


def deaths(result: Result) -> list[Entry]:
    """Who ran out of memory, in the order of time."""
    return [e for e in result.ledger if e.event == "killed" and e.reason == "out of memory"]


def failures(columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Of users' pages that ended at each scrape: the share that failed, and failures per second."""
    every = columns.rate("mesh_requests_total", source="client")
    failed = every - columns.rate("mesh_requests_total", source="client", code="200")
    return failed / np.maximum(every, 1.0), failed


def storm(columns: Columns) -> np.ndarray:
    """Tries per second that reached auth instances which lived at both scrapes around them."""
    total = np.zeros(len(columns.times))
    for name in auth_instances(columns):
        lives = columns.total("up", job="service", instance=name) == 1.0
        both = lives & np.concatenate([[False], lives[:-1]])
        tries = columns.rate("mesh_attempts_total", destination="auth", endpoint=name)
        total += np.where(both, np.nan_to_num(tries), 0.0)
    return total


def dark(columns: Columns) -> tuple[float, float] | None:
    """The longest span (s) in which nobody was authenticated; None: somebody always was."""
    none = columns.rate("mesh_requests_total", destination="auth", code="200") == 0.0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], none, [False]]).astype(int)))
    if not len(edges):
        return None
    start, end = max(edges.reshape(-1, 2).tolist(), key=lambda span: span[1] - span[0])
    return float(columns.times[start - 1]), float(columns.times[end - 1])


def auth_instances(columns: Columns) -> list[str]:
    """The names of the instances of auth that are scraped."""
    return columns.targets("service_goroutines", service="auth")
