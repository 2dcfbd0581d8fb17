"""Which engine runs a scenario: the reference engine, or the same rules compiled with numba.

    run(scenario, seed)                        the compiled engine when it can, else the reference
    run(scenario, seed, engine="reference")    plain Python, whatever the scenario is made of
    run(scenario, seed, engine="compiled")     ConfigError, with the reason, if it can't

Both give the same bytes. The compiled engine knows the parts in `COMPILED` and their fields; a
scenario with anything else in it, a reader's own balancer say, runs on the reference engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib.util import find_spec

from meshlab.changes import Change
from meshlab.faults import FAULTS
from meshlab.kernel.distributions import KINDS
from meshlab.load import Load
from meshlab.model import ConfigError
from meshlab.policies.balancer import BALANCERS
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.budget import BUDGETS
from meshlab.policies.health import HealthCheck
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.outlier import OutlierDetection
from meshlab.policies.rate_limit import RateLimit
from meshlab.policies.retry import Backoff, RetryPolicy
from meshlab.processor import Cpu
from meshlab.rules import require_known
from meshlab.scenario import Scenario
from meshlab.telemetry.central import Central
from meshlab.topology import Edge, Instance, Memory, Service

ENGINES = ("auto", "reference", "compiled")

COMPILED: tuple[type, ...] = (
    *(Scenario, Service, Instance, Memory, Cpu, Edge, Load, *FAULTS.values(), *KINDS.values()),
    *(RetryPolicy, Backoff, *BUDGETS.values(), *BALANCERS.values(), BreakerConfig),
    *(ConcurrencyLimits, RateLimit, HealthCheck, OutlierDetection, Change, Central),
)
"""The declarations that the compiled engine knows. It takes no subclass of them for them."""


def why_not(scenario: Scenario) -> str:
    """Why the compiled engine can't run this; empty if it can."""
    if find_spec("numba") is None:
        return "numba is not installed"
    return next(_unknown(scenario, scenario.where), "")


def _unknown(part: object, where: str) -> Iterator[str]:
    """What in a declaration, or in those inside it, the compiled engine does not know."""
    if isinstance(part, tuple):
        for item in part:
            yield from _unknown(item, where)
    elif is_dataclass(part) and not isinstance(part, type):
        where = getattr(part, "where", where)
        if type(part) not in COMPILED:
            yield f"{where}: {type(part).__name__} is not a built-in part"
            return
        for field in fields(part):
            yield from _unknown(getattr(part, field.name), where)
    elif hasattr(part, "build") or hasattr(part, "block"):
        yield f"{where}: {type(part).__name__} is not a built-in part"


def choose(scenario: Scenario, engine: str) -> tuple[str, str]:
    """The engine that will run, and why it is not the compiled one ("" if it is, or was asked for).

    ConfigError for an unknown engine, and where "compiled" is asked for and can't be had.
    """
    require_known(engine, ENGINES, "run", "engine")
    if engine == "reference":
        return "reference", ""
    reason = why_not(scenario)
    if not reason:
        return "compiled", ""
    if engine == "compiled":
        raise ConfigError(f"run: engine must be able to run the scenario, got 'compiled': {reason}")
    return "reference", reason
