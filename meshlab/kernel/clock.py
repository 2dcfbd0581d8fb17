"""Where a policy reads the time: virtual in a run, turned by hand in a test."""

from __future__ import annotations

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
