"""Measure meshlab beside others, at full scale and above the floor: ``python -m tests.benchmarks``.

    mesh      one mesh on each engine and as a SimPy model, call for call the same work
    queues    the part of it that Ciw and happysim can say too
    shop      the shop at 15,000 requests/s: ratio of the engines, cost of an event, memory
    floor     the same number of events in a bare heap, in C

Name some of them to run only these; ``--largest 8`` goes on to 10^8 events. Costs are CPU seconds,
and whatever is compared takes turns, so that ratios also hold on a machine with other work.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median

from rich.console import Console
from rich.table import Table

from meshlab.engines.choice import why_not
from meshlab.scenario.scenario import Scenario
from tests.benchmarks import floor, full_scale
from tests.benchmarks.chain import CALM, STORM
from tests.benchmarks.engines import BASE, ENGINES, LONGER, Rows, prove, with_longer
from tests.benchmarks.full_scale import (
    MIB,
    RATE,
    SHOP_ENGINES,
    SHORT,
    Measured,
    scaled_shop,
)
from tests.benchmarks.machine import machine
from tests.benchmarks.queues import QUEUE_ENGINES, STAY, WITHIN, prove_stays, queues
from tests.benchmarks.turns import SEED, ratios, table, take_turns

ROUNDS = 9
FEW = 3
"""Rounds of what takes long."""

SMALLEST = 5
"""Runs grow from 10^5 events."""

AIMS = {"SimPy": 4.0, "reference": 100.0, "event": 200.0, "flat": 1.2, "floor": 2.0}
"""What we want: times SimPy's speed (reference engine), times the reference engine's (compiled),
at most so many ns an event, at most so many times the cheapest size, at most so often the floor."""


def told(reached: bool) -> str:
    return "reached" if reached else "not reached"


def present(rows: Rows, scenario: Scenario, console: Console) -> Rows:
    """The engines that can run it here; the others are named with their reason."""
    missing = {name: why for name, row in rows.items() if (why := row.missing(scenario))}
    for name, why in missing.items():
        console.print(f"left out: {name}, because {why}")
    return {name: row for name, row in rows.items() if name not in missing}


def mesh(console: Console) -> None:
    rows = present(ENGINES, CALM, console)
    for scenario in (STORM, CALM):
        calls = sum(calls for calls, *_ in prove(rows, scenario, SEED).values())
        console.print(f"{scenario.name}: every engine made the same {calls:,} calls")
    rounds = take_turns(with_longer(rows), CALM, ROUNDS)
    console.print(table(rounds, BASE))
    found = median(ratios(rounds, "meshlab, reference", BASE))
    aim = AIMS["SimPy"]
    end = f"{told(found >= aim)} with {found:.2f}"
    console.print(f"aim for the reference engine: {aim:g} times {BASE}, {end}")


def queue_network(console: Console) -> None:
    scenario = queues()
    rows = present(QUEUE_ENGINES, scenario, console)
    prove_stays(rows, scenario, SEED)
    console.print(
        "no breakers, limits, retries, timeouts, errors or least request, which Ciw can't say; "
        f"a mean stay within {WITHIN:.0%} of the exact {1000 * STAY:.1f} ms in each"
    )
    console.print(table(take_turns(with_longer(rows), scenario, ROUNDS), BASE))


def shop(largest: int, console: Console) -> None:
    scenario = scaled_shop(RATE, SHORT)
    rows = present(SHOP_ENGINES, scenario, console)
    base, *others = rows
    if not others:
        return
    prove(rows, scenario, SEED)
    console.print(f"{RATE:,.0f} requests/s for {SHORT:g} s: both engines gave the same bytes")
    rounds = take_turns(with_longer(rows), scenario, FEW)
    console.print(table(rounds, base, "event"))
    aim = AIMS["reference"]
    found = median(ratios(rounds, others[0], base))
    longer = median(ratios(rounds, LONGER, base))
    end = f"{told(longer >= aim)} with {found:.0f}, and {longer:.0f} in a longer run"
    console.print(f"aim: {aim:g} times {base}, {end}")
    grow(largest, console)


def grow(largest: int, console: Console) -> None:
    """From 10^5 events on: what an event costs, and what a run keeps."""
    setup = full_scale.measure(full_scale.BARE, ROUNDS).seconds
    runs = [
        full_scale.measure(full_scale.seconds_for(10**power), ROUNDS if power < 7 else 1)
        for power in range(SMALLEST, largest + 1)
    ]
    console.print(sizes(runs, setup))
    whole, aim = runs[-1].nanoseconds, AIMS["event"]
    console.print(f"aim: under {aim:g} ns an event, {told(whole < aim)} with {whole:.0f}")
    costs = [beyond(run, setup) for run in runs]
    spread, flat = max(costs) / min(costs), AIMS["flat"]
    end = f"{told(spread <= flat)} with {spread - 1:.0%} between the most and the least"
    console.print(f"set-up and result: {1e3 * setup:.0f} ms, whatever the length")
    console.print(f"aim: beyond that flat within {flat - 1:.0%}, {end}")


def beyond(run: Measured, setup: float) -> float:
    """CPU time of an event (ns) without the set-up (s)."""
    return 1e9 * (run.seconds - setup) / run.events


def sizes(runs: list[Measured], setup: float) -> Table:
    made = Table("events", title="Growing runs, each in its own process", title_justify="left")
    for column in (
        "ns per event",
        "without set-up",
        "requests per CPU s",
        "in flight",
        "series MiB",
        "grown MiB",
    ):
        made.add_column(column, justify="right")
    for run in runs:
        made.add_row(
            f"{run.events:,}",
            f"{run.nanoseconds:.0f}",
            f"{beyond(run, setup):.0f}",
            f"{run.requests / run.seconds:,.0f}",
            f"{run.in_flight:,}",
            f"{run.recorded / MIB:.1f}",
            "not known" if run.grown is None else f"{run.grown / MIB:.1f}",
        )
    return made


def above_the_floor(console: Console) -> None:
    if why := floor.missing() or why_not(scaled_shop(RATE, SHORT)):
        console.print(f"left out: the floor, because {why}")
        return
    seconds = full_scale.seconds_for(10**7)
    pairs = []
    with floor.built() as program:
        for _ in range(FEW):
            ours = full_scale.measure(seconds)
            bare = floor.nanoseconds(program, round(ours.heap), ours.events)
            pairs.append((ours.nanoseconds, bare))
    times = sorted(our / least for our, least in pairs)
    nanoseconds = [median(column) for column in zip(*pairs, strict=True)]
    console.print(
        f"{ours.events:,} events in a heap of {ours.heap:,.0f}: {nanoseconds[0]:.0f} ns each, and "
        f"{nanoseconds[1]:.0f} ns in a bare heap in C: {median(times):.2f} times "
        f"[{times[0]:.2f}..{times[-1]:.2f}]; aim: {AIMS['floor']:g}, "
        f"{told(median(times) <= AIMS['floor'])}"
    )


SECTIONS = ("mesh", "queues", "shop", "floor")


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--largest", type=int, default=7, help="power of ten of the longest run")
    chosen = parser.parse_args(words)
    if unknown := set(chosen.sections) - set(SECTIONS):
        parser.error(f"SECTION must be one of {', '.join(SECTIONS)}, got {min(unknown)!r}")
    if not SMALLEST <= chosen.largest <= 8:
        parser.error(f"--largest must be in {SMALLEST}..8, got {chosen.largest}")
    console = Console(width=100, highlight=False, file=sys.stdout)
    console.print(machine())
    for section in chosen.sections or SECTIONS:
        console.print(f"\n{section}", style="bold")
        match section:
            case "mesh":
                mesh(console)
            case "queues":
                queue_network(console)
            case "shop":
                shop(chosen.largest, console)
            case "floor":
                above_the_floor(console)


if __name__ == "__main__":
    main()
