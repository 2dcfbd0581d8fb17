"""An edge takes a breaker of a reader's own, and a run at full scale compiles it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from meshlab.engines.run import run
from meshlab.kernel.clock import Clock
from meshlab.kernel.record import record
from meshlab.mesh.result import Result
from meshlab.model import ConfigError
from meshlab.policies.breaker import Breaker, BreakerWatcher
from meshlab.policies.breaker_states import Reason, State
from meshlab.scenario.faults import Errors
from meshlab.scenario.shop import shop
from meshlab.scenario.topology import Edge

OPEN = int(State.OPEN)
CLOSED = int(State.CLOSED)
FAILURES = int(Reason.CONSECUTIVE_FAILURES)
OVER = int(Reason.PROBES_SUCCEEDED)


@record
class Fuse(Breaker):
    """Blows after three failures more than successes, and is mended after two seconds."""

    clock: Clock
    watcher: BreakerWatcher
    permit: int
    debt: int
    back_at: float

    def __init__(self, clock: Clock, watcher: BreakerWatcher, permit: int) -> None:
        self.clock, self.watcher, self.permit = clock, watcher, permit

    def admit(self) -> int:
        if self.back_at > 0.0:
            if self.clock.now < self.back_at:
                return 0
            self.back_at = 0.0
            self.permit += 1
            self.watcher.breaker_moved(CLOSED, OVER, 1.0, 0.0)
        return self.permit

    def report(self, permit: int, ok: bool, seconds: float) -> None:
        if permit != self.permit:
            return
        self.debt = max(0, self.debt - 1) if ok else self.debt + 1
        if self.debt == 3:
            self.debt = 0
            self.permit += 1
            self.back_at = self.clock.now + 2.0
            self.watcher.breaker_moved(OPEN, FAILURES, 3.0, 0.0)

    def abandon(self, permit: int) -> None:
        pass


@dataclass(frozen=True)
class Fused:
    """Declares a `Fuse`."""

    def build(self, clock: Clock, watcher: BreakerWatcher, generation: int) -> Fuse:
        return Fuse(clock, watcher, generation)


def fused(engine: str) -> Result:
    calm = replace(shop(rate=20, duration=12), trace_sampling=0.0)
    ill = Errors(service="payment", rate=0.9, start=2.0, end=6.0)
    guarded = calm.with_edges("order->payment", breaker=Fused())
    return run(replace(guarded, faults=(ill,)), seed=1, engine=engine)


def test_a_breaker_of_a_readers_own_runs_compiled_to_the_same_digest() -> None:
    compiled, reference = fused("compiled"), fused("reference")
    assert (compiled.engine, reference.engine) == ("compiled", "reference")
    assert compiled.digest() == reference.digest()
    moves = [(entry.event, entry.reason) for entry in compiled.ledger if "breaker" in entry.event]
    assert ("breaker opened", "consecutive_failures") in moves
    assert ("breaker closed", "probes_succeeded") in moves
    assert compiled.edges["order", "payment"].rejected > 10


def test_the_class_in_the_place_of_a_breaker_is_refused() -> None:
    with pytest.raises(ConfigError, match="clock, watcher, generation"):
        Edge(source="a", destination="b", breaker=Fused)  # type: ignore[arg-type]
