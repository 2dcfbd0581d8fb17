"""Lessons in a real JupyterLab: run them, move a failure rate with the keys, look at the figure.

How long a key press takes to be seen is measured and printed (``pytest -s``), never asserted: it
depends on the machine.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.page import NotebookPage, PanelOnPage, opened
from tests.browser.server import Server, jupyterlab

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSONS = ("01_service_level_counts.ipynb", "03_mesh_metrics.ipynb")
PRESSES = 20

FIND_PANEL = """
import json as _json
from meshlab.panels import Panel as _Panel
_count, _panel, _name = next(
    (count, shown, name)
    for count, shown in sorted(Out.items()) if isinstance(shown, _Panel)
    for name, control in shown.controls.items() if "failure rate" in control.description
)
print(_json.dumps({"count": _count, "label": _panel.controls[_name].description}))
"""
DRAW = "print(_panel.draw(**{{**_panel.values, _name: {value}}}).to_json())"
TIME_DRAW = """
from time import perf_counter as _now
_start = _now()
for _ in range(5):
    _panel.draw(**_panel.values)
print((_now() - _start) / 5 * 1000)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A copy of the notebooks, so that what JupyterLab saves touches none of them."""
    root, home = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home")
    shutil.copytree(NOTEBOOKS, root / "notebooks")
    with jupyterlab(root, home) as server:
        yield server


@pytest.fixture(scope="module", params=LESSONS)
def lesson(
    browser: Browser, server: Server, request: pytest.FixtureRequest
) -> Iterator[NotebookPage]:
    if not (NOTEBOOKS / request.param).exists():
        pytest.skip(f"there is no lesson {request.param} yet")
    with opened(browser, server, f"notebooks/{request.param}") as page:
        page.run_all()
        yield page


@pytest.fixture(scope="module")
def panel(lesson: NotebookPage) -> PanelOnPage:
    """The first panel with a slider for a failure rate."""
    found = lesson.kernel(FIND_PANEL)
    return PanelOnPage(lesson.cell(found["count"]), found["label"])


def test_the_figure_becomes_exactly_what_the_same_call_draws_in_python(
    lesson: NotebookPage, panel: PanelOnPage
) -> None:
    before = panel.drawn()["data"]
    for _ in range(3):
        panel.press("ArrowRight")
    expected = lesson.kernel(DRAW.format(value=panel.value))
    summary = expected["layout"]["meta"]["summary"]
    panel.wait_for(summary)
    drawn = panel.drawn()
    assert drawn["data"] != before
    assert [described(trace) for trace in drawn["data"]] == expected["data"]
    assert_holds(drawn["layout"], expected["layout"])
    expect(panel.words).to_have_text(f"In words: {summary}")


def test_how_long_a_key_press_takes_to_be_seen(
    lesson: NotebookPage,
    panel: PanelOnPage,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    taken = [panel.press(key) for key in ("ArrowRight", "ArrowLeft") * (PRESSES // 2)]
    with capsys.disabled():
        print(
            f"\n{request.node.name}: key press to repaint over {PRESSES} presses: "
            f"median {median(taken):.0f} ms, p95 {quantiles(taken, n=20)[-1]:.0f} ms; "
            f"of which the draw function {lesson.kernel(TIME_DRAW):.0f} ms"
        )


def test_nothing_leaves_the_machine_and_the_console_is_quiet(lesson: NotebookPage) -> None:
    assert json.dumps(lesson.trouble) == "[]"


def described(trace: dict[str, Any]) -> dict[str, Any]:
    """A trace without what the widget adds for itself."""
    return {name: part for name, part in trace.items() if name != "uid" and name[0] != "_"}


def assert_holds(whole: Any, part: Any) -> None:
    """All of ``part`` is in ``whole``; plotly adds what it worked out itself, ranges say."""
    if isinstance(part, dict):
        for name, value in part.items():
            assert_holds(whole[name], value)
    else:
        assert whole == part
