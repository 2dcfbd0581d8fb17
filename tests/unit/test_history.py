"""What might have been done: one thing is changed, and operators answer what their run shows."""

from dataclasses import replace

import pytest

from meshlab.engines.run import run
from meshlab.faults import Outage
from meshlab.incident import incident
from meshlab.incident.history import DEFENCES
from meshlab.incident.knobs import OPERATORS, Knobs
from meshlab.incident.operators import ALERT_ABOVE, REACTION_SECONDS
from meshlab.scenario import Scenario

ALERT = DEFENCES["alert on goroutines"]


def until_half_past() -> Scenario:
    """The incident until 14:30, without the operators that come too late."""
    return replace(incident(restart=False), weight=100, duration=600.0)


@pytest.mark.parametrize("seed", [1, 2])
def test_an_alert_is_answered_two_minutes_after_a_scrape_of_the_same_run(seed: int) -> None:
    scenario = ALERT.apply(until_half_past(), 0.0, seed)
    held = run(scenario, seed).frame("service_goroutines", service="auth")
    restarts = [fault for fault in scenario.faults if isinstance(fault, Outage)]
    assert {fault.instance for fault in restarts} == {"auth-1", "auth-2", "auth-3"}
    for fault in restarts:
        mine = held[held.instance == fault.instance].set_index("time").value
        fired = mine.index[mine > ALERT_ABOVE][0]
        assert fault.start == fired + REACTION_SECONDS


def test_the_operators_of_another_run_are_woken_at_other_times() -> None:
    one, two = (ALERT.apply(until_half_past(), 0.0, seed).faults for seed in (1, 2))
    assert one != two


def test_the_knob_answers_for_the_seed_that_is_run() -> None:
    watched = Knobs(operators=OPERATORS[2])
    assert watched.scenario(seed=2) == ALERT.apply(Knobs().scenario(), 0.0, 2)


def test_a_second_defence_leaves_the_first_one_standing() -> None:
    scenario = DEFENCES["no retries"].apply(incident(), 600.0)
    first, second = DEFENCES["breaker"].apply(scenario, 660.0).changes
    assert first.edge is not None and second.edge is not None
    assert (first.edge.breaker, first.edge.retry.max_attempts) == (None, 1)
    assert second.edge == replace(first.edge, breaker=second.edge.breaker)


def test_a_leak_that_is_over_can_not_be_ended_later() -> None:
    assert DEFENCES["no leak"].apply(incident(), 1400.0) == incident()
