"""The part of the chain that any queueing library can say, in four of them.

    client -> gateway -> auth -> user       a random instance each time, one try, no failures

Left out: breakers, limits, retries, timeouts, errors and least request. Ciw has none of them.
happysim has breakers and retries with rules of their own, which would be other work. Left out too
is that a service holds its worker while the next one works, for in both libraries a customer leaves
one queue before it enters the next; so gateway and auth have workers for everybody, and only user
makes requests wait, with one worker in each instance. Unlike meshlab, which has its sidecars and
counts here too, the SimPy model is as bare as the network.

Each library draws its own random numbers, so runs can't be compared call by call. But mathematics
says how long a request stays: two exponential times, and one M/M/1 queue.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import inf, sqrt
from statistics import fmean
from typing import Any

import ciw
import numpy as np
import simpy

from meshlab.engines import why_not
from meshlab.kernel.distributions import Exponential
from meshlab.load import Load
from meshlab.mesh.result import Result
from meshlab.oracles import mean_wait
from meshlab.policies.balancer import Random
from meshlab.scenario import Scenario
from meshlab.topology import Edge, Instance, Service, replicas
from tests.benchmarks.chain import SERVICES
from tests.benchmarks.engines import BASE, COMPILED, Row, Rows, compiled, reference, requests

RATE = 200.0
SECONDS = {name: seconds for name, (seconds, _) in SERVICES.items()} | {"user": 0.009}
"""Mean time (s) of the own work: each of three user instances is busy for 60 % of the time."""

PLACES = 3
EVERYBODY = 100_000
STAY = sum(SECONDS.values()) + SECONDS["user"] * mean_wait(1, RATE * SECONDS["user"] / PLACES)
"""How long a request stays on average (s), as mathematics has it."""

WITHIN = 0.1
"""How far a run's mean may be from it: four standard errors at 12,000 requests."""


def queues(duration: float = 60.0) -> Scenario:
    """The network of queues as a scenario."""
    services = tuple(
        Service(
            name=name,
            instances=replicas(
                PLACES,
                Instance(
                    latency=Exponential(seconds),
                    workers=1 if name == "user" else EVERYBODY,
                    queue=EVERYBODY,
                ),
            ),
        )
        for name, seconds in SECONDS.items()
    )
    chain = ("client", *SECONDS)
    edges = tuple(
        Edge(source=source, destination=destination, balancer=Random())
        for source, destination in zip(chain, SECONDS, strict=False)
    )
    return Scenario(
        name="queues",
        services=services,
        edges=edges,
        loads=(Load(destination="gateway", rate=RATE),),
        duration=duration,
        scrape_interval=duration,
        trace_sampling=0.0,
    )


@dataclass(frozen=True, slots=True)
class Stays:
    """The requests that went through, and how long they stayed on average (s)."""

    requests: int
    seconds: float


def of_times(times: list[float]) -> Stays:
    return Stays(len(times), fmean(times))


def of_result(result: Result) -> Stays:
    edge = result.edges["client", "gateway"]
    return Stays(edge.succeeded, edge.seconds / edge.succeeded)


def with_simpy(scenario: Scenario, seed: int) -> list[float]:
    """A process for every request; returns how long each stayed."""
    env, rng, stays = simpy.Environment(), random.Random(seed), []
    users = [simpy.Resource(env) for _ in range(PLACES)]
    rates = {name: 1.0 / seconds for name, seconds in SECONDS.items()}

    def request() -> Generator[simpy.Event, Any, None]:
        arrived = env.now
        yield env.timeout(rng.expovariate(rates["gateway"]))
        yield env.timeout(rng.expovariate(rates["auth"]))
        with rng.choice(users).request() as turn:
            yield turn
            yield env.timeout(rng.expovariate(rates["user"]))
        stays.append(env.now - arrived)

    def arrivals() -> Generator[simpy.Event, Any, None]:
        while True:
            yield env.timeout(rng.expovariate(RATE))
            env.process(request())

    env.process(arrivals())
    env.run(until=scenario.duration)
    return stays


def with_ciw(scenario: Scenario, seed: int) -> ciw.Simulation:
    """Nine nodes; each service's three pass everything on to the next three at random."""
    nodes = [name for name in SECONDS for _ in range(PLACES)]
    following = dict(zip(SECONDS, list(SECONDS)[1:], strict=False))
    network = ciw.create_network(
        arrival_distributions=[
            ciw.dists.Exponential(RATE / PLACES) if node == "gateway" else None for node in nodes
        ],
        service_distributions=[ciw.dists.Exponential(1.0 / SECONDS[node]) for node in nodes],
        number_of_servers=[1 if node == "user" else inf for node in nodes],
        routing=[
            [1.0 / PLACES if following.get(node) == other else 0.0 for other in nodes]
            for node in nodes
        ],
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(scenario.duration)
    return simulation


def of_ciw(simulation: ciw.Simulation) -> Stays:
    visits = [person.data_records for person in simulation.nodes[-1].all_individuals]
    return of_times([visit[-1].exit_date - visit[0].arrival_date for visit in visits])


def with_happysim(scenario: Scenario, seed: int) -> Any:
    """Servers with a random router before each service; returns the sink behind them."""
    import happysimulator as happy

    random.seed(seed)
    np.random.seed(seed)  # its arrivals draw from the global generator
    sink = happy.Sink()
    entities, behind = [sink], sink
    for name in reversed(SECONDS):
        work = happy.ExponentialLatency(SECONDS[name])
        workers = 1 if name == "user" else EVERYBODY
        server = partial(happy.Server, concurrency=workers, service_time=work, downstream=behind)
        servers = [server(f"{name}-{place + 1}") for place in range(PLACES)]
        behind = happy.RandomRouter(name, targets=servers)
        entities += [*servers, behind]
    source = happy.Source.poisson(rate=RATE, target=behind)
    happy.Simulation(duration=scenario.duration, sources=[source], entities=entities).run()
    return sink


def without_happysim(scenario: Scenario) -> str:
    if find_spec("happysimulator") is None:
        return f"happysim is not installed (it needs Python 3.13, this is {sys.version[:4]})"
    return ""


QUEUE_ENGINES: Rows = {
    BASE: Row(with_simpy, of_times, len),
    "Ciw": Row(with_ciw, of_ciw, lambda simulation: of_ciw(simulation).requests),
    "happysim": Row(
        with_happysim,
        lambda sink: of_times(sink.latencies_s),
        lambda sink: int(sink.events_received),
        without_happysim,
    ),
    "meshlab, reference": Row(reference, of_result, requests),
    COMPILED: Row(compiled, of_result, requests, why_not),
}


def prove_stays(rows: Rows, scenario: Scenario, seed: int = 1) -> None:
    """SystemExit if an engine had other requests, or kept them longer, than mathematics has it."""
    expected = RATE * scenario.duration
    for name, row in rows.items():
        stays = row.work(row.run(scenario, seed))
        came = abs(stays.requests - expected) < 4.0 * sqrt(expected)
        if not came or abs(stays.seconds / STAY - 1.0) > WITHIN:
            sys.exit(
                f"{name} had {stays.requests:,} requests of {1000 * stays.seconds:.1f} ms, not "
                f"about {expected:,.0f} of {1000 * STAY:.1f} ms: there is nothing to compare"
            )
