"""A notebook in a browser, as a reader has it: run it, find a panel, press keys, see a figure.

JupyterLab is asked through the application object that it shows if told to (server.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route

from tests.browser.server import Server

PATIENCE = 60_000
"""How long (ms) to wait for what a reader would see in a second."""

RUN_ALL = "() => jupyterapp.commands.execute('notebook:run-all-cells')"

ONE_IDLE_KERNEL = """async (body, path) => {
  const sessions = await (await fetch('/api/sessions')).json();
  const mine = sessions.filter(session => session.path === path);
  return mine.length === 1 && mine[0].kernel.execution_state === 'idle'
    && window.jupyterapp?.shell.currentWidget?.context?.path === path;
}"""

IN_KERNEL = """async code => {
  const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
  const request = kernel.requestExecute({ code, store_history: false });
  let printed = '';
  request.onIOPub = ({ header, content }) => {
    if (header.msg_type === 'stream') printed += content.text;
    if (header.msg_type === 'error') printed += content.traceback.join('\\n');
  };
  await request.done;
  return printed;
}"""

SHOW_CELL = """async count => {
  const notebook = jupyterapp.shell.currentWidget.content;
  const index = notebook.widgets.findIndex(
    cell => cell.model.type === 'code' && cell.model.executionCount === count);
  await notebook.scrollToItem(index);
  return index;
}"""

WATCH_REPAINTS = """graph => {
  graph.pressed = [];
  graph.repainted = [];
  addEventListener('keydown', () => graph.pressed.push(performance.now()), true);
  graph.on('plotly_afterplot', () => requestAnimationFrame(() => requestAnimationFrame(
    () => graph.repainted.push(performance.now()))));
}"""

DRAWN = "graph => ({ data: graph.data, layout: graph.layout })"


class NotebookPage:
    """One notebook, open in JupyterLab; ``trouble`` is all that went wrong on the page."""

    def __init__(self, page: Page, server: Server, notebook: str) -> None:
        self.page = page
        self.trouble: list[str] = []
        page.on("console", lambda m: self._note(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("websocket", lambda socket: self._check(socket.url, server))
        page.context.route("**/*", lambda route: self._pass(route, server))
        workspace = re.sub(r"\W", "-", notebook)
        page.goto(server.page(notebook, workspace))
        wait_until(page.locator("body"), ONE_IDLE_KERNEL, notebook)

    def run_all(self) -> None:
        """Run all cells, and wait until they have."""
        self.page.evaluate(RUN_ALL)

    def kernel(self, code: str) -> Any:
        """What ``code`` prints in the notebook's own kernel, as JSON."""
        printed = self.page.evaluate(IN_KERNEL, code)
        try:
            return json.loads(printed)
        except json.JSONDecodeError:
            raise AssertionError(f"the kernel said:\n{printed}") from None

    def cell(self, execution_count: int) -> Locator:
        """The cell that ran as the n-th, in view."""
        index = self.page.evaluate(SHOW_CELL, execution_count)
        return self.page.locator(f'[data-windowed-list-index="{index}"]')

    def _note(self, text: str) -> None:
        self.trouble.append(text)

    def _check(self, url: str, server: Server) -> bool:
        inside = url.startswith((server.url, server.url.replace("http", "ws"), "data:", "blob:"))
        if not inside:
            self._note(f"a request to {url}")
        return inside

    def _pass(self, route: Route, server: Server) -> None:
        if self._check(route.request.url, server):
            route.continue_()
        else:
            route.abort()


class PanelOnPage:
    """One panel: a slider that one reaches by keyboard, a figure, and the words beneath."""

    def __init__(self, cell: Locator, label: str) -> None:
        self.slider = cell.get_by_role("slider", name=label, exact=True)
        self.graph = cell.locator(".js-plotly-plot")
        self.words = cell.get_by_role("status")
        self.graph.wait_for()
        self.graph.evaluate(WATCH_REPAINTS)

    @property
    def value(self) -> float:
        """What the slider says."""
        return float(self.slider.input_value())

    def drawn(self) -> dict[str, Any]:
        """The data and layout that plotly holds on the page."""
        drawn: dict[str, Any] = self.graph.evaluate(DRAWN)
        return drawn

    def press(self, key: str) -> float:
        """Press a key that changes the figure and wait for the repaint; how long it took (ms)."""
        before = self.graph.evaluate("graph => graph.repainted.length")
        self.slider.press(key)
        wait_until(self.graph, "(graph, before) => graph.repainted.length > before", before)
        taken: float = self.graph.evaluate("g => g.repainted.at(-1) - g.pressed.at(-1)")
        return taken

    def wait_for(self, summary: str, title: str | None = None) -> None:
        """Wait until the figure is the one that says this of itself."""
        condition = """({ layout }, [summary, title]) =>
          layout.meta.summary === summary && (title ?? layout.title.text) === layout.title.text"""
        wait_until(self.graph, condition, [summary, title])


def wait_until(locator: Locator, condition: str, argument: object) -> None:
    """Wait until ``condition``, a function of the element and ``argument``, gives true."""
    script = """async (element, [argument, patience]) => {
      const condition = CONDITION;
      const end = performance.now() + patience;
      while (!await condition(element, argument)) {
        if (performance.now() > end) throw new Error(`waited in vain for ${condition}`);
        await new Promise(done => setTimeout(done, 20));
      }
    }"""
    locator.evaluate(script.replace("CONDITION", condition), [argument, PATIENCE])


@contextmanager
def opened(browser: Browser, server: Server, notebook: str) -> Iterator[NotebookPage]:
    """``notebook`` in a browser window of its own."""
    context: BrowserContext = browser.new_context(viewport={"width": 1300, "height": 1400})
    try:
        yield NotebookPage(context.new_page(), server, notebook)
    finally:
        context.close()
