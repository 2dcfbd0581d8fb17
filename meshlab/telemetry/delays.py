"""Why a new instance gets no traffic yet: what each sidecar waited for, from a run's own records.

    registered     known        listening     healthy      returned     first answer
        |-- news --|-- process --|-- checks --|-- ejection --|-- turn ------|

Every sidecar has a row of its own: the same instance works for one caller and not for another. The
deploy knows when it registered the instance and when its process listened; the gauge of endpoints
says when a sidecar had heard of it (as finely as it is scraped), the ledger when it was trusted,
and the spans when a first try was answered. What does not happen takes no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from meshlab.mesh.result import Result
from meshlab.model import Outcome
from meshlab.rules import require_known
from meshlab.telemetry.names import MESH_ENDPOINTS

CAUSES = ("news", "process", "checks", "ejection", "turn")
"""What a sidecar may wait for: to hear of the instance, its process to listen, health checks to
pass, an ejection to end, and the balancer to choose it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """How long one sidecar took to its first answer from a new instance.

    ``registered`` and ``first`` are times (s); ``waits`` has the seconds spent on every cause, in
    the order of `CAUSES`, and they add up to ``seconds``.
    """

    sidecar: str
    registered: float
    first: float
    waits: dict[str, float]

    @property
    def seconds(self) -> float:
        return self.first - self.registered

    @property
    def cause(self) -> str:
        """What it waited for the longest."""
        return max(CAUSES, key=lambda name: self.waits[name])


def delays(result: Result, instance: str) -> list[Delay]:
    """The delay of every sidecar that got an answer from ``instance``, the earliest first.

    Sidecars that never got one are missing: count the rows. The run must keep every trace
    (``trace_sampling=1``), and ``instance`` must be the only change in its service until then,
    and come later than the run's beginning.
    """
    scenario = result.scenario
    service = {name: s for s in scenario.services for name in s.instance_names()}
    require_known(instance, service, "delays", "instance")
    where = service[instance]
    declared = where.instances[where.instance_names().index(instance)]
    listening = declared.starts_at
    registered = listening if declared.registers_at is None else declared.registers_at
    heard = _heard(result, where.name, registered)
    rows = []
    for sidecar, first in _first_answers(result, instance).items():
        trusted = _trusted(result, f"{sidecar}->{where.name} {instance}", first)
        times = {"news": heard[sidecar], "process": listening, **trusted, "turn": first}
        waits = _share_out(registered, first, times)
        rows.append(Delay(sidecar=sidecar, registered=registered, first=first, waits=waits))
    return sorted(rows, key=lambda row: row.first)


def mean_waits(rows: Sequence[Delay]) -> dict[str, float]:
    """The mean wait (s) for every cause; nothing is known of those who have no row."""
    return {c: fmean([row.waits[c] for row in rows]) if rows else 0.0 for c in CAUSES}


def _share_out(registered: float, first: float, times: dict[str, float]) -> dict[str, float]:
    """The time from ``registered`` to ``first``: each cause has what the ones before left of it."""
    waits, mark = {}, registered
    for cause in CAUSES:
        until = max(mark, min(times.get(cause, mark), first))
        waits[cause] = until - mark
        mark = until
    return waits


def _first_answers(result: Result, instance: str) -> dict[str, float]:
    """When each sidecar sent the first try that ``instance`` answered."""
    found: dict[str, float] = {}
    for span in result.spans:
        if span.attributes.get("endpoint") == instance and span.outcome is Outcome.OK:
            found[span.instance] = min(span.start, found.get(span.instance, span.start))
    return found


def _heard(result: Result, service: str, registered: float) -> dict[str, float]:
    """The first scrape at which each sidecar knows more endpoints than before the registration."""
    frame = result.frame(MESH_ENDPOINTS, destination=service)
    known = frame.pivot(index="time", columns="instance", values="value")
    before = known[known.index < registered].iloc[-1]
    times = known.index.to_numpy()
    more = (known > before).to_numpy() & (times >= registered)[:, None]
    first, ever = times[more.argmax(axis=0)].tolist(), np.any(more, axis=0).tolist()
    never = result.scenario.duration
    return {
        str(sidecar): time if learned else never
        for sidecar, time, learned in zip(known.columns, first, ever, strict=True)
    }


def _trusted(result: Result, subject: str, first: float) -> dict[str, float]:
    """When the sidecar's last doubts before ``first`` ended, by what had doubted."""
    ends = {"healthy": "checks", "returned": "ejection"}
    return {
        ends[entry.event]: entry.time
        for entry in result.ledger
        if entry.subject == subject and entry.event in ends and entry.time <= first
    }
