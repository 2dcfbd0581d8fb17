"""What must hold between the parts of a scenario, so that each part means something.

Each part checks itself; `meshlab.scenario.scenario.Scenario` then asks these rules, from the names
up to the ways that requests take. An error begins with the part it is about (its ``where``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from math import gcd
from typing import Protocol

from meshlab.model.rules import check, is_number, require_known
from meshlab.policies.ring_hash import LARGEST_RING, RingHash
from meshlab.policies.weighted_round_robin import LONGEST_SCHEDULE, WeightedRoundRobin
from meshlab.scenario.changes import Change, check_fixed
from meshlab.scenario.faults import EdgeFault, Errors, Fault, Leak, ServiceFault, check_overlaps
from meshlab.scenario.load import Load
from meshlab.scenario.topology import Edge, Instance, Service
from meshlab.telemetry.central import Central


class _Part(Protocol):
    @property
    def where(self) -> str: ...


def check_unique(parts: Iterable[_Part]) -> None:
    """No two services, edges or loads of the same name: which of them would count?"""
    for where, number in Counter(part.where for part in parts).items():
        check(number == 1, where, "must be declared once", number)


def check_names(services: Sequence[Service], loads: Sequence[Load]) -> None:
    """A sidecar is known by its owner's name, so that no two owners may share one."""
    instances = {name: s.name for s in services for name in s.instance_names()}
    names = {service.name for service in services}
    for service in services:
        owner = instances.get(service.name)
        rule = f"name must not be that of an instance of {owner!r}"
        check(owner is None, service.where, rule, service.name)
    for load in loads:
        rule = "source must be outside the mesh, neither a service nor an instance"
        check(load.source not in names | instances.keys(), load.where, rule, load.source)


def check_ends(services: Sequence[Service], edges: Sequence[Edge], loads: Sequence[Load]) -> None:
    """Every edge and every load leads from somewhere to a service that is declared."""
    names = [service.name for service in services]
    sources = sorted({load.source for load in loads})
    for load in loads:
        require_known(load.destination, names, load.where, "service")
    for edge in edges:
        require_known(edge.source, [*names, *sources], edge.where, "service")
        require_known(edge.destination, names, edge.where, "service")


def check_routes(edges: Sequence[Edge], loads: Sequence[Load]) -> None:
    """Every route of an edge is one that some load has; else the edge leads its calls nowhere."""
    routes = sorted({load.route for load in loads})
    for edge in edges:
        for route in edge.routes:
            require_known(route, routes, edge.where, "route")


def check_entrances(edges: Sequence[Edge], loads: Sequence[Load]) -> None:
    """An edge from outside belongs to a load, which alone says how many requests take it."""
    entrances: dict[str, list[str]] = {}
    for load in loads:
        entrances.setdefault(load.source, []).append(load.destination)
    for edge in edges:
        if edge.source not in entrances:
            continue
        taken = entrances[edge.source]
        rule = f"destination must be that of a load from {edge.source!r} ({', '.join(taken)})"
        check(edge.destination in taken, edge.where, rule, edge.destination)
        plain = Edge(source=edge.source, destination=edge.destination)
        for name in ("routes", "calls", "probability", "required", "mirror", "split"):
            value = getattr(edge, name)
            rule = f"{name} must be left out, since the load says which requests come"
            check(value == getattr(plain, name), edge.where, rule, value)
        rule = "zone_local must be left out, since who calls from outside is in no zone"
        check(not edge.zone_local, edge.where, rule, edge.zone_local)


def check_acyclic(edges: Iterable[Edge], where: str) -> None:
    """A request must end: no service may call itself by way of others."""
    callers: dict[str, list[str]] = {}
    for edge in edges:
        callers.setdefault(edge.destination, []).append(edge.source)
    try:
        TopologicalSorter(callers).prepare()
    except CycleError as error:
        check(False, where, "edges must not lead in a circle", " -> ".join(error.args[1]))


def reached(edges: Sequence[Edge], loads: Sequence[Load]) -> dict[str, set[str]]:
    """The routes of the requests that come to each service."""
    reaching: dict[str, set[str]] = {}
    waiting = [(load.destination, load.route) for load in loads]
    while waiting:
        service, route = waiting.pop()
        if route in reaching.setdefault(service, set()):
            continue
        reaching[service].add(route)
        ways = [edge for edge in edges if edge.source == service and edge.takes(route)]
        waiting += [(edge.destination, route) for edge in ways]
    return reaching


def routes_on(
    edge: Edge, loads: Sequence[Load], reaching: Mapping[str, Collection[str]]
) -> list[str]:
    """The routes of the calls on an edge; ``reaching`` has those that come to its source."""
    ends = (edge.source, edge.destination)
    entering = [load.route for load in loads if (load.source, load.destination) == ends]
    return entering or [route for route in reaching.get(edge.source, ()) if edge.takes(route)]


