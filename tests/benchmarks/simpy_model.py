"""The chain as a SimPy model, written with care: what the engine is measured against.

One process per request and per try, a `simpy.Resource` for the workers, timeouts as events. The
policies, the random streams and the counts are meshlab's own, so that only the kernel and the style
differ. Three things make it faster than SimPy's manual would have it, all within its public
interface: a try races with its timeout on one event instead of an AnyOf, a worker that is free is
not waited for, and a shed request starts no process.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator
from typing import Any

import simpy

from meshlab.kernel.distributions import Exponential
from meshlab.kernel.streams import Uniform, Variates
from meshlab.mesh.call import PICKS
from meshlab.mesh.counts import EdgeCounts, ServiceCounts
from meshlab.model import Outcome
from meshlab.policies.breaker import REFUSED, CircuitBreaker
from meshlab.policies.cluster import Cluster
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.limits import Limiter
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge, Instance
from meshlab.telemetry.names import DURATION_BUCKETS

OK, ERROR, TIMEOUT = Outcome.OK, Outcome.ERROR, Outcome.TIMEOUT
OVERFLOW, CIRCUIT_OPEN, SHED = Outcome.OVERFLOW, Outcome.CIRCUIT_OPEN, Outcome.SHED

Steps = Generator[simpy.Event, Any, Outcome]


class Answer(simpy.Event):
    """What a caller waits for: the first of the server's answer and the end of its patience."""

    def expire(self, timer: simpy.Event) -> None:
        """The callback of the timer."""
        if not self.triggered:
            self.succeed(TIMEOUT)


class Server:
    """One instance of a service. ``upstream`` is what it calls, if anything."""

    def __init__(self, env: simpy.Environment, name: str, config: Instance, seed: int) -> None:
        self.env = env
        self.error_rate = config.error_rate
        self.capacity = config.workers
        self.room = config.queue
        self.workers = simpy.Resource(env, capacity=config.workers)
        self.counts = ServiceCounts()
        self.upstream: Upstream | None = None
        self.draw_latency = Variates(seed, f"{name}/latency", config.latency).draw
        self.draw_error = Uniform(seed, f"{name}/error").draw

    @property
    def full(self) -> bool:
        workers = self.workers
        return len(workers.users) == self.capacity and len(workers.queue) >= self.room

    def serve(self, key: int, answer: Answer) -> Steps:
        """The process of one request: a worker, work, the call behind it, the answer."""
        env = self.env
        arrived = env.now
        with self.workers.request() as turn:
            if not turn.triggered:
                yield turn
            yield env.timeout(self.draw_latency())
            if self.draw_error() < self.error_rate:
                outcome = ERROR
            elif self.upstream is None or (yield from self.upstream.call(key)) is OK:
                outcome = OK
            else:
                outcome = ERROR
        counts = self.counts
        if outcome is OK:
            counts.ok += 1
        else:
            counts.errors += 1
        seconds = env.now - arrived
        counts.buckets[bisect_left(DURATION_BUCKETS, seconds)] += 1
        counts.seconds += seconds
        if not answer.triggered:
            answer.succeed(outcome)
        return outcome


class Upstream:
    """One edge in one sidecar."""

    def __init__(
        self,
        env: simpy.Environment,
        edge: Edge,
        sidecar: str,
        servers: dict[str, Server],
        seed: int,
    ) -> None:
        name = f"{sidecar}->{edge.destination}"
        self.env = env
        self.edge = edge
        self.retry = edge.retry
        self.cluster = Cluster(
            [Endpoint(name, target=server) for name, server in servers.items()],
            edge.panic_threshold,
        )
        self.balancer = edge.balancer.build(Uniform(seed, f"{name}/balancer"), env)
        self.limiter = Limiter(edge.limits)
        self.breaker = CircuitBreaker(edge.breaker, env)
        self.draw_jitter = Uniform(seed, f"{name}/jitter").draw
        self.counts = EdgeCounts()

    def call(self, key: int) -> Steps:
        """Tries, until one is good or no other is allowed. To be used with ``yield from``."""
        env, counts, retry, limiter = self.env, self.counts, self.retry, self.limiter
        started = env.now
        counts.started += 1
        attempt, last = 0, None
        while True:
            if not limiter.acquire():
                outcome = OVERFLOW
                break
            permit = self.breaker.admit()
            if permit == REFUSED:
                limiter.release()
                outcome = CIRCUIT_OPEN
                break
            if attempt > 0:
                counts.retries += 1
            attempt += 1
            last = self.pick(key, last)
            last.active += 1
            last.attempts += 1
            sent = env.now
            server = last.target
            if server.full:
                server.counts.shed += 1
                outcome = SHED
            else:
                answer = Answer(env)
                env.timeout(retry.per_try_timeout).callbacks.append(answer.expire)
                env.process(server.serve(key, answer))
                outcome = yield answer
            seconds = env.now - sent
            last.active -= 1
            counts.tries[outcome] += 1
            self.balancer.observe(last, seconds)
            limiter.release()
            self.breaker.report(permit, outcome is OK, seconds)
            if outcome is OK:
                break
            last.failures += 1
            if attempt == retry.max_attempts or outcome not in retry.retry_on:
                break
            yield env.timeout(retry.backoff.delay(attempt, self.draw_jitter()))
        seconds = env.now - started
        counts.outcomes[outcome] += 1
        counts.buckets[bisect_left(DURATION_BUCKETS, seconds)] += 1
        counts.seconds += seconds
        if attempt > 1 and outcome is OK:
            counts.retries_succeeded += 1
        return outcome

    def pick(self, key: int, last: Endpoint | None) -> Endpoint:
        """An endpoint for the next try, another than the last one if a few picks find it."""
        candidates = self.cluster.candidates
        endpoint = self.balancer.pick(candidates, key)
        for step in range(1, PICKS + 1):
            if endpoint is not last:
                break
            endpoint = self.balancer.pick(candidates, key + step)
        return endpoint


class Mesh:
    """The servers and sidecars of a chain, and the clients in front of it."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.env = env = simpy.Environment()
        self.servers = {
            service.name: {
                name: Server(env, name, config, seed)
                for name, config in zip(service.instance_names(), service.instances, strict=True)
            }
            for service in scenario.services
        }
        self.upstreams: list[Upstream] = []
        for edge in scenario.edges:
            callers = self.servers.get(edge.source, {edge.source: None})
            for sidecar, server in callers.items():
                servers = self.servers[edge.destination]
                upstream = Upstream(env, edge, sidecar, servers, seed)
                self.upstreams.append(upstream)
                if server is not None:
                    server.upstream = upstream
        env.process(self.arrivals(seed))

    def arrivals(self, seed: int) -> Generator[simpy.Event, Any, None]:
        """The process that begins a process for every request."""
        env = self.env
        (load,) = self.scenario.loads
        client = self.upstreams[0]
        purpose = f"{load.source}->{load.destination}{load.route}/arrivals"
        gap = Variates(seed, purpose, Exponential(1.0)).draw
        key = 0
        while True:
            yield env.timeout(gap() / load.peak)
            env.process(client.call(key))
            key += 1


def run(scenario: Scenario, seed: int) -> Mesh:
    """Run a chain to its end."""
    mesh = Mesh(scenario, seed)
    mesh.env.run(until=scenario.duration)
    return mesh
