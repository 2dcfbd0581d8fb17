"""A compiled run can be stopped: it comes back to Python every so many events."""

from __future__ import annotations

import signal
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("numba", reason="numba is not installed, so there is no compiled engine")

from meshlab.engines.choice import lowered
from meshlab.kernel import running
from meshlab.kernel.compiler import ADVANCE
from meshlab.kernel.running import EVENTS
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

EVEN = line(service("a"), rate=1_000_000.0)
"""Constant latency and even arrivals need neither random numbers nor more room."""


@pytest.mark.parametrize("scenario", [RETRIES_FOR_EVER, EVEN], ids=["retries", "an even load"])
def test_a_run_comes_back_to_python_every_so_many_events(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the fifth time Ctrl-C is pressed."""
    mesh, reason = lowered(scenario, 1)
    assert reason == ""
    times: list[int] = []
    call = running.call

    def counted(memory: Any, number: int, *given: Any) -> Any:
        if number == ADVANCE:
            times.append(mesh.engine.events)
            if len(times) == 5:
                signal.raise_signal(signal.SIGINT)
        return call(memory, number, *given)

    monkeypatch.setattr(running, "call", counted)
    with pytest.raises(KeyboardInterrupt):
        mesh.run()
    steps = [after - before for before, after in pairwise(times)]
    assert 0 < max(steps) <= EVENTS
