"""The desk does what plain calls do, and says it."""

from dataclasses import replace

import pytest

from meshlab.desk import Desk
from meshlab.figures.style import CONFIG
from meshlab.incident import incident
from meshlab.investigation import ACTIONS, CAUSES, SOURCES, Investigation


@pytest.fixture(scope="module")
def first() -> Investigation:
    return Investigation(replace(incident(restart=False), weight=100))


@pytest.fixture
def desk(first: Investigation) -> Desk:
    return Desk(first.again())


def test_there_is_a_button_for_every_look_cause_and_action(desk: Desk) -> None:
    keys = {group["name"]: [b["key"] for b in group["buttons"]] for group in desk.menu.groups}
    assert keys == {"look": list(SOURCES), "name": list(CAUSES), "act": list(ACTIONS)}


def test_its_figure_has_no_button_that_uploads_it(desk: Desk) -> None:
    assert desk.figure._config == CONFIG


def test_a_press_is_a_call_and_moves_the_clock(desk: Desk) -> None:
    assert desk.menu.clock == "14:36:00"  # the first look, at users, is taken
    desk.menu.pressed = {"group": "look", "key": "database", "count": 1}
    assert desk.menu.clock == "14:38:00"
    assert desk.words.text == desk.case.answers[-1].title
    assert "time of a query" in desk.table.value
    shown = desk.figure.layout.title.text.replace("<br>", " ")
    assert shown == desk.case.answers[-1].title


def test_a_source_of_text_is_shown_as_text(desk: Desk) -> None:
    desk.press("look", "logs")
    assert "<pre>" in desk.table.value and "killed (out of memory)" in desk.table.value
    assert desk.figure.layout.title.text.startswith("14:36:00 users")


def test_a_verdict_and_a_debrief_are_said(desk: Desk) -> None:
    desk.press("name", "database")
    assert desk.words.text == str(desk.case.verdicts[0][1])
    desk.press("act", "wait")
    assert desk.words.text == str(desk.case.debrief)
    assert desk.table.value.count("<table>") == 3


def test_what_is_not_possible_is_said_and_changes_nothing(desk: Desk) -> None:
    desk.press("act", "wait")
    before = desk.table.value
    desk.press("look", "users")
    assert "it has ended" in desk.words.text
    assert desk.table.value == before


def test_without_a_kernel_the_figure_is_there(desk: Desk) -> None:
    bundle = desk._repr_mimebundle_()
    assert "application/vnd.plotly.v1+json" in bundle
    assert bundle["text/plain"].startswith("Desk. Investigation at 14:36:00")
