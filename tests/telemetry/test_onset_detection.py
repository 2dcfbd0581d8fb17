"""When a metric left its calm range: the rule, and what it must not be fooled by."""

from __future__ import annotations

from math import nan

import pandas as pd

from meshlab.telemetry.onset_detection import onset, onsets

CALM = (0.0, 4.0)


def samples(*values: float) -> pd.DataFrame:
    return pd.DataFrame({"time": [float(t) for t in range(len(values))], "value": values})


def test_a_metric_has_moved_when_it_is_outside_by_more_than_its_range_is_wide() -> None:
    moved = onset("a", samples(4, 6, 4, 6, 5, 8, 8, 8.1, 9), CALM)
    assert (moved.time, moved.low, moved.high, moved.value) == (7.0, 4.0, 6.0, 8.1)


def test_downward_counts_as_well() -> None:
    assert onset("a", samples(4, 6, 4, 6, 5, 5, 1, 0), CALM).time == 6.0


def test_once_outside_is_no_move() -> None:
    assert onset("a", samples(4, 6, 4, 6, 5, 20, 5, 20, 5), CALM).time is None


def test_a_constant_has_moved_when_it_changes() -> None:
    assert onset("a", samples(0, 0, 0, 0, 0, 0, 1, 1), CALM).time == 6.0


def test_scrapes_without_a_value_are_passed_over() -> None:
    assert onset("a", samples(1, nan, 1, 1, 1, 5, nan, 5), CALM).time == 5.0
    assert onset("a", samples(nan, nan, nan, nan, nan, 5, 5), CALM).time is None


def test_what_happens_while_all_is_calm_is_the_range_and_no_move() -> None:
    assert onset("a", samples(0, 100, 0, 100, 0, 50, 50), CALM).time is None


def test_a_move_at_the_very_last_scrape_has_no_second_to_confirm_it() -> None:
    assert onset("a", samples(1, 1, 1, 1, 1, 1, 9), CALM).time is None


def test_many_are_told_in_the_order_in_which_they_moved_and_those_that_did_not_last() -> None:
    series = {
        "never": samples(1, 1, 1, 1, 1, 1, 1, 1),
        "late": samples(1, 1, 1, 1, 1, 1, 2, 2),
        "early": samples(1, 1, 1, 1, 1, 2, 2, 2),
    }
    assert [o.name for o in onsets(series, CALM)] == ["early", "late", "never"]
