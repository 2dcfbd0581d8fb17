"""What can be seen of a run, and how one asks for it.

names, counts           the metrics, and the slots in which the hot path counts them
recorder, series        scrapes, and what they recorded as tidy frames and columns
promql                  rate, increase, histogram_quantile and the like, as Prometheus has them
exposition_formats      what a scrape would read, in Prometheus' formats
ledger                  why: every rare decision with its evidence
tracing, trace_views    spans, their trees, own time; tail_sampling keeps some
central, central_views  the collector that every service reports to, and what it stored
onset_detection         which metric moved first
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlab.model.face import face

if TYPE_CHECKING:
    from meshlab.telemetry.central import Central as Central
    from meshlab.telemetry.central import Record as Record
    from meshlab.telemetry.central_views import stored as stored
    from meshlab.telemetry.central_views import summary as summary
    from meshlab.telemetry.central_views import windows as windows
    from meshlab.telemetry.columns import Columns as Columns
    from meshlab.telemetry.exposition_formats import exposition as exposition
    from meshlab.telemetry.exposition_formats import openmetrics as openmetrics
    from meshlab.telemetry.ledger import Entry as Entry
    from meshlab.telemetry.ledger import Ledger as Ledger
    from meshlab.telemetry.names import METRICS as METRICS
    from meshlab.telemetry.names import Metric as Metric
    from meshlab.telemetry.onset_detection import Onset as Onset
    from meshlab.telemetry.onset_detection import onset as onset
    from meshlab.telemetry.onset_detection import onsets as onsets
    from meshlab.telemetry.promql import divide as divide
    from meshlab.telemetry.promql import histogram_quantile as histogram_quantile
    from meshlab.telemetry.promql import increase as increase
    from meshlab.telemetry.promql import irate as irate
    from meshlab.telemetry.promql import rate as rate
    from meshlab.telemetry.series import aggregate as aggregate
    from meshlab.telemetry.series import latest as latest
    from meshlab.telemetry.tail_sampling import tail_sample as tail_sample
    from meshlab.telemetry.trace_views import by_trace as by_trace
    from meshlab.telemetry.trace_views import own_seconds as own_seconds
    from meshlab.telemetry.trace_views import own_seconds_by_service as own_seconds_by_service
    from meshlab.telemetry.tracing import HeadSampler as HeadSampler
    from meshlab.telemetry.tracing import Span as Span
    from meshlab.telemetry.tracing import parse_traceparent as parse_traceparent
    from meshlab.telemetry.tracing import parse_tracestate as parse_tracestate
    from meshlab.telemetry.tracing import tree as tree

_HOMES = {
    "meshlab.telemetry.central": "Central Record",
    "meshlab.telemetry.central_views": "stored summary windows",
    "meshlab.telemetry.columns": "Columns",
    "meshlab.telemetry.exposition_formats": "exposition openmetrics",
    "meshlab.telemetry.ledger": "Entry Ledger",
    "meshlab.telemetry.names": "METRICS Metric",
    "meshlab.telemetry.onset_detection": "Onset onset onsets",
    "meshlab.telemetry.promql": "divide histogram_quantile increase irate rate",
    "meshlab.telemetry.series": "aggregate latest",
    "meshlab.telemetry.tail_sampling": "tail_sample",
    "meshlab.telemetry.trace_views": "by_trace own_seconds own_seconds_by_service",
    "meshlab.telemetry.tracing": "HeadSampler Span parse_traceparent parse_tracestate tree",
}

if not TYPE_CHECKING:  # for a type checker a misspelled name stays an error
    __getattr__, __dir__, __all__ = face(__name__, _HOMES)
