"""Which endpoints may be picked: a cluster's members, less those that are unhealthy or ejected.

    members     a  b  c  d
    healthy     a  b  c          active health checks
    ejected        b             outlier detection
    candidates  a     c          2 of 4 are available

    ejected     a  b             now 1 of 4 is available: fewer than half, so panic
    candidates  a  b  c  d       all of them

    zone of the caller          x
    zones                 x  x  y  y
    available                b  c  d
    candidates               b                 the others only when no available one is near

The panic rule is Envoy's ``healthy_panic_threshold`` (50 %). When most endpoints look bad, sending
everything to the few good ones would take those down too; and it may be the check that is wrong.
Zone-local routing is Istio's locality failover: as long as the caller's own zone has an available
endpoint, no other gets any of its tries. In panic nobody asks for zones.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshlab.model import Endpoint
from meshlab.model.rules import check


class Cluster:
    """One upstream as one sidecar sees it: its ``endpoints``, and which of them are ``candidates``.

    ``candidates`` stays the same list object until the next `add`, `remove` or `refresh`, which is
    how a balancer notices a change. ``panic`` says whether the threshold is crossed: the share of
    available endpoints is *below* it (at exactly 50 % there is no panic). A threshold of 0 turns
    panic off; then there may be no candidate at all.

    With a ``zone``, the candidates are those of that zone, if there are any; ``anywhere`` holds
    those of every zone. Without one the two are the same list.
    """

    __slots__ = ("anywhere", "candidates", "endpoints", "name", "panic", "panic_threshold", "zone")

    anywhere: list[Endpoint]
    candidates: list[Endpoint]
    panic: bool

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        panic_threshold: float = 0.5,
        *,
        zone: str = "",
        name: str = "",
    ) -> None:
        self.name = name
        self.zone = zone
        self.panic_threshold = panic_threshold
        self.endpoints: list[Endpoint] = []
        self._check(0 <= panic_threshold <= 1, "panic_threshold must be in 0..1", panic_threshold)
        for endpoint in endpoints:
            self._append(endpoint)
        self.refresh()

    def refresh(self) -> None:
        """Look again: after an endpoint's ``healthy``, ``ejected`` or ``weight`` has changed."""
        everyone = self.endpoints
        available = [e for e in everyone if e.healthy and not e.ejected]
        # a share, not a count: 7 of 100 is exactly .07, but .07 * 100 is a little more than 7
        self.panic = bool(everyone) and len(available) / len(everyone) < self.panic_threshold
        self.candidates = self.anywhere = list(everyone) if self.panic else available
        if self.zone and not self.panic:
            self.candidates = [e for e in available if e.zone == self.zone] or self.anywhere

    def add(self, endpoint: Endpoint) -> None:
        """Take in a new member. ConfigError if there is one of that name already."""
        self._append(endpoint)
        self.refresh()

    def remove(self, name: str) -> Endpoint:
        """Let a member go and return it, since tries may still be in flight on it.

        ConfigError if nobody has that name.
        """
        names = [endpoint.name for endpoint in self.endpoints]
        self._check(name in names, f"endpoint must be one of {', '.join(names) or 'none'}", name)
        gone = self.endpoints.pop(names.index(name))
        self.refresh()
        return gone

    def _append(self, endpoint: Endpoint) -> None:
        taken = any(endpoint.name == member.name for member in self.endpoints)
        self._check(not taken, "endpoint names must be unique", endpoint.name)
        self.endpoints.append(endpoint)

    def _check(self, condition: bool, rule: str, value: object) -> None:
        check(condition, f"cluster {self.name!r}" if self.name else "cluster", rule, value)
