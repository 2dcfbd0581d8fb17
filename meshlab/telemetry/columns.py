"""Recorded series as plain arrays: the same sums and rates as `promql`, for what must be quick.

A replay reads a few hundred series at every scrape; tidy frames would take a second for it. Here a
series is a column of its recording, and an answer has one number for each scrape.

    columns = Columns(result.recordings)
    columns.rate("mesh_attempts_total", destination="auth")      tries per second, all sidecars

A rate is the growth since the scrape before, over the time between the two: ``irate`` of
Prometheus, with no window to blur it. At the first scrape, and while a target was down, there is
none; sums leave out those who have no number.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from meshlab.model.rules import require_known
from meshlab.telemetry.names import METRICS, Metric
from meshlab.telemetry.series import Recording

_KNOWN = {sample for metric in METRICS for sample in metric.samples}


class Columns:
    """All series of a run by metric. ``until`` (s) hides what was scraped later."""

    def __init__(self, recordings: Iterable[Recording], until: float = np.inf) -> None:
        recordings = tuple(recordings)
        every = recordings[0].times
        self.length = int(np.searchsorted(every, until, side="right"))
        self.times = every[: self.length]
        self._found: dict[str, list[tuple[dict[str, str], np.ndarray]]] = {}
        for recording in recordings:
            for j, key in enumerate(recording.schema):
                labels = {"instance": recording.target, **dict(key.labels)}
                column = recording.values[: self.length, j]
                self._found.setdefault(key.metric, []).append((labels, column))

    def matrix(self, metric: str | Metric, **labels: str) -> np.ndarray:
        """Every series of a metric whose labels are these: shape (series, scrapes)."""
        require_known(str(metric), _KNOWN, "columns", "metric")
        columns = [
            column
            for found, column in self._found.get(str(metric), ())
            if all(found.get(name) == value for name, value in labels.items())
        ]
        return np.array(columns).reshape(len(columns), self.length)

    def targets(self, metric: str | Metric, **labels: str) -> list[str]:
        """Which instances have series of a metric whose labels are these."""
        found = [
            known["instance"]
            for known, _ in self._found.get(str(metric), ())
            if all(known.get(name) == value for name, value in labels.items())
        ]
        return list(dict.fromkeys(found))

    def total(self, metric: str | Metric, **labels: str) -> np.ndarray:
        """The sum of a gauge over its series; NaN where none of them has a number."""
        return _sum(self.matrix(metric, **labels))

    def rate(self, metric: str | Metric, **labels: str) -> np.ndarray:
        """How fast counters grew since the scrape before, together, per second."""
        values = self.matrix(metric, **labels)
        growth = np.diff(values, axis=1)
        growth = np.where(growth < 0, values[:, 1:], growth)  # it has begun again at zero
        first = np.full((len(values), 1), np.nan)
        seconds = np.diff(self.times, prepend=-1.0)
        per_second: np.ndarray = _sum(np.concatenate([first, growth], axis=1)) / seconds
        return per_second

    def mean(self, metric: str | Metric, **labels: str) -> np.ndarray:
        """The mean of a histogram's observations between two scrapes; NaN where there were none."""
        return ratio(self.rate(f"{metric}_sum", **labels), self.rate(f"{metric}_count", **labels))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole`` at every scrape; NaN where the whole is nothing."""
    some = np.nan_to_num(whole) > 0
    shares: np.ndarray = np.divide(part, whole, where=some, out=np.full(len(part), np.nan))
    return shares


def _sum(rows: np.ndarray) -> np.ndarray:
    known = ~np.isnan(rows)
    added: np.ndarray = np.where(known, rows, 0.0).sum(axis=0)
    added[~known.any(axis=0)] = np.nan
    return added
