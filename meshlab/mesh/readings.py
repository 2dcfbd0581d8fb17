"""What a scrape reads of a mesh, and how the numbers read become the series that it shows.

places()  where the numbers stand: fields of records, read at each scrape as they are
values()  all rows that were read --> all samples of the series, in one go, when the run is over
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from meshlab.kernel.reader import Place
from meshlab.mesh.counts import CLASS_COUNT, DURATIONS, OUTCOMES
from meshlab.mesh.instance import ServiceInstance
from meshlab.mesh.registry import OPENING, STATUSES, edge_schema, service_schema
from meshlab.mesh.upstream import Upstream
from meshlab.model import Outcome
from meshlab.telemetry.series import SeriesKey

BY_STATUS = np.array(
    [[float((str(o.code), o.flag) == status) for status in STATUSES] for o in Outcome]
)
"""Which status each outcome is counted under: shape (outcomes, statuses)."""


class Registry(Protocol):
    """The series of one edge in one sidecar, or of one application."""

    def schema(self) -> list[SeriesKey]: ...

    def places(self) -> list[Place]:
        """Where the numbers stand that a scrape reads."""
        ...

    def values(self, rows: np.ndarray) -> np.ndarray:
        """The samples of `schema`, shape (scrapes, series), from what was read at `places`."""
        ...


def _fields(record: object, *names: str) -> list[Place]:
    return [(record, name, None) for name in names]


def _items(record: object, name: str, indices: Iterable[int]) -> list[Place]:
    return [(record, name, index) for index in indices]


class _Columns:
    """Takes what was read apart again, in the order in which the places were declared."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = rows
        self._next = 0

    def take(self, count: int) -> np.ndarray:
        """The next ``count`` columns: shape (scrapes, count)."""
        first, self._next = self._next, self._next + count
        return self._rows[:, first : self._next]

    def histogram(self) -> list[np.ndarray]:
        """Each bucket holds all that is not longer; then the sum (s) and the count."""
        rising = np.add.accumulate(self.take(DURATIONS), axis=1)
        return [rising, self.take(1), rising[:, -1:]]


class EdgeRegistry:
    """The series of one edge in one sidecar. ``routes`` are those that are counted apart."""

    def __init__(self, upstream: Upstream, routes: Sequence[tuple[int, str]] = ()) -> None:
        self._upstream = upstream
        self._routes = routes
        self._endpoints = len(upstream.endpoints)

    def schema(self) -> list[SeriesKey]:
        upstream = self._upstream
        ends = upstream.source, upstream.destination
        endpoints = [endpoint.name for endpoint in upstream.endpoints]
        return edge_schema(ends, endpoints, [name for _, name in self._routes])

    def places(self) -> list[Place]:
        upstream = self._upstream
        counts, endpoints = upstream.counts, upstream.endpoints
        slots = [n * CLASS_COUNT + c for n, _ in self._routes for c in range(CLASS_COUNT)]
        return [
            *_items(counts, "outcomes", range(OUTCOMES)),
            *(place for endpoint in endpoints for place in _fields(endpoint, "attempts")),
            *(place for endpoint in endpoints for place in _fields(endpoint, "failures")),
            *_fields(counts, "retries", "retries_succeeded", "retries_denied"),
            *_items(counts, "tries", [Outcome.TIMEOUT]),
            *_fields(counts, "started"),
            *_items(counts, "buckets", range(DURATIONS)),
            *_fields(counts, "seconds"),
            *_fields(upstream, "breaker_state"),
            *_items(counts, "opened", OPENING),
            *_fields(upstream, "members"),
            *_fields(upstream.cluster, "available"),
            *_fields(counts, "ejections"),
            *_fields(upstream.cluster, "panic"),
            *_items(counts, "routes", slots),
        ]

    def values(self, rows: np.ndarray) -> np.ndarray:
        columns = _Columns(rows)
        outcomes = columns.take(OUTCOMES)
        parts = [
            outcomes @ BY_STATUS,
            columns.take(2 * self._endpoints),
            columns.take(4),
            outcomes[:, [Outcome.OVERFLOW]],
            columns.take(1) - outcomes.sum(axis=1, keepdims=True),
            *columns.histogram(),
            columns.take(1 + len(OPENING)),
            outcomes[:, [Outcome.CIRCUIT_OPEN]],
            columns.take(4 + len(self._routes) * CLASS_COUNT),
        ]
        return np.concatenate(parts, axis=1)


class ServiceRegistry:
    """The series of one application; a process that is down can't be scraped."""

    def __init__(self, instance: ServiceInstance) -> None:
        self._instance = instance

    def schema(self) -> list[SeriesKey]:
        return service_schema(self._instance.service)

    def places(self) -> list[Place]:
        instance, counts = self._instance, self._instance.counts
        memory = ("base_goroutines", "leaked", "base_bytes", "bytes_per_goroutine")
        return [
            *_fields(instance, "up"),
            *_fields(counts, "ok", "errors", "shed"),
            *_items(counts, "buckets", range(DURATIONS)),
            *_fields(counts, "seconds"),
            *_fields(instance, "busy", "queued", *memory, "starts"),
        ]

    def values(self, rows: np.ndarray) -> np.ndarray:
        columns = _Columns(rows)
        up, answers, histogram = columns.take(1), columns.take(3), columns.histogram()
        busy, queued, base, leaked, base_bytes, each = (columns.take(1) for _ in range(6))
        held = busy + queued
        goroutines = base + held + np.floor(leaked)
        size = base_bytes + goroutines * each
        starts = columns.take(1)
        parts: list[Any] = [answers, *histogram, held, queued, goroutines, size, starts - 1.0]
        values = np.concatenate(parts, axis=1)
        values[up[:, 0] == 0.0] = np.nan
        return values
