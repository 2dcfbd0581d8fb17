"""Plain counts on the hot path: what a sidecar counts per edge, and a service for itself.

Nothing here knows of labels or of Prometheus. The hot path adds one to a slot;
`meshlab.mesh.registry` says under which names a scrape shows the slots.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshlab.model import Outcome
from meshlab.policies.breaker import Reason
from meshlab.telemetry.names import DURATION_BUCKETS

OPENING = (Reason.CONSECUTIVE_FAILURES, Reason.FAILURE_RATE, Reason.SLOW_CALLS, Reason.PROBE_FAILED)
"""The reasons for which a breaker opens."""


CLASSES = ("2xx", "4xx", "5xx")
"""Classes of status codes, as an API's users group them."""

CLASS_OF = tuple(CLASSES.index(f"{outcome.code // 100}xx") for outcome in Outcome)
"""Where in ``CLASSES`` each outcome counts."""


class EdgeCounts:
    """What one sidecar counts about the calls on one edge.

    ``started`` counts calls. ``outcomes`` and ``tries`` are indexed by `Outcome`: the end of every
    call, and of every try.
    ``buckets`` counts calls by duration, one slot per bound of ``DURATION_BUCKETS`` and one more
    for everything longer; ``seconds`` is their sum. ``routes`` counts the ends of calls by class of
    status code for each route, where there is more than one.
    """

    __slots__ = (
        "buckets",
        "ejections",
        "opened",
        "outcomes",
        "retries",
        "retries_denied",
        "retries_succeeded",
        "routes",
        "seconds",
        "started",
        "tries",
    )

    def __init__(self, routes: Iterable[str] = ()) -> None:
        self.started = 0
        self.routes = {route: [0] * len(CLASSES) for route in routes}
        self.outcomes = [0] * len(Outcome)
        self.tries = [0] * len(Outcome)
        self.retries = 0
        self.retries_succeeded = 0
        self.retries_denied = 0
        self.ejections = 0
        self.opened = dict.fromkeys(OPENING, 0)
        self.buckets = [0] * (len(DURATION_BUCKETS) + 1)
        self.seconds = 0.0

    @property
    def active(self) -> int:
        """Calls that have started and not ended."""
        return self.started - sum(self.outcomes)


class ServiceCounts:
    """What one instance of a service counts about itself, since its process started."""

    __slots__ = ("buckets", "errors", "ok", "seconds", "shed")

    def __init__(self) -> None:
        self.ok = 0
        self.errors = 0
        self.shed = 0
        self.buckets = [0] * (len(DURATION_BUCKETS) + 1)
        self.seconds = 0.0
