"""What the reference engine's own parts see of a compiled run.

Membership, faults and the totals are rules of the reference engine, and stay where they are. They
are given these handles in place of an `Engine`, a `ServiceInstance` and an `Upstream`: the same
words, with the state in the records of the compiled run.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from meshlab.engines.compiled import build
from meshlab.engines.compiled.changes import PUT
from meshlab.engines.compiled.heap import Kind
from meshlab.engines.compiled.layout import NOBODY
from meshlab.engines.compiled.loop import Command
from meshlab.engines.compiled.notes import What
from meshlab.mesh.service import ServiceInstance
from meshlab.mesh.steps import Split, Step
from meshlab.mesh.upstream import PARTS
from meshlab.model import Endpoint
from meshlab.scenario.topology import Edge, Instance, Service

if TYPE_CHECKING:
    from meshlab.engines.compiled.world import World

CHANGEABLE = (
    *("workers", "queue", "restart_seconds", "cancels", "keeps_deadline", "has_memory"),
    *("base_goroutines", "most_goroutines", "base_bytes", "bytes_per_goroutine"),
)
"""The fields of an instance that a change may set at once."""

KILLED_FOR = {"outage": What.OUTAGE, "end of its time": What.END_OF_TIME}


class Timeline:
    """In place of an `Engine`: what it is asked to do comes back as an event for Python."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.actions: list[tuple[Callable[[Any], None], Any]] = []

    @property
    def now(self) -> float:
        return float(self._world.root["now"])

    def at(self, time: float, callback: Callable[[Any], None], argument: Any = None) -> None:
        """Call ``callback(argument)`` at ``time`` (s)."""
        self.actions.append((callback, argument))
        self._world.push(time, Kind.CONTROL, len(self.actions) - 1)


class _Field:
    """A field of the record behind a handle, under the same name or another."""

    def __init__(self, name: str = "") -> None:
        self._field = name

    def __set_name__(self, owner: type, name: str) -> None:
        self._field = self._field or name

    def __get__(self, handle: Any, owner: type) -> Any:
        return handle.record[self._field].item()

    def __set__(self, handle: Any, value: Any) -> None:
        handle.record[self._field] = value


class _ByRoute:
    """In place of a dict by route: what faults set for one route of many."""

    def __init__(self, world: World, array: str, first: int, fields: tuple[str, ...]) -> None:
        self._world, self._array, self._first, self._fields = world, array, first, fields

    def _record(self, route: str) -> Any:
        return self._world.memory.arrays[self._array][self._first + self._world.routes.index(route)]

    def __setitem__(self, route: str, values: float | tuple[float, ...]) -> None:
        numbers = values if isinstance(values, tuple) else (values,)
        for field, number in zip(self._fields, numbers, strict=True):
            self._record(route)[field] = number

    def __delitem__(self, route: str) -> None:
        self._record(route)[self._fields[0]] = NOBODY


class InstanceHandle:
    """In place of a `ServiceInstance`, for those who start, stop and disturb it."""

    error_rate = _Field()
    slowdown = _Field()
    hang_rate = _Field()
    hang_goroutines = _Field()
    hang_cpu = _Field()
    hang_steady = _Field()
    up = _Field()
    wanted = _Field()
    held_down = _Field()

    def __init__(
        self, world: World, number: int, service: Service, config: Instance, name: str
    ) -> None:
        self._world = world
        self.number = number
        self.service = service
        self.config = config
        self.name = name

    @property
    def record(self) -> Any:
        return self._world.memory.arrays["instances"][self.number]

    def start(self) -> None:
        self._world.command(Command.START, self.number)

    def change(self, service: Service, config: Instance) -> None:
        """Be as ``service`` and ``config`` say from now on."""
        self.service, self.config = service, config
        fields = build.instance_fields(service, config)
        for name in CHANGEABLE:
            self.record[name] = fields[name]
        self._world.command(Command.MEASURE, self.number)

    def kill(self, reason: str) -> None:
        self._world.command(Command.KILL, self.number, KILLED_FOR[reason])

    @property
    def routes(self) -> dict[str, list[Step | Split]]:
        """The steps of every route, for those who weigh a split anew."""
        return self._world.steps.get(self.name, {})

    @property
    def route_errors(self) -> _ByRoute:
        first = self.number * len(self._world.routes)
        return _ByRoute(self._world, "route_errors", first, ("x",))

    come = ServiceInstance.come
    go = ServiceInstance.go
    stop = ServiceInstance.stop
    resume = ServiceInstance.resume

    @property
    def truth(self) -> SimpleNamespace:
        """What really happened, as `meshlab.mesh.totals` reads it."""
        names = ("received", "ok", "own_errors", "passed_on", "shed", "wasted")
        return SimpleNamespace(**{name: int(self.record[f"true_{name}"]) for name in names})


