"""A panel in a real JupyterLab: what a hand on the keys, a slow run and a mistake do to it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.cut import of_cells
from tests.browser.page import Lab, NotebookPage, PanelOnPage

CELLS = (
    """
from threading import Event
from meshlab.figures import bars
from meshlab.model import ConfigError
from meshlab.panels import panel, rate_slider

started, gate = [], Event()
gate.set()

def draw(rate):
    started.append(rate)
    gate.wait()
    if rate > 0.9:
        raise ConfigError("fault 'errors' on 'auth': too much for this test")
    return bars({"errors": {"auth": rate}}, title=f"{rate:.0%}", y="share", unit="%")
""",
    'panel(draw, rate=rate_slider("failure rate of auth", 0.02))',
)


@pytest.fixture(scope="module")
def page(lab: Lab) -> Iterator[NotebookPage]:
    with lab.opened("panel.ipynb", of_cells(*CELLS)) as page:
        page.run_all()
        yield page


@pytest.fixture(scope="module")
def panel(page: NotebookPage) -> PanelOnPage:
    return PanelOnPage(page.cell(2), "failure rate of auth")


def test_a_slider_has_a_name_and_tells_its_value(panel: PanelOnPage) -> None:
    panel.slider.press("Home")
    panel.slider.press("ArrowRight")
    panel.wait_for("Share. errors: auth 1 %.")
    expect(panel.slider).to_have_attribute("aria-valuetext", "1 %")


def test_the_arrow_keys_belong_to_the_slider_and_not_to_jupyterlab(panel: PanelOnPage) -> None:
    panel.slider.press("Home")
    panel.slider.press("ArrowUp")
    panel.slider.press("ArrowUp")
    expect(panel.slider).to_be_focused()
    panel.wait_for("Share. errors: auth 2 %.")


def test_keys_during_a_run_lead_to_one_more_run_with_the_newest_value(
    page: NotebookPage, panel: PanelOnPage
) -> None:
    panel.slider.press("Home")
    panel.wait_for("Share. errors: auth 0 %.")
    page.kernel("started.clear(); gate.clear(); print(1)")
    for _ in range(10):
        panel.slider.press("ArrowRight")
    page.kernel("gate.set(); print(1)")  # a kernel that takes orders while a panel runs
    panel.wait_for("Share. errors: auth 10 %.")
    assert page.kernel("import json; print(json.dumps(started))") == [0.01, 0.1]


def test_a_run_that_fails_says_why_and_leaves_figure_and_kernel_usable(
    page: NotebookPage, panel: PanelOnPage
) -> None:
    panel.slider.press("Home")
    panel.wait_for("Share. errors: auth 0 %.")
    panel.slider.press("End")
    expect(panel.words).to_have_text(
        "No new figure. fault 'errors' on 'auth': too much for this test"
    )
    assert panel.drawn()["data"][0]["y"] == [0]
    assert page.kernel("print(6 * 7)") == 42
    panel.slider.press("Home")
    expect(panel.words).to_have_text("In words: Share. errors: auth 0 %.")


def test_nothing_leaves_the_machine_and_the_console_is_quiet(page: NotebookPage) -> None:
    assert json.dumps(page.trouble) == "[]"
