"""The run at a glance: strips of one character for each stretch of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from meshlab.demo.counters import Durations
from meshlab.demo.incidents import BREAKER, Incident
from meshlab.demo.report import Report
from meshlab.demo.users import Users, entries
from meshlab.result import Result

Bins = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """The characters of the strips: none relies on colour. ``levels`` rise from little to most."""

    levels: str
    holds: str
    probes: str
    quiet: str


UNICODE = Glyphs(levels="▁▂▃▄▅▆▇█", holds="█", probes="?", quiet="·")
ASCII = Glyphs(levels=".:-=+*%#", holds="#", probes="?", quiet=" ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One row: what it shows, and a character for every stretch of time."""

    label: str
    cells: str
    alarming: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Rows over the same stretches of ``step`` seconds each."""

    step: float
    strips: tuple[Strip, ...]


def read_timeline(result: Result, report: Report, width: int, glyphs: Glyphs) -> Timeline:
    """At most ``width`` stretches, each a whole number of scrapes long."""
    interval = result.scenario.scrape_interval
    scrapes = ceil(report.duration / interval - 1e-9)
    step = interval * ceil(scrapes / width)
    count = ceil(report.duration / step - 1e-9)
    bins = list(pairwise(min(i * step, report.duration) for i in range(count + 1)))
    return Timeline(
        step=step,
        strips=(
            Strip(label="time, s", cells=_clock(bins)),
            Strip(label="phase", cells=_phases(report, bins)),
            _lost(result, bins, glyphs),
            _latency(result, bins, glyphs),
            *_incidents(report, bins, glyphs),
        ),
    )


def _clock(bins: Bins) -> str:
    """The time at every tenth stretch."""
    return "".join(f"{start:<10g}" for start, _ in bins[::10])[: len(bins)]


def _phases(report: Report, bins: Bins) -> str:
    """The number of the phase in which each stretch begins, or its last digit."""
    return "".join(
        next(str(p.number)[-1] for p in reversed(report.phases) if p.start <= start)
        for start, _ in bins
    )


def _lost(result: Result, bins: Bins, glyphs: Glyphs) -> Strip:
    users = Users(result)
    counts = [users.between(start, end) for start, end in bins]
    shares = [lost / ended if ended else None for ended, lost in counts]
    most = max((share for share in shares if share is not None), default=0.0)
    return Strip(label=f"lost, up to {most:.0%}", cells=_levels(shares, most, glyphs))


def _latency(result: Result, bins: Bins, glyphs: Glyphs) -> Strip:
    durations = Durations(result)
    mine = entries(result.scenario)
    p95s = [durations.quantiles(mine, start, end, 0.95)[0] for start, end in bins]
    most = max((p95 for p95 in p95s if p95 is not None), default=0.0)
    return Strip(label=f"p95, up to {most * 1000:,.0f} ms", cells=_levels(p95s, most, glyphs))


def _levels(values: Sequence[float | None], most: float, glyphs: Glyphs) -> str:
    """A bar for each value, as a share of the largest; nothing has a sign of its own."""
    return "".join(
        glyphs.levels[ceil(value / most * len(glyphs.levels)) - 1] if value else glyphs.quiet
        for value in values
    )


def _incidents(report: Report, bins: Bins, glyphs: Glyphs) -> list[Strip]:
    """A strip for each kind of incident and edge or service, whoever saw it."""
    groups: dict[tuple[str, str], list[Incident]] = {}
    for incident in report.incidents:
        about = incident.edge if incident.kind == BREAKER else incident.service
        groups.setdefault((incident.kind.removesuffix(" open"), about), []).append(incident)
    return [
        Strip(
            label=f"{kind} {_name(about, group)}",
            cells="".join(_state(group, *span, glyphs) for span in bins),
            alarming=True,
        )
        for (kind, about), group in groups.items()
    ]


def _name(about: str, group: Sequence[Incident]) -> str:
    """The one instance that it is about; or the service, if there are several."""
    targets = {incident.target for incident in group}
    return about if group[0].kind == BREAKER or len(targets) > 1 else targets.pop()


def _state(group: Sequence[Incident], start: float, end: float, glyphs: Glyphs) -> str:
    if any(start <= probe < end for incident in group for probe in incident.probes):
        return glyphs.probes
    held = any(incident.overlaps(start, end) for incident in group)
    return glyphs.holds if held else glyphs.quiet
