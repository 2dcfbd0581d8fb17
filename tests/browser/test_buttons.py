"""Every button of a figure is pressed, and every link: nothing leaves the machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from meshlab.figures import bars
from meshlab.figures.page import drawn, page
from tests.browser.cut import of_cells
from tests.browser.page import Lab, NotebookPage, wait_until
from tests.conftest import PATIENCE

CELLS = (
    """
from meshlab.figures import bars
from meshlab.lab import show
from meshlab.panels import panel, rate_slider

def draw(rate):
    return bars({"errors": {"auth": rate}}, title="t", y="share", unit="%")

show(draw(0.5))
""",
    "panel(draw, rate=rate_slider('rate', 0.5))",
    "draw(0.5)",
)

PRESS_ALL = """place => {
  for (let count = 0; ; count++) {
    const all = [...place.querySelectorAll('.js-plotly-plot :is(button, a)')];
    const left = all.filter(element => !element.pressed);
    const next = left.findLast(element => element.closest('[class*=dialog]')) ?? left[0];
    if (!next) return count;
    next.pressed = true;
    next.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }));
  }
}"""
"""Presses all that there is in figures, and what appears then: a dialog's last button first."""

SAVED = """() => [...document.querySelectorAll('.notifier-note')]
  .some(note => note.textContent.includes('download succeeded'))"""

TAB_STOPS = """graph => [...graph.querySelectorAll('button, a, input, [tabindex]')]
  .map(element => element.ariaLabel ?? element.dataset.title ?? element.outerHTML.slice(0, 80))"""

KEPT = ["Download plot as a PNG", "Zoom", "Pan", "Zoom in", "Zoom out", "Autoscale", "Reset axes"]


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> Iterator[NotebookPage]:
    with lab.opened("buttons.ipynb", of_cells(*CELLS)) as page:
        page.run_all()
        yield page


@pytest.fixture
def shared(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    figure = bars({"errors": {"auth": 0.5}}, title="t", y="share", unit="%")
    file = tmp_path / "page.html"
    file.write_text(page("t", [drawn("figure", figure)]), encoding="utf-8")
    shown = browser.new_page()
    shown.set_default_timeout(PATIENCE)
    shown.goto(file.as_uri())
    yield shown
    shown.close()


@pytest.mark.parametrize("count", range(1, len(CELLS) + 1))
def test_no_button_of_a_figure_in_a_notebook_leads_outside(
    notebook: NotebookPage, count: int
) -> None:
    cell = notebook.cell(count)
    ready(cell.locator(".js-plotly-plot"))
    assert press_all(cell) >= len(KEPT)
    assert json.dumps(notebook.trouble) == "[]"


def test_no_button_of_a_figure_on_a_page_leads_outside(shared: Page) -> None:
    asked: list[str] = []
    shared.context.on("request", lambda request: asked.append(request.url))
    shared.context.on("page", lambda other: asked.append(other.url))
    ready(shared.locator(".js-plotly-plot"))
    assert press_all(shared.locator("body")) >= len(KEPT)
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == []


def test_the_tab_key_stops_at_a_figures_own_tools_only(
    notebook: NotebookPage, shared: Page
) -> None:
    ready(shared.locator(".js-plotly-plot"))
    assert shared.locator(".js-plotly-plot").evaluate(TAB_STOPS) == KEPT
    for count in range(1, len(CELLS) + 1):
        graph = notebook.cell(count).locator(".js-plotly-plot")
        assert graph.evaluate(TAB_STOPS) == KEPT


def ready(graph: Locator) -> None:
    """Wait until plotly has drawn the figure itself."""
    wait_until(graph, "graph => graph.layout?.meta?.summary", None)


def press_all(place: Locator) -> int:
    """Press all that can be pressed, and wait for the picture that this saves."""
    count: int = place.evaluate(PRESS_ALL)
    wait_until(place, SAVED, None)
    return count
