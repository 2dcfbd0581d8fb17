"""Tail sampling: keep a trace or drop it when one knows how it ended.

    spans, as they end --> held by trace --wait--> keep(trace)? --yes--> kept
                                                        |
                                                        +--no--> gone

Head sampling decides when nothing is known yet, for nothing. To decide at the end, somebody must
get every span and hold it until the trace is thought to be complete. Nobody says when that is, so
one waits. The rule is that of the OpenTelemetry Collector's tail sampling processor: the clock of a
trace starts with its first span, the decision is made ``decision_wait`` later (its default is 30 s)
with the spans that are there, and spans that come later follow it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from meshlab.model.rules import require_at_least
from meshlab.telemetry.tracing import Span

Keep = Callable[[Sequence[Span]], bool]
"""Whether a trace is worth keeping, given its spans in the order in which they ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """What is left after tail sampling, and what it took.

    ``late`` spans came after the decision and had no say in it; ``most_held`` is the largest number
    of spans that were in memory at once.
    """

    kept: tuple[Span, ...]
    late: int
    most_held: int


def tail_sample(spans: Iterable[Span], keep: Keep, wait: float = 30.0) -> Tail:
    """Sample fully traced requests by what ``keep`` says of each trace ``wait`` seconds on."""
    require_at_least(wait, 0, "tail sampling", "wait")
    buffer = _Buffer(keep)
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: span.end):
        kept += buffer.decide(span.end)
        if buffer.add(span, span.end + wait):
            kept.append(span)
    kept += buffer.decide(float("inf"))
    return Tail(kept=tuple(kept), late=buffer.late, most_held=buffer.most_held)


class _Buffer:
    """The spans of traces that are not decided yet, and the decisions on the others."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._held: dict[str, list[Span]] = {}
        self._due: deque[tuple[float, str]] = deque()
        self._decided: dict[str, bool] = {}
        self._count = 0
        self.late = 0
        self.most_held = 0

    def add(self, span: Span, due: float) -> bool:
        """Hold a span; True if it came late and its trace is kept already."""
        if span.trace_id in self._decided:
            self.late += 1
            return self._decided[span.trace_id]
        if span.trace_id not in self._held:
            self._held[span.trace_id] = []
            self._due.append((due, span.trace_id))
        self._held[span.trace_id].append(span)
        self._count += 1
        self.most_held = max(self.most_held, self._count)
        return False

    def decide(self, now: float) -> list[Span]:
        """The spans of the traces that are due by ``now`` and are kept; the others are let go."""
        kept: list[Span] = []
        while self._due and self._due[0][0] < now:
            _, trace_id = self._due.popleft()
            spans = self._held.pop(trace_id)
            self._count -= len(spans)
            self._decided[trace_id] = self._keep(spans)
            if self._decided[trace_id]:
                kept += spans
        return kept
