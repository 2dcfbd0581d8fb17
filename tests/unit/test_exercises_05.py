"""The checks of lesson 05 accept what is right, and say something useful about the rest."""

from typing import Any

import pytest

from meshlab.engines.run import run
from meshlab.exercises import exercise
from meshlab.exercises.lesson_05 import FORGOTTEN, Own, mystery_shop, wild_run
from meshlab.kernel.clock import ManualClock
from meshlab.mesh.result import Result
from meshlab.policies.retry import RetryPolicy
from meshlab.telemetry.series import aggregate, latest


def counted(result: Result, metric: str) -> Any:
    edge = ["source", "destination"]
    return aggregate(latest(result.frame(metric)), edge).set_index(edge)["value"]


def amplification(result: Result) -> Any:
    tries = counted(result, "mesh_attempts_total")
    return (tries / (tries - counted(result, "mesh_retries_total"))).to_dict()


def retry_share(result: Result) -> Any:
    return (
        counted(result, "mesh_retries_total") / counted(result, "mesh_attempts_total")
    ).to_dict()


class OwnBudget:
    first, earned, most = 5.0, 0.1, 5.0
    failures_earn = False

    def __init__(self) -> None:
        self.tokens = self.first

    def take_over(self, calls: int, retries: int) -> None:
        pass

    def deposit(self) -> None:
        pass

    def withdraw(self) -> bool:
        if self.tokens < 1 - 1e-9:
            return False
        self.tokens -= 1
        return True

    def retry_ended(self) -> None:
        pass

    def settle(self, ok: bool) -> None:
        if ok or self.failures_earn:
            self.tokens = min(self.most, self.tokens + self.earned)

    @property
    def balance(self) -> int:
        return int(self.tokens)


class Generous(OwnBudget):
    first = 8.0


class EarnsByFailing(OwnBudget):
    failures_earn = True


class EarnsTooMuch(OwnBudget):
    earned = 0.5


class SavesForEver(OwnBudget):
    most = 1e9


class Locked(OwnBudget):
    """Right alone, and wrong in the mesh: a call that begins costs it a token."""

    def deposit(self) -> None:
        if self.tokens < self.first:
            self.tokens -= 0.5


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("05.1", 2),
        ("05.2", amplification),
        ("05.3", OwnBudget),
        ("05.4", (100, 300)),
        ("05.4", [100.0, 299.5]),
        ("05.5", "gateway->auth"),
    ],
)
def test_the_right_answer_is_accepted(key: str, answer: object) -> None:
    assert exercise(key).judge(answer) is None


@pytest.mark.parametrize(
    ("key", "answer", "hint"),
    [
        ("05.1", 3, "40,357 tries per second"),
        ("05.1", 1, "one more would fit"),
        ("05.1", 2.0, "a whole number"),
        ("05.1", True, "a whole number"),
        ("05.2", 1.5, "a function is asked for"),
        ("05.2", lambda result: None, "returns None"),
        ("05.2", lambda result: 1.5, "returns float"),
        ("05.2", lambda result: {}, "the keys must be all 11 edges"),
        ("05.2", lambda result: dict.fromkeys(result.edges, "x"), "must be a number"),
        ("05.2", retry_share, "the share of retries"),
        ("05.2", lambda result: dict.fromkeys(result.edges, 1.0), "1.000 tries per call"),
        ("05.3", 5, "a class is asked for"),
        ("05.3", object, "must have take_over"),
        ("05.3", Generous, "grants 8"),
        ("05.3", EarnsByFailing, "must not bring tokens"),
        ("05.3", EarnsTooMuch, "after 15 successes it grants 3"),
        ("05.3", SavesForEver, "no more than five"),
        ("05.3", Locked, "in the mesh, everything failing"),
        ("05.4", 100, "a pair"),
        ("05.4", ("a", "b"), "a pair"),
        ("05.4", (100, 200), "overloaded at rest"),
        ("05.4", (150, 300), "that was for two attempts"),
        ("05.4", (200, 300), "do they fit"),
        ("05.5", "inventory", "one of client->gateway"),
        ("05.5", "order->inventory", "at most 3 attempts"),
    ],
)
def test_a_wrong_answer_gets_a_hint(key: str, answer: object, hint: str) -> None:
    said = exercise(key).judge(answer)
    assert said is not None
    assert hint in said


@pytest.mark.parametrize("seed", range(1, 4))
def test_the_forgotten_policy_is_not_on_the_edge_with_the_most_tries(seed: int) -> None:
    edges = run(mystery_shop(), seed).edges
    per_call = {e: t.attempts / (t.attempts - t.retries) for e, t in edges.items()}
    assert max(edges, key=lambda edge: edges[edge].attempts) != FORGOTTEN
    assert max(per_call, key=per_call.__getitem__) == FORGOTTEN
    assert per_call[FORGOTTEN] > 3.3
    assert max(tries for edge, tries in per_call.items() if edge != FORGOTTEN) < 3


def test_the_wild_run_has_edges_with_many_retries_and_edges_without() -> None:
    shares = retry_share(wild_run())
    assert max(shares.values()) > 0.4
    assert min(shares.values()) == 0


def test_an_own_budget_stands_where_the_mesh_expects_a_config() -> None:
    assert isinstance(RetryPolicy(budget=Own(make=OwnBudget)).budget, Own)
    assert isinstance(Own(make=OwnBudget).build(ManualClock()), OwnBudget)
