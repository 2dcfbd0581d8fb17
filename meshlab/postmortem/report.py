"""A run's own post-mortem as plain data: the lines, what it cost, and a verdict.

The fields of `Report` are the keys of the JSON document, and so on downwards. Times are seconds
since 14:20:00; null stands for "it did not happen".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from meshlab.incident import utc
from meshlab.mesh.result import Result
from meshlab.postmortem.shown import Seen, shown
from meshlab.replay.stations import stations
from meshlab.telemetry.columns import Columns
from meshlab.toll import BAD, Toll, failures, toll
from meshlab.wording import say

AS_IT_WAS = "what happened"
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the post-mortem: ``what`` it says of the minute ``told`` (s), and what a run shows.

    ``kind`` is cause (the scenario says so), event (it may emerge or not) or people (what they did,
    of which a run knows nothing). It ``emerged`` (s) or did not; ``shows`` are the run's numbers.
    """

    told: float
    what: str
    kind: str
    emerged: float | None
    shows: str

    @property
    def in_its_minute(self) -> bool:
        return self.emerged is not None and self.told <= self.emerged < self.told + MINUTE


@dataclass(frozen=True, slots=True)
class Report:
    """All that is told. ``history`` names what was changed; ``digest`` is the run's fingerprint."""

    scenario: str
    history: str
    seed: int
    weight: int
    engine: str
    digest: str
    lines: tuple[Line, ...]
    toll: Toll
    verdict: tuple[str, ...]


def read_report(result: Result, history: str = AS_IT_WAS, before: Toll | None = None) -> Report:
    """Read a run's own post-mortem. ``before`` is what it cost as it was, to compare with."""
    columns = Columns(result.recordings)
    seen = Seen(result, columns, toll(result, columns))
    lines = tuple(
        Line(s.told, s.what, s.kind, s.emerged, shown(seen, s)) for s in stations(result, columns)
    )
    return Report(
        scenario=result.scenario.name,
        history=history,
        seed=result.seed,
        weight=result.scenario.weight,
        engine=result.engine,
        digest=result.digest(),
        lines=lines,
        toll=seen.toll,
        verdict=(*_compared(seen.toll, before), *_verdict(seen, lines)),
    )


def _verdict(seen: Seen, lines: Sequence[Line]) -> tuple[str, ...]:
    """What is to be said in the end; each sentence from the run."""
    return (_marks(lines), _users(seen.toll), _database(seen), _warning(seen))


def _marks(lines: Sequence[Line]) -> str:
    events = [line for line in lines if line.kind == "event"]
    emerged = [line for line in events if line.emerged is not None]
    inside = sum(line.in_its_minute for line in emerged)
    return (
        f"{len(emerged)} of {len(events)} events of the post-mortem emerged, {inside} of them in "
        "the minute that it names. None is set by the clock."
    )


def _users(cost: Toll) -> str:
    deaths = f"{len(cost.kills)} instances died out of memory"
    return (
        f"Users lost {say(cost.failed, 'pages')}; for {say(cost.bad_minutes, 'minutes')} more than "
        f"{say(BAD, '%')} failed. {deaths}; at most {say(cost.peak)} tries/s reached auth."
    )


def _database(seen: Seen) -> str:
    """Whether the database was slower than in the calm minutes, and how much it was asked."""
    queries = seen.columns.rate("mesh_requests_total", destination="database")
    took = 1000 * seen.columns.mean("service_request_duration_seconds", service="database")
    normal, slowest = seen.calm(took), float(np.nanmax(took))
    verdict = "It was not the database" if slowest < 1.5 * normal else "The database got slower"
    least = float(np.nanmin(queries))
    return (
        f"{verdict}: a query took {say(slowest, 'ms')} at most, {say(normal, 'ms')} in calm "
        f"minutes; at the lowest it got {say(least)} of {say(seen.calm(queries))} queries/s."
    )


def _warning(seen: Seen) -> str:
    """How long goroutines had told it when users began to feel it."""
    times, held = seen.columns.times, np.nan_to_num(seen.fullest)
    share, _ = failures(seen.columns)
    many, felt = np.flatnonzero(held > 1000.0), np.flatnonzero(share > BAD)
    if not len(felt):
        return "Users never felt it."
    if not len(many) or many[0] >= felt[0]:
        return f"Users felt it at {utc(times[felt[0]])}, before goroutines told anything."
    ahead = (times[felt[0]] - times[many[0]]) / 60.0
    return (
        f"An instance of auth passed 1,000 goroutines at {utc(times[many[0]])}, "
        f"{say(ahead, 'minutes')} before users felt anything ({utc(times[felt[0]])})."
    )


def _compared(cost: Toll, before: Toll | None) -> tuple[str, ...]:
    """What another history saved or cost, against what happened."""
    if before is None:
        return ()
    change = before.failed - cost.failed
    share = say(abs(change) / before.failed, "%") if before.failed else "all"
    saved = "fewer" if change >= 0 else "more"
    first, then = before.next_kill(), cost.next_kill()
    if then is None:
        death = "no instance dies"
    elif first is None:
        death = f"an instance dies at {utc(then)}"
    else:
        later = "later" if then >= first else "earlier"
        death = f"the first instance dies {say(abs(then - first), 's')} {later}"
    return (f"{say(abs(change), 'pages')} {saved} are lost ({share} of them), and {death}.",)


def to_json(happened: Report, other: Report | None = None) -> str:
    """Both as a JSON document that ends with a line break: for a seed always the same bytes."""
    document = {"happened": asdict(happened), "what_if": asdict(other) if other else None}
    return json.dumps(_plain(document), indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Floats rounded to a millionth; what is not a number becomes null."""
    if isinstance(value, float):
        return round(value, 6) if value == value else None
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value
