"""The ledger: every decision of the mesh with its time, subject, reason and evidence.

Metrics say *how many*; the ledger says *why*. Rare decisions (a breaker opens, an instance is
killed) have an entry each. Frequent ones (a retry denied, a request shed) are tallied and written
once per scrape interval and reason, with their number as evidence, so that a storm does not drown
what caused it.
"""

from __future__ import annotations

from dataclasses import dataclass

Evidence = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """At ``time`` (s) ``subject`` did ``event`` for ``reason``, having seen ``evidence``."""

    time: float
    subject: str
    event: str
    reason: str
    evidence: Evidence = ()

    def __str__(self) -> str:
        why = [self.reason, *(f"{name} {value:g}" for name, value in self.evidence)]
        return f"{self.time:8.2f} s  {self.subject}: {self.event} ({', '.join(why)})"


class Ledger:
    """Takes decisions down in the order of time."""

    __slots__ = ("_tallies", "entries")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._tallies: dict[tuple[str, str, str], tuple[float, int]] = {}

    def write(
        self, time: float, subject: str, event: str, reason: str, evidence: Evidence = ()
    ) -> None:
        """Take down one decision."""
        self.entries.append(Entry(time, subject, event, reason, evidence))

    def tally(self, time: float, subject: str, event: str, reason: str) -> None:
        """Count one of many alike; `flush` writes them down together."""
        key = (subject, event, reason)
        first, count = self._tallies.get(key, (time, 0))
        self._tallies[key] = (first, count + 1)

    def flush(self) -> None:
        """Write the tallies as entries dated by the first of each, and begin anew."""
        for (subject, event, reason), (first, count) in self._tallies.items():
            self.write(first, subject, event, reason, (("count", float(count)),))
        self._tallies.clear()

    def close(self) -> tuple[Entry, ...]:
        """Everything that was written, in the order of time."""
        self.flush()
        return tuple(sorted(self.entries, key=lambda entry: entry.time))
