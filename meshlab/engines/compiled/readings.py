"""What a scrape reads of a compiled run: every series of every registry, in one go.

The series are those of `meshlab.mesh.registry`, in the same order. All numbers of all records
are laid out in one long row, and each series knows its place in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meshlab.mesh.registry import STATUSES, AppRegistry, EdgeRegistry
from meshlab.model import Outcome
from meshlab.telemetry.counts import CLASSES
from meshlab.telemetry.names import UP
from meshlab.telemetry.series import Recording, SeriesKey

if TYPE_CHECKING:
    from meshlab.engines.compiled.world import World

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
        first = world.memory.arrays["upstreams"]["first_endpoint"]
        rooms = np.diff(first, append=len(world.memory.arrays["endpoints"]))
        self._owner = np.repeat(np.arange(len(first)), rooms)
        self._place = np.arange(len(self._owner)) - first[self._owner]

    def take(self, now: float) -> None:
        """Scrape every target at ``now`` (s)."""
        self._times.append(now)
        columns = [column.ravel() for group in self._columns() for column in group]
        self._rows.append(np.concatenate(columns, dtype=float, casting="unsafe"))

    def _columns(self) -> list[list[np.ndarray]]:
        """What a scrape reads of instances, upstreams, endpoints and routes, column by column."""
        arrays = self._world.memory.arrays
        return [
            _instance_columns(arrays["instances"]),
            _upstream_columns(arrays["upstreams"], self._available()),
            [arrays["endpoints"]["attempts"]],
            [arrays["endpoints"]["failures"]],
            [arrays["route_counts"]["x"]],
        ]

    def _order(self) -> tuple[np.ndarray, list[int]]:
        """Where each number stands in a row, record by record; and how many each record has."""
        order, widths, start = [], [], 0
        for group in self._columns():
            places = []
            for column in group:
                places.append(start + np.arange(column.size).reshape(len(column), -1))
                start += column.size
            together = np.concatenate(places, axis=1)
            order.append(together.ravel())
            widths.append(together.shape[1])
        return np.concatenate(order), widths

    def _available(self) -> np.ndarray:
        """How many members of each cluster are healthy and not ejected."""
        arrays = self._world.memory.arrays
        endpoints, members = arrays["endpoints"], arrays["upstreams"]["endpoints"]
        fit = (endpoints["healthy"] == 1) & (endpoints["ejected"] == 0)
        known = self._place < members[self._owner]
        fit_members = fit[arrays["members"]["x"]] & known
        return np.bincount(self._owner, fit_members, minlength=len(members))

    def recordings(self) -> tuple[Recording, ...]:
        """What was scraped: the applications, then the sidecars."""
        world = self._world
        rows, times = np.array(self._rows), np.array(self._times)
        order, (width, wide, *_) = self._order()
        start = len(world.instances) * width
        found = []
        for name, instance in world.instances.items():
            first = instance.number * width
            values = rows.take(order[first : first + width], axis=1)
            values[values[:, 0] == 0.0, 1:] = np.nan
            schema = (_up("service"), *AppRegistry(instance).schema())  # type: ignore[arg-type]
            found.append(_recording(name, "service", schema, times, values))
        for name, upstreams in world.sidecars.items():
            keys = [_up("sidecar")]
            columns = [np.ones((len(times), 1))]
            for upstream in upstreams:
                endpoints = list(upstream.slots)
                keys += EdgeRegistry(upstream, endpoints).schema()  # type: ignore[arg-type]
                columns.append(rows.take(order[self._places(upstream, start, wide)], axis=1))
            found.append(
                _recording(name, "sidecar", tuple(keys), times, np.concatenate(columns, axis=1))
            )
        return tuple(found)

    def _places(self, upstream: Any, start: int, width: int) -> list[int]:
        """Where in a row the series of one edge stand: edges begin at ``start``, ``width`` each."""
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


def _recording(
    target: str, job: Any, schema: tuple[SeriesKey, ...], times: np.ndarray, values: np.ndarray
) -> Recording:
    return Recording(target=target, job=job, schema=schema, times=times, values=values)


def _histogram(buckets: np.ndarray, seconds: np.ndarray) -> list[np.ndarray]:
    """Each bucket holds all that is not longer; then the sum (s) and the count."""
    rising = np.add.accumulate(buckets, axis=1)
    return [rising, seconds, rising[:, -1]]


def _instance_columns(table: np.ndarray) -> list[np.ndarray]:
    """For each instance whether it is up, then the numbers of `AppRegistry.read`."""
    goroutines = table["base_goroutines"] + table["jobs"] + table["leaked"].astype(np.int64)
    return [
        table["up"],
        table["ok"],
        table["errors"],
        table["shed"],
        *_histogram(table["buckets"], table["seconds"]),
        table["jobs"],
        table["queued"],
        goroutines,
        table["base_bytes"] + goroutines * table["bytes_per_goroutine"],
        table["starts"] - 1,
    ]


def _upstream_columns(table: np.ndarray, available: np.ndarray) -> list[np.ndarray]:
    """For each upstream the numbers of `EdgeRegistry.read`, without those of endpoints."""
    outcomes = table["outcomes"]
    return [
        outcomes @ BY_STATUS,
        table["retries"],
        table["retries_succeeded"],
        table["retries_denied"],
        table["tries"][:, Outcome.TIMEOUT],
        outcomes[:, Outcome.OVERFLOW],
        table["started"] - outcomes.sum(axis=1),
        *_histogram(table["buckets"], table["seconds"]),
        table["state"],
        table["opened"],
        outcomes[:, Outcome.CIRCUIT_OPEN],
        table["endpoints"],
        available,
        table["ejections"],
        table["panic"],
    ]
