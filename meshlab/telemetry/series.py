"""What the scraper wrote down, and how to read it: recordings, tidy frames and their aggregation.

A scraper asks every target (a *registry*: one sidecar, one application) for its numbers at a fixed
interval. Everything that a figure or a query knows comes from these samples: what happened between
two scrapes is in the counters, or nowhere.

    Recording --frame()--> time, instance, labels..., value --rate(), aggregate()--> the same shape

Times are virtual seconds. Where a target could not be scraped, a frame has a *stale marker*: a row
whose value counts as no sample. Any other NaN is a sample like every number: 0 / 0, say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from meshlab.rules import check, require_known
from meshlab.telemetry.names import METRICS, Metric

if TYPE_CHECKING:
    import pandas as pd

Matcher = str | re.Pattern[str]
"""What a label must be: this value, or a match of this pattern from end to end."""

LOOKBACK = 300.0
"""How old (s) a sample may be and still count as the latest: Prometheus's own default."""

STALE: Final = float(np.uint64(0x7FF8_0000_0000_0002).view(np.float64))
"""The stale marker: a NaN that is told from others by its last bits, as in Prometheus.

Prometheus has 0x7ff0000000000002 (``model/value/value.go``). This is the same with the bit that
makes a NaN quiet: numpy warns of the other kind. What is computed from a marker stays one.
"""

HOWS = ("sum", "avg", "min", "max", "count")
"""Prometheus's aggregation operators."""


class SeriesKey(NamedTuple):
    """One time series of one registry: the sample's name and its labels, as they are exposed.

    >>> SeriesKey("mesh_retries_total", (("source", "gateway"), ("destination", "auth")))
    SeriesKey(metric='mesh_retries_total', labels=(('source', 'gateway'), ('destination', 'auth')))
    """

    metric: str
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """One observation kept beside a histogram bucket, so that a bucket leads to a trace.

    ``target`` is the instance that observed it, as in `Recording`; ``series`` is the lowest bucket
    that holds ``value`` (s); ``time`` is when it was observed (s).
    """

    target: str
    series: SeriesKey
    trace_id: str
    value: float
    time: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """All samples that one target gave: ``values[i, j]`` is series ``schema[j]`` at ``times[i]``.

    ``target`` is the instance that was asked, and becomes the label ``instance``. ``times`` (s) has
    shape (n,) and rises; ``values`` has shape (n, len(schema)), NaN where nothing was scraped.
    """

    target: str
    job: Literal["service", "sidecar"]
    schema: tuple[SeriesKey, ...]
    times: np.ndarray
    values: np.ndarray

    def __post_init__(self) -> None:
        where = f"recording of '{self.target}'"
        shape = (len(self.times), len(self.schema))
        check(
            self.values.shape == shape, where, f"values must have shape {shape}", self.values.shape
        )
        rising = bool(np.all(np.diff(self.times) > 0))
        check(rising, where, "times must rise", self.times)


def frame(
    recordings: Iterable[Recording], metric: str | Metric, /, **matchers: Matcher
) -> pd.DataFrame:
    """All samples of one metric, tidy: columns time (s), instance, the labels, value.

    Matchers choose series by label: ``destination="auth"`` is ``{destination="auth"}``, and a
    compiled pattern, ``code=re.compile("5..")``, must match the whole value like ``{code=~"5.."}``.
    A scrape that failed is a row with the value `STALE`. No match gives an empty frame. ConfigError
    lists what there is if the metric or a label is unknown.
    """
    import pandas as pd  # here, so that a run needs only numpy

    recordings = list(recordings)
    name = str(metric)
    found = [
        (recording, j, key)
        for recording in recordings
        for j, key in enumerate(recording.schema)
        if key.metric == name
    ]
    labels = _labels(name, recordings, [key for _, _, key in found])
    for label in matchers:
        require_known(label, labels, f"metric '{name}'", "label")
    rows: dict[str, list[str]] = {label: [] for label in labels}
    times, values = [np.empty(0)], [np.empty(0)]
    for recording, j, key in found:
        series = {"instance": recording.target, **dict(key.labels)}
        if all(_matches(series[label], matcher) for label, matcher in matchers.items()):
            for label in labels:
                rows[label] += [series[label]] * len(recording.times)
            times.append(recording.times)
            column = recording.values[:, j]
            values.append(np.where(np.isnan(column), STALE, column))
    return pd.DataFrame(
        {"time": np.concatenate(times), **rows, "value": np.concatenate(values)}
    ).astype(dict.fromkeys(labels, "str"))


