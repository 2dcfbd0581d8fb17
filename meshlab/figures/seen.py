"""The mesh as its metrics show it: what `mesh_graph` needs, from scraped counters alone.

`meshlab.figures.graph.flows` tells the truth of a run; this tells what one could know of it.
"""

from __future__ import annotations

from meshlab.figures.graph import Flow
from meshlab.mesh.result import Result
from meshlab.telemetry.promql import divide, rate
from meshlab.telemetry.series import aggregate


def seen(result: Result, window: float, at: float | None = None) -> dict[tuple[str, str], Flow]:
    """What the sidecars say of every edge: tries per second, and the share of them that failed.

    Over the ``window`` (s) that ends ``at`` (s; None: with the run).
    """
    at = result.scenario.duration if at is None else at
    edge = ["source", "destination"]
    sent = aggregate(rate(result.frame("mesh_attempts_total"), window, at), edge)
    failed = aggregate(rate(result.frame("mesh_attempt_failures_total"), window, at), edge)
    share = divide(failed, sent)
    rows = zip(sent["source"], sent["destination"], sent["value"], share["value"], strict=True)
    return {(a, b): Flow(rate=float(n), errors=float(bad)) for a, b, n, bad in rows}
