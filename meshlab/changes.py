"""Timed changes of policies: what operators do, and how a reader changes history from a minute on.

A change has an edge or a service as it is to be from then on, whole. It may say other policies, not
another mesh: who calls whom, how often and by which route stays as declared, and so do the times,
the places and the speed of instances. What a change says the same as before goes on undisturbed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from meshlab.normalized import normalized
from meshlab.rules import check, require_at_least, require_type
from meshlab.topology import Edge, Instance, Service

FIXED: dict[type, tuple[str, ...]] = {
    Edge: (
        "source",
        "destination",
        "routes",
        "calls",
        "probability",
        "required",
        "mirror",
        "split",
        "propagation",
    ),
    Service: ("name", "keeps_trace"),
    Instance: (
        "latency",
        "cpu",
        "weight",
        "zone",
        "starts_at",
        "registers_at",
        "stops_at",
        "deregisters_at",
    ),
}
"""What a change must leave as declared. All other fields may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Change:
    """From ``at`` (s) on, one edge or one service is as said here; exactly one of them is given."""

    at: float
    edge: Edge | None = None
    service: Service | None = None

    def __post_init__(self) -> None:
        require_at_least(self.at, 0, "change", "at")
        for name, kind in (("edge", Edge), ("service", Service)):
            if getattr(self, name) is not None:
                require_type(getattr(self, name), kind, "change", name)
        given = [part for part in (self.edge, self.service) if part is not None]
        check(len(given) == 1, "change", "edge or service must be given, not both", given)

    @property
    def target(self) -> str:
        """The name of what changes."""
        return self.edge.name if self.edge is not None else self.service.name  # type: ignore[union-attr]

    @property
    def where(self) -> str:
        return f"change of {self.target!r} at {self.at}"


def check_fixed(old: Edge | Service | Instance, new: Edge | Service | Instance, where: str) -> None:
    """ConfigError if a change says otherwise about something that it can't change."""
    for name in FIXED[type(old)]:
        declared, said = getattr(old, name), getattr(new, name)
        check(declared == said, where, f"{name} must be as declared ({declared!r})", said)
    if isinstance(old, Service) and isinstance(new, Service):
        rule = f"instances must be as many as declared ({len(old.instances)})"
        check(len(old.instances) == len(new.instances), where, rule, len(new.instances))
        pairs = zip(old.instances, new.instances, new.instance_names(), strict=True)
        for before, after, name in pairs:
            check_fixed(before, after, f"{where}: {name}")


def differences(old: Edge | Service | Instance, new: Edge | Service | Instance) -> Iterator[str]:
    """The names of the fields that differ; of a service also those of its instances."""
    for field in fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before != after and field.name != "instances":
            yield field.name
    if isinstance(old, Service) and isinstance(new, Service):
        for before, after in zip(old.instances, new.instances, strict=True):
            yield from differences(before, after)
