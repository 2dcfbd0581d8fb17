"""A run as a file for Prometheus: it reads back, promtool loads it, and nothing gets lost."""

from __future__ import annotations

import io
import math
import re
import subprocess
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from meshlab.engines.run import run
from meshlab.export import BLACK_FRIDAY, Selection, Written, epoch, write_openmetrics
from meshlab.faults import Outage
from meshlab.mesh.result import Result
from meshlab.model import ConfigError
from meshlab.shop import shop
from meshlab.telemetry.exposition import FAMILY_OF
from meshlab.telemetry.names import METRICS
from meshlab.telemetry.series import Recording, SeriesKey
from tests.incident_run import happened

Labels = frozenset[tuple[str, str]]
Numbers = dict[tuple[str, Labels], float]


@cache
def outage() -> Result:
    """The shop; auth-1 is dead from 7 to 18 s, so that the scrapes at 10 and 15 s fail."""
    dead = Outage(service="auth", instance="auth-1", start=7.0, end=18.0)
    return run(replace(shop(rate=5.0, duration=30.0), faults=(dead,)), 1)


def exported(result: Result, selection: Selection | None = None) -> tuple[str, Written]:
    file = io.StringIO()
    written = write_openmetrics(result, file, selection)
    return file.getvalue(), written


def at_instant(text: str, time: float) -> str:
    """Only the samples of one moment, so that prometheus_client reads it as one scrape."""
    stamp = f"{time:.3f}"
    lines = text.splitlines()
    return "\n".join(x for x in lines if x.startswith("#") or x.endswith(f" {stamp}")) + "\n"


def scraped(result: Result, scrape: int) -> Numbers:
    """What was recorded at one scrape, with the labels of the target."""
    return {
        (key.metric, frozenset({*key.labels, ("instance", r.target), ("job", r.job)})): value
        for r in result.recordings
        for key, value in zip(r.schema, r.values[scrape], strict=True)
        if not math.isnan(value)
    }


def samples(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("scrape", [0, 1, 2, 4, 6])
def test_every_instant_reads_back_to_the_numbers_that_were_scraped(scrape: int) -> None:
    result = outage()
    text, _ = exported(result)
    time = epoch(BLACK_FRIDAY) + float(result.recordings[0].times[scrape])
    read = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(at_instant(text, time))
        for sample in family.samples
        if not math.isnan(sample.value)
    }
    assert read == scraped(result, scrape)


def test_a_family_stands_together_and_each_series_in_the_order_of_time() -> None:
    text, _ = exported(outage())
    heads = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert heads == [m.name.removesuffix("_total") for m in METRICS if m.name in text]
    families = [FAMILY_OF[re.split(r"[{ ]", line)[0]].name for line in samples(text)]
    changes = [b for a, b in zip(["", *families], families, strict=False) if a != b]
    assert len(changes) == len(set(changes)) == len(heads)
    times: dict[str, list[float]] = {}
    for line in samples(text):
        series, _, time = line.rsplit(" ", 2)
        times.setdefault(series, []).append(float(time))
    assert all(np.all(np.diff(each) > 0) for each in times.values())


def test_the_parts_of_a_histogram_stand_together_at_every_time() -> None:
    """The standard wants the buckets of one moment before those of the next."""
    only = Selection(metrics=("service_request_duration_seconds",), targets=("auth-2",))
    found = [line.rsplit(" ", 1)[1] for line in samples(exported(outage(), only)[0])]
    assert found == sorted(found)
    assert set(Counter(found).values()) == {17}


def test_a_target_that_is_down_has_one_nan_in_its_gauges_and_nothing_in_its_counters() -> None:
    text, _ = exported(outage(), Selection(targets=("auth-1",)))
    start = epoch(BLACK_FRIDAY)

    def seen(metric: str) -> list[tuple[float, str]]:
        found = [line.rsplit(" ", 2) for line in samples(text) if line.startswith(f"{metric}{{")]
        return [(float(time) - start, value) for _, value, time in found]

    gauge, up = seen("service_goroutines"), dict(seen("up"))
    assert [time for time, _ in gauge] == [0.0, 5.0, 10.0, 20.0, 25.0, 30.0]
    assert [time for time, value in gauge if value == "NaN"] == [10.0]
    assert {time for time, _ in seen("service_restarts_total")} == {0.0, 5.0, 20.0, 25.0, 30.0}
    assert up == dict.fromkeys((0.0, 5.0, 20.0, 25.0, 30.0), "1.0") | {10.0: "0.0", 15.0: "0.0"}


