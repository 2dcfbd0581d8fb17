"""Prints a run's own post-mortem: a table beside the written one, what it cost, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from meshlab.fitted import Fitted
from meshlab.incident import utc
from meshlab.postmortem.report import MINUTE, Line, Report
from meshlab.wording import say

WIDEST = 130
"""Columns beyond which nothing is easier to read."""

SIGNS = {"cause": "■", "event": "▲", "people": ""}
LEGEND = "■ a cause, set by the scenario; ▲ it emerged; without a sign: what people did"
NEVER = "-"


@dataclass(frozen=True, slots=True)
class Rows:
    """A table as texts, for whoever draws it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def title(report: Report) -> str:
    """What was run, and how."""
    each = "each request runs" if report.weight == 1 else f"a request stands for {report.weight}"
    return f"{report.history}; seed {report.seed}, {each}, {report.engine} engine"


def lines(happened: Report, other: Report | None = None) -> Rows:
    """The post-mortem's lines, and when each emerged: in what happened, and in another history."""
    told = other or happened
    if other is None:
        head: tuple[str, ...] = ("UTC", "the post-mortem says", "emerged", "the run shows")
    else:
        head = ("UTC", "the post-mortem says", "it happened", "what if", "the what-if shows")
    rows = []
    for was, now in zip(happened.lines, told.lines, strict=True):
        when = [_emerged(was)] if other is None else [_emerged(was), _emerged(now)]
        rows.append((utc(was.told)[:5], was.what, *when, now.shows))
    return Rows(head, tuple(rows))


def _emerged(line: Line) -> str:
    """When, and how far from the minute that the post-mortem names."""
    if line.emerged is None:
        return "" if line.kind == "people" else NEVER
    return f"{utc(line.emerged)} {SIGNS[line.kind]}{_off(line.emerged - line.told)}"


def _off(away: float) -> str:
    if away < 0:
        return f" {-away:.0f} s early"
    return "" if away < MINUTE else f" {away - MINUTE:.0f} s late"


def costs(happened: Report, other: Report) -> Rows:
    """What each history cost."""
    both = [_cost(happened), _cost(other)]
    rows = tuple((name, both[0][name], both[1][name]) for name in both[0])
    return Rows(("", happened.history, other.history), rows)


def _cost(report: Report) -> dict[str, str]:
    cost, first = report.toll, report.toll.next_kill()
    return {
        "pages that users lost": say(cost.failed),
        "minutes of outage": say(cost.bad_minutes),
        "most tries/s at auth": say(cost.peak),
        "instances that died": f"{len(cost.kills)}",
        "first death": NEVER if first is None else utc(first),
        "pages that fail at the end": say(cost.last, "%"),
    }


# ---- in a terminal


def show(happened: Report, console: Console, other: Report | None = None) -> None:
    """Print what happened; with ``other`` also another history, and both beside each other."""
    console.width = min(console.width, WIDEST)
    told = other or happened
    name = told.scenario.capitalize()
    parts: list[Text | Fitted] = [Text.assemble((name, "bold"), f"\n{title(told)}")]
    minutes = lines(happened, other)
    parts.append(Fitted(minutes.head, minutes.rows, caption=Text(LEGEND)))
    if other:
        cost = costs(happened, other)
        parts.append(Fitted(cost.head, cost.rows))
    parts.append(Text.assemble(("Verdict", "bold"), *(f"\n{said}" for said in told.verdict)))
    for part in parts:
        console.print(part)
        console.print()
