"""The incident on the command line: ``replay`` tells it, ``export`` writes what was scraped."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshlab.rules import check, require_known

if TYPE_CHECKING:
    from meshlab.mesh.result import Result
    from meshlab.postmortem import Report
    from meshlab.scenario import Scenario

REPLAY = """\
Run the incident and tell it minute by minute: when each line of the post-mortem
emerged in the run, what the run shows there, and a verdict. Nothing but causes
is set by the clock: traffic, a leak from 14:25, a restart with the fix at 14:42."""

REPLAY_MORE = """\
--weight 1 runs every request: about a hundred million events. --what-if names a
defence of meshlab/incident/history.py; an unknown name lists those there are.

The JSON document has the keys happened and what_if, with the fields of Report in
meshlab/postmortem/report.py. The same seed and weight give the same bytes."""

EXPORT = """\
Run the incident and write what was scraped, with timestamps, as OpenMetrics:

    promtool tsdb create-blocks-from openmetrics FILE DIRECTORY

data/prometheus/ has alert rules and a Grafana dashboard for it."""


def add(commands: Any) -> None:
    """Add both commands to a parser's ``commands``; each sets ``do``, which does it."""
    replay = _command(commands, "replay", "tell the incident as it emerged", REPLAY, REPLAY_MORE)
    _add_run(replay)
    replay.add_argument("--json", action="store_true", help="print a JSON document, no tables")
    replay.add_argument("--html", metavar="FILE", help="also write a page to share, in one file")
    replay.set_defaults(do=_replay)

    export = _command(commands, "export", "write the incident's metrics for Prometheus", EXPORT)
    export.add_argument("--openmetrics", metavar="FILE", required=True, help="the file to write")
    _add_run(export)
    export.add_argument("--start", metavar="TIME", help="when 14:20 is (2025-11-28T14:20:00Z)")
    seconds = number("> 0", lambda n: n > 0)
    export.add_argument("--step", type=seconds, metavar="S", help="one scrape in S seconds")
    export.add_argument("--metric", action="append", metavar="NAME", help="only this; may repeat")
    export.add_argument("--target", action="append", metavar="NAME", help="only this instance")
    export.set_defaults(do=_export)


def _command(commands: Any, name: str, short: str, long: str, more: str = "") -> Any:
    form = argparse.RawDescriptionHelpFormatter
    return commands.add_parser(
        name, help=short, description=long, epilog=more, formatter_class=form
    )


def _add_run(parser: Any) -> None:
    """The options that choose a run."""
    parser.add_argument("--seed", type=whole(0), default=1, metavar="N", help="another run (1)")
    text = "a simulated request stands for N (100); 1 is full scale"
    parser.add_argument("--weight", type=whole(1), default=100, metavar="N", help=text)
    parser.add_argument("--what-if", metavar="NAME", help="another history: with this defence")
    parser.add_argument("--at", metavar="HH:MM", help="the defence holds from then on, not 14:20")


def whole(least: int) -> Callable[[str], int]:
    """The type of an option: a whole number, ``least`` or more."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"must be a whole number >= {least}, got {text!r}")
        return int(text)

    return read


def number(rule: str, fits: Callable[[float], bool]) -> Callable[[str], float]:
    """The type of an option: a finite number that fits the ``rule``, such as "> 0"."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and fits(value)):
            raise argparse.ArgumentTypeError(f"must be a number {rule}, got {text!r}")
        return value

    return read


# ---- what they do


def _replay(chosen: argparse.Namespace) -> None:
    from rich.console import Console

    from meshlab.postmortem import read_report, show, to_json

    page = _place(chosen.html) if chosen.html else None
    scenario, other = _incident(chosen), _what_if(chosen)
    result = _run(scenario, chosen.seed)
    report = read_report(result)
    beside: tuple[Result, Report] | None = None
    if other is not None:
        changed = _run(other[0], chosen.seed)
        beside = (changed, read_report(changed, other[1], report.toll))
    if page is not None:
        from meshlab.postmortem.page import replay_page

        page.write_text(replay_page((result, report), beside), encoding="utf-8")
    also = beside[1] if beside else None
    if chosen.json:
        sys.stdout.write(to_json(report, also))
    else:
        show(report, Console(markup=False, emoji=False, highlight=False), also)


def _export(chosen: argparse.Namespace) -> None:
    from meshlab.export import BLACK_FRIDAY, Selection, check_selection, write_openmetrics

    selection = Selection(
        start=chosen.start or BLACK_FRIDAY,
        step=chosen.step,
        metrics=tuple(chosen.metric or ()),
        targets=tuple(chosen.target or ()),
    )
    place = _place(chosen.openmetrics)
    scenario, other = _incident(chosen), _what_if(chosen)
    check_selection(selection, scenario)
    result = _run(other[0] if other else scenario, chosen.seed)
    with place.open("w", encoding="utf-8", newline="\n") as file:
        written = write_openmetrics(result, file, selection)
    print(f"{written.samples:,} samples of {written.series:,} series in {place}")


def _place(name: str) -> Path:
    """Where to write; what is wrong with it is said before anything runs."""
    place = Path(name)
    check(place.parent.is_dir() and not place.is_dir(), name, "must be a file to write", name)
    return place


def _incident(chosen: argparse.Namespace) -> Scenario:
    from dataclasses import replace

    from meshlab.incident import incident

    return replace(incident(), weight=chosen.weight)


def _what_if(chosen: argparse.Namespace) -> tuple[Scenario, str] | None:
    """The incident with the defence that was chosen, and what that is called."""
    from meshlab.incident import seconds_at
    from meshlab.incident.history import DEFENCES

    if chosen.what_if is None:
        check(chosen.at is None, "what if", "--at must come with --what-if", chosen.at)
        return None
    name = chosen.what_if.replace("-", " ")
    require_known(name, DEFENCES, "what if", "defence")
    scenario = _incident(chosen)
    at = seconds_at(chosen.at) if chosen.at else 0.0
    inside = 0.0 <= at < scenario.duration
    check(inside, "what if", "--at must be within the incident, from 14:20", chosen.at)
    when = f"from {chosen.at} on" if chosen.at else "from the beginning"
    return DEFENCES[name].apply(scenario, at, chosen.seed), f"what if: {name}, {when}"


def run_with_bar(
    scenario: Scenario, number: int, reached: Callable[[float], object] = lambda share: None
) -> Result:
    """Run with a bar, if stderr is a terminal; ``reached`` hears how far (a share) it is."""
    from rich.console import Console
    from rich.progress import Progress

    from meshlab.engines.run import run

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(scenario.name, total=1.0)

        def advance(share: float) -> None:
            reached(share)
            bar.update(task, completed=share)

        return run(scenario, number, advance)


def _run(scenario: Scenario, number: int) -> Result:
    """Run the incident. Who stops it is told how far it was."""
    from meshlab.incident import utc

    shares = [0.0]
    try:
        return run_with_bar(scenario, number, shares.append)
    except KeyboardInterrupt:
        at = utc(shares[-1] * scenario.duration)
        print(f"stopped at {at} of the incident; nothing was written", file=sys.stderr)
        raise
