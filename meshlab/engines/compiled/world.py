"""One scenario as records, and its run: the compiled counterpart of `meshlab.mesh`.

What happens often is in the compiled rules. What happens now and then stays in Python: faults,
discovery's news, scrapes, and more memory or random numbers when they run low.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

from meshlab.engines.compiled import build, layout
from meshlab.engines.compiled.handles import InstanceHandle, Timeline, UpkeepHandle, UpstreamHandle
from meshlab.engines.compiled.heap import Kind
from meshlab.engines.compiled.loop import Command, Stop, advance
from meshlab.engines.compiled.memory import Memory
from meshlab.engines.compiled.randomness import Randomness
from meshlab.engines.compiled.readings import Readings
from meshlab.engines.compiled.records import entry_of, exemplars_of, spans_of, tally_entry
from meshlab.engines.compiled.warm import warm
from meshlab.kernel.distributions import Exponential
from meshlab.mesh import inject
from meshlab.mesh.apply_changes import Amender
from meshlab.mesh.membership import Membership
from meshlab.mesh.result import Result
from meshlab.mesh.steps import Split, Step, steps_of
from meshlab.mesh.totals import edge_totals, process_totals
from meshlab.policies.balancer import RoundRobin
from meshlab.policies.ring_hash import RingHash
from meshlab.policies.weighted_round_robin import POSITIONS, WeightedRoundRobin
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge, Service
from meshlab.telemetry.central import CentralLog, Record
from meshlab.telemetry.counts import CLASSES
from meshlab.telemetry.ledger import Ledger
from meshlab.telemetry.names import DURATION_BUCKETS

EVENTS_AT_A_TIME = 100_000
"""Some milliseconds, after which Python may look whether somebody wants to stop the run."""


class World:
    """One scenario, lowered to records and ready to run once."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        warm()
        self.scenario = scenario
        self.seed = seed
        self.ledger = Ledger()
        self.timeline = Timeline(self)
        self.routes = scenario.routes
        self.instances: dict[str, InstanceHandle] = {}
        self.upstreams: list[UpstreamHandle] = []
        self._steps_at_most = 0
        self.randomness = Randomness(seed)
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _TABLES}
        self._rings: list[tuple[int, int]] = []
        self.rings: dict[tuple[int, RingHash], tuple[int, int]] = {}
        self.steps: dict[str, dict[str, list[Step | Split]]] = {}
        self._splits: list[tuple[int, Split]] = []
        self._lower()
        self._begin()

    # ---- from declarations to records

    def _lower(self) -> None:
        """Write every record of the scenario, and let the streams be filled."""
        scenario = self.scenario
        for service in scenario.services:
            for place, name in enumerate(service.instance_names()):
                self._add_instance(service, place, name)
        first_upstream = self._add_sidecars()
        for handle in self.instances.values():
            self._add_routes(handle.name, first_upstream.get(handle.name, []))
        for load in scenario.loads:
            self._add_load(load)
        self._add_collector()
        self.instance_list = list(self.instances.values())
        margin = 256 + 8 * self._steps_at_most
        self.memory = Memory(margin)
        self.root = self.memory.root
        for name, dtype in _TABLES.items():
            self.memory.place(name, build.fill_records(self._rows[name], dtype))
        self._place_the_rest()
        self.randomness.place(self.memory)
        self._make_room()

    def _add_instance(self, service: Service, place: int, name: str) -> None:
        config = service.instances[place]
        rows, draw = self._rows["instances"], self.randomness
        self.instances[name] = InstanceHandle(self, len(rows), service, config, name)
        rows.append(
            {
                **build.instance_fields(service, config),
                "draw_latency": draw.source(f"{name}/latency", config.latency),
                "draw_error": draw.stream(f"{name}/error"),
                "draw_hang": draw.stream(f"{name}/hang"),
                "first_core": len(self._rows["cores"]),
            }
        )
        if config.cpu is not None:
            rows[-1]["draw_cpu"] = draw.source(f"{name}/cpu", config.cpu.work)
            self._rows["cores"] += [{}] * config.cpu.cores

    def _add_sidecars(self) -> dict[str, list[UpstreamHandle]]:
        """An upstream for every edge in every sidecar, in the order of the reference engine."""
        scenario = self.scenario
        owners: dict[str, tuple[str, ...]] = {}
        owners |= {load.source: (load.source,) for load in scenario.loads}
        owners |= {s.name: s.instance_names() for s in scenario.services}
        by_sidecar: dict[str, list[UpstreamHandle]] = {}
        for edge in scenario.all_edges():
            for sidecar in owners[edge.source]:
                upstream = self._add_upstream(edge, sidecar)
                by_sidecar.setdefault(sidecar, []).append(upstream)
        self.sidecars = by_sidecar
        self.upstreams = [upstream for group in by_sidecar.values() for upstream in group]
        self.by_number = sorted(self.upstreams, key=lambda upstream: upstream.number)
        self.endpoint_names = [name for upstream in self.by_number for name in upstream.slots]
        self.endpoint_subjects = [
            f"{upstream.name} {name}" for upstream in self.by_number for name in upstream.slots
        ]
        return by_sidecar

    def _add_upstream(self, edge: Edge, sidecar: str) -> UpstreamHandle:
        scenario = self.scenario
        service = scenario.service(edge.destination)
        names = service.instance_names()
        rows, endpoints = self._rows["upstreams"], self._rows["endpoints"]
        first, name = len(endpoints), f"{sidecar}->{edge.destination}"
        slots = {endpoint: first + place for place, endpoint in enumerate(names)}
        for endpoint, config in zip(names, service.instances, strict=True):
            number = self.instances[endpoint].number
            local = self.is_local(edge, sidecar, endpoint)
            endpoints.append(
                {"instance": number, "weight": config.weight, "healthy": 1, "local": local}
            )
        fields = build.edge_fields(edge)
        fields["first_endpoint"] = first
        fields["lane"] = len(self._rows["lanes"])
        self._rows["lanes"].append({"seconds": fields["timeout"], **layout.EMPTY_LANE})
        fields["window_first"] = len(self._rows["windows"])
        fields["schedule"] = len(self._rows["schedules"])
        changes = [c.edge for c in scenario.changes if c.edge and c.edge.name == edge.name]
        windows = [build.breaker_fields(e.breaker).get("window_size", 0) for e in (edge, *changes)]
        self._rows["windows"] += [{}] * max(windows)
        if any(isinstance(e.balancer, WeightedRoundRobin) for e in (edge, *changes)):
            self._rows["schedules"] += [{}] * build.longest_schedule(service)
        for balancer in {e.balancer for e in (edge, *changes) if isinstance(e.balancer, RingHash)}:
            ring = build.ring_of(balancer, service)
            self.rings[len(rows), balancer] = len(self._rings), len(ring)
            self._rings += [(point, first + place) for point, place in ring]
        if isinstance(edge.balancer, RingHash):
            fields["ring"], fields["ring_length"] = self.rings[len(rows), edge.balancer]
        for field, purpose in _PURPOSES.items():
            fields[field] = self.randomness.stream(f"{name}/{purpose}")
        rows.append(fields)
        return UpstreamHandle(self, len(rows) - 1, edge, sidecar, slots)

    def is_local(self, edge: Edge, sidecar: str, endpoint: str) -> bool:
        """Whether an endpoint is near, for an edge that asks for what is near."""
        zone = self.instances[sidecar].config.zone if sidecar in self.instances else ""
        return edge.zone_local and zone != "" and zone == self.instances[endpoint].config.zone

    def _add_routes(self, sidecar: str, upstreams: list[UpstreamHandle]) -> None:
        """For every route, the calls that a request makes from one instance, in their order."""
        steps, ways = self._rows["steps"], self._rows["ways"]
        stream = self.randomness.stream
        calls = [Step(u, stream(f"{u.name}/probability")) for u in upstreams]  # type: ignore[arg-type]
        splits = dict.fromkeys(u.edge.split for u in upstreams if u.edge.split)
        draws = {split: stream(f"{sidecar}/split/{split}") for split in splits}
        longest = 0
        self.steps[sidecar] = {r: steps_of(r, calls, draws) for r in self.routes}  # type: ignore[arg-type]
        for of_route in self.steps[sidecar].values():
            first = len(steps)
            for step in of_route:
                if isinstance(step, Split):
                    self._splits.append((len(ways), step))
                    start = {"first_way": len(ways), "ways": len(step.ways)}
                    steps.append({"draw": step.draw, **start})
                    bounds = zip(step.ways, step.bounds, strict=True)
                    ways += [{**_way(way), "bound": bound} for way, bound in bounds]
                else:
                    steps.append(_way(step))
            steps.append({"upstream": layout.NOBODY})
            self._rows["routes"].append({"first": first})
            longest = max(longest, len(steps) - first)
        self._steps_at_most += longest

    def _add_load(self, load: Any) -> None:
        upstream = next(
            u for u in self.sidecars[load.source] if u.edge.destination == load.destination
        )
        purpose = f"{load.source}->{load.destination}{load.route}"
        self._rows["loads"].append(
            {
                "peak": load.peak,
                "upstream": upstream.number,
                "route": self.routes.index(load.route),
                "first_point": len(self._rows["points"]),
                "points": len(load.curve),
                "draw_thin": self.randomness.stream(f"{purpose}/thinning"),
                "draw_gap": self.randomness.source(f"{purpose}/arrivals", Exponential(1.0)),
                "poisson": load.arrivals == "poisson",
            }
        )
        self._rows["points"] += [{"time": time, "rate": rate} for time, rate in load.curve]

    def _add_collector(self) -> None:
        """The central collector, if there is one; its rules ask for it only then."""
        central = self.scenario.central
        self._rows["skews"] = [{} for _ in self.instances]
        if central is None:
            return
        self._rows["collector"].append(
            {
                **build.collector_fields(central),
                "draw_loss": self.randomness.stream("central/loss"),
                "draw_fail": self.randomness.stream("central/failure"),
            }
        )
        services = [service.name for service in self.scenario.services]
        for name, start, end in central.partitions:
            span = {"service": services.index(name), "start": start, "end": end}
            self._rows["partitions"].append(span)
        self._rows["outages"] += [{"start": start, "end": end} for start, end in central.outages]
        for name, seconds in central.skew:
            self._rows["skews"][self.instances[name].number] = {"x": seconds}
        for row, handle in zip(self._rows["instances"], self.instances.values(), strict=True):
            row["report_seconds"] = central.record_seconds
            row["service"] = services.index(handle.service.name)

    def _place_the_rest(self) -> None:
        """The arrays that are no tables of declarations."""
        memory, root = self.memory, self.root
        instances, upstreams = len(self.instances), len(self.upstreams)
        for name in ("members", "candidates", "local"):
            memory.place(name, np.zeros(len(self._rows["endpoints"]), layout.WHOLE))
        routes = len(self.routes)
        errors = np.zeros(instances * routes, layout.NUMBER)
        errors["x"] = layout.NOBODY
        memory.place("route_errors", errors)
        links = np.zeros(upstreams * routes, layout.ROUTE_LINK)
        links["rate"] = layout.NOBODY
        memory.place("route_links", links)
        memory.place("route_counts", np.zeros(upstreams * routes * len(CLASSES), layout.WHOLE))
        memory.place("rings", np.array(self._rings, layout.RING))
        memory.place("tallies", np.zeros(upstreams + instances, layout.TALLY))
        memory.place("tally_order", np.zeros(upstreams + instances, layout.WHOLE))
        memory.place("bounds", np.array(DURATION_BUCKETS, float))
        memory.arrays["instances"]["tally"] = upstreams + np.arange(instances)
        root["route_count"] = routes
        root["lane_count"] = upstreams
        root["reports"] = self.scenario.central is not None
        by_route = (getattr(fault, "route", None) is not None for fault in self.scenario.faults)
        root["faults_by_route"] = any(by_route)
        sampling = self.scenario.trace_sampling
        bound = round(sampling * 2**64)
        root["trace_words"] = self.randomness.stream("tracing/traces")
        root["span_words"] = self.randomness.stream("tracing/spans")
        root["traced"] = sampling != 0.0
        root["all_sampled"] = bound >= 2**64
        root["sampling_bound"] = min(bound, 2**64 - 1)

    # ---- what happens by the clock, in the order of `meshlab.mesh`

    def _begin(self) -> None:
        scenario, timeline = self.scenario, self.timeline
        for upstream in self.upstreams:
            self.start_balancer(upstream)
        Membership(timeline, self.instances, self.upstreams, self.seed)  # type: ignore[arg-type]
        upkeeps = [UpkeepHandle(self, upstream) for upstream in self.upstreams]
        for fault in sorted(scenario.faults, key=lambda fault: fault.start):
            inject.schedule(
                fault,
                timeline,  # type: ignore[arg-type]
                self.ledger,
                self.instances.values(),  # type: ignore[arg-type]
                self.upstreams,  # type: ignore[arg-type]
            )
        Amender(
            scenario,
            timeline,  # type: ignore[arg-type]
            self.ledger,
            self,  # type: ignore[arg-type]
            self.instances.values(),  # type: ignore[arg-type]
            upkeeps,  # type: ignore[arg-type]
        )
        for place, load in enumerate(scenario.loads):
            if load.peak > 0.0:
                row = self.memory.arrays["loads"][place]
                gap = (
                    self.randomness.variate(int(row["draw_gap"]))
                    if load.arrivals == "poisson"
                    else 1.0
                )
                self.push(gap / load.peak, Kind.ARRIVAL, place)

    def start_balancer(self, upstream: UpstreamHandle) -> None:
        """A balancer that takes turns begins at a random one."""
        record = upstream.record
        if isinstance(upstream.edge.balancer, RoundRobin | WeightedRoundRobin):
            record["turn"] = int(self.randomness.uniform(record["draw_balancer"]) * POSITIONS)

    def retime(self, upstream: UpstreamHandle) -> None:
        """Give the tries from now on the timeout that ``upstream`` has now."""
        lanes = self.memory.arrays["lanes"]
        upstream.record["lane"] = len(lanes)
        lane = np.zeros(1, layout.LANE)
        lane[0] = (upstream.record["timeout"], *layout.EMPTY_LANE.values())
        self.memory.place("lanes", np.concatenate([lanes, lane]))
        self.root["lane_count"] = len(lanes) + 1
        self.root["stop_at"] = 0  # one lane more may need one batch more

    def _weigh(self) -> None:
        """The ways of a split have the weights that its edges have now."""
        ways = self.memory.arrays["ways"]
        for first, split in self._splits:
            ways["bound"][first : first + len(split.ways)] = split.bounds

    def push(self, time: float, kind: Kind, a: int, b: int = 0) -> None:
        """Put an event into the heap, with the next sequence number."""
        if self._advance(-inf, Command.PLAN, a, b, int(kind), time) is Stop.ROOM:
            self._make_room()

    @property
    def now(self) -> float:
        """Virtual time (s)."""
        return float(self.root["now"])

    # ---- who is who, for those who write it down

    def subject(self, kind: str, number: int) -> str:
        """The name by which the ledger calls an instance, an upstream or an endpoint."""
        if kind == "instance":
            return self.instance_list[number].name
        if kind == "upstream":
            return self.by_number[number].name
        return self.endpoint_subjects[number]

    # ---- the run

    def command(self, command: Command, a: int = 0, b: int = 0) -> None:
        """Let the rules do one thing now, between two events."""
        self._advance(-inf, command, a, b)

    def _advance(
        self,
        until: float,
        command: int = Command.NOTHING,
        a: int = 0,
        b: int = 0,
        kind: int = 0,
        time: float = 0.0,
    ) -> Stop:
        """Let the rules go on; what they wrote down goes to the ledger.

        Every argument is made plain: for an enum, or for an int in the place of a float, numba
        would compile all the rules once more.
        """
        told = (float(until), int(command), int(a), int(b), int(kind), float(time))
        why = Stop(advance(self.memory.root_array, *told))
        for note in self.memory.take("notes"):
            self.ledger.entries.append(entry_of(note, self))
        return why

    def _make_room(self) -> None:
        """More places and more random numbers, wherever they are low; then events may go on."""
        self.memory.grow()
        self.randomness.fill(int(self.root["margin"]))
        self.root["stop_at"] = self.root["events"] + EVENTS_AT_A_TIME

    def advance(self, until: float) -> None:
        """Run every event up to and including ``until`` (s)."""
        while (why := self._advance(until)) is not Stop.TIME:
            if why is Stop.ROOM:
                self._make_room()
            else:
                callback, argument = self.timeline.actions[int(self.root["control"])]
                callback(argument)
                self._weigh()
        self.root["now"] = until

    def run(self, progress: Callable[[float], None] | None = None) -> Result:
        """Run to the end, scraping on the way."""
        scenario = self.scenario
        readings = Readings(self)
        number, now = 0, -1.0
        while now != scenario.duration:
            now = min(number * scenario.scrape_interval, scenario.duration)
            self.advance(now)
            readings.take(now)
            self._flush()
            if progress is not None:
                progress(now / scenario.duration)
            number += 1
        result = self._result(readings)
        self.memory.arrays.clear()  # this world and its handles hold each other; the arrays are big
        return result

    def _flush(self) -> None:
        """Write the tallies down, in the order in which each began."""
        order, tallies = self.memory.arrays["tally_order"], self.memory.arrays["tallies"]
        for place in range(int(self.root["tallied"])):
            number = int(order["x"][place])
            self.ledger.entries.append(tally_entry(number, tallies[number], self))
            tallies[number] = (0.0, 0)
        self.root["tallied"] = 0

    def _central_log(self) -> CentralLog | None:
        """What the collector stored, and the truth beside it."""
        if self.scenario.central is None:
            return None
        counts = self.memory.arrays["collector"][0]
        log = CentralLog()
        for name in layout.COLLECTOR_COUNTS:
            setattr(log, name, int(counts[name]))
        instances = self.instance_list
        for row in self.memory.take("stored"):
            who = instances[int(row["instance"])]
            time, seconds = float(row["time"]), float(row["seconds"])
            log.records.append(Record(time, who.service.name, who.name, bool(row["ok"]), seconds))
        return log

    def _result(self, readings: Readings) -> Result:
        return Result(
            scenario=self.scenario,
            seed=self.seed,
            events=int(self.root["events"]),
            recordings=readings.recordings(),
            ledger=self.ledger.close(),
            spans=spans_of(self.memory.take("spans"), self),
            exemplars=exemplars_of(self.memory.take("exemplars"), self),
            edges=edge_totals(self.upstreams),  # type: ignore[arg-type]
            processes=process_totals(self.instances.values()),  # type: ignore[arg-type]
            central=self._central_log(),
            engine="compiled",
        )


def _way(step: Step) -> dict[str, Any]:
    return {"upstream": step.upstream.number, "draw": step.draw}  # type: ignore[attr-defined]


_PURPOSES = {
    "draw_jitter": "jitter",
    "draw_balancer": "balancer",
    "draw_link": "link",
    "draw_probe": "probe",
}
_TABLES = {
    "instances": layout.INSTANCE,
    "upstreams": layout.UPSTREAM,
    "endpoints": layout.ENDPOINT,
    "lanes": layout.LANE,
    "cores": layout.NUMBER,
    "windows": layout.WHOLE,
    "schedules": layout.WHOLE,
    "steps": layout.STEP,
    "ways": layout.WAY,
    "routes": layout.ROUTE,
    "loads": layout.LOAD,
    "points": layout.POINT,
    "collector": layout.COLLECTOR,
    "skews": layout.NUMBER,
    "partitions": layout.SPAN_OF_TIME,
    "outages": layout.SPAN_OF_TIME,
}
