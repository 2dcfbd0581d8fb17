"""Puts a scenario's changes to work: each at its time, in every sidecar or instance it is about.

What is in flight when a change comes stays in flight. A try keeps the timeout it was sent with, a
request in the queue its place, a fault its hold on an instance; everything that is decided later is
decided by the new policies.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshlab.kernel.engine import Engine
from meshlab.mesh.instance import ServiceInstance
from meshlab.mesh.journal import Journal
from meshlab.mesh.timers import Timers
from meshlab.scenario.changes import Change, differences
from meshlab.scenario.faults import Errors
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge, Service


class Changer:
    """Knows how edges and services are now, and makes them as a change says."""

    def __init__(
        self,
        scenario: Scenario,
        engine: Engine,
        journal: Journal,
        instances: Iterable[ServiceInstance],
        timers: Iterable[Timers],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._instances = list(instances)
        self._timers: dict[str, list[Timers]] = {}
        for each in timers:
            edge = f"{each.upstream.source}->{each.upstream.destination}"
            self._timers.setdefault(edge, []).append(each)
        self._faults = scenario.faults
        self._edges = {edge.name: edge for edge in scenario.all_edges()}
        self._services = {service.name: service for service in scenario.services}
        for change in sorted(scenario.changes, key=lambda change: change.at):
            engine.at(change.at, lambda change=change: self._apply(change))

    def _apply(self, change: Change) -> None:
        if change.edge is not None:
            self._change_edge(change.edge)
        if change.service is not None:
            self._change_service(change.service)

    def _note(self, subject: str, changed: Iterable[str]) -> None:
        what = ", ".join(dict.fromkeys(changed)) or "nothing"
        self._journal.write(subject, "changed", what)

    def _change_edge(self, edge: Edge) -> None:
        old, self._edges[edge.name] = self._edges[edge.name], edge
        self._note(edge.name, differences(old, edge))
        for timers in self._timers.get(edge.name, ()):
            timers.upstream.change(old, edge)
            if edge.health != old.health:
                timers.start_probes(edge)
            if edge.outlier != old.outlier:
                timers.start_ticks(edge)
        if edge.split_weight != old.split_weight:
            self._weigh(edge.source)

    def _weigh(self, source: str) -> None:
        """The ways of a split have other weights."""
        for instance in self._instances:
            if instance.service == source:
                for step in instance.steps:
                    if step.split:
                        step.weigh()

    def _change_service(self, service: Service) -> None:
        old, self._services[service.name] = self._services[service.name], service
        self._note(service.name, differences(old, service))
        configs = dict(zip(service.instance_names(), service.instances, strict=True))
        for instance in self._instances:
            if instance.name in configs:
                instance.be(service, configs[instance.name])
                instance.resized()
                if not self._errs_by_fault(instance):
                    instance.error_rate = instance.declared_error_rate

    def _errs_by_fault(self, instance: ServiceInstance) -> bool:
        """Whether a fault sets the error rate now: at its end it will set the new declared one."""
        now = self._engine.now
        return any(
            isinstance(fault, Errors)
            and fault.route is None
            and fault.service == instance.service
            and fault.instance in (None, instance.name)
            and fault.start <= now < fault.end
            for fault in self._faults
        )
