"""Lessons in a real JupyterLab: run them, move a control with the keys, look at the figure.

How long a key press takes to be seen is measured and printed (``pytest -s``), never asserted: it
depends on the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.cut import cut
from tests.browser.page import Lab, NotebookPage, PanelOnPage
from tests.navigation import lessons

MOVED = {
    "00_start_here": "payment is slower by a factor of",
    "02_centralized_metrics": "payment fails from 5 to 10 s",
    "03_mesh_metrics": "failure rate of the edge",
}
"""Which slider of a lesson is moved; where nothing is said, the first one of its last panel."""

WITH_PANEL = [path for path in lessons() if "panel(" in path.read_text(encoding="utf-8")]
PRESSES = 6

WHOLE = "00_start_here"
"""The lesson that runs as a whole, as a reader runs it; the others only what their panel needs."""

NOT_TIMED = {"A2_a_thousand_worlds": "its slider has four places, and two presses may show one map"}
"""Lessons whose key presses are not timed, and why."""

FIND_PANEL = """
import json as _json
from meshlab.panels import Panel as _Panel
from meshlab.widgets import Slider as _Slider
_count, _panel, _name = next(
    (count, shown, name)
    for count, shown in sorted(Out.items()) if isinstance(shown, _Panel)
    for name, control in shown.controls.items()
    if isinstance(control, _Slider) and control.description == ({label!r} or control.description)
)
_moved = _panel.controls[_name]
_room = _moved.value + 3 * _moved.step <= _moved.max
_found = {{"count": _count, "label": _moved.description, "room": _room}}
print(_json.dumps(_found))
"""
DRAW = "print(_panel.draw(**{{**_panel.values, _name: {value}}}).to_json())"
TIME_DRAW = """
from time import perf_counter as _now, process_time as _used
_start = _now(), _used()
for _ in range(5):
    _panel.draw(**_panel.values)
print([(_now() - _start[0]) / 5 * 1000, (_used() - _start[1]) / 5 * 1000])
"""


@pytest.fixture(scope="module", params=WITH_PANEL, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    lesson: Path = request.param
    return lesson


@pytest.fixture(scope="module")
def lesson(lab: Lab, path: Path) -> Iterator[NotebookPage]:
    """A copy of the lesson, so that what JupyterLab saves does not touch it."""
    whole = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    notebook = whole if path.stem == WHOLE else cut(whole, "panel(")
    with lab.opened(path.name, notebook) as page:
        page.run_all()
        yield page


@pytest.fixture(scope="module")
def found(lesson: NotebookPage, path: Path) -> dict[str, Any]:
    """The panel whose slider is moved: the count of its cell, the label, room to the right."""
    found: dict[str, Any] = lesson.kernel(FIND_PANEL.format(label=MOVED.get(path.stem)))
    return found


@pytest.fixture(scope="module")
def panel(lesson: NotebookPage, found: dict[str, Any]) -> PanelOnPage:
    return PanelOnPage(lesson.cell(found["count"]), found["label"])


def test_the_figure_becomes_exactly_what_the_same_call_draws_in_python(
    lesson: NotebookPage, panel: PanelOnPage, found: dict[str, Any]
) -> None:
    before = panel.drawn()["data"]
    for _ in range(3):
        panel.slider.press("ArrowRight" if found["room"] else "ArrowLeft")
    expected = lesson.kernel(DRAW.format(value=panel.value))
    summary = expected["layout"]["meta"]["summary"]
    panel.wait_for(summary, expected["layout"]["title"]["text"])
    drawn = panel.drawn()
    assert drawn["data"] != before
    assert [described(trace) for trace in drawn["data"]] == expected["data"]
    assert_holds(drawn["layout"], expected["layout"])
    expect(panel.words).to_have_text(f"In words: {summary}")


def test_how_long_a_key_press_takes_to_be_seen(
    lesson: NotebookPage,
    panel: PanelOnPage,
    path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if path.stem in NOT_TIMED:
        pytest.skip(f"{path.stem}: {NOT_TIMED[path.stem]}")
    taken = [panel.press(key) for key in ("PageDown", "PageUp") * (PRESSES // 2)]
    whole, used = lesson.kernel(TIME_DRAW)
    with capsys.disabled():
        print(
            f"\n{path.stem}: key press to repaint over {PRESSES} presses: "
            f"median {median(taken):.0f} ms, p95 {quantiles(taken, n=20)[-1]:.0f} ms; "
            f"of which the draw function {whole:.0f} ms ({used:.0f} ms of CPU)"
        )


def test_nothing_leaves_the_machine_and_the_console_is_quiet(lesson: NotebookPage) -> None:
    assert json.dumps(lesson.trouble) == "[]"


def described(trace: dict[str, Any]) -> dict[str, Any]:
    """A trace without what the widget and plotly add for themselves."""
    added = ("uid", "xtype", "ytype")
    return {name: part for name, part in trace.items() if name not in added and name[0] != "_"}


def assert_holds(whole: Any, part: Any) -> None:
    """All of ``part`` is in ``whole``; plotly adds what it worked out itself, ranges say."""
    if isinstance(part, dict):
        for name, value in part.items():
            assert_holds(whole[name], value)
    else:
        assert whole == part
