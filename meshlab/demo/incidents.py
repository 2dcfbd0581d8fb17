"""What the ledger tells, from beginning to end: a breaker opened and closed, an endpoint ejected
and returned.

The ledger has one entry for each decision. An *incident* joins the decision that began a trouble
with the one that ended it, and keeps the reasons and the evidence of both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from meshlab.mesh.result import Result
from meshlab.scenario import Scenario
from meshlab.telemetry.ledger import Evidence

BREAKER = "breaker open"
"""The kind of incident in which a circuit breaker is open or half-open."""

KINDS = {
    BREAKER: ("breaker opened", "breaker closed"),
    "ejected": ("ejected", "returned"),
    "unhealthy": ("unhealthy", "healthy"),
    "panic": ("panic began", "panic ended"),
    "down": ("killed", "started"),
}
"""The kinds of incident, each with the ledger's words for its beginning and its end."""

BEGINS = {begin: kind for kind, (begin, _) in KINDS.items()}
ENDS = {end: kind for kind, (_, end) in KINDS.items()}
PLANNED = "end of its time"
"""The reason of a process that stops because the scenario says so: no trouble, but a change."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One trouble of one ``subject`` of the ledger: a sidecar's upstream or endpoint, or a process.

    ``kind`` is one of `KINDS`; ``about`` names the edge of a breaker, else the endpoint, the
    cluster or the process. Times in seconds; ``ended`` is None if no entry says that it is over. A
    breaker is one incident from its first opening until it closes: ``probes`` are the times (s) at
    which it went half-open, ``failed_probes`` how many of these opened it again.
    """

    kind: str
    subject: str
    about: str
    began: float
    reason: str
    evidence: Evidence
    ended: float | None = None
    ended_because: str = ""
    ending_evidence: Evidence = ()
    probes: tuple[float, ...] = ()
    failed_probes: int = 0


def read_incidents(result: Result) -> tuple[Incident, ...]:
    """All incidents of a run, in the order in which they began."""
    names = _names(result.scenario)
    done: list[Incident] = []
    held: dict[tuple[str, str], Incident] = {}
    for entry in result.ledger:
        time, event, reason, evidence = entry.time, entry.event, entry.reason, entry.evidence
        kind = BEGINS.get(event) or ENDS.get(event) or BREAKER
        key = (entry.subject, kind)
        mine = held.get(key)
        if event in BEGINS and mine is not None:  # a breaker that had not closed since
            held[key] = replace(mine, failed_probes=mine.failed_probes + 1)
        elif event in BEGINS and reason != PLANNED:
            about = names[entry.subject][kind == BREAKER]
            held[key] = Incident(kind, entry.subject, about, time, reason, evidence)
        elif event == "breaker half-open" and mine is not None:
            held[key] = replace(mine, probes=(*mine.probes, time))
        elif event in ENDS and mine is not None:
            del held[key]
            done.append(replace(mine, ended=time, ended_because=reason, ending_evidence=evidence))
    return tuple(sorted([*done, *held.values()], key=lambda incident: incident.began))


def _names(scenario: Scenario) -> dict[str, tuple[str, str]]:
    """For every subject that the ledger may name: the target that it is about, and the edge."""
    instances = {service.name: service.instance_names() for service in scenario.services}
    known = {name: (name, "") for names in instances.values() for name in names}
    for edge in scenario.all_edges():
        for sidecar in instances.get(edge.source, (edge.source,)):
            upstream = f"{sidecar}->{edge.destination}"
            known[upstream] = (edge.destination, edge.name)
            known |= {f"{upstream} {name}": (name, "") for name in instances[edge.destination]}
    return known
