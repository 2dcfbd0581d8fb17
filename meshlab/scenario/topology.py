"""What a mesh is made of: services with their instances, and the edges between services.

An instance is a process with workers and a queue; an edge is one service calling another, with the
policies that the caller's sidecar applies on the way.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshlab.kernel.distributions import KINDS, Around, Constant, Distribution
from meshlab.model.normalized import normalized
from meshlab.model.rules import (
    check,
    require_at_least,
    require_bool,
    require_count,
    require_known,
    require_like,
    require_name,
    require_node,
    require_share,
    require_tuple,
    require_type,
)
from meshlab.policies.balancer import BALANCERS, BalancerConfig, RoundRobin
from meshlab.policies.breaker import BreakerConfig, BreakerMaker, builds_breakers
from meshlab.policies.health import HealthCheck
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.outlier import OutlierDetection
from meshlab.policies.rate_limit import RateLimit
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario.cpu import Cpu

MOST_INSTANCES = 10_000
"""Of one service. The lessons need a handful; more than this is a typing error."""

MOST_BYTES = 2**44
"""Of one process: 16 TiB, the most that a machine has."""

MOST_GOROUTINES = 10**9
"""That fit into one process."""


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Memory:
    """What a process needs: it is killed out of memory when its goroutines no longer fit.

    ``base_goroutines`` are there at rest; every request in the process adds one, every leaked
    request the goroutines it left behind. All sizes in bytes.
    """

    limit_bytes: int
    base_bytes: int = 80 * 2**20
    bytes_per_goroutine: int = 24 * 2**10
    base_goroutines: int = 80

    def __post_init__(self) -> None:
        require_count(self.limit_bytes, 0, "memory", "limit_bytes", most=MOST_BYTES)
        require_count(self.base_bytes, 0, "memory", "base_bytes", most=MOST_BYTES)
        require_count(self.bytes_per_goroutine, 1, "memory", "bytes_per_goroutine", most=MOST_BYTES)
        require_count(self.base_goroutines, 0, "memory", "base_goroutines", most=MOST_GOROUTINES)
        at_rest = self.base_bytes + self.base_goroutines * self.bytes_per_goroutine
        rule = f"limit_bytes must be more than it needs at rest ({at_rest})"
        check(self.limit_bytes > at_rest, "memory", rule, self.limit_bytes)
        rule = f"limit_bytes must be room for at most {MOST_GOROUTINES} goroutines"
        check(self.most_goroutines <= MOST_GOROUTINES, "memory", rule, self.limit_bytes)

    @property
    def most_goroutines(self) -> int:
        """How many goroutines fit."""
        return (self.limit_bytes - self.base_bytes) // self.bytes_per_goroutine

    def bytes_for(self, goroutines: int) -> int:
        """Memory of a process with this many goroutines, in bytes."""
        return self.base_bytes + goroutines * self.bytes_per_goroutine


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Instance:
    """One process of a service: how long it works, how often it fails, how much it can hold.

    A request needs a worker for its whole stay, the calls behind it included. When all ``workers``
    are taken it waits in a queue of at most ``queue`` requests; beyond that it is shed.
    ``latency`` is the time that passes whatever else goes on. With a ``cpu``, a request that has
    its worker first needs a core for a while, and then the latency (its I/O, then).
    ``starts_at`` is when the process listens; ``registers_at`` is when discovery hears of it (with
    its start, unless said otherwise), ``stops_at`` and ``deregisters_at`` likewise for the end.
    """

    latency: Distribution = Around(0.010)
    error_rate: float = 0.0
    workers: int = 100
    queue: int = 100
    weight: int = 1
    zone: str = ""
    memory: Memory | None = None
    cpu: Cpu | None = None
    starts_at: float = 0.0
    registers_at: float | None = None
    stops_at: float | None = None
    deregisters_at: float | None = None

    def __post_init__(self) -> None:
        where = "instance"
        require_like(self.latency, KINDS, ("mean", "block"), where, "latency")
        require_share(self.error_rate, where, "error_rate")
        require_count(self.workers, 1, where, "workers")
        require_count(self.queue, 0, where, "queue")
        require_count(self.weight, 1, where, "weight")
        if not isinstance(self.zone, str) or self.zone:
            require_name(self.zone, where, "zone")
        if self.memory is not None:
            require_type(self.memory, Memory, where, "memory")
        if self.cpu is not None:
            require_type(self.cpu, Cpu, where, "cpu")
        self._check_times(where)

    def _check_times(self, where: str) -> None:
        require_at_least(self.starts_at, 0, where, "starts_at")
        for name in ("registers_at", "stops_at", "deregisters_at"):
            if getattr(self, name) is not None:
                require_at_least(getattr(self, name), 0, where, name)
        if self.stops_at is not None:
            rule = f"stops_at must be after starts_at ({self.starts_at})"
            check(self.stops_at > self.starts_at, where, rule, self.stops_at)
        comes = self.starts_at if self.registers_at is None else self.registers_at
        if self.deregisters_at is not None:
            rule = f"deregisters_at must not be before it is registered ({comes})"
            check(self.deregisters_at >= comes, where, rule, self.deregisters_at)


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Service:
    """A named set of instances; instance i is called ``name-i``, counted from 1.

    ``abandoned`` says what becomes of work whose caller gave up: "wasted" (the usual truth: it is
    done all the same) or "cancelled" (the instance drops it at once, and what it had asked of
    others). ``restart_seconds`` is how long the platform takes to restart a killed process; None:
    nobody does. ``keeps_trace`` False is a service that drops the trace header; ``keeps_deadline``
    True one that passes the time left for a request on to its own calls.
    """

    name: str
    instances: tuple[Instance, ...]
    abandoned: str = "wasted"
    restart_seconds: float | None = None
    keeps_trace: bool = True
    keeps_deadline: bool = False

    def __post_init__(self) -> None:
        require_node(self.name, "service", "name")
        where = self.where
        require_tuple(self.instances, Instance, where, "instances")
        count = len(self.instances)
        check(count > 0, where, "instances must not be empty", self.instances)
        check(count <= MOST_INSTANCES, where, f"instances must be at most {MOST_INSTANCES}", count)
        require_known(self.abandoned, ("wasted", "cancelled"), where, "choice for abandoned")
        if self.restart_seconds is not None:
            require_at_least(self.restart_seconds, 0, where, "restart_seconds")
        require_bool(self.keeps_trace, where, "keeps_trace")
        require_bool(self.keeps_deadline, where, "keeps_deadline")

    @property
    def where(self) -> str:
        return f"service {self.name!r}"

    def instance_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}-{i + 1}" for i in range(len(self.instances)))


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Edge:
    """One service calls another: the policies that the caller's sidecar applies on the way.

    A service makes its calls in the order in which its edges are declared, ``calls`` times each,
    one after the other. ``routes`` restricts an edge to requests of these routes (empty: all).
    ``probability`` is the share of requests that make the call at all. When a ``required`` call
    fails, the caller answers an error. A ``mirror`` gets a copy of the request; the caller goes on
    at once and does not hear how it ends (Envoy's ``request_mirror_policies``). Edges of the same
    ``split`` share the requests by ``split_weight``, see `meshlab.mesh.steps`.

    With ``zone_local``, tries stay in the zone of the calling instance as long as it has an
    available endpoint (Istio's locality load balancing). ``propagation`` is how long a change in
    discovery takes until a sidecar of the source knows of it.
    """

    source: str
    destination: str
    routes: tuple[str, ...] = ()
    calls: int = 1
    probability: float = 1.0
    required: bool = True
    mirror: bool = False
    split: str = ""
    split_weight: float = 1.0
    retry: RetryPolicy = RetryPolicy()
    balancer: BalancerConfig = RoundRobin()
    panic_threshold: float = 0.5
    zone_local: bool = False
    breaker: BreakerConfig | BreakerMaker | None = None
    limits: ConcurrencyLimits | None = None
    rate_limit: RateLimit | None = None
    health: HealthCheck | None = None
    outlier: OutlierDetection | None = None
    propagation: Distribution = Constant(0.0)

    def __post_init__(self) -> None:
        require_node(self.source, "edge", "source")
        require_node(self.destination, "edge", "destination")
        where = self.where
        require_tuple(self.routes, str, where, "routes", "texts")
        for i, route in enumerate(self.routes):
            require_name(route, where, f"routes[{i}]")
        require_count(self.calls, 1, where, "calls")
        require_share(self.probability, where, "probability")
        require_bool(self.required, where, "required")
        require_bool(self.mirror, where, "mirror")
        self._check_split(where)
        require_share(self.panic_threshold, where, "panic_threshold")
        require_bool(self.zone_local, where, "zone_local")
        require_type(self.retry, RetryPolicy, where, "retry")
        require_like(self.balancer, BALANCERS, ("kind", "build"), where, "balancer")
        require_like(self.propagation, KINDS, ("mean", "block"), where, "propagation")
        if self.breaker is not None and not isinstance(self.breaker, BreakerConfig):
            rule = "breaker must be a BreakerConfig, or have build(clock, watcher, generation)"
            check(builds_breakers(self.breaker), where, rule, self.breaker)
        for field_name, kind in _OPTIONAL_POLICIES.items():
            if getattr(self, field_name) is not None:
                require_type(getattr(self, field_name), kind, where, field_name)

    def _check_split(self, where: str) -> None:
        if not isinstance(self.split, str) or self.split:
            require_name(self.split, where, "split")
        require_at_least(self.split_weight, 0, where, "split_weight")
        check(not self.split or self.calls == 1, where, "calls must be 1 in a split", self.calls)
        fits = bool(self.split) or self.split_weight == 1.0
        check(fits, where, "split_weight must be left out without a split", self.split_weight)

    def takes(self, route: str) -> bool:
        """Whether requests of this route make the call."""
        return not self.routes or route in self.routes

    @property
    def name(self) -> str:
        return f"{self.source}->{self.destination}"

    @property
    def where(self) -> str:
        return f"edge {self.name!r}"


_OPTIONAL_POLICIES: dict[str, type] = {
    "limits": ConcurrencyLimits,
    "rate_limit": RateLimit,
    "health": HealthCheck,
    "outlier": OutlierDetection,
}


def replicas(count: int, instance: Instance) -> tuple[Instance, ...]:
    """``count`` instances alike."""
    require_count(count, 1, "replicas", "count", most=MOST_INSTANCES)
    require_type(instance, Instance, "replicas", "instance")
    return (instance,) * count
