"""Who got the work, and who should have: the share of tries of every instance of a service.

The expected share is the balancer's own (`expected_shares`), as if every instance were there and
well all the time. So a difference is not an error but a finding: an ejection, retries that avoid
the last endpoint, a newcomer, or chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meshlab.mesh.result import Result
from meshlab.policies.balancer import expected_shares
from meshlab.policies.endpoint import Endpoint
from meshlab.scenario.topology import Edge, Service


@dataclass(frozen=True, slots=True)
class Share:
    """The share of ``instance`` in the tries that ``sources`` sent to its service.

    ``expected`` is None where it depends on load or latency.
    """

    service: str
    sources: tuple[str, ...]
    balancer: str
    instance: str
    tries: int
    share: float
    expected: float | None


def read_shares(result: Result) -> tuple[Share, ...]:
    """The shares in every service of several instances; edges with equal balancers count as one."""
    shares: list[Share] = []
    for service in result.scenario.services:
        edges = [e for e in result.scenario.all_edges() if e.destination == service.name]
        while edges and len(service.instances) > 1:
            alike = [edge for edge in edges if edge.balancer == edges[0].balancer]
            shares += _cluster(result, service, alike)
            edges = [edge for edge in edges if edge not in alike]
    return tuple(shares)


def _cluster(result: Result, service: Service, edges: Sequence[Edge]) -> Iterator[Share]:
    """The share of every instance in what goes to a service on ``edges``, if anything does."""
    sources, balancer = tuple(edge.source for edge in edges), edges[0].balancer
    endpoints = [
        Endpoint(name, weight=instance.weight, zone=instance.zone)
        for name, instance in zip(service.instance_names(), service.instances, strict=True)
    ]
    expected = expected_shares(balancer, endpoints)
    tries = [
        sum(result.edges[source, service.name].shares.get(endpoint.name, 0) for source in sources)
        for endpoint in endpoints
    ]
    for place, endpoint in enumerate(endpoints):
        if together := sum(tries):
            mine, hoped = tries[place], None if expected is None else expected[place]
            got = (endpoint.name, mine, mine / together)
            yield Share(service.name, sources, balancer.kind, *got, hoped)
