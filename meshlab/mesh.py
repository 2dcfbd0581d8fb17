"""Builds a scenario and runs it: ``run(scenario, seed) -> Result``.

    loads --> client's sidecar --> instance --> its sidecar --> instance --> ...
                   ^ discovery, health probes, outlier ticks       ^ faults

Everything that happens comes from the scenario and the seed; no wall clock is read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

from meshlab import inject
from meshlab.amend import Amender
from meshlab.arrivals import Arrivals
from meshlab.engine import Engine
from meshlab.engines import choose
from meshlab.estimate import MOST_EVENTS, check_size
from meshlab.meanwhile import MEANWHILE
from meshlab.membership import Membership
from meshlab.model import Request, RunTooLarge
from meshlab.result import Result
from meshlab.rules import check, require_type
from meshlab.scenario import Scenario
from meshlab.service import ServiceInstance
from meshlab.steps import Split, Step, steps_of
from meshlab.streams import Draw, uniforms
from meshlab.telemetry.central import CentralCollector
from meshlab.telemetry.ledger import Ledger
from meshlab.telemetry.recorder import Recorder
from meshlab.telemetry.registry import AppRegistry, EdgeRegistry
from meshlab.telemetry.traces import Tracer
from meshlab.topology import Edge, Service
from meshlab.totals import edge_totals, process_totals
from meshlab.transport import Transport
from meshlab.upkeep import Upkeep
from meshlab.upstream import Upstream
from meshlab.weight import in_real_units, lighter

Progress = Callable[[float], None]
"""Told the share of the run that is done, 0..1, after every scrape."""

FRAMES_PER_SERVICE = 20
"""Functions that call each other, at most, until an answer has passed through one service."""


def run(
    scenario: Scenario, seed: int = 1, progress: Progress | None = None, engine: str = "auto"
) -> Result:
    """Run ``scenario`` from its beginning to its end; the same seed gives the same bytes.

    ``engine`` is "auto", "reference" or "compiled" (see `meshlab.engines`); the result's ``engine``
    says which ran, and why not the compiled one. ConfigError for a seed that is no whole number
    >= 0 and an engine that can't run it, RunTooLarge if the run would not end soon or not fit: both
    before anything runs. (What no estimate foresees is a RunTooLarge when memory is full.)
    """
    require_type(scenario, Scenario, "run", "scenario")
    fits = isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0
    check(fits, "run", "seed must be a whole number >= 0", seed)
    if scenario.weight > 1:
        return in_real_units(run(lighter(scenario), seed, progress, engine), scenario)
    chosen, reason = choose(scenario, engine)
    check_size(scenario, MOST_EVENTS[chosen])
    if chosen == "compiled" and engine != "compiled":
        reason = _why_meanwhile(scenario)
        chosen = "reference" if reason else chosen
    try:
        result = _run(scenario, seed, progress, chosen)
    except MemoryError as error:
        rule = "must fit into the memory of this machine; lower the rate or the trace_sampling"
        raise RunTooLarge(f"{scenario.where}: {rule}") from error
    return replace(result, engine=f"reference: {reason}") if reason else result


def _why_meanwhile(scenario: Scenario) -> str:
    """Why the reference engine runs this while the rules are not compiled yet; "" if it doesn't."""
    from meshlab.compiled.jit import CACHE  # here: whoever never runs it needs no numba
    from meshlab.compiled.warm import is_cold

    return MEANWHILE.why(scenario, is_cold(), CACHE)


def _run(scenario: Scenario, seed: int, progress: Progress | None, engine: str) -> Result:
    if engine == "compiled":
        from meshlab.compiled.world import World  # here: whoever never runs it needs no numba

        return World(scenario, seed).run(progress)
    with _deep_stack(len(scenario.services)):
        return Mesh(scenario, seed).run(progress)


