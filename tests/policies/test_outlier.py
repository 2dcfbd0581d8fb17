"""Outlier detection: who is ejected, when, for how long, and who comes back, as Envoy does it."""

import statistics
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.kernel.clock import ManualClock
from meshlab.model import ConfigError
from meshlab.policies.cluster import Cluster
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.outlier import (
    EVIDENCE,
    Cause,
    OutlierDetection,
    OutlierDetector,
    OutlierWatcher,
)
from meshlab.policies.success_rates import ejection_threshold

EVERYONE: dict[str, Any] = {"max_ejection_percent": 100}


@dataclass(frozen=True)
class Ejection:
    """An endpoint was ejected at ``time`` (s); it returns at the first tick from ``until`` on."""

    time: float
    endpoint: str
    reason: str
    until: float
    evidence: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Return:
    """An ejected endpoint came back at ``time`` (s)."""

    time: float
    endpoint: str


class Bench(OutlierWatcher):
    """A detector over endpoints a, b, c ... on a clock turned by hand; all changes written down."""

    def __init__(self, hosts: int = 3, **config: Any) -> None:
        self.clock = ManualClock()
        self.cluster = Cluster([Endpoint("abcdefghijklmnopqrst"[i]) for i in range(hosts)], 0.0)
        self.detector = OutlierDetector(OutlierDetection(**config), self.clock, self.cluster, self)
        self.changes: list[Any] = []

    def ejected(self, endpoint: Endpoint, cause: int) -> None:
        why, detector = Cause(cause), self.detector
        assert endpoint.ejected
        assert self.cluster.panic or endpoint not in self.cluster.candidates.members
        seen = (detector.seen_1, detector.seen_2, detector.seen_3)
        evidence = tuple(zip(EVIDENCE[why], seen, strict=False))
        now = self.clock.now
        self.changes.append(Ejection(now, endpoint.name, why.label, endpoint.until, evidence))

    def returned(self, endpoint: Endpoint) -> None:
        self.changes.append(Return(self.clock.now, endpoint.name))

    def heard(self) -> list[Any]:
        """What has changed since the last look."""
        changes, self.changes = self.changes, []
        return changes

    def endpoint(self, name: str) -> Endpoint:
        return next(e for e in self.cluster.endpoints if e.name == name)

    def report(self, name: str, *, good: int = 0, bad: int = 0) -> list[Ejection]:
        """``good`` successes, then ``bad`` failures; the ejections they lead to."""
        endpoint = self.endpoint(name)
        found = [self.detector.report(endpoint, ok) for ok in [True] * good + [False] * bad]
        ejections = self.heard()
        assert found.count(True) == len(ejections)
        return ejections

    def tick(self, seconds: float = 10.0) -> list[Ejection | Return]:
        """Let the time pass, then tick."""
        self.clock.advance(seconds)
        self.detector.tick()
        return self.heard()

    @property
    def away(self) -> str:
        return "".join(e.name for e in self.cluster.endpoints if e.ejected)

    @property
    def candidates(self) -> str:
        return "".join(e.name for e in self.cluster.candidates)


# --- failures in a row ---------------------------------------------------------------------------


def test_the_fifth_failure_in_a_row_ejects_at_once() -> None:
    bench = Bench()
    assert bench.report("a", bad=4) == []
    assert bench.candidates == "abc"
    bench.clock.advance(2.5)
    [ejection] = bench.report("a", bad=1)
    assert ejection == Ejection(
        time=2.5,
        endpoint="a",
        reason="consecutive_5xx",
        until=32.5,
        evidence=(("consecutive_5xx", 5.0),),
    )
    assert (bench.away, bench.candidates) == ("a", "bc")


def test_one_success_starts_the_count_anew() -> None:
    bench = Bench()
    assert bench.report("a", bad=4) == bench.report("a", good=1, bad=4) == []
    assert len(bench.report("a", bad=1)) == 1


def test_failures_of_different_endpoints_do_not_add_up() -> None:
    bench = Bench()
    assert [bench.report(name, bad=4) for name in "abc"] == [[], [], []]


def test_ticks_do_not_interrupt_a_row_of_failures() -> None:
    bench = Bench()
    bench.report("a", bad=4)
    bench.tick()
    assert len(bench.report("a", bad=1)) == 1


