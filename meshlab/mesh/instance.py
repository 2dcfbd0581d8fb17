"""A simulated instance of a service: queue, workers, work, memory, and what it asks of others.

    receive --> a free worker? --no--> room in the queue? --no--> shed
                    | yes                   | wait
                    v <---------------------+
       work (processor, latency) --> own error? --> calls to other services --> answer

The worker is taken for the whole stay, the calls included: that is how slowness travels upstream.
Work whose caller has given up goes on all the same ("wasted"), unless the service is declared to
cancel it.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import Final

from meshlab.kernel.containers import Bag, Pool, Queue
from meshlab.kernel.engine import Engine
from meshlab.kernel.record import Small, Word, ahead, entry, record, seldom
from meshlab.kernel.streams import Uniform, Variates
from meshlab.mesh.call import Call, Calls, Parent
from meshlab.mesh.collector import Collector, Message, Reporter
from meshlab.mesh.counts import ServiceCounts, Truth
from meshlab.mesh.journal import Journal
from meshlab.mesh.notes import (
    END_OF_TIME,
    NO_ENDPOINT,
    OUT_OF_MEMORY,
    OUTAGE,
    STARTED,
    Notes,
)
from meshlab.mesh.processor import Processor
from meshlab.mesh.steps import Step
from meshlab.mesh.tracer import Tracer
from meshlab.mesh.upstream import Upstream
from meshlab.model import Outcome
from meshlab.policies.endpoint import Asker, Target, Work, number_of, text_of
from meshlab.telemetry.names import DURATION_BUCKETS
from meshlab.topology import Instance, Service

OK: Final = int(Outcome.OK)
ERROR: Final = int(Outcome.ERROR)
REFUSED: Final = int(Outcome.REFUSED)
RESET: Final = int(Outcome.RESET)
SHED: Final = int(Outcome.SHED)
ABANDONED: Final = int(Outcome.ABANDONED)

NEVER: Final = -1.0
"""In place of seconds until a restart: nobody restarts it."""

AS_ALL: Final = -1.0
"""In place of a route's error rate: it errs as the other routes do."""


