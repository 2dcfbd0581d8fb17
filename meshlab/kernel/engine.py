"""Virtual time: a heap of events in the order of (time, sequence), and nothing about meshes.

    engine = Engine()
    engine.after(1.5, instance.start)
    engine.run(until=10.0)

Events at the same time run in the order in which they were planned: the sequence number breaks the
tie, so that a run never depends on what the methods are. An event belongs to the record whose
method it calls: once that record is released, the event still comes, and nothing happens.
"""

from __future__ import annotations

from collections import deque
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
        self.sequence = sequence = self.sequence + 1
        life = method.__self__.life  # type: ignore[attr-defined]
        heappush(self.heap, (self.now + seconds, sequence, method, number, life))

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
    record's `entry` method ``expired`` is called, which stops it. A record has at most one timer at
    a time, in whatever queue, and remembers it in its ``timer``.
    """

    __slots__ = ("engine", "running", "seconds")

    def __init__(self, engine: Engine, seconds: float) -> None:
        self.engine = engine
        self.seconds = seconds
        self.running: deque[tuple[float, int, Any]] = deque()  # the first of them is in the heap

    def start(self, item: Any) -> None:
        """Call ``item.expired()`` after ``seconds``, unless the timer is stopped before."""
        engine = self.engine
        running = self.running
        engine.sequence = item.timer = sequence = engine.sequence + 1
        alone = not running
        running.append((engine.now + self.seconds, sequence, item))
        if alone:
            self._plan_first()

    def stop(self, item: Any) -> None:
        """The timer of ``item`` is no longer needed."""
        item.timer = 0

    def _plan_first(self) -> None:
        due, sequence, _ = self.running[0]
        heappush(self.engine.heap, (due, sequence, self._fire, NOTHING, ALWAYS))

    def _fire(self) -> None:
        """The first timer is due, if it runs still; the next that does takes its place."""
        running = self.running
        _, sequence, item = running[0]
        if item.timer == sequence:
            item.expired()
        while running and running[0][2].timer != running[0][1]:
            running.popleft()
        if running:
            self._plan_first()
