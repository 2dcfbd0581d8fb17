"""Scenarios with a new version beside the old one."""

from __future__ import annotations

import pytest

from meshlab.canaries import new_version, with_canary, with_mirror
from meshlab.engines.run import run
from meshlab.model import ConfigError
from meshlab.scenario import Scenario
from meshlab.shop import shop


def names(scenario: Scenario) -> set[str]:
    return {edge.name for edge in scenario.edges}


def test_a_canary_stands_beside_every_caller_s_old_edge_and_makes_the_same_calls() -> None:
    scenario = with_canary(shop(), "payment", 0.05)
    assert names(scenario) - names(shop()) == {"order->payment-v2", "payment-v2->database"}
    assert scenario.edge("order", "payment").split_weight == pytest.approx(0.95)
    assert scenario.edge("order", "payment-v2").split_weight == 0.05
    both = {n for n in names(with_canary(shop(), "auth", 0.1)) if n.endswith("auth-v2")}
    assert both == {"gateway->auth-v2", "user->auth-v2"}


def test_the_canary_gets_about_its_share_of_the_calls() -> None:
    result = run(with_canary(shop(rate=40, duration=30), "payment", 0.2), seed=1)
    old, new = (result.edges["order", name].calls for name in ("payment", "payment-v2"))
    assert new / (old + new) == pytest.approx(0.2, abs=0.03)


def test_only_what_is_said_differs_in_the_new_version() -> None:
    scenario = with_canary(shop(), "inventory", 0.05, error_rate=0.5)
    old, new = scenario.service("inventory"), scenario.service("inventory-v2")
    assert [i.error_rate for i in new.instances] == [0.5, 0.5]
    assert [i.latency for i in new.instances] == [i.latency for i in old.instances]


def test_a_mirror_gets_a_copy_of_every_call_and_fails_nobody() -> None:
    plain = run(shop(rate=20, duration=20), seed=1)
    result = run(with_mirror(shop(rate=20, duration=20), "payment", error_rate=1.0), seed=1)
    copies, calls = (result.edges["order", n].calls for n in ("payment-v2", "payment"))
    assert copies == calls
    assert result.edges["order", "payment-v2"].succeeded == 0
    assert result.edges["client", "gateway"].failed == plain.edges["client", "gateway"].failed


def test_two_services_may_have_canaries_at_once() -> None:
    scenario = with_canary(with_canary(shop(), "payment", 0.1), "auth", 0.2)
    assert {"order->payment-v2", "user->auth-v2"} <= names(scenario)


def test_the_name_of_the_new_version_is_that_of_the_old_and_a_number() -> None:
    assert new_version("cart") == "cart-v2"


def test_an_unknown_service_and_a_weight_beyond_one_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown service 'cart'"):
        with_canary(shop(), "cart", 0.05)
    with pytest.raises(ConfigError, match=r"canary: weight must be in 0\.\.1, got 5"):
        with_canary(shop(), "payment", 5)
