"""A notebook in a browser, as a reader has it: run it, find a panel, press keys, see a figure.

JupyterLab is asked through the application object that it shows if told to (server.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Locator, Page, Route

from tests.browser.server import Server
from tests.conftest import PATIENCE

PATIENT = """{
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = (ms) => timeout(30 * ms);
}"""
"""anywidget gives a widget two seconds to start, plotly's with its five megabytes too. On a machine
with other work that is not enough, and what is meant here is not the machine's speed."""

STARTED = "async () => { while (!window.jupyterapp) await new Promise(requestAnimationFrame); }"

OPEN = """async path => {
  await jupyterapp.restored;
  const panel = await jupyterapp.commands.execute('docmanager:open', { path });
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  return panel.id;
}"""
"""Opens a notebook and waits for what is used here: the page's own session, and its kernel's
answer. What the server says of them is no use: the page may not have heard of it yet."""

CLOSE = """async id => {
  const panel = PANEL;
  await panel.sessionContext.shutdown();
  panel.dispose();
}"""

RUN_ALL = """async id => {
  jupyterapp.shell.activateById(id);
  return await jupyterapp.commands.execute('notebook:run-all-cells');
}"""

IN_KERNEL = """async ([id, code]) => {
  const { kernel } = PANEL.sessionContext.session;
  const request = kernel.requestExecute({ code, store_history: false });
  let printed = '';
  request.onIOPub = ({ header, content }) => {
    if (header.msg_type === 'stream') printed += content.text;
    if (header.msg_type === 'error') printed += content.traceback.join('\\n');
  };
  await request.done;
  return printed;
}"""

SHOW_CELL = """async ([id, count]) => {
  const notebook = PANEL.content;
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


class Lab:
    """JupyterLab in a browser; ``trouble`` is all that went wrong since a notebook was opened."""

    def __init__(self, page: Page, server: Server, root: Path) -> None:
        self.page, self.server, self.root = page, server, root
        self.trouble: list[str] = []
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("websocket", lambda socket: self._check(socket.url))
        page.context.route("**/*", self._pass)
        page.context.on("page", lambda other: self.trouble.append(f"a new page, {other.url}"))
        page.set_default_timeout(PATIENCE)
        page.add_init_script(PATIENT)
        page.goto(server.address)
        page.evaluate(STARTED)

    @contextmanager
    def opened(self, name: str, notebook: Any) -> Iterator[NotebookPage]:
        """The ``notebook`` as the file ``name``, open, with a kernel that is up."""
        nbformat.write(notebook, self.root / name)  # type: ignore[no-untyped-call]
        self.trouble.clear()
        identity = self.page.evaluate(OPEN, name)
        try:
            yield NotebookPage(self, identity)
        finally:
            self.page.evaluate(of_panel(CLOSE), identity)

    def _heard(self, kind: str, text: str) -> None:
        """Note an error, unless it is what JupyterLab had still asked of a kernel just closed."""
        if kind == "error" and "Canceled future" not in text:
            self.trouble.append(text)

    def _check(self, url: str) -> bool:
        own = self.server.url
        inside = url.startswith((own, own.replace("http", "ws"), "data:", "blob:"))
        if not inside:
            self.trouble.append(f"a request to {url}")
        return inside

    def _pass(self, route: Route) -> None:
        if self._check(route.request.url):
            route.continue_()
        else:
            route.abort()


class NotebookPage:
    """One notebook, open in JupyterLab."""

    def __init__(self, lab: Lab, identity: str) -> None:
        self.page, self.identity, self.trouble = lab.page, identity, lab.trouble

    def run_all(self) -> None:
        """Run all cells, and wait until they have."""
        assert self.page.evaluate(RUN_ALL, self.identity) is not False, "a cell failed"

    def kernel(self, code: str) -> Any:
        """What ``code`` prints in the notebook's own kernel, as JSON."""
        printed = self.page.evaluate(of_panel(IN_KERNEL), [self.identity, code])
        try:
            return json.loads(printed)
        except json.JSONDecodeError:
            raise AssertionError(f"the kernel said:\n{printed}") from None

    def cell(self, execution_count: int) -> Locator:
        """The cell that ran as the n-th, in view."""
        index = self.page.evaluate(of_panel(SHOW_CELL), [self.identity, execution_count])
        return self.page.locator(f"[id='{self.identity}'] [data-windowed-list-index='{index}']")


class PanelOnPage:
    """One panel: a slider that one reaches by keyboard, a figure, and the words beneath."""

    def __init__(self, cell: Locator, label: str) -> None:
        self.slider = cell.get_by_role("slider", name=label, exact=True)
        self.graph = cell.locator(".js-plotly-plot")
        self.words = cell.get_by_role("status")
        self.graph.wait_for()
        # Before the figure itself plotly draws an empty one, and forgets who listened to that.
        wait_until(self.graph, "graph => graph.layout?.meta?.summary", None)
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


def of_panel(script: str) -> str:
    """``script`` with the notebook's panel, which it knows by its ``id``."""
    find = "[...jupyterapp.shell.widgets('main')].find(panel => panel.id === id)"
    return script.replace("PANEL", find)


@contextmanager
def in_browser(browser: Browser, server: Server, root: Path) -> Iterator[Lab]:
    """JupyterLab in a window of its own."""
    context = browser.new_context(viewport={"width": 1300, "height": 1400})
    try:
        yield Lab(context.new_page(), server, root)
    finally:
        context.close()
