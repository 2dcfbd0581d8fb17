"""What one may change about the incident: every knob at its place as it was, or turned.

    Knobs(attempts=1).scenario(at=0.0)        as if it had been so from the beginning
    Knobs(attempts=1).scenario(at=660.0)      changed at 14:31; until then all is as it was

Random numbers are the same in all of these, so that what differs was done by the change.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from meshlab.faults import Leak
from meshlab.incident import Parameters, history, incident
from meshlab.policies.balancer import BALANCERS, BalancerConfig
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.budget import BudgetConfig, ConcurrentRetryBudget, TokenRetryBudget
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.retry import Backoff
from meshlab.rules import require_at_least, require_count, require_known, require_share
from meshlab.scenario import Scenario
from meshlab.topology import Instance

AS_IT_WAS = Parameters()
NEVER = 27.0
"""Minutes after 14:20 at which the run ends: who acts then has not acted."""

MIB = 2**20

BUDGETS: dict[str, BudgetConfig | None] = {
    "none": None,
    "Finagle: 20 % of the calls": TokenRetryBudget(),
    "Envoy: 20 % of what is in flight": ConcurrentRetryBudget(),
}
BREAKERS: dict[str, BreakerConfig | None] = {
    "none": None,
    "half of 100 calls fail": BreakerConfig(
        consecutive_failures=None,
        failure_rate=0.5,
        window_seconds=10.0,
        minimum_calls=100,
        open_seconds=5.0,
        half_open_trials=10,
    ),
    "five failures in a row": BreakerConfig(open_seconds=10.0, half_open_trials=3),
}
BALANCING = ("least request, own zone", "least request, all zones", "round robin, all zones")
RESTARTS = ("nobody restarts", "the platform does, in 50 s")
OPERATORS = ("fix at the set minute", "and rolling restarts", "and an alert at 1,000 goroutines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """Every knob. Rates are shares, times seconds; ``act_at`` is minutes after 14:20.

    ``limit`` is tries in flight from each gateway, ``workers`` what an auth instance takes at once.
    """

    leak_rate: float = AS_IT_WAS.hang_rate
    attempts: int = AS_IT_WAS.attempts
    timeout: float = AS_IT_WAS.per_try_timeout
    backoff: float = AS_IT_WAS.backoff_seconds
    budget: str = "none"
    breaker: str = "none"
    limit: int = 0
    workers: int = AS_IT_WAS.in_flight
    balancing: str = BALANCING[0]
    instances: int = 3
    memory_mib: int = AS_IT_WAS.memory_bytes // MIB
    restarts: str = RESTARTS[0]
    operators: str = OPERATORS[0]
    act_at: float = AS_IT_WAS.restart_at / 60.0

    def __post_init__(self) -> None:
        where = "knobs"
        require_share(self.leak_rate, where, "leak_rate")
        require_count(self.limit, 0, where, "limit")
        require_count(self.instances, 3, where, "instances")
        require_at_least(self.act_at, 1, where, "act_at")
        for name, known in _CHOICES.items():
            require_known(getattr(self, name), known, where, name)

    def changed(self) -> dict[str, object]:
        """The knobs that are turned, and to what."""
        plain = Knobs()
        names = [f.name for f in fields(self)]
        return {n: getattr(self, n) for n in names if getattr(self, n) != getattr(plain, n)}

    def scenario(self, at: float = 0.0, weight: int = 100) -> Scenario:
        """The incident with every turned knob, from ``at`` (s) on."""
        acts = min(self.act_at, NEVER) * 60.0
        parameters = replace(AS_IT_WAS, restart_at=acts)
        scenario = incident(parameters, restart=acts < NEVER * 60.0)
        scenario = replace(scenario, weight=weight)
        for step in (self._leak, self._more_instances, self._auth, self._gateway, self._operators):
            scenario = step(scenario, at)
        return scenario

    def _leak(self, scenario: Scenario, at: float) -> Scenario:
        """Another rate from ``at`` on; what has leaked so far stays."""
        (leak,) = (fault for fault in scenario.faults if isinstance(fault, Leak))
        if self.leak_rate == leak.rate or at >= leak.end:
            return scenario
        start = max(at, leak.start)
        parts = [replace(leak, rate=self.leak_rate, start=start)] if self.leak_rate else []
        if at > leak.start:
            parts.insert(0, replace(leak, end=at))
        rest = tuple(fault for fault in scenario.faults if fault is not leak)
        return replace(scenario, faults=(*parts, *rest))

    def _more_instances(self, scenario: Scenario, at: float) -> Scenario:
        """New ones go to the zones in turn."""
        auth = scenario.service("auth")
        extra = range(len(auth.instances), self.instances)
        more = tuple(replace(auth.instances[n % len(auth.instances)], starts_at=at) for n in extra)
        bigger = replace(auth, instances=(*auth.instances, *more))
        services = tuple(bigger if s.name == "auth" else s for s in scenario.services)
        return replace(scenario, services=services)

    def _auth(self, scenario: Scenario, at: float) -> Scenario:
        auth = scenario.service("auth")
        seconds = None if self.restarts == RESTARTS[0] else history.RESTART_SECONDS
        instances = tuple(self._instance(one) for one in auth.instances)
        other = replace(auth, instances=instances, restart_seconds=seconds)
        return scenario if other == auth else history.amended_service(scenario, at, other)

    def _instance(self, one: Instance) -> Instance:
        assert one.memory is not None
        memory = replace(one.memory, limit_bytes=self.memory_mib * MIB)
        return replace(one, workers=self.workers, memory=memory)

    def _gateway(self, scenario: Scenario, at: float) -> Scenario:
        edge = scenario.edge("gateway", "auth")
        backoff = Backoff(
            base_seconds=self.backoff, factor=2.0, cap_seconds=4 * self.backoff, spread=0.2
        )
        retry = replace(
            edge.retry,
            max_attempts=self.attempts,
            per_try_timeout=self.timeout,
            backoff=backoff,
            budget=BUDGETS[self.budget],
        )
        other = replace(
            edge,
            retry=retry,
            breaker=BREAKERS[self.breaker],
            limits=ConcurrencyLimits(max_requests=self.limit) if self.limit else None,
            zone_local=self.balancing == BALANCING[0],
            balancer=self._balancer(edge.balancer),
        )
        return scenario if other == edge else history.amended_edge(scenario, at, other)

    def _balancer(self, declared: BalancerConfig) -> BalancerConfig:
        robin: BalancerConfig = BALANCERS["round_robin"]()
        return robin if self.balancing == BALANCING[2] else declared

    def _operators(self, scenario: Scenario, at: float) -> Scenario:
        if self.operators == OPERATORS[1]:
            return history.rolling_restarts(scenario, at)
        if self.operators == OPERATORS[2]:
            return history.alert_on_goroutines(scenario, at)
        return scenario


_CHOICES: dict[str, Collection[str]] = {
    "budget": BUDGETS, "breaker": BREAKERS, "balancing": BALANCING,
    "restarts": RESTARTS, "operators": OPERATORS,
}  # fmt: skip
