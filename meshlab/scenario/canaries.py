"""A new version beside the old one: the scenario of a canary, or of a mirror.

order -> payment              order -> payment      95 of 100 requests
                                    -> payment-v2    5 of 100, or a copy of each
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from meshlab.model.rules import require_share
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge


def new_version(service: str) -> str:
    """What the new version of a service is called."""
    return f"{service}-v2"


def with_canary(scenario: Scenario, service: str, weight: float, **changes: Any) -> Scenario:
    """The scenario with a new version that takes a share ``weight`` of the calls to ``service``.

    It has as many instances as the old one, and makes the same calls; ``changes`` say in which
    fields of an instance it differs: ``error_rate=0.05``.
    """
    require_share(weight, "canary", "weight")
    return _beside(scenario, service, changes, weight)


def with_mirror(scenario: Scenario, service: str, **changes: Any) -> Scenario:
    """The scenario with a new version that gets a copy of every call, and answers nobody."""
    return _beside(scenario, service, changes, None)


def _beside(
    scenario: Scenario, service: str, changes: dict[str, Any], weight: float | None
) -> Scenario:
    old = scenario.service(service)
    instances = tuple(replace(instance, **changes) for instance in old.instances)
    new = replace(old, name=new_version(service), instances=instances)
    edges = tuple(e for edge in scenario.edges for e in _ways(edge, service, weight))
    return replace(scenario, services=(*scenario.services, new), edges=edges)


def _ways(edge: Edge, service: str, weight: float | None) -> Iterator[Edge]:
    """An edge, and what there is of it for the new version."""
    new = new_version(service)
    if edge.source == service:
        yield edge
        yield replace(edge, source=new)
    elif edge.destination != service:
        yield edge
    elif weight is None:
        yield replace(edge, destination=new, mirror=True)  # first: nothing that fails precedes it
        yield edge
    else:
        yield replace(edge, split=service, split_weight=1 - weight)
        yield replace(edge, destination=new, split=service, split_weight=weight)
