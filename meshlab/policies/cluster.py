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

from meshlab.kernel.record import Small, record, seldom
from meshlab.policies.balancing import Candidates
from meshlab.policies.endpoint import Endpoint, number_of, text_of
from meshlab.rules import check


@record
class Cluster:
    """One upstream as one sidecar sees it: its ``endpoints``, and which of them are ``candidates``.

    The candidates change at `add`, `remove` and `refresh` only, and their ``version`` grows with
    each. ``available`` of the endpoints are healthy and not ejected. ``panic`` says whether their
    share is *below* the threshold (at exactly 50 % there is no panic). A threshold of 0 turns panic
    off; then there may be no candidate at all.

    With a ``zone``, the candidates are those of that zone, if there are any; ``anywhere`` holds
    those of every zone. Without one the two are the same.
    """

    candidates: Candidates
    anywhere: Candidates
    near: Candidates
    endpoints: list[Endpoint]
    available: int
    panic_threshold: float
    zone: Small
    name: Small
    panic: bool

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        panic_threshold: float = 0.5,
        *,
        zone: str = "",
        name: str = "",
    ) -> None:
        self.name = number_of(name)
        self.anywhere = Candidates()
        self.near = Candidates()
        self.panic_threshold = panic_threshold
        self._check(0 <= panic_threshold <= 1, "panic_threshold must be in 0..1", panic_threshold)
        for endpoint in endpoints:
            self._append(endpoint)
        self.prefer(zone)

    def prefer(self, zone: str) -> None:
        """Keep tries in ``zone`` from now on; "" for none."""
        self.zone = number_of(zone)
        self.refresh()

    @seldom
    def refresh(self) -> None:
        """Look again: after an endpoint's ``healthy``, ``ejected`` or ``weight`` has changed."""
        count = len(self.endpoints)
        self.available = 0
        for place in range(count):
            endpoint = self.endpoints[place]
            if endpoint.healthy and not endpoint.ejected:
                self.available += 1
        # a share, not a count: 7 of 100 is exactly .07, but .07 * 100 is a little more than 7
        self.panic = count > 0 and self.available / count < self.panic_threshold
        self._find_candidates()

    @seldom
    def _find_candidates(self) -> None:
        anywhere = self.anywhere
        near = self.near
        anywhere.clear()
        near.clear()
        for place in range(len(self.endpoints)):
            endpoint = self.endpoints[place]
            if self.panic or (endpoint.healthy and not endpoint.ejected):
                anywhere.add(endpoint)
                if endpoint.zone == self.zone:
                    near.add(endpoint)
        zonal = self.zone > 0 and not self.panic and len(near.members) > 0
        self.candidates = near if zonal else anywhere

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
        gone = self.endpoints[names.index(name)]
        self.drop(gone)
        return gone

    @seldom
    def drop(self, gone: Endpoint) -> None:
        """Let a member go. Nothing happens if it is none."""
        endpoints = self.endpoints
        kept = 0
        for place in range(len(endpoints)):
            if endpoints[place] is not gone:
                endpoints[kept] = endpoints[place]
                kept += 1
        while len(endpoints) > kept:
            endpoints.pop()
        self.refresh()

    def has(self, endpoint: Endpoint) -> bool:
        """Whether ``endpoint`` is a member, this very one and not another of its name."""
        found = False
        for place in range(len(self.endpoints)):
            if self.endpoints[place] is endpoint:
                found = True
        return found

    def _append(self, endpoint: Endpoint) -> None:
        taken = any(endpoint.number == member.number for member in self.endpoints)
        self._check(not taken, "endpoint names must be unique", endpoint.name)
        self.endpoints.append(endpoint)

    def _check(self, condition: bool, rule: str, value: object) -> None:
        name = text_of(self.name)
        check(condition, f"cluster {name!r}" if name else "cluster", rule, value)
