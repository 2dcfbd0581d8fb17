"""How much the recorded counters grew between two times: the arithmetic of the report.

`meshlab.telemetry.promql.increase` carries growth on to the edges of its window, because it can't
choose when a scrape comes. A report can: it takes the difference of two scrapes, and where its
phases begin and end with a scrape, as in the demo, the numbers are exact.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from meshlab.mesh.result import Result
from meshlab.telemetry.columns import Columns
from meshlab.telemetry.names import MESH_REQUEST_DURATION, Metric
from meshlab.telemetry.promql import bucket_quantile
from meshlab.telemetry.registry import BOUNDS

Edges = Collection[tuple[str, str]]
Quantiles = tuple[float | None, float | None, float | None]
QUANTILES = (0.5, 0.95, 0.99)


class Counters:
    """The counters of a run's sidecars. None of these restarts, so that sums only rise."""

    def __init__(self, result: Result) -> None:
        self._columns = Columns(result.recordings)

    def growth(
        self, metric: Metric | str, edges: Edges, start: float, end: float, **labels: str
    ) -> int:
        """How much the counters of ``edges`` grew between the last scrapes by two times (s)."""
        first, last = (self._row(time) for time in (start, end))
        rising = [
            self._columns.total(metric, source=source, destination=destination, **labels)
            for source, destination in edges
        ]
        return round(sum(float(sums[last] - sums[first]) for sums in rising))

    def _row(self, time: float) -> int:
        return max(int(np.searchsorted(self._columns.times, time + 1e-9, side="right")) - 1, 0)

    def quantiles(self, edges: Edges, start: float, end: float) -> Quantiles:
        """p50, p95 and p99 (s) of the calls that ended in between on ``edges`` together.

        None where no call ended. As fine as the buckets are: see `bucket_quantile`.
        """
        bucket = f"{MESH_REQUEST_DURATION}_bucket"
        counts = [self.growth(bucket, edges, start, end, le=bound) for bound in BOUNDS]
        bounds = [float(bound) for bound in BOUNDS]
        found = [bucket_quantile(q, bounds, counts) for q in QUANTILES]
        p50, p95, p99 = (None if math.isnan(value) else value for value in found)
        return p50, p95, p99
