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

from meshlab.export.wording import say
from meshlab.incident.cost import BAD, Cost, failures
from meshlab.incident.milestones import Milestone, read_milestones
from meshlab.incident.readings import Observed, observe
from meshlab.incident.scenario import utc
from meshlab.mesh.result import Result
from meshlab.telemetry.columns import Columns

AS_IT_WAS = "what happened"


@dataclass(frozen=True, slots=True)
class Report:
    """All that is told. ``history`` names what was changed; ``digest`` is the run's fingerprint."""

    scenario: str
    history: str
    seed: int
    thinning: int
    engine: str
    digest: str
    lines: tuple[Milestone, ...]
    cost: Cost
    verdict: tuple[str, ...]


def read_report(result: Result, history: str = AS_IT_WAS, before: Cost | None = None) -> Report:
    """Read a run's own post-mortem. ``before`` is what it cost as it was, to compare with."""
    columns = Columns(result.recordings)
    run = observe(result, columns)
    lines = tuple(read_milestones(result, columns))
    return Report(
        scenario=result.scenario.name,
        history=history,
        seed=result.seed,
        thinning=result.scenario.thinning,
        engine=result.engine,
        digest=result.digest(),
        lines=lines,
        cost=run.cost,
        verdict=(*_compared(run.cost, before), *_verdict(run, lines)),
    )


def _verdict(run: Observed, lines: Sequence[Milestone]) -> tuple[str, ...]:
    """What is to be said in the end; each sentence from the run."""
    return (_marks(lines), _users(run.cost), _database(run), _warning(run))


def _marks(lines: Sequence[Milestone]) -> str:
    events = [line for line in lines if line.kind == "event"]
    emerged = [line for line in events if line.emerged is not None]
    inside = sum(line.in_its_minute for line in emerged)
    return (
        f"{len(emerged)} of {len(events)} events of the post-mortem emerged, {inside} of them in "
        "the minute that it names. None is set by the clock."
    )


def _users(cost: Cost) -> str:
    deaths = f"{len(cost.kills)} instances died out of memory"
    return (
        f"Users lost {say(cost.failed, 'pages')}; for {say(cost.bad_minutes, 'minutes')} more than "
        f"{say(BAD, '%')} failed. {deaths}; at most {say(cost.peak)} tries/s reached auth."
    )


def _database(run: Observed) -> str:
    """Whether the database was slower than in the calm minutes, and how much it was asked."""
    queries = run.columns.rate("mesh_requests_total", destination="database")
    took = 1000 * run.columns.mean("service_request_duration_seconds", service="database")
    normal, slowest = run.calm(took), float(np.nanmax(took))
    verdict = "It was not the database" if slowest < 1.5 * normal else "The database got slower"
    least = float(np.nanmin(queries))
    return (
        f"{verdict}: a query took {say(slowest, 'ms')} at most, {say(normal, 'ms')} in calm "
        f"minutes; at the lowest it got {say(least)} of {say(run.calm(queries))} queries/s."
    )


def _warning(run: Observed) -> str:
    """How long goroutines had told it when users began to feel it."""
    times, held = run.columns.times, np.nan_to_num(run.fullest)
    share, _ = failures(run.columns)
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


def _compared(cost: Cost, before: Cost | None) -> tuple[str, ...]:
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
