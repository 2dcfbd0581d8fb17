"""Every policy gives the same answers in plain Python and compiled, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from meshlab.kernel.clock import Clock
from meshlab.kernel.engine import Engine
from meshlab.kernel.lowering import lower
from meshlab.kernel.record import entry, record
from meshlab.kernel.streams import Uniform
from meshlab.policies.balancer import BALANCERS, Balancer, Candidates, LeastRequest
from meshlab.policies.breaker import Breaker, BreakerConfig, BreakerWatcher, CircuitBreaker
from meshlab.policies.budget import BUDGETS, Budget
from meshlab.policies.cluster import Cluster
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.health import HealthCheck, HealthChecker
from meshlab.policies.limits import ConcurrencyLimits, Limiter
from meshlab.policies.outlier import OutlierDetection, OutlierDetector, OutlierWatcher
from meshlab.policies.rate_limit import RateLimit, TokenBucket
from meshlab.policies.retry import Backoff, Pauses
from meshlab.policies.windows import Window

STEPS = 3000
MOST = 40


@record
class Moves(BreakerWatcher):
    """Adds up what it hears of a breaker, weighted so that the order counts."""

    heard: int
    seen: float

    @entry
    def breaker_moved(self, state: int, reason: int, seen_1: float, seen_2: float) -> None:
        self.heard = (self.heard * 31 + 7 * state + reason + 1) % 1_000_000_007
        self.seen += seen_1 + seen_2


@record
class Changes(OutlierWatcher):
    """The same for outlier detection."""

    heard: int
    told: float

    @entry
    def ejected(self, endpoint: Endpoint, cause: int) -> None:
        self.heard = (self.heard * 31 + 10 + endpoint.weight + cause) % 1_000_000_007
        self.told += endpoint.until

    @entry
    def returned(self, endpoint: Endpoint) -> None:
        self.heard = (self.heard * 31 + 20 + endpoint.weight) % 1_000_000_007


@record
class Ends(Balancer):
    """A balancer of a reader's own: even keys go to the first endpoint, odd ones to the last."""

    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        return endpoints[0] if key % 2 == 0 else endpoints[len(endpoints) - 1]


@record
class Fading(Window):
    """A window of a reader's own: each call makes all before it weigh 5 % less."""

    all_calls: float
    all_failures: float
    all_slow: float

    def clear(self, now: float) -> None:
        self.all_calls = 0.0
        self.all_failures = 0.0
        self.all_slow = 0.0

    def add(self, now: float, failed: bool, slow: bool) -> None:
        self.all_calls = 0.95 * self.all_calls + 1.0
        self.all_failures = 0.95 * self.all_failures + (1.0 if failed else 0.0)
        self.all_slow = 0.95 * self.all_slow + (1.0 if slow else 0.0)

    def calls(self) -> float:
        return self.all_calls

    def failures(self) -> float:
        return self.all_failures

    def slow(self) -> float:
        return self.all_slow


@record
class Fives(Budget):
    """A budget of a reader's own: five tokens, a tenth more for each success."""

    tokens: float

    def __init__(self) -> None:
        self.tokens = 5.0

    def withdraw(self) -> bool:
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True

    def settle(self, ok: bool) -> None:
        if ok:
            self.tokens = min(5.0, self.tokens + 0.1)


@record
class Even(Pauses):
    """Pauses of a reader's own: any as likely as another."""

    def delay(self, retry: int, u: float) -> float:
        return u * retry


class Own:
    """Declares a policy of a reader's own."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def build(self, *given: Any) -> Any:
        return self.kind()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWindow(BreakerConfig):
    """A breaker that opens at half of all calls, as counted by a reader's window."""

    consecutive_failures: int | None = None
    failure_rate: float | None = 0.4
    minimum_calls: int = 5
    open_seconds: float = 2.0

    def build_window(self, clock: Clock) -> Window:
        return Fading()


@record
class Caller:
    """Makes calls at random, through every policy that it has, and notes what each answers."""

    clock: Engine
    chance: Uniform
    cluster: Cluster
    balancer: Balancer
    breaker: Breaker
    budget: Budget
    limiter: Limiter
    bucket: TokenBucket
    health: HealthChecker
    outlier: OutlierDetector
    pauses: Pauses
    picked: list[int]
    granted: list[int]
    pause: float
    open: list[Endpoint]
    permits: list[int]

    @entry
    def step(self) -> None:
        """Begin a call, end another, probe, tick, each with some chance."""
        self.begin()
        if len(self.open) > 0 and self.chance.draw() < 0.9:
            self.end()
        members = self.cluster.endpoints
        if self.chance.draw() < 0.2:
            place = int(self.chance.draw() * len(members))
            if self.health.probed(members[place], self.chance.draw() < 0.6) > 0:
                self.cluster.refresh()
        if self.chance.draw() < 0.05:
            self.outlier.tick()

    def begin(self) -> None:
        if not self.bucket.take() or len(self.open) == MOST:
            self.granted.append(0)
            return
        self.budget.deposit()
        if not self.limiter.acquire():
            self.granted.append(1)
            return
        permit = self.breaker.admit()
        self.granted.append(permit)
        if permit == 0 or len(self.cluster.candidates) == 0:
            self.limiter.release()
            self.breaker.abandon(permit)
            return
        key = int(self.chance.draw() * 1e18)
        endpoint = self.balancer.pick(self.cluster.candidates, key)
        self.picked.append(endpoint.weight)
        endpoint.active += 1
        self.open.append(endpoint)
        self.permits.append(permit)

    def end(self) -> None:
        endpoint = self.open.pop()
        permit = self.permits.pop()
        ok = self.chance.draw() < 0.55 + 0.08 * endpoint.weight
        seconds = self.chance.draw()
        endpoint.active -= 1
        self.balancer.observe(endpoint, seconds)
        self.limiter.release()
        self.breaker.report(permit, ok, seconds)
        self.outlier.report(endpoint, ok)
        if not ok and self.budget.withdraw():
            self.pause += self.pauses.delay(1 + endpoint.active % 5, self.chance.draw())
            self.budget.retry_ended()
        self.budget.settle(ok)