@pytest.mark.parametrize("late", [3, 20])
def test_late_failures_of_an_ejected_endpoint_change_nothing(late: int) -> None:
    bench = Bench(**EVERYONE)
    bench.report("a", bad=5)
    assert bench.report("a", bad=late) == []
    assert bench.tick(30) == [Return(30.0, "a")]
    assert bench.report("a", bad=4) == []  # the late ones are forgotten when it returns
    assert len(bench.report("a", bad=1)) == 1


def test_without_the_rule_no_row_is_too_long() -> None:
    bench = Bench(consecutive_5xx=None)
    assert bench.report("a", bad=500) == []


@given(st.integers(1, 6), st.lists(st.booleans(), max_size=60))
def test_a_row_is_as_long_as_a_recount_says(strikes: int, reports: list[bool]) -> None:
    bench = Bench(consecutive_5xx=strikes, success_rate_stdev_factor=None, **EVERYONE)
    since_return: list[bool] = []
    for ok in reports:
        since_return.append(ok)
        ejections = bench.report("a", good=ok, bad=not ok)
        row = since_return[-strikes:]
        assert bool(ejections) == (len(row) == strikes and not any(row))
        if ejections:
            assert bench.tick(300) == [Return(bench.clock.now, "a")]
            since_return.clear()


# --- coming back ---------------------------------------------------------------------------------


def test_an_endpoint_returns_at_a_tick_and_never_between() -> None:
    bench = Bench()
    bench.clock.advance(12.0)
    bench.report("a", bad=5)  # until 42
    assert bench.tick(28.0) == []  # at 40
    bench.clock.advance(9.0)
    bench.report("b", good=1)  # at 49, its time is over, but nobody looks
    assert bench.candidates == "bc"
    assert bench.tick(1.0) == [Return(50.0, "a")]
    assert bench.candidates == "abc"


def test_the_nth_ejection_takes_n_times_as_long_up_to_the_maximum() -> None:
    bench = Bench(max_ejection_time=100)
    lengths = []
    for _ in range(5):
        [ejection] = bench.report("a", bad=5)
        lengths.append(ejection.until - ejection.time)
        bench.clock.now = ejection.until
        assert bench.tick(0) == [Return(ejection.until, "a")]
    assert lengths == [30, 60, 90, 100, 100]


def eject_and_return(bench: Bench) -> float:
    """How long it took."""
    [ejection] = bench.report("a", bad=5)
    bench.clock.now = ejection.until
    bench.tick(0)
    return ejection.until - ejection.time


@pytest.mark.parametrize(("quiet_ticks", "seconds"), [(0, 120), (1, 90), (2, 60), (3, 30), (9, 30)])
def test_every_quiet_tick_takes_one_ejection_off_the_next(quiet_ticks: int, seconds: float) -> None:
    bench = Bench()
    for _ in range(3):
        eject_and_return(bench)
    for _ in range(quiet_ticks):
        assert bench.tick() == []
    assert eject_and_return(bench) == seconds


def test_a_long_record_is_forgotten_in_as_many_ticks_as_the_maximum_holds() -> None:
    bench = Bench()  # 300 s are ten times 30 s, and one more ejection is remembered
    for _ in range(40):
        eject_and_return(bench)
    for _ in range(11):
        bench.tick()
    assert eject_and_return(bench) == 30


@given(
    st.integers(1, 50), st.integers(0, 200), st.lists(st.integers(0, 3), min_size=1, max_size=30)
)
def test_ejection_times_are_a_multiple_of_the_base_capped_at_the_maximum(
    base: int, more: int, quiet: list[int]
) -> None:
    most = base + more
    bench = Bench(base_ejection_time=base, max_ejection_time=most)
    remembered = 0
    for ticks in quiet:
        remembered = min(remembered + 1, ceil(most / base) + 1)
        assert eject_and_return(bench) == min(base * remembered, most)
        for _ in range(ticks):
            bench.tick()
        remembered = max(0, remembered - ticks)


# --- how many ------------------------------------------------------------------------------------


def test_one_endpoint_may_always_be_ejected_but_no_second_one() -> None:
    bench = Bench(hosts=3)  # a tenth of three is less than one
    assert len(bench.report("a", bad=5)) == 1
    assert bench.report("b", bad=5) == []
    assert (bench.away, bench.detector.overflows) == ("a", 1)


