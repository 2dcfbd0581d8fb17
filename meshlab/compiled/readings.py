"""What a scrape reads of a compiled run: every series of every registry, in one go.

The series are those of `meshlab.telemetry.registry`, in the same order. All numbers of all records
are laid out in one long row, and each series knows its place in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meshlab.model import Outcome
from meshlab.telemetry.counts import CLASSES
from meshlab.telemetry.names import UP
from meshlab.telemetry.registry import STATUSES, AppRegistry, EdgeRegistry
from meshlab.telemetry.series import Recording, SeriesKey

if TYPE_CHECKING:
    from meshlab.compiled.world import World

BY_STATUS = np.array(
    [[(str(o.code), o.flag) == status for status in STATUSES] for o in Outcome], dtype=np.int64
)
"""Which status each outcome is counted under."""


class Readings:
    """Reads every target at each scrape, and puts the recordings together at the end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._times: list[float] = []
        self._rows: list[np.ndarray] = []
        self._targets: list[tuple[str, Any, tuple[SeriesKey, ...], np.ndarray]] = []

    def take(self, now: float) -> None:
        """Scrape every target at ``now`` (s)."""
        self._times.append(now)
        arrays = self._world.memory.arrays
        parts = [
            _instance_columns(arrays["instances"]).ravel(),
            _upstream_columns(self._world).ravel(),
            arrays["endpoints"]["attempts"].astype(float),
            arrays["endpoints"]["failures"].astype(float),
            arrays["route_counts"]["x"].astype(float),
        ]
        self._rows.append(np.concatenate(parts))

    def recordings(self) -> tuple[Recording, ...]:
        """What was scraped: the applications, then the sidecars."""
        world = self._world
        table, times = np.array(self._rows), np.array(self._times)
        width = _width(_instance_columns(world.memory.arrays["instances"]))
        wide = _width(_upstream_columns(world))
        start = len(world.instances) * width
        found = []
        for name, instance in world.instances.items():
            first = instance.number * width
            values = table[:, first : first + width].copy()
            values[values[:, 0] == 0.0, 1:] = np.nan
            schema = (_up("service"), *AppRegistry(instance).schema())  # type: ignore[arg-type]
            found.append(_recording(name, "service", schema, times, values))
        for name, upstreams in world.sidecars.items():
            keys = [_up("sidecar")]
            columns = [np.ones((len(times), 1))]
            for upstream in upstreams:
                endpoints = list(upstream.slots)
                keys += EdgeRegistry(upstream, endpoints).schema()  # type: ignore[arg-type]
                columns.append(table[:, self._places(upstream, start, wide)])
            found.append(
                _recording(name, "sidecar", tuple(keys), times, np.concatenate(columns, axis=1))
            )
        return tuple(found)

    def _places(self, upstream: Any, start: int, width: int) -> list[int]:
        """Where in a row the series of one edge stand; those of edges are ``width``, from start."""
        arrays = self._world.memory.arrays
        first = start + upstream.number * width
        attempts = start + len(arrays["upstreams"]) * width
        failures = attempts + len(arrays["endpoints"])
        routes = failures + len(arrays["endpoints"])
        statuses = len(STATUSES)
        slots = list(upstream.slots.values())
        return [
            *range(first, first + statuses),
            *(attempts + slot for slot in slots),
            *(failures + slot for slot in slots),
            *range(first + statuses, first + width),
            *(routes + place for place in self._route_places(upstream)),
        ]

    def _route_places(self, upstream: Any) -> list[int]:
        """Where among the counts by route those of one edge stand."""
        every = self._world.routes
        return [
            (upstream.number * len(every) + every.index(route)) * len(CLASSES) + place
            for route in upstream.counted_routes
            for place in range(len(CLASSES))
        ]


def _up(job: str) -> SeriesKey:
    return SeriesKey(UP.name, (("job", job),))


def _width(columns: np.ndarray) -> int:
    return int(columns.shape[1])


def _recording(
    target: str, job: Any, schema: tuple[SeriesKey, ...], times: np.ndarray, values: np.ndarray
) -> Recording:
    return Recording(target=target, job=job, schema=schema, times=times, values=values)


def _histogram(buckets: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Each bucket holds all that is not longer; then the sum (s) and the count."""
    rising = np.cumsum(buckets, axis=1)
    return np.column_stack([rising, seconds, rising[:, -1]])


def _instance_columns(table: np.ndarray) -> np.ndarray:
    """One row an instance: whether it is up, then the numbers of `AppRegistry.read`."""
    goroutines = table["base_goroutines"] + table["jobs"] + table["leaked"].astype(np.int64)
    size = table["base_bytes"] + goroutines * table["bytes_per_goroutine"]
    return np.column_stack(
        [
            table["up"],
            table["ok"],
            table["errors"],
            table["shed"],
            _histogram(table["buckets"], table["seconds"]),
            table["jobs"],
            table["queued"],
            goroutines,
            size,
            table["starts"] - 1,
        ]
    ).astype(float)


def _upstream_columns(world: World) -> np.ndarray:
    """One row an upstream: the numbers of `EdgeRegistry.read`, without those of endpoints."""
    table = world.memory.arrays["upstreams"]
    outcomes = table["outcomes"]
    return np.column_stack(
        [
            outcomes @ BY_STATUS,
            table["retries"],
            table["retries_succeeded"],
            table["retries_denied"],
            table["tries"][:, Outcome.TIMEOUT],
            outcomes[:, Outcome.OVERFLOW],
            table["started"] - outcomes.sum(axis=1),
            _histogram(table["buckets"], table["seconds"]),
            table["state"],
            table["opened"],
            outcomes[:, Outcome.CIRCUIT_OPEN],
            table["endpoints"],
            _available(world),
            table["ejections"],
            table["panic"],
        ]
    ).astype(float)


def _available(world: World) -> np.ndarray:
    """How many members of each cluster are healthy and not ejected."""
    arrays = world.memory.arrays
    table, endpoints = arrays["upstreams"], arrays["endpoints"]
    fit = (endpoints["healthy"] == 1) & (endpoints["ejected"] == 0)
    first = table["first_endpoint"]
    rooms = np.diff(first, append=len(endpoints))
    place = np.arange(len(endpoints)) - np.repeat(first, rooms)
    known = place < np.repeat(table["endpoints"], rooms)
    return np.asarray(np.add.reduceat(fit[arrays["members"]["x"]] & known, first, dtype=np.int64))
