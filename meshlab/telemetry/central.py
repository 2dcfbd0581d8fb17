"""Phase 2: one central collector, as what it is: a distant, finite, lossy service.

An instance that is done with a request reports a record: when, who, how long, how it ended. The
record travels, may be lost, queues at the collector and is stored, or not:

    instance --record--> agent --> network (delay, loss, partition) --> buffer --> server --> store
        ^-- go on, if it waits --+ <----- acknowledgement ----- network ------------------+

What an instance sheds or cancels, and what dies with its process, is never reported: nobody is done
with it. The agent is a small program beside the process, as OpenTelemetry has one on each host. It
sends and resends, and outlives the process, so that what was reported is not lost in a crash.

"at most once" sends and forgets. "at least once" sends again when no acknowledgement comes, and so
stores some records twice. With ``waits`` the instance answers its caller only after the
acknowledgement (or after giving up): then the collector is a part of every request's path. Only
these two ask for acknowledgements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from meshlab.kernel.engine import Engine
from meshlab.kernel.streams import Draw
from meshlab.model.normalized import normalized
from meshlab.model.rules import (
    MOST,
    check,
    is_number,
    require_at_least,
    require_bool,
    require_count,
    require_known,
    require_positive,
    require_share,
    require_tuple,
)

DELIVERIES = ("at most once", "at least once")


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Central:
    """How the central collector is reached, and what it can bear.

    ``record_seconds`` is the instance's own work for each record, added to every answer. ``loss``
    is the share of messages lost on the way, records and acknowledgements alike. ``failure_rate``
    is the share of records that the collector takes in and fails to store. ``outages`` are
    (start, end) times (s) at which it is down: it refuses what comes, and what waits in its buffer
    fails. ``partitions`` are (service, start, end) at which nothing passes between the two, nor
    back. ``skew`` gives (instance, seconds) by which a clock is off.
    """

    delivery: str = "at most once"
    waits: bool = False
    timeout: float = 0.25
    resends: int = 2
    record_seconds: float = 0.0
    network_seconds: float = 0.001
    loss: float = 0.0
    failure_rate: float = 0.0
    capacity: float = 1000.0
    buffer: int = 1000
    outages: tuple[tuple[float, float], ...] = ()
    partitions: tuple[tuple[str, float, float], ...] = ()
    skew: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        where = "central"
        require_known(self.delivery, DELIVERIES, where, "delivery")
        require_bool(self.waits, where, "waits")
        require_positive(self.timeout, where, "timeout")
        require_count(self.resends, 0, where, "resends")
        require_at_least(self.record_seconds, 0, where, "record_seconds")
        require_at_least(self.network_seconds, 0, where, "network_seconds")
        require_share(self.loss, where, "loss")
        require_share(self.failure_rate, where, "failure_rate")
        require_positive(self.capacity, where, "capacity")
        require_count(self.buffer, 0, where, "buffer")
        for name, parts in _ENTRIES.items():
            self._check_entries(name, parts)
        clocks = [instance for instance, _ in self.skew]
        check(len(set(clocks)) == len(clocks), where, "skew must name an instance once", clocks)

    def _check_entries(self, name: str, parts: tuple[str, ...]) -> None:
        form = f"({', '.join(parts)})"
        require_tuple(getattr(self, name), tuple, "central", name, f"{form} entries")
        for entry in getattr(self, name):
            kinds = [
                isinstance(value, str) if part in _NAMES else is_number(value)
                for part, value in zip(parts, entry, strict=False)
            ]
            fits = len(entry) == len(parts) and all(kinds)
            check(fits, "central", f"{name} must be {form} entries", entry)
            numbers = [value for value in entry if not isinstance(value, str)]
            rule = f"{name} must have numbers between -{MOST:g} and {MOST:g}"
            check(all(abs(number) <= MOST for number in numbers), "central", rule, entry)
            if "start" in parts:
                fits = 0 <= entry[-2] < entry[-1]
                check(fits, "central", f"{name} must have 0 <= start < end", entry)


_ENTRIES = {
    "outages": ("start", "end"),
    "partitions": ("service", "start", "end"),
    "skew": ("instance", "seconds"),
}
_NAMES = ("service", "instance")


class Record(NamedTuple):
    """What an instance reports about one request: all that the collector will ever know of it.

    ``time`` (s) is when the instance says it ended, by its own clock; ``seconds`` how long it took.
    """

    time: float
    service: str
    instance: str
    ok: bool
    seconds: float


@dataclass(slots=True)
class CentralLog:
    """The collector's store, and beside it the truth about what happened to the records.

    ``records`` were stored, in the order of storing. ``reported`` counts what the instances had to
    say, ``sent`` how often that was sent; ``lost``, ``refused``, ``overflowed`` and ``failed`` say
    where what was sent ended without being stored. ``doubled`` counts records that were stored
    again, ``acks_lost`` acknowledgements that never came back.
    """

    records: list[Record] = field(default_factory=list)
    reported: int = 0
    sent: int = 0
    lost: int = 0
    refused: int = 0
    overflowed: int = 0
    failed: int = 0
    doubled: int = 0
    acks_lost: int = 0


class _Message:
    """One record on its way, with what its sender still waits for."""

    __slots__ = ("acked", "record", "sends", "stored", "then")

    def __init__(self, record: Record, then: Callable[[], None] | None) -> None:
        self.record = record
        self.then = then
        self.sends = 0
        self.stored = False
        self.acked = False


class CentralCollector:
    """The collector in virtual time: one server that stores ``capacity`` records a second."""

    def __init__(self, config: Central, engine: Engine, draw_loss: Draw, draw_fail: Draw) -> None:
        self.config = config
        self.log = CentralLog()
        self._engine = engine
        self._draw_loss = draw_loss
        self._draw_fail = draw_fail
        self._skew = dict(config.skew)
        self._free_at = 0.0
        self._at_least_once = config.delivery == "at least once"
        self._acknowledges = self._at_least_once or config.waits

    def report(
        self, service: str, instance: str, ok: bool, seconds: float, then: Callable[[], None]
    ) -> None:
        """Report one request; ``then()`` is called when the instance may answer its caller."""
        time = self._engine.now + self._skew.get(instance, 0.0)
        record = Record(time, service, instance, ok, seconds)
        self.log.reported += 1
        self._send(_Message(record, then if self.config.waits else None))
        if not self.config.waits:
            then()

    def _send(self, message: _Message) -> None:
        """Put the record on the network once, and look for its acknowledgement after a while."""
        config, log = self.config, self.log
        message.sends += 1
        log.sent += 1
        if self._draw_loss() < config.loss or self._cut_off(message.record.service):
            log.lost += 1
        else:
            self._engine.after(config.network_seconds, self._arrive, message)
        if self._acknowledges:
            self._engine.after(config.timeout, self._no_ack, message)

    def _cut_off(self, service: str) -> bool:
        now = self._engine.now
        return any(s == service and start <= now < end for s, start, end in self.config.partitions)

    def _down(self) -> bool:
        now = self._engine.now
        return any(start <= now < end for start, end in self.config.outages)

    def _arrive(self, message: _Message) -> None:
        """The record reaches the collector: refused, dropped, or queued to be stored."""
        config, now = self.config, self._engine.now
        waiting = max(0.0, self._free_at - now) * config.capacity
        if self._down():
            self.log.refused += 1
        elif waiting > config.buffer:
            self.log.overflowed += 1
        else:
            self._free_at = max(now, self._free_at) + 1.0 / config.capacity
            self._engine.at(self._free_at, self._store, message)

    def _store(self, message: _Message) -> None:
        """A record's turn has come: a collector that is down by now has lost its buffer."""
        if self._draw_fail() < self.config.failure_rate or self._down():
            self.log.failed += 1
            return
        self.log.doubled += message.stored
        self.log.records.append(message.record)
        message.stored = True
        self._acknowledge(message)

    def _acknowledge(self, message: _Message) -> None:
        """Say that the record is stored, if that was asked for.

        The luck of the way back is drawn in any case: the records of two worlds that differ in what
        they wait for meet the same losses.
        """
        lost = self._draw_loss() < self.config.loss or self._cut_off(message.record.service)
        if not self._acknowledges:
            return
        if lost:
            self.log.acks_lost += 1
        else:
            self._engine.after(self.config.network_seconds, self._ack, message)

    def _ack(self, message: _Message) -> None:
        message.acked = True
        self._release(message)

    def _no_ack(self, message: _Message) -> None:
        """The timeout is over: send again if that was agreed, else stop waiting."""
        if message.acked:
            return
        if self._at_least_once and message.sends <= self.config.resends:
            self._send(message)
        else:
            self._release(message)

    def _release(self, message: _Message) -> None:
        """Let the instance answer its caller, once."""
        if message.then is not None:
            then, message.then = message.then, None
            then()
