"""What a run gives: recordings, ledger, traces, and the truth in totals.

Figures, panels and checks only read it. What the metrics of a phase can't show is in ``edges`` and
``processes``, where a lesson can hold the metrics against it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshlab.mesh.totals import EdgeTotals, ProcessTotals
from meshlab.rules import require_known
from meshlab.scenario import Scenario
from meshlab.telemetry.central import CentralLog
from meshlab.telemetry.ledger import Entry
from meshlab.telemetry.names import Metric
from meshlab.telemetry.series import Exemplar, Matcher, Recording, frame
from meshlab.tracing import Span

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """Everything that a run recorded. ``edges`` is keyed by (source, destination).

    ``engine`` says which engine ran, and why not the compiled one; all else is the same in both.
    """

    scenario: Scenario
    seed: int
    events: int
    recordings: tuple[Recording, ...]
    ledger: tuple[Entry, ...]
    spans: tuple[Span, ...]
    exemplars: tuple[Exemplar, ...]
    edges: dict[tuple[str, str], EdgeTotals]
    processes: dict[str, ProcessTotals]
    central: CentralLog | None
    engine: str = "reference"

    def frame(self, metric: str | Metric, /, **matchers: Matcher) -> pd.DataFrame:
        """All samples of one metric as a tidy frame; see `meshlab.telemetry.series.frame`."""
        return frame(self.recordings, metric, **matchers)

    def recording(self, target: str, job: str = "sidecar") -> Recording:
        """What was scraped from one target: a sidecar, or an application (job "service")."""
        known = {r.target: r for r in self.recordings if r.job == job}
        require_known(target, known, "result", f"{job} target")
        return known[target]

    def digest(self) -> str:
        """A fingerprint of all that was recorded: equal results have equal digests."""
        sha = hashlib.sha256()
        for recording in self.recordings:
            sha.update(repr((recording.target, recording.job, recording.schema)).encode())
            sha.update(recording.times.astype("<f8").tobytes())
            sha.update(recording.values.astype("<f8").tobytes())
        rest = (self.ledger, self.spans, self.exemplars, self.edges, self.processes, self.central)
        sha.update(repr((self.events, rest)).encode())
        return sha.hexdigest()