def test_since_envoy_1_31_the_first_one_has_to_be_allowed() -> None:
    bench = Bench(hosts=3, always_eject_one_host=False)
    assert bench.report("a", bad=5) == []
    assert (bench.away, bench.detector.overflows) == ("", 1)


def test_after_a_forbidden_ejection_it_takes_as_many_failures_again() -> None:
    bench = Bench()
    bench.report("a", bad=5)
    bench.report("b", bad=5)
    bench.tick(30)  # a returns
    assert bench.report("b", bad=4) == []
    assert len(bench.report("b", bad=1)) == 1


@pytest.mark.parametrize(("percent", "ejected"), [(0, "a"), (10, "a"), (34, "a"), (50, "ab")])
def test_the_percentage_is_of_all_endpoints_of_the_cluster(percent: float, ejected: str) -> None:
    bench = Bench(hosts=5, max_ejection_percent=percent)
    for name in "abcde":
        bench.report(name, bad=5)
    assert bench.away == ejected


def test_at_a_hundred_percent_everyone_may_go_and_the_cluster_panics() -> None:
    bench = Bench(**EVERYONE)
    bench.cluster.panic_threshold = 0.5
    for name in "abc":
        bench.report(name, bad=5)
    assert bench.away == "abc"
    assert bench.cluster.panic
    assert bench.candidates == "abc"


# --- success rates -------------------------------------------------------------------------------


def test_the_threshold_is_that_of_the_example_in_envoys_source() -> None:
    mean, threshold = ejection_threshold([0.5, 1.0, 1.0, 1.0, 1.0], 1.9)
    assert mean == pytest.approx(0.9)
    assert threshold == pytest.approx(0.52)


rates = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(rates, st.floats(0, 4))
def test_the_threshold_is_the_mean_less_so_many_standard_deviations(
    rates: list[float], factor: float
) -> None:
    mean, threshold = ejection_threshold(rates, factor)
    expected = statistics.fmean(rates) - factor * statistics.pstdev(rates)
    assert mean == pytest.approx(statistics.fmean(rates))
    assert threshold == pytest.approx(expected, abs=1e-9)


@given(st.floats(0, 1), st.integers(1, 30), st.floats(0, 4))
def test_equals_are_never_outliers(rate: float, hosts: int, factor: float) -> None:
    _, threshold = ejection_threshold([rate] * hosts, factor)
    assert not rate < threshold


@given(st.integers(2, 30), st.floats(0.01, 1))
def test_a_single_bad_one_lies_the_root_of_the_others_below_the_mean(
    hosts: int, gap: float
) -> None:
    rates = [1.0 - gap] + [1.0] * (hosts - 1)
    for factor, outlier in ((sqrt(hosts - 1) - 1e-3, True), (sqrt(hosts - 1) + 1e-3, False)):
        _, threshold = ejection_threshold(rates, factor)
        assert (rates[0] < threshold) == outlier


def test_a_low_success_rate_ejects_at_the_tick_with_its_evidence() -> None:
    bench = Bench(hosts=5, consecutive_5xx=None)
    for name in "bcde":
        bench.report(name, good=100)
    bench.report("a", good=50, bad=50)
    assert bench.away == ""
    [ejection] = bench.tick()
    assert isinstance(ejection, Ejection)
    assert (ejection.endpoint, ejection.reason) == ("a", "success_rate")
    assert (ejection.time, ejection.until) == (10.0, 40.0)
    assert dict(ejection.evidence) == pytest.approx(
        {"success_rate": 0.5, "mean": 0.9, "threshold": 0.52}
    )
    assert bench.candidates == "bcde"


def test_the_tick_that_ejects_is_not_a_quiet_one() -> None:
    bench = Bench(hosts=5)
    for name in "abcde":
        bench.report(name, good=100, bad=3 if name == "a" else 0)
    assert len(bench.tick()) == 1
    assert bench.tick(30) == [Return(40.0, "a")]
    assert eject_and_return(bench) == 60


def test_two_bad_ones_among_five_hide_each_other() -> None:
    bench = Bench(hosts=5, consecutive_5xx=None, **EVERYONE)
    for name in "cde":
        bench.report(name, good=100)
    for name in "ab":
        bench.report(name, bad=100)
    assert bench.tick() == []


