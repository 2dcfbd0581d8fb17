"""What the rules of a mesh write down while it runs: decisions, and tallies of the frequent ones.

A note is a number for *what* happened, one for *whom* it concerns, and up to three numbers as
evidence. `meshlab.mesh.journal` puts them into the words of the ledger.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from meshlab.kernel.containers import Rows
from meshlab.kernel.engine import Engine
from meshlab.kernel.record import Small, record, row, seldom


class What(IntEnum):
    """Every decision that a mesh takes by itself. The first six are a breaker's `Reason`."""

    CONSECUTIVE_FAILURES = 0
    FAILURE_RATE = 1
    SLOW_CALLS = 2
    OPEN_TIME_OVER = 3
    PROBE_FAILED = 4
    PROBES_SUCCEEDED = 5
    EJECTED_CONSECUTIVE = 6
    EJECTED_RATE = 7
    RETURNED = 8
    HEALTHY = 9
    UNHEALTHY = 10
    HEALTH_CHANGED = 11
    OUTLIER_CHANGED = 12
    PANIC_BEGAN = 13
    PANIC_ENDED = 14
    STARTED = 15
    OUT_OF_MEMORY = 16
    OUTAGE = 17
    END_OF_TIME = 18


# Plain numbers for the rules.
EJECTED_CONSECUTIVE: Final = int(What.EJECTED_CONSECUTIVE)
EJECTED_RATE: Final = int(What.EJECTED_RATE)
RETURNED: Final = int(What.RETURNED)
HEALTHY: Final = int(What.HEALTHY)
UNHEALTHY: Final = int(What.UNHEALTHY)
HEALTH_CHANGED: Final = int(What.HEALTH_CHANGED)
OUTLIER_CHANGED: Final = int(What.OUTLIER_CHANGED)
PANIC_BEGAN: Final = int(What.PANIC_BEGAN)
PANIC_ENDED: Final = int(What.PANIC_ENDED)
STARTED: Final = int(What.STARTED)
OUT_OF_MEMORY: Final = int(What.OUT_OF_MEMORY)
OUTAGE: Final = int(What.OUTAGE)
END_OF_TIME: Final = int(What.END_OF_TIME)

NO_ENDPOINT: Final = 0
"""In place of an endpoint's number: the note is about the upstream or the instance itself."""


@row
class Note:
    """One decision: at ``time`` (s), by upstream or instance ``who``, about an endpoint perhaps."""

    time: float
    what: Small
    who: Small
    endpoint: Small
    x: float
    y: float
    z: float


@row
class Begun:
    """A tally was begun at ``time`` (s): the first of many alike."""

    time: float
    tally: Small


@record
class Notes:
    """Takes decisions down in their order. ``counts`` has the tallies since they were last read."""

    engine: Engine
    notes: Rows[Note]
    begun: Rows[Begun]
    counts: list[int]

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def new_tally(self) -> int:
        """The number of one more tally (when a mesh is built)."""
        self.counts.append(0)
        return len(self.counts) - 1

    @seldom
    def write(self, what: int, who: int, endpoint: int, x: float, y: float, z: float) -> None:
        """Take down one decision, with as much evidence as it has."""
        self.notes.write(self.engine.now, what, who, endpoint, x, y, z)

    @seldom
    def tally(self, number: int) -> None:
        """Count one of many alike; when the first of them happened is remembered."""
        if self.counts[number] == 0:
            self.begun.write(self.engine.now, number)
        self.counts[number] += 1
