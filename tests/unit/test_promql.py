"""rate, increase, irate and histogram_quantile answer what Prometheus answers."""

import json
import math
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.model import ConfigError
from meshlab.telemetry.promql import (
    Closed,
    bucket_quantile,
    divide,
    histogram_quantile,
    increase,
    irate,
    rate,
)
from meshlab.telemetry.series import STALE, aggregate, is_stale
from tests.record_promql import (
    RECORDED,
    TICK,
    Answer,
    Samples,
    ask,
    counter_questions,
    counters,
    histograms,
    odd_histograms,
    quantile_questions,
    version,
)

FUNCTIONS = {"rate": rate, "increase": increase, "irate": irate}
recorded = json.loads(RECORDED.read_text(encoding="utf-8"))


def one_counter(*samples: tuple[float, float]) -> pd.DataFrame:
    """A tidy frame of one unlabelled series from (time, value) pairs."""
    return pd.DataFrame(samples, columns=["time", "value"], dtype=float)


def tidy(series: dict[str, Samples], name: str) -> pd.DataFrame:
    """The frame that a scraper would have made of promtool's series."""
    rows = [
        {"time": int(tick) * TICK, **dict(re.findall(r'(\w+)="([^"]*)"', key)), "value": value}
        for key, samples in series.items()
        if key.startswith(name)
        for tick, value in samples.items()
    ]
    return pd.DataFrame(rows)


def closed_of(release: tuple[int, int]) -> Closed:
    return "left-open" if release >= (3, 0) else "left-closed"


class OurAnswers:
    """Evaluates the expressions that `tests.record_promql` asks, with meshlab's functions."""

    def __init__(self, series: dict[str, Samples], closed: Closed) -> None:
        self.closed = closed
        self.frames = {name: tidy(series, name) for name in ("c", "h_bucket", "o_bucket")}

    def answer(self, expr: str, time: float) -> Answer:
        if found := re.fullmatch(r"(\w+)\(c\[(\d+)s\]\)", expr):
            function = FUNCTIONS[found[1]]
            got = function(self.frames["c"], float(found[2]), time, closed=self.closed)
            return self.by_label(got, "i")
        found = re.match(r"histogram_quantile\((\S+), (\w+)", expr)
        assert found, expr
        q = float(found[1])
        if found[2] == "o_bucket":
            now = self.frames["o_bucket"].query("time == @time")
            return self.by_label(histogram_quantile(q, now), "i")
        rates = rate(self.frames["h_bucket"], 30, time, closed=self.closed)
        return self.by_label(histogram_quantile(q, aggregate(rates, ["group", "le"])), "group")

    @staticmethod
    def by_label(got: pd.DataFrame, label: str) -> Answer:
        texts = [f'{{{label}="{value}"}}' for value in got[label]]
        return dict(zip(texts, got["value"], strict=True))


@pytest.mark.parametrize("release", recorded["answers"])
def test_every_answer_is_the_one_that_promtool_gave(release: str) -> None:
    major, minor = map(int, release.split("."))
    ours = OurAnswers(recorded["series"], closed_of((major, minor)))
    asked = zip(recorded["questions"], recorded["answers"][release], strict=True)
    for (expr, time), theirs in asked:
        got = ours.answer(expr, time)
        assert got == pytest.approx(theirs, rel=1e-12, abs=0, nan_ok=True), (expr, time)


def test_every_answer_is_the_one_that_the_installed_promtool_gives(promtool: str) -> None:
    release = version(promtool)
    series = counters(11, 250) | histograms(12, 12) | odd_histograms(13, 100)
    times = [5.0, 20.0, 31.7, 60.0, 75.0, 100.0, 111.1]
    questions = counter_questions(times) + quantile_questions(times[1:])
    ours = OurAnswers(series, closed_of(release))
    compared = 0
    for (expr, time), theirs in zip(questions, ask(promtool, series, questions), strict=True):
        got = ours.answer(expr, time)
        if release < (2, 52) and (window := re.search(r"\[(\d+)s", expr)):
            late = starting_late(series, float(window[1]), time)
            got, theirs = ({k: v for k, v in a.items() if k not in late} for a in (got, theirs))
        assert got == pytest.approx(theirs, rel=1e-12, abs=0, nan_ok=True), (expr, time)
        compared += len(theirs)
    assert compared > 5000