def built(balancer: Any, budget: Any, breaker: BreakerConfig, backoff: Any) -> Caller:
    caller = Caller()
    engine = caller.clock = Engine()
    caller.chance = Uniform(1, "calls")
    endpoints = [Endpoint(f"cart-{i}", weight=1 + i % 5, zone="ab"[i % 2]) for i in range(6)]
    caller.cluster = Cluster(endpoints, 0.4, zone="a")
    caller.balancer = balancer.build(Uniform(1, "balancer"), engine)
    caller.breaker = CircuitBreaker(breaker, engine, Moves())
    caller.budget = budget.build(engine)
    caller.limiter = Limiter(ConcurrencyLimits(max_requests=30))
    caller.bucket = TokenBucket(
        RateLimit(max_tokens=20, tokens_per_fill=5, fill_interval=0.5), engine
    )
    caller.health = HealthChecker(HealthCheck(unhealthy_threshold=2, healthy_threshold=2))
    detection = OutlierDetection(
        consecutive_5xx=3,
        base_ejection_time=5.0,
        max_ejection_percent=50.0,
        success_rate_minimum_hosts=3,
        success_rate_request_volume=5,
        success_rate_stdev_factor=1.0,
    )
    caller.outlier = OutlierDetector(detection, engine, caller.cluster, Changes())
    caller.pauses = backoff.build()
    for number in range(STEPS):
        engine.at(number * 0.05, caller.step)
    return caller


def facts(caller: Any) -> dict[str, Any]:
    """Every number of every record that can be reached from the caller."""
    found: dict[str, Any] = {}
    seen: list[Any] = []

    def look(name: str, record_: Any) -> None:
        if any(record_ is other for other in seen):
            return
        seen.append(record_)
        for attribute, field in getattr(type(record_), "FIELDS", {}).items():
            value = getattr(record_, attribute)
            where = f"{name}.{attribute}"
            match field.kind:
                case "number":
                    found[where] = value
                case "table" | "numbers":
                    found[where] = list(value)
                case "records":
                    for place, member in enumerate(value):
                        look(f"{where}[{place}]", member)
                case "reference" if value is not None:
                    look(where, value)

    look("caller", caller)
    return found


BREAKERS = [
    BreakerConfig(consecutive_failures=4, open_seconds=2, half_open_trials=3),
    BreakerConfig(
        consecutive_failures=None,
        failure_rate=0.4,
        slow_call_rate=0.7,
        slow_call_seconds=0.8,
        window_calls=20,
        minimum_calls=10,
        open_seconds=1,
    ),
    BreakerConfig(failure_rate=0.4, window_seconds=3.0, minimum_calls=5, open_seconds=1.5),
]
EVERY_BALANCER = [*(make() for make in BALANCERS.values()), LeastRequest(full_scan=True)]
EVERY_BUDGET = [make() for make in BUDGETS.values()]


@pytest.mark.parametrize("balancer", EVERY_BALANCER, ids=repr)
def test_every_balancer_picks_alike_in_both_kernels(balancer: Any) -> None:
    check(lambda: built(balancer, EVERY_BUDGET[0], BREAKERS[0], Backoff()))


@pytest.mark.parametrize("budget", EVERY_BUDGET, ids=repr)
def test_every_budget_grants_alike_in_both_kernels(budget: Any) -> None:
    check(lambda: built(EVERY_BALANCER[0], budget, BREAKERS[0], Backoff(spread=0.2)))


@pytest.mark.parametrize("breaker", BREAKERS, ids=repr)
def test_every_breaker_moves_alike_in_both_kernels(breaker: BreakerConfig) -> None:
    check(lambda: built(EVERY_BALANCER[0], EVERY_BUDGET[0], breaker, Backoff(jitter=0.5)))


def test_policies_of_a_readers_own_run_compiled_too() -> None:
    check(lambda: built(Own(Ends), Own(Fives), OwnWindow(), Own(Even)))


def check(build: Callable[[], Caller]) -> None:
    """Run one in plain Python and one compiled: a story in which every policy has its say."""
    plain, compiled = build(), build()
    lower(compiled.clock, [compiled])
    assert hasattr(compiled, "SLOT")
    for caller in (plain, compiled):
        caller.clock.run(until=STEPS * 0.05)
    ours, theirs = facts(plain), facts(compiled)
    assert len(ours["caller.picked"]) > 100
    assert {0, 1} < set(ours["caller.granted"])
    assert min(ours["caller.granted"]) < 0
    assert ours["caller.breaker.generation"] > 3
    assert ours["caller.outlier.watcher.told"] > 0
    assert ours["caller.pause"] > 0
    assert ours == theirs
