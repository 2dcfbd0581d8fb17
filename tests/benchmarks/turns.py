"""Engines take turns, and what each paid in CPU seconds is compared round by round.

A machine that grows slower is then slower for all, so that ratios also hold beside other work.
"""

from __future__ import annotations

import gc
import time
from statistics import median

from rich.table import Table

from meshlab.scenario.scenario import Scenario
from tests.benchmarks.engines import Row, Rows

SEED = 1

Round = dict[str, float]
"""CPU seconds for one request (or whatever the rows count) of every engine."""


def cost(row: Row, scenario: Scenario) -> float:
    """The CPU seconds of one run, its set-up included, for each request that it made."""
    gc.collect()
    began = time.process_time()
    done = row.run(scenario, SEED)
    return (time.process_time() - began) / row.count(done)


def take_turns(rows: Rows, scenario: Scenario, rounds: int) -> list[Round]:
    """What every engine paid, in every round."""
    return [{name: cost(row, scenario) for name, row in rows.items()} for _ in range(rounds)]


def ratios(rounds: list[Round], name: str, base: str) -> list[float]:
    """How many times as fast as ``base`` an engine was, round by round, from least to most."""
    return sorted(paid[base] / paid[name] for paid in rounds)


def table(rounds: list[Round], base: str, unit: str = "request") -> Table:
    """Medians, and the ratios to ``base`` with their range."""
    title = f"Median, least and most of {len(rounds)} rounds"
    made = Table(title=title, title_justify="left")
    made.add_column("engine", no_wrap=True)
    for column in (f"CPU us per {unit}", f"{unit}s per CPU s", f"times {base}", "least", "most"):
        made.add_column(column, justify="right")
    for name in rounds[0]:
        paid = median(one[name] for one in rounds)
        found = ratios(rounds, name, base)
        speeds = (f"{ratio:.2f}" for ratio in (median(found), found[0], found[-1]))
        made.add_row(name, f"{1e6 * paid:,.2f}", f"{1 / paid:,.0f}", *speeds)
    return made
