"""Who is alive, by asking: active health checks that need several answers to change their mind.

Every ``interval`` a sidecar probes each endpoint. One lost probe proves little, so that it takes
some in a row to turn an endpoint unhealthy, and some to trust it again:

    healthy   --unhealthy_threshold failures in a row-->   unhealthy
    unhealthy --healthy_threshold successes in a row-->    healthy

An instance that dies is therefore found out after (unhealthy_threshold - 1) intervals at least.
Watching real calls instead of asking is `meshlab.policies.outlier`.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshlab.model.normalized import normalized
from meshlab.model.rules import require_count, require_positive


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


class HealthChecker:
    """What one sidecar has concluded from its probes. It starts out trusting every endpoint."""

    __slots__ = ("_contrary", "_unhealthy", "config")

    def __init__(self, config: HealthCheck) -> None:
        self.config = config
        self._unhealthy: set[str] = set()
        self._contrary: dict[str, int] = {}  # answers in a row that speak against the conclusion

    def probed(self, endpoint: str, ok: bool) -> bool | None:
        """A probe ended. True: the endpoint turned healthy; False: unhealthy; None: no change."""
        healthy = endpoint not in self._unhealthy
        if ok == healthy:
            self._contrary.pop(endpoint, None)
            return None
        contrary = self._contrary.get(endpoint, 0) + 1
        config = self.config
        if contrary < (config.healthy_threshold if ok else config.unhealthy_threshold):
            self._contrary[endpoint] = contrary
            return None
        self.forget(endpoint)
        if not ok:
            self._unhealthy.add(endpoint)
        return ok

    def forget(self, endpoint: str) -> None:
        """The endpoint is gone; if it comes back, it is trusted like a new one."""
        self._unhealthy.discard(endpoint)
        self._contrary.pop(endpoint, None)
