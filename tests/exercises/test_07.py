"""The checks of lesson 07 accept what is right, and say something useful about the rest."""

from __future__ import annotations

import pytest

from exercises import exercise
from exercises.lesson_07 import EXERCISES, corner, lost, mystery, situations
from meshlab.mesh.discovery_delays import CAUSES, delays
from meshlab.scenario.topology import Instance


def verdicts(probes: list[bool], unhealthy_threshold: int, healthy_threshold: int) -> list[bool]:
    state, contrary, states = True, 0, []
    for ok in probes:
        contrary = 0 if ok == state else contrary + 1
        if contrary == (healthy_threshold if ok else unhealthy_threshold):
            state, contrary = ok, 0
        states.append(state)
    return states


def forgiving(probes: list[bool], unhealthy_threshold: int, healthy_threshold: int) -> list[bool]:
    return verdicts(probes, unhealthy_threshold + 1, healthy_threshold)


def why(up: float, known: float, available: float, ejections: float) -> str:
    if known < 4:
        return "news"
    if not up:
        return "process"
    if available < 4:
        return "ejection" if ejections else "checks"
    return "turn"


def hasty(up: float, known: float, available: float, ejections: float) -> str:
    return "process" if not up else why(up, known, available, ejections)


RIGHT = {"07.1": 4, "07.2": verdicts, "07.3": why, "07.4": ("gateway-2", "ejection")}


@pytest.mark.parametrize("key", EXERCISES)
def test_the_right_answer_is_accepted(key: str) -> None:
    assert exercise(key).judge(RIGHT[key]) is None


@pytest.mark.parametrize(
    ("key", "answer", "hint"),
    [
        ("07.1", "four", "a whole number"),
        ("07.1", 2.5, "a whole number"),
        ("07.1", 0, "found nobody there"),
        ("07.1", 2, "found nobody there"),
        ("07.1", 3, "still at work"),
        ("07.1", 5, "neither do 4 s"),
        ("07.2", [True], "a function is asked for"),
        ("07.2", lambda probes, u, h: None, "returns None"),
        ("07.2", lambda probes, u, h: probes[1:], "a list of 60"),
        ("07.2", lambda probes, u, h: probes, "the endpoint is healthy"),
        ("07.2", forgiving, "the endpoint is unhealthy"),
        ("07.3", "news", "a function is asked for"),
        ("07.3", lambda **seen: None, "returns None"),
        ("07.3", lambda **seen: "luck", "the words are"),
        ("07.3", lambda **seen: "news", "and it is 'process'"),
        ("07.3", hasty, "and it is 'news'"),
        ("07.4", "gateway-2", "two words"),
        ("07.4", ("gateway-9", "news"), "one of gateway-1"),
        ("07.4", ("gateway-2", "luck"), "one of news"),
        ("07.4", ("gateway-3", "checks"), "did get an answer"),
        ("07.4", ("gateway-2", "news"), "What does the ledger say"),
    ],
)
def test_a_wrong_answer_gets_a_hint(key: str, answer: object, hint: str) -> None:
    said = exercise(key).judge(answer)
    assert said is not None
    assert hint in said


def test_a_longer_drain_loses_less_and_first_the_stale_tries_end() -> None:
    sums = [sum(lost(drain)) for drain in range(5)]
    assert sums == sorted(sums, reverse=True)
    assert lost(3)[0] == 0 < lost(3)[1]


def test_in_the_mystery_one_gateway_is_left_out_and_others_have_doubts_too() -> None:
    result = mystery()
    rows = {row.sidecar for row in delays(result, "auth-4")}
    assert set(result.scenario.service("gateway").instance_names()) - rows == {"gateway-2"}
    doubted = {e.subject.split("->")[0] for e in result.ledger if e.event == "unhealthy"}
    assert doubted and "gateway-2" not in doubted


def test_every_cause_occurs_among_the_situations() -> None:
    assert {cause for _, cause in situations()} == set(CAUSES)


def test_the_corner_takes_its_instances_and_its_policies() -> None:
    scenario = corner(Instance(), gateways=2, panic_threshold=0.0)
    assert len(scenario.service("auth").instances) == 1
    assert scenario.edge("gateway", "auth").panic_threshold == 0.0