def test_what_was_chosen_is_written_and_nothing_else() -> None:
    only = Selection(
        start="2024-11-29T09:00:00+01:00",
        step=10.0,
        metrics=("up", "mesh_retries_total"),
        targets=("gateway-1",),
    )
    text, written = exported(outage(), only)
    lines = samples(text)
    assert {re.split(r"[{ ]", line)[0] for line in lines} == {"up", "mesh_retries_total"}
    assert all('instance="gateway-1"' in line for line in lines)
    times = sorted({float(line.rsplit(" ", 1)[1]) for line in lines})
    assert times == [epoch("2024-11-29T08:00:00Z") + t for t in (0.0, 10.0, 20.0, 30.0)]
    assert written.samples == len(lines) == 4 * written.series
    assert text.endswith("\n# EOF\n")


def test_a_label_and_a_help_line_are_escaped_as_the_format_wants() -> None:
    odd = 'a "quoted" \\ back\nslash'
    result = outage()
    recording = Recording(
        target=odd,
        job="service",
        schema=(SeriesKey("service_goroutines", (("service", odd),)),),
        times=np.array([0.0]),
        values=np.array([[3.0]]),
    )
    text, _ = exported(replace(result, recordings=(recording,)))
    (family,) = parse(text)
    (sample,) = family.samples
    assert sample.labels == {"service": odd, "instance": odd, "job": "service"}
    told = {f.name: f.documentation for f in parse(at_instant(exported(result)[0], -1.0))}
    declared = {m.name.removesuffix("_total"): m.documentation for m in METRICS}
    assert told == {name: declared[name] for name in told}
    assert any('"' in documentation for documentation in told.values())


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"start": "2025-11-28T14:20:00"}, "start must be a date and time with its zone"),
        ({"start": "soon"}, "got 'soon'"),
        ({"step": 0.0}, "step must be a number > 0, got 0.0"),
        ({"step": 7.0}, r"step must be a multiple of the scrape interval \(5 s\), got 7.0"),
        ({"step": 2.5}, "got 2.5"),
        ({"metrics": ("mesh_retires_total",)}, "unknown metric .*did you mean"),
        ({"targets": ("auth-9",)}, "unknown target 'auth-9'"),
    ],
)
def test_what_can_not_be_exported_is_named(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=f"export: .*{told}"):
        exported(outage(), Selection(**wrong))  # type: ignore[arg-type]


# ---- the incident, as Prometheus has it


def loaded(promtool: str, text: str, directory: Path) -> Path:
    """A database of Prometheus that was filled with the text."""
    file, blocks = directory / "incident.om", directory / "blocks"
    file.write_text(text, encoding="utf-8")
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(file), str(blocks)]
    subprocess.run(command, check=True, capture_output=True)
    (blocks / "wal").mkdir()  # `tsdb dump` wants one
    return blocks


def test_promtool_loads_every_sample_of_the_incident(promtool: str, tmp_path: Path) -> None:
    text, written = exported(happened())
    blocks = loaded(promtool, text, tmp_path)
    listed = subprocess.run(
        [promtool, "tsdb", "list", str(blocks)], check=True, capture_output=True, text=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()[1:]]
    assert sum(int(row[-4]) for row in rows) == written.samples > 500_000
    assert sum(int(row[-2]) for row in rows) == written.series  # within one block of two hours
    assert int(rows[0][1]) == epoch(BLACK_FRIDAY) * 1000


def test_prometheus_has_the_goroutines_that_the_run_recorded(promtool: str, tmp_path: Path) -> None:
    result = happened()
    blocks = loaded(
        promtool, exported(result, Selection(metrics=("service_goroutines",)))[0], tmp_path
    )
    match = '{__name__="service_goroutines",instance="auth-1"}'
    dumped = subprocess.run(
        [promtool, "tsdb", "dump", f"--match={match}", str(blocks)],
        check=True,
        capture_output=True,
        text=True,
    )
    read = {}
    for line in dumped.stdout.splitlines():
        _, value, milliseconds = line.rsplit(" ", 2)
        read[int(milliseconds) / 1000 - epoch(BLACK_FRIDAY)] = float(value)
    recorded = result.frame("service_goroutines", instance="auth-1").dropna()
    known = {time: value for time, value in read.items() if not math.isnan(value)}
    assert known == dict(zip(recorded["time"], recorded["value"], strict=True))


def test_promtool_refuses_a_file_that_was_cut_short(promtool: str, tmp_path: Path) -> None:
    text, _ = exported(outage())
    with pytest.raises(subprocess.CalledProcessError):
        loaded(promtool, text.removesuffix("# EOF\n"), tmp_path)


@pytest.mark.parametrize(
    ("start", "seconds"),
    [
        ("9999-12-31T23:59:59-14:00", 253402300799.0 + 14 * 3600.0),
        ("0001-01-01T00:00:00+14:00", -62135596800.0 - 14 * 3600.0),
        ("1969-12-31T23:59:59.5Z", -0.5),
    ],
)
def test_a_start_may_lie_in_another_year_there_than_in_utc(start: str, seconds: float) -> None:
    """Also in the year 10000 or 0, which no date can have."""
    assert epoch(start) == seconds
