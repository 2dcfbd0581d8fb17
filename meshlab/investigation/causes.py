"""Causes that one may name. Whether it was the cause, the incident itself says: *but for* it, what?

Each is a change of the scenario that takes this one thing away. The run with the change has the
same random numbers, so nothing else differs. If instances die all the same, it was not the cause.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from meshlab.faults import EdgeFault, Leak
from meshlab.figures.style import say
from meshlab.scenario import Scenario
from meshlab.toll import Toll
from meshlab.topology import Edge, Instance


def _each_edge(scenario: Scenario, change: Callable[[Edge], Edge]) -> Scenario:
    return replace(scenario, edges=tuple(change(edge) for edge in scenario.edges))


def _bigger_database(scenario: Scenario) -> Scenario:
    def bigger(instance: Instance) -> Instance:
        cpu = instance.cpu
        return (
            instance if cpu is None else replace(instance, cpu=replace(cpu, cores=10 * cpu.cores))
        )

    services = tuple(
        replace(s, instances=tuple(bigger(one) for one in s.instances))
        if s.name == "database"
        else s
        for s in scenario.services
    )
    return replace(scenario, services=services)


def _perfect_network(scenario: Scenario) -> Scenario:
    kept = tuple(fault for fault in scenario.faults if not isinstance(fault, EdgeFault))
    return replace(scenario, faults=kept)


def _no_rush(scenario: Scenario) -> Scenario:
    loads = tuple(replace(load, rate=load.curve[0][1]) for load in scenario.loads)
    return replace(scenario, loads=loads)


def _no_retries(scenario: Scenario) -> Scenario:
    return _each_edge(
        scenario, lambda edge: replace(edge, retry=replace(edge.retry, max_attempts=1))
    )


def _no_breakers(scenario: Scenario) -> Scenario:
    return _each_edge(scenario, lambda edge: replace(edge, breaker=None))


def _no_leak(scenario: Scenario) -> Scenario:
    kept = tuple(fault for fault in scenario.faults if not isinstance(fault, Leak))
    return replace(scenario, faults=kept)


CAUSES: dict[str, tuple[str, Callable[[Scenario], Scenario]]] = {
    "database": ("the database could not keep up", _bigger_database),
    "network": ("the network lost or delayed calls", _perfect_network),
    "traffic": ("Black Friday was too much", _no_rush),
    "retries": ("a retry storm", _no_retries),
    "breakers": ("breakers cut the shop in pieces", _no_breakers),
    "leak": ("goroutines leak in auth until its memory is full", _no_leak),
}
"""What each means, and the scenario without it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A cause that was named, what happened, and what happens without it. True if it was it."""

    cause: str
    happened: Toll
    without: Toll

    def __bool__(self) -> bool:
        """But for it, nobody dies, and of a hundred pages that failed not one does."""
        spared = self.without.failed < 0.01 * self.happened.failed
        return not self.without.kills and spared

    def __str__(self) -> str:
        what = CAUSES[self.cause][0]
        return (
            f"{what[:1].upper()}{what[1:]}? Without it, {len(self.without.kills)} instances die "
            f"instead of {len(self.happened.kills)}, and {say(self.without.failed)} pages fail "
            f"instead of {say(self.happened.failed)}. "
            f"{'That was the cause.' if self else 'So that was not the cause.'}"
        )
