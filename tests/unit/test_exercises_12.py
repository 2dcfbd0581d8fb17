"""The exercises of lesson 12: right answers pass, near misses get a hint that fits."""

from math import inf

import pytest

from meshlab.engines.run import run
from meshlab.exercises.lesson_12 import (
    FIVE,
    LATE,
    TEN,
    another_day,
    cost,
    defended,
    pairs_right,
    saved,
    with_memory,
)
from meshlab.investigation import Investigation
from meshlab.lab import check
from meshlab.model import ConfigError
from meshlab.toll import toll

ORDER = sorted(FIVE, key=lambda name: -saved(name, at=LATE))


def seconds_left(times: list[float], held: list[float], limit: float) -> float:
    slope = (held[-1] - held[0]) / (times[-1] - times[0])
    return (limit - held[-1]) / slope if slope > 0 else inf


@pytest.fixture(scope="module")
def day() -> Investigation:
    return another_day()


def test_ten_defences_and_what_was() -> None:
    assert len(set(TEN)) == 10
    assert saved("as it was") == 0.0
    with pytest.raises(ConfigError, match="lesson 12: unknown defence 'prayer'"):
        defended("prayer")


def test_pairs_that_are_worth_the_same_count_for_nothing() -> None:
    worth = {"a": 0.9, "b": 0.5, "c": 0.49}
    assert pairs_right(["a", "b", "c"], worth, same=0.02) == (2, 2)
    assert pairs_right(["c", "b", "a"], worth, same=0.0) == (0, 3)


# ---- 1: the order at 14:31


def test_the_order_by_what_was_saved_is_right() -> None:
    assert check("12.1", ORDER)


def test_an_order_turned_around_is_told_how_many_pairs_stand_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not check("12.1", ORDER[::-1])
    assert "0 of 10 pairs stand in the right order; the best of them is on place 5" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("wrong", [["no retries"], "rolling restarts", 7])
def test_an_order_is_a_list_of_the_five(wrong: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check("12.1", wrong)
    assert "a list of these five is asked for" in capsys.readouterr().out


# ---- 2: memory and the platform


def test_a_little_more_memory_is_right() -> None:
    assert check("12.2", 768)
    assert with_memory(768).kills


@pytest.mark.parametrize(
    ("mib", "hint"),
    [
        (512, "do two of them die close to each other?"),
        (1024, "nobody dies, so nobody is restarted"),
        (100, "a whole number of MiB from 256 to 4096"),
        (768.0, "a whole number of MiB from 256 to 4096"),
    ],
)
def test_other_memory_gets_a_hint(
    mib: object, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not check("12.2", mib)
    assert hint in capsys.readouterr().out


# ---- 3: a forecast


def test_a_forecast_by_the_slope_is_right() -> None:
    assert check("12.3", seconds_left)


def test_a_forecast_that_forgets_the_flat_case_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check("12.3", lambda t, g, limit: (limit - g[-1]) / 60.0)
    assert "are left, and yours says" in capsys.readouterr().out
    assert not check("12.3", lambda t, g, limit: None)
    assert "returns None" in capsys.readouterr().out
    assert not check("12.3", 3)


# ---- 4: another day


def test_on_another_day_it_is_the_database(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("12.4", "database")
    for wrong in ("leak", "network", "traffic", "retries", "breakers"):
        assert not check("12.4", wrong)
        assert "So that was not the cause." in capsys.readouterr().out
    assert not check("12.4", "the moon")


def test_the_looks_of_another_day_tell_it(day: Investigation) -> None:
    took = day.again().look("database").readings[1]
    assert took.now > 100 * took.normal
    held = day.again().look("runtime").readings[0]
    assert held.farthest[0] < 1000


def test_the_price_of_the_incident_is_the_same_every_time() -> None:
    assert cost("as it was", 2) == cost("as it was", 2)


def test_what_operators_of_another_day_save_is_read_off_their_own_day() -> None:
    assert cost("alert on goroutines", 2) != toll(run(defended("alert on goroutines", seed=1), 2))
