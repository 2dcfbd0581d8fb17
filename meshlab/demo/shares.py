"""Who got the work, and who should have: the share of tries of every instance of a cluster.

The expected share is the balancer's own (`expected_shares`) over the instances that are registered,
as if all of them were well and news took no time. So a difference is not an error but a finding: an
ejection, retries that avoid the last endpoint, a newcomer that is not known yet, or chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from meshlab.demo.counters import Counters
from meshlab.demo.incidents import sidecars
from meshlab.demo.phases import Phase, comes_at, goes_at
from meshlab.model import Endpoint
from meshlab.policies.balancer import BalancerConfig, expected_shares
from meshlab.result import Result
from meshlab.telemetry import names
from meshlab.topology import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseShare:
    """One instance in one phase (by number): it got ``tries`` ``of`` all on its cluster."""

    phase: int
    tries: int
    of: int
    share: float
    expected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The share of ``instance`` in the tries that ``sources`` sent to its service.

    ``expected`` is the mean over the phases, weighted by tries; None where it depends on load or
    latency. ``phases`` has those in which there were tries.
    """

    service: str
    sources: tuple[str, ...]
    balancer: str
    instance: str
    tries: int
    share: float
    expected: float | None
    phases: tuple[PhaseShare, ...]

    @property
    def furthest(self) -> PhaseShare | None:
        """The phase in which the share was furthest from what was expected.

        Where nothing is, from the share over the whole run. Distances count more where there were
        more tries, by the square root, as chance has it.
        """

        def distance(phase: PhaseShare) -> float:
            usual = self.share if phase.expected is None else phase.expected
            return abs(phase.share - usual) * sqrt(phase.of)

        return max(self.phases, key=distance, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTry:
    """How long a newcomer waited for work: ``sidecar`` sent it the first try at ``time`` (s).

    The time is that of the first scrape that shows it; None: never. ``joined`` is when the instance
    registered (s).
    """

    instance: str
    joined: float
    sidecar: str
    time: float | None


def read_shares(result: Result, phases: Sequence[Phase]) -> tuple[Share, ...]:
    """The shares in every cluster of several instances; edges with equal balancers count as one."""
    counters = Counters(result, names.MESH_ATTEMPTS, ("source", "destination", "endpoint"))
    growth = [counters.between(phase.start, phase.end) for phase in phases]
    shares: list[Share] = []
    for service, balancer, sources in _clusters(result):
        parts: dict[str, list[PhaseShare]] = {name: [] for name in service.instance_names()}
        for phase, grown in zip(phases, growth, strict=True):
            tries = {n: sum(round(grown[s, service.name, n]) for s in sources) for n in parts}
            for name, part in _phase(phase, service, balancer, tries):
                parts[name].append(part)
        shares += [
            _whole(service, sources, balancer, name, tuple(mine)) for name, mine in parts.items()
        ]
    return tuple(shares)


def _clusters(result: Result) -> Iterator[tuple[Service, BalancerConfig, tuple[str, ...]]]:
    """Each service of several instances, with each balancer that serves it, and for whom."""
    for service in result.scenario.services:
        edges = [e for e in result.scenario.all_edges() if e.destination == service.name]
        while edges and len(service.instances) > 1:
            alike = [edge for edge in edges if edge.balancer == edges[0].balancer]
            yield service, alike[0].balancer, tuple(edge.source for edge in alike)
            edges = [edge for edge in edges if edge not in alike]


def _phase(
    phase: Phase, service: Service, balancer: BalancerConfig, tries: dict[str, int]
) -> Iterator[tuple[str, PhaseShare]]:
    """The share of every instance in one phase; nothing if the cluster had no tries in it."""
    together = sum(tries.values())
    hoped = _expected(phase, service, balancer)
    for name, count in tries.items() if together else ():
        expected = None if hoped is None else hoped.get(name, 0.0)
        yield (
            name,
            PhaseShare(
                phase=phase.number,
                tries=count,
                of=together,
                share=count / together,
                expected=expected,
            ),
        )


def _expected(phase: Phase, service: Service, balancer: BalancerConfig) -> dict[str, float] | None:
    """What the balancer promises to those who are registered when the phase begins."""
    endpoints = [
        Endpoint(name, weight=instance.weight, zone=instance.zone)
        for name, instance in zip(service.instance_names(), service.instances, strict=True)
        if comes_at(instance) <= phase.start < goes_at(instance)
    ]
    shares = expected_shares(balancer, endpoints) if endpoints else []
    if shares is None:
        return None
    return {endpoint.name: share for endpoint, share in zip(endpoints, shares, strict=True)}


def _whole(
    service: Service,
    sources: tuple[str, ...],
    balancer: BalancerConfig,
    instance: str,
    parts: tuple[PhaseShare, ...],
) -> Share:
    """The phases of one instance, taken together."""
    tries = sum(part.tries for part in parts)
    together = sum(part.of for part in parts)
    known = [part.expected * part.of for part in parts if part.expected is not None]
    return Share(
        service=service.name,
        sources=sources,
        balancer=balancer.kind,
        instance=instance,
        tries=tries,
        share=tries / together if together else 0.0,
        expected=sum(known) / together if together and len(known) == len(parts) else None,
        phases=parts,
    )


def read_first_tries(result: Result) -> tuple[FirstTry, ...]:
    """When each sidecar first used an instance that joined during the run."""
    attempts = result.frame(names.MESH_ATTEMPTS)
    used = attempts[attempts["value"] > 0]
    first = used.groupby(["instance", "endpoint"])["time"].min().to_dict()
    return tuple(
        FirstTry(
            instance=name,
            joined=comes_at(instance),
            sidecar=sidecar,
            time=first.get((sidecar, name)),
        )
        for service in result.scenario.services
        for name, instance in zip(service.instance_names(), service.instances, strict=True)
        if 0.0 < comes_at(instance) < result.scenario.duration
        for edge in result.scenario.all_edges()
        if edge.destination == service.name
        for sidecar in sidecars(result.scenario, edge.source)
    )
