"""Recordings become tidy frames, and frames are aggregated as Prometheus would."""

import math
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.model import ConfigError
from meshlab.telemetry.names import MESH_PANIC, MESH_REQUESTS, UP
from meshlab.telemetry.series import (
    STALE,
    Matcher,
    Recording,
    SeriesKey,
    aggregate,
    frame,
    is_stale,
    label_names,
    latest,
    metric_names,
)

CODES = ("200", "500", "503")


def gateway(target: str = "gateway-1", scrapes: int = 3, factor: float = 1.0) -> Recording:
    """Calls from gateway to two services by code: at scrape i, series j has factor * i * (j+1)."""
    schema = [SeriesKey("up", (("job", "sidecar"),))]
    for destination in ("auth", "user"):
        for code in CODES:
            ends = (("source", "gateway"), ("destination", destination))
            schema.append(SeriesKey(MESH_REQUESTS.name, (*ends, ("code", code), ("flag", "-"))))
    values = factor * np.outer(np.arange(scrapes), np.arange(len(schema)))
    values[:, 0] = 1.0
    return Recording(
        target=target,
        job="sidecar",
        schema=tuple(schema),
        times=5.0 * np.arange(scrapes),
        values=values,
    )


def with_a_failed_scrape(recording: Recording, scrape: int) -> Recording:
    values = recording.values.copy()
    values[scrape] = math.nan
    values[scrape, 0] = 0.0
    return Recording(
        target=recording.target,
        job=recording.job,
        schema=recording.schema,
        times=recording.times,
        values=values,
    )


def test_a_frame_has_one_row_per_series_and_scrape_with_time_labels_and_value() -> None:
    got = frame([gateway("gateway-1"), gateway("gateway-2", factor=2)], MESH_REQUESTS)
    assert list(got.columns) == [
        "time", "instance", "source", "destination", "code", "flag", "value",
    ]  # fmt: skip
    assert len(got) == 2 * 6 * 3
    row = got.query("instance == 'gateway-2' and destination == 'user' and code == '200'")
    assert row["time"].tolist() == [0.0, 5.0, 10.0]
    assert row["value"].tolist() == [0.0, 8.0, 16.0]


@pytest.mark.parametrize(
    ("matchers", "rows"),
    [
        ({"code": "500"}, 6),
        ({"code": re.compile("5..")}, 12),
        ({"code": re.compile("5")}, 0),
        ({"code": "500", "destination": "auth"}, 3),
        ({"instance": "gateway-2"}, 0),
    ],
    ids=str,
)
def test_matchers_choose_series_and_patterns_must_match_from_end_to_end(
    matchers: dict[str, Matcher], rows: int
) -> None:
    got = frame([gateway()], "mesh_requests_total", **matchers)
    assert len(got) == rows
    assert list(got.columns) == list(frame([gateway()], MESH_REQUESTS).columns)


def test_an_unknown_metric_or_label_gets_the_list_of_valid_ones() -> None:
    with pytest.raises(ConfigError, match=r"'mesh_request_total'.*mesh_requests_total, up"):
        frame([gateway()], "mesh_request_total")
    with pytest.raises(ConfigError, match=r"'dest'.*instance, source, destination, code, flag"):
        frame([gateway()], MESH_REQUESTS, dest="auth")
    with pytest.raises(ConfigError, match=r"'dest'.*destination"):
        aggregate(frame([gateway()], MESH_REQUESTS), by="dest")
    with pytest.raises(ConfigError, match=r"'total'.*sum, avg, min, max, count"):
        aggregate(frame([gateway()], MESH_REQUESTS), how="total")


def test_a_declared_metric_that_nobody_recorded_is_an_empty_frame_with_its_labels() -> None:
    got = frame([gateway()], MESH_PANIC)
    assert got.empty
    assert label_names(got) == ["instance", "source", "destination"]
    buckets = frame([], "mesh_request_duration_seconds_bucket")
    assert label_names(buckets) == ["instance", "source", "destination", "le"]


def test_metric_names_lists_what_was_recorded() -> None:
    assert metric_names([gateway()]) == ["mesh_requests_total", "up"]


@given(
    how=st.sampled_from(["sum", "avg", "min", "max", "count"]),
    by=st.lists(st.sampled_from(["instance", "destination", "code"]), unique=True),
)
def test_aggregation_agrees_with_doing_it_by_hand(how: str, by: list[str]) -> None:
    samples = frame([gateway("a"), gateway("b", factor=3)], MESH_REQUESTS)
    by_hand: dict[tuple[object, ...], list[float]] = {}
    for row in samples.to_dict("records"):
        by_hand.setdefault((row["time"], *(row[label] for label in by)), []).append(row["value"])
    reduce = {"sum": sum, "avg": np.mean, "min": min, "max": max, "count": len}[how]
    got = aggregate(samples, by, how)
    assert list(got.columns) == ["time", *by, "value"]
    assert {tuple(row[:-1]): row[-1] for row in got.itertuples(index=False)} == {
        key: pytest.approx(reduce(values)) for key, values in by_hand.items()
    }


