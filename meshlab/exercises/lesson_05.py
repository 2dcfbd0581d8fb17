"""The exercises of lesson 05: attempts that fit, amplification, a budget, two stable states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from meshlab.dotted import replaced
from meshlab.engines.run import run
from meshlab.exercises import Exercise
from meshlab.exercises.answers import function, one_of, returned, whole
from meshlab.faults import EdgeFault, Errors
from meshlab.kernel.clock import Clock
from meshlab.kernel.distributions import Constant
from meshlab.load import Load
from meshlab.mesh.result import Result
from meshlab.policies.budget import Budget
from meshlab.policies.retry import Backoff, RetryPolicy, expected_attempts
from meshlab.policies.token_budget import TokenRetryBudget
from meshlab.rules import is_number
from meshlab.scenario import Scenario
from meshlab.shop import shop
from meshlab.topology import Edge, Instance, Service

ASKED, CAN, FAILING = 15_000, 40_000, 0.893
"""Requests per second of the story, what its service can do, and how often a try fails."""

CAPACITY, ATTEMPTS = 300, 3
"""Of the database in exercise 4, and how often its callers try."""

FORGOTTEN = ("gateway", "auth")
TOKENS = 5


# ---- 1: attempts that fit


def _judge_attempts(answer: object) -> str | None:
    attempts = whole(answer, 1, 100, "a whole number of attempts")
    tries = ASKED * expected_attempts(FAILING, attempts)
    if tries >= CAN:
        return f"with {attempts} attempts there are {tries:,.0f} tries per second"
    if ASKED * expected_attempts(FAILING, attempts + 1) < CAN:
        return f"{attempts} are few enough, but one more would fit as well"
    return None


# ---- 2: amplification


@cache
def wild_run() -> Result:
    """A shop with trouble on two edges and callers who try five times."""
    faults = (
        Errors(service="payment", rate=0.6),
        EdgeFault(source="user", destination="auth", rate=0.5),
    )
    often = RetryPolicy(max_attempts=5, per_try_timeout=1.0)
    return run(replace(shop(rate=10, duration=30, retry=often), faults=faults), seed=3)


def _judge_amplification(answer: object) -> str | None:
    result = wild_run()
    got = returned(answer, result, want="a dictionary", kind=Mapping)
    if set(got) != set(result.edges):
        return f"the keys must be all {len(result.edges)} edges, like {min(result.edges)}"
    if not all(is_number(tries) for tries in got.values()):
        return "every value must be a number"
    return _compare_amplification(result, got)


def _compare_amplification(result: Result, got: Mapping[tuple[str, str], float]) -> str | None:
    for edge, totals in result.edges.items():
        right = totals.attempts / (totals.attempts - totals.retries)
        if abs(got[edge] - right) < 0.005:
            continue
        if abs(got[edge] - totals.retries / totals.attempts) < 0.005:
            return "that is the share of retries among the tries; tries per call are at least 1"
        return (
            f"from {edge[0]} to {edge[1]} there were {totals.attempts} tries, {totals.retries} of "
            f"them retries; yours says {got[edge]:.3f} tries per call"
        )
    return None


# ---- 3: an own budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Own(TokenRetryBudget):
    """A budget that a reader has written, in a place where the mesh expects a config."""

    make: Callable[[], Budget]

    def build(self, clock: Clock) -> Any:
        return self.make()


def storm(make: Callable[[], Budget], p: float) -> Scenario:
    """A service that fails with probability ``p``, and callers with a reader's budget."""
    at_once = Backoff(base_seconds=0.0, cap_seconds=0.0)
    retry = RetryPolicy(max_attempts=4, backoff=at_once, budget=Own(make=make))
    ill = Instance(latency=Constant(0.01), workers=10**6, error_rate=p)
    return Scenario(
        name="storm",
        services=(Service(name="s", instances=(ill,)),),
        edges=(Edge(source="client", destination="s", retry=retry),),
        loads=(Load(source="client", destination="s", rate=100),),
        duration=20,
        trace_sampling=0.0,
    )


