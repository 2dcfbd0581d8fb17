"""What is read off a run of the incident: the marks of the post-mortem, where they emerged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meshlab.mesh.result import Result
from meshlab.telemetry.columns import Columns
from meshlab.toll import BAD, auth_instances, calm, dark, deaths, failures, storm, toll


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Times in seconds of virtual time, None where it did not happen.

    ``kills`` are the deaths of auth instances out of memory: (time, instance, goroutines).
    ``at_rest`` is how many goroutines the busiest auth instance has in the calm minutes, on
    average: the most that it has there would grow with the lumps of a weighted run. ``peak`` is the
    most tries that reached live auth instances in a second, at ``peak_at``. ``dark`` is the longest
    span in which nobody was authenticated, ``restored`` when the shop was whole. ``failed`` counts
    users' pages that failed, ``bad_minutes`` the time in which more than 1 % of them did.
    """

    kills: tuple[tuple[float, str, float], ...]
    at_rest: float
    peak: float
    peak_at: float
    dark: tuple[float, float] | None
    restored: float | None
    failed: float
    bad_minutes: float

    @property
    def back(self) -> float | None:
        """When logins came again."""
        return self.dark[1] if self.dark else None


def marks(result: Result) -> Marks:
    """Every mark of one run."""
    columns = Columns(result.recordings)
    cost = toll(result, columns)
    return Marks(
        kills=tuple((e.time, e.subject, dict(e.evidence)["goroutines"]) for e in deaths(result)),
        at_rest=_at_rest(columns),
        peak=cost.peak,
        peak_at=float(columns.times[int(np.argmax(storm(columns)))]),
        dark=dark(columns),
        restored=_restored(columns),
        failed=cost.failed,
        bad_minutes=cost.bad_minutes,
    )


def _at_rest(columns: Columns) -> float:
    held = [columns.total("service_goroutines", instance=n) for n in auth_instances(columns)]
    return float(max(calm(columns.times, values).mean() for values in held))


def _restored(columns: Columns) -> float | None:
    """The end of the last scrape interval in which too many pages failed."""
    bad = np.flatnonzero(failures(columns)[0] > BAD)
    if not len(bad) or bad[-1] + 1 == columns.length:
        return None
    return float(columns.times[bad[-1]])
