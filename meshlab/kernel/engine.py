"""Virtual time: a heap of (time, sequence, callback, argument), and nothing about meshes.

    engine = Engine()
    engine.after(1.5, print, "a second and a half later")
    engine.run(until=10.0)

Events at the same time run in the order in which they were scheduled: the sequence number breaks
the tie, so that a run never depends on what the callbacks are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Callback = Callable[[Any], None]


class Engine:
    """A clock that jumps from event to event. ``now`` is in seconds since the run began."""

    __slots__ = ("_heap", "_sequence", "events", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self.events = 0
        self._sequence = 0
        self._heap: list[tuple[float, int, Callback, Any]] = []

    def at(self, time: float, callback: Callback, argument: Any = None) -> None:
        """Call ``callback(argument)`` at ``time`` (s). ValueError if that is in the past."""
        if not time >= self.now:
            raise ValueError(f"engine: time must be >= now ({self.now}), got {time!r}")
        self._sequence += 1
        heappush(self._heap, (time, self._sequence, callback, argument))

    def after(self, seconds: float, callback: Callback, argument: Any = None) -> None:
        """Call ``callback(argument)`` in ``seconds`` from now. ValueError if that is negative."""
        if not seconds >= 0.0:
            raise ValueError(f"engine: seconds must be >= 0, got {seconds!r}")
        self._sequence += 1
        heappush(self._heap, (self.now + seconds, self._sequence, callback, argument))

    def run(self, until: float) -> None:
        """Run every event up to and including ``until`` (s); ``now`` is ``until`` afterwards.

        ValueError if that is in the past.
        """
        if not until >= self.now:
            raise ValueError(f"engine: until must be >= now ({self.now}), got {until!r}")
        heap = self._heap
        done = 0
        try:
            while heap and heap[0][0] <= until:
                self.now, _, callback, argument = heappop(heap)
                done += 1
                callback(argument)
        finally:
            self.events += done
        self.now = until


class Timed:
    """Something with a time limit: ``open`` until it ends by itself or its time is up."""

    __slots__ = ("due", "open", "sequence")

    due: float
    sequence: int
    open: bool


class Lane:
    """Timers of one length. They are due in the order in which they were set, so a queue will do.

    Most timers of a mesh are timeouts that never fire, because the answer comes first. A heap would
    carry each of them to its end; a lane keeps only its first open timer in the heap. The order of
    events is the same as if all were there, since each keeps the sequence number it was given.
    """

    __slots__ = ("_engine", "_expire", "_queue", "seconds")

    def __init__(self, engine: Engine, seconds: float, expire: Callback) -> None:
        self.seconds = seconds
        self._engine = engine
        self._expire = expire
        self._queue: deque[Timed] = deque()

    def start(self, item: Timed) -> None:
        """Call ``expire(item)`` after ``seconds``, unless the item is closed by then."""
        engine = self._engine
        engine._sequence += 1
        item.due = engine.now + self.seconds
        item.sequence = engine._sequence
        self._queue.append(item)
        if len(self._queue) == 1:
            heappush(engine._heap, (item.due, item.sequence, self._fire, item))

    def _fire(self, item: Timed) -> None:
        if item.open:
            self._expire(item)
        queue = self._queue
        while queue and (queue[0] is item or not queue[0].open):
            queue.popleft()
        if queue:
            first = queue[0]
            heappush(self._engine._heap, (first.due, first.sequence, self._fire, first))
