"""Where a policy reads the time: virtual in a run, by hand in a test, real in front of HTTP."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Anything with a ``now`` in seconds that never runs backwards. The zero point is arbitrary."""

    @property
    def now(self) -> float: ...


class ManualClock:
    """A clock that stands still until it is told to move: for tests and for lessons.

    >>> clock = ManualClock()
    >>> clock.advance(2.5)
    >>> clock.now
    2.5
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def advance(self, seconds: float) -> None:
        """Move forward by ``seconds``; ValueError if that is negative."""
        if seconds < 0:
            raise ValueError(f"clock: seconds must be >= 0, got {seconds!r}")
        self.now += seconds


class MonotonicClock:
    """The machine's own monotonic clock: for policies that stand in front of real HTTP."""

    @property
    def now(self) -> float:
        return time.monotonic()
