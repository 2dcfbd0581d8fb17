"""What Prometheus makes of samples: rate(), increase(), irate(), histogram_quantile() and division.

Counters are cumulative, scraped now and then, and start again at zero when a process does. What one
wants is how fast they grow. The rule below is Prometheus's own, also where it surprises:

     start                                          end
       |<------------------ window ------------------->|
       |<-before->o--------o--------o--------o<-after->|
                  |<-------- covered ------->|

The growth between the first and the last sample in the window is carried on to the window's edges,
as if it went on evenly. So ``increase`` of a counter of whole things is rarely a whole number. If
an edge is further away than 1.1 times the average step between samples, the series is taken to
begin or end half a step outside its samples; and no counter is carried back to below zero.

Source: Prometheus, ``promql/functions.go`` (extrapolatedRate, instantValue) and
``promql/quantile.go`` (BucketQuantile), in the form they have since 2.52. Prometheus 3 looks at
samples in (start, end], 2.x looked at [start, end]: see ``closed``.

All functions take and give tidy frames (`meshlab.telemetry.series`): time (s), labels, value. A
NaN is a sample and makes what is computed from it NaN; a stale marker is no sample. Labels must
tell the series apart: two samples with the same labels and time are a ConfigError.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from meshlab.rules import check, require_known
from meshlab.telemetry.series import label_names, present

Closed = Literal["left-open", "left-closed"]
"""Whether a sample exactly at the window's start counts: not in Prometheus 3, but in 2.x."""

BOUND: Final = re.compile(
    r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf(inity)?)", re.IGNORECASE
)
"""The upper bound of a bucket, as the label ``le`` gives it."""

SMALL: Final = 1e-12
"""Counts of neighbors that differ by less than this share of both are taken to be equal."""

Times = float | Sequence[float] | np.ndarray | None
"""When to evaluate (s): once, several times, or (None) at every scrape."""


def rate(
    samples: pd.DataFrame, window: float, at: Times = None, *, closed: Closed = "left-open"
) -> pd.DataFrame:
    """How fast each counter grew per second, over the last ``window`` seconds: ``rate(m[window])``.

    A series with fewer than two samples in the window gives no answer: a window should span at
    least four scrapes, so that one may fail.
    """
    per_second = increase(samples, window, at, closed=closed)
    return per_second.assign(value=per_second["value"] / window)


def increase(
    samples: pd.DataFrame, window: float, at: Times = None, *, closed: Closed = "left-open"
) -> pd.DataFrame:
    """By how much each counter grew over the last ``window`` seconds: ``increase(m[window])``."""
    return _over_windows(_extrapolated, samples, window, at, closed)


def irate(
    samples: pd.DataFrame, window: float, at: Times = None, *, closed: Closed = "left-open"
) -> pd.DataFrame:
    """Growth per second between the last two samples in the window: quick, blind to the rest."""
    return _over_windows(_instant, samples, window, at, closed)


class _Windows(NamedTuple):
    """One counter (``time`` in ms, ``value``), and windows over it that hold two samples or more.

    Each window is asked for ``at`` (s), spans ``start`` to ``end`` (ms), and has samples ``first``
    to ``last``.
    """

    time: np.ndarray
    value: np.ndarray
    at: np.ndarray
    start: np.ndarray
    end: np.ndarray
    first: np.ndarray
    last: np.ndarray


def _extrapolated(w: _Windows) -> np.ndarray:
    """The growth in each window, carried on to the window's edges."""
    # A counter that fell has restarted: what it had before is lost from sight, not from the growth.
    fell = np.diff(w.value) < 0
    lost = np.append(np.where(fell, w.value[:-1], 0.0), 0.0)
    spans = np.column_stack((w.first, w.last)).ravel()
    value = w.value[w.first]
    growth = w.value[w.last] - value + np.add.reduceat(lost, spans)[::2]

    covered = (w.time[w.last] - w.time[w.first]) / 1000
    step = covered / (w.last - w.first)
    before = (w.time[w.first] - w.start) / 1000
    after = (w.end - w.time[w.last]) / 1000
    before = np.where(before < 1.1 * step, before, step / 2)
    after = np.where(after < 1.1 * step, after, step / 2)

    grew = (growth > 0) & (value >= 0)
    since_zero = covered * np.divide(value, growth, where=grew, out=np.full_like(value, np.inf))
    before = np.fmin(before, since_zero)
    carried: np.ndarray = growth * ((covered + before + after) / covered)
    return carried


def _instant(w: _Windows) -> np.ndarray:
    """The slope between the last two samples of each window; after a restart, from zero."""
    value, previous = w.value[w.last], w.value[w.last - 1]
    growth = np.where(value < previous, value, value - previous)
    slope: np.ndarray = growth / ((w.time[w.last] - w.time[w.last - 1]) / 1000)
    return slope