def starting_late(series: dict[str, Samples], window: float, time: float) -> set[str]:
    """Answers from series whose first sample in the window is over 1.1 steps from its start.

    Before 2.52 these could be carried back further than half a step, up to their zero point
    (prometheus/prometheus, pull request 13725).
    """
    start, end = round((time - window) / TICK), round(time / TICK)
    late = set()
    for key, samples in series.items():
        ticks = [tick for tick in map(int, samples) if start <= tick <= end]
        if len(ticks) > 1 and ticks[0] - start >= 1.1 * (ticks[-1] - ticks[0]) / (len(ticks) - 1):
            late |= {f"{{{label}}}" for label in re.findall(r'\w+="[^"]*"', key)}
    return late


def test_growth_is_carried_to_the_edges_so_an_increase_of_whole_things_is_not_whole() -> None:
    counter = one_counter((10, 100), (20, 101), (30, 102))
    got = increase(counter, window=30, at=35)  # samples cover 20 s of the 30 s
    assert got["value"].tolist() == [3.0]
    assert rate(counter, window=30, at=35)["value"].tolist() == [0.1]
    assert increase(counter, window=27, at=33)["value"].tolist() == pytest.approx([2.7])


@pytest.mark.parametrize(("window", "carried_back"), [(30.9, 10.9), (31, 5), (60, 5)])
def test_an_edge_further_than_one_step_and_a_tenth_gets_half_a_step(
    window: float, carried_back: float
) -> None:
    counter = one_counter((50, 100), (60, 110), (70, 120))
    got = increase(counter, window, at=70)
    assert got["value"].tolist() == pytest.approx([20 * (20 + carried_back) / 20])


@pytest.mark.parametrize(("at", "carried_on"), [(80.9, 10.9), (81, 5), (120, 5)])
def test_so_does_an_edge_after_the_last_sample(at: float, carried_on: float) -> None:
    counter = one_counter((50, 100), (60, 110), (70, 120))
    got = increase(counter, at - 50, at, closed="left-closed")
    assert got["value"].tolist() == pytest.approx([20 * (20 + carried_on) / 20])


def test_what_is_below_zero_has_no_zero_to_be_carried_back_to() -> None:
    counter = one_counter((10, -5), (20, 15))
    assert increase(counter, window=20, at=25)["value"].tolist() == pytest.approx([20 * 20 / 10])


def test_a_counter_that_does_not_grow_does_not_grow_before_it_either() -> None:
    for value in (0, 7):
        counter = one_counter((10, value), (20, value))
        assert increase(counter, window=20, at=25)["value"].tolist() == [0.0]


@pytest.mark.parametrize("window", [0.001, 0.5, 1])
def test_a_window_may_be_as_short_as_a_millisecond(window: float) -> None:
    counter = one_counter((0, 5), (window, 6))
    got = increase(counter, window, at=window, closed="left-closed")
    assert got["value"].tolist() == [1.0]


def test_series_keep_the_order_in_which_they_appear() -> None:
    names = ["c", "a", "b"]
    samples = pd.DataFrame(
        [
            {"time": time, "i": name, "value": time}
            for time in (10.0, 20.0)
            for name in (names if time == 10.0 else sorted(names))
        ]
    )
    assert increase(samples, 15, at=20)["i"].tolist() == names


def test_a_counter_is_not_carried_back_to_below_zero() -> None:
    counter = one_counter((8, 1), (18, 11), (28, 21))
    got = increase(counter, window=28, at=28)  # the line through the samples is at zero at 7 s
    assert got["value"].tolist() == pytest.approx([21.0])


