"""Virtual time: a heap of events in the order of (time, sequence), and nothing about meshes.

    engine = Engine()
    engine.after(1.5, instance.start)
    engine.run(until=10.0)

Events at the same time run in the order in which they were planned: the sequence number breaks the
tie, so that a run never depends on what the methods are. An event belongs to the record whose method
it calls: once the record was released, the event still comes, and nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

ALWAYS = -1
"""In place of a life: what is called is no record, and never goes."""

NOTHING = -1
"""In place of a number for the method."""


class Engine:
    """A clock that jumps from event to event. ``now`` is in seconds since the run began."""

    __slots__ = ("events", "heap", "now", "sequence")

    def __init__(self) -> None:
        self.now = 0.0
        self.events = 0
        self.sequence = 0
        self.heap: list[tuple[float, int, Any, int, int]] = []

    def at(self, time: float, method: Callable[..., None], number: int = NOTHING) -> None:
        """Call ``method()`` at ``time`` (s), or ``method(number)`` where a number >= 0 is given.

        ValueError if the time is in the past.
        """
        if not time >= self.now:
            raise ValueError(f"engine: time must be >= now ({self.now}), got {time!r}")
        self.sequence += 1
        life = getattr(getattr(method, "__self__", None), "life", ALWAYS)
        heappush(self.heap, (time, self.sequence, method, number, life))

    def after(self, seconds: float, method: Callable[..., None], number: int = NOTHING) -> None:
        """Call an `entry` method in ``seconds`` from now. ValueError if that is negative."""
        if not seconds >= 0.0:
            raise ValueError(f"engine: seconds must be >= 0, got {seconds!r}")
        self.sequence += 1
        life = method.__self__.life  # type: ignore[attr-defined]
        heappush(self.heap, (self.now + seconds, self.sequence, method, number, life))

    def run(self, until: float) -> None:
        """Run every event up to and including ``until`` (s); ``now`` is ``until`` afterwards.

        ValueError if that is in the past.
        """
        if not until >= self.now:
            raise ValueError(f"engine: until must be >= now ({self.now}), got {until!r}")
        heap = self.heap
        done = 0
        try:
            while heap and heap[0][0] <= until:
                self.now, _, method, number, life = heappop(heap)
                done += 1
                if life >= 0 and method.__self__.life != life:
                    continue
                if number < 0:
                    method()
                else:
                    method(number)
        finally:
            self.events += done
        self.now = until


class TimerQueue:
    """Timers of one length. They are due in the order in which they were set, so a queue will do.

    Most timers of a mesh are timeouts that never fire, because the answer comes first. A heap would
    carry each of them to its end; here only the first is in it, and the others keep the sequence
    numbers they were given, so that the order of events is the same. When a timer is due, its
    record's `entry` method ``expired`` is called, which stops it. A record has at most one timer.
    ``before`` is a queue that this one takes the place of: its timers run on, and are stopped here.
    """

    __slots__ = ("before", "engine", "first", "running", "seconds", "sequence")

    def __init__(self, engine: Engine, seconds: float, before: TimerQueue | None = None) -> None:
        self.before = before
        self.engine = engine
        self.seconds = seconds
        self.running: dict[Any, tuple[float, int]] = {}
        self.first: Any = None  # whose timer is in the heap, whether it still runs or not
        self.sequence = 0

    def start(self, item: Any) -> None:
        """Call ``item.expired()`` after ``seconds``, unless the timer is stopped before."""
        engine = self.engine
        engine.sequence += 1
        due = engine.now + self.seconds
        self.running[item] = (due, engine.sequence)
        if self.first is None:
            self._plan(item, due, engine.sequence)

    def stop(self, item: Any) -> None:
        """The timer of ``item`` is no longer needed. It must be running, here or in ``before``."""
        if self.running.pop(item, None) is None and self.before is not None:
            self.before.stop(item)

    def _plan(self, item: Any, due: float, sequence: int) -> None:
        self.first, self.sequence = item, sequence
        heappush(self.engine.heap, (due, sequence, self._fire, NOTHING, ALWAYS))

    def _fire(self) -> None:
        _, sequence = self.running.get(self.first, (0.0, 0))
        if sequence == self.sequence:
            self.first.expired()
        self.first = None
        for item, (due, sequence) in self.running.items():
            self._plan(item, due, sequence)
            return
