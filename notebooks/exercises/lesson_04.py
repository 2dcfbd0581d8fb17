"""The exercises of lesson 04: false alarms, slow calls, a ledger, a storm, own breakers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from exercises import Exercise
from exercises.answers import function, one_of, returned, whole
from meshlab.engines.run import run
from meshlab.figures.lanes import spells
from meshlab.kernel.clock import Clock
from meshlab.kernel.distributions import LogNormal
from meshlab.mesh.result import Result
from meshlab.model import ConfigError
from meshlab.model.rules import is_number
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.retry import RetryPolicy
from meshlab.policies.windows import Window
from meshlab.scenario.faults import Errors, Outage, Slowdown
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import shop
from meshlab.scenario.topology import Edge, Instance, Service
from meshlab.telemetry.ledger import Entry

RATE = 20.0
"""Tries per second in the exercises."""

FAILING = 0.2
"""The share of tries that fail in exercise 1, at rest."""

SEEDS = (11, 12, 13)
ILL_AT = 20.0
LIMIT = 5.0


def one_edge(*faults: Errors | Slowdown | Outage, breaker: BreakerConfig | None = None) -> Scenario:
    """One client, one service with a long tail of durations, one breaker between them."""
    till = Instance(latency=LogNormal(0.1, 0.5), workers=200)
    edge = Edge(
        source="client",
        destination="payment",
        breaker=breaker,
        retry=RetryPolicy(per_try_timeout=5.0),
    )
    return Scenario(
        name="one edge",
        services=(Service(name="payment", instances=(till,)),),
        edges=(edge,),
        loads=(Load(destination="payment", rate=RATE),),
        faults=faults,
        duration=40.0,
        trace_sampling=0.0,
    )


def slow_payment() -> Slowdown:
    """From here on everything takes seven times as long, and nothing fails."""
    return Slowdown(service="payment", factor=7.0, start=ILL_AT)


def opened(scenario: Scenario, seed: int) -> list[float]:
    """When (s) breakers opened in a run."""
    return [e.time for e in run(scenario, seed).ledger if e.event == "breaker opened"]


# ---- 1: false alarms


def false_alarms(in_a_row: int) -> float:
    """How often a day ``in_a_row`` failures come by chance at `FAILING` and `RATE`.

    Until a run of n failures it takes (1 - p^n) / ((1 - p) p^n) tries on average (Feller).
    """
    p = FAILING**in_a_row
    return 86_400 * RATE * (1 - FAILING) * p / (1 - p)


def _judge_in_a_row(answer: object) -> str | None:
    count = whole(answer, 1, 1000, "a whole number of failures in a row")
    often = false_alarms(count)
    if often > 1:
        return f"{count} in a row come by chance {often:,.1f} times a day"
    if count > 1 and false_alarms(count - 1) <= 1:
        return f"{count} in a row are rare enough, but so are {count - 1}"
    return None


# ---- 2: slow calls


def _judge_slow_breaker(answer: object) -> str | None:
    if not isinstance(answer, BreakerConfig):
        return f"a BreakerConfig is asked for, and this is {answer!r}"
    for seed in SEEDS:
        false = opened(one_edge(breaker=answer), seed)
        if false:
            return f"it opened at {false[0]:.1f} s on a calm day: 1.4 % take longer than 0.3 s then"
        times = opened(one_edge(slow_payment(), breaker=answer), seed)
        if not times:
            return "it never opened, though calls took seven times as long from 20 s on"
        if times[0] > ILL_AT + LIMIT:
            late = times[0] - ILL_AT
            return f"it opened after {late:.1f} s; how many calls must it see before it may judge?"
    return None


# ---- 3: a ledger


def _guarded(calm: Scenario, breaker: BreakerConfig) -> Scenario:
    """The shop with a breaker on every edge behind the gateway."""
    inside = [edge.name for edge in calm.edges if edge.source != "client"]
    return calm.with_edges(*inside, breaker=breaker)


@cache
def unseen_storm() -> Result:
    """A storm with failed probes, several spells, and breakers that never close again."""
    breaker = BreakerConfig(consecutive_failures=3, open_seconds=4.0, half_open_trials=2)
    calm = _guarded(shop(rate=15, duration=50), breaker)
    faults = (
        Errors(service="auth", rate=0.8, start=8, end=16),
        Outage(service="database", start=40, end=60),
    )
    return run(replace(calm, faults=faults, trace_sampling=0.0), seed=5)


def _judge_seconds(answer: object) -> str | None:
    result = unseen_storm()
    end = result.scenario.duration
    got = returned(answer, result.ledger, end, want="a dictionary", kind=Mapping)
    lanes = spells(result.ledger, end)
    if set(got) != set(lanes):
        return f"the keys must be the {len(lanes)} breakers that opened, like {min(lanes)}"
    if not all(is_number(seconds) for seconds in got.values()):
        return "every value must be a number of seconds"
    for name, lane in lanes.items():
        right = sum(spell.end - spell.start for spell in lane)
        if abs(got[name] - right) < 1e-6:
            continue
        if not lane[-1].closed and abs(got[name] - right + lane[-1].end - lane[-1].start) < 1e-6:
            return f"{name} did not close again: its last spell lasts to the end of the run"
        return (
            f"{name} was not closed for {right:.2f} s, and yours says {got[name]:.2f}; "
            "half-open is not closed either"
        )
    return None


# ---- 4: an own window


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWindow(BreakerConfig):
    """A breaker that opens at half of all calls, as counted by a reader's window."""

    make: Callable[[], Window]
    consecutive_failures: int | None = None
    failure_rate: float | None = 0.5
    minimum_calls: int = 1

    def build_window(self, clock: Clock) -> Window:
        return self.make()


