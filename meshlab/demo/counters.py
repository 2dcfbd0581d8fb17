"""How much the recorded counters grew between two times: the arithmetic of the report.

`meshlab.telemetry.promql.increase` carries growth on to the edges of its window, because it can't
choose when a scrape comes. A report can: it takes the difference of two scrapes, and where its
phases begin and end with a scrape, as in the demo, the numbers are exact.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from meshlab.result import Result
from meshlab.telemetry.names import MESH_REQUEST_DURATION, Metric
from meshlab.telemetry.promql import bucket_quantile
from meshlab.telemetry.series import aggregate

Labels = tuple[str, ...]
Edges = Collection[tuple[str, str]]
Quantiles = tuple[float | None, float | None, float | None]
QUANTILES = (0.5, 0.95, 0.99)


class Counters:
    """One metric of the sidecars, summed over all series that share the labels ``by``.

    No sidecar restarts in a run, so that the sums only rise.
    """

    def __init__(self, result: Result, metric: Metric | str, by: Sequence[str]) -> None:
        samples = aggregate(result.frame(metric), by)
        table = samples.pivot(index="time", columns=list(by), values="value")
        self._keys: list[Labels] = [tuple(map(str, column)) for column in table.columns]
        self._times = table.index.to_numpy(dtype=float)
        self._values = table.to_numpy(dtype=float)

    def between(self, start: float, end: float) -> dict[Labels, int]:
        """How much each sum grew between the last scrapes up to ``start`` and ``end`` (s)."""
        growth = np.rint(self._at(end) - self._at(start)).astype(int)
        return dict(zip(self._keys, growth.tolist(), strict=True))

    def _at(self, time: float) -> np.ndarray:
        row = int(np.searchsorted(self._times, time + 1e-9, side="right")) - 1
        values: np.ndarray = self._values[max(row, 0)]
        return values


class Durations:
    """The duration histograms of every edge, and their quantiles between two times."""

    def __init__(self, result: Result) -> None:
        bucket = f"{MESH_REQUEST_DURATION}_bucket"
        self._buckets = Counters(result, bucket, ("source", "destination", "le"))

    def quantiles(self, edges: Edges, start: float, end: float) -> Quantiles:
        """p50, p95 and p99 (s) of the calls that ended in between on ``edges`` together.

        None where no call ended. As fine as the buckets are: see `bucket_quantile`.
        """
        counts: dict[float, float] = {}
        for (source, destination, le), growth in self._buckets.between(start, end).items():
            if (source, destination) in edges:
                counts[float(le)] = counts.get(float(le), 0.0) + growth
        bounds = sorted(counts)
        found = [bucket_quantile(q, bounds, [counts[b] for b in bounds]) for q in QUANTILES]
        p50, p95, p99 = (None if math.isnan(value) else value for value in found)
        return p50, p95, p99
