"""The names of everything that is measured, declared once: what a scrape can show and nothing else.

Two families. The *mesh* metrics are counted by the sidecar of the caller, one series per edge
(``source``, ``destination``); Istio calls that ``reporter="source"``. The *service* metrics are
what an application counts about itself. The ``instance`` label is not declared: the scraper adds
it, from the target that it asked.

Base units, ``_total`` for counters, few values per label: https://prometheus.io/docs/practices/naming.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DURATION_BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
"""Upper bounds (s) of every duration histogram; +Inf follows. OpenTelemetry's advice for HTTP."""

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric family: its name, what it means, and what other meshes call it.

    ``envoy``, ``istio`` and ``linkerd`` name the nearest counterpart; empty where there is none.
    ``unit`` is "seconds", "bytes", or empty for a plain count.

    >>> f"{MESH_REQUEST_DURATION}_bucket"
    'mesh_request_duration_seconds_bucket'
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    unit: str = ""
    envoy: str = ""
    istio: str = ""
    linkerd: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def samples(self) -> tuple[str, ...]:
        """The sample names of the family: one, or three for a histogram."""
        if self.kind != "histogram":
            return (self.name,)
        return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")

    @property
    def documentation(self) -> str:
        """The help line as it is exposed: the meaning, then the counterparts."""
        return f"{self.help} Envoy: {self.envoy or 'none'}; Istio: {self.istio or 'none'}."


def _edge(name: str, kind: Kind, help: str, *labels: str, envoy: str = "", **others: str) -> Metric:
    """A metric of one sidecar about one upstream; ``envoy`` is told without its common prefix."""
    labels = ("source", "destination", *labels)
    envoy = f"envoy_cluster_{envoy}" if envoy else ""
    return Metric(name=name, kind=kind, help=help, labels=labels, envoy=envoy, **others)


# fmt: off
MESH_REQUESTS = _edge(
    "mesh_requests_total", "counter",
    "Calls that ended, by the status and the response flag that the caller got.",
    "code", "flag",
    envoy="external_upstream_rq{envoy_response_code}",
    istio="istio_requests_total{response_code,response_flags}",
    linkerd="response_total{classification,status_code}",
)
MESH_ATTEMPTS = _edge(
    "mesh_attempts_total", "counter", "Tries sent to an endpoint, retries included.", "endpoint",
    envoy="endpoint_rq_total{envoy_endpoint_address}",
    linkerd="outbound_http_route_backend_requests_total",
)
MESH_ATTEMPT_FAILURES = _edge(
    "mesh_attempt_failures_total", "counter",
    "Tries that an endpoint failed or did not answer in time.", "endpoint",
    envoy="endpoint_rq_error{envoy_endpoint_address}",
    linkerd="outbound_http_route_backend_response_statuses_total",
)
MESH_RETRIES = _edge(
    "mesh_retries_total", "counter", "Tries after the first of a call.",
    envoy="upstream_rq_retry",
    linkerd="outbound_http_route_retry_requests_total",
)
MESH_RETRIES_SUCCEEDED = _edge(
    "mesh_retries_succeeded_total", "counter", "Retries that saved their call.",
    envoy="upstream_rq_retry_success",
    linkerd="outbound_http_route_retry_successes_total",
)
MESH_RETRIES_DENIED = _edge(
    "mesh_retries_denied_total", "counter", "Retries that the budget or limit did not allow.",
    envoy="upstream_rq_retry_overflow",
    linkerd="outbound_http_route_retry_overflow_total",
)
MESH_ATTEMPT_TIMEOUTS = _edge(
    "mesh_attempt_timeouts_total", "counter", "Tries given up after the per-try timeout.",
    envoy="upstream_rq_per_try_timeout",
    istio='istio_requests_total{response_flags="UT"}',
    linkerd="outbound_http_route_request_statuses_total",
)
MESH_OVERFLOW = _edge(
    "mesh_overflow_total", "counter", "Calls refused by the sidecar's concurrency limits.",
    envoy="upstream_rq_pending_overflow",
    istio='istio_requests_total{response_flags="UO"}',
)
MESH_ACTIVE_REQUESTS = _edge(
    "mesh_active_requests", "gauge", "Calls in flight at this moment.",
    envoy="upstream_rq_active",
)
MESH_REQUEST_DURATION = _edge(
    "mesh_request_duration_seconds", "histogram",
    "How long whole calls took, with their retries and the waiting between.",
    unit="seconds",
    envoy="upstream_rq_time (ms)",
    istio="istio_request_duration_milliseconds",
    linkerd="response_latency_ms",
)
MESH_BREAKER_STATE = _edge(
    "mesh_breaker_state", "gauge", "Circuit breaker: 0 closed, 1 half-open, 2 open.",
)
MESH_BREAKER_OPENED = _edge(
    "mesh_breaker_opened_total", "counter", "Times that the circuit breaker opened, by reason.",
    "reason",
)
MESH_BREAKER_REJECTED = _edge(
    "mesh_breaker_rejected_total", "counter", "Calls that the circuit breaker refused.",
)
MESH_ENDPOINTS = _edge(
    "mesh_endpoints", "gauge", "Endpoints that the sidecar knows.",
    envoy="membership_total",
    linkerd="outbound_http_balancer_endpoints",
)
MESH_ENDPOINTS_AVAILABLE = _edge(
    "mesh_endpoints_available", "gauge", "Endpoints that are healthy and not ejected.",
    envoy="membership_healthy",
    linkerd='outbound_http_balancer_endpoints{endpoint_state="ready"}',
)
MESH_EJECTIONS = _edge(
    "mesh_ejections_total", "counter", "Endpoints ejected by outlier detection.",
    envoy="outlier_detection_ejections_enforced_total",
)
MESH_PANIC = _edge(
    "mesh_panic", "gauge", "1 while too few endpoints are available and all get traffic, else 0.",
    envoy="lb_healthy_panic (counts requests)",
)

