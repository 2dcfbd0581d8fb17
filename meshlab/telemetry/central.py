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

from dataclasses import dataclass, field
from typing import NamedTuple

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
