"""What a reader sees of the collector's store, held against sums by hand."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.model import ConfigError
from meshlab.telemetry.central import CentralLog, Record
from meshlab.telemetry.central_views import WHAT, stored, summary, windows

LOG = CentralLog(
    records=[
        Record(0.2, "auth", "auth-1", True, 0.1),
        Record(0.4, "auth", "auth-2", False, 0.3),
        Record(2.5, "auth", "auth-1", True, 0.2),
        Record(2.6, "user", "user-1", True, 1.0),
    ]
)

record = st.builds(
    Record,
    time=st.floats(-30, 90),
    service=st.sampled_from(["auth", "user"]),
    instance=st.sampled_from(["auth-1", "user-1"]),
    ok=st.booleans(),
    seconds=st.floats(0, 2),
)


def values(frame: pd.DataFrame, service: str) -> list[float]:
    return frame[frame["service"] == service]["value"].tolist()


def test_a_store_is_a_frame_with_a_row_for_every_record_in_the_order_of_storing() -> None:
    frame = stored(LOG)
    assert list(frame.columns) == list(Record._fields)
    assert [Record(*row) for row in frame.itertuples(index=False)] == LOG.records


def test_an_empty_store_has_columns_and_no_rows() -> None:
    empty = stored(CentralLog())
    assert empty.empty
    assert empty["ok"].dtype == bool
    assert windows(empty, "requests", until=3).empty
    assert summary(empty).empty


def test_a_window_without_records_counts_zero_and_has_no_share() -> None:
    requests = windows(stored(LOG), "requests", until=4)
    assert values(requests, "auth") == [2, 0, 1, 0]
    shares = values(windows(stored(LOG), "failed share", until=4), "auth")
    assert shares[0] == 0.5
    assert math.isnan(shares[1])


def test_a_window_bears_the_time_of_its_end() -> None:
    frame = windows(stored(LOG), "requests", width=2, until=4)
    assert frame[frame["service"] == "user"]["time"].tolist() == [2, 4]


def test_counts_are_per_second() -> None:
    assert values(windows(stored(LOG), "requests", width=0.5), "auth") == [4, 0, 0, 0, 0, 2]
    assert values(windows(stored(LOG), "failed", width=4), "auth") == [0.25]


def test_a_wrong_clock_stretches_the_windows_to_either_side() -> None:
    late = CentralLog(records=[*LOG.records, Record(-1.5, "auth", "auth-3", True, 0.1)])
    frame = windows(stored(late), "requests", until=2)
    assert sorted(set(frame["time"])) == [-1, 0, 1, 2, 3]
    assert values(frame, "auth") == [1, 0, 2, 0, 1]


def test_windows_can_be_made_by_instance() -> None:
    frame = windows(stored(LOG), "mean", by="instance", width=3)
    assert dict(zip(frame["instance"], frame["value"], strict=True)) == pytest.approx(
        {"auth-1": 0.15, "auth-2": 0.3, "user-1": 1.0}
    )


def test_a_summary_has_a_row_for_every_service() -> None:
    frame = summary(stored(LOG)).set_index("service")
    assert frame.loc["auth"].drop("p99").to_dict() == pytest.approx(
        {"requests": 3, "failed": 1, "failed share": 1 / 3, "mean": 0.2}
    )
    assert frame.loc["user", "p99"] == 1.0


def test_unknown_questions_and_columns_list_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown quantity 'p98'.*valid: requests"):
        windows(stored(LOG), "p98")
    with pytest.raises(ConfigError, match=r"unknown column 'zone'.*valid: time, service"):
        summary(stored(LOG), by="zone")
    with pytest.raises(ConfigError, match="width must be a number > 0, got 0"):
        windows(stored(LOG), "mean", width=0)


@pytest.mark.slow
@given(st.lists(record), st.sampled_from([0.5, 1.0, 7.0]), st.floats(0, 60))
def test_no_record_is_dropped_or_counted_twice(
    records: list[Record], width: float, until: float
) -> None:
    frame = stored(CentralLog(records=records))
    counted = windows(frame, "requests", width=width, until=until)["value"].sum() * width
    assert counted == pytest.approx(len(records))
    assert summary(frame)["requests"].sum() == len(records)


@pytest.mark.slow
@given(st.lists(record, min_size=1), st.sampled_from(sorted(WHAT)))
def test_every_service_has_the_same_windows(records: list[Record], what: str) -> None:
    frame = windows(stored(CentralLog(records=records)), what, until=10)
    assert len(set(frame.groupby("service")["time"].agg(tuple))) == 1
