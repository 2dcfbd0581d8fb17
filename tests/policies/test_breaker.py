"""The circuit breaker, rule by rule."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from meshlab.kernel.clock import ManualClock
from meshlab.model import ConfigError
from meshlab.policies import breaker as breaker_module
from meshlab.policies.breaker import (
    PRESETS,
    REFUSED,
    TRANSITIONS,
    BreakerConfig,
    BreakerWatcher,
    CircuitBreaker,
    Reason,
    State,
    Transition,
    diagram,
    transition,
)


def is_trial(permit: int) -> bool:
    return permit < 0


class Bench(BreakerWatcher):
    """A breaker on a manual clock, with every move it makes written down."""

    def __init__(self, config: BreakerConfig | None = None, **changes: Any) -> None:
        self.clock = ManualClock(100.0)
        self.moves: list[Transition] = []
        self.breaker = CircuitBreaker(config or BreakerConfig(**changes), self.clock, self)

    def breaker_moved(self, state: int, reason: int, seen_1: float, seen_2: float) -> None:
        assert (self.breaker.state, self.breaker.reason) == (state, reason)
        self.moves.append(transition(self.clock.now, reason, seen_1, seen_2))

    @property
    def state(self) -> State:
        return State(self.breaker.state)

    def permit(self) -> int:
        assert self.breaker.refusal == ""
        permit = self.breaker.admit()
        assert permit != REFUSED
        return permit

    def trial(self) -> int:
        permit = self.permit()
        assert is_trial(permit)
        return permit

    def refusal(self) -> tuple[str, float | None]:
        """Why a call is refused now and, if that is known, from when on it would not be."""
        reason = self.breaker.refusal
        assert self.breaker.admit() == REFUSED
        assert self.breaker.refusal == reason
        return reason, self.breaker.retry_at if reason == "open" else None

    def calls(self, outcomes: str, seconds: float = 0.1) -> None:
        """Admit and report one call after the other: "." is a success, "x" a failure."""
        for outcome in outcomes:
            self.breaker.report(self.permit(), outcome == ".", seconds)

    def open(self) -> None:
        self.calls("x" * 5)
        assert self.state is State.OPEN

    def half_open(self) -> int:
        """Open it, wait until the open time is over, and take the first trial."""
        self.open()
        self.clock.advance(60)
        return self.trial()


# closed


def test_a_new_breaker_is_closed_and_admits_every_call() -> None:
    bench = Bench()
    assert bench.state is State.CLOSED
    assert (bench.breaker.trials_in_flight, bench.breaker.trials_succeeded) == (0, 0)
    assert all(not is_trial(bench.permit()) for _ in range(1000))


def test_while_closed_all_calls_share_one_permit() -> None:
    bench = Bench()
    first = bench.permit()
    bench.calls(".x.")
    assert bench.permit() == first


def test_consecutive_failures_open_it_at_the_limit_and_not_before() -> None:
    bench = Bench(consecutive_failures=3)
    bench.calls("xx")
    assert bench.state is State.CLOSED
    bench.calls("x")
    assert bench.state is State.OPEN
    (move,) = bench.moves
    assert move == Transition(
        100.0,
        State.CLOSED,
        State.OPEN,
        Reason.CONSECUTIVE_FAILURES,
        (("consecutive_failures", 3.0),),
    )


def test_one_success_begins_the_count_of_consecutive_failures_anew() -> None:
    bench = Bench(consecutive_failures=3)
    bench.calls("xx.xx.xx")
    assert bench.state is State.CLOSED
    assert bench.breaker.consecutive_failures == 2


def test_a_failure_rate_that_is_reached_opens_it() -> None:
    bench = Bench(consecutive_failures=None, failure_rate=0.5, minimum_calls=10, window_calls=10)
    bench.calls("x.x.x.x.x")
    assert bench.state is State.CLOSED  # five of nine, but nine are too few to judge
    bench.calls(".")
    assert bench.state is State.OPEN  # a success may be the tenth call that the rule waited for
    assert bench.moves[-1].reason is Reason.FAILURE_RATE
    assert bench.moves[-1].evidence == (("failures", 5.0), ("calls", 10.0))


def test_a_failure_rate_just_below_the_limit_leaves_it_closed() -> None:
    bench = Bench(consecutive_failures=None, failure_rate=0.5, minimum_calls=10, window_calls=10)
    bench.calls("x.x.x.x..." * 20)
    assert bench.state is State.CLOSED


@pytest.mark.parametrize("percent", range(1, 101))
def test_a_rate_in_whole_percents_of_a_hundred_calls_is_exact(percent: int) -> None:
    bench = Bench(consecutive_failures=None, failure_rate=percent / 100)
    bench.calls("." * (100 - percent) + "x" * (percent - 1))
    assert bench.state is State.CLOSED
    bench.calls("x")
    assert bench.state is State.OPEN


def test_a_count_window_forgets_the_calls_that_have_left_it() -> None:
    bench = Bench(consecutive_failures=None, failure_rate=0.5, minimum_calls=4, window_calls=4)
    bench.calls("..x.")
    bench.calls("..x." * 10)
    assert bench.state is State.CLOSED
    window = bench.breaker.window
    assert window is not None
    assert (window.calls(), window.failures()) == (4, 1)


def test_a_time_window_forgets_the_calls_that_ended_too_long_ago() -> None:
    rule = {"failure_rate": 0.5, "minimum_calls": 4, "window_seconds": 10.0}
    bench = Bench(consecutive_failures=None, **rule)
    bench.calls("xxx")
    bench.clock.advance(10)
    bench.calls("...x")
    assert bench.state is State.CLOSED
    bench.calls("xx")
    assert bench.moves[-1].evidence == (("failures", 3.0), ("calls", 6.0))


def test_a_time_window_remembers_what_ended_within_nine_tenths_of_it() -> None:
    rule = {"failure_rate": 0.5, "minimum_calls": 4, "window_seconds": 10.0}
    bench = Bench(consecutive_failures=None, **rule)
    bench.clock.advance(0.5)
    bench.calls("xxx")
    bench.clock.advance(9)
    bench.calls("x")
    assert bench.moves[-1].evidence == (("failures", 4.0), ("calls", 4.0))


def test_a_time_window_that_slept_for_a_year_wakes_up_empty() -> None:
    rule = {"failure_rate": 1.0, "minimum_calls": 100, "window_seconds": 0.001}
    bench = Bench(consecutive_failures=None, **rule)
    bench.calls("xxx")
    bench.clock.advance(365 * 86_400)
    bench.calls("x")
    window = bench.breaker.window
    assert window is not None
    assert (window.calls(), window.failures()) == (1, 1)


def test_too_many_slow_calls_open_it_even_though_they_succeed() -> None:
    rule = {"slow_call_rate": 0.5, "slow_call_seconds": 1.0}
    bench = Bench(consecutive_failures=None, minimum_calls=4, window_calls=4, **rule)
    bench.calls("...", seconds=1.0)  # a call is slow above the limit, not at it
    bench.calls(".", seconds=1.5)
    assert bench.state is State.CLOSED
    bench.calls(".", seconds=1.5)
    assert bench.state is State.OPEN
    assert bench.moves[-1].reason is Reason.SLOW_CALLS
    assert bench.moves[-1].evidence == (("slow_calls", 2.0), ("calls", 4.0))


def test_a_limit_for_slow_calls_without_a_rate_is_no_rule() -> None:
    bench = Bench(consecutive_failures=2, slow_call_seconds=1.0)
    bench.calls("." * 300, seconds=5.0)
    assert bench.state is State.CLOSED
    bench.calls("xx")
    bench.clock.advance(60)
    bench.calls(".", seconds=5.0)
    assert bench.state is State.CLOSED


def test_when_several_rules_strike_at_once_the_first_in_order_gives_the_reason() -> None:
    rules = {"failure_rate": 0.5, "slow_call_rate": 0.5, "slow_call_seconds": 1.0}
    size = {"minimum_calls": 2, "window_calls": 2}
    all_three = Bench(consecutive_failures=2, **rules, **size)
    all_three.calls("xx", seconds=2.0)
    assert all_three.moves[-1].reason is Reason.CONSECUTIVE_FAILURES
    two = Bench(consecutive_failures=None, **rules, **size)
    two.calls("xx", seconds=2.0)
    assert two.moves[-1].reason is Reason.FAILURE_RATE


def test_abandoning_a_call_of_a_closed_breaker_counts_for_nothing() -> None:
    bench = Bench(consecutive_failures=2)
    bench.calls("x")
    bench.breaker.abandon(bench.permit())
    assert bench.breaker.consecutive_failures == 1
    bench.calls("x")
    assert bench.state is State.OPEN


# open


def test_an_open_breaker_refuses_and_says_when_to_come_back() -> None:
    bench = Bench(open_seconds=60)
    bench.open()
    assert bench.refusal() == ("open", 160.0)
    bench.clock.advance(59)
    assert bench.refusal() == ("open", 160.0)


def test_refusing_changes_nothing() -> None:
    bench = Bench()
    bench.open()
    assert [bench.refusal() for _ in range(3)] == [("open", 160.0)] * 3
    assert bench.breaker.generation == 2


def test_whoever_comes_back_at_retry_at_is_admitted() -> None:
    bench = Bench(open_seconds=0.1)
    bench.clock.now = 0.7  # 0.7 + 0.1 is not 0.8 in binary, so the same sum must be compared
    bench.open()
    _, retry_at = bench.refusal()
    assert retry_at is not None
    bench.clock.now = retry_at
    assert is_trial(bench.permit())


def test_looking_at_the_state_does_not_move_it_however_late_it_is() -> None:
    bench = Bench()
    bench.open()
    bench.clock.advance(10_000)
    assert [bench.state for _ in range(3)] == [State.OPEN] * 3
    assert len(bench.moves) == 1


def test_the_next_admission_after_the_open_time_finds_it_half_open() -> None:
    bench = Bench()
    bench.half_open()
    assert bench.state is State.HALF_OPEN
    assert bench.moves[-1].reason is Reason.OPEN_TIME_OVER
    assert bench.moves[-1].evidence == (("open_seconds", 60.0),)


def test_results_of_calls_that_were_let_through_before_it_opened_are_discarded() -> None:
    bench = Bench(half_open_trials=2)
    early = [bench.permit() for _ in range(3)]
    bench.half_open()
    for permit in early:
        bench.breaker.report(permit, False, 0.1)
        bench.breaker.abandon(permit)
    assert bench.state is State.HALF_OPEN
    assert bench.breaker.trials_in_flight == 1


# half-open


@pytest.mark.parametrize("trials", [1, 3, 10])
def test_half_open_admits_only_the_configured_trials(trials: int) -> None:
    bench = Bench(half_open_trials=trials)
    bench.half_open()
    assert all(is_trial(bench.permit()) for _ in range(trials - 1))
    assert bench.refusal() == ("trials in flight", None)
    assert bench.breaker.trials_in_flight == trials


def test_trials_that_succeeded_keep_their_place_so_that_no_more_are_sent_than_needed() -> None:
    bench = Bench(half_open_trials=2)
    first = bench.half_open()
    bench.breaker.report(first, True, 0.1)
    bench.permit()
    assert bench.refusal() == ("trials in flight", None)


def test_it_closes_when_all_trials_succeeded() -> None:
    bench = Bench(half_open_trials=3)
    trials = [bench.half_open(), bench.permit(), bench.permit()]
    for trial in trials[:2]:
        bench.breaker.report(trial, True, 0.1)
        assert bench.state is State.HALF_OPEN
    bench.breaker.report(trials[2], True, 0.1)
    assert bench.state is State.CLOSED
    assert bench.moves[-1].reason is Reason.PROBES_SUCCEEDED
    assert bench.moves[-1].evidence == (("trials_succeeded", 3.0),)
    assert not is_trial(bench.permit())


def test_one_failed_trial_reopens_it_for_the_full_time_whatever_the_others_said() -> None:
    bench = Bench(half_open_trials=3, open_seconds=60)
    trials = [bench.half_open(), bench.permit(), bench.permit()]
    bench.clock.advance(2)
    bench.breaker.report(trials[0], True, 0.1)
    bench.breaker.report(trials[1], False, 2.0)
    assert bench.state is State.OPEN
    assert bench.moves[-1].reason is Reason.PROBE_FAILED
    assert bench.moves[-1].evidence == (("ok", 0.0), ("seconds", 2.0))
    assert bench.refusal() == ("open", 222.0)


def test_a_trial_that_ends_after_the_breaker_reopened_is_discarded() -> None:
    bench = Bench(half_open_trials=2)
    trials = [bench.half_open(), bench.permit()]
    bench.breaker.report(trials[0], False, 0.1)
    bench.clock.advance(60)
    bench.permit()
    bench.breaker.report(trials[1], False, 0.1)
    assert bench.state is State.HALF_OPEN
    assert bench.breaker.trials_in_flight == 1


def test_a_slow_trial_fails_where_slow_calls_are_watched() -> None:
    rule = {"slow_call_rate": 1.0, "slow_call_seconds": 1.0}
    bench = Bench(**rule)
    bench.breaker.report(bench.half_open(), True, 1.5)
    assert bench.state is State.OPEN
    assert bench.moves[-1].evidence == (("ok", 1.0), ("seconds", 1.5))


def test_a_trial_that_takes_just_as_long_as_a_slow_call_is_none() -> None:
    bench = Bench(slow_call_rate=1.0, slow_call_seconds=1.0)
    bench.breaker.report(bench.half_open(), True, 1.0)
    assert bench.state is State.CLOSED


def test_an_abandoned_trial_frees_its_place_and_judges_nothing() -> None:
    bench = Bench()
    bench.breaker.abandon(bench.half_open())
    for _ in range(100):
        bench.breaker.abandon(bench.permit())
    assert bench.state is State.HALF_OPEN
    assert bench.breaker.trials_in_flight == 0
    bench.calls(".")
    assert bench.state is State.CLOSED


@pytest.mark.parametrize("first", ["success", "abandon"])
@pytest.mark.parametrize("second", ["success", "failure", "abandon"])
def test_a_trial_ends_once_and_a_second_end_is_discarded(first: str, second: str) -> None:
    bench = Bench(half_open_trials=3)
    trial = bench.half_open()
    for end in (first, second):
        if end == "abandon":
            bench.breaker.abandon(trial)
        else:
            bench.breaker.report(trial, end == "success", 0.1)
    assert bench.state is State.HALF_OPEN
    assert bench.breaker.trials_in_flight == 0
    assert bench.breaker.trials_succeeded == (1 if first == "success" else 0)


@pytest.mark.parametrize("window", [{"window_calls": 10}, {"window_seconds": 1000.0}])
def test_after_it_closed_again_the_windows_are_empty(window: dict[str, Any]) -> None:
    bench = Bench(failure_rate=0.5, minimum_calls=10, **window)
    bench.calls("....xxxxx")
    bench.clock.advance(60)
    bench.calls(".")
    assert bench.state is State.CLOSED
    bench.calls("....xxxx")
    assert bench.state is State.CLOSED
    assert bench.breaker.window is not None
    assert bench.breaker.window.calls() == 8


# the table


def consecutive(bench: Bench) -> None:
    bench.calls("xx")


def rate(bench: Bench) -> None:
    bench.calls("x.x.")


def slow(bench: Bench) -> None:
    bench.calls("....", seconds=9.0)


def time_over(bench: Bench) -> None:
    consecutive(bench)
    bench.clock.advance(60)
    bench.permit()


def probe_failed(bench: Bench) -> None:
    consecutive(bench)
    bench.clock.advance(60)
    bench.calls("x")


def probe_succeeded(bench: Bench) -> None:
    consecutive(bench)
    bench.clock.advance(60)
    bench.calls(".")


STORIES: dict[tuple[State, Reason], Callable[[Bench], None]] = {
    (State.CLOSED, Reason.CONSECUTIVE_FAILURES): consecutive,
    (State.CLOSED, Reason.FAILURE_RATE): rate,
    (State.CLOSED, Reason.SLOW_CALLS): slow,
    (State.OPEN, Reason.OPEN_TIME_OVER): time_over,
    (State.HALF_OPEN, Reason.PROBE_FAILED): probe_failed,
    (State.HALF_OPEN, Reason.PROBES_SUCCEEDED): probe_succeeded,
}
EVERY_RULE = BreakerConfig(
    consecutive_failures=2,
    failure_rate=0.5,
    slow_call_rate=1.0,
    slow_call_seconds=5.0,
    window_calls=4,
    minimum_calls=4,
)


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda row: "-".join(part.name for part in row))
def test_every_row_of_the_table_can_be_reached(row: tuple[State, Reason]) -> None:
    bench = Bench(EVERY_RULE)
    STORIES[row](bench)
    last = bench.moves[-1]
    assert ((last.source, last.reason), last.target) == (row, TRANSITIONS[row])
    assert bench.state is TRANSITIONS[row]


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda row: "-".join(part.name for part in row))
def test_no_transition_goes_past_the_table(
    row: tuple[State, Reason], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = 7
    targets = list(breaker_module.TARGETS)
    targets[row[1]] = nowhere
    monkeypatch.setattr(breaker_module, "TARGETS", tuple(targets))
    bench = Bench(EVERY_RULE)
    STORIES[row](bench)
    assert bench.breaker.state == nowhere


def test_each_reason_leads_from_one_state_only() -> None:
    """So that a table of targets, one for each reason, says the same."""
    assert sorted(reason for _, reason in TRANSITIONS) == list(Reason)
    assert list(breaker_module.TARGETS) == [
        TRANSITIONS[row] for row in sorted(TRANSITIONS, key=lambda row: row[1])
    ]


def test_the_diagram_has_one_arrow_for_every_row_and_no_other() -> None:
    arrows = [line for line in diagram().splitlines() if "-->" in line and "[*]" not in line]
    assert len(arrows) == len(TRANSITIONS)
    for (source, reason), target in TRANSITIONS.items():
        words = reason.label.replace("_", " ")
        assert f"    {source.name} --> {target.name}: {words}" in arrows


def test_the_watcher_sees_the_breaker_after_the_move() -> None:
    seen: list[tuple[int, int]] = []

    class Watcher(BreakerWatcher):
        def breaker_moved(self, state: int, reason: int, seen_1: float, seen_2: float) -> None:
            assert (state, reason) == (State.OPEN, Reason.CONSECUTIVE_FAILURES)
            seen.append((breaker.state, breaker.generation))

    breaker = CircuitBreaker(BreakerConfig(consecutive_failures=1), ManualClock(), Watcher())
    breaker.report(breaker.admit(), False, 0.1)
    assert seen == [(State.OPEN, 2)]


def test_a_breaker_works_without_a_watcher() -> None:
    breaker = CircuitBreaker(BreakerConfig(consecutive_failures=1), ManualClock())
    breaker.report(breaker.admit(), False, 0.1)
    assert breaker.state == State.OPEN


class CountingClock:
    """A clock that counts how often it is read."""

    def __init__(self) -> None:
        self.time = 0.0
        self.reads = 0

    @property
    def now(self) -> float:
        self.reads += 1
        return self.time


@pytest.mark.parametrize("name", PRESETS)
def test_a_call_reads_the_clock_at_most_once(name: str) -> None:
    dice = random.Random(7)
    clock = CountingClock()
    breaker = CircuitBreaker(PRESETS[name], clock)
    states = set()
    for _ in range(5_000):
        clock.reads = 0
        admitted = breaker.admit()
        assert clock.reads <= 1
        states.add(State(breaker.state))
        if admitted != REFUSED:
            clock.reads = 0
            breaker.report(admitted, dice.random() < 0.6, 0.1)
            assert clock.reads <= 1
        clock.time += 0.25
    assert states == set(State)


# configuration


@pytest.mark.parametrize(
    ("preset", "before", "seconds"),
    [
        ("gobreaker", "xxxxx", 60.0),  # six failures in a row
        ("polly", "." * 90 + "x" * 9, 5.0),  # a tenth of a hundred calls
        ("linkerd", "xxxxxx", 1.0),  # seven in a row
    ],
)
def test_a_preset_opens_at_its_last_failure_for_its_time(
    preset: str, before: str, seconds: float
) -> None:
    bench = Bench(PRESETS[preset])
    bench.calls(before)
    assert bench.state is State.CLOSED
    bench.calls("x")
    assert bench.refusal() == ("open", 100.0 + seconds)


def test_the_preset_resilience4j_opens_at_half_of_a_hundred_and_wants_ten_trials() -> None:
    bench = Bench(PRESETS["resilience4j"])
    bench.calls("x." * 49 + "x")
    assert bench.state is State.CLOSED
    bench.calls(".")
    assert bench.state is State.OPEN
    bench.clock.advance(60)
    bench.calls("." * 9)
    assert bench.state is State.HALF_OPEN
    bench.calls(".")
    assert bench.state is State.CLOSED


def test_the_preset_finagle_opens_by_either_of_its_rules() -> None:
    in_a_row = Bench(PRESETS["finagle"])
    in_a_row.calls("." * 30 + "xxxxx")
    assert in_a_row.moves[-1].reason is Reason.CONSECUTIVE_FAILURES
    by_rate = Bench(PRESETS["finagle"])
    by_rate.calls("....x")
    assert by_rate.moves[-1].reason is Reason.FAILURE_RATE


RATE: dict[str, Any] = {"failure_rate": 0.5}
SLOW: dict[str, Any] = {"slow_call_rate": 0.5}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"consecutive_failures": 0}, "consecutive_failures must be a whole number >= 1, got 0"),
        ({"consecutive_failures": 2.5}, "consecutive_failures must be a whole number"),
        ({"consecutive_failures": True}, "consecutive_failures must be a whole number"),
        ({"consecutive_failures": None}, "failure_rate or slow_call_rate must be set, got None"),
        ({"failure_rate": 0}, "failure_rate must be a number > 0, got 0"),
        ({"failure_rate": 1.2}, "failure_rate must be in 0..1, got 1.2"),
        ({"failure_rate": float("nan")}, "failure_rate must be"),
        ({"failure_rate": "50%"}, "failure_rate must be .* got '50%'"),
        ({"slow_call_rate": -0.1, "slow_call_seconds": 1}, "slow_call_rate must be .* got -0.1"),
        (SLOW, "slow_call_seconds must be a number > 0, got None"),
        ({"slow_call_seconds": 0}, "slow_call_seconds must be a number > 0, got 0"),
        ({"window_calls": 0}, "window_calls must be a whole number >= 1, got 0"),
        ({"minimum_calls": 0}, "minimum_calls must be a whole number >= 1, got 0"),
        ({"half_open_trials": 0}, "half_open_trials must be a whole number >= 1, got 0"),
        ({"open_seconds": 0}, "open_seconds must be a number > 0, got 0"),
        ({"open_seconds": float("inf")}, "open_seconds must be a number > 0, got inf"),
        ({"window_seconds": 0, **RATE}, "window_seconds must be a number >= 0.001, got 0"),
        (
            {"window_calls": 20, **RATE},
            r"minimum_calls must be at most window_calls \(20\), got 100",
        ),
    ],
)
def test_a_configuration_that_breaks_a_rule_names_it(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^circuit breaker: .*{message}"):
        BreakerConfig(**changes)


def test_a_window_that_no_rule_looks_at_need_not_fit() -> None:
    assert BreakerConfig(window_calls=20).window_calls == 20
    assert BreakerConfig(window_calls=20, window_seconds=30, **RATE).minimum_calls == 100


def test_a_breaker_in_the_place_of_another_is_deaf_to_what_that_one_let_through() -> None:
    clock = ManualClock()
    config = BreakerConfig(consecutive_failures=1)
    old = CircuitBreaker(config, clock)
    permit = old.admit()
    assert permit != REFUSED
    new = CircuitBreaker(config, clock, generation=old.generation + 1)
    new.report(permit, ok=False, seconds=0.0)
    assert new.state == State.CLOSED


def test_a_trial_of_the_breaker_before_is_no_trial_of_the_one_in_its_place() -> None:
    old = Bench(half_open_trials=2)
    trial = old.half_open()
    new = CircuitBreaker(BreakerConfig(), old.clock, generation=old.breaker.generation + 1)
    for _ in range(5):
        new.report(new.admit(), False, 0.1)
    old.clock.advance(60)
    assert is_trial(new.admit())
    new.report(trial, True, 0.1)
    new.report(trial, False, 0.1)
    assert (new.state, new.trials_in_flight) == (State.HALF_OPEN, 1)
