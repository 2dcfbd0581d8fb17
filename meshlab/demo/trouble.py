"""Tables of trouble: what users got, what failed where, what opened and healed, and a summary.

Durations are in milliseconds here, times in seconds of the run.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from meshlab.demo.grid import BAD, bad_if
from meshlab.demo.grid import table as new_table
from meshlab.demo.incidents import BREAKER, Incident
from meshlab.demo.phases import Origin
from meshlab.demo.report import FaultEffect, Report
from meshlab.demo.words import NOTHING, because, count, ms, percent, seconds
from meshlab.telemetry.names import DURATION_BUCKETS


def phases(report: Report) -> Table:
    """What users got, from one change of causes to the next."""
    bounds = ", ".join(f"{bound * 1000:,.0f}" for bound in DURATION_BUCKETS[7:11])
    table = new_table(
        "What users got (p50, p95, p99 in ms)",
        *(">#", "cause", ">from", ">to s", ">requests", ">lost", ">lost %", ">p50", ">p95", ">p99"),
        caption=f"Buckets end at ..., {bounds}, ... ms: in between, a quantile is a guess.",
    )
    for phase in report.phases:
        lost = phase.lost > 0
        table.add_row(
            str(phase.number),
            phase.label,
            f"{phase.start:g}",
            f"{phase.end:g}",
            count(phase.requests),
            bad_if(lost, count(phase.lost)),
            bad_if(lost, percent(phase.lost, phase.requests)),
            *(ms(value) for value in (phase.p50, phase.p95, phase.p99)),
        )
    return table


def breakers(report: Report) -> Table:
    """Every breaker that opened, from its first opening until it closed."""
    table = new_table("Circuit breakers", "sidecar", ">opened", "because", "probes", ">closed")
    for incident in report.incidents:
        if incident.kind == BREAKER:
            table.add_row(
                incident.subject,
                seconds(incident.began),
                because(incident.reason, incident.evidence),
                f"{len(incident.probes)}, {incident.failed_probes} failed",
                bad_if(incident.ended is None, seconds(incident.ended)),
            )
    return table


def endpoints(report: Report) -> Table:
    """Ejections, failed health checks, panic and dead processes, alike ones together."""
    table = new_table("Endpoints", "what", ">times", ">sidecars", ">from", ">to", "because")
    groups: dict[tuple[str, str, int], list[Incident]] = {}
    for incident in report.incidents:
        if incident.kind != BREAKER:
            phase = max(p.number for p in report.phases if p.start <= incident.began)
            groups.setdefault((incident.kind, incident.reason, phase), []).append(incident)
    for (kind, reason, _), group in groups.items():
        ends = [incident.ended for incident in group]
        last = None if None in ends else max(end for end in ends if end is not None)
        targets = sorted({incident.target for incident in group})
        table.add_row(
            f"{kind}: {', '.join(targets)}",
            str(len(group)),
            str(len({incident.sidecar for incident in group if incident.sidecar}) or "-"),
            seconds(group[0].began),
            bad_if(last is None, seconds(last)),
            because(reason, group[0].evidence),
        )
    return table


def origins(report: Report) -> Table:
    """Where failures began, as only the edges can tell."""
    table = new_table(
        "Where failures began",
        *(">#", "instances that failed tries", "calls refused", ">retries", ">denied"),
        caption="Tries that failed because of a service further behind are not counted.",
    )
    for phase in report.phases:
        table.add_row(
            str(phase.number),
            _most(phase.failed_at),
            _most(phase.refused_at),
            count(phase.retries),
            count(phase.retries_denied),
        )
    return table


def _most(origins: Sequence[Origin]) -> str:
    return ", ".join(f"{origin.where} {count(origin.count)}" for origin in origins[:2]) or "-"


def faults(report: Report) -> Table:
    """What each fault cost, what it set off, and how long that outlasted it."""
    table = new_table(
        "What each fault did", "fault", ">from", ">to s", ">lost", "set off", ">healed"
    )
    for fault in report.faults:
        set_off = ", ".join(f"{number}x {kind}" for kind, number in fault.incidents.items())
        table.add_row(
            fault.fault,
            f"{fault.start:g}",
            NOTHING if fault.end is None else f"{fault.end:g}",
            bad_if(fault.lost > 0, f"{count(fault.lost)} of {count(fault.requests)}"),
            set_off or "nothing",
            _healed(fault),
        )
    return table


def _healed(fault: FaultEffect) -> Text:
    if fault.healed_after is None:
        return Text("not yet", style=BAD)
    return Text(f"{fault.healed_after:.1f} s later" if fault.healed_after else "at once")


def summary(report: Report) -> Table:
    """The run in a few lines."""
    told = report.summary
    opened = [f"{route.name} opened {route.opened}x" for route in report.routes if route.opened]
    missed = [
        f"{count(route.failed + route.refused)} calls on {route.name}"
        for route in report.routes
        if not route.required and route.failed + route.refused
    ]
    lines = {
        "requests": f"{count(told.requests)}: {count(told.succeeded)} answered "
        f"({percent(told.succeeded, told.requests)} %), {count(told.lost)} lost, "
        f"{count(told.in_flight)} in flight at the end",
        "calls": f"{count(told.calls)} on all edges, {count(told.refused)} of them refused; "
        f"{count(told.attempts)} tries",
        "retries": f"{count(told.retries)} sent, {count(told.retries_denied)} denied by budgets",
        "breakers": ", ".join(opened) or "none opened",
        "done without": ", ".join(missed) or "nothing",
        "unhealed": f"{count(told.unhealed)} incidents at the end",
        "seed": f"{report.seed} (fingerprint of the run: {report.digest[:12]})",
    }
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, text in lines.items():
        table.add_row(Text(name, style="bold"), text)
    return table
