"""A whole run as OpenMetrics text with timestamps: what a Prometheus can be filled with afterwards.

    python -m meshlab export --openmetrics FILE
    promtool tsdb create-blocks-from openmetrics FILE DIRECTORY

`meshlab.telemetry.exposition` shows what one target answers to one scrape. Here is what a scraper
has after many: every sample with its time, and with the labels ``instance`` and ``job`` that a
scraper writes. The format wants all samples of a family together, those of one series in the order
of time, and a last line ``# EOF``, without which a file was cut short.

A target that is down gives no samples. Prometheus would write a *stale marker* then, so that a
graph has a gap; the text format has none, so a gauge gets one NaN at the first scrape that failed.
Counters get nothing: a NaN would spoil every ``rate()`` whose window holds it.

Format: https://github.com/prometheus/OpenMetrics (1.0).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TextIO

import numpy as np

from meshlab.mesh.result import Result
from meshlab.normalized import normalized
from meshlab.rules import check, require_known, require_positive
from meshlab.scenario import Scenario
from meshlab.telemetry.exposition import FAMILY_OF
from meshlab.telemetry.names import METRICS, Metric
from meshlab.telemetry.series import Recording, SeriesKey

WHERE = "export"
BLACK_FRIDAY = "2025-11-28T14:20:00Z"
"""When virtual time 0 is, unless somebody says otherwise."""

MOST_SCRAPES = 2**31
"""A step of more has nothing left to step over."""


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Selection:
    """What to export: all, unless said otherwise.

    ``start`` is virtual time 0 as date and time with a zone. ``step`` (s) keeps a scrape in so many
    seconds; it must be a multiple of the scrape interval. ``metrics`` are families of
    `meshlab.telemetry.names`, ``targets`` instances.
    """

    start: str = BLACK_FRIDAY
    step: float | None = None
    metrics: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        epoch(self.start)
        if self.step is not None:
            require_positive(self.step, WHERE, "step")
        for name in self.metrics:
            require_known(name, [str(metric) for metric in METRICS], WHERE, "metric")


@dataclass(frozen=True, slots=True)
class Written:
    """How much was written."""

    samples: int
    series: int


def epoch(start: str) -> float:
    """Seconds since 1970 of a date and time. ConfigError if it is none, or has no zone.

    >>> epoch("1970-01-02T00:00:00Z")
    86400.0
    """
    try:
        time = datetime.fromisoformat(start)
    except ValueError:
        time = datetime.min
    rule = f"start must be a date and time with its zone, like {BLACK_FRIDAY}"
    check(time.tzinfo is not None, WHERE, rule, start)
    return (time - datetime.fromtimestamp(0, UTC)).total_seconds()  # in UTC it may be year 10000


def write_openmetrics(result: Result, file: TextIO, selection: Selection | None = None) -> Written:
    """Write the run's samples to ``file``, family by family, and ``# EOF`` at the end."""
    chosen = selection or Selection()
    check_selection(chosen, result.scenario)
    recordings = [r for r in result.recordings if not chosen.targets or r.target in chosen.targets]
    every = round(
        (chosen.step or result.scenario.scrape_interval) / result.scenario.scrape_interval
    )
    start = epoch(chosen.start)
    samples = series = 0
    for metric in METRICS:
        if chosen.metrics and metric.name not in chosen.metrics:
            continue
        head = _head(metric)
        for recording in recordings:
            for _, keys in groupby(_columns(recording, metric), key=_child):
                group = list(keys)
                series += len(group)
                for line in _lines(recording, group, every, start, metric):
                    file.write(head + line)
                    head = ""
                    samples += 1
    file.write("# EOF\n")
    return Written(samples, series)


def check_selection(selection: Selection, scenario: Scenario) -> None:
    """ConfigError if a run of ``scenario`` has no such targets, or no scrapes at such steps."""
    sources = [load.source for load in scenario.loads]
    instances = [name for service in scenario.services for name in service.instance_names()]
    for name in selection.targets:
        require_known(name, [*sources, *instances], WHERE, "target")
    interval = scenario.scrape_interval
    scrapes = (selection.step or interval) / interval
    fits = 1.0 <= scrapes <= MOST_SCRAPES and math.isclose(scrapes, round(scrapes))
    rule = f"step must be a multiple of the scrape interval ({interval:g} s)"
    check(fits, WHERE, rule, selection.step)


Column = tuple[int, SeriesKey]
"""The place of a series in its recording, and its name."""


def _columns(recording: Recording, metric: Metric) -> Iterator[Column]:
    """The series of one family in a recording; those of one histogram stand together."""
    for place, key in enumerate(recording.schema):
        if FAMILY_OF[key.metric] is metric:
            yield place, key


def _child(column: Column) -> tuple[tuple[str, str], ...]:
    """The labels without the bucket's bound: what the parts of one histogram share."""
    return tuple((name, value) for name, value in column[1].labels if name != "le")


def _head(metric: Metric) -> str:
    """The lines before the samples of a family. A counter's family has no ``_total``."""
    name = metric.name.removesuffix("_total")
    unit = f"# UNIT {name} {metric.unit}\n" if metric.unit else ""
    text = _escaped(metric.documentation)
    return f"# HELP {name} {text}\n# TYPE {name} {metric.kind}\n{unit}"


def _lines(
    recording: Recording, group: Sequence[Column], every: int, start: float, metric: Metric
) -> Iterator[str]:
    """The samples of one child: for every scrape each of its series."""
    names = [_name(recording, key) for _, key in group]
    rows = recording.values[::every, [place for place, _ in group]]
    gap = metric.kind == "gauge"
    for time, row in zip(recording.times[::every], rows.tolist(), strict=True):
        missing = bool(np.isnan(row[0]))
        for name, value in zip(names, row, strict=True):
            if not missing:
                yield f"{name} {value!r} {start + time:.3f}\n"
            elif gap:
                yield f"{name} NaN {start + time:.3f}\n"
        gap = metric.kind == "gauge" and not missing


def _name(recording: Recording, key: SeriesKey) -> str:
    """A series as a scraper stores it: with the target's own labels."""
    labels = {**dict(key.labels), "instance": recording.target, "job": recording.job}
    return f"{key.metric}{{{_written(labels)}}}"


def _written(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
