"""The formulas of the appendix give the published tables, and a verdict is by rule."""

from __future__ import annotations

import pytest
from scipy.stats import t

from meshlab.model import ConfigError
from meshlab.sweep.queueing import (
    erlang_b,
    erlang_c,
    judge,
    mean_wait,
    pollaczek_khinchine,
    student,
    supermarket,
)


@pytest.mark.parametrize(
    ("servers", "load", "waits", "wait"),
    [
        (1, 0.9, 0.9000, 9.000),
        (2, 1.8, 0.8526, 4.263),
        (5, 4.5, 0.7625, 1.525),
        (10, 9.0, 0.6687, 0.6687),
        (10, 8.0, 0.4092, 0.2046),
        (20, 18.0, 0.5508, 0.2754),
        (100, 90.0, 0.2169, 0.0217),
    ],
)
def test_erlang_c_gives_the_published_table(
    servers: int, load: float, waits: float, wait: float
) -> None:
    assert erlang_c(servers, load) == pytest.approx(waits, abs=5e-5)
    assert mean_wait(servers, load) == pytest.approx(wait, abs=5e-4)


def test_erlang_b_of_one_server_is_load_over_one_plus_load() -> None:
    assert erlang_b(1, 3.0) == pytest.approx(3 / 4)
    assert erlang_b(0, 3.0) == 1.0


@pytest.mark.parametrize(
    ("load", "times"),
    [
        (0.5, (2.0, 1.2657, 1.1252)),
        (0.9, (10.0, 2.6141, 2.0279)),
        (0.95, (20.0, 3.3830, 2.5351)),
        (0.99, (100.0, 5.4320, 3.8578)),
    ],
)
def test_the_supermarket_model_gives_mitzenmacher_s_table(
    load: float, times: tuple[float, ...]
) -> None:
    for choices, time in enumerate(times, start=1):
        assert supermarket(load, choices) == pytest.approx(time, abs=6e-5)


def test_memoryless_work_waits_alike_by_both_formulas() -> None:
    for load in (0.3, 0.6, 0.95):
        assert pollaczek_khinchine(load, 1.0) == pytest.approx(mean_wait(1, load))


@pytest.mark.parametrize("formula", [mean_wait, erlang_c])
def test_a_queue_that_grows_for_ever_has_no_mean_wait(formula: object) -> None:
    with pytest.raises(ConfigError, match=r"below the number of servers, got 2"):
        formula(2, 2.0)  # type: ignore[operator]
    with pytest.raises(ConfigError, match="below 1"):
        pollaczek_khinchine(1.0, 1.0)
    with pytest.raises(ConfigError, match="below 1"):
        supermarket(1.0, 2)


@pytest.mark.parametrize("runs", [2, 3, 5, 20, 61])
@pytest.mark.parametrize("confidence", [0.95, 0.999])
def test_an_interval_reaches_as_far_as_student_says(confidence: float, runs: int) -> None:
    exact = t.ppf((1 + confidence) / 2, runs - 1)
    assert student(confidence, runs) == pytest.approx(exact, rel=2e-3)


def test_a_verdict_is_agrees_differs_or_too_wide() -> None:
    assert judge("a", 10.0, [9.9, 10.1, 10.0, 9.95, 10.05]).verdict == "agrees"
    assert judge("b", 11.0, [9.9, 10.1, 10.0, 9.95, 10.05]).verdict == "differs"
    assert judge("c", 10.0, [5.0, 15.0, 10.0]).verdict == "too wide"
    assert judge("d", 2.0, [9.0, 11.0, 10.0, 9.5, 10.5]).verdict == "differs", "wide, but elsewhere"
    assert judge("exact", 64.0, [64.0, 64.0]).verdict == "agrees"
    assert judge("exact", 64.0, [63.0, 63.0]).verdict == "differs"


def test_a_law_of_a_limit_may_be_missed_by_a_stated_share() -> None:
    runs = [10.2, 10.21, 10.19, 10.2]
    assert judge("a", 10.0, runs).verdict == "differs"
    assert judge("a", 10.0, runs, near=0.03).verdict == "agrees"


def test_one_run_makes_no_interval() -> None:
    with pytest.raises(ConfigError, match="two runs or more, got 1"):
        judge("a", 1.0, [1.0])