@record
class Job(Work, Parent, Reporter):
    """One request in one instance, from its arrival to its answer.

    ``caller`` is the call whose try it answers, as long as anybody waits; ``call`` is the call that
    it waits for itself. ``step`` is the place of the next thing to ask for, and ``asked`` whether
    it has asked for anything yet.
    """

    working: bool = False
    hung: bool = False
    traced: bool = False
    asked: bool = False
    step: Small
    route: Small
    arrived: float
    instance: ServiceInstance
    caller: Asker | None
    call: Call | None = None
    key: int
    deadline: float
    # where few jobs come
    outcome: Small
    report: Message | None = None
    trace_high: Word
    trace_low: Word
    span: Word
    parent_span: Word

    @ahead("caller", "parent", "caller")
    @entry
    def worked(self) -> None:
        """The instance's own work is done: it fails, or goes on to the calls it needs."""
        instance = self.instance
        error_rate = instance.error_rate
        if instance.routes_apart > 0 and instance.route_errors[self.route] != AS_ALL:
            error_rate = instance.route_errors[self.route]
        if instance.draw_error.draw() < error_rate:
            self._finish(ERROR)
        else:
            self.step = instance.first_steps[self.route]
            self._proceed()

    def _proceed(self) -> None:
        """Make the next call of the request's route; answer when none is left."""
        instance = self.instance
        step = instance.steps[self.step]
        while not step.last:
            self.step += 1
            way = step.choose() if step.split else step.way
            upstream = way.upstream
            if upstream.probability == 1.0 or way.draw.draw() < upstream.probability:
                if not upstream.mirror:
                    self._ask(upstream)
                    return
                self._mirror(upstream)
            step = instance.steps[self.step]
        if instance.collector is None:
            self._answer(OK)
        else:
            self._finish(OK)

    def _ask(self, upstream: Upstream) -> None:
        """Call another service, which the job then waits for."""
        instance = self.instance
        deadline = self.deadline if instance.keeps_deadline else inf
        call = instance.calls.make(upstream, self, self.key, self.route, deadline)
        self.asked = True
        self.call = call
        if self.traced or not instance.keeps_trace:
            self._pass_trace(call)
        call.start()

    @seldom
    def _mirror(self, upstream: Upstream) -> None:
        """Send a copy of the request once the job has gone on; nobody waits for its end."""
        calls = self.instance.calls
        call = calls.make(upstream, calls, self.key, self.route, inf)
        self._pass_trace(call)
        self.instance.engine.after(0.0, call.start_mirrored)

    @entry
    def called(self, call: Call, outcome: int) -> None:
        """The call that the job waited for is over."""
        required = call.upstream.required
        self.call = None
        self.instance.calls.pool.release(call)
        if outcome == OK or not required:
            self._proceed()
        else:
            self._finish(ERROR)

    def _finish(self, outcome: int) -> None:
        """The request is through: report it where that is asked for, then answer."""
        instance = self.instance
        collector = instance.collector
        if collector is not None:
            seconds = instance.engine.now - self.arrived
            number, service = instance.number, instance.service_place
            self.outcome = outcome
            self.report = collector.report(self, number, service, outcome == OK, seconds)
            if self.report is not None:
                return
        self._answer(outcome)

    @entry
    def acknowledged(self) -> None:
        """The report of the request has arrived, or is given up."""
        self.report = None
        self._answer(self.outcome)

    def _answer(self, outcome: int) -> None:
        """Count the request, let the next have the worker, and answer whoever still waits."""
        instance = self.instance
        counts = instance.counts
        seconds = instance.engine.now - self.arrived
        if outcome == OK:
            counts.ok += 1
            instance.truth.ok += 1
        else:
            counts.errors += 1
            if self.asked:
                instance.truth.passed_on += 1
            else:
                instance.truth.own_errors += 1
        counts.buckets[bisect_left(DURATION_BUCKETS, seconds)] += 1
        counts.seconds += seconds
        instance.drop(self)
        if self.traced:
            self._note(outcome)
        caller = self.caller
        instance.pool.jobs.release(self)
        if caller is None:
            instance.truth.wasted += 1
        else:
            caller.answered(outcome)

    @entry
    def gave_up(self) -> None:
        """Nobody waits for the job any more: if it hangs or is cancelled, it goes."""
        self.caller = None
        if not self.hung and not self.instance.cancels:
            return
        self.instance.drop(self)
        self._abandon()
        if self.traced and not self.hung:  # what hangs has no end
            self._note(ABANDONED)
        self.instance.pool.jobs.release(self)

    @seldom
    def reset(self) -> None:
        """The process has ended, and its callers see their connections break."""
        self._abandon()
        if self.traced:
            self._note(RESET)
        caller = self.caller
        self.instance.pool.jobs.release(self)
        if caller is not None:
            caller.answered(RESET)

    @seldom
    def _abandon(self) -> None:
        """Give up what the job waited for."""
        call = self.call
        if call is not None:
            self.call = None
            call.parent = self.instance.calls
            call.abandon()
        report = self.report
        if report is not None:
            self.report = None
            report.job = None

    # ---- tracing

    @seldom
    def traced_by(self, high: int, low: int, parent: int) -> None:
        """The try that brought the job is traced: ``parent`` is its span."""
        self.traced = True
        self.trace_high = high
        self.trace_low = low
        self.parent_span = parent
        self.span = self.instance.tracer.new_span()

    @seldom
    def _pass_trace(self, call: Call) -> None:
        """A job's call belongs to its trace, unless the service drops the header."""
        if not self.instance.keeps_trace:
            call.begin_trace()
        elif self.traced:
            call.traced_by(self.trace_high, self.trace_low, self.span)

    @seldom
    def _note(self, outcome: int) -> None:
        """The instance has answered, whether or not anybody still waits."""
        instance = self.instance
        instance.tracer.spans.write(
            self.trace_high,
            self.trace_low,
            self.span,
            self.parent_span,
            self.arrived,
            instance.engine.now,
            instance.number,
            0,
            self.route,
            outcome,
            True,
        )


@record
class Jobs:
    """Where the records of jobs come from, and go back to."""

    jobs: Pool[Job]