def _judge_window(answer: object) -> str | None:
    make = function(answer, "a class")
    hint = _judge_shares(make)
    if hint is not None:
        return hint
    breaker = OwnWindow(make=make)
    for seed in SEEDS:
        if opened(one_edge(Errors(service="payment", rate=0.1), breaker=breaker), seed):
            return "in the mesh it opened although only a tenth of the calls failed"
        ill = Errors(service="payment", rate=0.9, start=ILL_AT)
        times = opened(one_edge(ill, breaker=breaker), seed)
        if not times or times[0] > ILL_AT + LIMIT:
            return "in the mesh it did not open within 5 s, though nine calls of ten failed"
    return None


def _judge_shares(make: Callable[[], Any]) -> str | None:
    """The window alone: what it says after calls whose ends are known."""
    window = make()
    for name in ("calls", "failures", "slow", "add", "clear"):
        if not callable(getattr(window, name, None)):
            return f"a window must have a method {name}; see meshlab/policies/windows.py"
    for failed in [False] * 100:
        window.add(0.0, failed, False)
    for count in range(1, 21):
        window.add(0.0, True, False)
        right = 1 - 0.95**count * (1 - 0.95**100) / (1 - 0.95 ** (100 + count))
        share = window.failures() / window.calls()
        if abs(share - right) > 1e-3:
            return (
                f"after 100 good calls and {count} bad ones the share must be {right:.3f}, "
                f"and yours is {share:.3f}; each call makes all before it weigh 5 % less"
            )
    window.clear(0.0)
    if window.calls() or window.failures() or window.slow():
        return "clear() must forget everything: a breaker that closes begins anew"
    return None


# ---- 5: a storm


def storm_entries(seed: int = 1) -> tuple[Entry, ...]:
    """What the breakers of a shop wrote in a storm. Reading this would spoil the exercise."""
    breaker = BreakerConfig(consecutive_failures=4, open_seconds=6.0)
    calm = _guarded(shop(rate=20, duration=50), breaker)
    ill = Errors(service="inventory", rate=0.95, start=12.0, end=17.0)
    result = run(replace(calm, faults=(ill,), trace_sampling=0.0), seed)
    return tuple(entry for entry in result.ledger if entry.event.startswith("breaker"))


def openings(entries: Iterable[Entry]) -> dict[str, int]:
    """How often breakers before each service opened."""
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.event == "breaker opened":
            service = entry.subject.split("->")[1]
            counts[service] = counts.get(service, 0) + 1
    return counts


def _judge_origin(answer: object) -> str | None:
    one_of(answer, [service.name for service in shop().services])
    if answer == "inventory":
        return None
    times = openings(storm_entries()).get(str(answer), 0)
    if times:
        return (
            f"breakers before {answer} opened {times} times, but it calls others, "
            "and passes on their errors as its own; which breaker was first?"
        )
    return f"no breaker before {answer} opened at all"


# ---- 6: an own breaker, at full scale

FULL_RATE = 15_000.0
"""Pages per second in exercise 6."""

FAILING_AT = 1.0


def full_scale(breaker: Any) -> Scenario:
    """Three seconds of a large shop, with a reader's breaker; from 1 s on payment fails."""
    plain = shop(rate=FULL_RATE, duration=3.0)
    large = tuple(
        replace(service, instances=tuple(replace(i, workers=20_000) for i in service.instances))
        for service in plain.services
    )
    ill = Errors(service="payment", rate=0.9, start=FAILING_AT)
    scenario = replace(plain, services=large, faults=(ill,), trace_sampling=0.0)
    return scenario.with_edges("order->payment", breaker=breaker, required=False)


def _judge_breaker(answer: object) -> str | None:
    if not callable(getattr(answer, "build", None)) or isinstance(answer, type):
        return f"an object with build(clock, watcher, generation) is asked for, not {answer!r}"
    scenario = full_scale(answer)
    try:
        calm = run(replace(scenario, faults=(), duration=FAILING_AT), seed=1, engine="compiled")
    except ConfigError as error:
        return "it must run compiled: " + str(error).rpartition("'compiled': ")[2]
    before = calm.edges["order", "payment"]
    if before.rejected:
        return f"it refused {before.rejected:,} of {before.calls:,} calls while all was well"
    result = run(scenario, seed=1)
    assert result.engine == "compiled"
    ill = result.edges["order", "payment"]
    share = ill.rejected / (ill.calls - before.calls)
    if share < 0.5:
        return (
            f"while nine of ten calls failed it refused {share:.0%} of them, and half is asked for"
        )
    return None


EXERCISES = {
    "04.1": Exercise(
        "How many failures in a row come by chance less than once a day?", _judge_in_a_row
    ),
    "04.2": Exercise(
        "Make slow_breaker: it opens within 5 s when calls get slow, and never on a calm day.",
        _judge_slow_breaker,
    ),
    "04.3": Exercise(
        "Write not_closed(ledger, end): how long (s) was each breaker not closed?",
        _judge_seconds,
    ),
    "04.4": Exercise(
        "Write the window Fading: the newest call counts 1, the one before 0.95, and so on.",
        _judge_window,
    ),
    "04.5": Exercise("At which service did the storm begin?", _judge_origin),
    "04.6": Exercise(
        "Make my_config: it builds a breaker of your own, a record that runs compiled.",
        _judge_breaker,
    ),
}
