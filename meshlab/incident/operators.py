"""What operators do when they restart instances: by a plan, or when an alert calls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from meshlab.engines.run import run
from meshlab.faults import Leak, Outage
from meshlab.incident.scenario import Parameters, restarts
from meshlab.mesh.result import Result
from meshlab.scenario import Scenario

RESTART_SECONDS = Parameters().restart_seconds
"""To start one instance of auth."""

EVERY_SECONDS = 70.0
"""From one rolling restart to the next."""

ALERT_ABOVE = 1000.0
"""Goroutines of one instance."""

REACTION_SECONDS = 120.0
"""From an alert to the restart that it calls for."""


def rolling_restarts(scenario: Scenario, at: float) -> Scenario:
    """One auth instance after another is restarted, until the fix."""
    names = scenario.service("auth").instance_names()
    fix = min(
        (f.start for f in scenario.faults if isinstance(f, Outage)), default=scenario.duration
    )
    begin = max(at, min((f.start for f in scenario.faults if isinstance(f, Leak)), default=at))
    outages: list[Outage] = []
    while (start := begin + (len(outages) + 1) * EVERY_SECONDS) + RESTART_SECONDS < fix:
        outages.append(_restart(names[len(outages) % len(names)], start))
    return replace(scenario, faults=(*scenario.faults, *outages))


def alert_on_goroutines(scenario: Scenario, at: float, seed: int) -> Scenario:
    """Whoever has too many goroutines is restarted two minutes after the scrape that shows it.

    The operators see what the run of ``seed`` shows: it is run, its first alerts are answered by
    restarts, and it is run again, until there is none left.
    """
    answered: dict[str, float] = {}
    while True:
        calls = _calls(run(scenario, seed), at, answered)
        if not calls:
            return scenario
        scenario = replace(scenario, faults=(*scenario.faults, *calls))


def _calls(result: Result, at: float, answered: dict[str, float]) -> Sequence[Outage]:
    """The restarts that alerts after ``at`` call for, until the first of these changes the run."""
    frame = result.frame("service_goroutines", service="auth")
    fired = frame[(frame["value"] > ALERT_ABOVE) & (frame["time"] > at)].sort_values("time")
    calls: list[Outage] = []
    for time, instance in zip(fired["time"].tolist(), fired["instance"], strict=True):
        if calls and time >= calls[0].start:
            break
        if time > answered.get(instance, 0.0):
            outage = _restart(instance, time + REACTION_SECONDS)
            answered[instance] = outage.end
            if not _collides(result.scenario, outage):
                calls.append(outage)
    return calls


def _restart(instance: str, at: float) -> Outage:
    (outage,) = restarts("auth", (instance,), at, RESTART_SECONDS)
    return outage


def _collides(scenario: Scenario, restart: Outage) -> bool:
    """Whether the instance is down then anyway, or the run is over."""
    return restart.end >= scenario.duration or any(
        isinstance(fault, Outage)
        and fault.instance == restart.instance
        and fault.start < restart.end
        and restart.start < fault.end
        for fault in scenario.faults
    )
