"""Causes have a time; nothing else has. Move a cause, and everything that follows from it moves."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from meshlab.engines.run import run
from meshlab.faults import Leak, Outage
from meshlab.incident import Parameters, incident, seconds_at
from meshlab.incident.marks import marks
from meshlab.mesh.result import Result
from meshlab.telemetry.columns import Columns
from meshlab.toll import storm

WEIGHT = 100


@cache
def result(leak: bool = True, restart: bool = True, leak_from: float = 300.0) -> Result:
    scenario = incident(Parameters(leak_from=leak_from), leak=leak, restart=restart)
    return run(replace(scenario, weight=WEIGHT), seed=1)


def test_only_the_three_causes_have_a_time() -> None:
    scenario = incident()
    assert scenario.changes == ()
    assert {type(fault) for fault in scenario.faults} == {Leak, Outage}
    assert {fault.start for fault in scenario.faults if isinstance(fault, Leak)} == {
        seconds_at("14:25")
    }
    outages = sorted(fault.start for fault in scenario.faults if isinstance(fault, Outage))
    assert outages[0] == seconds_at("14:42")
    for service in scenario.services:
        for instance in service.instances:
            assert (instance.starts_at, instance.stops_at) == (0.0, None)
            assert (instance.registers_at, instance.deregisters_at) == (None, None)


def test_without_the_leak_nobody_dies_and_no_page_fails() -> None:
    m = marks(result(leak=False, restart=False))
    assert (m.kills, m.dark, m.failed) == ((), None, 0.0)


def test_a_leak_five_minutes_later_moves_every_mark() -> None:
    then, later = marks(result(restart=False)), marks(result(leak_from=600.0, restart=False))
    for before, after in zip(then.kills, later.kills, strict=True):
        assert 150.0 < after[0] - before[0] <= 300.0  # less than five: the surge is over by then
    assert then.dark is not None and later.dark is not None
    assert later.dark[0] > then.dark[0] + 150.0
    assert later.peak_at > then.peak_at + 150.0


def test_without_the_operators_it_never_heals() -> None:
    m = marks(result(restart=False))
    assert len(m.kills) == 3
    assert (m.back, m.restored) == (result(restart=False).scenario.duration, None)


def test_the_database_rests_while_the_shop_is_down() -> None:
    seen = result()
    queries = seen.frame("service_requests_total", service="database", code="200")
    totals = queries.set_index("time")["value"]
    calm = totals[500.0] - totals[400.0]
    outage = totals[1300.0] - totals[1200.0]
    assert outage < 0.01 * calm
    seconds = seen.frame("service_request_duration_seconds_sum", service="database")
    spent = seconds.set_index("time")["value"]
    at_rest = (spent[500.0] - spent[400.0]) / calm
    storm = (spent[790.0] - spent[700.0]) / (totals[790.0] - totals[700.0])
    assert storm < 1.2 * at_rest


def test_breakers_open_and_close_for_reasons_in_the_ledger() -> None:
    moves = [entry for entry in result().ledger if entry.event.startswith("breaker")]
    assert {entry.reason for entry in moves} >= {
        "consecutive_failures",
        "open_time_over",
        "probe_failed",
        "probes_succeeded",
    }
    assert all("->auth" in entry.subject for entry in moves)


def test_the_two_cascades_differ_only_from_the_cause_on() -> None:
    """Common random numbers: before the leak begins the two runs are the same to the last digit."""
    one, other = result(), result(leak=False, restart=False)
    for left, right in zip(one.recordings, other.recordings, strict=True):
        before = left.times <= 300.0
        assert np.array_equal(left.values[before], right.values[before], equal_nan=True)


def test_the_peak_is_what_reaches_instances_that_live() -> None:
    columns = Columns(result().recordings)
    m, tries = marks(result()), storm(columns)
    assert m.peak == tries.max()
    assert tries[columns.times > m.kills[2][0] + 5.0][: int(60 / 5)].sum() == 0.0


@pytest.mark.parametrize("wrong", ["noon", "14", "14:30:00:00x"])
def test_a_time_is_written_like_the_clock(wrong: str) -> None:
    from meshlab.model import ConfigError

    with pytest.raises(ConfigError, match="incident: a time must be like 14:29"):
        seconds_at(wrong)
