"""Finding out which endpoints are alive by asking them: active health checks.

Every ``interval`` a sidecar probes each endpoint. One lost probe proves little, so it takes several
in a row to turn an endpoint unhealthy, and several to trust it again:

    healthy   --unhealthy_threshold failures in a row-->   unhealthy
    unhealthy --healthy_threshold successes in a row-->    healthy

An instance that dies is therefore found out after (unhealthy_threshold - 1) intervals at least.
Watching real calls instead of asking is `meshlab.policies.outlier`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from meshlab.kernel.record import record, seldom
from meshlab.normalized import normalized
from meshlab.policies.endpoint import Endpoint
from meshlab.rules import require_count, require_positive


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class HealthCheck:
    """How often to probe, how long to wait for the answer, how many answers it takes.

    ``interval`` and ``timeout`` in seconds. The fields are Envoy's ``health_checks``, which has no
    defaults for these four; Kubernetes probes have 10 s, 1 s, 3 failures and 1 success. Left out:
    Envoy probes a cluster without traffic only every 60 s (``no_traffic_interval``), and holds a
    new endpoint to be unhealthy until its first success. Here it is healthy until it fails.
    """

    interval: float = 5.0
    timeout: float = 1.0
    unhealthy_threshold: int = 2
    healthy_threshold: int = 1

    def __post_init__(self) -> None:
        where = "health check"
        require_positive(self.interval, where, "interval")
        require_positive(self.timeout, where, "timeout")
        require_count(self.unhealthy_threshold, 1, where, "unhealthy_threshold")
        require_count(self.healthy_threshold, 1, where, "healthy_threshold")


UNCHANGED: Final = 0
HEALTHY: Final = 1
UNHEALTHY: Final = 2
"""What a probe may lead to."""


@record
class HealthChecker:
    """Concludes from probes which endpoints are ``healthy``; a new one is, until it fails.

    ``contrary`` of an endpoint counts its last answers in a row that speak against the conclusion.
    A checker that takes the place of another forgets those of its ``endpoints``.
    """

    healthy_threshold: int
    unhealthy_threshold: int

    def __init__(self, config: HealthCheck, endpoints: Iterable[Endpoint] = ()) -> None:
        self.healthy_threshold = config.healthy_threshold
        self.unhealthy_threshold = config.unhealthy_threshold
        for endpoint in endpoints:
            endpoint.contrary = 0

    @seldom
    def probed(self, endpoint: Endpoint, ok: bool) -> int:
        """A probe ended: did the endpoint turn `HEALTHY` or `UNHEALTHY`, or is it `UNCHANGED`?"""
        if ok == endpoint.healthy:
            endpoint.contrary = 0
            return UNCHANGED
        endpoint.contrary += 1
        if endpoint.contrary < (self.healthy_threshold if ok else self.unhealthy_threshold):
            return UNCHANGED
        endpoint.contrary = 0
        endpoint.healthy = ok
        return HEALTHY if ok else UNHEALTHY
