"""What must hold whatever a mesh goes through, for every engine and every scenario.

`check_result` holds the totals of a run against one another: what callers sent against what servers
received and answered. `check_spans` holds them against the traces, which are noted elsewhere.
`check_mesh` looks into the reference engine's own mesh when a run is over.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from meshlab.mesh.call import Call
from meshlab.mesh.counts import CLASS_COUNT
from meshlab.mesh.instance import Job, ServiceInstance
from meshlab.mesh.mesh import Mesh
from meshlab.mesh.result import Result
from meshlab.mesh.totals import EdgeTotals
from meshlab.mesh.upstream import Upstream
from meshlab.model import Outcome
from meshlab.policies.budget import ConcurrentBudget
from meshlab.scenario.faults import EdgeFault, Leak, Outage
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Instance, Service
from meshlab.telemetry.names import DURATION_BUCKETS

UNSENT = (Outcome.FAULT, Outcome.REFUSED)
"""Tries that never reach a process."""


def check_result(result: Result) -> None:
    """The totals of a run agree with one another."""
    for totals in result.edges.values():
        check_edge(totals)
    for service in result.scenario.services:
        check_service(result, service.name)
    check_central(result)


def check_edge(totals: EdgeTotals) -> None:
    parts = (totals.succeeded, totals.failed, totals.rejected, totals.in_flight)
    assert min(parts) >= 0
    assert sum(parts) == totals.calls
    assert sum(totals.tries) + totals.tries_in_flight == totals.attempts
    assert 0 <= totals.attempts - totals.retries <= totals.calls
    assert totals.tries_in_flight <= totals.in_flight


def check_service(result: Result, name: str) -> None:
    """What callers sent and got back is what the instances received and answered."""
    scenario = result.scenario
    instances = [result.processes[i] for i in scenario.service(name).instance_names()]
    edges = [totals for edge, totals in result.edges.items() if edge[1] == name]

    def tries(*outcomes: Outcome) -> int:
        return sum(totals.tries[outcome] for totals in edges for outcome in outcomes)

    received = sum(i.received for i in instances)
    ok = sum(i.ok for i in instances)
    answers = ok + sum(i.own_errors + i.passed_on for i in instances)
    wasted = sum(i.wasted for i in instances)
    delivered = sum(totals.attempts for totals in edges) - tries(*UNSENT)

    assert received == delivered or (delays(scenario, name) and received < delivered)
    assert sum(i.shed for i in instances) == tries(Outcome.SHED)
    assert answers == tries(Outcome.OK, Outcome.ERROR) + wasted
    assert ok >= tries(Outcome.OK)
    assert answers + tries(Outcome.SHED) <= received


def delays(scenario: Scenario, name: str) -> bool:
    """Whether tries may be given up on their way to the service."""
    edge_faults = [f for f in scenario.faults if isinstance(f, EdgeFault)]
    return any(fault.destination == name and fault.delay > 0 for fault in edge_faults)


def check_central(result: Result) -> None:
    """Every message to the collector ended in one place at most, and none came from nowhere."""
    log = result.central
    if log is None:
        return
    ended = log.lost + log.refused + log.overflowed + log.failed + len(log.records)
    assert ended <= log.sent
    assert log.reported <= log.sent
    answers = sum(p.ok + p.own_errors + p.passed_on for p in result.processes.values())
    assert answers <= log.reported
    assert len(log.records) - log.doubled <= log.reported


def check_spans(result: Result) -> None:
    """With every request traced, the spans tell the same story as the totals."""
    assert result.scenario.trace_sampling == 1.0
    spans = result.spans
    assert len({(span.trace_id, span.span_id) for span in spans}) == len(spans)
    tries = Counter(
        (span.service, span.name, span.outcome) for span in spans if "endpoint" in span.attributes
    )
    by_service: Counter[tuple[str, Outcome]] = Counter()
    for (source, name, outcome), count in tries.items():
        by_service[f"{source}->{name.split('/')[0]}", outcome] += count
    for (source, destination), totals in result.edges.items():
        edge = f"{source}->{destination}"
        assert [by_service[edge, outcome] for outcome in Outcome] == list(totals.tries)
        ended = [e for e in result.exemplars if dict(e.series.labels).items() >= ends(edge).items()]
        assert len(ended) == sum(totals.outcomes)
    for exemplar in result.exemplars:
        bounds = [*map(str, DURATION_BUCKETS), "+Inf"]
        bucket = bounds[bisect_left(DURATION_BUCKETS, exemplar.value)]
        assert dict(exemplar.series.labels)["le"] == bucket


def ends(edge: str) -> dict[str, str]:
    source, destination = edge.split("->")
    return {"source": source, "destination": destination}


def check_mesh(mesh: Mesh) -> None:
    """Nothing in the mesh is held by nobody, when its run is over."""
    for upstreams in mesh.sidecars.values():
        for upstream in upstreams.values():
            check_upstream(upstream)
    for instance in mesh.instances.values():
        check_instance(instance, mesh.scenario)


def check_upstream(upstream: Upstream) -> None:
    """The policies of a sidecar hold as much as it has in flight, and no more."""
    counts = upstream.counts
    if counts.by_route:
        assert sum(counts.routes) == sum(counts.outcomes)
        assert sum(counts.routes[::CLASS_COUNT]) == counts.outcomes[Outcome.OK]
    tries = sum(endpoint.active for endpoint in upstream.every_endpoint)
    assert min((endpoint.active for endpoint in upstream.every_endpoint), default=0) >= 0
    if upstream.limiter is not None:
        assert upstream.limiter.active == tries
    if upstream.breaker is not None:
        assert 0 <= upstream.breaker.trials_in_flight <= tries
    if isinstance(upstream.budget, ConcurrentBudget):
        assert upstream.budget.active == upstream.counts.active
        assert 0 <= upstream.budget.retries <= upstream.budget.active
    cluster = upstream.cluster
    fit = [e for e in cluster.endpoints if e.healthy and not e.ejected]
    assert (upstream.members, cluster.available) == (len(cluster.endpoints), len(fit))
    assert upstream.breaker_state == (0 if upstream.breaker is None else upstream.breaker.state)


def check_instance(instance: ServiceInstance, scenario: Scenario) -> None:
    """Workers and queue hold the jobs that are there, and every job waits for something."""
    jobs = list(instance.jobs._items)
    sizes = configs(instance, scenario)
    assert all(job.life == 0 for job in jobs)
    assert instance.held() == len(jobs)
    assert instance.busy == sum(job.working for job in jobs) <= max(i.workers for i in sizes)
    assert instance.queued == sum(not job.working for job in jobs) <= max(i.queue for i in sizes)
    assert instance.queued == 0 or instance.busy >= instance.workers
    assert list(instance.waiting._items) == [job for job in jobs if not job.working]
    for job in jobs:
        check_job(job)
    if not instance.up:
        assert jobs == []


def check_job(job: Job) -> None:
    """Whoever waits for it, or works for it, knows it too, and nothing refers to what is over."""
    if isinstance(job.caller, Call):
        assert job.caller.life == 0 and job.caller.sending and job.caller.job is job
    if job.call is not None:
        assert job.call.life == 0 and job.call.parent is job
    if job.report is not None:
        assert job.report.job is job


def configs(instance: ServiceInstance, scenario: Scenario) -> list[Instance]:
    """All that the instance has ever been declared to be: what it began then may still go on."""
    return [
        config
        for service in services_of(scenario)
        for name, config in zip(service.instance_names(), service.instances, strict=True)
        if name == instance.name
    ]


def services_of(scenario: Scenario) -> list[Service]:
    """All services, and what changes make of them."""
    changed = [change.service for change in scenario.changes if change.service is not None]
    return [*scenario.services, *changed]


def check_drained(mesh: Mesh) -> None:
    """Nothing is in flight anywhere, and nothing is held."""
    check_mesh(mesh)
    for upstreams in mesh.sidecars.values():
        for upstream in upstreams.values():
            assert upstream.counts.active == 0
            assert [e for e in upstream.every_endpoint if e.active] == []
            if upstream.breaker is not None:
                assert upstream.breaker.trials_in_flight == 0
    for instance in mesh.instances.values():
        assert (instance.jobs.count, instance.busy, instance.queued) == (0, 0, 0)


def loses_jobs(scenario: Scenario) -> bool:
    """Whether a process may end, or drop what it has begun."""
    services = services_of(scenario)
    instances = [i for service in services for i in service.instances]
    return (
        any(isinstance(fault, Outage | Leak) for fault in scenario.faults)
        or any(service.abandoned == "cancelled" for service in services)
        or any(i.memory is not None or i.stops_at is not None for i in instances)
    )
