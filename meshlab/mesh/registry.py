"""What a scrape of one registry shows: which series there are, and their numbers now.

A registry is one sidecar's (all its edges) or one application's. Its series are fixed when the run
begins and start at zero, so that no counter is ever seen for the first time with a number in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from meshlab.mesh.service import ServiceInstance
from meshlab.mesh.upstream import Upstream
from meshlab.model import Outcome
from meshlab.telemetry import names
from meshlab.telemetry.counts import CLASSES, OPENING
from meshlab.telemetry.names import DURATION_BUCKETS, Metric
from meshlab.telemetry.series import SeriesKey

BOUNDS = (*(str(bound) for bound in DURATION_BUCKETS), "+Inf")
STATUSES = tuple(dict.fromkeys((str(o.code), o.flag) for o in Outcome))
"""Every pair of status code and response flag; outcomes that share one are counted together."""

CODES = ("200", "500", "503")
"""The status codes with which an application answers: good, failed, queue full."""


def _key(metric: Metric, *values: str) -> SeriesKey:
    return SeriesKey(metric.name, tuple(zip(metric.labels, values, strict=True)))


def bucket_key(metric: Metric, index: int, *values: str) -> SeriesKey:
    """The series of bucket ``index`` of a histogram; the last one is +Inf."""
    labels = (*zip(metric.labels, values, strict=True), ("le", BOUNDS[index]))
    return SeriesKey(f"{metric.name}_bucket", labels)


def _histogram_keys(metric: Metric, *values: str) -> list[SeriesKey]:
    labels = tuple(zip(metric.labels, values, strict=True))
    return [
        *(bucket_key(metric, index, *values) for index in range(len(BOUNDS))),
        SeriesKey(f"{metric.name}_sum", labels),
        SeriesKey(f"{metric.name}_count", labels),
    ]


def _histogram_values(buckets: Sequence[int], seconds: float) -> list[float]:
    """Each bucket holds all that is not longer; then the sum (s) and the count."""
    rising = list(accumulate(buckets))
    return [*rising, seconds, rising[-1]]


class EdgeRegistry:
    """The series of one edge in one sidecar. ``endpoints`` are all that the cluster ever has."""

    def __init__(self, upstream: Upstream, endpoints: Sequence[str]) -> None:
        self.upstream = upstream
        self.endpoints = endpoints

    def schema(self) -> list[SeriesKey]:
        edge = self.upstream.edge
        ends = (edge.source, edge.destination)
        return [
            *(_key(names.MESH_REQUESTS, *ends, code, flag) for code, flag in STATUSES),
            *(_key(names.MESH_ATTEMPTS, *ends, endpoint) for endpoint in self.endpoints),
            *(_key(names.MESH_ATTEMPT_FAILURES, *ends, endpoint) for endpoint in self.endpoints),
            _key(names.MESH_RETRIES, *ends),
            _key(names.MESH_RETRIES_SUCCEEDED, *ends),
            _key(names.MESH_RETRIES_DENIED, *ends),
            _key(names.MESH_ATTEMPT_TIMEOUTS, *ends),
            _key(names.MESH_OVERFLOW, *ends),
            _key(names.MESH_ACTIVE_REQUESTS, *ends),
            *_histogram_keys(names.MESH_REQUEST_DURATION, *ends),
            _key(names.MESH_BREAKER_STATE, *ends),
            *(_key(names.MESH_BREAKER_OPENED, *ends, reason.value) for reason in OPENING),
            _key(names.MESH_BREAKER_REJECTED, *ends),
            _key(names.MESH_ENDPOINTS, *ends),
            _key(names.MESH_ENDPOINTS_AVAILABLE, *ends),
            _key(names.MESH_EJECTIONS, *ends),
            _key(names.MESH_PANIC, *ends),
            *(
                _key(names.MESH_ROUTE_REQUESTS, *ends, route, code_class)
                for route in self.upstream.counts.routes
                for code_class in CLASSES
            ),
        ]

    def read(self) -> list[float]:
        """The numbers of `schema`, in their order."""
        upstream = self.upstream
        counts, cluster = upstream.counts, upstream.cluster
        known = {endpoint.name: endpoint for endpoint in upstream.every_endpoint}
        return [
            *self._by_status(counts.outcomes),
            *(known[name].attempts if name in known else 0 for name in self.endpoints),
            *(known[name].failures if name in known else 0 for name in self.endpoints),
            counts.retries,
            counts.retries_succeeded,
            counts.retries_denied,
            counts.tries[Outcome.TIMEOUT],
            counts.outcomes[Outcome.OVERFLOW],
            counts.active,
            *_histogram_values(counts.buckets, counts.seconds),
            0 if upstream.breaker is None else upstream.breaker.state,
            *counts.opened.values(),
            counts.outcomes[Outcome.CIRCUIT_OPEN],
            len(cluster.endpoints),
            upstream.available,
            counts.ejections,
            cluster.panic,
            *(count for classes in counts.routes.values() for count in classes),
        ]

    @staticmethod
    def _by_status(outcomes: Sequence[int]) -> list[float]:
        totals = dict.fromkeys(STATUSES, 0)
        for outcome in Outcome:
            totals[str(outcome.code), outcome.flag] += outcomes[outcome]
        return list(totals.values())


class AppRegistry:
    """The series of one application; a process that is down can't be scraped."""

    def __init__(self, instance: ServiceInstance) -> None:
        self.instance = instance

    def schema(self) -> list[SeriesKey]:
        service = self.instance.service.name
        return [
            *(_key(names.SERVICE_REQUESTS, service, code) for code in CODES),
            *_histogram_keys(names.SERVICE_REQUEST_DURATION, service),
            _key(names.SERVICE_IN_FLIGHT, service),
            _key(names.SERVICE_QUEUE_LENGTH, service),
            _key(names.SERVICE_GOROUTINES, service),
            _key(names.SERVICE_MEMORY, service),
            _key(names.SERVICE_RESTARTS, service),
        ]

    def read(self) -> list[float] | None:
        """The numbers of `schema`, in their order; None while the process is down."""
        instance = self.instance
        counts = instance.counts
        if not instance.up:
            return None
        return [
            counts.ok,
            counts.errors,
            counts.shed,
            *_histogram_values(counts.buckets, counts.seconds),
            len(instance.jobs),
            instance.queued,
            instance.goroutines,
            instance.memory_bytes,
            instance.starts - 1,
        ]
