"""Causes that one may name. Whether it was the cause, the incident itself says: *but for* it, what?

Each is a change of the scenario that takes this one thing away. The run with the change has the
same random numbers, so nothing else differs. If instances die all the same, it was not the cause.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from meshlab.dotted import replaced
from meshlab.faults import EdgeFault, Leak
from meshlab.scenario import Scenario
from meshlab.toll import Toll
from meshlab.wording import say


def _bigger_database(scenario: Scenario) -> Scenario:
    cpu = scenario.service("database").instances[0].cpu
    if cpu is None:
        return scenario
    return replaced(scenario, {"services.database.instances.*.cpu.cores": 10 * cpu.cores})


def _perfect_network(scenario: Scenario) -> Scenario:
    return _without(scenario, EdgeFault)


def _no_rush(scenario: Scenario) -> Scenario:
    loads = tuple(replace(load, rate=load.curve[0][1]) for load in scenario.loads)
    return replace(scenario, loads=loads)


def _no_retries(scenario: Scenario) -> Scenario:
    return replaced(scenario, {"edges.*.retry.max_attempts": 1})


def _no_breakers(scenario: Scenario) -> Scenario:
    return replaced(scenario, {"edges.*.breaker": None})


def _no_leak(scenario: Scenario) -> Scenario:
    return _without(scenario, Leak)


def _without(scenario: Scenario, kind: type) -> Scenario:
    kept = tuple(fault for fault in scenario.faults if not isinstance(fault, kind))
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