def test_a_restart_does_not_lose_what_was_counted_before_it() -> None:
    counter = one_counter((10, 90), (20, 100), (30, 4), (40, 9))
    got = increase(counter, window=30, at=40, closed="left-closed")
    assert got["value"].tolist() == pytest.approx([10 + 4 + 5])


def test_the_sum_hides_which_counter_restarted_so_rate_comes_before_sum() -> None:
    times = np.arange(0, 65, 5.0)
    steady, restarted = times * 10, np.where(times < 30, 1000 + times, times - 30)
    both = pd.concat(
        pd.DataFrame({"time": times, "instance": name, "value": values})
        for name, values in (("a", steady), ("b", restarted))
    )
    rate_then_sum = aggregate(rate(both, 60, at=60))["value"].item()
    sum_then_rate = rate(aggregate(both), 60, at=60)["value"].item()
    assert rate_then_sum == pytest.approx(11, rel=0.02)  # ten and one per second
    assert sum_then_rate > 15  # the sum fell, so all of it seems to have been counted anew


def test_one_sample_in_the_window_is_no_answer() -> None:
    counter = one_counter((10, 1), (20, 2), (30, 3))
    assert rate(counter, window=9).empty
    assert rate(counter[:1], window=9).empty
    assert rate(counter, window=15, at=[10, 20, 25, 30])["time"].tolist() == [20, 30]


def test_prometheus_3_leaves_out_the_sample_at_the_start_of_the_window_and_2_counts_it() -> None:
    counter = one_counter((10, 0), (20, 0), (30, 6))
    assert increase(counter, 10, at=30).empty
    assert increase(counter, 10, at=30, closed="left-closed")["value"].tolist() == [6.0]


def test_edges_are_whole_milliseconds_as_in_prometheus() -> None:
    almost_one = math.nextafter(1.0, 0.0)  # what ten steps of 0.1 s come to
    counter = one_counter((almost_one, 1), (2, 2), (3, 3))
    assert increase(counter, window=2, at=3, closed="left-closed")["value"].tolist() == [2.0]


@pytest.mark.parametrize("function", [rate, increase, irate])
@pytest.mark.parametrize("failed", [5.0, 20.0, 38.0])
def test_a_failed_scrape_is_no_sample(function: Callable[..., pd.DataFrame], failed: float) -> None:
    whole = one_counter((10, 5), (30, 9), (40, 12))
    gap = one_counter((10, 5), (30, 9), (40, 12), (failed, STALE))
    pd.testing.assert_frame_equal(function(gap, 42, at=40), function(whole, 42, at=40))


@pytest.mark.parametrize("function", [rate, increase, irate])
def test_a_nan_at_the_end_of_a_window_is_a_sample_and_the_answer_is_nan(
    function: Callable[..., pd.DataFrame],
) -> None:
    counter = one_counter((10, 5), (20, 9), (30, math.nan))
    assert math.isnan(function(counter, 25, at=30)["value"].item())


def test_a_nan_between_samples_hides_a_restart_but_is_scraped() -> None:
    counter = one_counter((10, 5), (20, math.nan), (30, 3), (40, 7))
    got = increase(counter, window=35, at=40)  # 5 s before the first sample
    assert got["value"].item() == pytest.approx((7 - 5) * 35 / 30)
    got = increase(counter, window=41, at=40)  # 11 s are not below 1.1 steps of 10 s
    assert got["value"].item() == pytest.approx((7 - 5) * 35 / 30)


def test_what_was_lost_in_a_restart_long_ago_does_not_blur_what_is_counted_later() -> None:
    counter = one_counter((10, 1e17), (20, math.inf), (30, 3), (40, 1), (50, 4))
    got = increase(counter, window=30, at=60, closed="left-closed")
    assert got["value"].item() == pytest.approx((1 + 3) * 30 / 20)


def test_at_every_scrape_includes_the_failed_ones() -> None:
    gap = one_counter((10, 5), (20, 9), (30, STALE))
    assert rate(gap, 35)["time"].tolist() == [20.0, 30.0]