@record
class ServiceInstance(Target):
    """One running process. Faults set error rates, ``slowdown`` and the leak while they hold.

    ``slowdown`` stretches all its own work: that on the processor and the latency after it.
    ``busy`` of its ``workers`` have a request, and ``queued`` requests wait for one.
    ``steps`` has those of every route, one route after the other.
    """

    error_rate: float
    slowdown: float
    hang_rate: float
    report_seconds: float
    workers: int
    busy: int
    engine: Engine
    counts: ServiceCounts
    truth: Truth
    draw_latency: Variates
    draw_error: Uniform
    processor: Processor | None
    calls: Calls
    pool: Jobs
    steps: list[Step]
    first_steps: list[int]
    collector: Collector | None
    up: bool
    has_memory: bool
    cancels: bool
    keeps_trace: bool
    keeps_deadline: bool
    hang_steady: bool
    wanted: bool
    held_down: bool
    dying: bool
    refused: Small
    number: Small
    service_place: Small
    queue: int
    queued: int
    jobs: Bag[Job]
    waiting: Queue[Job]
    leaked: float
    base_goroutines: int
    most_goroutines: int
    base_bytes: int
    bytes_per_goroutine: int
    routes_apart: Small
    tally: Small
    route_errors: list[float]
    draw_cpu: Variates
    draw_hang: Uniform
    hang_goroutines: int
    hang_cpu: float
    rejection_seconds: float
    seen_goroutines: int
    seen_bytes: int
    starts: int
    restart_seconds: float
    declared_error_rate: float
    notes: Notes
    tracer: Tracer
    doomed: list[Job]
    name_number: Small
    service_number: Small

    def __init__(
        self,
        service: Service,
        config: Instance,
        name: str,
        engine: Engine,
        journal: Journal,
        tracer: Tracer,
        calls: Calls,
        pool: Jobs,
        seed: int,
        routes: int = 1,
    ) -> None:
        self.name_number, self.service_number = number_of(name), number_of(service.name)
        self.number = len(journal.instances)
        journal.instances.append(name)
        self.notes = journal.notes
        self.tally = journal.new_tally(name, "request shed", "queue full")
        self.engine, self.tracer, self.calls, self.pool = engine, tracer, calls, pool
        self.counts, self.truth = ServiceCounts(), Truth()
        self.keeps_trace = service.keeps_trace
        self.slowdown = 1.0
        self.steps, self.first_steps = [Step()], [0] * routes
        self.route_errors = [AS_ALL] * routes
        self.draw_latency = Variates(seed, f"{name}/latency", config.latency)
        self.draw_error = Uniform(seed, f"{name}/error")
        self.draw_hang = Uniform(seed, f"{name}/hang")
        if config.cpu is not None:
            self.draw_cpu = Variates(seed, f"{name}/cpu", config.cpu.work)
            self.processor = Processor(config.cpu.cores, config.cpu.lump)
            self.rejection_seconds = config.cpu.rejection_seconds
        self.be(service, config)
        self.error_rate = config.error_rate

    @property
    def name(self) -> str:
        return text_of(self.name_number)

    @property
    def service(self) -> str:
        """The name of the service that it is an instance of."""
        return text_of(self.service_number)

    def be(self, service: Service, config: Instance) -> None:
        """Take the sizes and the habits that are declared.

        A new restart time holds for kills from now on.
        """
        self.workers, self.queue = config.workers, config.queue
        self.declared_error_rate = config.error_rate
        self.cancels = service.abandoned == "cancelled"
        self.keeps_deadline = service.keeps_deadline
        restart = service.restart_seconds
        self.restart_seconds = NEVER if restart is None else restart
        memory = config.memory
        self.has_memory = memory is not None
        self.base_goroutines = memory.base_goroutines if memory else 0
        self.most_goroutines = memory.most_goroutines if memory else 0
        self.base_bytes = memory.base_bytes if memory else 0
        self.bytes_per_goroutine = memory.bytes_per_goroutine if memory else 0

    def err_on_route(self, route: int, rate: float) -> None:
        """Err so often on one route; ``AS_ALL`` ends that."""
        self.routes_apart += (rate != AS_ALL) - (self.route_errors[route] != AS_ALL)
        self.route_errors[route] = rate

    def held(self) -> int:
        """How many requests are in the process."""
        return self.busy + self.queued

    @property
    def goroutines(self) -> int:
        """At rest, one for each request in the process, and those that hung requests left."""
        return self._goroutines()

    @property
    def memory_bytes(self) -> int:
        return self.base_bytes + self._goroutines() * self.bytes_per_goroutine

    def _goroutines(self) -> int:
        return self.base_goroutines + self.held() + int(self.leaked)

    # ---- the life of a request

    def listens(self) -> bool:
        return self.up

    def receive(self, caller: Asker, key: int, route: int, deadline: float) -> Job | None:
        """Take a request in. None is a refusal, and `refusal` says why."""
        if not self.up:
            self.refused = REFUSED
            return None
        self.truth.received += 1
        free = self.busy < self.workers
        if not free and self.queued >= self.queue:
            self._shed()
            return None
        job: Job = self.pool.jobs.new()
        job.instance = self
        job.caller = caller
        job.key = key
        job.route = route
        job.deadline = deadline
        job.arrived = self.engine.now
        self.jobs.add(job)
        if free:
            self._begin(job)
        else:
            self.queued += 1
            self.waiting.push(job)
        if self.has_memory:
            self._check_memory()
        return job

    def refusal(self) -> int:
        """The outcome of the last request that was not taken in."""
        return self.refused

    @seldom
    def _shed(self) -> None:
        """The queue is full. To say so may be work for the processor, too."""
        self.refused = SHED
        self.counts.shed += 1
        self.truth.shed += 1
        self.notes.tally(self.tally)
        processor = self.processor
        if processor is not None:
            processor.work(self.engine.now, self.rejection_seconds * self.slowdown)

    def _begin(self, job: Job) -> None:
        """A worker takes the job and works on it for a while, or for ever."""
        self.busy += 1
        job.working = True
        if self.hang_rate > 0.0 and self._hangs():
            job.hung = True
            if job.caller is None:  # nobody is left who could still give it up
                self.engine.after(0.0, job.gave_up)
            return
        seconds = self.draw_latency.draw() * self.slowdown + self.report_seconds
        processor = self.processor
        if processor is None:
            self.engine.after(seconds, job.worked)
        else:
            done = processor.work(self.engine.now, self.draw_cpu.draw() * self.slowdown)
            self.engine.at(done + seconds, job.worked)

    @seldom
    def _hangs(self) -> bool:
        """While there is a leak: whether the next work hangs. What that leaves behind stays."""
        hangs = self.draw_hang.draw() < self.hang_rate
        share = 1.0 if hangs else 0.0
        if self.hang_steady:
            share = self.hang_rate
        if share > 0.0:
            self.leaked += share * self.hang_goroutines
            processor = self.processor
            if processor is not None:
                processor.taken += share * self.hang_cpu
            self._check_memory()
        return hangs

    def drop(self, job: Job) -> None:
        """A job leaves the process; its worker takes the next that waits."""
        self.jobs.remove(job)
        if job.working:
            self.busy -= 1
            if self.queued > 0:
                self._take_waiting()
        else:
            self.queued -= 1
            self.waiting.remove(job)

    @seldom
    def _take_waiting(self) -> None:
        """Free workers take those who wait, in their order."""
        while self.queued > 0 and self.busy < self.workers:
            self.queued -= 1
            self._begin(self.waiting.pop())

    @entry
    def resized(self) -> None:
        """There are more workers, or fewer, and memory for more, or for less."""
        self._take_waiting()
        self._check_memory()

    # ---- the life of the process

    @entry
    def come(self) -> None:
        """The time has come from which on the instance is to run."""
        self.wanted = True
        self._start()

    @entry
    def go(self) -> None:
        """The time is over for which the instance was to run."""
        self.wanted = False
        self._kill(END_OF_TIME)

    @entry
    def stop(self) -> None:
        """End the process and keep it down until `resume`: no restart policy brings it back."""
        self.held_down = True
        self._kill(OUTAGE)

    @entry
    def resume(self) -> None:
        """Let the process run again after `stop`."""
        self.held_down = False
        self._start()

    @entry
    def restart(self, starts: int) -> None:
        """The restart time of a killed process is over; another start may have come before."""
        if starts == self.starts:
            self._start()

    @entry
    def out_of_memory(self) -> None:
        """More goroutines than fit have come together."""
        self._kill(OUT_OF_MEMORY)

    def _start(self) -> None:
        """A new process listens, if its time is now; nothing is left of an earlier one."""
        if self.up or self.held_down or not self.wanted:
            return
        self._begin_afresh()
        self.up = True
        self.starts += 1
        if self.starts > 1:
            self.notes.write(STARTED, self.number, NO_ENDPOINT, 0.0, 0.0, 0.0)

    @seldom
    def _kill(self, what: int) -> None:
        """The process ends at once, with every request that it holds."""
        if not self.up:
            return
        self.up = False
        held = float(self.held())
        if what == OUT_OF_MEMORY:
            goroutines, size = float(self.seen_goroutines), float(self.seen_bytes)
            self.notes.write(what, self.number, NO_ENDPOINT, goroutines, size, held)
        else:
            self.notes.write(what, self.number, NO_ENDPOINT, held, 0.0, 0.0)
        self.jobs.empty_into(self.doomed)
        self._begin_afresh()
        for place in range(len(self.doomed)):
            self.doomed[place].reset()
        self.doomed.clear()
        if self.restart_seconds != NEVER:
            self.engine.after(self.restart_seconds, self.restart, self.starts)

    @seldom
    def _begin_afresh(self) -> None:
        """What a new process has: nothing."""
        self.waiting.clear()
        self.queued = 0
        self.busy = 0
        self.leaked = 0.0
        self.dying = False
        processor = self.processor
        if processor is not None:
            processor.clear()
        self.counts.clear()

    @seldom
    def _check_memory(self) -> None:
        """The process dies when its goroutines no longer fit into its memory."""
        if not self.has_memory or self.dying:
            return
        goroutines = self._goroutines()
        if goroutines > self.most_goroutines:
            self.dying = True
            self.seen_goroutines = goroutines
            self.seen_bytes = self.base_bytes + goroutines * self.bytes_per_goroutine
            self.engine.after(0.0, self.out_of_memory)
