"""The central collector of phase 2, and the records on their way to it.

    instance --record--> agent --> network (delay, loss, partition) --> buffer --> server --> store
        ^-- go on, if it waits --+ <----- acknowledgement ----- network ------------------+

`meshlab.telemetry.central` declares it, and says what each part may do wrong.
"""

from __future__ import annotations

from meshlab.kernel.containers import Pool, Rows
from meshlab.kernel.engine import Engine
from meshlab.kernel.record import Small, entry, interface, record, row, seldom
from meshlab.kernel.streams import Uniform
from meshlab.telemetry.central import Central, CentralLog, Record


@interface
class Reporter:
    """Who waits for a report to be acknowledged."""

    @entry
    def acknowledged(self) -> None:
        """The collector has it, or the agent has given up on it."""
        raise NotImplementedError


@row
class Stored:
    """A record in the collector's store."""

    time: float
    seconds: float
    instance: Small
    ok: bool


@record
class Message:
    """One record on its way. ``pending`` events still name it; when none does, it is over."""

    time: float
    seconds: float
    job: Reporter | None = None
    collector: Collector
    instance: Small
    service: Small
    sends: Small = 0
    pending: Small = 0
    ok: bool
    stored: bool = False
    acked: bool = False

    @entry
    def arrives(self) -> None:
        """The record reaches the collector."""
        self.collector.arrive(self)
        self.event_over()

    @entry
    def is_next(self) -> None:
        """The record's turn to be stored has come."""
        self.collector.store(self)
        self.event_over()

    @entry
    def ack_arrives(self) -> None:
        """The acknowledgement is back at the sender."""
        self.acked = True
        self._let_go()
        self.event_over()

    @entry
    def ack_is_late(self) -> None:
        """The timeout is over: send again if that was agreed, else stop waiting."""
        collector = self.collector
        if not self.acked:
            if collector.at_least_once and self.sends <= collector.resends:
                collector.send(self)
            else:
                self._let_go()
        self.event_over()

    @seldom
    def _let_go(self) -> None:
        """Let the instance answer its caller, once."""
        job = self.job
        if job is not None:
            self.job = None
            job.acknowledged()

    @seldom
    def event_over(self) -> None:
        """One event less names the message."""
        self.pending -= 1
        if self.pending == 0:
            self.collector.messages.release(self)


