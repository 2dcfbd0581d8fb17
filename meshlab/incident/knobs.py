"""What might have been otherwise: every knob of the incident at its place as it was, or turned.

    Knobs(attempts=1).scenario(at=0.0)        as if it had been so from the beginning
    Knobs(attempts=1).scenario(at=660.0)      changed at 14:31; until then all is as it was

The random streams stay as they were, so that two runs differ only by what was changed. A change of
policies is a `Change` at its minute; what only a new process can have (more memory, another
instance) comes with new processes at that minute.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

from meshlab.changes import Change
from meshlab.dotted import replaced
from meshlab.faults import Fault, Leak
from meshlab.incident.operators import RESTART_SECONDS, alert_on_goroutines, rolling_restarts
from meshlab.incident.scenario import MIB, Parameters, doubling, incident
from meshlab.normalized import normalized
from meshlab.policies.balancer import BALANCERS
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.budget import BudgetConfig, ConcurrentRetryBudget, TokenRetryBudget
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.rules import require_at_least, require_count, require_known, require_share
from meshlab.scenario import Scenario

AS_IT_WAS = Parameters()
NEVER = 27.0
"""Minutes after 14:20 at which the run ends: who acts then has not acted."""

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
@normalized
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

    def changed(self) -> dict[str, Any]:
        """The knobs that are turned, and to what."""
        plain = Knobs()
        names = [f.name for f in fields(self)]
        return {n: getattr(self, n) for n in names if getattr(self, n) != getattr(plain, n)}

    def scenario(self, at: float = 0.0, weight: int = 100, seed: int = 1) -> Scenario:
        """The incident with every turned knob, from ``at`` (s) on."""
        acts = min(self.act_at, NEVER) * 60.0
        parameters = replace(AS_IT_WAS, restart_at=acts)
        as_it_was = incident(parameters, restart=acts < NEVER * 60.0)
        return self.apply(replace(as_it_was, weight=weight), at, seed)

    def apply(self, scenario: Scenario, at: float, seed: int = 1) -> Scenario:
        """Turn what is turned here in an incident, from ``at`` (s) on, and leave the rest.

        Operators who wait for alerts see those of the run with ``seed``.
        """
        require_at_least(at, 0, "history", "at")
        for step in (self._leak, self._more_instances, self._policies):
            scenario = step(scenario, at)
        if self.operators == OPERATORS[1]:
            return rolling_restarts(scenario, at)
        if self.operators == OPERATORS[2]:
            return alert_on_goroutines(scenario, at, seed)
        return scenario

    def _leak(self, scenario: Scenario, at: float) -> Scenario:
        """Another rate from ``at`` on; what has leaked so far stays."""
        if self.leak_rate == AS_IT_WAS.hang_rate:
            return scenario
        faults: list[Fault] = []
        for fault in scenario.faults:
            if not isinstance(fault, Leak) or at >= fault.end:
                faults.append(fault)
                continue
            if at > fault.start:
                faults.append(replace(fault, end=at))
            if self.leak_rate:
                faults.append(replace(fault, rate=self.leak_rate, start=max(at, fault.start)))
        return replace(scenario, faults=tuple(faults))

    def _more_instances(self, scenario: Scenario, at: float) -> Scenario:
        """New ones go to the zones in turn."""
        auth = scenario.service("auth").instances
        extra = range(len(auth), self.instances)
        more = tuple(replace(auth[n % len(auth)], starts_at=at) for n in extra)
        return replaced(scenario, {"services.auth.instances": (*auth, *more)})

    def _policies(self, scenario: Scenario, at: float) -> Scenario:
        """From the beginning they are declared otherwise, later they are changed."""
        if at == 0.0:
            return replaced(scenario, self._paths())
        now = _latest(scenario)
        then = replaced(now, self._paths())
        auth, way = then.service("auth"), then.edge("gateway", "auth")
        changes = list(scenario.changes)
        if auth != now.service("auth"):
            changes.append(Change(at=at, service=auth))
        if way != now.edge("gateway", "auth"):
            changes.append(Change(at=at, edge=way))
        return replace(scenario, changes=tuple(changes))

    def _paths(self) -> dict[str, Any]:
        """What the turned knobs say of auth and of the gateway's way to it (see `replaced`)."""
        way, auth = "edges.gateway->auth", "services.auth"
        balancer = BALANCERS["round_robin" if self.balancing == BALANCING[2] else "least_request"]
        said: dict[str, dict[str, Any]] = {
            "attempts": {f"{way}.retry.max_attempts": self.attempts},
            "timeout": {f"{way}.retry.per_try_timeout": self.timeout},
            "backoff": {f"{way}.retry.backoff": doubling(self.backoff)},
            "budget": {f"{way}.retry.budget": BUDGETS[self.budget]},
            "breaker": {f"{way}.breaker": BREAKERS[self.breaker]},
            "limit": {f"{way}.limits": ConcurrencyLimits(max_requests=self.limit or 1)},
            "balancing": {f"{way}.zone_local": False, f"{way}.balancer": balancer()},
            "workers": {f"{auth}.instances.*.workers": self.workers},
            "memory_mib": {f"{auth}.instances.*.memory.limit_bytes": self.memory_mib * MIB},
            "restarts": {f"{auth}.restart_seconds": RESTART_SECONDS},
        }
        turned = [said[name] for name in self.changed() if name in said]
        return {path: value for paths in turned for path, value in paths.items()}


def _latest(scenario: Scenario) -> Scenario:
    """The scenario as its changes leave it."""
    for change in scenario.changes:
        part = change.edge or change.service
        assert part is not None
        room = "services" if change.edge is None else "edges"
        scenario = replaced(scenario, {f"{room}.{part.name}": part})
    return scenario


_CHOICES: dict[str, Collection[str]] = {
    "budget": BUDGETS, "breaker": BREAKERS, "balancing": BALANCING,
    "restarts": RESTARTS, "operators": OPERATORS,
}  # fmt: skip
