"""How much the recorded counters grew between two times: the arithmetic of the report.

`meshlab.telemetry.promql.increase` carries growth on to the edges of its window, because it can't
choose when a scrape comes. A report can: it takes the difference of two scrapes, and where its
phases begin and end with a scrape, as in the demo, the numbers are exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from meshlab.result import Result
from meshlab.telemetry.names import MESH_REQUEST_DURATION, Metric
from meshlab.telemetry.promql import bucket_quantile
from meshlab.telemetry.series import aggregate

Labels = tuple[str, ...]


class Counters:
    """One metric of the sidecars, summed over all series that share the labels ``by``.

    No sidecar restarts in a run, so that the sums only rise. ``times`` (s) are the scrapes'.
    """

    def __init__(self, result: Result, metric: Metric | str, by: Sequence[str]) -> None:
        samples = aggregate(result.frame(metric), by)
        table = samples.pivot(index="time", columns=list(by), values="value")
        self._keys: list[Labels] = [_labels(column) for column in table.columns]
        self.times = table.index.to_numpy(dtype=float)
        self._values = table.to_numpy(dtype=float)

    def between(self, start: float, end: float) -> dict[Labels, float]:
        """How much each sum grew between the last scrapes up to ``start`` and ``end`` (s)."""
        growth = self._at(end) - self._at(start)
        return dict(zip(self._keys, growth.tolist(), strict=True))

    def _at(self, time: float) -> np.ndarray:
        row = int(np.searchsorted(self.times, time + 1e-9, side="right")) - 1
        values: np.ndarray = self._values[max(row, 0)]
        return values


def _labels(column: object) -> Labels:
    return column if isinstance(column, tuple) else (str(column),)


class Durations:
    """The duration histograms of every edge, and their quantiles between two times."""

    def __init__(self, result: Result) -> None:
        bucket = f"{MESH_REQUEST_DURATION}_bucket"
        self._buckets = Counters(result, bucket, ("source", "destination", "le"))

    def quantiles(
        self, edges: Iterable[tuple[str, str]], start: float, end: float, *qs: float
    ) -> list[float | None]:
        """The quantiles (s) of the calls that ended in between on ``edges`` together.

        None where no call ended. As fine as the buckets are: see `bucket_quantile`.
        """
        wanted = set(edges)
        counts: dict[float, float] = {}
        for (source, destination, le), growth in self._buckets.between(start, end).items():
            if (source, destination) in wanted:
                counts[float(le)] = counts.get(float(le), 0.0) + growth
        bounds = sorted(counts)
        found = [bucket_quantile(q, bounds, [counts[b] for b in bounds]) for q in qs]
        return [None if math.isnan(value) else value for value in found]


def total(growth: Mapping[Labels, float], *, where: Mapping[int, object] | None = None) -> int:
    """The whole number of things that were counted, over all labels or those chosen by place."""
    chosen = (where or {}).items()
    return round(
        sum(n for labels, n in growth.items() if all(labels[i] == wanted for i, wanted in chosen))
    )
