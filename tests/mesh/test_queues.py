"""Queues: whole runs against M/M/c, M/G/1, Erlang's formulas, Little's law and two choices.

A mean over several seeds, with its confidence interval by Student's t, must hold the exact value;
and the interval must be narrow enough for that to say something.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import fmean, stdev

import pytest
from scipy.stats import t as student

from meshlab.engines.run import run
from meshlab.kernel.distributions import (
    Around,
    Constant,
    Distribution,
    Erlang,
    Exponential,
    LogNormal,
)
from meshlab.mesh.mesh import Mesh
from meshlab.model import Outcome
from meshlab.policies.balancer import LeastRequest, Random
from meshlab.scenario.faults import Leak
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge, Instance, Service
from meshlab.sweep.queueing import erlang_b, pollaczek_khinchine, supermarket
from meshlab.sweep.queueing import mean_wait as expected_wait
from tests.small import line, patience, service, value

pytestmark = pytest.mark.slow

SEEDS = range(1, 21)
CONFIDENCE = 0.999
ENDLESS = 10**9


def queue(
    rate: float,
    latency: Distribution,
    workers: int = 1,
    room: int = ENDLESS,
    instances: int = 1,
    edge: Edge | None = None,
) -> Scenario:
    """Requests at ``rate`` for a service with so many workers an instance, and room to wait."""
    one = Instance(latency=latency, workers=workers, queue=room)
    return Scenario(
        services=(Service(name="server", instances=(one,) * instances),),
        edges=(edge or Edge(source="client", destination="server"),),
        loads=(Load(destination="server", rate=rate),),
        duration=ENDLESS / 1e3,
        trace_sampling=0.0,
    )


def mean_sojourn(scenario: Scenario, requests: int, warm: float, seed: int) -> float:
    """The mean time in the system (s) of so many requests, after a while to warm up (s)."""
    mesh = Mesh(scenario, seed)
    counts = mesh.sidecars["client"]["server"].counts
    mesh.engine.run(until=warm)
    seconds, ended = counts.seconds, sum(counts.outcomes)
    mesh.engine.run(until=warm + requests / scenario.loads[0].peak)
    return (counts.seconds - seconds) / (sum(counts.outcomes) - ended)


def mean_wait(scenario: Scenario, requests: int, warm: float, seed: int) -> float:
    """The mean time (s) in the queue: the time in the system less the work that was drawn."""
    mesh = Mesh(scenario, seed)
    server, counts = mesh.instances["server-1"], mesh.sidecars["client"]["server"].counts
    draw, work = server.draw_latency.draw, [0.0]

    def drawn() -> float:
        work.append(draw())
        return work[-1]

    server.draw_latency.draw = drawn
    mesh.engine.run(until=warm)
    seconds, ended = counts.seconds, sum(counts.outcomes)
    work.clear()
    mesh.engine.run(until=warm + requests / scenario.loads[0].peak)
    return (counts.seconds - seconds) / (sum(counts.outcomes) - ended) - fmean(work)


def assert_mean(measure: Callable[[int], float], exact: float, within: float) -> None:
    """The interval over all seeds holds ``exact``, and reaches no further than a share of it."""
    means = [measure(seed) for seed in SEEDS]
    width = student.ppf((1 + CONFIDENCE) / 2, len(means) - 1) * stdev(means) / len(means) ** 0.5
    assert width <= within * exact, f"too wide to say anything: {width / exact:.3f}"
    assert abs(fmean(means) - exact) <= width, f"{fmean(means):.4f} +- {width:.4f}, not {exact:.4f}"


TABLE = [(1, 0.9), (2, 1.8), (5, 4.5), (10, 9.0), (10, 8.0), (20, 18.0), (100, 90.0)]
"""Servers and load, as in the published table of Erlang's formula."""


@pytest.mark.parametrize(("servers", "load"), TABLE)
def test_many_workers_wait_as_erlang_says(servers: int, load: float) -> None:
    """M/M/c: requests come at ``load`` a second and take a second each."""
    scenario = queue(load, Exponential(1.0), servers)
    exact = expected_wait(servers, load)
    warm = 400.0 / servers**0.5
    assert_mean(
        lambda seed: mean_wait(scenario, 12_000, warm, seed), exact, 0.5 if servers == 100 else 0.3
    )


