"""Lanes of breakers: read from the ledger, drawn, and told in words."""

import pytest

from meshlab.figures.lanes import Spell, lanes, most_at_once, spells
from meshlab.figures.style import summary_of
from meshlab.telemetry.ledger import Entry

LEDGER = (
    Entry(1.0, "a", "breaker opened", "consecutive_failures"),
    Entry(2.0, "b", "breaker opened", "failure_rate"),
    Entry(2.5, "payment", "fault ended (slowdown)", "fault"),
    Entry(3.0, "a", "breaker half-open", "open_time_over"),
    Entry(3.5, "a", "breaker opened", "probe_failed"),
    Entry(5.5, "a", "breaker half-open", "open_time_over"),
    Entry(6.0, "a", "breaker closed", "probes_succeeded"),
    Entry(7.0, "a", "breaker opened", "slow_calls"),
    Entry(8.0, "a", "breaker closed", "probes_succeeded"),
)


def test_a_spell_lasts_from_the_opening_to_the_closing_over_failed_probes() -> None:
    assert spells(LEDGER, end=10.0)["a"] == [Spell(1.0, 6.0, True, (3.5,)), Spell(7.0, 8.0, True)]


def test_a_breaker_that_never_closed_has_a_spell_to_the_end_of_the_run() -> None:
    assert spells(LEDGER, end=10.0)["b"] == [Spell(2.0, 10.0, False)]


def test_lanes_come_in_the_order_of_the_first_opening() -> None:
    assert list(spells(LEDGER, end=10.0)) == ["a", "b"]


def test_nothing_opened_and_nothing_is_drawn() -> None:
    assert spells((), end=10.0) == {}
    assert most_at_once({}) == 0
    assert summary_of(lanes({}, title="Calm")) == "No breaker opened."


@pytest.mark.parametrize(
    ("ledger", "most"), [(LEDGER, 2), (LEDGER[:1], 1), ((*LEDGER[:1], *LEDGER[3:]), 1)]
)
def test_how_many_were_not_closed_at_once(ledger: tuple[Entry, ...], most: int) -> None:
    assert most_at_once(spells(ledger, end=10.0)) == most


def test_one_that_closes_when_another_opens_is_not_at_once_with_it() -> None:
    assert most_at_once({"a": [Spell(1.0, 2.0, True)], "b": [Spell(2.0, 3.0, True)]}) == 1


def test_the_figure_has_bars_and_marks_where_the_ledger_has_moves() -> None:
    figure = lanes(spells(LEDGER, end=10.0), title="Two open", spans={"outage": (1.0, 3.0)})
    bar, failed, closed = figure.data
    assert list(bar.base) == [1.0, 7.0, 2.0]
    assert list(bar.x) == [5.0, 1.0, 8.0]
    assert (list(failed.x), list(failed.y)) == ([3.5], ["a"])
    assert list(closed.x) == [6.0, 8.0]
    assert len(figure.layout.shapes) == 1


def test_the_summary_says_how_many_which_first_how_long_and_what_is_left() -> None:
    said = summary_of(lanes(spells(LEDGER, end=10.0), title="Two open"))
    assert said == (
        "2 breakers opened, at most 2 at once; first a at 1 s; "
        "not closed for 14 s in all, 1 failed probes; 1 not closed at the end."
    )