@contextmanager
def _deep_stack(services: int) -> Iterator[None]:
    """Room for an answer to go back through all its callers, each of which calls the next."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + FRAMES_PER_SERVICE * services)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class Mesh:
    """One scenario, built and ready to run once."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.engine = Engine()
        self.ledger = Ledger()
        self.tracer = Tracer(scenario.trace_sampling, seed)
        self.transport = Transport(self.engine, self.tracer)
        self.recorder = Recorder()
        self.central = self._build_central()
        self.instances = {
            name: self._build_instance(service, i, name)
            for service in scenario.services
            for i, name in enumerate(service.instance_names())
        }
        self.sidecars = self._build_sidecars()
        self._schedule()

    def _stream(self, purpose: str) -> Draw:
        return uniforms(self.seed, purpose)

    def _build_central(self) -> CentralCollector | None:
        config = self.scenario.central
        if config is None:
            return None
        loss, failure = self._stream("central/loss"), self._stream("central/failure")
        return CentralCollector(config, self.engine, loss, failure)

    def _build_instance(self, service: Service, index: int, name: str) -> ServiceInstance:
        instance = ServiceInstance(
            service,
            service.instances[index],
            name,
            self.engine,
            self.transport,
            self.ledger,
            self.seed,
        )
        if self.central is not None:
            instance.report = self.central.report
            instance.report_seconds = self.central.config.record_seconds
        return instance

    def _build_sidecars(self) -> dict[str, dict[str, Upstream]]:
        """A sidecar for every instance that calls others, and one for each source of load."""
        sidecars: dict[str, dict[str, Upstream]] = {}
        owners: dict[str, tuple[str, ...]] = {}
        owners |= {load.source: (load.source,) for load in self.scenario.loads}
        owners |= {s.name: s.instance_names() for s in self.scenario.services}
        for edge in self.scenario.all_edges():
            for sidecar in owners[edge.source]:
                upstream = self._build_upstream(edge, sidecar)
                self.transport.connect(upstream, self._stream(f"{upstream.name}/link"))
                sidecars.setdefault(sidecar, {})[edge.destination] = upstream
        for name, instance in self.instances.items():
            instance.routes = self._routes(name, list(sidecars.get(name, {}).values()))
        return sidecars

    def _build_upstream(self, edge: Edge, sidecar: str) -> Upstream:
        zone = self.instances[sidecar].config.zone if sidecar in self.instances else ""
        every = self.scenario.routes
        routes = [route for route in every if edge.takes(route)] if len(every) > 1 else []
        return Upstream(edge, sidecar, self.engine, self._stream, self.ledger, zone, routes)

    def _routes(self, sidecar: str, upstreams: list[Upstream]) -> dict[str, Sequence[Step | Split]]:
        """For every route, the calls that a request makes from here, in their order."""
        calls = [Step(u, self._stream(f"{u.name}/probability")) for u in upstreams]
        splits = {u.edge.split for u in upstreams}
        draws = {split: self._stream(f"{sidecar}/split/{split}") for split in splits}
        return {route: steps_of(route, calls, draws) for route in self.scenario.routes}

    def _upstreams(self) -> list[Upstream]:
        return [upstream for sidecar in self.sidecars.values() for upstream in sidecar.values()]

    def _schedule(self) -> None:
        """Everything that happens by the clock, before the first request arrives."""
        upstreams = self._upstreams()
        Membership(self.engine, self.instances, upstreams, self.seed)
        upkeeps = [Upkeep(self.engine, u, self._stream(f"{u.name}/probe")) for u in upstreams]
        # in their order in time, so that of two in a row the first ends before the second begins
        for fault in sorted(self.scenario.faults, key=lambda fault: fault.start):
            inject.schedule(fault, self.engine, self.ledger, self.instances.values(), upstreams)
        instances = self.instances.values()
        Amender(self.scenario, self.engine, self.ledger, self.transport, instances, upkeeps)
        self._watch()
        numbers = count()
        for load in self.scenario.loads:
            upstream = self.sidecars[load.source][load.destination]

            def arrive(route: str, upstream: Upstream = upstream) -> None:
                self.transport.begin(upstream, Request(next(numbers), route))

            Arrivals(load, self.engine, self.seed, arrive)

    def _watch(self) -> None:
        """Name every target to the scraper: the applications, then the sidecars."""
        for name, instance in self.instances.items():
            self.recorder.watch(name, "service", [AppRegistry(instance)])
        for name, upstreams in self.sidecars.items():
            edges = [
                EdgeRegistry(u, self.scenario.service(u.edge.destination).instance_names())
                for u in upstreams.values()
            ]
            self.recorder.watch(name, "sidecar", edges)

    def run(self, progress: Progress | None = None) -> Result:
        """Run to the end, scraping on the way."""
        scenario = self.scenario
        for number in count():
            now = min(number * scenario.scrape_interval, scenario.duration)
            self.engine.run(until=now)
            self.recorder.scrape(now)
            self.ledger.flush()
            if progress is not None:
                progress(now / scenario.duration)
            if now == scenario.duration:
                return self._result()
        raise AssertionError("unreachable: the scrapes reach the end of the run")

    def _result(self) -> Result:
        return Result(
            scenario=self.scenario,
            seed=self.seed,
            events=self.engine.events,
            recordings=self.recorder.recordings(),
            ledger=self.ledger.close(),
            spans=tuple(self.tracer.spans),
            exemplars=tuple(self.tracer.exemplars),
            edges=edge_totals(self._upstreams()),
            processes=process_totals(self.instances.values()),
            central=None if self.central is None else self.central.log,
        )
