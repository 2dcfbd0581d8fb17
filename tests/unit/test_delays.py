"""What a new instance waited for: every second between its registration and its first answer."""

from __future__ import annotations

from typing import Any

import pytest

from meshlab.engines.run import run
from meshlab.kernel.distributions import Constant
from meshlab.model import ConfigError
from meshlab.policies.health import HealthCheck
from meshlab.policies.outlier import OutlierDetection
from meshlab.telemetry.delays import CAUSES, Delay, delays, mean_waits
from tests.small import instance, line, service


def came(inner: dict[str, Any], **times: float) -> list[Delay]:
    """A second instance of cart comes to four gateways, each of which asks four times a second."""
    scenario = line(
        service("gateway", *[instance(1 / 128)] * 4),
        service("cart", instance(), instance(**times)),
        rate=16.0,
        duration=16.0,
        inner=inner,
        scrape_interval=0.125,
        trace_sampling=1.0,
    )
    return delays(run(scenario, seed=1), "cart-2")


def longest(rows: list[Delay]) -> dict[str, float]:
    return {cause: max(row.waits[cause] for row in rows) for cause in CAUSES}


EARLY = {"registers_at": 2.0, "starts_at": 6.0}


def test_the_waits_of_a_sidecar_add_up_to_its_delay() -> None:
    rows = came({"propagation": Constant(1.0), "health": HealthCheck(interval=2.0)}, **EARLY)
    assert len(rows) == 4
    for row in rows:
        assert sum(row.waits.values()) == pytest.approx(row.seconds)
        assert tuple(row.waits) == CAUSES


def test_news_takes_as_long_as_the_propagation() -> None:
    rows = came({"propagation": Constant(3.0)}, starts_at=2.0)
    assert {row.waits["news"] for row in rows} == {3.0}
    assert {row.cause for row in rows} == {"news"}


def test_without_delays_only_the_turn_is_left() -> None:
    waits = longest(came({}, starts_at=2.0))
    assert [cause for cause in CAUSES if waits[cause] > 0] == ["turn"]


def test_one_that_is_registered_too_early_waits_for_its_process() -> None:
    rows = came({"propagation": Constant(1.0)}, **EARLY)
    assert {row.waits["process"] for row in rows} == {3.0}
    assert {row.cause for row in rows} == {"process"}


def test_health_checks_have_the_time_from_listening_to_the_verdict() -> None:
    health = HealthCheck(interval=2.0, unhealthy_threshold=1, healthy_threshold=2)
    rows = came({"health": health}, **EARLY)
    assert all(2.0 <= row.waits["checks"] <= 4.0 for row in rows)
    assert longest(rows)["ejection"] == 0.0


def test_an_ejection_has_the_time_from_listening_to_the_return() -> None:
    outlier = OutlierDetection(consecutive_5xx=2, interval=1.0, base_ejection_time=9.0)
    rows = came({"outlier": outlier}, **EARLY)
    assert {row.cause for row in rows} == {"ejection"}
    assert longest(rows)["checks"] == 0.0


def test_a_sidecar_without_an_answer_has_no_row() -> None:
    assert came({"propagation": Constant(20.0)}, starts_at=2.0) == []


def test_an_unknown_instance_is_named_beside_the_valid_ones() -> None:
    result = run(line(service("cart")), seed=1)
    with pytest.raises(ConfigError, match=r"'cart-7'.*valid: cart-1"):
        delays(result, "cart-7")


def test_mean_waits_are_those_of_the_rows_and_zero_without_any() -> None:
    rows = came({"propagation": Constant(3.0)}, starts_at=2.0)
    assert mean_waits(rows)["news"] == 3.0
    assert mean_waits([]) == dict.fromkeys(CAUSES, 0.0)
