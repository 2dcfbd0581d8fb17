"""What weight costs in accuracy: ``python -m tests.benchmarks.weight``.

    full scale, some seeds  --> mean of each number, and its spread over the seeds
    weight 10, weight 100   --> how far their means are from it, and their own spread

Numbers are totals, percentiles and the marks of the incident. What a seed changes at full scale is
the yardstick: an error below it can't be seen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from meshlab.faults import Slowdown
from meshlab.incident import incident
from meshlab.incident.marks import marks
from meshlab.mesh.result import Result
from meshlab.scenario import Scenario
from meshlab.sweep import sweep
from meshlab.telemetry.promql import bucket_quantile
from tests.benchmarks.full_scale import scaled_shop

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS = (1, 10, 100)

Numbers = dict[str, float]
"""What is compared; a name that ends in ", s" is a time, and its error is told in seconds."""


def quantile(
    result: Result, q: float, begin: float, end: float, source: str, destination: str
) -> float:
    """The quantile (s) of the calls on an edge that ended between two scrapes."""
    metric = "mesh_request_duration_seconds_bucket"
    frame = result.frame(metric, source=source, destination=destination)
    table = frame.groupby(["time", frame["le"].astype(float)])["value"].sum().unstack("le")
    counts = table.loc[end] - table.loc[begin]
    return bucket_quantile(q, list(counts.index), list(counts))


def of_shop(result: Result) -> Numbers:
    """A shop whose order service is slow for a while."""
    pages = result.edges["client", "gateway"]
    orders = result.edges["gateway", "order"]
    page = ("client", "gateway")
    return {
        "pages": pages.calls,
        "failed pages": pages.failed,
        "tries at order": orders.attempts,
        "retries at order": orders.retries,
        "pages p50, at rest": quantile(result, 0.5, 0.0, 20.0, *page),
        "pages p99, at rest": quantile(result, 0.99, 0.0, 20.0, *page),
        "pages p50, order slow": quantile(result, 0.5, 20.0, 40.0, *page),
        "pages p99, order slow": quantile(result, 0.99, 20.0, 40.0, *page),
    }


def of_incident(result: Result) -> Numbers:
    """The marks of the incident, its totals, and percentiles before and in the storm."""
    found = marks(result)
    pages, auth = ("client", "gateway"), ("gateway", "auth")
    kills = {
        f"death {place + 1}, s": found.kills[place][0] if place < len(found.kills) else nan
        for place in range(3)
    }
    return {
        **kills,
        "goroutines at death 1": found.kills[0][2] if found.kills else nan,
        "goroutines at rest": found.at_rest,
        "peak at live auth": found.peak,
        "nobody logs in from, s": found.dark[0] if found.dark else nan,
        "logins back, s": nan if found.back is None else found.back,
        "shop whole, s": nan if found.restored is None else found.restored,
        "pages": result.edges[pages].calls,
        "failed pages": found.failed,
        "tries at auth": result.edges[auth].attempts,
        "queries": result.edges["user", "database"].calls,
        "pages p50, at rest": quantile(result, 0.5, 0.0, 180.0, *pages),
        "pages p99, at rest": quantile(result, 0.99, 0.0, 180.0, *pages),
        "auth p99, at rest": quantile(result, 0.99, 0.0, 180.0, *auth),
        "auth p99, 14:27-14:28": quantile(result, 0.99, 420.0, 480.0, *auth),
    }


@dataclass(frozen=True, slots=True)
class Case:
    scenario: Scenario
    read: Callable[[Result], Numbers]


def slow_shop() -> Scenario:
    """The shop at 3,000 requests/s; order takes 30 times as long for 20 s."""
    slow = Slowdown(service="order", factor=30.0, start=20.0, end=40.0)
    return replace(scaled_shop(3_000.0, 60.0), faults=(slow,))


CASES = {"shop": Case(slow_shop(), of_shop), "incident": Case(incident(), of_incident)}


def errors(frame: pd.DataFrame, name: str) -> list[tuple[float, float]]:
    """For every weight: how far the mean is from that at full scale, and the spread over seeds.

    At full scale itself it is the mean, and the spread. In seconds for times, otherwise as a share
    of full scale's mean.
    """
    means = frame.groupby("weight")[name].mean()
    spreads = frame.groupby("weight")[name].std()
    full = float(means[1])
    unit = 1.0 if name.endswith(", s") else full
    return [(full, float(spreads[1]))] + [
        ((float(means[weight]) - full) / unit, float(spreads[weight]) / unit)
        for weight in WEIGHTS[1:]
    ]


def told(name: str, error: tuple[float, float]) -> str:
    """An error with its spread: "+0.3 ± 1.0 s" or "-0.52 ± 0.10 %"."""
    away, spread = error
    if name.endswith(", s"):
        return f"{away:+.1f} ± {spread:.1f} s"
    return f"{100 * away:+.2f} ± {100 * spread:.2f} %"


def table(frame: pd.DataFrame, names: list[str], title: str) -> Table:
    made = Table("number", title=title, title_justify="left")
    for column in ("full scale", *(f"weight {weight}" for weight in WEIGHTS[1:])):
        made.add_column(column, justify="right")
    for name in names:
        (full, spread), *rest = errors(frame, name)
        digits = 0 if full > 1000 else 1 if name.endswith(", s") else 4
        whole = f"{full:,.{digits}f} ± {spread:,.{digits}f}"
        made.add_row(name.removesuffix(", s"), whole, *(told(name, error) for error in rest))
    return made


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.weight")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--seeds", type=int, default=5, help="of each weight")
    parser.add_argument("--workers", type=int, default=None, help="processes; all cores")
    chosen = parser.parse_args(words)
    if unknown := set(chosen.cases) - set(CASES):
        parser.error(f"CASE must be one of {', '.join(CASES)}, got {min(unknown)!r}")
    if chosen.seeds < 2:
        parser.error(f"--seeds must be at least 2 to have a spread, got {chosen.seeds}")
    console = Console(width=100, highlight=False)
    for name in chosen.cases or CASES:
        case = CASES[name]
        seeds = range(1, chosen.seeds + 1)
        grid = {"weight": WEIGHTS}
        workers, bar = chosen.workers, sys.stdout.isatty()
        frame = sweep(case.scenario, grid, seeds, case.read, workers=workers, progress=bar)
        names = [column for column in frame.columns if column not in ("weight", "seed")]
        title = f"{name}, {chosen.seeds} seeds: mean difference from full scale ± spread over seeds"
        console.print(table(frame, names, title))


if __name__ == "__main__":
    main()
