"""The checks of lesson 02 accept what is right, and say something useful about the rest."""

import pandas as pd
import pytest

from meshlab.engines.run import run
from meshlab.exercises import exercise
from meshlab.exercises.lesson_02 import (
    DOWN,
    EXERCISES,
    doubled_store,
    evidence,
    share_z,
    silent_gateways,
    z,
)
from meshlab.telemetry.central import Central


def hasty(timeout: float = 0.02, buffer: int = 1000) -> Central:
    return Central(waits=True, outages=DOWN, timeout=timeout, buffer=buffer)


def verdict(up: float, answered: float, records: int) -> str:
    if up == 0:
        return "dead"
    if answered == 0:
        return "idle"
    return "fine" if records else "blind"


RIGHT = {
    "02.1": hasty(),
    "02.2": ("inventory", "cut off"),
    "02.3": pd.DataFrame.drop_duplicates,
    "02.4": verdict,
}


@pytest.mark.parametrize("key", EXERCISES)
def test_the_right_answer_is_accepted(key: str) -> None:
    assert exercise(key).judge(RIGHT[key]) is None


@pytest.mark.parametrize(
    ("key", "answer", "hint"),
    [
        ("02.1", 0.05, "a Central(...) is asked for"),
        ("02.1", Central, "a Central(...) is asked for"),
        ("02.1", Central(outages=DOWN), "must still wait"),
        ("02.1", Central(waits=True), "the outage must stay"),
        ("02.1", hasty(timeout=0.25), "how long may each wait be"),
        ("02.1", hasty(timeout=0.25, buffer=100), "how long may each wait be"),
        ("02.2", "inventory", "two words"),
        ("02.2", ("stock", "dead"), "one of auth, database"),
        ("02.2", ("inventory", "gone"), "one of idle, dead, cut off"),
        ("02.2", ("payment", "cut off"), "has records in every five seconds"),
        ("02.2", ("inventory", "idle"), "Did the orders stop?"),
        ("02.2", ("inventory", "dead"), "Did the orders fail more"),
        ("02.2", ([], {}), "the service is one of"),
        ("02.3", 3, "a function is asked for"),
        ("02.3", lambda records: None, "returns None"),
        ("02.3", lambda records: records.time, "with the columns"),
        ("02.3", lambda records: records, "still there twice"),
        ("02.3", lambda records: records.drop_duplicates("time"), "are not doubles"),
        ("02.3", lambda records: records.assign(seconds=0.0), "not in the store"),
        ("02.4", "dead", "a function is asked for"),
        ("02.4", lambda up, answered, records: None, "returns None"),
        ("02.4", lambda up, answered, records: "fine", "says 'fine', and it was 'idle'"),
    ],
)
def test_a_wrong_answer_gets_a_hint(key: str, answer: object, hint: str) -> None:
    said = exercise(key).judge(answer)
    assert said is not None
    assert hint in said


def test_the_exercise_with_doubles_has_doubles_and_records_that_share_their_time() -> None:
    store = doubled_store()
    assert store.duplicated().any()
    assert store.drop_duplicates().duplicated("time").any()


def test_only_a_fine_gateway_has_records_and_no_two_verdicts_share_their_evidence() -> None:
    seen = {name: evidence(run(world, seed=1)) for name, world in silent_gateways().items()}
    assert [name for name, (_, _, records) in seen.items() if records] == ["fine"]
    assert len({(up, answered > 0, records > 0) for up, answered, records in seen.values()}) == 4


def test_differences_are_measured_in_what_chance_makes_of_them() -> None:
    assert z(200, 200) == 0
    assert z(250, 150) == 5  # 100 more, and chance makes a root of 400
    half = pd.Series({"failed": 50, "requests": 100, "failed share": 0.5})
    more = pd.Series({"failed": 70, "requests": 100, "failed share": 0.7})
    none = pd.Series({"failed": 0, "requests": 100, "failed share": 0.0})
    assert share_z(half, more) == pytest.approx(0.2 / (0.6 * 0.4 / 50) ** 0.5)
    assert share_z(none, none) == 0