@record
class Collector:
    """The collector in virtual time: one server that stores ``capacity`` records a second.

    ``skews`` are by how much the clocks of instances are off (s), by their numbers.
    """

    engine: Engine
    free_at: float
    capacity: float
    buffer: int
    timeout: float
    network_seconds: float
    loss: float
    failure_rate: float
    resends: int
    waits: bool
    at_least_once: bool
    acknowledges: bool
    draw_loss: Uniform
    draw_failure: Uniform
    skews: list[float]
    outage_starts: list[float]
    outage_ends: list[float]
    cut_services: list[int]
    cut_starts: list[float]
    cut_ends: list[float]
    reported: int
    sent: int
    lost: int
    refused: int
    overflowed: int
    failed: int
    doubled: int
    acks_lost: int
    messages: Pool[Message]
    stored: Rows[Stored]

    def __init__(
        self,
        config: Central,
        engine: Engine,
        draw_loss: Uniform,
        draw_failure: Uniform,
        services: list[str],
        instances: list[str],
    ) -> None:
        self.engine = engine
        self.draw_loss, self.draw_failure = draw_loss, draw_failure
        self.capacity, self.buffer = float(config.capacity), config.buffer
        self.timeout, self.resends = config.timeout, config.resends
        self.network_seconds = config.network_seconds
        self.loss, self.failure_rate = config.loss, config.failure_rate
        self.waits = config.waits
        self.at_least_once = config.delivery == "at least once"
        self.acknowledges = self.at_least_once or config.waits
        skew = dict(config.skew)
        self.skews = [float(skew.get(name, 0.0)) for name in instances]
        self.outage_starts = [float(start) for start, _ in config.outages]
        self.outage_ends = [float(end) for _, end in config.outages]
        self.cut_services = [services.index(name) for name, _, _ in config.partitions]
        self.cut_starts = [float(start) for _, start, _ in config.partitions]
        self.cut_ends = [float(end) for _, _, end in config.partitions]

    def report(
        self, job: Reporter, instance: int, service: int, ok: bool, seconds: float
    ) -> Message | None:
        """Report one request, which took ``seconds``.

        The message on which the job must wait; None if it may answer its caller now.
        """
        message: Message = self.messages.new()
        message.collector = self
        message.time = self.engine.now + self.skews[instance]
        message.seconds = seconds
        message.instance = instance
        message.service = service
        message.ok = ok
        message.pending = 1
        self.reported += 1
        self.send(message)
        if not self.waits:
            message.event_over()
            return None
        message.job = job
        message.event_over()
        return message

    @seldom
    def send(self, message: Message) -> None:
        """Put the record on the network once, and look for its acknowledgement after a while."""
        message.sends += 1
        self.sent += 1
        if self.draw_loss.draw() < self.loss or self._cut_off(message.service):
            self.lost += 1
        else:
            message.pending += 1
            self.engine.after(self.network_seconds, message.arrives)
        if self.acknowledges:
            message.pending += 1
            self.engine.after(self.timeout, message.ack_is_late)

    def _cut_off(self, service: int) -> bool:
        """Whether nothing passes between the collector and a service now."""
        now = self.engine.now
        for place in range(len(self.cut_services)):
            cut = self.cut_starts[place] <= now and now < self.cut_ends[place]
            if cut and self.cut_services[place] == service:
                return True
        return False

    def _down(self) -> bool:
        now = self.engine.now
        for place in range(len(self.outage_starts)):
            if self.outage_starts[place] <= now and now < self.outage_ends[place]:
                return True
        return False

    @seldom
    def arrive(self, message: Message) -> None:
        """The record reaches the collector: refused, dropped, or queued to be stored."""
        now = self.engine.now
        waiting = max(0.0, self.free_at - now) * self.capacity
        if self._down():
            self.refused += 1
        elif waiting > self.buffer:
            self.overflowed += 1
        else:
            self.free_at = max(now, self.free_at) + 1.0 / self.capacity
            message.pending += 1
            self.engine.at(self.free_at, message.is_next)

    @seldom
    def store(self, message: Message) -> None:
        """A record's turn has come: a collector that is down by now has lost its buffer."""
        if self.draw_failure.draw() < self.failure_rate or self._down():
            self.failed += 1
            return
        if message.stored:
            self.doubled += 1
        self.stored.write(message.time, message.seconds, message.instance, message.ok)
        message.stored = True
        self._acknowledge(message)

    @seldom
    def _acknowledge(self, message: Message) -> None:
        """Say that the record is stored, if that was asked for.

        The luck of the way back is drawn in any case: the records of two worlds that differ in what
        they wait for meet the same losses.
        """
        lost = self.draw_loss.draw() < self.loss or self._cut_off(message.service)
        if not self.acknowledges:
            return
        if lost:
            self.acks_lost += 1
        else:
            message.pending += 1
            self.engine.after(self.network_seconds, message.ack_arrives)


COUNTS = (*("reported", "sent", "lost", "refused", "overflowed", "failed", "doubled", "acks_lost"),)
"""What a `CentralLog` counts, besides the records themselves."""


def log_of(collector: Collector, instances: list[tuple[str, str]]) -> CentralLog:
    """What was stored and what became of the rest; ``instances`` are (service, name)."""
    records = [
        Record(float(time), *instances[int(number)], bool(ok), float(seconds))
        for time, seconds, number, ok in collector.stored.take()
    ]
    return CentralLog(records, **{name: getattr(collector, name) for name in COUNTS})