def label_names(samples: pd.DataFrame) -> list[str]:
    """The labels of a tidy frame: every column but time and value."""
    return [str(column) for column in samples.columns if column not in ("time", "value")]


def is_stale(values: ArrayLike) -> np.ndarray:
    """Which values are no samples but `STALE`, whatever their sign."""
    bits = np.asarray(values, float).view(np.uint64) << 1
    return np.asarray(bits == np.float64(STALE).view(np.uint64) << 1)


def present(samples: pd.DataFrame, where: str) -> pd.DataFrame:
    """The samples without stale markers.

    ConfigError names the place ``where`` two samples have the same labels and time.
    """
    found = samples[~is_stale(samples["value"])]
    labels = label_names(samples)
    single = not found.duplicated([*labels, "time"]).any()
    check(single, where, "labels must tell the series apart", labels)
    return found


def aggregate(
    samples: pd.DataFrame, by: str | Sequence[str] = (), how: str = "sum"
) -> pd.DataFrame:
    """One series per value of the labels ``by``: ``sum by (destination) (...)`` as a visible step.

    ``how`` is sum, avg, min, max or count. Samples meet at equal times, so take `rate` or `latest`
    first if the targets were not scraped together. Take `rate` before the sum, never after: the sum
    hides the restart of one of its counters. A NaN makes the sum and the average NaN; the smallest
    and the largest are NaN only where nothing else is.
    """
    labels = [by] if isinstance(by, str) else list(by)
    for label in labels:
        require_known(label, label_names(samples), "aggregate", "label")
    require_known(how, HOWS, "aggregate", "how")
    groups = samples[~is_stale(samples["value"])].groupby([*labels, "time"])["value"]
    match how:
        case "sum":
            found = groups.sum(skipna=False)
        case "avg":
            found = groups.mean(skipna=False)
        case "count":
            found = groups.size().rename("value")
        case _:
            found = groups.agg(how)
    return found.reset_index()[["time", *labels, "value"]]


def latest(samples: pd.DataFrame, at: float | None = None) -> pd.DataFrame:
    """The newest sample of every series at time ``at`` (s; None: the end): an instant query.

    A series is gone if its newest sample is older than `LOOKBACK`, or its last scrape failed.
    ConfigError if two samples have the same labels and time.
    """
    at = float(samples["time"].max()) if at is None else at
    seen = samples[(samples["time"] > at - LOOKBACK) & (samples["time"] <= at)].sort_values("time")
    labels = label_names(samples)
    newest = seen.drop_duplicates(labels, keep="last") if labels else seen.tail(1)
    present(seen, "latest")
    return newest[~is_stale(newest["value"])].assign(time=at).sort_index().reset_index(drop=True)


def metric_names(recordings: Iterable[Recording]) -> list[str]:
    """Every sample name that was recorded, in alphabetical order."""
    return sorted({key.metric for recording in recordings for key in recording.schema})


def _labels(name: str, recordings: list[Recording], keys: list[SeriesKey]) -> list[str]:
    """The label columns of a metric: from its first series, or from its declaration if none."""
    if keys:
        return ["instance", *(label for label, _ in keys[0].labels)]
    declared = {sample: metric for metric in METRICS for sample in metric.samples}
    if name not in declared:
        require_known(name, metric_names(recordings) or sorted(declared), "frame", "metric")
    le = ["le"] if name.endswith("_bucket") else []
    return ["instance", *declared[name].labels, *le]


def _matches(value: str, matcher: Matcher) -> bool:
    return value == matcher if isinstance(matcher, str) else bool(matcher.fullmatch(value))
