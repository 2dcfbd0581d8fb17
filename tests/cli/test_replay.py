"""``python -m meshlab replay`` and ``export``: what they say is what the run recorded."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from rich.console import Console

from meshlab.__main__ import INTERRUPTED, USER_ERROR, main
from meshlab.engines.run import run
from meshlab.export.prometheus import write_openmetrics
from meshlab.incident.history import DEFENCES
from meshlab.incident.milestones import Milestone
from meshlab.incident.postmortem import Report, read_report, show, to_json
from meshlab.incident.postmortem.page import replay_page
from meshlab.incident.postmortem.tables import lines
from meshlab.incident.scenario import incident, post_mortem, seconds_at, utc
from meshlab.mesh.result import Result
from meshlab.telemetry.columns import Columns
from tests.conftest import PATIENCE
from tests.incident_marks import marks
from tests.incident_run import THINNING, happened

Capture = pytest.CaptureFixture[str]


@cache
def report() -> Report:
    return read_report(happened())


@cache
def without_the_leak() -> Result:
    scenario = replace(incident(), thinning=THINNING)
    return run(DEFENCES["no leak"].apply(scenario, 0.0), 1)


def line(told: str, of: Report | None = None) -> Milestone:
    (found,) = [each for each in (of or report()).lines if each.told == seconds_at(told)]
    return found


# ---- the report


def test_every_line_of_the_post_mortem_is_told_with_what_the_run_shows() -> None:
    assert [(each.told, each.what) for each in report().lines] == post_mortem()
    assert [each.what for each in report().lines if not each.shows] == []


def test_marks_stand_where_they_emerged() -> None:
    found = marks(happened())
    (one, first, held), (two, _, _), _ = found.kills
    assert (line("14:29").emerged, line("14:31").emerged) == (one, two)
    assert line("14:29").in_its_minute and line("14:31").in_its_minute
    assert line("14:29").shows.startswith(f"{first}: {held:,.0f} goroutines")
    assert f"at most {found.peak:,.0f} tries/s" in line("14:31").shows
    assert found.dark is not None
    start, end = found.dark
    assert line("14:33").shows == f"nobody authenticated from {utc(start)} to {utc(end)}"


def test_a_line_is_in_its_minute_from_its_first_second_to_its_last() -> None:
    for emerged, inside in ((539.9, False), (540.0, True), (599.9, True), (600.0, False)):
        assert replace(line("14:29"), emerged=emerged).in_its_minute is inside
    assert not replace(line("14:29"), emerged=None).in_its_minute


def test_people_are_told_what_they_would_have_seen() -> None:
    columns = Columns(happened().recordings)
    calm = (columns.times >= 60.0) & (columns.times <= 180.0)
    queries = columns.rate("mesh_requests_total", destination="database")
    assert line("14:35").emerged is None
    assert line("14:35").shows.startswith("no queries at all; in calm minutes")
    assert f"{queries[calm].mean():,.0f} queries/s" in line("14:35").shows
    assert line("14:37").shows == "endpoints that are not healthy: auth 3 of 3"
    most = np.nanmax(columns.matrix("service_goroutines", service="auth"))
    assert line("14:39").shows.startswith(f"{most:,.0f} goroutines")


def test_the_verdict_acquits_the_database_and_names_what_told_it_first() -> None:
    events, users, database, warning = report().verdict
    emerged = [each for each in report().lines if each.kind == "event"]
    inside = sum(each.in_its_minute for each in emerged)
    assert events.startswith(f"{len(emerged)} of {len(emerged)} events")
    assert f", {inside} of them in" in events
    assert f"{report().cost.failed:,.0f} pages" in users
    assert database.startswith("It was not the database")
    assert warning.startswith("An instance of auth passed 1,000 goroutines at 14:25:")


def test_the_database_is_blamed_where_it_is_slow() -> None:
    """The verdict can come out the other way: here each query takes ten times as long."""
    result = happened()
    name = "service_request_duration_seconds_sum"

    def slower(at: int) -> Result:
        recording = result.recordings[at]
        column = [key.metric for key in recording.schema].index(name)
        values = recording.values.copy()
        late = recording.times > 600.0
        values[late, column] += 9 * (values[late, column] - values[~late, column][-1])
        parts = list(result.recordings)
        parts[at] = replace(recording, values=values)
        return replace(result, recordings=tuple(parts))

    targets = [(r.target, r.job) for r in result.recordings]
    told = read_report(slower(targets.index(("database-1", "service")))).verdict
    assert told[2].startswith("The database got slower")


def test_without_the_leak_nothing_emerges_and_the_report_says_so() -> None:
    calm = read_report(without_the_leak(), "what if: no leak", report().cost)
    assert [each.what for each in calm.lines if each.kind == "event" and each.emerged] == []
    assert line("14:25", calm).emerged is None
    assert line("14:23", calm).emerged == line("14:23").emerged
    saved = report().cost.failed - calm.cost.failed
    assert calm.verdict[0].startswith(f"{saved:,.0f} pages fewer are lost")
    assert calm.verdict[0].endswith("and no instance dies.")
    assert calm.verdict[-1] == "Users never felt it."
    worse = read_report(happened(), "what if: a leak", calm.cost)
    assert worse.verdict[0].startswith(f"{saved:,.0f} pages more are lost")


# ---- the commands


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("replay --seed x", "--seed: must be a whole number >= 0, got 'x'"),
        ("replay --thinning 0", "--thinning: must be a whole number >= 1, got '0'"),
        ("replay --thinning 1e3", "--thinning: must be a whole number >= 1"),
        ("replay --thinning 2000", "thinning must be at most the workers of"),
        ("replay --what-if prayer", "what if: unknown defence 'prayer'"),
        (f"replay --thinning {'9' * 5000}", "--thinning: must have at most 100 digits"),
        (f"replay --thinning {'9' * 100}", "thinning must be at most 2147483647, got 999"),
        ("replay --at 14:30", "--at must come with --what-if"),
        ("replay --at=", "--at must come with --what-if"),
        ("replay --what-if breaker --at=", "a time must be like 14:29"),
        ("replay --what-if breaker --at ١٤:٣٠", "a time must be like 14:29"),
        ("replay --what-if breaker --at 14:3_0", "a time must be like 14:29"),
        ("replay --what-if breaker --at 14:-30", "a time must be like 14:29"),
        ("replay --what-if breaker --at 14:99", "a time must be like 14:29"),
        (f"replay --what-if breaker --at {'9' * 5000}:30", "a time must be like 14:29"),
        ("replay --what-if breaker --at noon", "a time must be like 14:29"),
        ("replay --what-if breaker --at 15:00", "--at must be within the incident"),
        ("replay --html no/such/page.html", "no/such/page.html: must be a file to write"),
        ("replay --html=", "--html: must be the name of a file, got ''"),
        ("replay --html .", ".: must be a file to write"),
        (f"replay --html {'x' * 300}", "File name too long"),
        ("export --openmetrics=", "--openmetrics: must be the name of a file, got ''"),
        ("export --openmetrics a\0b", "--openmetrics: must be the name of a file"),
        ("export", "required: --openmetrics"),
        ("export --openmetrics no/such/file", "no/such/file: must be a file to write"),
        ("export --openmetrics x --start noon", "start must be a date and time with its zone"),
        ("export --openmetrics x --start=", "start must be a date and time with its zone"),
        ("export --openmetrics x --step 0", "--step: must be a number > 0"),
        ("export --openmetrics x --step 1e300", "step must be in 1e-09..1e+12, got 1e+300"),
        ("export --openmetrics x --step 7", "step must be a multiple of the scrape interval"),
        ("export --openmetrics x --metric go_goroutines", "unknown metric 'go_goroutines'"),
        ("export --openmetrics x --target auth-4", "unknown target 'auth-4'"),
    ],
)
def test_an_error_of_the_user_is_one_line_before_anything_runs(
    arguments: str, told: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split()) == USER_ERROR
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert told in err
    assert list(tmp_path.iterdir()) == []


def test_the_replay_is_a_table_beside_the_post_mortem_and_a_verdict(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "130")
    assert main(["replay"]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out and err == ""
    for each in report().lines:
        emerged = "" if each.emerged is None else utc(each.emerged)
        assert re.search(rf"(?m)^{utc(each.told)[:5]}  .*{emerged}", out), each
    flat = " ".join(out.split())
    assert all(sentence in flat for sentence in report().verdict)


@pytest.mark.parametrize("width", [24, 40, 60, 130])
def test_no_heading_is_broken_however_narrow_the_terminal(width: int) -> None:
    file = io.StringIO()
    show(report(), Console(file=file, width=width, markup=False, emoji=False, highlight=False))
    printed = file.getvalue()
    assert max(len(line) for line in printed.splitlines()) <= width
    words = set(re.split(r"[\s:]+", printed))
    said = " ".join([*lines(report()).head, *(each.what for each in report().lines)])
    assert set(re.split(r"[\s:]+", said)) - words == set()


def test_a_what_if_stands_beside_what_happened(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "130")
    assert main(["replay", "--what-if", "no-leak"]) == 0
    out, _ = capsys.readouterr()
    assert "what if: no leak, from the beginning; seed 1" in out
    died = re.search(r"instances killed +(\d) +(\d)", out)
    assert died is not None and died.groups() == ("3", "0")


@pytest.mark.slow
def test_a_defence_from_a_minute_on_leaves_what_was_before(capsys: Capture) -> None:
    assert main(["replay", "--json", "--what-if", "no leak", "--at", "14:30"]) == 0
    told = json.loads(capsys.readouterr().out)
    was, changed = (
        {row["told"]: row["emerged"] for row in told[which]["lines"]}
        for which in ("happened", "what_if")
    )
    before, after = seconds_at("14:29"), seconds_at("14:31")
    assert was[before] == changed[before] is not None
    assert was[after] is not None and changed[after] is None
    assert told["what_if"]["history"] == "what if: no leak, from 14:30 on"


def test_json_is_the_report_and_nothing_else(capsys: Capture) -> None:
    assert main(["replay", "--json"]) == 0
    out, err = capsys.readouterr()
    assert out == to_json(report())
    assert err == ""
    document = json.loads(out)
    assert document["what_if"] is None
    assert list(document["happened"]) == [field.name for field in fields(Report)]
    assert document["happened"]["digest"] == happened().digest()


@pytest.mark.slow
def test_export_writes_what_the_run_scraped(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "incident.om"
    assert main(["export", "--openmetrics", str(file)]) == 0
    expected = tmp_path / "expected.om"
    with expected.open("w") as target:
        written = write_openmetrics(happened(), target)
    assert file.read_bytes() == expected.read_bytes()
    assert capsys.readouterr().out.startswith(f"{written.samples:,} samples of")


@pytest.mark.parametrize("command", [["replay", "--html"], ["export", "--openmetrics"]])
def test_who_stops_a_run_is_told_how_far_it_was(
    command: list[str], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(scenario: object, seed: int, progress: Callable[[float], None]) -> Result:
        progress(660.0 / incident().duration)
        raise KeyboardInterrupt

    monkeypatch.setattr("meshlab.engines.run.run", stopped)
    assert main([*command, str(tmp_path / "file")]) == INTERRUPTED
    told = "stopped at 14:31:00 of the incident; nothing was written\n"
    assert capsys.readouterr() == ("", told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_ends_a_run_at_full_scale_on_a_terminal() -> None:
    """The compiled engine gives way between two scrapes; the bar is gone, one line is left."""
    command = [sys.executable, "-m", "meshlab", "replay", "--thinning", "1"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    seen = ""
    deadline = time.monotonic() + 120.0
    while "%" not in seen and time.monotonic() < deadline:
        seen += os.read(ours, 4096).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    try:
        while more := os.read(ours, 4096):
            seen += more.decode(errors="replace")
    except OSError:  # the other end is closed
        pass
    assert process.wait(60) == INTERRUPTED
    os.close(ours)
    assert "of the incident; nothing was written" in seen
    assert "Traceback" not in seen


# ---- the page


@cache
def shared_page() -> str:
    calm = without_the_leak()
    told = read_report(calm, "what if: no leak", report().cost)
    return replay_page((happened(), report()), (calm, told))


@pytest.fixture(scope="module")
def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page in a browser without a network; ``asked`` is what it asked for besides itself."""
    file = tmp_path_factory.mktemp("page") / "replay.html"
    file.write_text(shared_page(), encoding="utf-8")
    page = browser.new_context(offline=True).new_page()
    page.asked, page.trouble = [], []  # type: ignore[attr-defined]
    page.on("request", lambda request: page.asked.append(request.url))  # type: ignore[attr-defined]
    page.on("console", lambda message: page.trouble.append(message.text))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.trouble.append(str(error)))  # type: ignore[attr-defined]
    page.set_default_timeout(PATIENCE)
    page.goto(file.as_uri())
    page.wait_for_function(
        "document.querySelectorAll('.js-plotly-plot').length"
        " === document.querySelectorAll('[data-figure]').length"
    )
    return page


