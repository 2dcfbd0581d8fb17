"""What the rules write down: decisions for the ledger, and tallies of the frequent ones.

A note is a number for *what* happened, a number for *whom* it concerns, and up to three numbers as
evidence. `WHAT` says what each means in the ledger's words.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from meshlab.engines.compiled.draws import note_room
from meshlab.engines.compiled.jit import jit
from meshlab.engines.compiled.layout import note_at, tally_at, whole_at
from meshlab.policies.breaker import Reason


class What(IntEnum):
    """Every decision that compiled rules take."""

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
    PANIC_BEGAN = 11
    PANIC_ENDED = 12
    STARTED = 13
    OUT_OF_MEMORY = 14
    OUTAGE = 15
    END_OF_TIME = 16


class Words(NamedTuple):
    """How the ledger says it: about what kind of subject, which event, why, what was seen."""

    subject: str
    event: str
    reason: str
    evidence: tuple[str, ...] = ()


_PANIC = ("available", "endpoints")
_OPENED = "breaker opened"

WHAT: dict[What, Words] = {
    What.CONSECUTIVE_FAILURES: Words(
        "upstream", _OPENED, Reason.CONSECUTIVE_FAILURES, ("consecutive_failures",)
    ),
    What.FAILURE_RATE: Words("upstream", _OPENED, Reason.FAILURE_RATE, ("failures", "calls")),
    What.SLOW_CALLS: Words("upstream", _OPENED, Reason.SLOW_CALLS, ("slow_calls", "calls")),
    What.OPEN_TIME_OVER: Words(
        "upstream", "breaker half-open", Reason.OPEN_TIME_OVER, ("open_seconds",)
    ),
    What.PROBE_FAILED: Words("upstream", _OPENED, Reason.PROBE_FAILED, ("ok", "seconds")),
    What.PROBES_SUCCEEDED: Words(
        "upstream", "breaker closed", Reason.PROBES_SUCCEEDED, ("trials_succeeded",)
    ),
    What.EJECTED_CONSECUTIVE: Words("endpoint", "ejected", "consecutive_5xx", ("consecutive_5xx",)),
    What.EJECTED_RATE: Words(
        "endpoint", "ejected", "success_rate", ("success_rate", "mean", "threshold")
    ),
    What.RETURNED: Words("endpoint", "returned", "ejection time over"),
    What.HEALTHY: Words("endpoint", "healthy", "probes passed", ("in_a_row",)),
    What.UNHEALTHY: Words("endpoint", "unhealthy", "probes failed", ("in_a_row",)),
    What.PANIC_BEGAN: Words("upstream", "panic began", "panic threshold", _PANIC),
    What.PANIC_ENDED: Words("upstream", "panic ended", "panic threshold", _PANIC),
    What.STARTED: Words("instance", "started", "restarted after its end"),
    What.OUT_OF_MEMORY: Words(
        "instance", "killed", "out of memory", ("goroutines", "memory_bytes", "requests_held")
    ),
    What.OUTAGE: Words("instance", "killed", "outage", ("requests_held",)),
    What.END_OF_TIME: Words("instance", "killed", "end of its time", ("requests_held",)),
}


@jit
def note(root: Any, what: int, who: int, x: float, y: float, z: float) -> None:
    """Take down one decision."""
    place = note_at(root.notes, root.notes_used)
    root.notes_used += 1
    note_room(root, root.notes_used, root.notes_low)
    place.time = root.now
    place.what = what
    place.who = who
    place.x = x
    place.y = y
    place.z = z


@jit
def tally(root: Any, number: int) -> None:
    """Count one of many alike; the first of each is remembered in its order."""
    line = tally_at(root.tallies, number)
    if line.count == 0:
        line.first = root.now
        whole_at(root.tally_order, root.tallied).x = number
        root.tallied += 1
    line.count += 1
