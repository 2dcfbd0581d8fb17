"""A scenario is data: services, edges, load, faults, duration; ``mesh.run`` runs it.

    Scenario
    +-- services: Service -- instances: Instance (latency, errors, workers, queue, memory)
    +-- edges:    Edge     one service calls another: the policies of the caller's sidecar
    +-- loads:    Load     requests that arrive from outside
    +-- faults:   Fault    what goes wrong, where, from when to when
    +-- changes:  Change   an edge or a service gets other policies, from when on
    +-- central:  Central  the central collector of phase 2, or None

Everything here is frozen, so that a what-if is ``dataclasses.replace(...)``: the difference in the
notebook *is* the experiment. Each declaration checks itself; ``Scenario`` checks what holds
between them. Times are seconds since the start of the run, rates are per second.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshlab import consistency
from meshlab.changes import Change
from meshlab.faults import FAULTS, Fault
from meshlab.load import Load
from meshlab.normalized import normalized
from meshlab.rules import (
    check,
    require_count,
    require_known,
    require_name,
    require_positive,
    require_share,
    require_tuple,
    require_type,
)
from meshlab.telemetry.central import Central
from meshlab.topology import Edge, Service

LONGEST_RUN = 1e10
"""Seconds: 300 years. A float tells microseconds apart up to here."""


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Scenario:
    """Everything a run depends on, besides its seed.

    ``scrape_interval`` (s) is how often every registry is read; ``trace_sampling`` the share of
    requests whose trace is kept. With a ``weight`` of N each request of the run stands for N (see
    `meshlab.weight`).
    """

    services: tuple[Service, ...]
    edges: tuple[Edge, ...]
    loads: tuple[Load, ...]
    duration: float
    faults: tuple[Fault, ...] = ()
    changes: tuple[Change, ...] = ()
    central: Central | None = None
    scrape_interval: float = 5.0
    trace_sampling: float = 0.01
    name: str = "scenario"
    weight: int = 1

    def __post_init__(self) -> None:
        require_name(self.name, "scenario", "name")
        where = self.where
        require_positive(self.duration, where, "duration", most=LONGEST_RUN)
        require_positive(self.scrape_interval, where, "scrape_interval")
        require_share(self.trace_sampling, where, "trace_sampling")
        require_count(self.weight, 1, where, "weight")
        require_tuple(self.services, Service, where, "services")
        require_tuple(self.edges, Edge, where, "edges")
        require_tuple(self.loads, Load, where, "loads")
        require_tuple(self.faults, tuple(FAULTS.values()), where, "faults")
        require_tuple(self.changes, Change, where, "changes")
        if self.central is not None:
            require_type(self.central, Central, where, "central")
        check(len(self.services) > 0, where, "services must not be empty", self.services)
        self._check_parts()

    def _check_parts(self) -> None:
        """What holds between the parts; each rule may rely on those before it."""
        services, edges, loads = self.services, self.edges, self.loads
        consistency.check_unique((*services, *edges, *loads))
        consistency.check_names(services, loads)
        consistency.check_ends(services, edges, loads)
        consistency.check_entrances(edges, loads)
        consistency.check_routes(edges, loads)
        consistency.check_acyclic(edges, self.where)
        consistency.check_reached(edges, loads)
        consistency.check_splits(edges, loads)
        consistency.check_weights(services, edges)
        consistency.check_faults(self.faults, services, self.all_edges(), loads)
        consistency.check_changes(self.changes, services, self.all_edges(), loads)
        if self.central is not None:
            consistency.check_central(self.central, services)

    @property
    def where(self) -> str:
        return f"scenario {self.name!r}"

    @property
    def routes(self) -> tuple[str, ...]:
        """Every route that some load has, in the order of the loads."""
        return tuple(dict.fromkeys(load.route for load in self.loads))

    def service(self, name: str) -> Service:
        """The service of that name; ConfigError lists the valid names."""
        known = {service.name: service for service in self.services}
        require_known(name, known, self.where, "service")
        return known[name]

    def edge(self, source: str, destination: str) -> Edge:
        """The edge between the two; ConfigError lists the valid edges."""
        known = {edge.name: edge for edge in self.all_edges()}
        name = f"{source}->{destination}"
        require_known(name, known, self.where, "edge")
        return known[name]

    def all_edges(self) -> tuple[Edge, ...]:
        """The declared edges, and a plain one for every load that has none of its own."""
        declared = {(edge.source, edge.destination) for edge in self.edges}
        pairs = dict.fromkeys((load.source, load.destination) for load in self.loads)
        plain = [Edge(source=s, destination=d) for s, d in pairs if (s, d) not in declared]
        return (*plain, *self.edges)
