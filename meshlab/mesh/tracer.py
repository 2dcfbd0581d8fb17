"""Notes the spans of the requests that were chosen for tracing, and the exemplars they leave.

Whether a trace is kept is decided once, where it begins, by its id (head sampling). The context of
a request that is not kept would go through every hop with the sampled flag off and be read by
nobody, so a run stops noting it at the beginning.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from meshlab.kernel.containers import Rows
from meshlab.kernel.engine import Engine
from meshlab.kernel.record import Small, Word, record, row, seldom
from meshlab.kernel.streams import Words
from meshlab.telemetry.names import DURATION_BUCKETS
from meshlab.tracing import HeadSampler

LARGEST: Final = 2**64 - 1


@row
class SpanRow:
    """A piece of work that has ended. ``who`` is an instance's number if ``server``, else an
    upstream's; ``endpoint`` that of a try, or 0."""

    trace_high: Word
    trace_low: Word
    span: Word
    parent: Word
    start: float
    end: float
    who: Small
    endpoint: Small
    route: Small
    outcome: Small
    server: bool


@row
class ExemplarRow:
    """An observation of a call's duration that leads to a trace."""

    trace_high: Word
    trace_low: Word
    value: float
    time: float
    upstream: Small
    bucket: Small


@record
class Tracer:
    """Makes ids, and keeps the spans and exemplars of a run.

    A call is one client span with its tries as children where it begins a trace; elsewhere the
    tries are children of the server span that made the call, side by side.
    """

    engine: Engine
    on: bool
    keeps_all: bool
    bound: Word
    high: Word
    low: Word
    span: Word
    traces: Words
    ids: Words
    spans: Rows[SpanRow]
    exemplars: Rows[ExemplarRow]

    def __init__(self, engine: Engine, sampling: float, seed: int) -> None:
        self.engine = engine
        bound = HeadSampler(sampling).bound
        self.on = sampling != 0.0
        self.keeps_all = bound > LARGEST
        self.bound = min(bound, LARGEST)
        self.traces = Words(seed, "tracing/traces")
        self.ids = Words(seed, "tracing/spans")

    @seldom
    def begin(self) -> bool:
        """Begin a trace: whether it is kept. ``high``, ``low`` and ``span`` are its ids then."""
        if not self.on:
            return False
        self.high = self.traces.draw()
        self.low = self._nonzero()
        self.span = self._nonzero()
        return self.keeps_all or self.low < self.bound

    def _nonzero(self) -> int:
        word = self.traces.draw()
        while word == 0:
            word = self.traces.draw()
        return word

    @seldom
    def new_span(self) -> int:
        """The id of a span, which is never zero."""
        word = self.ids.draw()
        while word == 0:
            word = self.ids.draw()
        return word

    @seldom
    def observed(self, high: int, low: int, seconds: float, upstream: int) -> None:
        """A traced call has ended after ``seconds``: that leaves an exemplar."""
        bucket = bisect_left(DURATION_BUCKETS, seconds)
        self.exemplars.write(high, low, seconds, self.engine.now, upstream, bucket)
