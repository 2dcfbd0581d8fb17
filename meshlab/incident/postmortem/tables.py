"""Prints a run's own post-mortem: a table beside the written one, what it cost, and the verdict."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.text import Text

from meshlab.figures.tables import Table, in_terminal
from meshlab.incident.cost import told as cost_in_words
from meshlab.incident.milestones import MINUTE, Milestone
from meshlab.incident.postmortem.report import Report
from meshlab.incident.scenario import utc

WIDEST = 130
"""Columns beyond which nothing is easier to read."""

SIGNS = {"cause": "■", "event": "▲", "people": ""}
LEGEND = "■ a cause, set by the scenario; ▲ it emerged; without a sign: what people did"
NEVER = "-"


def title(report: Report) -> str:
    """What was run, and how."""
    each = (
        "each request runs" if report.thinning == 1 else f"a request stands for {report.thinning}"
    )
    return f"{report.history}; seed {report.seed}, {each}, {report.engine} engine"


def lines(happened: Report, other: Report | None = None) -> Table:
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
    return Table(head, tuple(rows), caption=LEGEND)


def _emerged(line: Milestone) -> str:
    """When, and how far from the minute that the post-mortem names."""
    if line.emerged is None:
        return "" if line.kind == "people" else NEVER
    return f"{utc(line.emerged)} {SIGNS[line.kind]}{_off(line.emerged - line.told)}"


def _off(away: float) -> str:
    if away < 0:
        return f" {-away:.0f} s early"
    return "" if away < MINUTE else f" {away - MINUTE:.0f} s late"


def costs(happened: Report, other: Report) -> Table:
    """What each history cost."""
    both = [cost_in_words(happened.cost), cost_in_words(other.cost)]
    rows = tuple((name, both[0][name], both[1][name]) for name in both[0])
    return Table(("", happened.history, other.history), rows)


# ---- in a terminal


def show(happened: Report, console: Console, other: Report | None = None) -> None:
    """Print what happened; with ``other`` also another history, and both beside each other."""
    console.width = min(console.width, WIDEST)
    told = other or happened
    name = told.scenario.capitalize()
    parts: list[RenderableType] = [Text.assemble((name, "bold"), f"\n{title(told)}")]
    parts.append(in_terminal(lines(happened, other)))
    parts += [in_terminal(costs(happened, other))] if other else []
    parts.append(Text.assemble(("Verdict", "bold"), *(f"\n{said}" for said in told.verdict)))
    for part in parts:
        console.print(part)
        console.print()
