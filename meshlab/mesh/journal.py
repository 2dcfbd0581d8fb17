"""Puts the notes of a mesh into the words of the ledger, beside those of faults and changes."""

from __future__ import annotations

from typing import Any, NamedTuple

from meshlab.mesh.notes import Notes, What
from meshlab.policies.endpoint import text_of
from meshlab.telemetry.ledger import Entry, Evidence, Ledger


class Words(NamedTuple):
    """How the ledger puts it: which event, for which reason, the names of what was seen."""

    event: str
    reason: str
    evidence: tuple[str, ...] = ()


_OPENED = "breaker opened"
_PANIC = ("panic threshold", ("available", "endpoints"))

WHAT: dict[What, Words] = {
    What.CONSECUTIVE_FAILURES: Words(_OPENED, "consecutive_failures", ("consecutive_failures",)),
    What.FAILURE_RATE: Words(_OPENED, "failure_rate", ("failures", "calls")),
    What.SLOW_CALLS: Words(_OPENED, "slow_calls", ("slow_calls", "calls")),
    What.OPEN_TIME_OVER: Words("breaker half-open", "open_time_over", ("open_seconds",)),
    What.PROBE_FAILED: Words(_OPENED, "probe_failed", ("ok", "seconds")),
    What.PROBES_SUCCEEDED: Words("breaker closed", "probes_succeeded", ("trials_succeeded",)),
    What.EJECTED_CONSECUTIVE: Words("ejected", "consecutive_5xx", ("consecutive_5xx",)),
    What.EJECTED_RATE: Words("ejected", "success_rate", ("success_rate", "mean", "threshold")),
    What.RETURNED: Words("returned", "ejection time over"),
    What.HEALTHY: Words("healthy", "probes passed", ("in_a_row",)),
    What.UNHEALTHY: Words("unhealthy", "probes failed", ("in_a_row",)),
    What.HEALTH_CHANGED: Words("healthy", "health checks changed"),
    What.OUTLIER_CHANGED: Words("returned", "outlier detection changed"),
    What.PANIC_BEGAN: Words("panic began", *_PANIC),
    What.PANIC_ENDED: Words("panic ended", *_PANIC),
    What.STARTED: Words("started", "restarted after its end"),
    What.OUT_OF_MEMORY: Words(
        "killed", "out of memory", ("goroutines", "memory_bytes", "requests_held")
    ),
    What.OUTAGE: Words("killed", "outage", ("requests_held",)),
    What.END_OF_TIME: Words("killed", "end of its time", ("requests_held",)),
}

OF_INSTANCES = What.STARTED
"""From here on, `What` is about an instance; before, about an upstream."""


class Journal:
    """The ledger of a mesh. ``upstreams`` and ``instances`` have the names behind the numbers.

    What control code writes takes its place among the notes: `take` comes before every such entry.
    """

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.ledger = Ledger()
        self.upstreams: list[str] = []
        self.instances: list[str] = []
        self._tallies: dict[int, tuple[str, str, str]] = {}

    def new_tally(self, subject: str, event: str, reason: str) -> int:
        """The number under which the rules count this from now on."""
        number = self.notes.new_tally()
        self._tallies[number] = subject, event, reason
        return number

    def write(self, subject: str, event: str, reason: str, evidence: Evidence = ()) -> None:
        """Take down what was decided outside of the rules, now."""
        self.take()
        self.ledger.write(self.notes.engine.now, subject, event, reason, evidence)

    def take(self) -> None:
        """Put into words what the rules have noted so far."""
        self.ledger.entries += [self._entry(note) for note in self.notes.notes.take()]

    def flush(self) -> None:
        """The same, and the tallies with it, in the order in which they were begun."""
        self.take()
        counts = self.notes.counts
        for first, number in self.notes.begun.take():
            seen = (("count", float(counts[number])),)
            self.ledger.write(float(first), *self._tallies[int(number)], seen)
            counts[number] = 0

    def close(self) -> tuple[Entry, ...]:
        """Everything that was written, in the order of time."""
        self.flush()
        return self.ledger.close()

    def _entry(self, note: tuple[Any, ...]) -> Entry:
        time, what, who, endpoint, *numbers = note
        words = WHAT[What(what)]
        subject = (self.instances if what >= OF_INSTANCES else self.upstreams)[who]
        if endpoint:
            subject = f"{subject} {text_of(endpoint)}"
        evidence = tuple(zip(words.evidence, map(float, numbers), strict=False))
        return Entry(time, subject, words.event, words.reason, evidence)
