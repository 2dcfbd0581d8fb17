"""What goes wrong: timed causes. Nothing else in a scenario is set by the clock.

A fault names its target, its start and its end (s); between the two it holds, then the target is as
it was declared. Several faults may hold at once, but not two of the same kind on the same target.
Errors and EdgeFault may strike the requests of one ``route`` only, as a bad handler or a wrong
routing rule would; all the others then see nothing of it, and neither do health probes.

| fault       | holds                                                                     |
|-------------|---------------------------------------------------------------------------|
| Errors      | the instance answers errors with this probability                         |
| Slowdown    | its work takes this many times as long                                    |
| Outage      | its process is dead; it starts afresh at the end                          |
| Leak        | its work hangs with this probability and leaves goroutines behind         |
| EdgeFault   | tries on one edge break or wait, whatever the services do                 |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from math import inf
from typing import ClassVar

from meshlab.model import ConfigError
from meshlab.normalized import normalized
from meshlab.rules import (
    check,
    is_number,
    require_at_least,
    require_bool,
    require_count,
    require_name,
    require_node,
    require_positive,
    require_share,
)

MOST_LEAKED = 100_000
"""Goroutines that one piece of work leaves behind."""


def _check_span(fault: Fault) -> None:
    where = f"fault {fault.kind!r} on {fault.target!r}"
    require_at_least(fault.start, 0, where, "start")
    if isinstance(fault.end, float) and fault.end == inf:
        return
    rule = f"end must be a number after its start ({fault.start})"
    check(is_number(fault.end) and fault.end > fault.start, where, rule, fault.end)
    require_at_least(fault.end, 0, where, "end")


def _check_route(route: object, kind: str) -> None:
    if route is not None:
        require_name(route, f"fault {kind!r}", "route")


def _on_route(target: str, route: str | None) -> str:
    return target if route is None else f"{target} {route}"


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class _OnService:
    """On every instance of ``service``, or on one of them (``instance``, "auth-2" say)."""

    service: str
    instance: str | None = None
    start: float = 0.0
    end: float = inf
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        require_node(self.service, f"fault {self.kind!r}", "service")
        if self.instance is not None:
            require_name(self.instance, f"fault {self.kind!r}", "instance")
        _check_span(self)  # type: ignore[arg-type]

    @property
    def target(self) -> str:
        return self.instance or self.service

    @property
    def where(self) -> str:
        return f"fault {self.kind!r} on {self.target!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Errors(_OnService):
    """The instance answers an error with probability ``rate`` instead of its declared one."""

    rate: float
    route: str | None = None
    kind: ClassVar[str] = "errors"

    def __post_init__(self) -> None:
        _check_route(self.route, self.kind)
        _OnService.__post_init__(self)
        require_share(self.rate, self.where, "rate")

    @property
    def target(self) -> str:
        return _on_route(self.instance or self.service, self.route)


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Slowdown(_OnService):
    """The instance's own work takes ``factor`` times as long, on its processor and off it."""

    factor: float
    kind: ClassVar[str] = "slowdown"

    def __post_init__(self) -> None:
        _OnService.__post_init__(self)
        require_positive(self.factor, self.where, "factor")


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Outage(_OnService):
    """The process dies at ``start``, with every request it holds, and starts afresh at ``end``."""

    kind: ClassVar[str] = "outage"


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Leak(_OnService):
    """A defect: work hangs with probability ``rate`` and leaves ``goroutines`` behind for good.

    The caller gets no answer and runs into its timeout; the goroutines go only with the process.
    Those that never rest (a ticker that nobody stops) take ``cpu`` cores together, for each piece
    of work that hung. A ``steady`` leak leaves its part behind with every piece of work, hung or
    not: the same in the long run, without the chance (see `meshlab.weight`).
    """

    rate: float
    goroutines: int = 1
    cpu: float = 0.0
    steady: bool = False
    kind: ClassVar[str] = "leak"

    def __post_init__(self) -> None:
        _OnService.__post_init__(self)
        require_share(self.rate, self.where, "rate")
        require_count(self.goroutines, 0, self.where, "goroutines", most=MOST_LEAKED)
        require_at_least(self.cpu, 0, self.where, "cpu")
        require_bool(self.steady, self.where, "steady")


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class EdgeFault:
    """The way between two services is bad: tries break with probability ``rate`` or wait ``delay``.

    The upstream never sees a broken try, so its own counts stay clean. (Envoy's fault filter aborts
    a whole request before the router; this one breaks each try, as a bad network or a wrong
    certificate would, and so meets retries and breakers.)
    """

    source: str
    destination: str
    rate: float = 0.0
    delay: float = 0.0
    route: str | None = None
    start: float = 0.0
    end: float = inf
    kind: ClassVar[str] = "edge"

    def __post_init__(self) -> None:
        require_node(self.source, "fault 'edge'", "source")
        require_node(self.destination, "fault 'edge'", "destination")
        _check_route(self.route, self.kind)
        _check_span(self)
        require_share(self.rate, self.where, "rate")
        require_at_least(self.delay, 0, self.where, "delay")

    @property
    def edge(self) -> str:
        """The name of the edge."""
        return f"{self.source}->{self.destination}"

    @property
    def target(self) -> str:
        return _on_route(self.edge, self.route)

    @property
    def where(self) -> str:
        return f"fault {self.kind!r} on {self.target!r}"


ServiceFault = Errors | Slowdown | Outage | Leak
Fault = Errors | Slowdown | Outage | Leak | EdgeFault

FAULTS: dict[str, type[Fault]] = {
    fault.kind: fault for fault in (Errors, Slowdown, Outage, Leak, EdgeFault)
}
"""Every kind of fault by the name that scenario files use."""


def check_overlaps(faults: Iterable[Fault]) -> None:
    """Two faults of one kind may not hold on one target at once: which of them would count?"""
    for one, other in combinations(faults, 2):
        same = one.kind == other.kind and _share_target(one, other)
        if same and one.start < other.end and other.start < one.end:
            raise ConfigError(
                f"{other.where}: must not overlap another fault of its kind, "
                f"got {other.start}..{other.end} beside {one.target!r} {one.start}..{one.end}"
            )


def _share_target(one: Fault, other: Fault) -> bool:
    """Whether two faults of one kind strike the same requests somewhere; None stands for all."""
    if not _meet(getattr(one, "route", None), getattr(other, "route", None)):
        return False
    if isinstance(one, EdgeFault) or isinstance(other, EdgeFault):
        return one.edge == other.edge  # type: ignore[union-attr]
    return one.service == other.service and _meet(one.instance, other.instance)


def _meet(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other
