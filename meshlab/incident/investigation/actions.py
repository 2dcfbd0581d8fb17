"""What one may do about it, from the minute on in which it is done; each takes time to prepare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from meshlab.incident.history import DEFENCES
from meshlab.incident.operators import RESTART_SECONDS
from meshlab.incident.scenario import restarts
from meshlab.scenario.faults import Outage
from meshlab.scenario.scenario import Scenario

Apply = Callable[[Scenario, float], Scenario]


@dataclass(frozen=True, slots=True)
class Action:
    """What is done, the minutes until it is, and the scenario in which it is done at a time (s)."""

    what: str
    minutes: int
    apply: Apply


def restart(scenario: Scenario, at: float) -> Scenario:
    """The instances of auth, one after another, with the program that they had."""
    names = scenario.service("auth").instance_names()
    return _down(scenario, restarts("auth", names, at, RESTART_SECONDS))


def restart_with_fix(scenario: Scenario, at: float) -> Scenario:
    """The same, but what starts from now on does not leak."""
    return restart(DEFENCES["no leak"].apply(scenario, at), at)


def restart_database(scenario: Scenario, at: float) -> Scenario:
    """A minute without it."""
    return _down(scenario, restarts("database", ("database-1",), at, 60.0))


def _down(scenario: Scenario, outages: tuple[Outage, ...]) -> Scenario:
    return replace(scenario, faults=(*scenario.faults, *outages))


ACTIONS: dict[str, Action] = {
    "restart auth": Action("restart auth as it is, one after another", 1, restart),
    "restart auth with the fix": Action("build the fix, restart auth with it", 3, restart_with_fix),
    "restart the database": Action("restart the database", 1, restart_database),
    "no retries": Action("turn off the gateway's retries at auth", 1, DEFENCES["no retries"].apply),
    "all zones": Action("let gateways ask auth in all zones", 1, DEFENCES["least request"].apply),
    "wait": Action("wait whether it heals by itself", 0, lambda scenario, at: scenario),
}
"""Everything one may do, by its key."""
