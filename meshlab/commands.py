"""The incident on the command line: ``replay`` tells it, ``export`` writes what was scraped."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshlab.notices import tell
from meshlab.paths import can_name, writing
from meshlab.rules import check, require_known, shown

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
meshlab/postmortem/report.py. The same seed, weight and engine give the same
bytes."""

EXPORT = """\
Run the incident and write what was scraped, with timestamps, as OpenMetrics:

    promtool tsdb create-blocks-from openmetrics FILE DIRECTORY

data/prometheus/ has alert rules and a Grafana dashboard for it."""


def add(commands: Any) -> None:
    """Add both commands to a parser's ``commands``; each sets ``do``, which does it."""
    replay = _command(commands, "replay", "tell the incident as it emerged", REPLAY, REPLAY_MORE)
    _add_run(replay)
    replay.add_argument("--json", action="store_true", help="print a JSON document, no tables")
    page = "also write a page to share, in one file"
    replay.add_argument("--html", type=file_name, metavar="FILE", help=page)
    replay.set_defaults(do=_replay)

    export = _command(commands, "export", "write the incident's metrics for Prometheus", EXPORT)
    file = {"type": file_name, "metavar": "FILE", "required": True}
    export.add_argument("--openmetrics", help="the file to write", **file)
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


MOST_DIGITS = 100
"""A number of more digits is a slip of the hand."""

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?", re.ASCII | re.IGNORECASE)


def whole(least: int) -> Callable[[str], int]:
    """The type of an option: a whole number, ``least`` or more, in the digits 0 to 9."""

    def read(text: str) -> int:
        digits = text.isascii() and text.isdecimal()
        if digits and len(text) > MOST_DIGITS:
            rule = f"must have at most {MOST_DIGITS} digits"
            raise argparse.ArgumentTypeError(f"{rule}, got {len(text):,}")
        if not digits or int(text) < least:
            rule = f"must be a whole number >= {least}"
            raise argparse.ArgumentTypeError(f"{rule}, got {shown(text)}")
        return int(text)

    return read


def number(rule: str, fits: Callable[[float], bool]) -> Callable[[str], float]:
    """The type of an option: a finite number that fits the ``rule``, such as "> 0"."""

    def read(text: str) -> float:
        value = float(text) if NUMBER.fullmatch(text) else math.nan
        if not (math.isfinite(value) and fits(value)):
            raise argparse.ArgumentTypeError(f"must be a number {rule}, got {shown(text)}")
        return value

    return read


def file_name(text: str) -> str:
    """The type of an option: the name of a file, whether it is there or not."""
    if not can_name(text):
        raise argparse.ArgumentTypeError(f"must be the name of a file, got {shown(text)}")
    return text


# ---- what they do


def _replay(chosen: argparse.Namespace) -> None:
    from rich.console import Console

    from meshlab.postmortem import read_report, show, to_json

    page = _place(chosen.html) if chosen.html is not None else None
    if page is not None:
        from meshlab.postmortem.page import replay_page  # here: if plotly is missing, at once
    scenario, other = _incident(chosen), _what_if(chosen)
    result = _run(scenario, chosen.seed)
    report = read_report(result)
    beside: tuple[Result, Report] | None = None
    if other is not None:
        changed = _run(other[0], chosen.seed)
        beside = (changed, read_report(changed, other[1], report.toll))
    if page is not None:
        with writing(page) as file:
            file.write(replay_page((result, report), beside))
    also = beside[1] if beside else None
    with printing():
        if chosen.json:
            sys.stdout.write(to_json(report, also))
        else:
            show(report, Console(markup=False, emoji=False, highlight=False), also)


def _export(chosen: argparse.Namespace) -> None:
    from meshlab.export import BLACK_FRIDAY, Selection, check_selection, write_openmetrics

    selection = Selection(
        start=BLACK_FRIDAY if chosen.start is None else chosen.start,
        step=chosen.step,
        metrics=tuple(chosen.metric or ()),
        targets=tuple(chosen.target or ()),
    )
    place = _place(chosen.openmetrics)
    scenario, other = _incident(chosen), _what_if(chosen)
    check_selection(selection, scenario)
    result = _run(other[0] if other else scenario, chosen.seed)
    with writing(place) as file:
        written = write_openmetrics(result, file, selection)
    with printing():
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
    at = 0.0 if chosen.at is None else seconds_at(chosen.at)
    inside = 0.0 <= at < scenario.duration
    check(inside, "what if", "--at must be within the incident, from 14:20", chosen.at)
    when = f"from {chosen.at} on" if chosen.at else "from the beginning"
    return DEFENCES[name].apply(scenario, at, chosen.seed), f"what if: {name}, {when}"


@contextmanager
def printing() -> Iterator[None]:
    """What is printed here must arrive: OSError, with a name for it, if standard output is full."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None


def run_with_bar(
    scenario: Scenario, number: int, reached: Callable[[float], object] = lambda share: None
) -> Result:
    """Run with a bar, if stderr is a terminal; ``reached`` hears how far (a share) it is.

    FORCE_COLOR is about colours: it makes no terminal of a file, so rich is not asked.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from meshlab.engines.run import run

    console = Console(stderr=True)
    drawn = sys.stderr.isatty() and not console.is_dumb_terminal
    with Progress(console=console, transient=True, disable=not drawn) as bar:
        task = bar.add_task(escape(scenario.name), total=1.0)

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
        tell(f"stopped at {at} of the incident; nothing was written")
        raise
