"""A scenario is data: services, edges, load, faults, duration; ``mesh.run`` runs it.

    Scenario
    +-- services: Service -- instances: Instance (latency, errors, workers, queue, memory)
    +-- edges:    Edge     one service calls another: the policies of the caller's sidecar
    +-- loads:    Load     requests that arrive from outside
    +-- faults:   Fault    what goes wrong, where, from when to when
    +-- central:  Central  the central collector of phase 2, or None

Everything here is frozen, so that a what-if is ``dataclasses.replace(...)``: the difference in the
notebook *is* the experiment. Each declaration checks itself; ``Scenario`` checks what holds
between them. Times are seconds since the start of the run, rates are per second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from meshlab.faults import EdgeFault, Fault, check_overlaps
from meshlab.load import Load
from meshlab.model import ConfigError, require
from meshlab.rules import (
    require_known,
    require_name,
    require_positive,
    require_share,
    require_type,
)
from meshlab.telemetry.central import Central
from meshlab.topology import Edge, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything a run depends on, besides its seed.

    ``scrape_interval`` (s) is how often every registry is read; ``trace_sampling`` the share of
    requests whose trace is kept.
    """

    services: tuple[Service, ...]
    edges: tuple[Edge, ...]
    loads: tuple[Load, ...]
    duration: float
    faults: tuple[Fault, ...] = ()
    central: Central | None = None
    scrape_interval: float = 5.0
    trace_sampling: float = 0.01
    name: str = "scenario"

    def __post_init__(self) -> None:
        where = f"scenario {self.name!r}"
        require_name(self.name, "scenario", "name")
        require_positive(self.duration, where, "duration")
        require_positive(self.scrape_interval, where, "scrape_interval")
        require_share(self.trace_sampling, where, "trace_sampling")
        for field_name, kind in (("services", Service), ("edges", Edge), ("loads", Load)):
            require_type(getattr(self, field_name), tuple, where, field_name)
            for part in getattr(self, field_name):
                require_type(part, kind, where, field_name)
        _unique((s.name for s in self.services), where, "service")
        _unique((e.name for e in self.edges), where, "edge")
        self._check_ends()
        self._check_faults()
        _check_acyclic(self.edges)

    def _check_ends(self) -> None:
        names = [service.name for service in self.services]
        sources = {load.source for load in self.loads}
        for source in sorted(sources):
            require(source not in names, "load", "source must not be a service", source)
        for edge in self.edges:
            where = f"edge {edge.name!r}"
            require_known(edge.source, [*names, *sorted(sources)], where, "service")
            require_known(edge.destination, names, where, "service")
        for load in self.loads:
            require_known(load.destination, names, load.where, "service")

    def _check_faults(self) -> None:
        where = f"scenario {self.name!r}"
        require_type(self.faults, tuple, where, "faults")
        services = {service.name: service for service in self.services}
        edges = [f"{e.source}->{e.destination}" for e in self.all_edges()]
        for fault in self.faults:
            require_type(fault, Fault.__args__, where, "faults")
            if isinstance(fault, EdgeFault):
                require_known(fault.target, edges, fault.where, "edge")
                continue
            require_known(fault.service, services, fault.where, "service")
            if fault.instance is not None:
                known = services[fault.service].instance_names()
                require_known(fault.instance, known, fault.where, "instance")
        check_overlaps(self.faults)

    def service(self, name: str) -> Service:
        """The service of that name; ConfigError lists the valid names."""
        known = {service.name: service for service in self.services}
        require_known(name, known, f"scenario {self.name!r}", "service")
        return known[name]

    def edge(self, source: str, destination: str) -> Edge:
        """The edge between the two; ConfigError lists the valid edges."""
        known = {edge.name: edge for edge in self.all_edges()}
        name = f"{source}->{destination}"
        require_known(name, known, f"scenario {self.name!r}", "edge")
        return known[name]

    def all_edges(self) -> tuple[Edge, ...]:
        """The declared edges, and a plain one for every load that has none of its own."""
        declared = {(edge.source, edge.destination) for edge in self.edges}
        pairs = dict.fromkeys((load.source, load.destination) for load in self.loads)
        plain = [Edge(source=s, destination=d) for s, d in pairs if (s, d) not in declared]
        return (*plain, *self.edges)


def _unique(names: Iterable[str], where: str, what: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ConfigError(f"{where}: every {what} must be declared once, got {name!r} twice")


def _check_acyclic(edges: tuple[Edge, ...]) -> None:
    """A request must end: no service may call itself by way of others."""
    calls: dict[str, list[str]] = {}
    for edge in edges:
        calls.setdefault(edge.source, []).append(edge.destination)

    def walk(service: str, path: tuple[str, ...]) -> None:
        if service in path:
            circle = " -> ".join((*path[path.index(service) :], service))
            raise ConfigError(f"edges: calls must not go in a circle, got {circle!r}")
        for upstream in calls.get(service, ()):
            walk(upstream, (*path, service))

    for service in calls:
        walk(service, ())