class Link:
    """In place of the `Link` of an upstream, for edge faults."""

    rate = _Field("link_rate")
    delay = _Field("link_delay")

    def __init__(self, upstream: UpstreamHandle) -> None:
        self._upstream = upstream

    @property
    def record(self) -> Any:
        return self._upstream.record

    @property
    def routes(self) -> _ByRoute:
        world = self._upstream.world
        first = self._upstream.number * len(world.routes)
        return _ByRoute(world, "route_links", first, ("rate", "delay"))


class UpstreamHandle:
    """In place of an `Upstream`, for those who bring news and add up."""

    def __init__(
        self, world: World, number: int, edge: Edge, sidecar: str, slots: dict[str, int]
    ) -> None:
        self.world = world
        self.number = number
        self.edge = edge
        self.sidecar = sidecar
        self.name = f"{sidecar}->{edge.destination}"
        self.slots = slots
        self.link = Link(self)
        self.joined_names: list[str] = []

    @property
    def record(self) -> Any:
        return self.world.memory.arrays["upstreams"][self.number]

    def change(self, edge: Edge) -> None:
        """Be as ``edge`` says from now on (`meshlab.mesh.upstream.Upstream.change`)."""
        old, self.edge = self.edge, edge
        for name in PARTS:
            if attrgetter(name)(edge) != attrgetter(name)(old):
                PUT[name](self.world, self)
        self.world.command(Command.REFRESH, self.number)

    def joined(self, endpoint: Endpoint) -> None:
        self.joined_names.append(endpoint.name)
        self.world.command(Command.JOIN, self.number, self.slots[endpoint.name])

    def left(self, endpoint: str) -> None:
        self.world.command(Command.LEAVE, self.number, self.slots[endpoint])

    @property
    def counted_routes(self) -> tuple[str, ...]:
        """The routes whose calls are counted apart."""
        every = self.world.routes
        return tuple(r for r in every if self.edge.takes(r)) if len(every) > 1 else ()

    @property
    def every_endpoint(self) -> list[SimpleNamespace]:
        """Name, tries and tries in flight of every endpoint that ever joined, in that order."""
        table = self.world.memory.arrays["endpoints"]
        return [
            SimpleNamespace(
                name=name,
                attempts=int(table["attempts"][self.slots[name]]),
                active=int(table["active"][self.slots[name]]),
            )
            for name in self.joined_names
        ]

    @property
    def counts(self) -> SimpleNamespace:
        """The counts that `meshlab.mesh.totals` adds up."""
        record = self.record
        return SimpleNamespace(
            routes=self.counted_routes,
            started=int(record["started"]),
            outcomes=record["outcomes"].tolist(),
            tries=record["tries"].tolist(),
            retries=int(record["retries"]),
            retries_denied=int(record["retries_denied"]),
            seconds=float(record["seconds"]),
        )


class UpkeepHandle:
    """In place of an `Upkeep`: lets probes and ticks begin, which then go on by themselves."""

    def __init__(self, world: World, upstream: UpstreamHandle) -> None:
        self._world = world
        self.upstream = upstream
        self.start_probes()
        self.start_ticks()

    def start_probes(self) -> None:
        """Probe from now on as the edge says, if it says so at all."""
        record, health = self.upstream.record, self.upstream.edge.health
        record["probing"] += 1
        if health is not None:
            first = self._world.now + health.interval * self._world.randomness.uniform(
                record["draw_probe"]
            )
            self._world.push(first, Kind.PROBE, self.upstream.number, record["probing"])

    def start_ticks(self) -> None:
        """Let intervals of outlier detection begin now, if there is any."""
        record, outlier = self.upstream.record, self.upstream.edge.outlier
        record["ticking"] += 1
        if outlier is not None:
            first = self._world.now + outlier.interval
            self._world.push(first, Kind.TICK, self.upstream.number, record["ticking"])
