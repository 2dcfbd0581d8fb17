"""Puts a scenario's changes to work: each at its time, in every sidecar or instance it is about.

What is in flight when a change comes stays in flight. A try keeps the timeout it was sent with, a
request in the queue its place, a fault its hold on an instance; everything that is decided later is
decided by the new policies.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshlab.kernel.engine import Engine
from meshlab.mesh.service import ServiceInstance
from meshlab.mesh.steps import Split
from meshlab.mesh.timers import Upkeep
from meshlab.mesh.transport import Transport
from meshlab.scenario.changes import Change, differences
from meshlab.scenario.faults import Errors
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge, Service
from meshlab.telemetry.ledger import Ledger


class Amender:
    """Knows how edges and services are now, and makes them as a change says."""

    def __init__(
        self,
        scenario: Scenario,
        engine: Engine,
        ledger: Ledger,
        transport: Transport,
        instances: Iterable[ServiceInstance],
        upkeeps: Iterable[Upkeep],
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._transport = transport
        self._instances = list(instances)
        self._upkeeps = list(upkeeps)
        self._faults = scenario.faults
        self._edges = {edge.name: edge for edge in scenario.all_edges()}
        self._services = {service.name: service for service in scenario.services}
        for change in sorted(scenario.changes, key=lambda change: change.at):
            engine.at(change.at, self._apply, change)

    def _apply(self, change: Change) -> None:
        if change.edge is not None:
            self._amend_edge(change.edge)
        if change.service is not None:
            self._amend_service(change.service)

    def _note(self, subject: str, changed: Iterable[str]) -> None:
        what = ", ".join(dict.fromkeys(changed)) or "nothing"
        self._ledger.write(self._engine.now, subject, "changed", what)

    def _amend_edge(self, edge: Edge) -> None:
        old, self._edges[edge.name] = self._edges[edge.name], edge
        self._note(edge.name, differences(old, edge))
        for upkeep in self._upkeeps:
            if upkeep.upstream.edge.name == edge.name:
                self._amend_upstream(upkeep, old, edge)
        if edge.split_weight != old.split_weight:
            self._weigh(edge.source)

    def _amend_upstream(self, upkeep: Upkeep, old: Edge, edge: Edge) -> None:
        upkeep.upstream.change(edge)
        if edge.retry.per_try_timeout != old.retry.per_try_timeout:
            self._transport.retime(upkeep.upstream)
        if edge.health != old.health:
            upkeep.start_probes()
        if edge.outlier != old.outlier:
            upkeep.start_ticks()

    def _weigh(self, source: str) -> None:
        """The ways of a split have other weights."""
        for instance in self._instances:
            if instance.service.name == source:
                for steps in instance.routes.values():
                    for step in steps:
                        if isinstance(step, Split):
                            step.weigh()

    def _amend_service(self, service: Service) -> None:
        old, self._services[service.name] = self._services[service.name], service
        self._note(service.name, differences(old, service))
        configs = dict(zip(service.instance_names(), service.instances, strict=True))
        for instance in self._instances:
            if instance.name in configs:
                instance.change(service, configs[instance.name])
                if not self._errs_by_fault(instance):
                    instance.error_rate = instance.config.error_rate

    def _errs_by_fault(self, instance: ServiceInstance) -> bool:
        """Whether a fault sets the error rate now: at its end it will set the new declared one."""
        now = self._engine.now
        return any(
            isinstance(fault, Errors)
            and fault.route is None
            and fault.service == instance.service.name
            and fault.instance in (None, instance.name)
            and fault.start <= now < fault.end
            for fault in self._faults
        )
