"""A story is what the run recorded, a knob is a scenario, and the player only shows them."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from meshlab.engines.run import run
from meshlab.faults import Leak
from meshlab.figures.storyboard import storyboard
from meshlab.incident import incident, seconds_at
from meshlab.incident.knobs import (
    BALANCING,
    BREAKERS,
    BUDGETS,
    NEVER,
    OPERATORS,
    RESTARTS,
    Knobs,
)
from meshlab.incident.marks import marks
from meshlab.mesh.result import Result
from meshlab.model import ConfigError
from meshlab.replay import stations
from meshlab.replay.panel import WHEN, Replay, controls
from meshlab.replay.player import Player, words_at
from meshlab.replay.story import story
from meshlab.toll import toll


@pytest.fixture(scope="module")
def happened() -> Result:
    return run(Knobs().scenario(), 1)


@pytest.fixture(scope="module")
def told(happened: Result) -> dict[str, Any]:
    return story(happened)


@pytest.fixture
def replay(happened: Result) -> Replay:
    return Replay(happened)


# ---- the story


def test_a_story_is_plain_json_with_a_value_for_every_scrape(told: dict[str, Any]) -> None:
    assert json.loads(json.dumps(told, allow_nan=False)) == json.loads(json.dumps(told))
    count = len(told["times"])
    series = [line["values"] for chart in told["charts"] for line in chart["lines"]]
    series += [chart["compared"] for chart in told["charts"]]
    series += [edge[what] for edge in told["edges"] for what in ("rate", "errors")]
    series += [letters for own in told["instances"].values() for letters in own.values()]
    series += [breaker["states"] for breaker in told["breakers"]]
    series += [told["clock"], told["words"]]
    assert {len(values) for values in series} == {count}


def test_the_story_is_small_enough_to_be_sent_once(told: dict[str, Any]) -> None:
    assert len(json.dumps(told)) < 400_000


def test_its_goroutines_are_those_that_were_scraped(told: dict[str, Any], happened: Result) -> None:
    chart = next(chart for chart in told["charts"] if chart["title"] == "goroutines")
    line = next(line for line in chart["lines"] if line["name"] == "auth-2")
    frame = happened.frame("service_goroutines", service="auth", instance="auth-2")
    values = [float("nan") if v is None else v for v in line["values"]]
    assert np.allclose(values, frame["value"], rtol=1e-3, equal_nan=True)


def test_an_instance_is_up_killed_or_down_for_a_restart(told: dict[str, Any]) -> None:
    first = told["instances"]["auth"]["auth-1"]
    assert re.fullmatch("u+k+d+u+", first)
    assert told["times"][first.index("k")] >= 558
    assert set("".join(told["instances"]["database"].values())) == {"u"}


def test_a_breaker_has_a_state_and_reasons(told: dict[str, Any]) -> None:
    for breaker in told["breakers"]:
        assert set(breaker["states"]) >= {"c", "o"}
        assert breaker["why"][0][1] == "opened: consecutive_failures"
        assert breaker["why"][-1][1] == "closed: probes_succeeded"


def test_stations_stand_where_the_marks_of_the_run_are(happened: Result) -> None:
    found = {station.told: station for station in stations(happened)}
    read = marks(happened)
    assert found[540.0].emerged == read.kills[0][0]
    assert found[660.0].emerged == read.kills[1][0]
    assert read.dark is not None and found[780.0].emerged is not None
    assert abs(found[780.0].emerged - read.dark[0]) <= 10.0
    assert found[1500.0].emerged is not None and found[1500.0].emerged > 1320.0
    assert found[900.0].kind == "people" and found[900.0].emerged is None


def test_without_the_leak_no_event_emerges() -> None:
    calm = run(replace(incident(leak=False, restart=False), weight=100), 1)
    assert all(s.emerged is None for s in stations(calm) if s.kind == "event")
    assert [s.told for s in stations(calm) if s.emerged is not None] == [180.0, 420.0]


def test_every_moment_is_said(told: dict[str, Any]) -> None:
    said = words_at(told, seconds_at("14:36"))
    assert said.startswith("14:36:00: 15,")
    assert "0 of 3 instances of auth alive. 3 breakers are not closed" in said
    assert words_at(told, -1.0) == told["words"][0]


# ---- knobs


def test_knobs_that_nobody_turned_are_the_incident() -> None:
    assert Knobs().scenario() == replace(incident(), weight=100)
    assert Knobs().scenario(at=700.0) == replace(incident(), weight=100)
    assert Knobs().changed() == {}


TURNED: list[dict[str, Any]] = [
    {"leak_rate": 0.001}, {"leak_rate": 0.0}, {"attempts": 1}, {"timeout": 0.2},
    {"backoff": 0.4}, {"limit": 400}, {"workers": 424}, {"instances": 5},
    {"memory_mib": 1024}, {"restarts": RESTARTS[1]}, {"operators": OPERATORS[1]},
    {"balancing": BALANCING[1]}, {"balancing": BALANCING[2]},
    *({"budget": budget} for budget in list(BUDGETS)[1:]),
    *({"breaker": breaker} for breaker in list(BREAKERS)[1:]),
]  # fmt: skip


@pytest.mark.parametrize("turned", TURNED, ids=str)
def test_a_knob_turned_at_a_minute_changes_nothing_before_it(
    turned: dict[str, Any], happened: Result
) -> None:
    at = 690.0
    changed = run(Knobs(**turned).scenario(at), 1)
    scrapes = int(at / 5)
    same = {(r.target, r.job): r for r in changed.recordings}
    for recording in happened.recordings:
        other = same[recording.target, recording.job]
        columns = [other.schema.index(key) for key in recording.schema]
        assert np.array_equal(
            recording.values[:scrapes], other.values[:scrapes][:, columns], equal_nan=True
        )
    assert changed.digest() != happened.digest()


def test_from_the_beginning_a_leak_of_none_is_none() -> None:
    scenario = Knobs(leak_rate=0.0, act_at=NEVER).scenario()
    assert not any(isinstance(fault, Leak) for fault in scenario.faults)
    assert toll(run(scenario, 1)).failed == 0.0


def test_the_operators_may_never_come(happened: Result) -> None:
    never = toll(run(Knobs(act_at=NEVER).scenario(), 1))
    assert never.last == 1.0
    assert never.failed > toll(happened).failed


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"leak_rate": 1.5}, "knobs: leak_rate must be in 0..1, got 1.5"),
        ({"budget": "plenty"}, "knobs: unknown budget 'plenty'"),
        ({"instances": 2}, "knobs: instances must be a whole number >= 3, got 2"),
    ],
)
def test_a_knob_says_what_it_can_not_be(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        Knobs(**wrong)


# ---- the panel


def test_there_is_a_control_for_every_knob_and_it_stands_as_it_was(replay: Replay) -> None:
    assert set(controls()) == set(Knobs.__dataclass_fields__)
    assert replay.knobs == Knobs()
    assert replay.player.other == {}


def test_turning_a_knob_draws_the_other_history_beside_what_happened(replay: Replay) -> None:
    replay.controls["memory_mib"].value = 1024.0
    other = replay.player.other
    assert other["label"] == "memory_mib 1024 from the beginning"
    assert other["numbers"]["next kill"] == "none"
    assert other["happened"]["next kill"] == "14:29:18"
    assert len(other["charts"]) == len(replay.player.story["charts"])
    assert "next kill none instead of 14:29:18" in replay.words.text
    replay.controls["memory_mib"].value = 512.0
    assert replay.player.other == {}


def test_from_the_minute_on_the_clock_means_the_players_clock(replay: Replay) -> None:
    replay.player.at = seconds_at("14:31")
    replay.when.value = WHEN[1]
    replay.controls["restarts"].value = RESTARTS[1]
    early = replay.player.other
    assert early["label"].endswith("from 14:31 on")
    replay.player.at = seconds_at("14:34")
    assert replay.player.other["label"].endswith("from 14:34 on")
    assert replay.player.other["numbers"] != early["numbers"]


def test_a_plain_call_gives_rows_and_the_same(replay: Replay) -> None:
    rows = replay.change(memory_mib=1024)
    assert rows[0]["what happened"] != rows[0]["what if"]
    assert replay.change() == []


def test_what_can_not_be_changed_is_said_and_the_picture_stays(replay: Replay) -> None:
    replay.controls["memory_mib"].min = 1.0
    replay.controls["memory_mib"].value = 1.0
    assert replay.words.text.startswith("No other history. memory: limit_bytes must be more than")
    assert replay.player.other == {}


def test_the_storyboard_says_both_histories(replay: Replay) -> None:
    alone = storyboard(replay.player.story)
    replay.change(memory_mib=1024)
    figure = replay.picture()
    assert len(figure.data) == len(alone.data) + 2
    assert "With memory_mib 1024" in figure.layout.meta["summary"]
    bundle = replay._repr_mimebundle_()
    assert "application/vnd.plotly.v1+json" in bundle
    assert bundle["text/plain"].startswith("Replay. 14:20:00")


def test_a_player_says_what_it_shows_where_its_clock_stands(happened: Result) -> None:
    player = Player(happened)
    assert repr(player).startswith("Replay. 14:20:00")
    player.at = seconds_at("14:31")
    assert repr(player).startswith("Replay. 14:31:00")
