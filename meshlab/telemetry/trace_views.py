"""Reading traces: the spans of each request together, and where the time of a request went.

A span tells how long something took, all that it waited for included. So the spans of one page add
up to many times the page. What counts is a span's *own time*: what no child of it accounts for.
Where everybody waits for those they ask, the own times of a tree add up to its root, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshlab.telemetry.tracing import Node, Span


def by_trace(spans: Iterable[Span]) -> dict[str, list[Span]]:
    """The spans of every trace, in the order in which they came."""
    traces: dict[str, list[Span]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    return traces


def own_seconds(node: Node) -> float:
    """The time (s) of a span during which none of its children was at work.

    A child that outlives it (late work that nobody waits for) counts only up to its end. Pauses
    between the tries of a call belong to the one who paused.
    """
    covered, upto = 0.0, node.span.start
    for child in node.children:  # the earliest first
        start = max(child.span.start, upto)
        end = min(child.span.end, node.span.end)
        if end > start:
            covered += end - start
            upto = end
    return node.span.seconds - covered


def own_seconds_by_service(root: Node) -> dict[str, float]:
    """Where the time (s) of one tree went: own time summed by the service that spent it."""
    spent: dict[str, float] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        waiting += node.children
        service = node.span.service
        spent[service] = spent.get(service, 0.0) + own_seconds(node)
    return spent
