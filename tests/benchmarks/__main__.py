"""Measure the engines beside each other and print the ratios: ``python -m tests.benchmarks``.

First every engine must have done the same work, call by call, on a calm day and in a storm. Then
they take turns, so that a machine that grows slower is slower for all, and the CPU seconds of each
turn are compared with SimPy's in the same round. That also holds on a machine with other work.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import time
from importlib.metadata import version
from statistics import median

from rich.console import Console
from rich.table import Table

from meshlab.scenario import Scenario
from tests.benchmarks.chain import CALM, STORM
from tests.benchmarks.engines import BASE, ENGINES, Row

ROUNDS = 9
SEED = 1
AIM = 4.0
"""How many times SimPy's speed the reference engine should have."""

Rows = dict[str, Row]


def prove(rows: Rows, scenario: Scenario) -> int:
    """The calls of a run, after every engine has made the same ones; SystemExit if one has not."""
    truth = rows[BASE].work(rows[BASE].run(scenario, SEED))
    for name, row in rows.items():
        if row.work(row.run(scenario, SEED)) != truth:
            sys.exit(f"{name} did not do the same work as {BASE}: there is nothing to compare")
    return sum(calls for calls, *_ in truth.values())


def cpu_seconds(row: Row, scenario: Scenario) -> float:
    """The CPU time (s) of one run, its set-up included."""
    gc.collect()
    began = time.process_time()
    row.run(scenario, SEED)
    return time.process_time() - began


def measure(rows: Rows, scenario: Scenario) -> list[dict[str, float]]:
    """CPU seconds of every engine in every round."""
    return [{name: cpu_seconds(row, scenario) for name, row in rows.items()} for _ in range(ROUNDS)]


def ratios(rounds: list[dict[str, float]], name: str) -> list[float]:
    """How many times as fast as SimPy an engine was, round by round, from least to most."""
    return sorted(seconds[BASE] / seconds[name] for seconds in rounds)


def table(rounds: list[dict[str, float]], requests: int) -> Table:
    made = Table("engine", title=f"Median, least and most of {ROUNDS} rounds", title_justify="left")
    for column in ("CPU s", "requests per CPU s", "times SimPy", "least", "most"):
        made.add_column(column, justify="right")
    for name in rounds[0]:
        seconds = median(one[name] for one in rounds)
        found = ratios(rounds, name)
        speeds = (f"{ratio:.2f}" for ratio in (median(found), found[0], found[-1]))
        made.add_row(name, f"{seconds:.3f}", f"{requests / seconds:,.0f}", *speeds)
    return made


def main() -> None:
    console = Console(width=100, highlight=False)
    missing = {name: why for name, row in ENGINES.items() if (why := row.missing(CALM))}
    rows = {name: row for name, row in ENGINES.items() if name not in missing}
    for name, why in missing.items():
        console.print(f"left out: {name}, because {why}")
    for scenario in (STORM, CALM):
        calls = prove(rows, scenario)
        console.print(f"{scenario.name}: every engine made the same {calls:,} calls")
    rounds = measure(rows, CALM)
    requests = rows[BASE].work(rows[BASE].run(CALM, SEED))["client", "gateway"][0]
    console.print(table(rounds, requests))
    found = median(ratios(rounds, "meshlab, reference"))
    told = "reached" if found >= AIM else "not reached"
    console.print(f"aim for the reference engine: {AIM:g} times SimPy, {told} with {found:.2f}")
    versions = ", ".join(f"{package} {version(package)}" for package in ("numpy", "simpy"))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    console.print(f"{os.cpu_count()} cores, {platform.machine()}, {python}, {versions}")


if __name__ == "__main__":
    main()
