"""Prints a run's own post-mortem: a table beside the written one, what it cost, and the verdict."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from meshlab.incident import utc
from meshlab.postmortem.report import MINUTE, Line, Report
from meshlab.tables import Columns, Table, print_parts, tabulate
from meshlab.wording import say

WIDEST = 130
"""Columns beyond which nothing is easier to read."""

SIGNS = {"cause": "■", "event": "▲", "people": ""}
LEGEND = "■ a cause, set by the scenario; ▲ it emerged; without a sign: what people did"
NEVER = "-"


def title(report: Report) -> str:
    """What was run, and how."""
    each = "each request runs" if report.weight == 1 else f"a request stands for {report.weight}"
    return f"{report.history}; seed {report.seed}, {each}, {report.engine} engine"


def lines(happened: Report, other: Report | None = None) -> Table:
    """The post-mortem's lines, and when each emerged: in what happened, and in another history."""
    told: Columns = {
        "UTC": lambda both: utc(both[0].told)[:5],
        "the post-mortem says": lambda both: both[0].what,
        "it happened" if other else "emerged": lambda both: _emerged(both[0]),
        **({"what if": lambda both: _emerged(both[1])} if other else {}),
        "the what-if shows" if other else "the run shows": lambda both: both[1].shows,
    }
    pairs = zip(happened.lines, (other or happened).lines, strict=True)
    return tabulate(told, pairs, caption=LEGEND)


def _emerged(line: Line) -> str:
    """When, and how far from the minute that the post-mortem names."""
    if line.emerged is None:
        return "" if line.kind == "people" else NEVER
    return f"{utc(line.emerged)} {SIGNS[line.kind]}{_off(line.emerged - line.told)}"


def _off(away: float) -> str:
    if away < 0:
        return f" {-away:.0f} s early"
    return "" if away < MINUTE else f" {away - MINUTE:.0f} s late"


COSTS: Columns = {
    "pages that users lost": lambda cost: say(cost.failed),
    "minutes of outage": lambda cost: say(cost.bad_minutes),
    "most tries/s at auth": lambda cost: say(cost.peak),
    "instances that died": lambda cost: f"{len(cost.kills)}",
    "first death": lambda cost: NEVER if cost.next_kill() is None else utc(cost.next_kill()),
    "pages that fail at the end": lambda cost: say(cost.last, "%"),
}


def costs(happened: Report, other: Report) -> Table:
    """What each history cost."""
    rows = [(name, told(happened.toll), told(other.toll)) for name, told in COSTS.items()]
    return Table(("", happened.history, other.history), rows)


# ---- in a terminal


def show(happened: Report, console: Console, other: Report | None = None) -> None:
    """Print what happened; with ``other`` also another history, and both beside each other."""
    told = other or happened
    parts = [lines(happened, other)] + ([costs(happened, other)] if other else [])
    first = Text.assemble((told.scenario.capitalize(), "bold"), f"\n{title(told)}")
    last = Text.assemble(("Verdict", "bold"), *(f"\n{said}" for said in told.verdict))
    print_parts(console, WIDEST, first, *parts, last, caption="")
