"""A story is all that the player shows of a run: plain lists, one value for each scrape.

It is worked out once and sent to the page once; after that the page needs no Python to go back and
forth in it. A number that is not known is None.

    times, clock      of every scrape: seconds, and as the incident's clock shows it
    nodes, edges      where services stand; per edge tries per second, and the share that failed
    instances         per service and instance a letter: u up, k killed, d down otherwise
    charts            lines over time, each chart on its own scale, with a limit if there is one
    breakers          per breaker a letter: c closed, h half-open, o open, and its last reason
    ledger, stations  what was decided and why; the post-mortem's minutes, and where they emerged
    words             every moment in a sentence or three
"""

from __future__ import annotations

from typing import Any

import numpy as np

from meshlab.figures.layers import layered
from meshlab.figures.style import LOOK, SPARE, Look, say
from meshlab.incident import utc
from meshlab.mesh.result import Result
from meshlab.replay.stations import stations
from meshlab.telemetry.columns import Columns, ratio
from meshlab.toll import auth_instances, failures, storm, toll


def story(result: Result) -> dict[str, Any]:
    """All that the player shows of a run."""
    columns = Columns(result.recordings)
    return {
        "times": columns.times.tolist(),
        "clock": [utc(time) for time in columns.times],
        "name": result.scenario.name,
        **_mesh(result, columns),
        "instances": _instances(result, columns),
        "charts": charts(result, columns),
        "breakers": _breakers(result, columns),
        "ledger": [[entry.time, _line(entry)] for entry in result.ledger],
        "stations": [
            {"told": s.told, "what": s.what, "kind": s.kind, "emerged": s.emerged}
            for s in stations(result, columns)
        ],
        "numbers": numbers(result, columns, 0.0),
        "words": words(columns),
    }


def _mesh(result: Result, c: Columns) -> dict[str, Any]:
    pairs = list(result.edges)
    layout = layered(pairs)
    edges = []
    for source, destination in pairs:
        labels = {"source": source, "destination": destination}
        tries = c.rate("mesh_attempts_total", **labels)
        failed = c.rate("mesh_attempt_failures_total", **labels)
        edges.append(
            {
                "name": f"{source} → {destination}",
                "path": layout.paths[source, destination],
                "rate": numbers_of(tries),
                "errors": numbers_of(ratio(failed, tries)),
            }
        )
    looks = {name: _drawn(LOOK.get(name, SPARE[0])) for name in layout.nodes}
    return {"nodes": {n: {"at": at, **looks[n]} for n, at in layout.nodes.items()}, "edges": edges}


def _instances(result: Result, c: Columns) -> dict[str, dict[str, str]]:
    """A letter for each scrape: the last thing that happened to an instance says why it is down."""
    why: dict[str, list[tuple[float, str]]] = {}
    for entry in result.ledger:
        if entry.event == "killed":
            why.setdefault(entry.subject, []).append((entry.time, "k"))
        elif entry.event == "fault began" and entry.reason == "outage":
            why.setdefault(entry.subject, []).append((entry.time, "d"))
    found: dict[str, dict[str, str]] = {}
    for service in result.scenario.services:
        for name in service.instance_names():
            up = c.total("up", job="service", instance=name)
            told = [(0.0, "d"), *why.get(name, [])]
            letters = [
                "u" if lives else [letter for at, letter in told if at <= time][-1]
                for time, lives in zip(c.times, up, strict=True)
            ]
            found.setdefault(service.name, {})[name] = "".join(letters)
    return found


def charts(result: Result, c: Columns) -> list[dict[str, Any]]:
    """The linked charts. The line with ``beside`` is the one that another history is drawn to."""
    to_auth = {"source": "gateway", "destination": "auth"}
    names = auth_instances(c)
    memory = result.scenario.service("auth").instances[0].memory
    most = memory.most_goroutines if memory else None
    bound = memory.limit_bytes / 2**20 if memory else None
    held = {n: c.total("service_goroutines", instance=n) for n in names}
    full = {n: c.total("service_memory_bytes", instance=n) / 2**20 for n in names}
    took = 1000 * c.mean("service_request_duration_seconds", service="database")
    asked = c.rate("mesh_requests_total", source="client")
    return [
        _chart("pages", "per s", {"asked for": asked, "failed": failures(c)[1]}, beside="failed"),
        _chart("at auth", "per s", {"tries": storm(c),
                "calls": c.rate("mesh_requests_total", **to_auth)},
               beside="tries"),
        _chart("goroutines", "", held, limit=most),
        _chart("memory", "MiB", full, limit=bound),
        _chart("queries", "per s", {"database": c.rate("mesh_requests_total",
                destination="database")}, beside="database"),
        _chart("time of a query", "ms", {"database": took}, beside="database"),
    ]  # fmt: skip


