"""Notes the spans of the requests that were chosen for tracing, and the exemplars they leave.

Whether a trace is kept is decided once, where it begins, by its id (head sampling). The context of
a request that is not kept would go through every hop with the sampled flag off and be read by
nobody, so a run stops noting it at the beginning.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from meshlab.mesh.registry import bucket_key
from meshlab.model import Outcome
from meshlab.telemetry.names import DURATION_BUCKETS, MESH_REQUEST_DURATION
from meshlab.telemetry.series import Exemplar
from meshlab.telemetry.tracing import (
    HeadSampler,
    Span,
    TraceContext,
    kept_trace,
    new_span_id,
    words,
)

if TYPE_CHECKING:
    from meshlab.mesh.service import Job
    from meshlab.mesh.sidecar import Call, Send


class Tracer:
    """Makes contexts, and keeps the spans and exemplars of a run.

    A call is one client span with its tries as children where it begins a trace; elsewhere the
    tries are children of the server span that made the call, side by side.
    """

    def __init__(self, sampling: float, seed: int) -> None:
        self.spans: list[Span] = []
        self.exemplars: list[Exemplar] = []
        self._sampler = HeadSampler(sampling)
        self._traces = words(seed, "tracing/traces")
        self._ids = words(seed, "tracing/spans")

    def root(self) -> TraceContext | None:
        """The context of a new trace; None if it is not kept."""
        if self._sampler.ratio == 0.0:
            return None
        return kept_trace(self._traces, self._sampler)

    def child(self, context: TraceContext) -> TraceContext:
        """The context of a span that ``context`` causes."""
        return context.child(new_span_id(self._ids))

    def call_ended(self, call: Call, outcome: Outcome, now: float) -> None:
        """A call is over: it leaves an exemplar, and a span where it began its trace."""
        upstream, edge = call.upstream, call.upstream.edge
        seconds = now - call.started
        index = bisect_left(DURATION_BUCKETS, seconds)
        series = bucket_key(MESH_REQUEST_DURATION, index, edge.source, edge.destination)
        trace_id = call.trace.trace_id
        self.exemplars.append(
            Exemplar(
                target=upstream.sidecar, series=series, trace_id=trace_id, value=seconds, time=now
            )
        )
        if call.begins_trace:
            self._client(call, call.trace, None, call.started, outcome, now)

    def try_ended(self, send: Send, outcome: Outcome, now: float) -> None:
        """A try is over, as its caller saw it."""
        parent = send.call.trace.span_id
        self._client(send.call, send.span, parent, send.sent_at, outcome, now, send.endpoint.name)

    def _client(
        self,
        call: Call,
        context: TraceContext,
        parent: str | None,
        start: float,
        outcome: Outcome,
        now: float,
        endpoint: str = "",
    ) -> None:
        edge = call.upstream.edge
        attributes: dict[str, str | float] = {"endpoint": endpoint} if endpoint else {}
        self.spans.append(
            Span(
                trace_id=context.trace_id,
                span_id=context.span_id,
                parent_id=parent,
                name=f"{edge.destination}{call.request.route}",
                kind="client",
                service=edge.source,
                instance=call.upstream.sidecar,
                start=start,
                end=now,
                outcome=outcome,
                attributes=attributes,
            )
        )

    def job_ended(self, job: Job, outcome: Outcome, now: float) -> None:
        """An instance has answered, whether or not anybody still waits."""
        service = job.instance.service.name
        self.spans.append(
            Span(
                trace_id=job.trace.trace_id,
                span_id=job.trace.span_id,
                parent_id=job.send.span.span_id,
                name=f"{service}{job.send.call.request.route}",
                kind="server",
                service=service,
                instance=job.instance.name,
                start=job.arrived,
                end=now,
                outcome=outcome,
            )
        )
