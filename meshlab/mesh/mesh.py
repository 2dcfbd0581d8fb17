"""Builds a scenario and runs it.

    loads --> client's sidecar --> instance --> its sidecar --> instance --> ...
                   ^ discovery, health probes, outlier ticks       ^ faults

Everything that happens comes from the scenario and the seed; no wall clock is read.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

from meshlab.kernel.engine import Engine
from meshlab.kernel.reader import Readers
from meshlab.kernel.streams import Uniform
from meshlab.mesh import inject
from meshlab.mesh.apply_changes import Changer
from meshlab.mesh.arrivals import Arrivals
from meshlab.mesh.call import Calls
from meshlab.mesh.collector import Collector, log_of
from meshlab.mesh.instance import Jobs, ServiceInstance
from meshlab.mesh.journal import Journal
from meshlab.mesh.membership import Membership
from meshlab.mesh.notes import Notes
from meshlab.mesh.readings import EdgeRegistry, ServiceRegistry
from meshlab.mesh.recorder import Recorder
from meshlab.mesh.result import Result
from meshlab.mesh.sidecar import Sidecar
from meshlab.mesh.spans import Spans
from meshlab.mesh.steps import Step, Way, steps_of
from meshlab.mesh.timers import Timers
from meshlab.mesh.totals import edge_totals, process_totals
from meshlab.mesh.tracer import Tracer
from meshlab.mesh.upstream import Upstream
from meshlab.policies.endpoint import Endpoint
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge, Instance, Service

Progress = Callable[[float], None]
"""Told the share of the run that is done, 0..1, after every scrape."""


class Kernel(Protocol):
    """What runs the records instead of plain Python."""

    @property
    def Reader(self) -> Readers: ...

    def lower(self, engine: Engine, roots: list[Any]) -> Any:
        """Take over the engine, and every record that can be reached from ``roots``."""
        ...


class Mesh:
    """One scenario, built and ready to run once."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.routes = scenario.routes
        self.engine = Engine()
        self.journal = Journal(Notes(self.engine))
        self.tracer = Tracer(self.engine, scenario.trace_sampling, seed)
        self.calls = Calls()
        self.jobs = Jobs()
        self.recorder = Recorder()
        self.configs: dict[str, Instance] = {}
        self.instances: dict[str, ServiceInstance] = {}
        for service in scenario.services:
            for config, name in zip(service.instances, service.instance_names(), strict=True):
                self.configs[name] = config
                self.instances[name] = self._build_instance(service, config, name)
        self.central = self._build_central()
        self.edges: dict[int, Edge] = {}
        self.sidecars = self._build_sidecars()
        self.timers: list[Timers] = []
        self.arrivals: list[Arrivals] = []
        self._schedule()

    def _stream(self, purpose: str) -> Uniform:
        return Uniform(self.seed, purpose)

    def _build_instance(self, service: Service, config: Instance, name: str) -> ServiceInstance:
        return ServiceInstance(
            service,
            config,
            name,
            self.engine,
            self.journal,
            self.tracer,
            self.calls,
            self.jobs,
            self.seed,
            len(self.routes),
        )

    def _build_central(self) -> Collector | None:
        config = self.scenario.central
        if config is None:
            return None
        services = [service.name for service in self.scenario.services]
        loss, failure = self._stream("central/loss"), self._stream("central/failure")
        collector = Collector(config, self.engine, loss, failure, services, list(self.instances))
        for instance in self.instances.values():
            instance.collector = collector
            instance.service_place = services.index(instance.service)
            instance.report_seconds = config.record_seconds
        return collector

    def _build_sidecars(self) -> dict[str, Sidecar]:
        """A sidecar for every instance that calls others, and one for each source of load."""
        sidecars: dict[str, Sidecar] = {}
        owners: dict[str, tuple[str, ...]] = {}
        owners |= {load.source: (load.source,) for load in self.scenario.loads}
        owners |= {s.name: s.instance_names() for s in self.scenario.services}
        for edge in self.scenario.all_edges():
            for owner in owners[edge.source]:
                if owner not in sidecars:
                    zone = self.configs[owner].zone if owner in self.configs else ""
                    sidecars[owner] = Sidecar(owner, zone)
                sidecars[owner].add(self._build_upstream(edge, sidecars[owner]))
        for name, instance in self.instances.items():
            if name in sidecars:
                self._lay_out_steps(instance, sidecars[name])
        return sidecars

    def _build_upstream(self, edge: Edge, sidecar: Sidecar) -> Upstream:
        upstream = Upstream(
            edge,
            sidecar.owner,
            self.engine,
            self._stream,
            self.journal,
            self.tracer,
            sidecar.zone,
            len(self.routes),
        )
        service = self.scenario.service(edge.destination)
        for name, config in zip(service.instance_names(), service.instances, strict=True):
            target = self.instances[name]
            endpoint = Endpoint(name, weight=config.weight, zone=config.zone, target=target)
            upstream.endpoints.append(endpoint)
        self.edges[upstream.number] = edge
        return upstream

    def _lay_out_steps(self, instance: ServiceInstance, sidecar: Sidecar) -> None:
        """For every route, the calls that a request makes from here, in their order."""
        calls = [
            (self.edges[u.number], Way(u, self._stream(f"{u.name}/probability")))
            for u in sidecar.values()
        ]
        splits = {edge.split for edge, _ in calls}
        draws = {split: self._stream(f"{sidecar.owner}/split/{split}") for split in splits}
        steps: list[Step] = []
        for number, route in enumerate(self.routes):
            instance.first_steps[number] = len(steps)
            steps += steps_of(route, calls, draws)
        instance.steps = steps

    def upstreams(self) -> list[Upstream]:
        """Every upstream of every sidecar."""
        return [upstream for sidecar in self.sidecars.values() for upstream in sidecar.values()]

    def _schedule(self) -> None:
        """Everything that happens by the clock, before the first request arrives."""
        scenario, engine, journal = self.scenario, self.engine, self.journal
        upstreams, instances = self.upstreams(), self.instances.values()
        edges = [(self.edges[upstream.number], upstream) for upstream in upstreams]
        configured = {name: (self.configs[name], each) for name, each in self.instances.items()}
        Membership(engine, configured, edges, self.seed)
        self.timers = [Timers(e, u, self._stream(f"{u.name}/probe")) for e, u in edges]
        # in their order in time, so that of two in a row the first ends before the second begins
        for fault in sorted(scenario.faults, key=lambda fault: fault.start):
            inject.schedule(fault, engine, journal, instances, upstreams, self.routes)
        Changer(scenario, engine, journal, instances, self.timers)
        self._watch()
        for load in scenario.loads:
            upstream = self.sidecars[load.source][load.destination]
            route = self.routes.index(load.route)
            self.arrivals.append(Arrivals(load, engine, self.seed, self.calls, upstream, route))

    def _watch(self) -> None:
        """Name every target to the scraper: the applications, then the sidecars."""
        for name, instance in self.instances.items():
            self.recorder.watch(name, "service", [ServiceRegistry(instance)])
        routes = list(enumerate(self.routes)) if len(self.routes) > 1 else []
        for name, sidecar in self.sidecars.items():
            registries = []
            for upstream in sidecar.values():
                edge = self.edges[upstream.number]
                taken = [(number, route) for number, route in routes if edge.takes(route)]
                registries.append(EdgeRegistry(upstream, taken))
            self.recorder.watch(name, "sidecar", registries)

    def roots(self) -> list[Any]:
        """Records from which all others can be reached."""
        return [*self.arrivals, *self.timers, *self.instances.values(), *self.upstreams()]

    def lower(self, kernel: Kernel) -> None:
        """Let a kernel run this mesh instead of plain Python: its records are views from now on."""
        kernel.lower(self.engine, self.roots())
        self.recorder.read_with(kernel.Reader)

    def run(self, progress: Progress | None = None) -> Result:
        """Run to the end, scraping on the way."""
        scenario = self.scenario
        for number in count():
            now = min(number * scenario.scrape_interval, scenario.duration)
            self.engine.run(until=now)
            self.recorder.scrape(now)
            self.journal.flush()
            if progress is not None:
                progress(now / scenario.duration)
            if now == scenario.duration:
                return self._result()
        raise AssertionError("unreachable: the scrapes reach the end of the run")

    def _result(self) -> Result:
        by_number = sorted(self.upstreams(), key=lambda upstream: upstream.number)
        spans = Spans(by_number, list(self.instances.values()), self.routes)
        return Result(
            scenario=self.scenario,
            seed=self.seed,
            events=self.engine.events,
            recordings=self.recorder.recordings(),
            ledger=self.journal.close(),
            spans=spans.of(self.tracer),
            exemplars=spans.exemplars_of(self.tracer),
            edges=edge_totals(self.upstreams()),
            processes=process_totals(self.instances.values()),
            central=self._central_log(),
        )

    def _central_log(self) -> Any:
        if self.central is None:
            return None
        owners = [(instance.service, instance.name) for instance in self.instances.values()]
        return log_of(self.central, owners)
