"""The investigation reads the run and nothing else; verdicts and debriefs come from more runs."""

from dataclasses import replace

import numpy as np
import pytest

from meshlab.engines.run import run
from meshlab.incident import incident, seconds_at
from meshlab.investigation import ACTIONS, CAUSES, SOURCES, Investigation
from meshlab.investigation.actions import restart_with_fix
from meshlab.investigation.case import WEIGHT
from meshlab.investigation.evidence import LAG, Evidence, Reading
from meshlab.model import ConfigError
from meshlab.scenario import Scenario
from meshlab.toll import toll


@pytest.fixture(scope="module")
def disaster() -> Scenario:
    return replace(incident(restart=False), weight=WEIGHT)


@pytest.fixture(scope="module")
def first(disaster: Scenario) -> Investigation:
    return Investigation(disaster)


@pytest.fixture
def case(first: Investigation) -> Investigation:
    """Nothing looked at yet."""
    return first.again()


@pytest.fixture(scope="module")
def calm() -> Investigation:
    """A day on which nothing leaks."""
    return Investigation(replace(incident(leak=False, restart=False), weight=WEIGHT))


# ---- what a look shows


def test_a_look_costs_its_minutes_and_shows_only_what_was_scraped_by_then(
    case: Investigation,
) -> None:
    answer = case.look("database")
    assert case.clock == "14:37:00"
    for reading in answer.readings:
        assert reading.times[-1] <= seconds_at("14:37") - LAG < reading.times[-1] + 5.0


def test_what_happens_later_changes_no_answer(disaster: Scenario) -> None:
    """The same run with the teams' restart at 14:42 looks the same before it."""
    healed = restart_with_fix(disaster, seconds_at("14:42"))
    one, other = Investigation(disaster), Investigation(healed)
    for source in ("auth", "runtime", "logs"):
        assert str(one.look(source)) == str(other.look(source))
    assert one.result.digest() != other.result.digest()


def test_the_numbers_are_those_of_the_recorded_metrics(case: Investigation) -> None:
    held = case.look("runtime").readings[0]
    frame = case.result.frame("service_goroutines", service="auth", instance="auth-1")
    known = frame[frame["time"] <= case.now - LAG]["value"].to_numpy()
    assert np.array_equal(held.values, known, equal_nan=True)


def test_the_database_is_calm_and_the_goroutines_are_not(case: Investigation) -> None:
    took = case.look("database").readings[1]
    assert took.what == "time of a query"
    assert np.nanmax(took.values) < 1.1 * took.normal
    held = case.look("runtime").readings[0]
    assert held.farthest[0] > 50 * held.normal


def test_on_a_calm_day_the_same_looks_say_something_else(calm: Investigation) -> None:
    day = calm.again()
    assert day.look("users").readings[1].now == 0.0
    held = day.look("runtime").readings
    assert max(reading.farthest[0] for reading in held[:3]) < 600
    assert str(day.look("logs")).endswith("nothing was written")


def test_the_log_does_not_tell_the_cause(case: Investigation) -> None:
    said = str(case.look("logs"))
    assert "killed (out of memory)" in said
    assert "leak" not in said and "fault" not in said


def test_traces_are_read_where_they_were_kept(disaster: Scenario, case: Investigation) -> None:
    assert case.look("traces").lines == ("no trace was kept: the sampling rate is 0.0%",)
    kept = Investigation(replace(disaster, trace_sampling=0.001, duration=1200.0))
    assert " s, " in kept.look("traces").lines[0]


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_shows_something_and_says_it(source: str, case: Investigation) -> None:
    answer = case.look(source)
    assert answer.readings or answer.lines
    assert str(answer).startswith(answer.title)
    if answer.readings:
        figure = answer.figure()
        assert figure.layout.title.text.replace("<br>", " ") == answer.title
        assert all(reading.what in figure.layout.meta["summary"] for reading in answer.readings)
    else:
        with pytest.raises(ConfigError, match="is text"):
            answer.figure()


def test_a_reading_knows_normal_farthest_and_when_it_left() -> None:
    times = np.arange(0.0, 480.0, 60.0)
    reading = Reading("x", "", times, np.array([9.0, 1.0, 2.0, 3.0, 7.0, 2.0, 6.0, 6.0]))
    assert (reading.normal, reading.range, reading.farthest) == (2.0, (1.0, 3.0), (9.0, 0.0))
    assert reading.left is None  # one scrape, then two: that may be chance
    values = np.array([1.0, 1.0, 2.0, 3.0, 7.0, 7.0, 8.0, np.nan])
    silent = Reading("x", "", times, values)
    assert silent.left == 240.0
    row = silent.row()
    assert (row["now"], row["left normal"]) == ("no value", "14:24:00")