def test_labels_that_no_longer_tell_series_apart_are_refused() -> None:
    counter = one_counter((10, 5), (10, 7), (20, 9))
    with pytest.raises(ConfigError, match="labels must tell the series apart"):
        rate(counter, 20)


@pytest.mark.parametrize(("window", "closed"), [(0, "left-open"), (-5, "left-open"), (5, "open")])
def test_a_window_that_makes_no_sense_is_refused(window: float, closed: Closed) -> None:
    with pytest.raises(ConfigError, match="range vector"):
        rate(one_counter((10, 5), (20, 9)), window, closed=closed)


@given(
    growths=st.lists(st.integers(0, 1000), min_size=2, max_size=30),
    window=st.integers(2, 100),
    scale=st.sampled_from([0.5, 4.0]),
)
def test_a_counter_counted_in_other_units_grows_in_other_units(
    growths: list[int], window: int, scale: float
) -> None:
    counter = one_counter(*((5.0 * i, float(v)) for i, v in enumerate(np.cumsum(growths))))
    got = increase(counter, window)
    scaled = increase(counter.assign(value=counter["value"] * scale), window)
    assert (got["value"] >= 0).all()
    assert scaled["value"].tolist() == pytest.approx((got["value"] * scale).tolist())


BOUNDS = [0.1, 0.25, 1.0, math.inf]


def test_a_quantile_is_interpolated_evenly_within_its_bucket() -> None:
    assert bucket_quantile(0.5, BOUNDS, [0, 10, 10, 10]) == pytest.approx(0.175)
    assert bucket_quantile(0.5, BOUNDS, [10, 10, 10, 10]) == pytest.approx(0.05)


def test_above_the_last_bound_the_answer_is_the_last_bound() -> None:
    assert bucket_quantile(0.99, BOUNDS, [0, 0, 0, 10]) == 1.0


def test_no_observations_no_infinite_bucket_or_no_number_is_not_a_number() -> None:
    assert math.isnan(bucket_quantile(0.5, BOUNDS, [0, 0, 0, 0]))
    assert math.isnan(bucket_quantile(0.5, [-1.0, 0.0, math.inf], [0, 0, 0]))
    assert math.isnan(bucket_quantile(0.5, BOUNDS[:3], [1, 2, 3]))
    assert math.isnan(bucket_quantile(0.5, [math.inf], [3]))
    assert math.isnan(bucket_quantile(math.nan, BOUNDS, [1, 2, 3, 4]))
    assert bucket_quantile(-0.1, BOUNDS, [1, 2, 3, 4]) == -math.inf
    assert bucket_quantile(1.1, BOUNDS, [1, 2, 3, 4]) == math.inf


def test_steps_of_rounding_between_buckets_are_not_observations() -> None:
    assert bucket_quantile(1.0, BOUNDS, [2.0, 3.0, 3.0, 3.0 + 4e-16]) == 0.25


def test_infinitely_many_observations_are_more_than_a_few() -> None:
    assert bucket_quantile(0.5, [1.0, math.inf], [1.0, math.inf]) == 1.0
    assert bucket_quantile(0.5, [1.0, 2.0, math.inf], [1.0, 4.0, math.inf]) == 2.0


@given(
    counts=st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any),
    q=st.floats(0.01, 1),
    p=st.floats(0.01, 1),
)
def test_a_higher_quantile_is_never_lower_and_stays_within_the_bounds(
    counts: list[float], q: float, p: float
) -> None:
    low, high = (bucket_quantile(x, BOUNDS, counts) for x in sorted((p, q)))
    assert 0 <= low <= high <= 1.0


def test_a_division_keeps_the_series_that_both_sides_have() -> None:
    errors = pd.DataFrame({"time": 5.0, "destination": ["auth", "user"], "value": [1.0, 0.0]})
    calls = pd.DataFrame({"time": 5.0, "destination": ["auth", "order"], "value": [4.0, 9.0]})
    got = divide(errors, calls)
    assert got.to_dict("list") == {"time": [5.0], "destination": ["auth"], "value": [0.25]}


