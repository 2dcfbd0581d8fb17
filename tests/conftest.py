"""What tests may count on: reproducible properties, and tools that are there or skip the test."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")

PATIENCE = 180_000
"""How long (ms) a browser may take for what a reader sees in a second: this machine may be busy."""

# No deadline and no complaint about slowness: how fast a shared machine is proves nothing.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# What a script starts in the background ignores Ctrl-C, and so would runs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a file.

    Not kept for the session: while playwright runs, so does its event loop, and another
    file's `asyncio.run` would be refused.
    """
    yield from chromium()


def chromium() -> Iterator[Browser]:
    """Debian's Chromium, driven by playwright, which is never asked to download one."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        expect.set_options(timeout=PATIENCE)  # of its own it would wait for five seconds
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of Prometheus' own checker of exposition formats and rules."""
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is missing (Debian: apt-get install prometheus)")
    return path
