"""Spans as OTLP/JSON, the form in which OpenTelemetry's tools pass traces on.

    resourceSpans: one for each process      resource: service.name, service.instance.id
      scopeSpans:  one, who noted the spans
        spans:     traceId, spanId, parentSpanId, name, kind, start, end, attributes, status

The form is protobuf's JSON mapping with OTLP's own rules: ids are hexadecimal and not base64, enums
are numbers and not names, keys are lowerCamelCase. 64-bit whole numbers are decimal strings, for
JSON's numbers are too small for nanoseconds since 1970. Source: OpenTelemetry Protocol 1.5, "JSON
Protobuf Encoding", and its trace.proto; names of attributes: semantic conventions for HTTP spans.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from meshlab.model import Outcome
from meshlab.telemetry.tracing import RANDOM, SAMPLED, Span

KIND: Final = {"server": 2, "client": 3}
"""SpanKind: SPAN_KIND_SERVER and SPAN_KIND_CLIENT."""

ERROR: Final = 2
"""StatusCode: STATUS_CODE_ERROR. Success is left unset, as the conventions for HTTP ask."""

NANOS: Final = 10**9


def otlp(spans: Iterable[Span], epoch: int = 0) -> dict[str, Any]:
    """Spans as an OTLP TracesData message.

    A run has no date: its second 0 becomes ``epoch``, in whole seconds since 1970.
    """
    processes: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        processes.setdefault((span.service, span.instance), []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": attributes(
                        {"service.name": service, "service.instance.id": instance}
                    )
                },
                "scopeSpans": [
                    {"scope": {"name": "meshlab"}, "spans": [_span(s, epoch) for s in each]}
                ],
            }
            for (service, instance), each in processes.items()
        ]
    }


def otlp_json(spans: Iterable[Span], epoch: int = 0) -> str:
    """As `otlp`, as text: one line, the form of the Collector's file exporter and receiver."""
    return json.dumps(otlp(spans, epoch), separators=(",", ":"))


def attributes(values: dict[str, str | int | float]) -> list[dict[str, Any]]:
    """Attributes as OTLP's KeyValue list.

    >>> attributes({"http.response.status_code": 503})
    [{'key': 'http.response.status_code', 'value': {'intValue': '503'}}]
    """
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: str | int | float) -> dict[str, Any]:
    match value:
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": value}


def _span(span: Span, epoch: int) -> dict[str, Any]:
    """One span; what is empty is left out. Only sampled spans are ever noted."""
    parent = {"parentSpanId": span.parent_id} if span.parent_id else {}
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        **parent,
        "flags": SAMPLED | RANDOM,
        "name": span.name,
        "kind": KIND[span.kind],
        "startTimeUnixNano": _nanos(span.start, epoch),
        "endTimeUnixNano": _nanos(span.end, epoch),
        "attributes": attributes(_facts(span)),
        **_status(span),
    }


def _facts(span: Span) -> dict[str, str | int | float]:
    """What the conventions call an answer's code and error, and the span's own attributes."""
    outcome = span.outcome
    failed = {} if outcome is Outcome.OK else {"error.type": outcome.name}
    return {"http.response.status_code": outcome.code, **failed, **span.attributes}


def _status(span: Span) -> dict[str, Any]:
    """A client's span failed from 400 on, a server's from 500 on: 499 is its caller's doing."""
    failed = span.outcome.code >= (400 if span.kind == "client" else 500)
    return {"status": {"code": ERROR, "message": span.outcome.meaning}} if failed else {}


def _nanos(seconds: float, epoch: int) -> str:
    return str(epoch * NANOS + round(seconds * NANOS))
