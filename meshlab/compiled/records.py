"""What the rules wrote down, in the words of the package: ledger entries, spans, exemplars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meshlab.compiled.notes import WHAT, What
from meshlab.model import Outcome
from meshlab.telemetry.ledger import Entry
from meshlab.telemetry.names import MESH_REQUEST_DURATION
from meshlab.telemetry.registry import bucket_key
from meshlab.telemetry.series import Exemplar
from meshlab.tracing import Span

if TYPE_CHECKING:
    from meshlab.compiled.world import World


OUTCOMES = tuple(Outcome)


def entry_of(note: Any, world: World) -> Entry:
    """One decision, as the ledger has it."""
    words = WHAT[What(int(note["what"]))]
    who = int(note["who"])
    numbers = (float(note["x"]), float(note["y"]), float(note["z"]))
    subject = world.subject(words.subject, who)
    evidence = tuple(zip(words.evidence, numbers, strict=False))
    return Entry(float(note["time"]), subject, words.event, str(words.reason), evidence)


def tally_entry(number: int, line: Any, world: World) -> Entry:
    """What happened many times since the last scrape, dated by the first."""
    seen = (("count", float(line["count"])),)
    upstreams = len(world.upstreams)
    if number < upstreams:
        subject = world.subject("upstream", number)
        return Entry(float(line["first"]), subject, "retry denied", "budget empty", seen)
    subject = world.subject("instance", number - upstreams)
    return Entry(float(line["first"]), subject, "request shed", "queue full", seen)


def _trace_id(row: Any) -> str:
    return f"{int(row['trace_high']):016x}{int(row['trace_low']):016x}"


def spans_of(rows: np.ndarray, world: World) -> tuple[Span, ...]:
    """Every span that was kept, in the order in which they ended."""
    return tuple(_span(row, world) for row in rows)


def _span(row: Any, world: World) -> Span:
    route, who = world.routes[int(row["route"])], int(row["who"])
    if row["server"]:
        instance = world.instance_list[who]
        kind, name, sidecar = "server", instance.service.name, instance.name
        service = name
    else:
        upstream = world.by_number[who]
        kind, name, sidecar = "client", upstream.edge.destination, upstream.sidecar
        service = upstream.edge.source
    endpoint = int(row["endpoint"])
    return Span(
        trace_id=_trace_id(row),
        span_id=f"{int(row['span']):016x}",
        parent_id=f"{int(row['parent']):016x}" if row["parent"] else None,
        name=f"{name}{route}",
        kind=kind,  # type: ignore[arg-type]
        service=service,
        instance=sidecar,
        start=float(row["start"]),
        end=float(row["end"]),
        outcome=OUTCOMES[int(row["outcome"])],
        attributes={"endpoint": world.endpoint_names[endpoint]} if endpoint >= 0 else {},
    )


def exemplars_of(rows: np.ndarray, world: World) -> tuple[Exemplar, ...]:
    """Every exemplar, in the order of observation."""
    return tuple(_exemplar(row, world) for row in rows)


def _exemplar(row: Any, world: World) -> Exemplar:
    upstream = world.by_number[int(row["upstream"])]
    edge = upstream.edge
    return Exemplar(
        target=upstream.sidecar,
        series=bucket_key(MESH_REQUEST_DURATION, int(row["bucket"]), edge.source, edge.destination),
        trace_id=_trace_id(row),
        value=float(row["value"]),
        time=float(row["time"]),
    )
