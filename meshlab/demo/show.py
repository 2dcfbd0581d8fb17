"""Prints a report: title, timeline, tables, and a summary at the end."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.text import Text

from meshlab.demo import traffic, trouble
from meshlab.demo.incidents import BREAKER
from meshlab.demo.report import Report, read_report
from meshlab.demo.timeline import ASCII, UNICODE, Glyphs, read_timeline
from meshlab.result import Result

WIDEST = 120
"""Columns beyond which a timeline is no easier to read."""

LABELS = 27
"""Columns for the names of a timeline's rows."""


def show(result: Result, console: Console) -> None:
    """Print everything that the run of ``result`` has to tell."""
    report = read_report(result)
    glyphs = UNICODE if console.encoding.startswith("utf") else ASCII
    kinds = {incident.kind for incident in report.incidents}
    parts: list[RenderableType | None] = [
        _title(report),
        traffic.routing(report),
        _timeline(result, report, min(console.width, WIDEST), glyphs),
        trouble.phases(report),
        trouble.breakers(report) if BREAKER in kinds else None,
        trouble.endpoints(report) if kinds - {BREAKER} else None,
        traffic.discovery(report) if report.first_tries else None,
        trouble.origins(report),
        traffic.edges(report),
        traffic.shares(report) if report.shares else None,
        trouble.faults(report) if report.faults else None,
        trouble.summary(report),
    ]
    for part in parts:
        if part is not None:
            console.print(part)
            console.print()


def _title(report: Report) -> Text:
    instances = sum(len(names) for names in report.services.values())
    return Text.assemble(
        (f"meshlab {report.scenario}", "bold"),
        f": {instances} instances of {len(report.services)} services, "
        f"{report.duration:g} s of virtual time, seed {report.seed}\n",
        ", ".join(f"{name} {len(names)}" for name, names in report.services.items()),
    )


def _timeline(result: Result, report: Report, width: int, glyphs: Glyphs) -> Text:
    """The strips under one another, their names to the left."""
    timeline = read_timeline(result, report, max(width - LABELS, 10), glyphs)
    lines = [Text(f"Timeline ({timeline.step:g} s for each character)", style="bold")]
    for strip in timeline.strips:
        label = f"{strip.label[: LABELS - 1]:{LABELS}}"
        lines.append(Text.assemble(label, (strip.cells, "red" if strip.alarming else "")))
    if any(strip.alarming for strip in timeline.strips):
        legend = (
            f"{glyphs.holds} holds for one sidecar or more, "
            f"{glyphs.probes} an open breaker lets probes through"
        )
        lines.append(Text(legend, style="dim"))
    return Text("\n").join(lines)
