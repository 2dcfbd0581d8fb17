"""What-ifs by dotted paths: what they reach, and how they say that they reach nothing."""

from __future__ import annotations

from typing import Any

import pytest

from meshlab.model import ConfigError
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario.faults import Slowdown
from meshlab.scenario.shop import shop
from meshlab.scenario.what_if import replaced
from tests.small import line, service


def test_a_path_leads_through_fields_numbers_and_names() -> None:
    paths = {"duration": 7.0, "loads.0.rate": 5.0, "edges.user->auth.retry.max_attempts": 9}
    changed = replaced(shop(), paths)
    assert (changed.duration, changed.loads[0].rate) == (7.0, 5.0)
    assert changed.edge("user", "auth").retry.max_attempts == 9
    assert changed.edge("user", "order") == shop().edge("user", "order")


def test_a_star_means_every_item() -> None:
    changed = replaced(shop(), {"services.auth.instances.*.workers": 3})
    assert [i.workers for i in changed.service("auth").instances] == [3, 3, 3]
    assert changed.service("user") == shop().service("user")


def test_the_scenario_itself_stays_as_it_was() -> None:
    scenario = shop()
    replaced(scenario, {"duration": 1.0})
    assert scenario == shop()


def test_all_is_replaced_at_once_so_that_no_order_can_break_a_rule() -> None:
    slow = Slowdown(service="s", factor=2.0, start=1.0, end=2.0)
    scenario = line(service("s"), faults=(slow,))
    changed = replaced(scenario, {"faults.0.start": 5.0, "faults.0.end": 6.0})
    assert (changed.faults[0].start, changed.faults[0].end) == (5.0, 6.0)


def test_a_whole_part_may_be_replaced_and_then_changed() -> None:
    paths = {"edges.0.retry.max_attempts": 4, "edges.0.retry": RetryPolicy(per_try_timeout=1.0)}
    assert replaced(shop(), paths).edges[0].retry == RetryPolicy(
        max_attempts=4, per_try_timeout=1.0
    )


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("lods.0.rate", 1.0, "path 'lods': unknown field 'lods' (did you mean 'loads'?)"),
        ("loads.7.rate", 1.0, "path 'loads.7': unknown item '7'; valid: 0, client->gateway /, *"),
        ("edges.user->auht.calls", 2, "unknown item 'user->auht' (did you mean 'user->auth'?)"),
        ("loads.0.rate.high", 1.0, "path 'loads.0.rate.high': only a declaration or a tuple"),
        ("duration.", 1.0, "a path must be steps with dots between, got 'duration.'"),
        (3, 1.0, "a path must be steps with dots between, got 3"),
        ("loads.0.rate", -1.0, "load 'client->gateway /': rate must be a number >= 0"),
    ],
)
def test_a_wrong_path_or_value_is_named(path: Any, value: object, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        replaced(shop(), {path: value})
    assert said in str(error.value)
