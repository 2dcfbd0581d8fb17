"""Retry budgets: each against a brute-force account of its rule, and all as a caller uses them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.kernel.clock import ManualClock
from meshlab.model import ConfigError
from meshlab.policies.budget import (
    BUDGETS,
    Budget,
    BudgetConfig,
    ConcurrentRetryBudget,
    GrpcRetryThrottle,
    MaxRetries,
    TokenRetryBudget,
)
from meshlab.policies.token_budget import SLICES

CONFIGS = [
    ConcurrentRetryBudget(),
    ConcurrentRetryBudget(budget_percent=70, min_retry_concurrency=0),
    MaxRetries(),
    TokenRetryBudget(min_retries_per_second=0.3),
    TokenRetryBudget(ratio=0.0, min_retries_per_second=0.5),
    GrpcRetryThrottle(),
    GrpcRetryThrottle(max_tokens=3, token_ratio=0.7),
]
every_budget = pytest.mark.parametrize("config", CONFIGS, ids=repr)


class Caller:
    """Uses a budget as a sidecar does: begins calls, retries and ends them, in any order."""

    def __init__(self, config: BudgetConfig) -> None:
        self.clock = ManualClock()
        self.budget: Budget = config.build(self.clock)
        self.calls = self.retries = 0

    def begin(self) -> None:
        self.budget.deposit()
        self.calls += 1

    def retry(self) -> bool:
        granted = self.budget.withdraw()
        self.retries += granted
        return granted

    def end_retry(self) -> None:
        if self.retries:
            self.budget.retry_ended()
            self.retries -= 1

    def end(self, ok: bool) -> None:
        if self.calls:
            self.budget.settle(ok)
            self.calls -= 1


STEPS: dict[str, Callable[[Caller], Any]] = {
    "begin": Caller.begin,
    "retry": Caller.retry,
    "retry ends": Caller.end_retry,
    "call succeeds": lambda caller: caller.end(True),
    "call fails": lambda caller: caller.end(False),
    "a moment": lambda caller: caller.clock.advance(0.3),
    "a while": lambda caller: caller.clock.advance(4.0),
    "very long": lambda caller: caller.clock.advance(1000.0),
}
steps = st.lists(st.sampled_from(sorted(STEPS)), max_size=80)


# --- what holds for all of them ------------------------------------------------------------------


@every_budget
@given(steps=steps)
def test_the_balance_is_the_number_of_retries_granted_in_a_row(
    config: BudgetConfig, steps: list[str]
) -> None:
    caller = Caller(config)
    for step in steps:
        STEPS[step](caller)
    balance = caller.budget.balance
    granted = [caller.retry() for _ in range(balance + 1)]
    assert granted == [True] * balance + [False]


@every_budget
@given(steps=steps)
def test_looking_at_the_balance_changes_nothing(config: BudgetConfig, steps: list[str]) -> None:
    watched, alone = Caller(config), Caller(config)
    for step in steps:
        _ = watched.budget.balance
        assert STEPS[step](watched) == STEPS[step](alone)
    assert watched.budget.balance == alone.budget.balance


@every_budget
@given(steps=steps, denials=st.integers(1, 5))
def test_a_denied_retry_leaves_the_balance_as_it_was(
    config: BudgetConfig, steps: list[str], denials: int
) -> None:
    caller = Caller(config)
    for step in steps:
        STEPS[step](caller)
    while caller.retry():
        pass
    for _ in range(denials):
        assert not caller.retry()
    assert caller.budget.balance == 0


def test_every_budget_is_known_by_its_kind() -> None:
    assert set(BUDGETS) == {"concurrent", "max_retries", "token", "grpc_throttle"}
    for kind, config in BUDGETS.items():
        assert config.kind == kind
        assert config().build(ManualClock()).withdraw()


# --- Envoy: concurrent ---------------------------------------------------------------------------


def test_the_concurrent_budget_is_a_fifth_of_the_calls_in_flight() -> None:
    caller = Caller(ConcurrentRetryBudget())
    for _ in range(100):
        caller.begin()
    assert [caller.retry() for _ in range(25)] == [True] * 20 + [False] * 5
    caller.end_retry()
    assert [caller.retry(), caller.retry()] == [True, False]


def test_the_concurrent_budget_rounds_down_but_keeps_its_floor() -> None:
    caller = Caller(ConcurrentRetryBudget(budget_percent=50, min_retry_concurrency=1))
    found = []
    for _ in range(6):
        found.append(caller.budget.balance)
        caller.begin()
    assert found == [1, 1, 1, 1, 2, 2]


def test_the_concurrent_budget_shrinks_while_calls_end() -> None:
    caller = Caller(ConcurrentRetryBudget(min_retry_concurrency=0))
    for _ in range(10):
        caller.begin()
    assert [caller.retry(), caller.retry()] == [True, True]
    for _ in range(6):
        caller.end(False)
    assert caller.budget.balance == 0  # two are in flight, none would be allowed
    caller.end_retry()
    caller.end_retry()
    assert not caller.retry()


@given(st.floats(0, 100), st.integers(0, 5), steps)
def test_retries_in_flight_never_pass_the_larger_of_share_and_floor(
    percent: float, floor: int, steps: list[str]
) -> None:
    config = ConcurrentRetryBudget(budget_percent=percent, min_retry_concurrency=floor)
    caller = Caller(config)
    for step in steps:
        in_flight = caller.retries
        allowed = max(int(percent / 100 * caller.calls), floor)
        granted = STEPS[step](caller)
        if step == "retry":
            assert granted == (in_flight < allowed)


def test_max_retries_are_three_however_many_calls_there_are() -> None:
    caller = Caller(MaxRetries())
    for _ in range(100):
        caller.begin()
    assert [caller.retry() for _ in range(5)] == [True] * 3 + [False] * 2


@given(st.integers(0, 6), steps)
def test_max_retries_looks_at_nothing_but_the_retries_in_flight(
    most: int, steps: list[str]
) -> None:
    caller = Caller(MaxRetries(max_retries=most))
    for step in steps:
        in_flight = caller.retries
        granted = STEPS[step](caller)
        if step == "retry":
            assert granted == (in_flight < most)
        assert caller.budget.balance == most - caller.retries


# --- Finagle: tokens -----------------------------------------------------------------------------


def test_a_caller_that_has_just_started_has_the_reserve() -> None:
    caller = Caller(TokenRetryBudget())  # 10 a second over 10 seconds
    assert [caller.retry() for _ in range(101)] == [True] * 100 + [False]


def test_five_calls_buy_one_retry() -> None:
    caller = Caller(TokenRetryBudget(min_retries_per_second=0))
    found = []
    for _ in range(11):
        found.append(caller.budget.balance)
        caller.begin()
    assert found == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2]


def test_a_ratio_of_two_lets_every_call_be_retried_twice() -> None:
    caller = Caller(TokenRetryBudget(ratio=2.0, min_retries_per_second=0))
    caller.begin()
    assert [caller.retry() for _ in range(3)] == [True, True, False]


def test_old_calls_are_forgotten_so_that_good_times_do_not_pay_for_a_storm() -> None:
    caller = Caller(TokenRetryBudget(min_retries_per_second=0))
    for _ in range(1000):
        caller.begin()
    caller.clock.advance(9.0)
    assert caller.budget.balance == 200
    caller.clock.advance(1.0)
    assert caller.budget.balance == 0
    assert not caller.retry()


@pytest.mark.parametrize("silence", range(10, 31))
def test_after_a_silence_of_ten_slices_or_more_nothing_is_remembered(silence: int) -> None:
    caller = Caller(TokenRetryBudget(ratio=1.0, min_retries_per_second=0))
    for _ in range(SLICES):
        caller.clock.advance(1.0)
        caller.begin()
    assert caller.budget.balance == SLICES
    caller.clock.advance(float(silence))
    caller.begin()
    assert [caller.retry(), caller.retry()] == [True, False]


@pytest.mark.parametrize(("ratio", "calls", "granted"), [(0.001, 1000, 1), (1000.0, 1, 1000)])
def test_a_token_budget_may_have_the_smallest_and_the_largest_ratio(
    ratio: float, calls: int, granted: int
) -> None:
    caller = Caller(TokenRetryBudget(ratio=ratio, min_retries_per_second=0))
    for _ in range(calls):
        assert caller.budget.balance < granted
        caller.begin()
    assert caller.budget.balance == granted


def test_old_retries_are_forgotten_too() -> None:
    caller = Caller(TokenRetryBudget(ratio=0.0, min_retries_per_second=1))
    while caller.retry():
        pass
    caller.clock.advance(9.0)
    assert caller.budget.balance == 0
    caller.clock.advance(1.0)
    assert caller.budget.balance == 10


@pytest.mark.parametrize("ttl", [2.0, 30.0])
def test_a_token_that_is_paid_in_counts_for_nine_to_ten_tenths_of_the_ttl(ttl: float) -> None:
    caller = Caller(TokenRetryBudget(ratio=1.0, ttl_seconds=ttl, min_retries_per_second=0))
    caller.clock.advance(0.95 * ttl)
    caller.begin()
    caller.clock.advance(0.89 * ttl)
    assert caller.budget.balance == 1
    caller.clock.advance(0.07 * ttl)
    assert caller.budget.balance == 0
    assert not caller.retry()


@pytest.mark.parametrize("ttl", [2.0, 30.0])
def test_a_token_that_is_taken_out_is_missed_for_nine_to_ten_tenths_of_the_ttl(ttl: float) -> None:
    caller = Caller(TokenRetryBudget(ratio=0.0, ttl_seconds=ttl, min_retries_per_second=1 / ttl))
    caller.clock.advance(0.95 * ttl)
    assert [caller.retry(), caller.retry()] == [True, False]
    caller.clock.advance(0.89 * ttl)
    assert not caller.retry()
    caller.clock.advance(0.07 * ttl)
    assert caller.budget.balance == 1
    assert [caller.retry(), caller.retry()] == [True, False]


@pytest.mark.parametrize("step", ["retry ends", "call succeeds", "call fails"])
def test_the_token_budget_cares_for_no_end(step: str) -> None:
    caller = Caller(TokenRetryBudget())
    caller.begin()
    caller.retry()
    before = caller.budget.balance
    STEPS[step](caller)
    assert caller.budget.balance == before


ledgers = st.lists(st.tuples(st.floats(0, 3), st.sampled_from(("call", "retry"))), max_size=120)
ratios = st.sampled_from((0.0, 0.1, 0.2, 0.3, 1.0, 2.5))


@given(ratios, st.integers(0, 2), ledgers)
def test_the_token_budget_agrees_with_a_recount_of_its_ten_slices(
    ratio: float, per_second: int, ledger: list[tuple[float, str]]
) -> None:
    config = TokenRetryBudget(ratio=ratio, ttl_seconds=5.0, min_retries_per_second=per_second)
    caller = Caller(config)
    calls: list[int] = []  # the numbers of the half-second slices in which they began
    retries: list[int] = []
    for pause, event in ledger:
        caller.clock.advance(pause)
        now = int(caller.clock.now / 0.5)
        if event == "call":
            caller.begin()
            calls.append(now)
            continue
        paid = sum(slice_ > now - SLICES for slice_ in calls)
        spent = sum(slice_ > now - SLICES for slice_ in retries)
        cost = int(1000 / ratio) if ratio else 1
        tokens = paid * (1000 if ratio else 0) + per_second * 5 * cost - spent * cost
        granted = caller.retry()
        assert granted == (tokens >= cost)
        retries += [now] * granted


@given(ratios, st.integers(0, 3), ledgers)
def test_retries_in_any_ttl_are_at_most_a_share_of_the_calls_and_the_reserve(
    ratio: float, per_second: int, ledger: list[tuple[float, str]]
) -> None:
    ttl = 5.0
    config = TokenRetryBudget(ratio=ratio, ttl_seconds=ttl, min_retries_per_second=per_second)
    caller = Caller(config)
    calls: list[float] = []
    retries: list[float] = []
    for pause, event in ledger:
        caller.clock.advance(pause)
        now = caller.clock.now
        if event == "call":
            caller.begin()
            calls.append(now)
        elif caller.retry():
            retries.append(now)
            recent_calls = sum(time > now - ttl for time in calls)
            recent_retries = sum(time > now - ttl * (SLICES - 1) / SLICES for time in retries)
            # the cost of a retry is rounded down to whole tokens: a ratio of .3 is 1000 / 3333
            share = 1000 / int(1000 / ratio) if ratio else 0
            assert recent_retries <= share * recent_calls + per_second * ttl + 1e-9


def test_when_every_call_fails_for_long_a_fifth_and_ten_a_second_are_retried() -> None:
    caller = Caller(TokenRetryBudget())
    granted = []
    for call in range(12_000):  # a hundred a second, for two minutes
        caller.clock.now = call / 100
        caller.begin()
        granted.append(caller.retry())
    steady = granted[2000:]
    assert sum(steady) / len(steady) == pytest.approx((0.2 * 100 + 10) / 100, rel=0.02)


# --- gRPC: throttle ------------------------------------------------------------------------------


def test_retries_stop_at_half_of_the_tokens() -> None:
    caller = Caller(GrpcRetryThrottle())
    granted = []
    for _ in range(8):
        caller.begin()
        granted.append(caller.retry())
        caller.end(ok=granted[-1])  # a retry succeeds, a call that gets none fails
    # Each failure costs 1 and each success earns .1: 10, 9.1, 8.2, 7.3, 6.4, 5.5, and then 4.5.
    assert granted == [True] * 5 + [False] * 3


def test_a_throttle_recovers_as_slowly_as_successes_come() -> None:
    caller = Caller(GrpcRetryThrottle())
    for _ in range(5):
        caller.begin()
        caller.end(False)
    successes = 0
    while not caller.budget.balance:
        caller.begin()
        caller.end(True)
        successes += 1
    assert successes == 11  # from 5 to above 6: the failure that asks for a retry costs one itself


def test_the_level_stays_between_nothing_and_the_maximum() -> None:
    caller = Caller(GrpcRetryThrottle(max_tokens=4, token_ratio=1.0))
    full = caller.budget.balance
    for ok, count in ((True, 9), (False, 9)):
        for _ in range(count):
            caller.begin()
            caller.end(ok)
        if ok:
            assert caller.budget.balance == full
    for _ in range(3):  # from nothing to 3 of 4: a failure leaves 2, which is half
        caller.begin()
        caller.end(True)
    assert caller.budget.balance == 0
    caller.begin()
    caller.end(True)
    assert caller.budget.balance == full == 1


def successes_from_nothing(ratio: float) -> int:
    """How many successes a throttle of 1,000 tokens that has none needs to grant a retry again."""
    caller = Caller(GrpcRetryThrottle(max_tokens=1000, token_ratio=ratio))
    for _ in range(1000):
        caller.begin()
        caller.end(False)
    successes = 0
    while not caller.budget.balance:
        caller.begin()
        caller.end(True)
        successes += 1
    return successes


@pytest.mark.parametrize(
    ("ratio", "thousandths"),
    [
        (0.5466, 546),  # the example of A6
        (0.5469999, 546),
        (0.001, 1),
        (0.0019, 1),
        (0.57, 570),  # 0.57 * 1000 is less than 570 in floating point
        (1.001, 1001),
        (3, 3000),
        (1e12, 1_000_000),  # more than the maximum is the maximum
    ],
)
def test_of_a_token_ratio_three_decimal_places_count(ratio: float, thousandths: int) -> None:
    above = 501_000  # half, and the failure that asks for the retry
    assert successes_from_nothing(ratio) == above // thousandths + 1


calls = st.lists(st.lists(st.booleans(), min_size=4, max_size=4), max_size=60)


@given(st.integers(1, 12), st.sampled_from((0.1, 0.25, 0.5, 1.0, 2.0)), calls)
def test_every_failed_try_counts_once_as_in_the_proposal(
    most: int, ratio: float, calls: list[list[bool]]
) -> None:
    caller = Caller(GrpcRetryThrottle(max_tokens=most, token_ratio=ratio))
    tokens = float(most)
    for tries in calls:
        caller.begin()
        for attempt, ok in enumerate(tries, 1):
            # A6: every failed RPC costs 1, every success earns the ratio, half stops retries
            tokens = min(tokens + ratio, most) if ok else max(tokens - 1, 0.0)
            if ok or attempt == len(tries):
                caller.end(ok)
                break
            granted = caller.retry()
            assert granted == (round(tokens, 6) > most / 2)
            if not granted:
                caller.end(False)
                break
            caller.end_retry()


# --- what they refuse ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "wrong", "message"),
    [
        (
            ConcurrentRetryBudget,
            {"budget_percent": 140},
            "concurrent retry budget: budget_percent must be in 0..100, got 140.0",
        ),
        (
            ConcurrentRetryBudget,
            {"budget_percent": 100.5},
            "concurrent retry budget: budget_percent must be in 0..100, got 100.5",
        ),
        (
            ConcurrentRetryBudget,
            {"min_retry_concurrency": -1},
            "concurrent retry budget: min_retry_concurrency must be a whole number >= 0, got -1",
        ),
        (
            MaxRetries,
            {"max_retries": 0.5},
            "max retries: max_retries must be a whole number >= 0, got 0.5",
        ),
        (
            TokenRetryBudget,
            {"ratio": -0.2},
            "token retry budget: ratio must be 0 or in 0.001..1000, got -0.2",
        ),
        (
            TokenRetryBudget,
            {"ratio": 1e-9},
            "token retry budget: ratio must be 0 or in 0.001..1000, got 1e-09",
        ),
        (
            TokenRetryBudget,
            {"ttl_seconds": 0},
            "token retry budget: ttl_seconds must be a number >= 0.001, got 0.0",
        ),
        (
            TokenRetryBudget,
            {"min_retries_per_second": -1},
            "token retry budget: min_retries_per_second must be a number >= 0, got -1.0",
        ),
        (
            GrpcRetryThrottle,
            {"max_tokens": 0},
            "gRPC retry throttle: max_tokens must be a whole number >= 1, got 0",
        ),
        (
            GrpcRetryThrottle,
            {"max_tokens": 1001},
            "gRPC retry throttle: max_tokens must be in 1..1000, got 1001",
        ),
        (
            GrpcRetryThrottle,
            {"max_tokens": 10.5},
            "gRPC retry throttle: max_tokens must be a whole number >= 1, got 10.5",
        ),
        (
            GrpcRetryThrottle,
            {"token_ratio": 0.0009},
            "gRPC retry throttle: token_ratio must be a number >= 0.001, got 0.0009",
        ),
        (
            GrpcRetryThrottle,
            {"token_ratio": 0.0},
            "gRPC retry throttle: token_ratio must be a number >= 0.001, got 0.0",
        ),
    ],
)
def test_a_budget_refuses_what_makes_no_sense(
    config: type[BudgetConfig], wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        config(**wrong)
    assert str(error.value) == message


# ---- a budget that comes when calls are in flight


@every_budget
def test_a_budget_that_takes_over_survives_the_end_of_what_it_took_over(
    config: BudgetConfig,
) -> None:
    budget: Budget = config.build(ManualClock())
    fresh = budget.balance
    budget.take_over(calls=20, retries=3)
    for _ in range(3):
        budget.retry_ended()
    for _ in range(20):
        budget.settle(ok=True)
    assert budget.balance == fresh


@pytest.mark.parametrize(("percent", "granted"), [(0.0, 0), (50.0, 4), (100.0, 9)])
def test_a_call_that_ends_takes_its_own_share_along_and_no_other(
    percent: float, granted: int
) -> None:
    caller = Caller(ConcurrentRetryBudget(budget_percent=percent, min_retry_concurrency=0))
    for _ in range(10):
        caller.begin()
    caller.end(True)
    assert caller.budget.balance == granted


def test_a_concurrent_budget_counts_what_it_took_over() -> None:
    budget = ConcurrentRetryBudget(budget_percent=50.0, min_retry_concurrency=0).build(
        ManualClock()
    )
    budget.take_over(calls=10, retries=4)
    assert [budget.withdraw(), budget.withdraw()] == [True, False]
