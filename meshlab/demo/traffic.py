"""Tables of traffic: how it was routed, what every edge carried, and who got the work.

Durations are in milliseconds here, times in seconds of the run.
"""

from __future__ import annotations

from rich.table import Table

from meshlab.demo.grid import bad_if
from meshlab.demo.grid import table as new_table
from meshlab.demo.report import Report
from meshlab.demo.shares import Share
from meshlab.demo.words import NOTHING, count, ms, off_by, percent, plain, seconds, share


def routing(report: Report) -> Table:
    """Who calls whom, how a try finds its instance, and what guards the caller."""
    table = new_table("Routing", "edge", "balancer", "tries", "guarded by")
    for route in report.routes:
        timeout = route.per_try_timeout
        optional = () if route.required else ("optional",)
        table.add_row(
            route.name,
            plain(route.balancer),
            str(route.max_attempts) + (f" of {timeout:g} s" if timeout else ""),
            ", ".join((*route.guards, *optional)) or "-",
        )
    return table


def edges(report: Report) -> Table:
    """Every edge over the whole run."""
    table = new_table(
        "Edges (p50, p95, p99 in ms)",
        *("edge", ">calls", ">ok %", ">tries", ">p50", ">p95", ">p99"),
        *(">retries", ">denied", ">refused"),
        caption="tries: for each call; denied: retries that the budget did not grant; "
        "refused: calls that the caller's own sidecar did not send",
        gap=1,
    )
    for route in report.routes:
        ended = route.calls - route.in_flight
        tries = route.attempts_per_call
        table.add_row(
            route.name,
            count(route.calls),
            bad_if(route.succeeded < 0.99 * ended, percent(route.succeeded, ended)),
            NOTHING if tries is None else f"{tries:.2f}",
            *(ms(value) for value in (route.p50, route.p95, route.p99)),
            count(route.retries),
            count(route.retries_denied),
            count(route.refused),
        )
    return table


def shares(report: Report) -> Table:
    """Who got the work, against who should have."""
    table = new_table(
        "Load (in % of the tries on a service)",
        *("instance", "balancer", ">tries", ">expected", ">actual", ">off by", ">furthest"),
        caption="expected: if all were well and known at once; by load: nothing is promised; "
        "furthest: the share most out of line, and its phase",
    )
    for mine in report.shares:
        far = mine.furthest
        table.add_row(
            mine.instance,
            plain(mine.balancer),
            count(mine.tries),
            _expected(mine),
            share(mine.share),
            off_by(mine.share, mine.expected),
            "" if far is None else f"{share(far.share)} #{far.phase}",
        )
    return table


def _expected(mine: Share) -> str:
    if not mine.tries:
        return NOTHING
    return "by load" if mine.expected is None else share(mine.expected)


def discovery(report: Report) -> Table:
    """How long a newcomer waited for work."""
    table = new_table("Discovery", "instance", ">joined", "first try from each sidecar, after")
    joined = dict.fromkeys((first.instance, first.joined) for first in report.first_tries)
    for instance, time in joined:
        waits = [
            f"{first.sidecar} " + ("never" if first.time is None else f"{first.time - time:g} s")
            for first in report.first_tries
            if first.instance == instance
        ]
        table.add_row(instance, seconds(time), ", ".join(waits))
    return table
