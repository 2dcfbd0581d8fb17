"""Parts of a mesh for tests that play the rest of it by hand: callers, endpoints, the clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from meshlab.kernel.engine import Engine
from meshlab.kernel.streams import Uniform
from meshlab.mesh.call import Call, Calls, Parent
from meshlab.mesh.journal import Journal
from meshlab.mesh.notes import Notes
from meshlab.mesh.tracer import Tracer
from meshlab.mesh.upstream import Upstream
from meshlab.model import Outcome
from meshlab.policies.endpoint import Asker, Endpoint, Target, Work
from meshlab.scenario.topology import Edge


def scripted(numbers: Iterable[float], then: float = 0.9) -> Uniform:
    """A stream that gives these numbers, and ``then`` for ever."""
    stream = Uniform(0, "scripted")
    stream.draw = chain(numbers, repeat(then)).__next__
    return stream


class Site:
    """What all parts of a mesh share: clock, ledger, tracer, and the place calls come from."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.engine = Engine()
        self.journal = Journal(Notes(self.engine))
        self.tracer = Tracer(self.engine, 0.0, seed)
        self.calls = Calls()

    def stream(self, purpose: str) -> Uniform:
        return Uniform(self.seed, purpose)

    def upstream(self, edge: Edge, sidecar: str, zone: str = "") -> Upstream:
        return Upstream(edge, sidecar, self.engine, self.stream, self.journal, self.tracer, zone, 1)


def join(upstream: Upstream, endpoint: Endpoint) -> None:
    """Let a sidecar hear of one endpoint more."""
    upstream.endpoints.append(endpoint)
    upstream.joined(len(upstream.endpoints) - 1)


class Server(Target, Work):
    """Takes every try in, and never answers by itself."""

    def listens(self) -> bool:
        return True

    def receive(self, asker: Asker, key: int, route: int, deadline: float) -> Work:
        return self

    def gave_up(self) -> None:
        """Nobody waits any more."""


class Caller(Parent):
    """Makes calls, and remembers how each ended."""

    def __init__(self) -> None:
        self.ended: dict[Call, Outcome] = {}

    def called(self, call: Call, outcome: int) -> None:
        self.ended[call] = tuple(Outcome)[outcome]


@dataclass
class Sent:
    """A try is on its way to ``endpoint``, and given up after ``timeout`` seconds (None: never)."""

    call: Call
    endpoint: Endpoint
    timeout: float | None


@dataclass
class Waits:
    """The next try comes in so many seconds."""

    seconds: float


@dataclass
class Ended:
    """The call is over."""

    outcome: Outcome


def state(call: Call, caller: Caller) -> Sent | Waits | Ended:
    """What a call is at."""
    if call in caller.ended:
        return Ended(caller.ended[call])
    engine = call.upstream.engine
    if call.sending:
        timeout = call.deadline - call.sent_at if call.cut else call.upstream.timeout
        return Sent(call, call.endpoint, None if timeout == float("inf") else timeout)
    times = [time for time, _, method, *_ in engine.heap if _is_retry(method, call)]
    return Waits(max(times) - engine.now)


def _is_retry(method: Any, call: Call) -> bool:
    return bool(method == call.try_again)
