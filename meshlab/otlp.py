"""Spans as OTLP/JSON, the form in which OpenTelemetry's tools pass traces on.

    resourceSpans: one for each process      resource: service.name, service.instance.id
      scopeSpans:  one, who noted the spans
        spans:     traceId, spanId, parentSpanId, name, kind, start, end, attributes, status

The form is protobuf's JSON mapping with OTLP's own rules: ids are hexadecimal and not base64, enums
are numbers and not names, keys are lowerCamelCase. 64-bit whole numbers are decimal strings, for
JSON's numbers are too small for nanoseconds since 1970. Doubles that are no numbers are "NaN",
"Infinity" and "-Infinity"; bytes are base64. Source: OpenTelemetry Protocol 1.5, "JSON
Protobuf Encoding", and its trace.proto; names of attributes: semantic conventions for HTTP spans.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from meshlab.model import ConfigError, Outcome
from meshlab.rules import check, shown
from meshlab.tracing import RANDOM, SAMPLED, Span

Attribute: TypeAlias = (
    "str | bool | int | float | bytes | Sequence[Attribute] | Mapping[str, Attribute] | None"
)
"""What an attribute may be: OTLP's AnyValue."""

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
    return json.dumps(otlp(spans, epoch), separators=(",", ":"), allow_nan=False)


def attributes(values: Mapping[str, Attribute]) -> list[dict[str, Any]]:
    """Attributes as OTLP's KeyValue list; numpy's scalars and arrays are Python's.

    ConfigError for what the form has no place for: a key that is no text, a whole number beyond 64
    bits, a text that is not Unicode, values of another kind.

    >>> attributes({"http.response.status_code": 503})
    [{'key': 'http.response.status_code', 'value': {'intValue': '503'}}]
    """
    for key in values:
        check(_is_text(key) and key != "", "attributes", "a key must be a text", key)
    return [{"key": key, "value": _any_value(value, key)} for key, value in values.items()]


def _any_value(value: object, key: str) -> dict[str, Any]:
    """One value as an AnyValue: exactly one field, or none for None."""
    where = f"attribute '{key}'"
    match value:
        case None:
            return {}
        case bool() | np.bool_():
            return {"boolValue": bool(value)}
        case int() | np.integer():
            whole = int(value)
            check(-(2**63) <= whole < 2**63, where, "a whole number must fit into 64 bits", value)
            return {"intValue": str(whole)}
        case float() | np.floating():
            return {"doubleValue": _double(float(value))}
        case str():
            check(_is_text(value), where, "a text must be Unicode", value)
            return {"stringValue": str(value)}
        case bytes():
            return {"bytesValue": b64encode(value).decode()}
        case list() | tuple():
            return {"arrayValue": {"values": [_any_value(each, key) for each in value]}}
        case np.ndarray():
            return _any_value(value.tolist(), key)
        case Mapping():
            return {"kvlistValue": {"values": attributes(value)}}
    kinds = "None, a bool, a number, a text, bytes, or a list or mapping of them"
    raise ConfigError(f"{where}: a value must be {kinds}, got {shown(value)}")


def _double(value: float) -> float | str:
    """A double in protobuf's JSON mapping, which has words for what JSON's numbers lack."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _is_text(value: object) -> bool:
    """Whether this is a text that UTF-8 can hold: half of a surrogate pair is none."""
    return isinstance(value, str) and value == value.encode(errors="replace").decode()


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


def _facts(span: Span) -> dict[str, Attribute]:
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
