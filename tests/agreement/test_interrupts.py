"""A compiled run can be stopped: it comes back to Python every so many events."""

from __future__ import annotations

import signal
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("numba", reason="numba is not installed, so there is no compiled engine")

from meshlab.engines.compiled import world
from meshlab.engines.compiled.world import EVENTS_AT_A_TIME, World

from meshlab.scenario.faults import EdgeFault
from meshlab.scenario.scenario import Scenario
from tests.small import line, patience, service

RETRIES_FOR_EVER = line(
    service("a"),
    edge=patience(0.1, 10**9),
    rate=1.0,
    faults=(EdgeFault(source="client", destination="a", rate=1.0),),
)
"""One lost call is tried again at once, and time stands still."""

EVEN = line(service("a"), rate=100_000.0)
"""Constant latency and even arrivals need neither random numbers nor more room."""


@pytest.mark.parametrize("scenario", [RETRIES_FOR_EVER, EVEN], ids=["retries", "an even load"])
def test_a_run_comes_back_to_python_every_so_many_events(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the fifth time Ctrl-C is pressed."""
    times: list[int] = []
    advance: Any = world.advance

    def counted(memory: Any, until: float, *command: Any) -> int:
        if until >= 0.0:
            times.append(int(memory[0]["events"]))
            if len(times) == 5:
                signal.raise_signal(signal.SIGINT)
        return int(advance(memory, until, *command))

    monkeypatch.setattr(world, "advance", counted)
    with pytest.raises(KeyboardInterrupt):
        World(scenario, 1).run()
    steps = [after - before for before, after in pairwise(times)]
    assert 0 < max(steps) <= EVENTS_AT_A_TIME
