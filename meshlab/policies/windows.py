"""What the last calls were like: sliding windows over counts, for rules that look at a rate.

A window hears of every call that ends and forgets the old ones. It gives three numbers, `calls`,
`failures` and `slow`; the rates are their ratios. Nothing happens while no calls end: old ones are
forgotten when the next one ends, so looking changes nothing.

`CountWindow` remembers a number of calls, `TimeWindow` a number of seconds (resilience4j calls them
COUNT_BASED and TIME_BASED). Both count in whole numbers; a window of your own may weigh its calls.
"""

from __future__ import annotations

from typing import Annotated

from meshlab.kernel.record import interface, record, seldom

BUCKETS = 10
"""Into how many equal parts a `TimeWindow` is cut (as Polly and Finagle do)."""


@interface
class Window:
    """Counts of the calls that ended lately."""

    def add(self, now: float, failed: bool, slow: bool) -> None:
        """A call ended at ``now`` (s)."""
        raise NotImplementedError

    def clear(self, now: float) -> None:
        """Forget everything and start again at ``now`` (s)."""
        raise NotImplementedError

    def calls(self) -> float:
        """How many calls are remembered."""
        raise NotImplementedError

    def failures(self) -> float:
        """How many of them failed."""
        raise NotImplementedError

    def slow(self) -> float:
        """How many of them were slow."""
        raise NotImplementedError


@record
class CountWindow(Window):
    """The last ``size`` calls, however long ago they were."""

    size: int
    next: int
    all_calls: int
    all_failures: int
    all_slow: int
    failed: list[int]
    slowed: list[int]

    def __init__(self, size: int) -> None:
        self.size = size
        self.failed = [0] * size
        self.slowed = [0] * size

    @seldom
    def clear(self, now: float) -> None:
        self.all_calls = 0
        self.all_failures = 0
        self.all_slow = 0
        self.next = 0  # the place of the next call, which is the place of the oldest one
        for place in range(self.size):
            self.failed[place] = 0
            self.slowed[place] = 0

    def add(self, now: float, failed: bool, slow: bool) -> None:
        place = self.next
        # The newest call takes the place of the oldest, and what that one counted is taken back.
        self.all_failures += int(failed) - self.failed[place]
        self.all_slow += int(slow) - self.slowed[place]
        self.failed[place] = int(failed)
        self.slowed[place] = int(slow)
        if self.all_calls < self.size:
            self.all_calls += 1
        self.next = place + 1 if place + 1 < self.size else 0

    def calls(self) -> int:
        return self.all_calls

    def failures(self) -> int:
        return self.all_failures

    def slow(self) -> int:
        return self.all_slow


@record
class TimeWindow(Window):
    """The calls that ended in the last ``seconds``, forgotten one tenth of the window at a time.

    The newest of the ten buckets is still filling, so the window reaches back between nine and ten
    tenths of ``seconds``. The buckets start where the window was cleared.
    """

    bucket_ends: float
    bucket: int
    all_calls: int
    all_failures: int
    all_slow: int
    seconds: float
    bucket_seconds: float
    bucket_calls: Annotated[list[int], BUCKETS]
    bucket_failures: Annotated[list[int], BUCKETS]
    bucket_slow: Annotated[list[int], BUCKETS]

    def __init__(self, seconds: float, now: float) -> None:
        self.seconds = seconds
        self.bucket_seconds = seconds / BUCKETS
        self.clear(now)

    @seldom
    def clear(self, now: float) -> None:
        self.all_calls = 0
        self.all_failures = 0
        self.all_slow = 0
        self.bucket = 0
        self.bucket_ends = now + self.bucket_seconds
        for bucket in range(BUCKETS):
            self.bucket_calls[bucket] = 0
            self.bucket_failures[bucket] = 0
            self.bucket_slow[bucket] = 0

    def add(self, now: float, failed: bool, slow: bool) -> None:
        if now >= self.bucket_ends:
            self._forget(now)
        bucket = self.bucket
        self.all_calls += 1
        self.bucket_calls[bucket] += 1
        if failed:
            self.all_failures += 1
            self.bucket_failures[bucket] += 1
        if slow:
            self.all_slow += 1
            self.bucket_slow[bucket] += 1

    @seldom
    def _forget(self, now: float) -> None:
        """Empty the buckets that are too old, until the newest one contains ``now``."""
        if now - self.bucket_ends >= self.seconds:
            self.clear(now)
        while now >= self.bucket_ends:
            self.bucket_ends += self.bucket_seconds
            bucket = self.bucket + 1 if self.bucket + 1 < BUCKETS else 0
            self.all_calls -= self.bucket_calls[bucket]
            self.all_failures -= self.bucket_failures[bucket]
            self.all_slow -= self.bucket_slow[bucket]
            self.bucket_calls[bucket] = 0
            self.bucket_failures[bucket] = 0
            self.bucket_slow[bucket] = 0
            self.bucket = bucket

    def calls(self) -> int:
        return self.all_calls

    def failures(self) -> int:
        return self.all_failures

    def slow(self) -> int:
        return self.all_slow