@pytest.mark.parametrize("load", [0.3, 0.6])
def test_one_worker_with_memoryless_work_takes_as_long_as_the_textbook_says(load: float) -> None:
    """M/M/1: 1 / (mu - lambda)."""
    scenario = queue(load * 10, Exponential(0.1))
    assert_mean(lambda seed: mean_sojourn(scenario, 3_000, 10.0, seed), 0.1 / (1 - load), 0.1)


WORK: list[tuple[Distribution, float]] = [
    (Constant(1.0), 0.0),
    (Around(1.0, 1.0), 1 / 3),
    (Erlang(1.0, 2), 1 / 2),
    (LogNormal(math.exp(-0.25), 0.5**0.5), math.e**0.5 - 1),
    (Exponential(1.0), 1.0),
]
"""Work of one second on average, and the square of its coefficient of variation."""


@pytest.mark.parametrize(("latency", "variation"), WORK, ids=lambda part: getattr(part, "kind", ""))
def test_one_worker_waits_as_pollaczek_and_khinchine_say(
    latency: Distribution, variation: float
) -> None:
    """M/G/1: the wait grows with the variation of the work, not only with its mean."""
    load = 0.6
    exact = pollaczek_khinchine(load, variation)
    scenario = queue(load, latency)
    assert latency.mean == pytest.approx(1.0)
    assert_mean(lambda seed: mean_wait(scenario, 4_000, 100.0, seed), exact, 0.2)


@pytest.mark.parametrize("latency", [Exponential(1.0), Constant(1.0)], ids=lambda d: d.kind)
def test_what_may_not_wait_is_shed_as_erlang_says(latency: Distribution) -> None:
    """M/G/c/c: the share that is shed depends on the mean of the work only."""
    scenario = queue(4.0, latency, workers=5, room=0)

    def shed(seed: int) -> float:
        mesh = Mesh(scenario, seed)
        mesh.engine.run(until=1_000.0)
        outcomes = mesh.sidecars["client"]["server"].counts.outcomes
        return outcomes[Outcome.SHED] / sum(outcomes)

    assert_mean(shed, erlang_b(5, 4.0), within=0.1)


@pytest.mark.parametrize(("load", "choices"), [(0.5, 1), (0.5, 2), (0.9, 2), (0.9, 3)])
def test_the_power_of_two_choices_is_what_mitzenmacher_found(load: float, choices: int) -> None:
    """A hundred servers are nearly infinitely many: within 3 % of the limit."""
    edge = Edge(
        source="client",
        destination="server",
        balancer=LeastRequest(choices=choices) if choices > 1 else Random(),
    )
    scenario = queue(100 * load, Exponential(1.0), instances=100, edge=edge)
    found = fmean(mean_sojourn(scenario, 20_000, 30.0, seed) for seed in (1, 2))
    assert found == pytest.approx(supermarket(load, choices), rel=0.03)


# ---- Little's law


@pytest.mark.parametrize(("workers", "rate"), [(1, 6.0), (4, 30.0), (50, 100.0)])
def test_little_s_law_holds_in_the_sidecar_and_in_the_application(
    workers: int, rate: float
) -> None:
    """Mean number in flight = rate x mean time; the number is seen twenty times a second."""
    one = Instance(latency=Exponential(0.1), workers=workers, queue=ENDLESS)
    scenario = line(
        Service(name="cart", instances=(one,)),
        rate=rate,
        arrivals="poisson",
        duration=200.0,
        scrape_interval=0.05,
        trace_sampling=0.0,
    )
    result = run(scenario)
    held = result.edges["client", "cart"].seconds / scenario.duration
    seen = value(result, "client", "mesh_active_requests").mean()
    inside = value(result, "cart-1", "service_requests_in_flight", "service").mean()
    assert seen == inside == pytest.approx(held, rel=0.02)


def test_stuck_calls_are_rate_times_patience() -> None:
    """The incident's own numbers: 600 calls a second that leak for 30 s are 18,000 at any time."""
    scenario = line(
        service("cart", Instance(workers=ENDLESS, queue=0)),
        rate=600.0,
        duration=50.0,
        edge=patience(30.0),
        faults=(Leak(service="cart", rate=1.0),),
        scrape_interval=10.0,
    )
    stuck = value(run(scenario), "client", "mesh_active_requests")
    assert list(stuck) == pytest.approx([0, 6_000, 12_000, 18_000, 18_000, 18_000], abs=1)