@pytest.mark.parametrize(("hosts", "requests"), [(4, 100), (5, 99)])
def test_too_few_endpoints_or_requests_say_nothing(hosts: int, requests: int) -> None:
    bench = Bench(hosts=hosts, consecutive_5xx=None, success_rate_stdev_factor=1.0)
    for endpoint in bench.cluster.endpoints[1:]:
        bench.report(endpoint.name, good=100)
    bench.report("a", bad=requests)
    assert bench.tick() == []


def test_each_interval_is_judged_by_itself() -> None:
    bench = Bench(hosts=5, consecutive_5xx=None)
    for name in "abcde":
        bench.report(name, good=60, bad=30 if name == "a" else 0)
    assert bench.tick() == []  # too few requests
    for name in "abcde":
        bench.report(name, good=60)
    assert bench.tick() == []  # too few again, and what came before is gone
    for name in "abcde":
        bench.report(name, good=0 if name == "a" else 99, bad=99 if name == "a" else 0)
    assert bench.tick() == []  # one too few, every time


def test_an_endpoint_that_was_ejected_before_anybody_watched_returns_at_the_first_tick() -> None:
    bench = Bench()
    bench.endpoint("a").ejected = True
    assert bench.tick(0.5) == [Return(0.5, "a")]


def test_without_the_rule_no_success_rate_is_too_low() -> None:
    bench = Bench(hosts=5, success_rate_stdev_factor=None)
    for name in "bcde":
        bench.report(name, good=1000)
    for _ in range(250):
        bench.report("a", bad=4)
        bench.report("a", good=1)
    assert bench.tick() == []


def test_an_ejected_endpoint_is_not_compared() -> None:
    bench = Bench(hosts=6, **EVERYONE)
    for name in "abcdef":
        bench.report(name, good=100, bad=4 if name == "a" else 0)
    bench.report("a", bad=1)
    assert bench.tick() == []  # the others are alike, and a is not among them
    assert bench.away == "a"


def test_low_success_rates_are_bounded_by_the_percentage_too() -> None:
    bench = Bench(hosts=20, consecutive_5xx=None, success_rate_stdev_factor=0.5)
    for endpoint in bench.cluster.endpoints:
        bad = 100 if endpoint.name in "abc" else 0
        bench.report(endpoint.name, good=100, bad=bad)
    assert [change.endpoint for change in bench.tick()] == ["a", "b"]
    assert bench.detector.overflows == 1


@given(st.lists(st.integers(0, 120), min_size=5, max_size=12), st.floats(0, 3))
def test_a_tick_ejects_exactly_those_below_a_direct_computation(
    failures: list[int], factor: float
) -> None:
    bench = Bench(
        hosts=len(failures), consecutive_5xx=None, success_rate_stdev_factor=factor, **EVERYONE
    )
    for endpoint, bad in zip(bench.cluster.endpoints, failures, strict=True):
        bench.report(endpoint.name, good=200 - bad, bad=bad)
    rates = [(200 - bad) / 200 for bad in failures]
    threshold = statistics.fmean(rates) - factor * statistics.pstdev(rates)
    clear = [rate for rate in rates if abs(rate - threshold) > 1e-9]
    ejected = {change.endpoint for change in bench.tick()}
    for endpoint, rate in zip(bench.cluster.endpoints, rates, strict=True):
        if rate in clear:
            assert (endpoint.name in ejected) == (rate < threshold)


# --- endpoints that come and go ------------------------------------------------------------------


def test_a_report_of_an_endpoint_that_has_left_ejects_nobody() -> None:
    bench = Bench()
    gone = bench.cluster.remove("a")
    assert [bench.detector.report(gone, False) for _ in range(9)] == [False] * 9
    assert bench.heard() == []
    assert not gone.ejected
    assert bench.detector.overflows == 0


def test_a_new_endpoint_of_an_old_name_starts_with_a_clean_record() -> None:
    bench = Bench()
    eject_and_return(bench)
    bench.report("a", bad=4)
    bench.cluster.remove("a")
    bench.tick()
    bench.cluster.add(Endpoint("a"))
    assert bench.report("a", bad=4) == []
    [ejection] = bench.report("a", bad=1)
    assert ejection.until - ejection.time == 30


def test_an_endpoint_that_left_while_ejected_returns_at_the_tick_after_it_is_back() -> None:
    bench = Bench()
    bench.report("a", bad=5)
    away = bench.cluster.remove("a")
    bench.tick()
    bench.cluster.add(away)
    assert bench.candidates == "bc"
    assert bench.tick() == [Return(20.0, "a")]


