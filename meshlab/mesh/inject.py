"""Puts a scenario's faults to work: each begins and ends at its time, and the ledger notes both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import inf
from typing import Any

from meshlab.kernel.engine import Engine
from meshlab.mesh.instance import AS_ALL, ServiceInstance
from meshlab.mesh.journal import Journal
from meshlab.mesh.link import AS_ALL as LINK_AS_ALL
from meshlab.mesh.upstream import Upstream
from meshlab.scenario.faults import EdgeFault, Errors, Fault, Leak, Outage, Slowdown


def schedule(
    fault: Fault,
    engine: Engine,
    journal: Journal,
    instances: Iterable[ServiceInstance],
    upstreams: Iterable[Upstream],
    routes: Sequence[str] = ("/",),
) -> None:
    """Let ``fault`` begin, and end, on every instance or link that it names."""
    targets: Sequence[Any]
    if isinstance(fault, EdgeFault):
        ends = fault.source, fault.destination
        targets = [u.link for u in upstreams if (u.source, u.destination) == ends]
    else:
        targets = [
            instance
            for instance in instances
            if instance.service == fault.service and fault.instance in (None, instance.name)
        ]
    named = getattr(fault, "route", None)
    route = 0 if named is None else routes.index(named)

    def act(event: str, do: Callable[[Fault, Any, int], None]) -> None:
        journal.write(fault.target, event, fault.kind)
        for target in targets:
            do(fault, target, route)

    engine.at(fault.start, partial(act, "fault began", _begin))
    if fault.end != inf:
        engine.at(fault.end, partial(act, "fault ended", _end))


def _begin(fault: Fault, target: Any, place: int) -> None:
    match fault:
        case Errors(rate=rate, route=None):
            target.error_rate = rate
        case Errors(rate=rate):
            target.err_on_route(place, rate)
        case Slowdown(factor=factor):
            target.slowdown = factor
        case Leak():
            target.hang_rate, target.hang_steady = fault.rate, fault.steady
            target.hang_goroutines, target.hang_cpu = fault.goroutines, fault.cpu
        case Outage():
            target.stop()
        case EdgeFault(rate=rate, delay=delay, route=None):
            target.set(rate, delay)
        case EdgeFault(rate=rate, delay=delay):
            target.set_route(place, rate, delay)


def _end(fault: Fault, target: Any, place: int) -> None:
    match fault:
        case Errors(route=None):
            target.error_rate = target.declared_error_rate
        case Errors():
            target.err_on_route(place, AS_ALL)
        case Slowdown():
            target.slowdown = 1.0
        case Leak():
            target.hang_rate, target.hang_steady = 0.0, False
            target.hang_goroutines, target.hang_cpu = 0, 0.0
        case Outage():
            target.resume()
        case EdgeFault(route=None):
            target.set(0.0, 0.0)
        case EdgeFault():
            target.set_route(place, LINK_AS_ALL, 0.0)
