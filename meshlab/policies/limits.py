"""How many tries may be in flight at once: a bulkhead between a caller and a slow upstream.

When an upstream slows down, the calls that wait for it pile up in the caller (Little's law: rate
times seconds of them). A limit lets so many wait and refuses the rest at once, which costs the
caller nothing and leaves the upstream something it can finish.

Beware of the name: Envoy calls these limits *circuit breakers*. They have no half-open state and no
memory; the machine that has both is `meshlab.policies.breaker`.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshlab.kernel.record import record
from meshlab.model import MeshlabError
from meshlab.model.normalized import normalized
from meshlab.model.rules import require_count


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class ConcurrencyLimits:
    """At most ``max_requests`` tries in flight from one sidecar to one cluster.

    The field and its default are those of Envoy's ``circuit_breakers.thresholds``. Envoy's
    ``max_connections`` and ``max_pending_requests`` need connections, which a simulated mesh has
    not; its ``max_retries`` is `meshlab.policies.budget.MaxRetries`.
    """

    max_requests: int = 1024

    def __post_init__(self) -> None:
        require_count(self.max_requests, 0, "concurrency limits", "max_requests")


@record
class Limiter:
    """Counts the tries in flight and refuses those above the limit.

        if limiter.acquire():
            ...
            limiter.release()

    ``active`` tries are in flight now, some of them perhaps since before the limiter came;
    ``overflows`` were refused since the start (Envoy's ``upstream_rq_pending_overflow``).
    """

    active: int
    max_requests: int
    overflows: int

    def __init__(self, config: ConcurrencyLimits, active: int = 0) -> None:
        self.max_requests = config.max_requests
        self.active = active

    def acquire(self) -> bool:
        """May one more try be sent? If so it counts as active until it is released."""
        if self.active >= self.max_requests:
            self.overflows += 1
            return False
        self.active += 1
        return True

    def release(self) -> None:
        """A try that had been let through has ended. MeshlabError if there was none."""
        if self.active == 0:
            raise MeshlabError("concurrency limits: every release needs an acquire before it")
        self.active -= 1
