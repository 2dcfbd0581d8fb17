"""Prometheus's own tests of rate, increase, irate, histogram_quantile, staleness and min/max.

The numbers are restated from ``promql/promqltest/testdata`` of prometheus/prometheus: all cases of
functions.test, histograms.test, staleness.test and aggregators.test that these functions can be
asked, without those of native histograms. They are those of Prometheus 3, whose windows are open on
the left. The installed promtool, whatever its release, is asked the same.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from meshlab.model import ConfigError
from meshlab.telemetry.promql import Closed, histogram_quantile, increase, irate, rate
from meshlab.telemetry.series import STALE, aggregate, latest
from tests.record_promql import TICK, Answer, Samples, ask, counters, version

MINUTE = 60.0
FUNCTIONS = {"rate": rate, "increase": increase, "irate": irate}


def values(notation: str) -> list[float | None]:
    """What promtool reads: ``0+10x2`` is 0 10 20, ``7x2`` is 7 7 7, ``_`` is no sample."""
    found: list[float | None] = []
    for word in notation.split():
        if run := re.fullmatch(r"(\S+?)(?:\+(\S+))?x(\d+)", word):
            start, step = float(run[1]), float(run[2] or 0)
            found += [start + step * i for i in range(int(run[3]) + 1)]
        elif word == "_":
            found.append(None)
        else:
            found.append(STALE if word == "stale" else float(word))
    return found


def loaded(step: float, series: dict[str, str]) -> pd.DataFrame:
    """Samples every ``step`` seconds from 0, as ``load`` of the test language makes them."""
    rows = [
        {"time": i * step, **labels(key), "value": value}
        for key, notation in series.items()
        for i, value in enumerate(values(notation))
        if value is not None
    ]
    return pd.DataFrame(rows)


def labels(key: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', key))


def answers(got: pd.DataFrame) -> Answer:
    """A frame of one moment, by labels."""
    names = [name for name in got.columns if name not in ("time", "value")]
    keys = (
        ",".join(f'{name}="{row[name]}"' for name in sorted(names)) for _, row in got.iterrows()
    )
    return dict(zip((f"{{{key}}}" for key in keys), got["value"], strict=True))


class Case(NamedTuple):
    """``function(samples[window])`` at a time, both in seconds."""

    function: str
    window: float
    at: float
    expected: Answer


FOUR = {
    '{path="/foo"}': "0+10x10",
    '{path="/bar"}': "0+18x5 0+18x5",
    '{path="/dings"}': "10+10x10",
    '{path="/bumms"}': "1+10x10",
}
CUTOFF = {f'{{start="{m}m"}}': f"{60 * m}+240x10" for m in range(6)}
OFFSET = {'{x="a"}': "0+10x10", '{x="b"}': "0+20x10"}
TWO = {'{path="/foo"}': "0+10x10", '{path="/bar"}': "0+10x5 0+10x5"}
WITH_NAN = {"{}": "1 NaN NaN 5 11"}
CONSTANT = {f'{{le="{le}"}}': "1 1 1 1 1" for le in ("0.0", "1.0", "2.0", "+Inf")}


def each(series: dict[str, str], *expected: float) -> Answer:
    return dict(zip(series, expected, strict=True))


RANGES: list[tuple[float, dict[str, str], list[Case]]] = [
    (
        5 * MINUTE,
        FOUR,
        [
            Case("increase", 50 * MINUTE, 50 * MINUTE, each(FOUR, 100, 160, 100, 100)),
            Case("increase", 100 * MINUTE, 50 * MINUTE, each(FOUR, 100, 162, 105, 101)),
        ],
    ),
    (
        5 * MINUTE,
        {"{}": "0 1 2 3 2 3 4"},
        [Case("increase", 30 * MINUTE, 30 * MINUTE, {"{}": 7})],
    ),
    (
        5 * MINUTE,
        {"{}": "0+27x4 0+27x5"},
        [Case("rate", 50 * MINUTE, 50 * MINUTE, {"{}": 0.08})],
    ),
    (
        5 * MINUTE,
        {"{}": "0+10x9 0 10"},
        [
            Case("rate", 5 * MINUTE, 50 * MINUTE, {}),
            Case("rate", 6 * MINUTE, 50 * MINUTE, {"{}": 0}),
        ],
    ),
    (
        5 * MINUTE,
        {"{}": "0+80x10"},
        [Case("rate", 50 * MINUTE, 50 * MINUTE, {"{}": 0.26666666666666666})],
    ),
    (
        5 * MINUTE,
        OFFSET,  # "offset 5m" at 50m
        [Case("rate", 10 * MINUTE, 45 * MINUTE, each(OFFSET, 1 / 30, 2 / 30))],
    ),
    (
        4 * MINUTE,
        CUTOFF,
        [
            Case("rate", 20 * MINUTE, 10 * MINUTE, each(CUTOFF, 0.5, 0.55, 0.6, 0.6, 0.6, 0.6)),
            Case("rate", 20 * MINUTE, 50 * MINUTE, each(CUTOFF, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6)),
        ],
    ),
    (
        5 * MINUTE,
        TWO,
        [
            Case("irate", 50 * MINUTE, 50 * MINUTE, each(TWO, 1 / 30, 1 / 30)),
            Case("irate", 50 * MINUTE, 30 * MINUTE, each(TWO, 1 / 30, 0)),
        ],
    ),
    (
        5 * MINUTE,
        WITH_NAN,
        [
            Case("irate", 901, 0 * MINUTE, {}),
            Case("irate", 901, 5 * MINUTE, {"{}": math.nan}),
            Case("irate", 901, 10 * MINUTE, {"{}": math.nan}),
            Case("irate", 901, 15 * MINUTE, {"{}": math.nan}),
            Case("irate", 901, 20 * MINUTE, {"{}": 0.02}),
        ],
    ),
    (
        MINUTE,
        CONSTANT,
        [Case("rate", 5 * MINUTE, 5 * MINUTE, each(CONSTANT, 0, 0, 0, 0))],
    ),
]
ASKED = [(step, series, case) for step, series, cases in RANGES for case in cases]


def ours(step: float, series: dict[str, str], case: Case, closed: Closed) -> Answer:
    function = FUNCTIONS[case.function]
    return answers(function(loaded(step, series), case.window, case.at, closed=closed))


@pytest.mark.parametrize(("step", "series", "case"), ASKED)
def test_counters_grow_as_in_the_tests_of_prometheus(
    step: float, series: dict[str, str], case: Case
) -> None:
    got = ours(step, series, case, "left-open")
    assert got == pytest.approx(case.expected, rel=1e-12, nan_ok=True)


def on_ticks(step: float, notation: str) -> Samples:
    found = enumerate(values(notation))
    return {str(round(i * step / TICK)): value for i, value in found if value is not None}


def test_the_installed_promtool_agrees_on_every_case_of_counters(promtool: str) -> None:
    release = version(promtool)
    closed: Closed = "left-open" if release >= (3, 0) else "left-closed"
    for step, series, cases in RANGES:
        known = {f"m{key}": on_ticks(step, notation) for key, notation in series.items()}
        asked = [(f"{c.function}(m[{c.window:.0f}s])", c.at) for c in cases]
        for case, theirs in zip(cases, ask(promtool, known, asked), strict=True):
            if release < (2, 52) and case.window > case.at:
                continue  # carried back further before prometheus/prometheus, pull request 13725
            got = ours(step, series, case, closed)
            assert got == pytest.approx(theirs, rel=1e-12, nan_ok=True), case


ODD = [math.nan, STALE, math.inf, -math.inf]


def odd_counters(seed: int, count: int) -> dict[str, Samples]:
    """Counters with samples that are NaN, stale or infinite."""
    rng = np.random.default_rng(seed)
    found = counters(seed, count)
    return {
        key: {
            tick: float(rng.choice([value, *ODD], p=[0.8, 0.06, 0.06, 0.04, 0.04]))
            for tick, value in samples.items()
        }
        for key, samples in found.items()
    }


def test_the_installed_promtool_agrees_on_counters_with_nan_stale_and_infinite_samples(
    promtool: str,
) -> None:
    release = version(promtool)
    closed: Closed = "left-open" if release >= (3, 0) else "left-closed"
    series = odd_counters(31, 150)
    frame = pd.DataFrame(
        [
            {"time": int(tick) * TICK, **labels(key), "value": value}
            for key, samples in series.items()
            for tick, value in samples.items()
        ]
    )
    asked = [(f, 20.0, at) for f in ("increase", "irate") for at in (30.0, 55.5, 80.0, 119.0)]
    theirs = ask(promtool, series, [(f"{f}(c[{window:.0f}s])", at) for f, window, at in asked])
    seen = []
    for (function, window, at), their in zip(asked, theirs, strict=True):
        got = answers(FUNCTIONS[function](frame, window, at, closed=closed))
        assert got.keys() == their.keys(), (function, at)
        for key, value in their.items():
            late = release < (2, 52) and function == "increase"  # see `starting_late`
            if not late or not math.isfinite(value):
                assert got[key] == pytest.approx(value, rel=1e-12, nan_ok=True), (key, at)
        seen += their.values()
    assert sum(map(math.isnan, seen)) > 50
    assert sum(map(math.isinf, seen)) > 20


# ---- histogram_quantile

POSITIVE, NEGATIVE = '{start="positive"}', '{start="negative"}'
FIRST = {
    '{le="0.1",start="positive"}': "0+5x10",
    '{le=".2",start="positive"}': "0+7x10",
    '{le="1e0",start="positive"}': "0+11x10",
    '{le="+Inf",start="positive"}': "0+12x10",
    '{le="-.2",start="negative"}': "0+1x10",
    '{le="-0.1",start="negative"}': "0+2x10",
    '{le="0.3",start="negative"}': "0+2x10",
    '{le="+Inf",start="negative"}': "0+3x10",
}
SECOND = {
    '{le="0"}': "0+0x10",
    '{le="2"}': "0+1x10",
    '{le="4"}': "0+2x10",
    '{le="6"}': "0+3x10",
    '{le="+Inf"}': "0+3x10",
}
THIRD = {
    '{le="0",start="positive"}': "0+0x10",
    '{le="0.1",start="positive"}': "0+5x10",
    '{le=".2",start="positive"}': "0+7x10",
    '{le="1e0",start="positive"}': "0+11x10",
    '{le="+Inf",start="positive"}': "0+11x10",
    '{le="-.25",start="negative"}': "0+0x10",
    '{le="-.2",start="negative"}': "0+1x10",
    '{le="-0.1",start="negative"}': "0+2x10",
    '{le="0.3",start="negative"}': "0+2x10",
    '{le="+Inf",start="negative"}': "0+2x10",
}
DURATIONS = {
    f'{{instance="{instance}",job="{job}",le="{le}"}}': f"0+{count}x10"
    for (job, instance), counts in {
        ("job1", "ins1"): (1, 3, 4),
        ("job1", "ins2"): (2, 5, 6),
        ("job2", "ins1"): (3, 4, 6),
        ("job2", "ins2"): (4, 7, 9),
    }.items()
    for le, count in zip(("0.1", "0.2", "+Inf"), counts, strict=True)
}
NONMONOTONIC = {
    f'{{le="{le}"}}': f"0+{count}x10"
    for le, count in {"0.1": 2, "1": 1, "10": 5, "100": 4, "1000": 9, "+Inf": 8}.items()
}
MIXED = {
    '{instance="ins1",le="0.1"}': "0+1x10",
    '{instance="ins1",le="0.2"}': "0+1x10",
    '{instance="ins1",le="2e-1"}': "0+1x10",
    '{instance="ins1",le="2.0e-1"}': "0+1x10",
    '{instance="ins1",le="+Inf"}': "0+4x10",
    '{instance="ins2",le="+inf"}': "0+0x10",
    '{instance="ins2",le="+Inf"}': "0+0x10",
}
EMPTY = {f'{{le="{le}"}}': "0x10" for le in ("0.1", "0.2", "+Inf")}


def both(positive: float, negative: float) -> Answer:
    return {POSITIVE: positive, NEGATIVE: negative}


@pytest.mark.parametrize("rated", [False, True])
@pytest.mark.parametrize(
    ("series", "q", "expected"),
    [
        (FIRST, -0.1, both(-math.inf, -math.inf)),
        (FIRST, 1.01, both(math.inf, math.inf)),
        (FIRST, math.nan, both(math.nan, math.nan)),
        (FIRST, 0, both(0, -0.2)),
        (FIRST, 1, both(1, 0.3)),
        (FIRST, 0.2, both(0.048, -0.2)),
        (FIRST, 0.5, both(0.15, -0.15)),
        (FIRST, 0.8, both(0.72, 0.3)),
        (THIRD, 0, both(0, -0.25)),
        (THIRD, 0.25, both(0.055, -0.225)),
        (THIRD, 0.5, both(0.125, -0.2)),
        (THIRD, 0.75, both(0.45, -0.15)),
        (THIRD, 1, both(1, -0.1)),
        (SECOND, 1 / 6, {"{}": 1}),
        (SECOND, 0.5, {"{}": 3}),
        (SECOND, 5 / 6, {"{}": 5}),
        (NONMONOTONIC, 0.01, {"{}": 0.0045}),
        (NONMONOTONIC, 0.5, {"{}": 8.5}),
        (NONMONOTONIC, 0.99, {"{}": 979.75}),
        (MIXED, 0.5, {'{instance="ins1"}': 0.15, '{instance="ins2"}': math.nan}),
        (MIXED, 0.75, {'{instance="ins1"}': 0.2, '{instance="ins2"}': math.nan}),
        (MIXED, 1, {'{instance="ins1"}': 0.2, '{instance="ins2"}': math.nan}),
        (EMPTY, 0.2, {"{}": math.nan}),
    ],
)
def test_quantiles_are_those_of_the_tests_of_prometheus(
    series: dict[str, str], q: float, expected: Answer, rated: bool
) -> None:
    samples = loaded(5 * MINUTE, series)
    now = rate(samples, 10 * MINUTE, 50 * MINUTE, closed="left-closed") if rated else None
    got = answers(histogram_quantile(q, latest(samples) if now is None else now))
    assert got == pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize(
    ("by", "q", "expected"),
    [
        ([], 0.3, [0.075]),
        ([], 0.5, [0.1277777777777778]),
        (["instance"], 0.3, [0.075, 0.075]),
        (["instance"], 0.5, [0.1333333333333333, 0.125]),
        (["job"], 0.3, [0.1, 0.0642857142857143]),
        (["job"], 0.5, [0.14, 0.1125]),
        (["job", "instance"], 0.3, [0.11, 0.09, 0.06, 0.0675]),
        (["job", "instance"], 0.5, [0.15, 0.1333333333333333, 0.1, 0.1166666666666667]),
    ],
)
@pytest.mark.parametrize("how", ["sum", "avg"])
def test_quantiles_of_several_instances_are_those_of_the_tests_of_prometheus(
    by: list[str], q: float, expected: list[float], how: str
) -> None:
    rates = rate(loaded(5 * MINUTE, DURATIONS), 10 * MINUTE, 50 * MINUTE, closed="left-closed")
    got = histogram_quantile(q, aggregate(rates, [*by, "le"], how))
    assert got["value"].tolist() == pytest.approx(expected, rel=1e-12)
    unaggregated = histogram_quantile(q, rates)
    if len(by) == 2:
        assert answers(unaggregated) == pytest.approx(answers(got), rel=1e-12)


def test_constant_buckets_have_no_quantile() -> None:
    rates = rate(loaded(MINUTE, CONSTANT), 5 * MINUTE, 5 * MINUTE)
    assert math.isnan(histogram_quantile(1.0, aggregate(rates, "le"))["value"].item())


def test_two_histograms_with_the_same_labels_are_refused() -> None:
    twice = pd.concat([loaded(5 * MINUTE, DURATIONS)] * 2)
    with pytest.raises(ConfigError, match="histogram_quantile: labels must tell the series apart"):
        histogram_quantile(0.99, twice)


BUCKETS = ("0.1", "0.25", "1", "2.5", "+Inf")


def rising_with_a_nan(seed: int, count: int) -> dict[str, Samples]:
    """Histograms with rising counts, one or none of them NaN."""
    rng = np.random.default_rng(seed)
    found: dict[str, Samples] = {}
    for i in range(count):
        counts = np.cumsum(rng.integers(0, 9, len(BUCKETS))).astype(float)
        nan = rng.integers(0, len(BUCKETS) + 1)
        counts[nan : nan + 1] = math.nan
        for le, value in zip(BUCKETS, counts.tolist(), strict=True):
            found[f'h{{i="{i}",le="{le}"}}'] = {"0": value}
    return found


def test_the_installed_promtool_agrees_on_quantiles_where_a_count_is_nan(promtool: str) -> None:
    series = rising_with_a_nan(17, 80)
    frame = pd.DataFrame(
        [{"time": 0.0, **labels(key), "value": s["0"]} for key, s in series.items()]
    )
    shares = (0.0, 0.2, 0.5, 0.7, 0.9, 1.0)
    theirs = ask(promtool, series, [(f"histogram_quantile({q}, h)", 0.0) for q in shares])
    for q, their in zip(shares, theirs, strict=True):
        got = answers(histogram_quantile(q, frame))
        assert got == pytest.approx(their, rel=1e-12, nan_ok=True), q


# ---- staleness, min and max

STALENESS = {"{}": "0 1 stale 2"}


@pytest.mark.parametrize(
    ("at", "value"), [(10, [1]), (20, []), (30, [2]), (40, [2]), (329, [2]), (330, [])]
)
def test_a_series_is_gone_at_its_stale_marker_and_five_minutes_after_its_last_sample(
    at: float, value: list[float]
) -> None:
    assert latest(loaded(10, STALENESS), at)["value"].tolist() == value


@pytest.mark.parametrize(
    ("at", "window", "answered"), [(30, 60, True), (20, 10, False), (20, 20, False)]
)
def test_a_window_ignores_stale_markers(at: float, window: float, answered: bool) -> None:
    assert (not increase(loaded(10, STALENESS), window, at).empty) == answered


GROUPS = {
    '{group="production",instance="0"}': "1",
    '{group="production",instance="1"}': "2",
    '{group="canary",instance="0"}': "NaN",
    '{group="canary",instance="1"}': "3",
    '{group="canary",instance="2"}': "4",
}


@pytest.mark.parametrize(
    ("how", "all_of_them", "canary", "production"),
    [
        ("max", 4, 4, 2),
        ("min", 1, 3, 1),
        ("sum", math.nan, math.nan, 3),
        ("avg", math.nan, math.nan, 1.5),
        ("count", 5, 3, 2),
    ],
)
def test_a_nan_is_aggregated_as_in_the_tests_of_prometheus(
    how: str, all_of_them: float, canary: float, production: float
) -> None:
    samples = loaded(5 * MINUTE, GROUPS)
    assert aggregate(samples, (), how)["value"].tolist() == pytest.approx(
        [all_of_them], nan_ok=True
    )
    got = answers(aggregate(samples, "group", how))
    expected = {'{group="canary"}': canary, '{group="production"}': production}
    assert got == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(("how", "value"), [("max", math.nan), ("min", math.nan), ("count", 2)])
def test_where_nothing_but_nan_is_the_smallest_and_largest_are_nan(how: str, value: float) -> None:
    samples = loaded(5 * MINUTE, {'{i="0"}': "NaN", '{i="1"}': "NaN", '{i="2"}': "stale"})
    assert aggregate(samples, (), how)["value"].tolist() == pytest.approx([value], nan_ok=True)


def test_the_installed_promtool_agrees_on_aggregating_a_nan(promtool: str) -> None:
    series = {f"g{key}": on_ticks(1, notation) for key, notation in GROUPS.items()}
    hows = ("min", "max", "sum", "avg", "count")
    theirs = ask(promtool, series, [(f"{how} by (group) (g)", 0.0) for how in hows])
    for how, their in zip(hows, theirs, strict=True):
        got = answers(aggregate(loaded(1, GROUPS), "group", how))
        assert got == pytest.approx(their, nan_ok=True), how
