"""The circuit breaker against a naive model of it, in random stories.

The model keeps every call it ever saw and counts again from the beginning each time. It knows
nothing of generations, running counts or ring buffers. Times are multiples of 1/16 s and windows
are cut at multiples of 1/8 s, so that neither side has anything to round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from meshlab.kernel.clock import ManualClock
from meshlab.policies.breaker import (
    REFUSED,
    TRANSITIONS,
    BreakerConfig,
    BreakerWatcher,
    CircuitBreaker,
    Reason,
    State,
    Transition,
    transition,
)
from meshlab.policies.windows import BUCKETS, CountWindow, TimeWindow

TICK = 1 / 16
ticks = st.integers(0, 200).map(lambda n: n * TICK)
durations = st.sampled_from([0.0, 0.5, 1.0, 1.0625, 3.0])
limits = st.one_of(st.none(), st.integers(1, 5))
shares = st.one_of(st.none(), st.sampled_from([0.1, 0.25, 0.5, 2 / 3, 1.0]))


@st.composite
def configs(draw: st.DrawFn) -> BreakerConfig:
    """Small limits, so that short stories reach every state."""
    consecutive, failures, slow = draw(limits), draw(shares), draw(shares)
    assume((consecutive, failures, slow) != (None, None, None))
    minimum = draw(st.integers(1, 6))
    return BreakerConfig(
        consecutive_failures=consecutive,
        failure_rate=failures,
        slow_call_rate=slow,
        slow_call_seconds=1.0,
        minimum_calls=minimum,
        window_calls=draw(st.integers(minimum, 8)),
        window_seconds=draw(st.sampled_from([None, 1.25, 5.0])),
        open_seconds=draw(st.sampled_from([TICK, 1.0, 4.0])),
        half_open_trials=draw(st.integers(1, 4)),
    )


@dataclass(eq=False)
class Token:
    """What the model remembers of one permit."""

    era: int
    trial: bool
    permit: int
    end: str | None = None


@dataclass
class Model:
    """A circuit breaker that remembers everything and is in no hurry."""

    config: BreakerConfig
    began: float
    state: State = State.CLOSED
    opened: float = 0.0
    era: int = 0
    calls: list[tuple[float, bool, bool]] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    moves: list[Transition] = field(default_factory=list)

    def move(self, now: float, target: State, reason: Reason, **numbers: float) -> None:
        evidence = tuple((name, float(number)) for name, number in numbers.items())
        self.moves.append(Transition(now, self.state, target, reason, evidence))
        self.state = target
        self.era += 1
        self.calls = []
        self.began = now
        if target is State.OPEN:
            self.opened = now

    def trials(self, end: str | None) -> int:
        return sum(t.era == self.era and t.trial and t.end == end for t in self.tokens)

    def refusal(self, now: float) -> str | None:
        """Why a call must not go out now, if it must not."""
        if self.state is State.OPEN:
            if now < self.opened + self.config.open_seconds:
                return "open"
            waited = now - self.opened
            self.move(now, State.HALF_OPEN, Reason.OPEN_TIME_OVER, open_seconds=waited)
        if self.state is State.HALF_OPEN:
            busy = self.trials(None) + self.trials("good")
            return "trials in flight" if busy >= self.config.half_open_trials else None
        return None

    def end(self, token: Token, now: float, end: str, seconds: float) -> None:
        if token.end is not None:
            return
        slow = self.config.slow_call_rate is not None and seconds > 1.0
        if token.trial and end == "good" and slow:
            end = "slow"
        token.end = end
        if token.era != self.era or end == "abandoned":
            return
        if not token.trial:
            self.calls.append((now, end == "bad", slow))
            self.judge(now)
        elif end == "good":
            if self.trials("good") == self.config.half_open_trials:
                good = self.config.half_open_trials
                self.move(now, State.CLOSED, Reason.PROBES_SUCCEEDED, trials_succeeded=good)
        else:
            ok = end == "slow"
            self.move(now, State.OPEN, Reason.PROBE_FAILED, ok=ok, seconds=seconds)

    def judge(self, now: float) -> None:
        config = self.config
        in_a_row = 0
        for _, failed, _ in self.calls:
            in_a_row = in_a_row + 1 if failed else 0
        if config.consecutive_failures is not None and in_a_row >= config.consecutive_failures:
            why = Reason.CONSECUTIVE_FAILURES
            return self.move(now, State.OPEN, why, consecutive_failures=in_a_row)
        seen = self.remembered(now)
        if len(seen) < config.minimum_calls:
            return None
        bad = sum(failed for _, failed, _ in seen)
        slow = sum(slow for _, _, slow in seen)
        if config.failure_rate is not None and bad / len(seen) >= config.failure_rate:
            numbers = {"failures": bad, "calls": len(seen)}
            return self.move(now, State.OPEN, Reason.FAILURE_RATE, **numbers)
        if config.slow_call_rate is not None and slow / len(seen) >= config.slow_call_rate:
            numbers = {"slow_calls": slow, "calls": len(seen)}
            return self.move(now, State.OPEN, Reason.SLOW_CALLS, **numbers)
        return None

    def remembered(self, now: float) -> list[tuple[float, bool, bool]]:
        if self.config.window_seconds is None:
            return self.calls[-self.config.window_calls :]
        return recount(self.calls, self.began, self.config.window_seconds)


def recount(
    calls: list[tuple[float, bool, bool]], began: float, seconds: float
) -> list[tuple[float, bool, bool]]:
    """The calls in a time window after the last of them, counted again from the beginning.

    Buckets are numbered from ``began``. A pause that outlasts the whole window after the end of a
    bucket begins the numbering anew.
    """
    width = seconds / BUCKETS
    numbered: list[tuple[int, tuple[float, bool, bool]]] = []
    number = 0
    for call in calls:
        end_of_bucket = began + (number + 1) * width
        if call[0] - end_of_bucket >= seconds:
            numbered, began = [], call[0]
        number = math.floor((call[0] - began) / width)
        numbered.append((number, call))
    return [call for its_number, call in numbered if its_number > number - BUCKETS]


def picture(breaker: CircuitBreaker) -> dict[str, Any]:
    """Everything a breaker knows, copied."""
    slots = {name: copied(getattr(breaker, name)) for name in CircuitBreaker.__slots__}
    window = slots.pop("window")
    if window is not None:
        for name in type(window).__slots__:
            slots[f"window.{name}"] = copied(getattr(window, name))
    return slots


def copied(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value


class Diary(BreakerWatcher):
    """Writes down every move of a breaker."""

    def __init__(self, config: BreakerConfig, clock: ManualClock) -> None:
        self.clock = clock
        self.moves: list[Transition] = []
        self.breaker = CircuitBreaker(config, clock, self)

    def breaker_moved(self, state: int, reason: int, seen_1: float, seen_2: float) -> None:
        self.moves.append(transition(self.clock.now, reason, seen_1, seen_2))


class Story(RuleBasedStateMachine):
    """Calls come and end in any order, time passes, and model and breaker must agree."""

    @initialize(config=configs())
    def begin(self, config: BreakerConfig) -> None:
        self.config = config
        self.clock = ManualClock(8.0)
        diary = Diary(config, self.clock)
        self.moves, self.breaker = diary.moves, diary.breaker
        self.model = Model(config, self.clock.now)

    def is_late(self, token: Token) -> bool:
        return token.era != self.model.era or (token.trial and token.end is not None)

    def late(self) -> list[Token]:
        return [token for token in self.model.tokens if self.is_late(token)]

    def under_way(self) -> list[Token]:
        return [t for t in self.model.tokens if t.end is None and not self.is_late(t)]

    def end(self, token: Token, end: str, seconds: float) -> None:
        if end == "abandoned":
            self.breaker.abandon(token.permit)
        else:
            self.breaker.report(token.permit, end == "good", seconds)

    @rule(times=st.integers(1, 4))
    def admit(self, times: int) -> None:
        for _ in range(times):
            foreseen = self.breaker.refusal
            refusal = self.model.refusal(self.clock.now)
            admitted = self.breaker.admit()
            assert foreseen == (refusal or "")
            if refusal is not None:
                due = self.model.opened + self.config.open_seconds
                assert (admitted, self.breaker.refusal) == (REFUSED, refusal)
                assert refusal != "open" or self.breaker.retry_at == due
            else:
                assert admitted != REFUSED
                trial = admitted < 0
                assert trial == (self.model.state is State.HALF_OPEN)
                self.model.tokens.append(Token(self.model.era, trial, admitted))

    @rule(data=st.data(), end=st.sampled_from(["good", "bad", "abandoned"]), seconds=durations)
    @precondition(lambda self: self.under_way())
    def a_call_ends(self, data: st.DataObject, end: str, seconds: float) -> None:
        token = data.draw(st.sampled_from(self.under_way()))
        self.end(token, end, seconds)
        self.model.end(token, self.clock.now, end, seconds)

    @rule(
        ends=st.lists(st.sampled_from(["good", "bad"]), min_size=1, max_size=8), seconds=durations
    )
    @precondition(lambda self: self.model.state is State.CLOSED)
    def calls_come_and_end(self, ends: list[str], seconds: float) -> None:
        for end in ends:
            if self.model.state is State.CLOSED:
                self.admit(1)
                token = self.model.tokens[-1]
                self.end(token, end, seconds)
                self.model.end(token, self.clock.now, end, seconds)

    @rule(data=st.data(), end=st.sampled_from(["good", "bad", "abandoned"]), seconds=durations)
    @precondition(lambda self: self.late())
    def a_late_end_changes_nothing(self, data: st.DataObject, end: str, seconds: float) -> None:
        token = data.draw(st.sampled_from(self.late()))
        before = picture(self.breaker)
        self.end(token, end, seconds)
        assert picture(self.breaker) == before

    @rule(seconds=ticks)
    def time_passes_and_nobody_calls(self, seconds: float) -> None:
        before = picture(self.breaker)
        self.clock.advance(seconds)
        assert self.breaker.state == self.model.state
        assert picture(self.breaker) == before

    @rule()
    @precondition(lambda self: self.model.state is State.OPEN)
    def the_open_time_passes(self) -> None:
        self.time_passes_and_nobody_calls(self.config.open_seconds)

    @rule()
    @precondition(lambda self: self.model.state is State.HALF_OPEN)
    def the_service_has_recovered(self) -> None:
        while self.model.state is State.HALF_OPEN:
            self.admit(1)
            for token in self.under_way():
                self.end(token, "good", 0.5)
                self.model.end(token, self.clock.now, "good", 0.5)

    @rule()
    @precondition(lambda self: self.model.trials(None))
    def all_trials_are_abandoned(self) -> None:
        for token in self.model.tokens:
            if token.trial and not self.is_late(token):
                self.end(token, "abandoned", 0.0)
                self.model.end(token, self.clock.now, "abandoned", 0.0)
        assert self.breaker.trials_in_flight == 0

    @invariant()
    def both_are_in_the_same_state(self) -> None:
        assert self.breaker.state == self.model.state
        assert self.moves == self.model.moves

    @invariant()
    def trials_never_leak_and_never_exceed_the_limit(self) -> None:
        assert self.breaker.trials_in_flight == self.model.trials(None)
        assert 0 <= self.breaker.trials_in_flight <= self.config.half_open_trials

    @invariant()
    def every_transition_stands_in_the_table_with_its_numbers(self) -> None:
        for move in self.moves[-1:]:
            assert TRANSITIONS[move.source, move.reason] is move.target
            assert move.evidence
            assert all(isinstance(number, float) for _, number in move.evidence)

    @invariant()
    def each_transition_begins_where_the_last_one_ended(self) -> None:
        states = [State.CLOSED, *(move.target for move in self.moves)]
        assert [move.source for move in self.moves] == states[:-1]


@pytest.mark.slow
def test_the_breaker_tells_the_same_story_as_the_naive_model() -> None:
    run_state_machine_as_test(
        Story, settings=settings(max_examples=200, stateful_step_count=40, deadline=None)
    )


outcomes = st.tuples(st.booleans(), st.booleans())


@given(size=st.integers(1, 12), calls=st.lists(outcomes, max_size=60))
def test_a_count_window_equals_a_recount_of_the_last_calls(
    size: int, calls: list[tuple[bool, bool]]
) -> None:
    window = CountWindow(size)
    for i, (failed, slow) in enumerate(calls):
        window.add(float(i), failed, slow)
        last = calls[: i + 1][-size:]
        assert window.calls() == len(last)
        assert window.failures() == sum(failed for failed, _ in last)
        assert window.slow() == sum(slow for _, slow in last)


@given(
    seconds=st.sampled_from([1.25, 5.0, 10.0]),
    began=ticks,
    calls=st.lists(st.tuples(ticks, st.booleans(), st.booleans()), max_size=60),
)
def test_a_time_window_equals_a_recount_of_its_buckets(
    seconds: float, began: float, calls: list[tuple[float, bool, bool]]
) -> None:
    window = TimeWindow(seconds, began)
    seen: list[tuple[float, bool, bool]] = []
    now = began
    for pause, failed, slow in calls:
        now += pause / 16
        seen.append((now, failed, slow))
        window.add(now, failed, slow)
        last = recount(seen, began, seconds)
        assert window.calls() == len(last)
        assert window.failures() == sum(failed for _, failed, _ in last)
        assert window.slow() == sum(slow for _, _, slow in last)


@given(
    seconds=st.floats(0.001, 1000),
    began=st.floats(0, 1e6),
    calls=st.lists(st.tuples(st.floats(0, 300), st.booleans()), max_size=60),
)
def test_a_time_window_reaches_back_between_nine_and_ten_tenths_of_it(
    seconds: float, began: float, calls: list[tuple[float, bool]]
) -> None:
    window = TimeWindow(seconds, began)
    seen: list[tuple[float, bool]] = []
    now = began
    slack = 1e-9 * (began + seconds + 300 * 60)
    for pause, failed in calls:
        now += pause
        seen.append((now, failed))
        window.add(now, failed, False)
        surely = [f for t, f in seen if t > now - 0.9 * seconds + slack]
        perhaps = [f for t, f in seen if t > now - seconds - slack]
        assert len(surely) <= window.calls() <= len(perhaps)
        assert sum(surely) <= window.failures() <= sum(perhaps)
