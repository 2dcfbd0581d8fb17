"""What the last calls were like: sliding windows over counts, for rules that look at a rate.

A window is told of every call that ended and forgets the old ones. It offers three whole numbers,
``calls``, ``failures`` and ``slow``, which the reader of the window may divide. Nothing happens
while nobody calls: old calls are forgotten when the next one ends, so that looking changes nothing.

`CountWindow` remembers a number of calls, `TimeWindow` a number of seconds (resilience4j calls them
COUNT_BASED and TIME_BASED).
"""

from __future__ import annotations

from typing import Protocol

BUCKETS = 10
"""Into how many equal parts a `TimeWindow` is cut (as Polly and Finagle do)."""


class Window(Protocol):
    """Counts of the calls that ended lately."""

    calls: int
    failures: int
    slow: int

    def add(self, now: float, failed: bool, slow: bool) -> None:
        """A call ended at ``now`` (s)."""
        ...

    def clear(self, now: float) -> None:
        """Forget everything and start again at ``now`` (s)."""
        ...


class CountWindow:
    """The last ``size`` calls, however long ago they were."""

    __slots__ = ("_failed", "_next", "_size", "_slow", "calls", "failures", "slow")

    def __init__(self, size: int) -> None:
        self._size = size
        self.clear(0.0)

    def clear(self, now: float) -> None:
        self.calls = self.failures = self.slow = 0
        self._next = 0  # the place of the next call, which is the place of the oldest one
        self._failed = [False] * self._size
        self._slow = [False] * self._size

    def add(self, now: float, failed: bool, slow: bool) -> None:
        place = self._next
        # The newest call takes the place of the oldest, and what that one counted is taken back.
        self.failures += failed - self._failed[place]
        self.slow += slow - self._slow[place]
        self._failed[place] = failed
        self._slow[place] = slow
        if self.calls < self._size:
            self.calls += 1
        self._next = place + 1 if place + 1 < self._size else 0


class TimeWindow:
    """The calls that ended in the last ``seconds``, forgotten one tenth of the window at a time.

    The newest of the ten buckets is still filling, so the window reaches back between nine and ten
    tenths of ``seconds``. The buckets start where the window was cleared.
    """

    __slots__ = (
        "_bucket",
        "_bucket_ends",
        "_bucket_seconds",
        "_calls",
        "_failures",
        "_seconds",
        "_slow",
        "calls",
        "failures",
        "slow",
    )

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._bucket_seconds = seconds / BUCKETS
        self.clear(now)

    def clear(self, now: float) -> None:
        self.calls = self.failures = self.slow = 0
        self._bucket = 0
        self._bucket_ends = now + self._bucket_seconds
        self._calls = [0] * BUCKETS
        self._failures = [0] * BUCKETS
        self._slow = [0] * BUCKETS

    def add(self, now: float, failed: bool, slow: bool) -> None:
        if now >= self._bucket_ends:
            self._forget(now)
        bucket = self._bucket
        self.calls += 1
        self._calls[bucket] += 1
        if failed:
            self.failures += 1
            self._failures[bucket] += 1
        if slow:
            self.slow += 1
            self._slow[bucket] += 1

    def _forget(self, now: float) -> None:
        """Empty the buckets that are too old, until the newest one contains ``now``."""
        if now - self._bucket_ends >= self._seconds:
            self.clear(now)
        while now >= self._bucket_ends:
            self._bucket_ends += self._bucket_seconds
            bucket = self._bucket + 1 if self._bucket + 1 < BUCKETS else 0
            self.calls -= self._calls[bucket]
            self.failures -= self._failures[bucket]
            self.slow -= self._slow[bucket]
            self._calls[bucket] = self._failures[bucket] = self._slow[bucket] = 0
            self._bucket = bucket
