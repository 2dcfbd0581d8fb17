"""One instance by itself: its queue and workers, what it asks of others, its memory, its ends."""

from __future__ import annotations

from typing import Any

import pytest

from meshlab.kernel.distributions import Constant
from meshlab.kernel.streams import Uniform
from meshlab.mesh.call import Call
from meshlab.mesh.instance import Job, Jobs, ServiceInstance
from meshlab.mesh.notes import OUTAGE
from meshlab.mesh.steps import Step, Way
from meshlab.model import Outcome
from meshlab.policies.endpoint import Asker, Endpoint, Target, Work
from meshlab.scenario.cpu import Cpu
from meshlab.scenario.faults import Leak
from meshlab.scenario.topology import Edge, Memory, Service
from tests.by_hand import Site, join
from tests.small import instance

WORK = 0.5
PLENTY = 10_000
OUTCOMES = tuple(Outcome)
FOREVER = float("inf")


class Asking(Asker):
    """A try that waits for its answer: the test is the caller."""

    def __init__(self, bench: Bench, key: int) -> None:
        self.bench = bench
        self.key = key

    def answered(self, outcome: int) -> None:
        self.bench.answers.append((self.bench.engine.now, self.key, OUTCOMES[outcome]))


class Asked(Target, Work):
    """What the instance calls; it answers when the test says so."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.bench = bench
        self.name = name

    def receive(self, asker: Asker, key: int, route: int, deadline: float) -> Work:
        assert isinstance(asker, Call)
        self.bench.asked.append((self.bench.engine.now, self.name, asker))
        return self

    def gave_up(self) -> None:
        self.bench.abandoned.append(self.name)


class Bench:
    """An instance whose mesh is played by the test: it sends requests and answers calls."""

    def __init__(self, service: dict[str, Any] | None = None, **config: Any) -> None:
        self.site = Site()
        self.engine = self.site.engine
        config = {"latency": WORK, "workers": 1, "queue": PLENTY, **config}
        process = instance(**config)
        self.instance = ServiceInstance(
            Service(name="cart", instances=(process,), **(service or {})),
            process,
            "cart-1",
            self.engine,
            self.site.journal,
            self.site.tracer,
            self.site.calls,
            Jobs(),
            seed=1,
        )
        self.answers: list[tuple[float, int, Outcome]] = []
        self.asked: list[tuple[float, str, Call]] = []
        self.abandoned: list[str] = []
        self.instance.come()

    def calls(self, *destinations: str, **policies: Any) -> None:
        """Let every request make these calls."""
        self.steps(*(self.step(name, **policies) for name in destinations))

    def steps(self, *steps: Step) -> None:
        self.instance.steps = [*steps, Step()]

    def step(self, destination: str, **policies: Any) -> Step:
        edge = Edge(source="cart", destination=destination, **policies)
        upstream = self.site.upstream(edge, "cart-1")
        join(upstream, Endpoint(f"{destination}-1", target=Asked(self, destination)))
        return Step((Way(upstream, Uniform(1, destination)),))

    def receive(self, key: int = 0) -> Job | None:
        return self.instance.receive(Asking(self, key), key, 0, FOREVER)

    def refusal(self, key: int = 0) -> Outcome:
        assert self.receive(key) is None
        return OUTCOMES[self.instance.refusal()]

    def take(self, key: int = 0) -> Job:
        job = self.receive(key)
        assert isinstance(job, Job)
        return job

    def kill(self) -> None:
        """The process ends, as it does in an outage."""
        self.instance._kill(OUTAGE)

    def answered(self, outcome: Outcome = Outcome.OK) -> None:
        """The oldest call that the instance waits for ends."""
        _, _, call = self.asked.pop(0)
        call.answered(outcome)

    @property
    def held(self) -> tuple[int, int, int]:
        """Requests in the process, workers taken, requests waiting."""
        inst = self.instance
        assert inst.held() == inst.jobs.count
        return (inst.jobs.count, inst.busy, inst.queued)

    def ledger(self) -> Any:
        return self.site.journal.close()


# ---- queue and workers


def test_requests_are_served_first_come_first_served_by_the_workers_there_are() -> None:
    bench = Bench(workers=2)
    for key in range(5):
        bench.take(key)
    assert bench.held == (5, 2, 3)
    bench.engine.run(until=10.0)
    assert bench.answers == [
        (time, key, Outcome.OK) for key, time in enumerate((0.5, 0.5, 1.0, 1.0, 1.5))
    ]
    assert bench.held == (0, 0, 0)


def test_what_finds_the_queue_full_is_shed_at_once() -> None:
    bench = Bench(workers=1, queue=2)
    for key in range(3):
        bench.take(key)
    assert [bench.refusal(), bench.refusal()] == [Outcome.SHED, Outcome.SHED]
    truth, counts = bench.instance.truth, bench.instance.counts
    assert (truth.received, truth.shed, counts.shed) == (5, 2, 2)
    (entry,) = bench.ledger()
    assert (entry.event, entry.reason, entry.evidence) == (
        "request shed",
        "queue full",
        (("count", 2.0),),
    )


def test_the_time_in_the_queue_is_a_part_of_the_duration() -> None:
    bench = Bench()
    bench.take(1)
    bench.take(2)
    bench.engine.run(until=2.0)
    assert bench.instance.counts.seconds == 0.5 + 1.0
    assert sum(bench.instance.counts.buckets) == 2


def test_a_slow_instance_works_longer_on_what_it_begins() -> None:
    bench = Bench()
    bench.instance.slowdown = 4.0
    bench.take()
    bench.engine.run(until=9.0)
    assert bench.answers == [(2.0, 0, Outcome.OK)]


# ---- errors and calls


@pytest.mark.parametrize(("rate", "outcome"), [(0.0, Outcome.OK), (1.0, Outcome.ERROR)])
def test_an_instance_errs_as_often_as_declared(rate: float, outcome: Outcome) -> None:
    bench = Bench(error_rate=rate)
    for key in range(10):
        bench.take(key)
    bench.engine.run(until=9.0)
    assert [answer for _, _, answer in bench.answers] == [outcome] * 10
    truth, counts = bench.instance.truth, bench.instance.counts
    assert (truth.ok, truth.own_errors) == ((0, 10) if rate else (10, 0))
    assert (counts.ok, counts.errors) == ((0, 10) if rate else (10, 0))


def test_an_own_error_comes_before_any_call() -> None:
    bench = Bench(error_rate=1.0)
    bench.calls("stock")
    bench.take()
    bench.engine.run(until=1.0)
    assert bench.asked == []
    assert (bench.instance.truth.own_errors, bench.instance.truth.passed_on) == (1, 0)


def test_calls_are_made_one_after_the_other_in_their_order() -> None:
    bench = Bench()
    bench.calls("stock", "price", "price")
    bench.take()
    seen = []
    for time in (1.0, 2.0, 3.0):
        bench.engine.run(until=time)
        seen.append(bench.asked[0][1])
        assert bench.answers == []
        bench.answered()
    assert seen == ["stock", "price", "price"]
    assert bench.answers == [(3.0, 0, Outcome.OK)]


def test_a_worker_is_held_while_its_request_waits_for_others() -> None:
    bench = Bench(workers=1)
    bench.calls("stock")
    bench.take(1)
    bench.take(2)
    bench.engine.run(until=5.0)
    assert bench.held == (2, 1, 1)
    bench.answered()
    bench.engine.run(until=5.5)
    assert [key for _, key, _ in bench.answers] == [1]
    assert [(time, name) for time, name, _ in bench.asked] == [(5.5, "stock")]


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.OK])
def test_a_required_call_that_fails_is_passed_on_as_an_error(outcome: Outcome) -> None:
    bench = Bench()
    bench.calls("stock", "price")
    bench.take()
    bench.engine.run(until=1.0)
    bench.answered(outcome)
    assert bench.answers == [(1.0, 0, Outcome.ERROR)]
    assert bench.asked == []
    assert (bench.instance.truth.own_errors, bench.instance.truth.passed_on) == (0, 1)


def test_an_optional_call_that_fails_is_done_without() -> None:
    bench = Bench()
    bench.calls("stock", "price", required=False)
    bench.take()
    bench.engine.run(until=1.0)
    bench.answered(Outcome.TIMEOUT)
    bench.answered(Outcome.CIRCUIT_OPEN)
    assert bench.answers == [(1.0, 0, Outcome.OK)]


def test_a_call_is_made_with_its_probability() -> None:
    bench = Bench(workers=1000)
    bench.calls("stock", probability=0.25)
    for key in range(1000):
        bench.take(key)
    bench.engine.run(until=1.0)
    assert len(bench.asked) + len(bench.answers) == 1000
    assert 200 < len(bench.asked) < 300  # 250, give or take 3.6 standard deviations


# ---- callers that give up


def test_wasted_work_goes_on_and_is_answered_all_the_same() -> None:
    bench = Bench({"abandoned": "wasted"})
    bench.calls("stock")
    first, second = bench.take(1), bench.take(2)
    first.gave_up()
    second.gave_up()
    assert bench.held == (2, 1, 1)
    for time in (1.0, 2.0):
        bench.engine.run(until=time)
        bench.answered()
    assert (bench.instance.truth.ok, bench.instance.truth.wasted) == (2, 2)
    assert (bench.answers, bench.abandoned) == ([], []), "nobody is there to hear it"


def test_cancelled_work_is_dropped_at_once_and_its_worker_takes_the_next() -> None:
    bench = Bench({"abandoned": "cancelled"})
    first, _ = bench.take(1), bench.take(2)
    bench.engine.run(until=0.25)
    first.gave_up()
    assert bench.held == (1, 1, 0)
    bench.engine.run(until=9.0)
    assert bench.answers == [(0.75, 2, Outcome.OK)]


def test_cancelled_work_gives_up_the_call_it_waits_for() -> None:
    bench = Bench({"abandoned": "cancelled"})
    bench.calls("stock")
    job = bench.take()
    bench.engine.run(until=1.0)
    job.gave_up()
    assert bench.abandoned == ["stock"]
    assert job.call is None
    assert bench.held == (0, 0, 0)


def test_cancelled_requests_leave_the_queue_without_a_worker() -> None:
    bench = Bench({"abandoned": "cancelled"}, queue=2)
    bench.take(1)
    bench.take(2).gave_up()
    bench.take(3)
    bench.take(4)
    assert bench.held == (3, 1, 2)
    bench.engine.run(until=9.0)
    assert [key for _, key, _ in bench.answers] == [1, 3, 4]
    assert bench.held == (0, 0, 0)


def test_a_mirror_gets_its_copy_and_the_request_goes_on_at_once() -> None:
    bench = Bench()
    mirror, stock = bench.step("shadow", mirror=True), bench.step("stock")
    bench.steps(mirror, stock, mirror)
    job = bench.take()
    bench.engine.run(until=1.0)
    asked = [(time, name, call.parent) for time, name, call in bench.asked]
    assert asked == [(WORK, "stock", job), (WORK, "shadow", bench.site.calls)]
    bench.answered()
    assert bench.answers == [(1.0, 0, Outcome.OK)]
    bench.engine.run(until=1.0)
    assert [(time, name) for time, name, _ in bench.asked] == [(WORK, "shadow"), (1.0, "shadow")]


def test_the_probability_of_a_mirror_is_the_share_that_is_copied() -> None:
    bench = Bench(workers=PLENTY)
    bench.calls("shadow", mirror=True, probability=0.25)
    for key in range(1000):
        bench.take(key)
    bench.engine.run(until=1.0)
    assert len(bench.answers) == 1000
    assert 200 < len(bench.asked) < 300


# ---- hanging work


def leaking(**config: Any) -> Bench:
    bench = Bench(**config)
    fault = Leak(service="cart", rate=1.0, goroutines=3)
    bench.instance.hang_rate, bench.instance.hang_goroutines = fault.rate, fault.goroutines
    return bench


@pytest.mark.parametrize("abandoned", ["wasted", "cancelled"])
def test_hanging_work_holds_its_worker_until_the_caller_gives_up(abandoned: str) -> None:
    bench = leaking(service={"abandoned": abandoned})
    job = bench.take()
    bench.engine.run(until=100.0)
    assert (bench.held, bench.answers) == ((1, 1, 0), [])
    job.gave_up()
    assert bench.held == (0, 0, 0)


def test_hanging_work_leaves_its_goroutines_behind() -> None:
    bench = leaking(memory=Memory(limit_bytes=2**30, base_goroutines=80))
    job = bench.take()
    assert bench.instance.goroutines == 80 + 1 + 3
    job.gave_up()
    assert bench.instance.goroutines == 80 + 3


def test_work_that_hangs_after_its_caller_left_does_not_hold_a_worker_for_ever() -> None:
    bench = leaking()
    first, second = bench.take(1), bench.take(2)
    second.gave_up()
    first.gave_up()
    bench.engine.run(until=1.0)
    assert bench.held == (0, 0, 0)


# ---- the processor


def computing(cores: int = 1, rejection: float = 0.0, **config: Any) -> Bench:
    """An instance whose requests need a core for 1/4 s, and then half a second of I/O."""
    cpu = Cpu(cores=cores, work=Constant(0.25), rejection_seconds=rejection)
    return Bench(cpu=cpu, **{"workers": PLENTY, **config})


def times(bench: Bench) -> list[float]:
    """When the answers came."""
    bench.engine.run(until=100.0)
    return [time for time, _, _ in bench.answers]


def test_requests_wait_for_a_core_and_then_for_their_latency() -> None:
    bench = computing()
    for key in range(3):
        bench.take(key)
    assert times(bench) == [0.75, 1.0, 1.25]


def test_two_cores_work_on_two_requests() -> None:
    bench = computing(cores=2)
    for key in range(4):
        bench.take(key)
    assert times(bench) == [0.75, 0.75, 1.0, 1.0]


def test_a_core_takes_one_request_and_a_worker_keeps_it_for_its_whole_stay() -> None:
    bench = computing(workers=1)
    bench.take(1)
    bench.take(2)
    assert times(bench) == [0.75, 1.5]


def test_a_slowdown_stretches_work_on_the_processor_and_latency() -> None:
    bench = computing()
    bench.instance.slowdown = 2.0
    bench.take()
    assert times(bench) == [1.5]


def test_a_rejected_request_takes_time_of_a_core_that_others_then_wait_for() -> None:
    bench = computing(workers=1, queue=1, rejection=0.125)
    bench.take(1)
    bench.take(2)
    assert [bench.refusal(3), bench.refusal(4)] == [Outcome.SHED, Outcome.SHED]
    assert bench.instance.processor is not None
    assert bench.instance.processor.free_at == [0.5]
    assert times(bench) == [0.75, 1.5]


def test_work_that_was_given_up_keeps_its_core() -> None:
    bench = computing(service={"abandoned": "cancelled"})
    bench.take(1).gave_up()
    bench.take(2)
    assert times(bench) == [1.0]


def test_hanging_work_needs_no_core_but_takes_some_for_good() -> None:
    bench = computing(cores=2)
    bench.instance.hang_rate, bench.instance.hang_cpu = 1.0, 0.5
    bench.take(1)
    bench.take(2)
    bench.instance.hang_rate = bench.instance.hang_cpu = 0.0
    bench.take(3)
    assert times(bench) == [0.25 / 0.5 + 0.5]


def test_a_new_process_has_all_its_cores_and_they_are_idle() -> None:
    bench = computing()
    bench.instance.hang_rate, bench.instance.hang_cpu = 1.0, 0.5
    bench.take(1)
    bench.instance.hang_rate = 0.0
    bench.take(2)
    bench.kill()
    bench.instance._start()
    bench.take(3)
    bench.answers.clear()
    assert times(bench) == [0.75]


# ---- the process


def test_nobody_listens_where_no_process_runs() -> None:
    bench = Bench()
    bench.kill()
    assert bench.refusal() is Outcome.REFUSED
    assert bench.instance.truth.received == 0


def test_a_killed_process_breaks_every_connection_it_holds() -> None:
    bench = Bench(workers=2)
    bench.calls("stock")
    for key in range(3):
        bench.take(key)
    bench.engine.run(until=1.0)
    bench.instance.go()
    assert bench.answers == [(1.0, key, Outcome.RESET) for key in range(3)]
    assert bench.abandoned == ["stock", "stock"]
    assert bench.held == (0, 0, 0)
    (entry,) = bench.ledger()
    assert (entry.event, entry.reason) == ("killed", "end of its time")
    assert entry.evidence == (("requests_held", 3.0),)


def test_nothing_of_a_killed_process_goes_on_in_the_next() -> None:
    bench = Bench({"restart_seconds": 0.25})
    bench.take(1)
    bench.kill()
    bench.engine.run(until=0.25)
    assert bench.instance.up
    bench.take(2)
    bench.engine.run(until=9.0)
    assert bench.answers == [(0.0, 1, Outcome.RESET), (0.75, 2, Outcome.OK)]


def test_a_new_process_counts_from_zero_while_the_truth_goes_on() -> None:
    bench = Bench({"restart_seconds": 1.0}, queue=0)
    bench.take()
    bench.receive()
    bench.engine.run(until=0.5)
    bench.kill()
    counts, truth = bench.instance.counts, bench.instance.truth
    assert (counts.ok, counts.shed, counts.seconds, sum(counts.buckets)) == (0, 0, 0.0, 0)
    assert (truth.received, truth.ok, truth.shed) == (2, 1, 1)


def test_a_killed_process_is_started_again_after_its_restart_time() -> None:
    bench = Bench({"restart_seconds": 2.0})
    bench.kill()
    bench.engine.run(until=1.75)
    assert bench.refusal() is Outcome.REFUSED
    bench.engine.run(until=2.0)
    assert isinstance(bench.receive(), Job)
    assert bench.instance.starts == 2


def test_nobody_restarts_a_process_where_no_restart_time_is_declared() -> None:
    bench = Bench({"restart_seconds": None})
    bench.kill()
    bench.engine.run(until=1000.0)
    assert not bench.instance.up


def test_a_restart_that_another_start_overtook_is_void() -> None:
    """Killed, started by the end of an outage, and killed again: the second wait is a full one."""
    bench = Bench({"restart_seconds": 4.0})
    bench.kill()
    bench.instance.stop()
    bench.engine.run(until=1.0)
    bench.instance.resume()
    bench.engine.run(until=3.0)
    bench.kill()
    bench.engine.run(until=6.75)
    assert not bench.instance.up
    bench.engine.run(until=7.0)
    assert bench.instance.up


def test_a_stopped_process_is_not_restarted_until_it_may_run_again() -> None:
    bench = Bench({"restart_seconds": 1.0})
    bench.instance.stop()
    bench.engine.run(until=5.0)
    assert not bench.instance.up
    bench.instance.resume()
    assert bench.instance.up


def test_the_end_of_an_outage_does_not_start_a_process_before_its_time_or_after_it() -> None:
    bench = Bench()
    bench.instance.stop()
    bench.instance.go()
    bench.instance.resume()
    assert not bench.instance.up
    bench.instance.come()
    assert bench.instance.up


def test_a_process_whose_time_comes_during_an_outage_starts_when_that_is_over() -> None:
    bench = Bench()
    bench.instance.go()
    bench.instance.stop()
    bench.instance.come()
    assert not bench.instance.up
    bench.instance.resume()
    assert bench.instance.up


# ---- memory


def room_for(goroutines: int) -> Memory:
    """Memory in which just so many goroutines fit, one of them at rest."""
    return Memory(
        limit_bytes=1000 + 10 * goroutines + 9,
        base_bytes=1000,
        bytes_per_goroutine=10,
        base_goroutines=1,
    )


def test_a_process_dies_when_its_goroutines_no_longer_fit_into_its_memory() -> None:
    bench = Bench(workers=1, memory=room_for(4))
    for key in range(3):
        bench.take(key)
    bench.engine.run(until=0.0)
    assert bench.instance.up, "four fit"
    bench.take(3)
    bench.engine.run(until=0.0)
    assert not bench.instance.up
    (entry,) = bench.ledger()
    assert (entry.event, entry.reason) == ("killed", "out of memory")
    evidence = dict(entry.evidence)
    assert evidence == {"goroutines": 5.0, "memory_bytes": 1050.0, "requests_held": 4.0}
    assert evidence["memory_bytes"] > room_for(4).limit_bytes


def test_the_evidence_is_what_did_not_fit_even_if_a_request_left_at_the_same_instant() -> None:
    bench = Bench(workers=1, memory=room_for(2))
    bench.engine.at(WORK, lambda: bench.take(2))  # just before the answer to the first
    bench.take(1)
    bench.engine.run(until=WORK)
    (entry,) = bench.ledger()
    assert dict(entry.evidence)["goroutines"] == 3.0


def test_a_leak_kills_the_process_in_the_end_and_the_next_is_clean() -> None:
    bench = leaking(service={"restart_seconds": 1.0}, memory=room_for(8))
    for _ in range(3):  # each leaves three goroutines
        bench.take().gave_up()
    bench.engine.run(until=0.0)
    assert not bench.instance.up
    bench.engine.run(until=1.0)
    assert (bench.instance.up, bench.instance.goroutines) == (True, 1)


def test_memory_is_what_the_goroutines_take() -> None:
    bench = Bench(memory=room_for(8))
    bench.take()
    assert (bench.instance.goroutines, bench.instance.memory_bytes) == (2, 1020)
    assert Bench().instance.memory_bytes == 0, "without a memory nothing is declared"
