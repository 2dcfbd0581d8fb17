"""What the rules wrote down, in the words of the package: ledger entries, spans, exemplars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meshlab.engines.compiled.layout import SPAN
from meshlab.engines.compiled.notes import WHAT, What
from meshlab.mesh.registry import bucket_key
from meshlab.model import Outcome
from meshlab.telemetry.ledger import Entry
from meshlab.telemetry.names import MESH_REQUEST_DURATION
from meshlab.telemetry.series import Exemplar, SeriesKey
from meshlab.telemetry.tracing import Span

if TYPE_CHECKING:
    from meshlab.engines.compiled.world import World


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


def spans_of(rows: np.ndarray, world: World) -> tuple[Span, ...]:
    """Every span that was kept, in the order in which they ended."""
    names = SPAN.names or ()
    return tuple(_span(dict(zip(names, row, strict=True)), world) for row in rows.tolist())


def _span(row: dict[str, Any], world: World) -> Span:
    route, who = world.routes[row["route"]], row["who"]
    kind: Literal["client", "server"] = "server" if row["server"] else "client"
    if kind == "server":
        instance = world.instance_list[who]
        name = service = instance.service.name
        sidecar = instance.name
    else:
        upstream = world.by_number[who]
        name, sidecar = upstream.edge.destination, upstream.sidecar
        service = upstream.edge.source
    endpoint = row["endpoint"]
    return Span(
        trace_id=f"{row['trace_high']:016x}{row['trace_low']:016x}",
        span_id=f"{row['span']:016x}",
        parent_id=f"{row['parent']:016x}" if row["parent"] else None,
        name=f"{name}{route}",
        kind=kind,
        service=service,
        instance=sidecar,
        start=row["start"],
        end=row["end"],
        outcome=OUTCOMES[row["outcome"]],
        attributes={"endpoint": world.endpoint_names[endpoint]} if endpoint >= 0 else {},
    )


def exemplars_of(rows: np.ndarray, world: World) -> tuple[Exemplar, ...]:
    """Every exemplar, in the order of observation."""
    keys: dict[tuple[int, int], SeriesKey] = {}
    return tuple(_exemplar(row, world, keys) for row in rows.tolist())


def _exemplar(
    row: tuple[int, int, float, float, int, int],
    world: World,
    keys: dict[tuple[int, int], SeriesKey],
) -> Exemplar:
    high, low, value, time, number, bucket = row
    upstream = world.by_number[number]
    if (number, bucket) not in keys:
        ends = upstream.edge.source, upstream.edge.destination
        keys[number, bucket] = bucket_key(MESH_REQUEST_DURATION, bucket, *ends)
    return Exemplar(
        target=upstream.sidecar,
        series=keys[number, bucket],
        trace_id=f"{high:016x}{low:016x}",
        value=value,
        time=time,
    )
