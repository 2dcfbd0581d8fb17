"""What the ledger tells, from beginning to end: a breaker opened and closed, an endpoint ejected
and returned.

The ledger has one entry for each decision. An *incident* joins the decision that began a trouble
with the one that ended it, and keeps the reasons and the evidence of both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from meshlab.demo.phases import goes_at
from meshlab.result import Result
from meshlab.scenario import Scenario
from meshlab.telemetry.ledger import Entry, Evidence

BEGINS = {
    "breaker opened": "breaker open",
    "ejected": "ejected",
    "unhealthy": "unhealthy",
    "panic began": "panic",
    "killed": "down",
}
ENDS = {
    "breaker closed": "breaker open",
    "returned": "ejected",
    "healthy": "unhealthy",
    "panic ended": "panic",
    "started": "down",
}
PROBING = "breaker half-open"
PLANNED = "end of its time"
"""The reason of a process that stops because the scenario says so: no trouble, but a change."""

BREAKER = "breaker open"
"""The kind of incident in which a circuit breaker is open or half-open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One trouble, as one sidecar saw it on one edge; both are empty for a process that is down.

    ``kind`` is a value of `BEGINS`. ``target`` is the cluster, the endpoint or the process of
    ``service`` that it is about; ``subject`` the ledger's name for all that. Times in seconds;
    ``ended`` is None if it lasted to the end of the run. A breaker is one incident from its first
    opening until it closes: ``probes`` are the times (s) at which it went half-open,
    ``failed_probes`` how many of these opened it again.
    """

    kind: str
    subject: str
    sidecar: str
    edge: str
    service: str
    target: str
    began: float
    reason: str
    evidence: Evidence
    ended: float | None = None
    ended_because: str = ""
    ending_evidence: Evidence = ()
    probes: tuple[float, ...] = ()
    failed_probes: int = 0

    def overlaps(self, start: float, end: float) -> bool:
        """Whether it held at some time in between."""
        return self.began < end and (self.ended is None or self.ended > start)


class _Who(NamedTuple):
    sidecar: str
    edge: str
    service: str
    target: str


def sidecars(scenario: Scenario, source: str) -> tuple[str, ...]:
    """The sidecars that call for ``source``: one for each instance, or one for a source of load."""
    names = {service.name: service.instance_names() for service in scenario.services}
    return names.get(source, (source,))


def _subjects(scenario: Scenario) -> dict[str, _Who]:
    """Every subject that the ledger may name, so that none need be taken apart."""
    known = {
        name: _Who("", "", service.name, name)
        for service in scenario.services
        for name in service.instance_names()
    }
    for edge in scenario.all_edges():
        for sidecar in sidecars(scenario, edge.source):
            upstream = f"{sidecar}->{edge.destination}"
            known[upstream] = _Who(sidecar, edge.name, edge.destination, edge.destination)
            for endpoint in scenario.service(edge.destination).instance_names():
                known[f"{upstream} {endpoint}"] = _Who(
                    sidecar, edge.name, edge.destination, endpoint
                )
    return known


def read_incidents(result: Result) -> tuple[Incident, ...]:
    """All incidents of a run, in the order in which they began."""
    known = _subjects(result.scenario)
    done: list[Incident] = []
    open_ones: dict[tuple[str, str], Incident] = {}
    for entry in result.ledger:
        if entry.event in BEGINS and entry.reason != PLANNED:
            key = (entry.subject, BEGINS[entry.event])
            open_ones[key] = _begin(entry, open_ones.get(key), known[entry.subject])
        elif entry.event == PROBING:
            key = (entry.subject, BREAKER)
            incident = open_ones[key]
            open_ones[key] = replace(incident, probes=(*incident.probes, entry.time))
        elif (key := (entry.subject, ENDS.get(entry.event, ""))) in open_ones:
            done.append(_end(entry, open_ones.pop(key)))
    gone = _gone(result.scenario)
    left = [_leave(incident, gone.get(incident.target)) for incident in open_ones.values()]
    return tuple(sorted([*done, *left], key=lambda incident: incident.began))


def _begin(entry: Entry, earlier: Incident | None, who: _Who) -> Incident:
    """A new incident; or, for a breaker that had not closed since, one more failed probe."""
    if earlier is not None:
        return replace(earlier, failed_probes=earlier.failed_probes + 1)
    return Incident(
        kind=BEGINS[entry.event],
        subject=entry.subject,
        sidecar=who.sidecar,
        edge=who.edge,
        service=who.service,
        target=who.target,
        began=entry.time,
        reason=entry.reason,
        evidence=entry.evidence,
    )


def _end(entry: Entry, incident: Incident) -> Incident:
    return replace(
        incident, ended=entry.time, ended_because=entry.reason, ending_evidence=entry.evidence
    )


def _gone(scenario: Scenario) -> dict[str, float]:
    """The instances that leave during the run, and when (s)."""
    return {
        name: goes_at(instance)
        for service in scenario.services
        for name, instance in zip(service.instance_names(), service.instances, strict=True)
        if goes_at(instance) < scenario.duration
    }


def _leave(incident: Incident, left_at: float | None) -> Incident:
    """No decision of the ledger ends what it said of an instance that is no longer there."""
    if left_at is None:
        return incident
    return replace(incident, ended=max(incident.began, left_at), ended_because="left")


def healed_at(incidents: Iterable[Incident], time: float) -> float | None:
    """When the last of the incidents that held at ``time`` ended; None if one never did.

    ``time`` itself if there was none.
    """
    held = [i for i in incidents if i.began <= time and (i.ended is None or i.ended > time)]
    ends = [incident.ended for incident in held]
    if None in ends:
        return None
    return max([time, *(end for end in ends if end is not None)])