def test_evidence_before_the_first_scrape_is_empty(case: Investigation) -> None:
    early = Evidence(case.result, now=5.0)
    reading = SOURCES["users"].read(early)[0]
    assert np.isnan(reading.now) and reading.left is None and reading.row()["at"] == ""


# ---- causes


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_judged_by_running_the_incident_without_it(
    cause: str, case: Investigation
) -> None:
    verdict = case.name(cause)
    assert bool(verdict) is (cause == "leak")
    assert ("That was the cause" in str(verdict)) is bool(verdict)
    assert case.clock == "14:36:00"


def test_where_nothing_went_wrong_nothing_is_the_cause(calm: Investigation) -> None:
    assert not calm.again().name("leak")


def test_without_the_rush_the_same_happens_later(case: Investigation) -> None:
    verdict = case.name("traffic")
    happened, without = verdict.happened.kills[0], verdict.without.kills[0]
    assert happened[1] == without[1] and happened[0] + 120 < without[0]


# ---- actions and the debrief


def test_the_sooner_the_fix_the_fewer_pages_fail(first: Investigation) -> None:
    failed = [
        first.again(start).act("restart auth with the fix").yours.failed
        for start in ("14:35", "14:37", "14:39")
    ]
    assert failed == sorted(failed) and failed[0] < failed[-1]


def test_the_teams_history_is_the_incident_as_it_was(case: Investigation) -> None:
    teams = case.act("wait").teams
    assert teams == toll(run(replace(incident(), weight=WEIGHT), 1))


def test_without_the_fix_a_restart_dies_again(case: Investigation) -> None:
    debrief = case.act("restart auth")
    assert len(debrief.yours.kills) > len(debrief.nobody.kills)
    assert debrief.yours.last > 0.5


@pytest.mark.parametrize("action", ["restart the database", "no retries", "all zones", "wait"])
def test_nothing_else_brings_the_dead_back(action: str, case: Investigation) -> None:
    debrief = case.act(action)
    assert debrief.saved == 0.0
    assert debrief.yours.last == 1.0
    assert action in str(debrief.rows())


def test_the_debrief_says_when_the_cause_was_named_and_what_was_looked_at(
    case: Investigation,
) -> None:
    case.look("database")
    case.name("database")
    case.look("runtime")
    case.name("leak")
    debrief = case.act("restart auth with the fix")
    assert debrief.named_at == seconds_at("14:40")
    assert "named after 5 minutes; looked at: database, runtime" in str(debrief)
    assert debrief.team_rows()[0]["you, by then"] == "nothing"
    assert debrief.team_rows()[1]["you, by then"] == "database"


def test_the_goroutines_moved_minutes_before_users_felt_it(case: Investigation) -> None:
    rows = {str(row["metric"]): row for row in case.act("wait").first_rows()}
    assert rows["auth: goroutines of the fullest"]["moved at"] < "14:26"  # type: ignore[operator]
    assert rows["users: share of pages that fail"]["moved at"] > "14:29"  # type: ignore[operator]
    assert "database: time of an answer" not in rows


# ---- mistakes


@pytest.mark.parametrize("method", ["look", "name", "act"])
def test_what_there_is_not_is_refused_with_what_there_is(method: str, case: Investigation) -> None:
    with pytest.raises(ConfigError, match=r"investigation: unknown .* 'the moon'"):
        getattr(case, method)("the moon")
    assert case.clock == "14:35:00"


def test_the_clock_stops_before_the_run_does(first: Investigation) -> None:
    late = first.again("14:45")
    with pytest.raises(ConfigError, match="before 14:47:00, got 14:47:00"):
        late.look("database")
    late.look("runtime")


def test_after_the_action_it_is_over(case: Investigation) -> None:
    case.act("wait")
    with pytest.raises(ConfigError, match="it has ended"):
        case.look("users")


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_a_scenario_that_differs_only_from_its_minute_on(
    action: str, case: Investigation
) -> None:
    at = seconds_at("14:36")
    changed = run(ACTIONS[action].apply(case.scenario, at), 1)
    scrapes = int(at / case.scenario.scrape_interval)
    before = [r.values[:scrapes] for r in changed.recordings]
    same = [r.values[:scrapes] for r in case.result.recordings]
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, same, strict=True))