def check_reached(edges: Sequence[Edge], loads: Sequence[Load]) -> None:
    """Every edge is on the way of some load's requests, by a route that they have."""
    reaching = reached(edges, loads)
    sources = {load.source for load in loads}
    for edge in edges:
        routes = sorted(reaching.get(edge.source, ()))
        if edge.source not in sources:
            rule = "source must be reached by the requests of a load"
            check(bool(routes), edge.where, rule, edge.source)
            rule = f"routes must be among those that reach {edge.source!r} ({', '.join(routes)})"
            fits = not edge.routes or not set(edge.routes).isdisjoint(routes)
            check(fits, edge.where, rule, edge.routes)


def check_splits(edges: Sequence[Edge], loads: Sequence[Load]) -> None:
    """Wherever requests are split, some way has a weight, and so gets them."""
    for route in {load.route: None for load in loads}:
        weights: dict[tuple[str, str], float] = {}
        for edge in edges:
            if edge.split and edge.takes(route):
                split = (edge.source, edge.split)
                weights[split] = weights.get(split, 0.0) + edge.split_weight
        for (source, name), total in weights.items():
            where = f"split {name!r} of {source!r}"
            rule = f"split_weight of all ways on {route!r} must sum to a number > 0"
            check(is_number(total) and total > 0, where, rule, total)


def check_weights(services: Sequence[Service], edges: Iterable[Edge]) -> None:
    """The weights of a service's instances are such that the balancer can do justice to them."""
    weights = {s.name: [instance.weight for instance in s.instances] for s in services}
    for edge in edges:
        total, divisor = sum(weights[edge.destination]), gcd(*weights[edge.destination])
        match edge.balancer:
            case WeightedRoundRobin():
                most = f"at most {LONGEST_SCHEDULE} turns (weights over their common divisor)"
                fits, length = total // divisor <= LONGEST_SCHEDULE, total // divisor
                check(fits, edge.where, f"balancer must have a cycle of {most}", length)
            case RingHash(minimum_ring_size=size):
                rule = f"balancer must have a ring of at most {LARGEST_RING} points"
                check(size * total <= LARGEST_RING, edge.where, rule, size * total)


def check_faults(
    faults: Sequence[Fault],
    services: Sequence[Service],
    edges: Sequence[Edge],
    loads: Sequence[Load],
) -> None:
    """Every fault has a target, and no two of one kind strike it at once."""
    instances = {service.name: service.instance_names() for service in services}
    ways = {edge.name: edge for edge in edges}
    reaching = reached(edges, loads)
    for fault in faults:
        if isinstance(fault, EdgeFault):
            require_known(fault.edge, ways, fault.where, "edge")
            _check_route(fault, routes_on(ways[fault.edge], loads, reaching))
            continue
        require_known(fault.service, instances, fault.where, "service")
        if fault.instance is not None:
            require_known(fault.instance, instances[fault.service], fault.where, "instance")
        if isinstance(fault, Errors):
            _check_route(fault, reaching.get(fault.service, ()))
        if isinstance(fault, Leak) and fault.cpu > 0:
            rule = "cpu must be 0 where no instance declares a cpu"
            struck = _struck(fault, services)
            check(any(instance.cpu for instance in struck), fault.where, rule, fault.cpu)
    check_overlaps(faults)


def _check_route(fault: Errors | EdgeFault, routes: Iterable[str]) -> None:
    """A fault on one route is about requests that really come that way."""
    if fault.route is not None:
        require_known(fault.route, sorted(routes), fault.where, "route")


def _struck(fault: ServiceFault, services: Sequence[Service]) -> list[Instance]:
    """The instances that a fault on a service is about."""
    return [
        instance
        for service in services
        for name, instance in zip(service.instance_names(), service.instances, strict=True)
        if service.name == fault.service and fault.instance in (None, name)
    ]


def check_changes(
    changes: Sequence[Change],
    services: Sequence[Service],
    edges: Sequence[Edge],
    loads: Sequence[Load],
) -> None:
    """Every change is about what there is, and leaves a mesh that could have been declared."""
    check_unique(changes)
    now = {edge.name: edge for edge in edges}
    by_name = {service.name: service for service in services}
    for change in sorted(changes, key=lambda change: change.at):
        if change.edge is not None:
            require_known(change.target, now, change.where, "edge")
            check_fixed(now[change.target], change.edge, change.where)
            now[change.target] = change.edge
            check_entrances([change.edge], loads)
            check_weights(services, [change.edge])
            check_splits([*now.values()], loads)
        if change.service is not None:
            require_known(change.target, by_name, change.where, "service")
            check_fixed(by_name[change.target], change.service, change.where)


def check_central(central: Central, services: Collection[Service]) -> None:
    """The collector's partitions and clocks belong to services and instances that exist."""
    names = [service.name for service in services]
    instances = [name for service in services for name in service.instance_names()]
    for service, _, _ in central.partitions:
        require_known(service, names, "central", "service")
    for instance, _ in central.skew:
        require_known(instance, instances, "central", "instance")
