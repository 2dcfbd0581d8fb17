"""Lesson 06: a pool of instances behind a few gateways, and its exercises on who gets the work."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from exercises import Exercise
from exercises.answers import returned
from meshlab.engines.run import run
from meshlab.kernel.distributions import Around, Constant, Exponential
from meshlab.mesh.result import Result
from meshlab.model.rules import is_number
from meshlab.policies.balancer import LeastRequest, RoundRobin
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.health import HealthCheck
from meshlab.policies.ring_hash import LARGEST_RING, Ring
from meshlab.policies.weighted_round_robin import WeightedRoundRobin
from meshlab.scenario.faults import Fault, Outage
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge, Instance, Service, replicas
from meshlab.sweep.chisquare import chi_square

AUTH = Instance(latency=Around(0.025))
HOLE = Instance(latency=Around(0.001), error_rate=1.0)
"""Fails at once, and so is never busy."""

NAMES = tuple(f"cache-{i}" for i in range(1, 11))
EVEN = 1.1
"""Exercise 1: how many times its fair share an endpoint may own of the ring."""

COUNTS = (
    ([390, 426, 385], [1, 1, 1]),
    ([12, 8, 31, 9], [1, 1, 2, 1]),
    ([700, 210, 90], [7, 2, 1]),
    ([520, 480], [1, 1]),
)
CAUSES = ("fails fast", "weight", "zone")


def pool(
    *auths: Instance,
    balancer: Any,
    gateways: int = 1,
    zones: tuple[str, ...] = ("",),
    rate: float = 60.0,
    duration: float = 30.0,
    **policies: Any,
) -> Scenario:
    """Gateways that do nothing themselves ask ``auths``; ``policies`` are those of that edge."""
    gateway = Instance(latency=Constant(0.0), workers=100_000)
    each = tuple(replace(gateway, zone=zone) for zone in zones for _ in range(gateways))
    to_auth = Edge(source="gateway", destination="auth", balancer=balancer)
    return Scenario(
        services=(Service(name="gateway", instances=each), Service(name="auth", instances=auths)),
        edges=(
            Edge(source="client", destination="gateway", balancer=RoundRobin()),
            replace(to_auth, **policies),
        ),
        loads=(Load(destination="gateway", rate=rate),),
        duration=duration,
        trace_sampling=0.0,
        name="pool",
    )


def queues(load: float, balancer: Any, gateways: int = 1, instances: int = 100) -> Scenario:
    """Instances with one worker and exponential work of 1 s: the model behind the formula."""
    one = Instance(latency=Exponential(1.0), workers=1, queue=1_000_000)
    rate, auths = load * instances, replicas(instances, one)
    busy = pool(*auths, balancer=balancer, gateways=gateways, rate=rate, duration=800.0)
    return replace(busy, scrape_interval=100.0)


def zoned(local: bool, down: tuple[str, ...] = (), rate: float = 300.0) -> Scenario:
    """Three times as many callers in zone x as in y, and as many instances; ``down`` die."""
    near, far = (replace(AUTH, zone=zone, workers=3, queue=50) for zone in "xy")
    edge: dict[str, Any] = {"zone_local": local, "health": HealthCheck(interval=1.0)}
    edge |= {"balancer": LeastRequest(), "gateways": 2, "zones": ("x", "x", "x", "y")}
    dead = tuple(Outage(service="auth", instance=name, start=10.0) for name in down)
    return replace(pool(near, near, far, far, rate=rate, **edge), faults=dead)


def doubtful(threshold: float, faults: tuple[Fault, ...], rate: float = 150.0) -> Scenario:
    """Five small instances that are probed every second, with this panic threshold."""
    small = replace(AUTH, workers=2, queue=20)
    edge: dict[str, Any] = {"health": HealthCheck(interval=1.0, timeout=0.3)}
    edge |= {"panic_threshold": threshold, "balancer": LeastRequest(), "gateways": 4}
    return replace(pool(*replicas(5, small), rate=rate, **edge), faults=faults)


def crowded(size: int) -> float:
    """How many times its fair share the largest of ten endpoints owns of a ring of this size."""
    endpoints = [Endpoint(name) for name in NAMES]
    return max(Ring(endpoints, size).shares(endpoints)) * len(NAMES)


@cache
def smallest_even() -> int:
    """The smallest ring, in powers of two, on which nobody owns more than `EVEN`."""
    return next(size for size in (1 << n for n in range(21)) if crowded(size) <= EVEN)


def with_hole(balancer: Any) -> Scenario:
    """Three good instances of auth and one that fails at once."""
    return pool(*replicas(3, AUTH), HOLE, balancer=balancer, rate=150.0, duration=20.0)


@cache
def mysteries() -> dict[str, Result]:
    """Three days on which auth-3 gets too much. Reading this function would spoil the exercise."""
    heavy, near, far = (replace(AUTH, weight=2), replace(AUTH, zone="x"), replace(AUTH, zone="y"))
    days = {
        "monday": pool(
            near, near, far, balancer=LeastRequest(), zones=("x", "y"), rate=160.0, zone_local=True
        ),
        "tuesday": pool(AUTH, AUTH, HOLE, balancer=LeastRequest(), gateways=2, rate=160.0),
        "wednesday": pool(AUTH, AUTH, heavy, balancer=WeightedRoundRobin(), gateways=2, rate=160.0),
    }
    return {day: run(scenario, seed) for seed, (day, scenario) in enumerate(days.items(), 1)}


RIGHT = {"monday": "zone", "tuesday": "fails fast", "wednesday": "weight"}


def _judge_ring(answer: object) -> str | None:
    power = isinstance(answer, int) and not isinstance(answer, bool) and answer > 0
    if not isinstance(answer, int) or not power or answer & (answer - 1):
        return f"a power of two is asked for, and this is {answer!r}"
    if answer * len(NAMES) > LARGEST_RING:
        return f"a ring has at most {LARGEST_RING} points, and {len(NAMES)} endpoints share it"
    most = crowded(answer)
    if most > EVEN:
        return f"with {answer} points each the largest owns {most:.2f} times its fair share"
    if answer > smallest_even():
        return f"{answer} points each are even enough, but so are fewer"
    return None


def _judge_p_value(answer: object) -> str | None:
    for counts, shares in COUNTS:
        got = returned(answer, list(counts), list(shares), want="a number")
        if not is_number(got) or not 0 <= got <= 1:
            return f"a p-value is a number in 0..1, and yours is {got!r}"
        want = chi_square(counts, shares).p_value
        if abs(got - want) > 0.03:
            reverse = abs(1 - got - want) <= 0.03
            hint = "; yours counts the draws that are *less* uneven" if reverse else ""
            return f"for {counts} against {shares} it is about {want:.2f}, not {got:.2f}{hint}"
    return None


def _judge_balancer(answer: object) -> str | None:
    if not (hasattr(answer, "build") and hasattr(answer, "kind")):
        return f"a balancer's config is asked for, with kind and build, and this is {answer!r}"
    totals = run(with_hole(answer), seed=1).edges["gateway", "auth"]
    share = totals.shares["auth-4"] / totals.attempts
    if share > 0.1:
        return f"the instance that fails at once still gets {share:.0%} of the tries"
    least = min(totals.shares[f"auth-{i}"] for i in (1, 2, 3)) / totals.attempts
    if least < 0.2:
        return f"auth-4 is left alone, but so is another one: it gets {least:.0%} of the tries"
    return None


def _judge_mysteries(answer: object) -> str | None:
    if not isinstance(answer, dict) or set(answer) != set(RIGHT):
        return f"a dictionary is asked for, with a cause for each of {', '.join(RIGHT)}"
    strange = [cause for cause in answer.values() if cause not in CAUSES]
    if strange:
        return f"the causes are {', '.join(CAUSES)}, and one of yours is {strange[0]!r}"
    wrong = [day for day, cause in RIGHT.items() if answer[day] != cause]
    if wrong:
        return (
            f"{len(wrong)} of them are wrong, among them {wrong[-1]}. Which tries fail, who makes "
            "them, and are the shares exact or a matter of luck?"
        )
    return None


EXERCISES = {
    "06.1": Exercise(
        f"Which is the smallest ring on which nobody owns over {EVEN} times its fair share?",
        _judge_ring,
    ),
    "06.2": Exercise(
        "Write p_value(counts, shares) by simulation: how often is luck as uneven as this?",
        _judge_p_value,
    ),
    "06.3": Exercise(
        "Write a balancer that sends the instance that fails at once less than 10 % of the tries.",
        _judge_balancer,
    ),
    "06.4": Exercise(
        f"Why does auth-3 get too much on each of three days: {', '.join(CAUSES)}?",
        _judge_mysteries,
    ),
}