def test_a_division_of_different_labels_is_refused() -> None:
    errors = pd.DataFrame({"time": 5.0, "destination": ["auth"], "value": [1.0]})
    rule = "divide: both sides must have labels ['destination'], got []"
    with pytest.raises(ConfigError, match=re.escape(rule)):
        divide(errors, aggregate(errors))


def buckets(*pairs: tuple[str, float]) -> pd.DataFrame:
    """The buckets of one histogram at one moment, from (le, count) pairs."""
    return pd.DataFrame(pairs, columns=["le", "value"]).assign(time=5.0)


@pytest.mark.parametrize("le", ["banana", "", " 1", "1_0", "NaN", "0x1", "٣", "1e", ".", "+", "in"])
def test_a_bound_that_is_no_number_is_refused(le: str) -> None:
    rule = f"histogram_quantile: le must be a number or +Inf, got {le!r}"
    with pytest.raises(ConfigError, match=re.escape(rule)):
        histogram_quantile(0.5, buckets((le, 1.0), ("+Inf", 2.0)))


@pytest.mark.parametrize("infinite", ["+Inf", "inf", "Inf", "+infinity"])
@pytest.mark.parametrize("one", ["1", "1.0", "1.", "+1", "10e-1", "0.1E+1", "1e0", "1e00"])
def test_a_bound_may_be_written_in_every_way_that_prometheus_reads(one: str, infinite: str) -> None:
    got = histogram_quantile(0.5, buckets((infinite, 4.0), (one, 4.0)))
    assert got["value"].tolist() == [0.5]


def test_buckets_of_one_bound_written_in_two_ways_are_added_up() -> None:
    got = histogram_quantile(0.5, buckets(("1", 1.0), ("1.0", 2.0), ("2", 4.0), ("+Inf", 4.0)))
    assert got["value"].tolist() == [pytest.approx(2 / 3)]


def test_a_bucket_that_was_not_scraped_is_no_bucket_and_one_that_is_nan_is_one() -> None:
    absent = buckets(("1", 2.0), ("2", STALE), ("4", 4.0), ("+Inf", 4.0))
    assert histogram_quantile(0.75, absent)["value"].tolist() == [2.5]
    nan = absent.assign(value=absent["value"].where(absent["le"] != "2", math.nan))
    assert math.isnan(histogram_quantile(0.75, nan)["value"].item())


def test_the_same_bucket_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="histogram_quantile: labels must tell the series apart"):
        histogram_quantile(0.5, buckets(("1", 1.0), ("1", 2.0), ("+Inf", 3.0)))


def test_a_division_by_a_series_that_is_there_twice_is_refused() -> None:
    once = one_counter((5, 1))
    for left, right in ((once, pd.concat([once, once])), (pd.concat([once, once]), once)):
        with pytest.raises(ConfigError, match="divide: labels must tell the series apart"):
            divide(left, right)


def test_a_division_drops_what_was_not_scraped_and_keeps_what_is_nan() -> None:
    left = one_counter((5, 1), (10, STALE), (15, 0), (20, 3), (25, math.nan))
    right = one_counter((5, STALE), (10, 2), (15, 0), (20, 2), (25, 1))
    got = divide(left, right)
    assert got["time"].tolist() == [15.0, 20.0, 25.0]
    assert got["value"].tolist() == pytest.approx([math.nan, 1.5, math.nan], nan_ok=True)
    assert not is_stale(got["value"]).any()


def test_nothing_in_gives_nothing_out_with_the_same_columns() -> None:
    nothing = pd.DataFrame({"time": [], "le": [], "value": []}).astype({"le": "str"})
    assert list(rate(nothing, 5).columns) == ["time", "le", "value"]
    assert list(histogram_quantile(0.5, nothing).columns) == ["time", "value"]
    assert divide(nothing, nothing).empty