MESH_ROUTE_REQUESTS = _edge(
    "mesh_route_requests_total", "counter",
    "Calls that ended, by route and class of status; only where there is more than one route.",
    "route", "code_class",
    istio="istio_requests_total{request_operation}",
    linkerd="outbound_http_route_request_statuses_total",
)

SERVICE_REQUESTS = Metric(
    name="service_requests_total", kind="counter", labels=("service", "code"),
    help="Requests that the application answered, by status.",
    envoy="envoy_http_downstream_rq_xx",
    istio='istio_requests_total{reporter="destination"}',
)
SERVICE_REQUEST_DURATION = Metric(
    name="service_request_duration_seconds", kind="histogram", labels=("service",), unit="seconds",
    help="How long the application took to answer, its queue included.",
    envoy="envoy_http_downstream_rq_time (ms)",
    istio='istio_request_duration_milliseconds{reporter="destination"}',
)
SERVICE_IN_FLIGHT = Metric(
    name="service_requests_in_flight", kind="gauge", labels=("service",),
    help="Requests that the application holds.",
    envoy="envoy_http_downstream_rq_active",
)
SERVICE_QUEUE_LENGTH = Metric(
    name="service_queue_length", kind="gauge", labels=("service",),
    help="Requests that wait for a worker.",
)
SERVICE_GOROUTINES = Metric(
    name="service_goroutines", kind="gauge", labels=("service",),
    help="Goroutines alive in the process (go_goroutines of a Go program).",
)
SERVICE_MEMORY = Metric(
    name="service_memory_bytes", kind="gauge", labels=("service",), unit="bytes",
    help="Memory that the process holds (process_resident_memory_bytes).",
)
SERVICE_RESTARTS = Metric(
    name="service_restarts_total", kind="counter", labels=("service",),
    help="Times that the instance was started again.",
)
# fmt: on

UP = Metric(
    name="up",
    kind="gauge",
    labels=("job",),
    help="1 if the last scrape of the target succeeded, else 0. Written by the scraper.",
)

METRICS = tuple(thing for thing in list(globals().values()) if isinstance(thing, Metric))
"""Every metric of the package, in the order in which it is declared above, and exposed."""
