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

from dataclasses import dataclass

from meshlab.distributions import KINDS, Distribution
from meshlab.normalized import normalized
from meshlab.rules import require_at_least, require_count, require_like

MOST_CORES = 1024
"""Of one processor. They are looked through one by one for every request."""

SLOWEST = 0.05
"""The speed that remains when everything else takes the cores: a scheduler starves nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Cpu:
    """``cores``, and the seconds of one core that a request needs: ``work``.

    To turn a request away takes ``rejection_seconds`` of a core, too: a process that rejects
    thousands of requests a second has less time for the others. A request may stand for ``lump``
    of its kind: it keeps its core for all of them, and is done when its own part is (see
    `meshlab.weight`).
    """

    cores: int
    work: Distribution
    rejection_seconds: float = 0.0
    lump: int = 1

    def __post_init__(self) -> None:
        require_count(self.cores, 1, "cpu", "cores", most=MOST_CORES)
        require_like(self.work, KINDS, ("mean", "block"), "cpu", "work")
        require_at_least(self.rejection_seconds, 0, "cpu", "rejection_seconds")
        require_count(self.lump, 1, "cpu", "lump")


class Processor:
    """The cores of one process. ``free_at`` has the time (s) from which on each is free.

    ``taken`` cores are lost to what never ends. It need not be a whole number: a thousand tickers
    that take a little each add up. The others share what is left, so that all work slows down.
    """

    __slots__ = ("free_at", "lump", "taken")

    def __init__(self, cores: int, lump: int = 1) -> None:
        self.lump = lump
        self.free_at = [0.0] * cores
        self.taken = 0.0

    @property
    def speed(self) -> float:
        """How fast work goes on now, against a process that has leaked nothing."""
        return max(SLOWEST, 1.0 - self.taken / len(self.free_at))

    def work(self, now: float, seconds: float) -> float:
        """Give ``seconds`` of work to the core that is free first; returns when they are done."""
        free_at = self.free_at
        first = min(free_at)
        core = free_at.index(first)
        begins, takes = max(now, first), seconds / self.speed
        free_at[core] = begins + self.lump * takes
        return begins + takes
