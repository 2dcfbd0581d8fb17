"""Hostile names in a real JupyterLab and on a page to share: each is seen as it is, none acts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from meshlab.export.tables import Table, to_html
from meshlab.figures.page import drawn, heading, page, paragraphs
from meshlab.figures.style import summary_of
from tests.browser.cut import of_cells
from tests.browser.page import Lab, NotebookPage, PanelOnPage, wait_until
from tests.conftest import PATIENCE
from tests.hostile import BROKEN, HOSTILE, drawings

ROOT = Path(__file__).parents[2]

CELLS = (
    f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import pandas as pd
from meshlab.figures import bars
from meshlab.lab import show, table
from meshlab.lab.panels import choice, panel, rate_slider
from tests.hostile import BROKEN, HOSTILE, drawings

for text in (*HOSTILE, BROKEN):
    table([{{text: text}}], text)
""",
    "for figure in drawings().values():\n    show(figure)",
    "pd.DataFrame({HOSTILE[10]: HOSTILE})",
    """
def draw(rate, who):
    return bars({who: {who: rate}}, title=who, y=who)

panel(draw, rate=rate_slider(HOSTILE[1], 0.5), who=choice(HOSTILE[10], HOSTILE))
""",
)

TABLES = """cell => [...cell.querySelectorAll('.jp-RenderedMarkdown')].map(output =>
  ['strong', 'th', 'td'].map(tag => output.querySelector(tag)?.textContent))"""

TAGS = """cell => [...new Set([...cell.querySelectorAll('.jp-RenderedMarkdown *')]
  .map(element => element.localName))].sort()"""

FORMULAS = "() => document.querySelectorAll('.jp-OutputArea mjx-container').length"

WRITTEN = """graph => [...graph.querySelectorAll('svg text')].map(text => text.textContent)"""

HOVERED = """async graph => {
  const seen = new Set();
  for (const [curveNumber, { x }] of graph.data.entries()) {
    for (const pointNumber of x.keys()) {
      const shown = new Promise(done => graph.once('plotly_hover', done));
      Plotly.Fx.hover(graph, [{ curveNumber, pointNumber }]);
      await Promise.race([shown, new Promise(done => setTimeout(done, 100))]);  // some have none
      for (const text of graph.querySelectorAll('.hoverlayer text')) seen.add(text.textContent);
    }
  }
  return [...seen];
}"""

UNDER_THE_MOUSE = ("bars", "lying bars", "mesh", "waterfall")
"""Figures that say a name there as a category, in a template and as a text."""

LINKS = "() => document.querySelectorAll('.js-plotly-plot svg a').length"


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> Iterator[NotebookPage]:
    with lab.opened("hostile.ipynb", of_cells(*CELLS)) as page:
        page.run_all()
        yield page


@pytest.fixture(scope="module")
def shared(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page with every hostile name in every place that takes one."""
    parts = [heading(BROKEN), paragraphs(HOSTILE), to_html(Table(HOSTILE, [HOSTILE]))]
    parts += [drawn(f"figure-{n}", figure) for n, figure in enumerate(drawings().values())]
    file = tmp_path_factory.mktemp("page") / "hostile.html"
    file.write_text(page(" ".join(HOSTILE), parts), encoding="utf-8")
    shown = browser.new_page()
    shown.set_default_timeout(PATIENCE)
    shown.goto(file.as_uri())
    for graph in shown.locator("[data-figure]").all():
        wait_until(graph, "graph => graph.layout?.meta?.summary", None)
    yield shown
    shown.close()


def test_a_table_shows_a_name_as_it_is_in_caption_head_and_cell(notebook: NotebookPage) -> None:
    shown = notebook.cell(1).evaluate(TABLES)
    assert shown[:-1] == [[name] * 3 for name in HOSTILE]
    assert shown[-1] == ["two lines or three"] * 3


def test_no_name_makes_an_element_in_a_table(notebook: NotebookPage) -> None:
    ours = ["p", "span", "strong", "table", "tbody", "td", "th", "thead", "tr"]
    assert notebook.cell(1).evaluate(TAGS) == ours


def test_a_figure_in_a_notebook_writes_names_as_they_are(notebook: NotebookPage) -> None:
    cell = notebook.cell(2)
    written: set[str] = set()
    for graph in cell.locator(".js-plotly-plot").all():
        wait_until(graph, "graph => graph.layout?.meta?.summary", None)
        written.update(graph.evaluate(WRITTEN))
    assert set(HOSTILE) - written == set()
    assert notebook.page.evaluate(LINKS) == 0


def test_the_words_beneath_a_figure_are_its_words(notebook: NotebookPage) -> None:
    words = notebook.cell(2).locator(".jp-RenderedMarkdown").all_text_contents()
    assert [text.strip() for text in words] == [
        f"In words: {summary_of(figure)}" for figure in drawings().values()
    ]
    assert notebook.cell(2).evaluate(TAGS) == ["em", "p", "span"]


def test_a_frame_shows_names_as_they_are(notebook: NotebookPage) -> None:
    frame = notebook.cell(3).locator("table.dataframe")
    assert frame.locator("thead th").all_text_contents() == ["", HOSTILE[10]]
    assert frame.locator("td").all_text_contents() == list(HOSTILE)


def test_a_panel_shows_names_as_they_are(notebook: NotebookPage) -> None:
    cell = notebook.cell(4)
    panel = PanelOnPage(cell, HOSTILE[1])
    label = cell.locator(".widget-dropdown label")
    assert label.text_content() == HOSTILE[10]
    for name in HOSTILE:
        cell.locator("select").select_option(label=name)
        panel.wait_for(summary_of_bar(name))
        assert name in panel.graph.evaluate(WRITTEN)


def test_no_formula_is_made_and_no_script_runs(notebook: NotebookPage) -> None:
    assert notebook.page.evaluate(FORMULAS) == 0
    assert notebook.page.evaluate("window.hacked") is None
    assert json.dumps(notebook.trouble) == "[]"


def test_a_page_to_share_shows_names_as_they_are(shared: Page) -> None:
    assert shared.locator("h2").text_content() == "two lines or three"
    for places in ("p", "th", "td"):
        assert shared.locator(places).all_text_contents() == list(HOSTILE)
    words = [f"In words: {summary_of(figure)}" for figure in drawings().values()]
    assert shared.locator("figcaption").all_text_contents() == words
    assert shared.title() == " ".join(HOSTILE) == shared.locator("h1").text_content()


def test_what_a_figure_says_under_the_mouse_are_names_as_they_are(shared: Page) -> None:
    graphs = dict(zip(drawings(), shared.locator("[data-figure]").all(), strict=True))
    seen = {kind: " ".join(graphs[kind].evaluate(HOVERED)) for kind in UNDER_THE_MOUSE}
    for kind, said in seen.items():
        assert [name for name in HOSTILE if name not in said] == [], kind
    assert f"{HOSTILE[0]} calls {HOSTILE[1]}" in seen["mesh"]
    assert shared.evaluate(LINKS) == 0
    assert shared.evaluate("window.hacked") is None


def summary_of_bar(name: str) -> str:
    """What the panel's figure says of itself; a sentence begins with a capital letter."""
    return f"{name[:1].upper()}{name[1:]}. {name}: {name} 0.5."