def _judge_budget(answer: object) -> str | None:
    make = function(answer, "a class")
    hint = _judge_alone(make)
    if hint is not None:
        return hint
    dead = run(storm(make, 1.0), seed=1).edges["client", "s"]
    if dead.retries != TOKENS:
        return f"in the mesh, everything failing, {dead.retries} retries were sent instead of 5"
    rare = run(storm(make, 0.02), seed=1).edges["client", "s"]
    if rare.retries_denied > 0.1 * rare.retries:
        return f"in the mesh, 2 % failing, {rare.retries_denied} retries were denied"
    return None


def _judge_alone(make: Callable[[], Any]) -> str | None:
    budget = make()
    for name in ("take_over", "deposit", "withdraw", "retry_ended", "settle", "balance"):
        if not hasattr(budget, name):
            return f"a budget must have {name}; see meshlab/policies/budget.py"
    budget.deposit()
    granted = sum(bool(budget.withdraw()) for _ in range(10))
    if granted != TOKENS:
        return f"of ten retries asked for at the beginning it grants {granted}, and five are right"
    for _ in range(100):
        budget.settle(False)
    if budget.withdraw():
        return "calls that failed must not bring tokens"
    for _ in range(15):
        budget.settle(True)
    granted = sum(bool(budget.withdraw()) for _ in range(3))
    if granted != 1:
        return f"after 15 successes it grants {granted} retries, and one is right"
    for _ in range(1000):
        budget.settle(True)
    granted = sum(bool(budget.withdraw()) for _ in range(100))
    if granted != TOKENS:
        return f"after 1000 successes it grants {granted} retries: no more than five may be saved"
    return None


# ---- 4: two stable states


def _judge_vulnerable(answer: object) -> str | None:
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return f"a pair of two numbers is asked for, and this is {answer!r}"
    if not all(is_number(number) for number in answer):
        return f"a pair of two numbers is asked for, and this is {answer!r}"
    low, high = (float(number) for number in answer)
    if abs(high - CAPACITY) > 1:
        return f"above how many calls per second is it overloaded at rest? Not {high:g}"
    if abs(low - CAPACITY / ATTEMPTS) <= 1:
        return None
    if abs(low - CAPACITY / 2) <= 1:
        return "that was for two attempts"
    return f"stuck, each call costs {ATTEMPTS} tries; at {low:g} calls per second, do they fit?"


# ---- 5: a forgotten policy


def mystery_shop() -> Scenario:
    """A shop with a policy that nobody remembers. Reading this would spoil the exercise."""
    calm = shop(rate=20, duration=40)
    often = RetryPolicy(max_attempts=12, per_try_timeout=1.0)
    faults = (
        Errors(service="inventory", rate=0.6),
        EdgeFault(source="gateway", destination="auth", rate=0.75),
    )
    return replaced(calm, {f"edges.{'->'.join(FORGOTTEN)}.retry": often, "faults": faults})


def _judge_forgotten(answer: object) -> str | None:
    scenario = mystery_shop()
    names = [edge.name for edge in scenario.edges]
    one_of(answer, names)
    if answer == "->".join(FORGOTTEN):
        return None
    edge = scenario.edges[names.index(str(answer))]
    return (
        f"{answer} has at most {edge.retry.max_attempts} attempts, as is usual here; "
        "on which edge are there more tries per call than usual ones could make?"
    )


EXERCISES = {
    "05.1": Exercise(
        "How many attempts, at most, keep the story's load below 40,000?", _judge_attempts
    ),
    "05.2": Exercise(
        "Write amplification(result): for each edge, the tries per call.", _judge_amplification
    ),
    "05.3": Exercise(
        "Write OwnBudget: five tokens at first and at most, a tenth for each success, one a retry.",
        _judge_budget,
    ),
    "05.4": Exercise(
        "For which loads (lowest, highest) is the database vulnerable with three attempts?",
        _judge_vulnerable,
    ),
    "05.5": Exercise("Which edge has the policy that nobody remembers?", _judge_forgotten),
}
