"""One JupyterLab and one browser for all tests of this folder: starting them is what takes long.

Not for the session: while playwright runs, so does its event loop, and another file's
`asyncio.run` would be refused.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.page import Lab, in_browser
from tests.browser.server import jupyterlab
from tests.conftest import chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture(scope="package")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab over an empty folder, open in the browser."""
    root, home = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home")
    with jupyterlab(root, home) as server, in_browser(browser, server, root) as lab:
        yield lab
