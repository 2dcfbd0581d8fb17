"""Columns say what promql and frames say, only faster."""

import numpy as np
import pytest

from meshlab.model import ConfigError
from meshlab.telemetry.columns import Columns, ratio
from meshlab.telemetry.promql import irate
from meshlab.telemetry.series import Recording, SeriesKey, aggregate, frame

NAN = float("nan")


def recording(target: str, *rows: tuple[str, list[float]]) -> Recording:
    """Counters of calls to auth by code, scraped every five seconds."""
    return Recording(
        target=target,
        job="sidecar",
        schema=tuple(
            SeriesKey("mesh_requests_total", (("destination", "auth"), ("code", code)))
            for code, _ in rows
        ),
        times=np.arange(0.0, 5.0 * len(rows[0][1]), 5.0),
        values=np.array([values for _, values in rows]).T,
    )


TWO = (
    recording("gateway-1", ("200", [0, 10, 30, 30]), ("503", [0, 0, 5, 10])),
    recording("gateway-2", ("200", [0, 20, NAN, NAN]), ("503", [0, 0, NAN, NAN])),
)


def test_a_rate_is_the_growth_since_the_scrape_before_per_second_over_all_series() -> None:
    rates = Columns(TWO).rate("mesh_requests_total", destination="auth")
    assert np.isnan(rates[0])
    assert rates[1:].tolist() == [6.0, 5.0, 1.0]


def test_a_rate_is_the_sum_of_irates() -> None:
    instant = irate(frame(TWO, "mesh_requests_total"), window=5.1)
    both = Columns(TWO).rate("mesh_requests_total")
    total = aggregate(instant, how="sum").set_index("time")["value"]
    assert total[5.0] == both[1]
    assert total[15.0] == both[3]


def test_a_counter_that_fell_has_begun_again_at_zero() -> None:
    fell = recording("gateway-1", ("200", [0, 100, 15]))
    assert Columns((fell,)).rate("mesh_requests_total").tolist()[1:] == [20.0, 3.0]


def test_sums_leave_out_who_has_no_number_and_have_none_if_nobody_has() -> None:
    columns = Columns(TWO)
    assert columns.total("mesh_requests_total", code="200").tolist() == [0, 30, 30, 30]
    gone = columns.total("mesh_requests_total", instance="gateway-2")
    assert gone[:2].tolist() == [0, 20]
    assert np.isnan(gone[2:]).all()


def test_what_is_scraped_later_is_not_there() -> None:
    columns = Columns(TWO, until=9.9)
    assert columns.times.tolist() == [0.0, 5.0]
    assert columns.matrix("mesh_requests_total").shape == (4, 2)


def test_a_share_of_nothing_is_no_number() -> None:
    shares = ratio(np.array([1.0, 0.0, NAN]), np.array([4.0, 0.0, NAN]))
    assert shares[0] == 0.25
    assert np.isnan(shares[1:]).all()


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ConfigError, match="columns: unknown metric 'request_count'"):
        Columns(TWO).rate("request_count")


def test_targets_are_those_who_have_the_series() -> None:
    assert Columns(TWO).targets("mesh_requests_total", code="503") == ["gateway-1", "gateway-2"]
