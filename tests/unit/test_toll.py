"""What the incident cost, counted once more with frames: slower, and in another way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from meshlab.mesh.result import Result
from meshlab.telemetry.columns import Columns
from meshlab.toll import dark, deaths, toll
from tests.incident_run import happened


def grown(frame: pd.DataFrame) -> pd.Series:
    """How much all series of a frame grew together between scrapes, per second."""
    total = frame.groupby("time")["value"].sum()
    return total.diff().iloc[1:] / np.diff(total.index.to_numpy())


def tries_at_the_living(result: Result) -> pd.Series:
    up = result.frame("up", job="service").pivot(index="time", columns="instance", values="value")
    tries = result.frame("mesh_attempts_total", destination="auth")
    lives = (up == 1.0) & (up.shift() == 1.0)
    names = result.scenario.service("auth").instance_names()
    parts = [grown(tries[tries["endpoint"] == n]).where(lives[n].iloc[1:], 0.0) for n in names]
    return pd.concat(parts, axis=1).sum(axis=1)


def test_failed_pages_and_bad_minutes_are_counted_at_the_client() -> None:
    pages = happened().frame("mesh_requests_total", source="client")
    every, good = grown(pages), grown(pages[pages["code"] == "200"])
    bad = (every - good) > 0.01 * every
    assert toll(happened()).failed == pytest.approx(5.0 * (every - good).sum())
    assert toll(happened()).bad_minutes == pytest.approx(bad.sum() * 5.0 / 60.0)
    assert toll(happened()).last == ((every - good) / every).iloc[-1]


def test_the_peak_is_of_tries_at_instances_that_live() -> None:
    assert toll(happened()).peak == pytest.approx(tries_at_the_living(happened()).max())


def test_it_is_dark_while_no_answer_of_auth_is_good() -> None:
    answers = happened().frame("mesh_requests_total", destination="auth", code="200")
    none = grown(answers) == 0.0
    span = dark(Columns(happened().recordings))
    assert span == (none.index[none][0] - 5.0, none.index[none][-1])


def test_the_next_kill_is_the_first_one_after_a_time() -> None:
    read = toll(happened())
    assert [(e.time, e.subject) for e in deaths(happened())] == list(read.kills)
    assert read.next_kill(read.kills[0][0]) == read.kills[1][0]
    assert read.next_kill(read.kills[-1][0]) is None
