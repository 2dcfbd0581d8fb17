"""The exercises of lesson 00: where the cliff is, who is ill, and a shop that bears it."""

from __future__ import annotations

from dataclasses import replace

from meshlab.engines.run import run
from meshlab.exercises import Exercise
from meshlab.exercises.answers import one_of, returned, whole
from meshlab.faults import Slowdown
from meshlab.scenario import Scenario
from meshlab.shop import shop

MANY = 100
"""Lost pages from which exercise 1 speaks of a cliff."""
FEW = 20
"""Lost pages below which a shop bears its slow payment service."""

SLOW = Slowdown(service="payment", factor=8, start=20, end=40)


def slow_shop(factor: float) -> Scenario:
    """The lesson's shop with a payment service this many times as slow."""
    return replace(shop(rate=20, duration=60, workers=20), faults=(replace(SLOW, factor=factor),))


def mystery_shop() -> Scenario:
    """A shop in which one service is ill. Reading this function would spoil the exercise."""
    ill = Slowdown(service="inventory", factor=25, start=20, end=40)
    return replace(shop(rate=20, duration=60, workers=20), faults=(ill,), scrape_interval=1.0)


def lost(scenario: Scenario) -> int:
    """Pages that failed, with seed 1."""
    return run(scenario, seed=1).edges["client", "gateway"].failed


def _judge_factor(answer: object) -> str | None:
    factor = whole(answer, 1, 100)
    if lost(slow_shop(factor)) <= MANY:
        return f"at {factor} no more than {MANY} pages are lost; try a larger factor"
    if lost(slow_shop(factor - 1 or 1)) > MANY and factor > 1:
        return f"more than {MANY} are lost at {factor}, but so they are at {factor - 1}"
    return None


def _judge_culprit(answer: object) -> str | None:
    scenario = mystery_shop()
    one_of(answer, [service.name for service in scenario.services])
    ill = {fault.service for fault in scenario.faults if isinstance(fault, Slowdown)}
    if answer not in ill:
        return f"{answer} is not ill, full or not. Which full service calls none that is full?"
    return None


def _judge_shop(answer: object) -> str | None:
    scenario = returned(answer, want="a scenario", kind=Scenario)
    load, duration = slow_shop(8).loads, 60
    if scenario.loads != load or scenario.duration != duration:
        return "the load must stay as it was: 20 pages per second for 60 seconds"
    if scenario.faults != (SLOW,):
        return f"the fault must stay as it was: {SLOW}"
    pages = lost(scenario)
    if pages >= FEW:
        return f"{pages} pages are lost. What do requests run out of while payment is slow?"
    return None


EXERCISES = {
    "00.1": Exercise(
        f"What is the smallest whole factor at which more than {MANY} pages are lost?",
        _judge_factor,
    ),
    "00.2": Exercise("Which service of the mystery shop is ill?", _judge_culprit),
    "00.3": Exercise(f"Write kinder_shop() so that fewer than {FEW} pages are lost.", _judge_shop),
}