_CONCEPT = {
    "asked for": "requests", "failed": "errors", "calls": "requests",
    "tries": "retries", "database": "database",
}  # fmt: skip


def _chart(
    title: str,
    unit: str,
    lines: dict[str, np.ndarray],
    beside: str = "",
    limit: float | None = None,
) -> dict[str, Any]:
    """``beside`` names the line to compare; without it, that is the highest at each moment."""
    spare = iter(SPARE)
    drawn = [
        {
            "name": name,
            "values": numbers_of(values),
            **_drawn(LOOK[_CONCEPT[name]] if name in _CONCEPT else next(spare, SPARE[0])),
        }
        for name, values in lines.items()
    ]
    highest = np.fmax.reduce([lines[beside]] if beside else list(lines.values()))
    return {
        "title": title, "unit": unit, "lines": drawn, "limit": limit,
        "beside": beside or "the fullest", "compared": numbers_of(highest),
    }  # fmt: skip


def _drawn(look: Look) -> dict[str, str]:
    return {"colour": look.colour, "dash": look.dash, "symbol": look.symbol}


def _breakers(result: Result, c: Columns) -> list[dict[str, Any]]:
    """The breakers that ever opened, their states at the scrapes, and why they changed."""
    found = []
    opened = [e for e in result.ledger if e.event.startswith("breaker ")]
    for name in dict.fromkeys(entry.subject for entry in opened):
        source, destination = name.split("->")
        states = c.total("mesh_breaker_state", instance=source, destination=destination)
        letters = "".join("?" if s != s else "cho"[int(s)] for s in states)
        why = [[e.time, f"{e.event[8:]}: {e.reason}"] for e in opened if e.subject == name]
        found.append({"name": name, "states": letters, "why": why})
    return found


def _line(entry: Any) -> str:
    evidence = ", ".join(f"{name} {say(value)}" for name, value in entry.evidence)
    why = f"{entry.reason}, {evidence}" if evidence else entry.reason
    return f"{utc(entry.time)} {entry.subject}: {entry.event} ({why})"


def numbers(result: Result, c: Columns, after: float) -> dict[str, str]:
    """What stands beside another history; the next kill is looked for ``after`` a time (s)."""
    cost = toll(result, c)
    following = cost.next_kill(after)
    return {
        "failed pages": say(cost.failed),
        "minutes of outage": say(cost.bad_minutes),
        "peak load at auth": say(cost.peak, "tries/s"),
        "next kill": f"{utc(following)}" if following is not None else "none",
        "pages that fail at the end": say(cost.last, "%"),
    }


def words(c: Columns) -> list[str]:
    """Every scrape in words."""
    share, _ = failures(c)
    asked = c.rate("mesh_requests_total", source="client")
    held = np.array([c.total("service_goroutines", instance=n) for n in auth_instances(c)])
    alive, fullest = (~np.isnan(held)).sum(axis=0), np.fmax.reduce(list(held))
    tries = storm(c)
    shut = (c.matrix("mesh_breaker_state") > 0).sum(axis=0)
    queries = c.rate("mesh_requests_total", destination="database")
    took = 1000 * c.mean("service_request_duration_seconds", service="database")
    told = []
    for i in range(c.length):
        there = f"{alive[i]} of {len(held)} instances of auth alive"
        if alive[i]:
            full = f"the fullest holds {say(fullest[i])} goroutines"
            there += f", {full}; {say(tries[i])} tries/s reach them"
        query = f", {say(took[i], 'ms')} each" if took[i] == took[i] else ""
        told.append(
            f"{utc(c.times[i])}: {say(asked[i])} pages/s asked for, {say(share[i], '%')} of them "
            f"fail. {there}. {shut[i]} breakers are not closed. "
            f"Database: {say(queries[i])} queries/s{query}."
        )
    told[0] = f"{utc(c.times[0])}: nothing is counted yet, the run begins."
    return told


def numbers_of(values: np.ndarray) -> list[float | None]:
    """Four digits are enough for a picture, and a fifth of the message."""
    return [None if v != v else float(f"{v:.4g}") for v in values.tolist()]
