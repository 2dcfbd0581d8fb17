"""The waterfall: one trace over time, a row for each try of each call.

    pale bar     the caller waits
    full bar     the instance holds the request; it may outlast the caller's patience
    ✕, hatched   the try failed, and how

Rows stand in the order in which things happened, indented by who asked whom. Tries of one call
follow each other with their number. Calls alike in a row that lead no further share one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import plotly.graph_objects as go

from meshlab.figures.style import LOOK, SPARE, Look, axis, finish, say
from meshlab.literal import literal
from meshlab.model import Outcome
from meshlab.trace_views import own_seconds
from meshlab.tracing import Node, Span, tree

INDENT = 10
"""Width (px) of one level of depth."""

LABELS = 150
"""Room (px) for the names of the rows."""


@dataclass(slots=True)
class Row:
    """One line of the picture: a try of a call, or several calls alike that lead no further."""

    depth: int
    attempt: int
    tries: list[Node]
    again: bool = False

    @property
    def service(self) -> str:
        return self.tries[0].span.name.partition("/")[0]

    @property
    def calls(self) -> list[Span]:
        return [node.span for node in self.tries]

    @property
    def works(self) -> list[Span]:
        """The spans of the instances that were asked, where they noted one."""
        return [work.span for node in self.tries for work in node.children]

    @property
    def failed(self) -> bool:
        return any(call.outcome is not Outcome.OK for call in self.calls)

    @property
    def label(self) -> str:
        if len(self.tries) > 1:
            return f"{self.service} ×{len(self.tries)}"
        name = str(self.calls[0].attributes.get("endpoint", self.service))
        return f"{name} · try {self.attempt}" if self.attempt > 1 or self.again else name


def waterfall(spans: Iterable[Span], *, title: str) -> go.Figure:
    """Draw the spans of one request, from whatever traces they are; time runs from the first."""
    spans = list(spans)
    roots = tree(spans)
    rows = [row for root in roots for row in _rows([root], 0)]
    zero = min((span.start for span in spans), default=0.0)
    figure = go.Figure([_bars(rows, zero, pale=True), _bars(rows, zero, pale=False)])
    figure.update_layout(
        barmode="overlay",
        annotations=[*_labels(rows), *_crosses(rows, zero)],
        xaxis=axis("time since the request began", "ms"),
        yaxis={"range": [len(rows) - 0.4, -0.6], "showticklabels": False, "showgrid": False},
    )
    finish(figure, title, _summary(roots, rows))
    figure.layout.margin.l = LABELS
    return figure


def _rows(nodes: list[Node], depth: int) -> Iterator[Row]:
    """The rows of sibling calls, each followed by what its instance asked for in turn.

    A stack holds the levels that are not finished: a trace may be deeper than Python may recurse.
    """
    levels = [_siblings(nodes, depth)]
    while levels:
        row = next(levels[-1], None)
        if row is None:
            levels.pop()
            continue
        yield row
        below = [child for work in row.tries[0].children for child in work.children]
        levels.append(_siblings(below, row.depth + 1))


def _siblings(nodes: list[Node], depth: int) -> Iterator[Row]:
    """The rows of sibling calls. More tries may join the last one when the next is asked for."""
    row: Row | None = None
    for node, after in pairwise([*_tries(nodes), None]):
        assert node is not None
        alike = row is not None and row.calls[0].name == node.span.name
        if row is not None and alike and _leads_no_further(row.tries[0], node):
            row.tries.append(node)
            continue
        row = Row(depth, row.attempt + 1 if row is not None and alike and row.failed else 1, [node])
        row.again = row.failed and after is not None and after.span.name == node.span.name
        yield row


def _tries(nodes: list[Node]) -> Iterator[Node]:
    """The tries among these nodes; of a whole call, or of a work whose call is lost, those below.

    A call that was refused has none and stands for itself.
    """
    waiting = nodes[::-1]
    while waiting:
        node = waiting.pop()
        inner = [child for child in node.children if child.span.kind == "client"]
        if node.span.kind == "server" or inner:
            waiting += reversed(inner)
        else:
            yield node


def _leads_no_further(*tries: Node) -> bool:
    return not any(
        node.span.outcome is not Outcome.OK or any(work.children for work in node.children)
        for node in tries
    )


def _bars(rows: list[Row], zero: float, *, pale: bool) -> go.Bar:
    """All bars of the callers (wide, pale) or of the instances (narrow, full)."""
    placed = [(y, row, s) for y, row in enumerate(rows) for s in (row.calls if pale else row.works)]
    looks = [LOOK["errors"] if row.failed else _look(row.service) for _, row, _ in placed]
    return go.Bar(
        name="the caller waits" if pale else "the instance works",
        orientation="h",
        showlegend=False,
        y=[y for y, _, _ in placed],
        base=[1000 * (span.start - zero) for _, _, span in placed],
        x=[1000 * span.seconds for _, _, span in placed],
        text=[literal(row.label) for _, row, _ in placed],
        textposition="none",
        width=0.84 if pale else 0.5,
        marker={
            "color": [look.colour for look in looks],
            "opacity": 0.35 if pale else 1.0,
            "pattern": {
                "shape": ["/" if row.failed and not pale else "" for _, row, _ in placed],
                "fillmode": "overlay",
                "fgcolor": "white",
                "size": 6,
            },
        },
        hovertemplate="%{text}: %{x:.1f} ms from %{base:.1f} ms<extra></extra>",
    )


def _look(service: str) -> Look:
    return LOOK.get(service, SPARE[0])


def _labels(rows: list[Row]) -> list[dict[str, object]]:
    size = 12 if len(rows) <= 20 else 9
    return [
        {
            "x": 0, "xref": "paper", "xanchor": "left", "xshift": INDENT * row.depth - LABELS + 6,
            "y": y, "yanchor": "middle", "showarrow": False,
            "text": literal(row.label),
            "font": {"size": size},
        }
        for y, row in enumerate(rows)
    ]  # fmt: skip


def _crosses(rows: list[Row], zero: float) -> list[dict[str, object]]:
    """What became of the tries that failed, behind their bars."""
    return [
        {
            "x": 1000 * (max(span.end for span in (*row.calls, *row.works)) - zero),
            "y": y, "xanchor": "left", "yanchor": "middle", "showarrow": False,
            "text": f"✕ {row.calls[-1].outcome.name}", "bgcolor": "rgba(255,255,255,0.7)",
            "font": {"size": 11, "color": LOOK["errors"].colour},
        }
        for y, row in enumerate(rows)
        if row.failed
    ]  # fmt: skip


def _summary(roots: list[Node], rows: list[Row]) -> str:
    """How many calls, how long, what failed, and whose own time was the longest."""
    if not roots:
        return "No spans."
    nodes = list(roots)
    for node in nodes:
        nodes.extend(node.children)
    took = max(n.span.end for n in nodes) - min(n.span.start for n in nodes)
    tries = [call for row in rows for call in row.calls]
    bad = [f"{row.label} {row.calls[-1].outcome.name}" for row in rows if row.failed]
    most = max(nodes, key=own_seconds)
    told = [
        f"{len(tries)} tries in {say(1000 * took, 'ms')}, in {len(roots)} tree"
        f"{'s' if len(roots) > 1 else ''}",
        f"failed: {', '.join(bad)}" if bad else "none failed",
        f"longest own time: {most.span.instance} with {say(1000 * own_seconds(most), 'ms')}",
    ]
    return "; ".join(told) + "."