@pytest.mark.slow
def test_the_page_asks_for_nothing_and_has_no_trouble(shown: Page) -> None:
    assert shown.asked == [shown.url]  # type: ignore[attr-defined]
    assert shown.trouble == []  # type: ignore[attr-defined]


def test_the_page_forbids_its_browser_every_request(shown: Page) -> None:
    refused = "fetch('data:text/plain,x').then(() => 'let through', () => 'refused')"
    assert shown.evaluate(refused) == "refused"
    shown.trouble.clear()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_every_figure_is_drawn_with_its_words_beneath(shown: Page) -> None:
    figures = shown.locator("figure")
    assert figures.count() == shown.locator("[data-figure] .main-svg").count() // 3 > 0
    for number in range(figures.count()):
        words = figures.nth(number).locator("figcaption").inner_text()
        assert words.startswith("In words: ") and len(words) > 60
        assert figures.nth(number).locator("[role=img]").get_attribute("aria-label")


@pytest.mark.slow
def test_the_player_on_the_page_plays_by_itself(shown: Page) -> None:
    scrub = shown.get_by_role("slider", name="time of the incident")
    scrub.focus()
    for _ in range(3):
        scrub.press("ArrowRight")
    assert scrub.get_attribute("aria-valuetext") == utc(15.0)
    scrub.press("End")
    words = shown.locator("#player [role=status]").inner_text()
    assert words.startswith(utc(incident().duration))


def test_the_page_tells_lines_and_verdict_without_a_script() -> None:
    text = unescape(re.sub(r"(?s)<script.*?</script>", "", shared_page()))
    assert "src=" not in text and "<link" not in text and "http://" not in text
    told = read_report(without_the_leak(), "what if: no leak", report().cost)
    for sentence in (*told.verdict, *(each.what for each in report().lines)):
        assert sentence in text


def test_data_on_the_page_can_not_end_its_element() -> None:
    from meshlab.export.tables import Table, to_html
    from meshlab.figures.page import as_data

    assert as_data("x", "</script><b>").count("<") == 2
    assert "<td>&#60;b></td>" in to_html(Table(("head",), [("<b>",)]))
