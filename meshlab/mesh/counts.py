"""Plain counts on the hot path: what a sidecar counts per edge, and a service for itself.

Nothing here knows of labels or of Prometheus. The hot path adds one to a slot;
`meshlab.mesh.readings` says under which names a scrape shows the slots.
"""

from __future__ import annotations

from typing import Annotated, Final

from meshlab.kernel.record import record
from meshlab.mesh.registry import CLASSES
from meshlab.model import Outcome
from meshlab.policies.breaker_states import Reason
from meshlab.telemetry.names import DURATION_BUCKETS

OUTCOMES: Final = len(Outcome)
DURATIONS: Final = len(DURATION_BUCKETS) + 1
REASONS: Final = len(Reason)
CLASS_COUNT: Final = len(CLASSES)


@record
class EdgeCounts:
    """What one sidecar counts about the calls on one edge.

    ``started`` counts calls. ``outcomes`` and ``tries`` are indexed by `Outcome`: the end of every
    call, and of every try.
    ``buckets`` counts calls by duration, one slot per bound of ``DURATION_BUCKETS`` and one more
    for everything longer; ``seconds`` is their sum. ``routes`` counts the ends of calls for each
    route of the mesh by class of status code, if there is more than one route.
    ``opened`` counts how often the breaker opened, indexed by `Reason`.
    """

    started: int
    seconds: float
    outcomes: Annotated[list[int], OUTCOMES]
    tries: Annotated[list[int], OUTCOMES]
    buckets: Annotated[list[int], DURATIONS]
    retries: int
    retries_succeeded: int
    retries_denied: int
    ejections: int
    by_route: bool
    routes: list[int]
    opened: Annotated[list[int], REASONS]

    def __init__(self, routes: int = 0) -> None:
        self.by_route = routes > 0
        self.routes = [0] * (routes * CLASS_COUNT)

    @property
    def active(self) -> int:
        """Calls that have started and not ended."""
        return self.started - sum(self.outcomes)


@record
class ServiceCounts:
    """What one instance of a service counts about itself, since its process started."""

    ok: int
    errors: int
    shed: int
    seconds: float
    buckets: Annotated[list[int], DURATIONS]

    def clear(self) -> None:
        """A new process has counted nothing yet."""
        self.ok = 0
        self.errors = 0
        self.shed = 0
        self.seconds = 0.0
        for place in range(DURATIONS):
            self.buckets[place] = 0


@record
class Truth:
    """What really happened in an instance, over all its processes; no metric shows all of it."""

    received: int
    ok: int
    own_errors: int
    passed_on: int
    shed: int
    wasted: int