def _over_windows(
    rule: Callable[[_Windows], np.ndarray],
    samples: pd.DataFrame,
    window: float,
    at: Times,
    closed: Closed,
) -> pd.DataFrame:
    """Apply ``rule`` to every series, in every window that holds at least two of its samples."""
    check(window > 0, "range vector", "window must be > 0 s", window)
    require_known(closed, ("left-open", "left-closed"), "range vector", "closed")
    asked = np.unique(samples["time"] if at is None else np.atleast_1d(at))
    samples = present(samples, "range vector").sort_values("time", kind="stable")
    labels = label_names(samples)
    time, value = _milliseconds(samples["time"]), samples["value"].to_numpy()
    rows, times, values = [np.empty(0, int)], [np.empty(0)], [np.empty(0)]
    for own in _rows_by_series(samples, labels):
        w = _windows(time[own], value[own], asked, window, closed)
        rows.append(np.repeat(own[0], len(w.at)))
        times.append(w.at)
        with np.errstate(invalid="ignore"):  # infinite less infinite is NaN, and that is an answer
            values.append(rule(w))
    answers = samples[labels].iloc[np.concatenate(rows)].reset_index(drop=True)
    answers.insert(0, "time", np.concatenate(times))
    return answers.assign(value=np.concatenate(values))


def _windows(
    time: np.ndarray, value: np.ndarray, at: np.ndarray, window: float, closed: Closed
) -> _Windows:
    """The windows over one series, without those that hold fewer than two samples."""
    end = _milliseconds(at)
    start = end - _milliseconds(window)
    first = np.searchsorted(time, start, side="right" if closed == "left-open" else "left")
    last = np.searchsorted(time, end, side="right") - 1
    two = last > first
    return _Windows(time, value, *(x[two] for x in (at, start, end, first, last)))


def histogram_quantile(q: float, buckets: pd.DataFrame) -> pd.DataFrame:
    """The value below which a share ``q`` of the observations lies, as far as the buckets can tell.

    ``buckets`` has the label ``le``, usually after `rate` and `aggregate` by le and others. Inside
    a bucket observations are taken to be spread evenly: the answer is only as fine as the bounds.
    Buckets of one bound written in two ways, "1" and "1.0", are added up. ConfigError if an ``le``
    is no number.
    """
    where = "histogram_quantile"
    require_known("le", label_names(buckets), where, "label")
    keys = [*(label for label in label_names(buckets) if label != "le"), "time"]
    found = present(buckets, where)
    bound = {le: _bound(le) for le in found["le"].unique()}
    found = found.assign(le=found["le"].map(bound).astype(float))
    merged = found.groupby([*keys, "le"])["value"].sum(skipna=False).reset_index()
    first = np.flatnonzero(~merged.duplicated(keys))
    bounds, counts = (np.split(merged[name].to_numpy(), first[1:]) for name in ("le", "value"))
    quantiles = [
        bucket_quantile(q, own.tolist(), count.tolist())
        for own, count in zip(bounds, counts, strict=True)
    ]
    answers = merged[["time", *keys[:-1]]].iloc[first].reset_index(drop=True)
    return answers.assign(value=np.array(quantiles[: len(first)], float))


def _bound(le: object) -> float:
    fits = BOUND.fullmatch(str(le)) is not None
    check(fits, "histogram_quantile", "le must be a number or +Inf", le)
    return float(str(le))


def bucket_quantile(q: float, bounds: Sequence[float], counts: Sequence[float]) -> float:
    """The quantile of one histogram: rising upper ``bounds`` and cumulative ``counts`` (or rates).

    >>> bucket_quantile(0.5, [0.1, 0.25, math.inf], [10, 30, 30])
    0.1375
    """
    if not 0 <= q <= 1:
        return math.nan if math.isnan(q) else math.copysign(math.inf, q)
    if len(bounds) < 2 or bounds[-1] != math.inf:
        return math.nan
    counts = list(accumulate(counts, _never_falling))
    if counts[-1] == 0:
        return math.nan
    rank = q * counts[-1]
    above = range(len(counts) - 1)
    bucket = bisect_left(above, True, key=lambda b: counts[b] >= rank)
    if bucket == len(counts) - 1:
        return bounds[-2]  # above the last finite bound nothing is known
    if bucket == 0 and bounds[0] <= 0:
        return bounds[0]
    lower, below = (bounds[bucket - 1], counts[bucket - 1]) if bucket else (0.0, 0.0)
    inside = counts[bucket] - below
    if inside == 0:  # q is 0 and the first bucket is empty
        return math.nan
    return lower + (bounds[bucket] - lower) * ((rank - below) / inside)


def _never_falling(so_far: float, count: float) -> float:
    """Counts that fall are mended; steps of rounding are no observations."""
    equal = abs(count - so_far) < SMALL * (abs(count) + abs(so_far))
    return so_far if equal or count < so_far else count


def divide(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """``left / right``, series by series and time by time: an error ratio, say.

    Both must have the same labels. A series without a partner is dropped, as in PromQL; 0 / 0 is
    NaN.
    """
    keys = ["time", *label_names(left)]
    same = set(keys) == {"time", *label_names(right)}
    check(same, "divide", f"both sides must have labels {keys[1:]}", label_names(right))
    left, right = present(left, "divide"), present(right, "divide")
    both = left.merge(right, on=keys, suffixes=("", "_right"))
    return both.assign(value=both["value"] / both["value_right"]).drop(columns="value_right")


def _rows_by_series(samples: pd.DataFrame, labels: list[str]) -> list[np.ndarray]:
    """The row numbers of each series, in the order of ``samples``."""
    if labels:
        groups = samples.groupby(labels, sort=False).indices
        return [np.asarray(rows) for rows in groups.values()]
    return [np.arange(len(samples))] if len(samples) else []


def _milliseconds(seconds: ArrayLike) -> np.ndarray:
    """Whole milliseconds, in which Prometheus keeps time: so 0.1 + 0.2 is the edge at 0.3."""
    return np.rint(np.asarray(seconds) * 1000.0).astype(np.int64)
