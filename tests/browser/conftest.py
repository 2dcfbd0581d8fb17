"""One JupyterLab and one browser for all tests of this folder: starting them is what takes long.

Not for the session: while playwright runs, so does its event loop, and another file's
`asyncio.run` would be refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from playwright.sync_api import Browser

from tests.browser.page import Lab, in_browser
from tests.browser.server import jupyterlab
from tests.conftest import chromium

EXERCISES = Path(__file__).parents[2] / "notebooks" / "exercises"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture(scope="package")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab over a folder that has the exercises, as the lessons' own has, in the browser."""
    root, home = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home")
    copytree(EXERCISES, root / EXERCISES.name, ignore=ignore_patterns("__pycache__"))
    with jupyterlab(root, home) as server, in_browser(browser, server, root) as lab:
        yield lab
