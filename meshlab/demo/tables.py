"""Prints a report: tables, and a summary at the end.

Durations are in milliseconds here, times in seconds of the run. Colour says nothing that a word or
a number beside it does not say.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from meshlab.demo.incidents import BREAKER, Incident
from meshlab.demo.report import Report, Route, read_report
from meshlab.mesh.result import Result
from meshlab.tables import Bad, Columns, print_parts, tabulate
from meshlab.telemetry.ledger import Evidence

NOTHING = "-"
WIDEST = 120
"""Columns beyond which nothing is easier to read."""


def show(result: Result, console: Console) -> None:
    """Print everything that the run of ``result`` has to tell."""
    report = read_report(result)
    print_parts(
        console,
        WIDEST,
        _title(report),
        tabulate(ROUTING, report.routes, "Routing"),
        tabulate(PHASES, enumerate(report.phases, 1), "What users got (p50, p95, p99 in ms)"),
        tabulate(INCIDENTS, _alike(report), "What the mesh did, and why"),
        tabulate(EDGES, report.routes, "Edges (p50, p95, p99 in ms)", EDGES_SAY),
        tabulate(SHARES, report.shares, "Load (in % of the tries on a service)", SHARES_SAY),
        _summary(report),
        caption="dim",
    )


def _title(report: Report) -> Text:
    instances = sum(map(len, report.services.values()))
    return Text.assemble(
        (f"meshlab {report.scenario}", "bold"),
        f": {instances} instances of {len(report.services)} services, "
        f"{report.duration:g} s of virtual time, seed {report.seed}\n",
        ", ".join(f"{name} {len(names)}" for name, names in report.services.items()),
    )


# ---- numbers and reasons as a reader likes them


def ms(value: float | None) -> str:
    """A duration in seconds as milliseconds."""
    return NOTHING if value is None else f"{value * 1000:,.0f}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def because(reason: str, evidence: Evidence) -> str:
    """A reason with its evidence; a reason that is itself the evidence is not said twice."""
    numbers = ", ".join(f"{plain(name)} {value:g}" for name, value in evidence)
    if evidence and evidence[0][0] == reason:
        return numbers
    return f"{plain(reason)}: {numbers}" if numbers else plain(reason)


def plain(name: str) -> str:
    """``round_robin`` as "round robin"."""
    return name.replace("_", " ")


# ---- the tables


def _tries(route: Route) -> str:
    return f"{route.tries}" + (f" of {route.try_seconds:g} s" if route.try_seconds else "")


ROUTING: Columns = {
    "edge": lambda route: route.name,
    "balancer": lambda route: plain(route.balancer),
    "tries": _tries,
    "guarded by": lambda route: plain(", ".join(route.guards)) or NOTHING,
}

PHASES: Columns = {
    ">#": lambda row: f"{row[0]}",
    "cause": lambda row: row[1].label,
    ">from": lambda row: f"{row[1].start:g}",
    ">to s": lambda row: f"{row[1].end:g}",
    ">requests": lambda row: f"{row[1].requests:,}",
    ">lost": lambda row: Bad(f"{row[1].lost:,}") if row[1].lost else "0",
    ">p50": lambda row: ms(row[1].p50),
    ">p95": lambda row: ms(row[1].p95),
    ">p99": lambda row: ms(row[1].p99),
    ">retries": lambda row: f"{row[1].retries:,}",
}


def _alike(report: Report) -> Iterable[list[Incident]]:
    """Incidents of one kind and reason about the same, whoever saw them, that began in a phase."""
    groups: dict[tuple[str, str, str, int], list[Incident]] = {}
    for incident in report.incidents:
        phase = sum(phase.start <= incident.began for phase in report.phases)
        key = (incident.kind, incident.about, incident.reason, phase)
        groups.setdefault(key, []).append(incident)
    return groups.values()


def _over(group: list[Incident]) -> str:
    """When the last of them was over."""
    ends = [incident.ended for incident in group if incident.ended is not None]
    return f"{max(ends):.1f}" if len(ends) == len(group) else Bad("not yet")


def _over_because(group: list[Incident]) -> str:
    """Why the first of them was over, and how often a breaker had tried before."""
    first = group[0]
    failed = f", after {first.failed_probes} failed" if first.kind == BREAKER else ""
    return because(first.ended_because, first.ending_evidence) + failed or NOTHING


INCIDENTS: Columns = {
    "what": lambda group: f"{group[0].kind}: {group[0].about}",
    ">times": lambda group: f"{len(group)}",
    ">from": lambda group: f"{group[0].began:.1f}",
    ">to s": _over,
    "because": lambda group: because(group[0].reason, group[0].evidence),
    "over because": _over_because,
}


def _good(route: Route) -> str:
    ended = route.calls - route.in_flight
    share = route.succeeded / ended if ended else 1.0
    return percent(share) if share >= 0.99 else Bad(percent(share))


EDGES: Columns = {
    "edge": lambda route: route.name,
    ">calls": lambda route: f"{route.calls:,}",
    ">ok %": _good,
    ">tries": lambda route: f"{route.attempts / route.calls:.2f}" if route.calls else NOTHING,
    ">p50": lambda route: ms(route.p50),
    ">p95": lambda route: ms(route.p95),
    ">p99": lambda route: ms(route.p99),
    ">retries": lambda route: f"{route.retries:,}",
    ">refused": lambda route: f"{route.refused:,}",
}
EDGES_SAY = "tries: for each call; refused: not sent by the caller's own sidecar"


SHARES: Columns = {
    "instance": lambda share: share.instance,
    "balancer": lambda share: plain(share.balancer),
    ">tries": lambda share: f"{share.tries:,}",
    ">expected": lambda s: "by load" if s.expected is None else percent(s.expected),
    ">actual": lambda share: percent(share.share),
    ">off by": lambda s: "" if s.expected is None else f"{100 * (s.share - s.expected):+z.1f}",
}
SHARES_SAY = "expected: if all are there and well"


def _summary(report: Report) -> Table:
    """The run in a few lines."""
    told = report.summary
    opened = [f"{route.name} opened {route.opened}x" for route in report.routes if route.opened]
    lines = {
        "requests": "{requests:,}: {succeeded:,} answered, {lost:,} lost, {in_flight:,} in flight "
        "at the end",
        "calls": "{calls:,} on all edges, {refused:,} of them refused",
        "retries": "{retries:,} sent, {denied:,} denied by budgets",
        "breakers": ", ".join(opened) or "none opened",
        "unhealed": "{unhealed:,} incidents at the end",
        "seed": f"{report.seed} (fingerprint of the run: {report.digest[:12]})",
    }
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for name, text in lines.items():
        table.add_row(Text(name, style="bold"), text.format(**told))
    return table
