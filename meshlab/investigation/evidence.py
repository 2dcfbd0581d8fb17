"""What is known at a moment of the incident, and how somebody at a dashboard reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from meshlab.incident import utc
from meshlab.mesh.result import Result
from meshlab.scenario import Scenario
from meshlab.telemetry.columns import Columns
from meshlab.telemetry.ledger import Entry
from meshlab.telemetry.onset import onset
from meshlab.toll import CALM, calm
from meshlab.tracing import Span
from meshlab.wording import say

LAG = 10.0
"""How long (s) it takes from a scrape until its samples are on a dashboard."""


class Evidence:
    """The part of a run that is on record at ``now`` (s): what was scraped and written by then."""

    def __init__(self, result: Result, now: float) -> None:
        self.now = now
        self.scenario: Scenario = result.scenario
        self.columns = Columns(result.recordings, until=now - LAG)
        self.log: tuple[Entry, ...] = tuple(
            entry
            for entry in result.ledger
            if entry.time <= now - LAG and not entry.event.startswith(("fault ", "changed"))
        )
        self.spans: tuple[Span, ...] = tuple(s for s in result.spans if s.end <= now - LAG)


@dataclass(frozen=True, slots=True)
class Reading:
    """One series: what it is, its unit ("%" for a share), its times (s) and values."""

    what: str
    unit: str
    times: np.ndarray
    values: np.ndarray

    @property
    def calm(self) -> np.ndarray:
        """The values of the calm minutes; none if nothing was scraped then."""
        return calm(self.times, self.values)

    @property
    def normal(self) -> float:
        return float(self.calm.mean()) if len(self.calm) else float("nan")

    @property
    def now(self) -> float:
        """The newest sample; NaN if the last scrape got none."""
        return float(self.values[-1]) if len(self.values) else float("nan")

    @property
    def farthest(self) -> tuple[float, float]:
        """The value that was farthest from normal, and when (s). The last such one."""
        away = np.abs(self.values - self.normal)
        if np.isnan(away).all():
            return float("nan"), float("nan")
        at = len(away) - 1 - int(np.nanargmax(away[::-1]))
        return float(self.values[at]), float(self.times[at])

    @property
    def left(self) -> float | None:
        """When it left its calm range for three scrapes in a row (s); None: it did not."""
        samples = pd.DataFrame({"time": self.times, "value": self.values})
        return onset(self.what, samples, CALM, scrapes=3).time

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value of the calm minutes."""
        calm = self.calm
        none = float("nan")
        return (float(calm.min()), float(calm.max())) if len(calm) else (none, none)

    def row(self) -> dict[str, object]:
        """One line of a table: normal, now, the farthest from normal, and when it left."""
        value, at = self.farthest
        return {
            "reading": self.what,
            "normal": say(self.normal, self.unit),
            "now": say(self.now, self.unit),
            "farthest": say(value, self.unit),
            "at": utc(at) if at == at else "",
            "left normal": "" if self.left is None else utc(self.left),
        }
