"""What might have been done: twelve defences, each one knob of the incident that is turned.

DEFENCES["retry budget"].apply(incident(), at=0.0, seed=1)
"""

from __future__ import annotations

from dataclasses import dataclass

from meshlab.incident.knobs import Knobs
from meshlab.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Defence:
    """One thing that might have been done: in words, and as knobs."""

    what: str
    knobs: Knobs

    def apply(self, scenario: Scenario, at: float, seed: int = 1) -> Scenario:
        """Do it from ``at`` (s) on, in the run with ``seed``."""
        return self.knobs.apply(scenario, at, seed)


DEFENCES = {
    "no leak": Defence("The defect is fixed; what has leaked so far stays.", Knobs(leak_rate=0.0)),
    "no retries": Defence("The gateway tries once.", Knobs(attempts=1)),
    "retry budget": Defence(
        "A token budget in every gateway: a fifth of its calls may be retried.",
        Knobs(budget="Finagle: 20 % of the calls"),
    ),
    "breaker": Defence(
        "A circuit breaker in every gateway, by failure rate.",
        Knobs(breaker="half of 100 calls fail"),
    ),
    "concurrency limit": Defence(
        "At most 400 tries in flight from each gateway to auth.", Knobs(limit=400)
    ),
    "shed early": Defence(
        "Auth takes 400 requests at a time instead of 1,024, and turns the rest away at once.",
        Knobs(workers=400),
    ),
    "least request": Defence(
        "Least request over all zones instead of the caller's own.",
        Knobs(balancing="least request, all zones"),
    ),
    "twice the memory": Defence(
        "Every auth instance may hold twice as much.", Knobs(memory_mib=2 * Knobs().memory_mib)
    ),
    "six instances": Defence("Three more instances of auth, one in each zone.", Knobs(instances=6)),
    "always restarted": Defence(
        "The platform restarts what was killed, and needs 50 s for it.",
        Knobs(restarts="the platform does, in 50 s"),
    ),
    "rolling restarts": Defence(
        "One auth instance after another is restarted, one every 70 s, until the fix.",
        Knobs(operators="and rolling restarts"),
    ),
    "alert on goroutines": Defence(
        "Whoever has more than 1,000 goroutines is restarted two minutes after the scrape.",
        Knobs(operators="and an alert at 1,000 goroutines"),
    ),
}
"""Every defence by its name."""