def test_a_target_that_was_not_scraped_is_missing_from_the_sum_and_up_is_zero() -> None:
    recordings = [gateway("a"), with_a_failed_scrape(gateway("b"), 1)]
    samples = frame(recordings, MESH_REQUESTS, code="200", destination="auth")
    assert aggregate(samples)["value"].tolist() == [0.0, 1.0, 4.0]
    assert aggregate(samples, how="count")["value"].tolist() == [2, 1, 2]
    assert frame(recordings, UP, instance="b")["value"].tolist() == [1.0, 0.0, 1.0]


def test_a_failed_scrape_is_a_stale_marker_in_a_frame_and_no_other_sample_is() -> None:
    samples = frame([with_a_failed_scrape(gateway(), 1)], MESH_REQUESTS)
    assert is_stale(samples["value"]).tolist() == (samples["time"] == 5.0).tolist()
    assert samples["value"].isna().sum() == 6  # so a figure has a gap there


def test_a_stale_marker_is_told_from_every_other_nan_and_number() -> None:
    others = [math.nan, -math.nan, math.inf, 0.0, -0.0, 1.0, np.float64("nan"), 0.0 * math.inf]
    assert not is_stale(others).any()
    assert is_stale([STALE, -STALE]).all()


def test_what_is_computed_from_a_stale_marker_is_one() -> None:
    column = pd.Series([STALE, 1.0])
    computed = [column * 2, -column, column - 1.0, column + column, column / 0.0, column.copy()]
    assert [is_stale(each).tolist() for each in computed] == [[True, False]] * len(computed)
    assert is_stale(pd.concat([column, column])[::2]).tolist() == [True, True]


def test_aggregation_leaves_out_stale_markers_and_no_nan() -> None:
    rows = {"time": 5.0, "i": ["a", "b", "c"], "value": [1.0, STALE, math.nan]}
    samples = pd.DataFrame(rows)
    assert math.isnan(aggregate(samples)["value"].item())
    assert aggregate(samples, how="count")["value"].tolist() == [2]
    assert aggregate(samples, "i")["i"].tolist() == ["a", "c"]


def test_latest_refuses_samples_with_the_same_labels_and_time() -> None:
    samples = frame([gateway("a"), gateway("b")], MESH_REQUESTS).drop(columns="instance")
    with pytest.raises(ConfigError, match="latest: labels must tell the series apart, got "):
        latest(samples)


def test_a_newest_sample_that_is_nan_is_the_latest() -> None:
    samples = pd.DataFrame({"time": [5.0, 10.0], "value": [1.0, math.nan]})
    assert math.isnan(latest(samples)["value"].item())


def test_latest_is_the_newest_sample_of_every_series_at_that_time() -> None:
    samples = frame([gateway()], MESH_REQUESTS, destination="auth")
    assert latest(samples)["value"].tolist() == [2.0, 4.0, 6.0]
    at_seven = latest(samples, at=7.0)
    assert at_seven["value"].tolist() == [1.0, 2.0, 3.0]
    assert at_seven["time"].tolist() == [7.0] * 3
    assert latest(samples, at=-1.0).empty


def test_latest_forgets_a_series_after_a_failed_scrape_or_after_the_lookback() -> None:
    samples = frame([with_a_failed_scrape(gateway(), 2)], MESH_REQUESTS)
    assert latest(samples, at=9.9).shape[0] == 6
    assert latest(samples, at=10.0).empty
    whole = frame([gateway()], MESH_REQUESTS)
    assert latest(whole, at=309.9).shape[0] == 6
    assert latest(whole, at=310.0).empty


def test_latest_of_a_series_without_labels_is_one_row() -> None:
    total = aggregate(frame([gateway()], MESH_REQUESTS))
    assert latest(total).to_dict("list") == {"time": [10.0], "value": [42.0]}


def test_a_recording_refuses_values_that_do_not_fit_its_schema_and_times_that_do_not_rise() -> None:
    good = gateway()
    with pytest.raises(ConfigError, match="recording of 'x': values must have shape \\(3, 6\\)"):
        Recording(
            target="x", job="sidecar", schema=good.schema[1:], times=good.times, values=good.values
        )
    with pytest.raises(ConfigError, match="recording of 'x': times must rise"):
        Recording(
            target="x",
            job="sidecar",
            schema=good.schema,
            times=good.times[::-1],
            values=good.values,
        )


def test_a_run_that_only_records_does_not_import_pandas() -> None:
    code = "import sys, meshlab.telemetry.series; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_frames_of_nothing_stay_frames() -> None:
    nothing = frame([gateway()], MESH_REQUESTS, code="404")
    assert aggregate(nothing, "destination").empty
    assert latest(nothing).empty
    assert isinstance(latest(nothing), pd.DataFrame)
