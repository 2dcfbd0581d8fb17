"""Which series a scrape of one registry shows, with their names and labels.

A registry is one sidecar's (all its edges) or one application's. Its series are fixed when the run
begins and start at zero, so that no counter is ever seen for the first time with a number in it.
Where their numbers come from is said in `meshlab.mesh.readings`.
"""

from __future__ import annotations

from collections.abc import Sequence

from meshlab.model import Outcome
from meshlab.policies.breaker_states import Reason
from meshlab.telemetry import names
from meshlab.telemetry.names import DURATION_BUCKETS, Metric
from meshlab.telemetry.series import SeriesKey

BOUNDS = (*(str(bound) for bound in DURATION_BUCKETS), "+Inf")
STATUSES = tuple(dict.fromkeys((str(o.code), o.flag) for o in Outcome))
"""Every pair of status code and response flag; outcomes that share one are counted together."""

CODES = ("200", "500", "503")
"""The status codes with which an application answers: good, failed, queue full."""

OPENING = (Reason.CONSECUTIVE_FAILURES, Reason.FAILURE_RATE, Reason.SLOW_CALLS, Reason.PROBE_FAILED)
"""The reasons for which a breaker opens."""

CLASSES = ("2xx", "4xx", "5xx")
"""Classes of status codes, as an API's users group them."""

CLASS_OF = tuple(CLASSES.index(f"{outcome.code // 100}xx") for outcome in Outcome)
"""Where in ``CLASSES`` each outcome counts."""


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


def edge_schema(
    ends: tuple[str, str], endpoints: Sequence[str], routes: Sequence[str]
) -> list[SeriesKey]:
    """The series of one edge in one sidecar.

    ``ends`` are its source and its destination, ``endpoints`` all that the cluster ever has, and
    ``routes`` those that are counted apart.
    """
    return [
        *(_key(names.MESH_REQUESTS, *ends, code, flag) for code, flag in STATUSES),
        *(_key(names.MESH_ATTEMPTS, *ends, endpoint) for endpoint in endpoints),
        *(_key(names.MESH_ATTEMPT_FAILURES, *ends, endpoint) for endpoint in endpoints),
        _key(names.MESH_RETRIES, *ends),
        _key(names.MESH_RETRIES_SUCCEEDED, *ends),
        _key(names.MESH_RETRIES_DENIED, *ends),
        _key(names.MESH_ATTEMPT_TIMEOUTS, *ends),
        _key(names.MESH_OVERFLOW, *ends),
        _key(names.MESH_ACTIVE_REQUESTS, *ends),
        *_histogram_keys(names.MESH_REQUEST_DURATION, *ends),
        _key(names.MESH_BREAKER_STATE, *ends),
        *(_key(names.MESH_BREAKER_OPENED, *ends, reason.label) for reason in OPENING),
        _key(names.MESH_BREAKER_REJECTED, *ends),
        _key(names.MESH_ENDPOINTS, *ends),
        _key(names.MESH_ENDPOINTS_AVAILABLE, *ends),
        _key(names.MESH_EJECTIONS, *ends),
        _key(names.MESH_PANIC, *ends),
        *(
            _key(names.MESH_ROUTE_REQUESTS, *ends, route, code_class)
            for route in routes
            for code_class in CLASSES
        ),
    ]


def service_schema(service: str) -> list[SeriesKey]:
    """The series of one application."""
    return [
        *(_key(names.SERVICE_REQUESTS, service, code) for code in CODES),
        *_histogram_keys(names.SERVICE_REQUEST_DURATION, service),
        _key(names.SERVICE_IN_FLIGHT, service),
        _key(names.SERVICE_QUEUE_LENGTH, service),
        _key(names.SERVICE_GOROUTINES, service),
        _key(names.SERVICE_MEMORY, service),
        _key(names.SERVICE_RESTARTS, service),
    ]
