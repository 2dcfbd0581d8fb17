"""Puts a scenario's faults to work: each begins and ends at its time, and the ledger notes both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

from meshlab.kernel.engine import Engine
from meshlab.mesh.service import ServiceInstance
from meshlab.mesh.upstream import Upstream
from meshlab.scenario.faults import EdgeFault, Errors, Fault, Leak, Outage, Slowdown
from meshlab.telemetry.ledger import Ledger


def schedule(
    fault: Fault,
    engine: Engine,
    ledger: Ledger,
    instances: Iterable[ServiceInstance],
    upstreams: Iterable[Upstream],
) -> None:
    """Let ``fault`` begin, and end, on every instance or link that it names."""
    targets: Sequence[Any]
    if isinstance(fault, EdgeFault):
        targets = [upstream.link for upstream in upstreams if upstream.edge.name == fault.edge]
    else:
        targets = [
            instance
            for instance in instances
            if instance.service.name == fault.service and fault.instance in (None, instance.name)
        ]

    def act(event: str, do: Callable[[Fault, Any], None]) -> None:
        ledger.write(engine.now, fault.target, event, fault.kind)
        for target in targets:
            do(fault, target)

    engine.at(fault.start, lambda _: act("fault began", _begin))
    if fault.end != inf:
        engine.at(fault.end, lambda _: act("fault ended", _end))


def _begin(fault: Fault, target: Any) -> None:
    match fault:
        case Errors(rate=rate, route=None):
            target.error_rate = rate
        case Errors(rate=rate, route=route):
            target.route_errors[route] = rate
        case Slowdown(factor=factor):
            target.slowdown = factor
        case Leak():
            target.hang_rate, target.hang_steady = fault.rate, fault.steady
            target.hang_goroutines, target.hang_cpu = fault.goroutines, fault.cpu
        case Outage():
            target.stop("outage")
        case EdgeFault(rate=rate, delay=delay, route=None):
            target.rate, target.delay = rate, delay
        case EdgeFault(rate=rate, delay=delay, route=route):
            target.routes[route] = (rate, delay)


def _end(fault: Fault, target: Any) -> None:
    match fault:
        case Errors(route=None):
            target.error_rate = target.config.error_rate
        case Errors(route=route):
            del target.route_errors[route]
        case Slowdown():
            target.slowdown = 1.0
        case Leak():
            target.hang_rate, target.hang_steady = 0.0, False
            target.hang_goroutines, target.hang_cpu = 0, 0.0
        case Outage():
            target.resume()
        case EdgeFault(route=None):
            target.rate, target.delay = 0.0, 0.0
        case EdgeFault(route=route):
            del target.routes[route]
