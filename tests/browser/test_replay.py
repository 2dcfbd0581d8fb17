"""The replay and the desk in a real JupyterLab, with the keyboard alone.

How long scrubbing and a what-if take to be seen is measured and printed (``pytest -s``), never
asserted: it depends on the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from statistics import median, quantiles

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.cut import of_cells
from tests.browser.page import Lab, NotebookPage, wait_until

CELLS = (
    "from meshlab.replay.panel import replay_panel\nreplay = replay_panel()\nreplay",
    "from meshlab.desk import desk\nsat = desk()\nsat",
)
SEEN = """host => { host.seen = []; host.pressed = [];
  addEventListener('keydown', () => host.pressed.push(performance.now()), true);
  new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(
    () => host.seen.push(performance.now())))).observe(
      host, { childList: true, subtree: true, attributes: true, characterData: true });
}"""
TAKEN = "host => host.seen.at(-1) - host.pressed.at(-1)"


@pytest.fixture(scope="module")
def page(lab: Lab) -> Iterator[NotebookPage]:
    with lab.opened("replay.ipynb", of_cells(*CELLS)) as page:
        page.run_all()
        yield page


@pytest.fixture
def player(page: NotebookPage) -> Locator:
    host = page.cell(1).locator(".meshlab-replay")
    host.wait_for()
    return host


@pytest.fixture
def scrub(player: Locator) -> Locator:
    return player.get_by_role("slider", name="time of the incident")


def test_scrubbing_with_the_arrow_keys_says_the_moment(
    player: Locator, scrub: Locator, page: NotebookPage
) -> None:
    scrub.press("Home")
    for _ in range(3):
        scrub.press("ArrowRight")
    expect(scrub).to_have_attribute("aria-valuetext", "14:20:15")
    said = page.kernel("import json; print(json.dumps(replay.player.story['words'][3]))")
    expect(player.get_by_role("status")).to_have_text(said)
    assert page.kernel("print(replay.player.at)") == 15.0


def test_the_pictures_are_those_of_the_run_at_that_moment(
    player: Locator, scrub: Locator, page: NotebookPage
) -> None:
    scrub.press("End")
    chart = player.get_by_role("img", name="goroutines")
    shown = page.kernel(
        "import json; (c,) = [c for c in replay.player.story['charts'] if c['limit'] == 18432];"
        "print(json.dumps(c['lines'][0]['values'][-1]))"
    )
    expect(chart).to_contain_text(f"auth-1: {shown:,.0f}")
    expect(player.get_by_role("img", name="the mesh")).to_contain_text("database")


def test_play_runs_and_pause_stops(player: Locator, scrub: Locator) -> None:
    scrub.press("Home")
    player.get_by_role("button", name="Play").press("Enter")
    wait_until(scrub, "slider => Number(slider.value) > 5", None)
    player.get_by_role("button", name="Pause").press("Enter")
    stopped = scrub.input_value()
    expect(player.get_by_role("button", name="Play")).to_be_visible()
    player.evaluate("() => new Promise(done => setTimeout(done, 300))")
    assert scrub.input_value() == stopped


def test_how_long_scrubbing_takes_to_be_seen(
    player: Locator, scrub: Locator, capsys: pytest.CaptureFixture[str]
) -> None:
    player.evaluate(SEEN)
    scrub.press("Home")
    taken = []
    for key in ("PageUp", "ArrowLeft") * 10:
        before = player.evaluate("host => host.seen.length")
        scrub.press(key)
        wait_until(player, "(host, before) => host.seen.length > before", before)
        taken.append(player.evaluate(TAKEN))
    assert scrub.input_value() != "0"
    _tell(capsys, "scrub to repaint", taken)


def test_how_long_a_what_if_takes_to_be_seen(
    page: NotebookPage, player: Locator, capsys: pytest.CaptureFixture[str]
) -> None:
    knob = page.cell(1).get_by_role("slider", name="attempts of the gateway", exact=True)
    table = player.get_by_role("table")
    taken = []
    player.evaluate(SEEN)
    for press, key in enumerate(("ArrowLeft", "ArrowRight") * 6):
        before = player.evaluate("host => host.seen.length")
        knob.press(key)
        wait_until(player, "(host, before) => host.seen.length > before", before)
        taken.append(player.evaluate(TAKEN))
        if press == 0:
            expect(table).to_contain_text("what if: attempts 3 from the beginning")
    _tell(capsys, "what-if, key press to repaint", taken)


def test_the_desk_is_worked_with_the_keyboard_alone(page: NotebookPage) -> None:
    cell = page.cell(2)
    look = cell.get_by_role("button", name="runtime: Goroutines and memory of auth (1 minute)")
    look.press("Enter")
    expect(cell.get_by_role("status")).to_contain_text("14:37:00 runtime")
    expect(cell.locator(".meshlab-clock")).to_have_text("It is 14:37:00.")
    cell.get_by_role("button", name="goroutines leak in auth").press("Space")
    expect(cell.get_by_role("status")).to_contain_text("That was the cause.")
    cell.get_by_role("button", name="build the fix, restart auth with it").press("Enter")
    expect(cell.get_by_role("status")).to_contain_text("The cause was named after 3 minutes")
    expect(cell.get_by_role("table").first).to_contain_text("nobody does anything")
    failed = page.kernel("print(sat.case.debrief.yours.failed)")
    expect(cell.get_by_role("status")).to_contain_text(f"{failed:,.0f} pages failed")


def test_nothing_leaves_the_machine_and_the_console_is_quiet(page: NotebookPage) -> None:
    assert json.dumps(page.trouble) == "[]"


def _tell(capsys: pytest.CaptureFixture[str], what: str, taken: list[float]) -> None:
    with capsys.disabled():
        p95 = quantiles(taken, n=20)[-1]
        print(f"\n{what}, {len(taken)} times: median {median(taken):.0f} ms, p95 {p95:.0f} ms")
