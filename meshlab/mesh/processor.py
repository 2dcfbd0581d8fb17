"""The processor of an instance: its cores, first come first served, without an event per core.

    now 10.0     core 1 free at 10.3     core 2 free at 9.8
    0.2 s of work --> core 2, from 10.0 to 10.2
    0.2 s of work --> core 2, from 10.2 to 10.4     it is free before core 1 is
    0.2 s of work --> core 1, from 10.3 to 10.5

Work in the queue of a processor always ends, so that when it ends is known as soon as it comes: all
that needs to be kept is when each core will be free. Whoever waits for the answer may give up; the
processor does not know of it and works on.
"""

from __future__ import annotations

from typing import Final

from meshlab.kernel.record import record, seldom

SLOWEST: Final = 0.05
"""The speed that remains when everything else takes the cores: a scheduler starves nobody."""


@record
class Processor:
    """The cores of one process. ``free_at`` has the times (s) from which on each is free.

    Which core that is makes no difference, so the times lie in a heap, the first at its top.
    ``taken`` cores are lost to what never ends. It need not be a whole number: a thousand tickers
    that take a little each add up. The others share what is left, so that all work slows down.
    """

    taken: float
    lump: int
    free_at: list[float]

    def __init__(self, cores: int, lump: int = 1) -> None:
        self.lump = lump
        self.free_at = [0.0] * cores

    @seldom
    def clear(self) -> None:
        """A new process finds every core free."""
        self.taken = 0.0
        for core in range(len(self.free_at)):
            self.free_at[core] = 0.0

    def speed(self) -> float:
        """How fast work goes on now, against a process that has leaked nothing."""
        return max(SLOWEST, 1.0 - self.taken / len(self.free_at))

    @seldom
    def work(self, now: float, seconds: float) -> float:
        """Give ``seconds`` of work to the core that is free first; returns when they are done."""
        begins = max(now, self.free_at[0])
        takes = seconds / self.speed()
        self._replace_first(begins + self.lump * takes)
        return begins + takes

    def _replace_first(self, free_at: float) -> None:
        """The core that was free first is free at another time, and sinks to its place."""
        cores = self.free_at
        place = 0
        child = 1
        while child < len(cores):
            if child + 1 < len(cores) and cores[child + 1] < cores[child]:
                child += 1
            if free_at <= cores[child]:
                break
            cores[place] = cores[child]
            place = child
            child = 2 * child + 1
        cores[place] = free_at