events = st.lists(
    st.tuples(st.sampled_from(("report", "tick", "add")), st.integers(0, 9), st.booleans()),
    max_size=150,
)


@given(events, st.integers(1, 5), st.sampled_from((0, 10, 30, 50, 100)), st.booleans())
def test_whatever_happens_the_ejected_share_and_the_candidates_keep_their_rules(
    events: list[tuple[str, int, bool]], hosts: int, percent: float, always_one: bool
) -> None:
    bench = Bench(
        hosts,
        consecutive_5xx=2,
        max_ejection_percent=percent,
        always_eject_one_host=always_one,
        success_rate_minimum_hosts=2,
        success_rate_request_volume=1,
        success_rate_stdev_factor=0.5,
    )
    returns: dict[str, float] = {}
    for event, number, ok in events:
        members = bench.cluster.endpoints
        changes: list[Ejection | Return] = []
        match event:
            case "report":
                changes = [*bench.report(members[number % len(members)].name, good=ok, bad=not ok)]
            case "tick":
                changes = bench.tick(1.0 + number)
            case "add" if len(members) < 9:
                bench.cluster.add(Endpoint("jklmnopqrst"[len(members)]))
        for change in changes:
            if isinstance(change, Ejection):
                assert change.endpoint not in returns
                returns[change.endpoint] = change.until
            else:
                assert event == "tick"
                assert bench.clock.now == change.time >= returns.pop(change.endpoint)
        assert set(bench.away) == set(returns)
        assert set(bench.candidates) == {e.name for e in members} - set(returns)
        share = 100 * len(returns) / len(members)
        assert share <= percent or (always_one and len(returns) == 1)


# --- what it refuses -----------------------------------------------------------------------------


def test_the_defaults_are_those_of_envoy() -> None:
    config = OutlierDetection()
    assert (config.consecutive_5xx, config.interval, config.max_ejection_percent) == (5, 10, 10)
    assert (config.base_ejection_time, config.max_ejection_time) == (30, 300)
    assert (config.success_rate_minimum_hosts, config.success_rate_request_volume) == (5, 100)
    assert config.success_rate_stdev_factor == 1.9


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"consecutive_5xx": 0}, "consecutive_5xx must be a whole number >= 1, got 0"),
        (
            {"consecutive_5xx": None, "success_rate_stdev_factor": None},
            "consecutive_5xx or success_rate_stdev_factor must be set, got None",
        ),
        ({"interval": 0}, "interval must be a number > 0, got 0.0"),
        ({"base_ejection_time": -1}, "base_ejection_time must be a number > 0, got -1.0"),
        ({"max_ejection_time": 29}, "max_ejection_time must be a number >= 30.0, got 29.0"),
        ({"max_ejection_percent": 140}, "max_ejection_percent must be in 0..100, got 140.0"),
        ({"max_ejection_percent": 100.5}, "max_ejection_percent must be in 0..100, got 100.5"),
        ({"max_ejection_percent": "10"}, "max_ejection_percent must be in 0..100, got '10'"),
        ({"always_eject_one_host": 1}, "always_eject_one_host must be a bool, got 1"),
        (
            {"success_rate_minimum_hosts": 0},
            "success_rate_minimum_hosts must be a whole number >= 1, got 0",
        ),
        (
            {"success_rate_request_volume": 0},
            "success_rate_request_volume must be a whole number >= 1, got 0",
        ),
        (
            {"success_rate_stdev_factor": -1.9},
            "success_rate_stdev_factor must be a number >= 0, got -1.9",
        ),
    ],
)
def test_outlier_detection_refuses_what_makes_no_sense(wrong: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigError) as error:
        OutlierDetection(**wrong)
    assert str(error.value) == f"outlier detection: {rule}"


def test_a_detector_works_without_a_watcher() -> None:
    clock = ManualClock()
    cluster = Cluster([Endpoint("a"), Endpoint("b")], 0.0)
    config = OutlierDetection(consecutive_5xx=1, base_ejection_time=10.0, max_ejection_percent=100)
    detector = OutlierDetector(config, clock, cluster, None)
    bad = cluster.endpoints[0]
    assert detector.report(bad, False)
    assert bad.ejected
    clock.advance(10.0)
    detector.tick()
    assert not bad.ejected
