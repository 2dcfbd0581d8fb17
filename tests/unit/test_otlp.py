"""Spans in OTLP/JSON, held against the rules of the OpenTelemetry Protocol.

The table restates the fields of trace.proto, resource.proto and common.proto that a span may have,
with the JSON form that the protocol prescribes. No pinned package reads OTLP, so no foreign reader
is asked here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from meshlab import otlp as module
from meshlab.engines.run import run
from meshlab.faults import Outage
from meshlab.model import Outcome
from meshlab.otlp import otlp, otlp_json
from meshlab.shop import shop
from meshlab.tracing import Span

U64 = 2**64 - 1

Rule = Callable[[Any], bool]


def hexadecimal(digits: int) -> Rule:
    return lambda v: isinstance(v, str) and bool(re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", v))


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def text(value: Any) -> bool:
    return isinstance(value, str)


def long(value: Any) -> bool:
    return isinstance(value, str) and value.isdecimal() and int(value) <= U64


def repeated(message: str) -> Rule:
    return lambda value: isinstance(value, list) and all(follows(message, each) for each in value)


def one(message: str) -> Rule:
    return lambda value: follows(message, value)


FIELDS: dict[str, dict[str, Rule]] = {
    "TracesData": {"resourceSpans": repeated("ResourceSpans")},
    "ResourceSpans": {
        "resource": one("Resource"),
        "scopeSpans": repeated("ScopeSpans"),
        "schemaUrl": text,
    },
    "Resource": {"attributes": repeated("KeyValue"), "droppedAttributesCount": whole},
    "ScopeSpans": {"scope": one("Scope"), "spans": repeated("Span"), "schemaUrl": text},
    "Scope": {"name": text, "version": text, "attributes": repeated("KeyValue")},
    "Span": {
        "traceId": hexadecimal(32),
        "spanId": hexadecimal(16),
        "parentSpanId": hexadecimal(16),
        "traceState": text,
        "flags": whole,
        "name": text,
        "kind": lambda value: whole(value) and 0 <= value <= 5,
        "startTimeUnixNano": long,
        "endTimeUnixNano": long,
        "attributes": repeated("KeyValue"),
        "status": one("Status"),
    },
    "Status": {"message": text, "code": lambda value: whole(value) and 0 <= value <= 2},
    "KeyValue": {"key": text, "value": one("AnyValue")},
    "AnyValue": {
        "stringValue": text,
        "boolValue": lambda value: isinstance(value, bool),
        "intValue": lambda value: text(value) and bool(re.fullmatch(r"-?\d+", value)),
        "doubleValue": lambda value: isinstance(value, float),
    },
}


def follows(message: str, value: Any) -> bool:
    """Whether a value is this message: only fields that it has, each in its form."""
    fields = FIELDS[message]
    return isinstance(value, dict) and all(k in fields and fields[k](v) for k, v in value.items())


@cache
def spans() -> tuple[Span, ...]:
    outage = Outage(service="payment", start=2, end=3)
    scenario = replace(shop(rate=10, duration=5), trace_sampling=1.0, faults=(outage,))
    return run(scenario).spans


def written(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [s for r in message["resourceSpans"] for each in r["scopeSpans"] for s in each["spans"]]


def attributes(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values())) for pair in pairs}


def a_span(outcome: Outcome, kind: Any = "server") -> Span:
    return Span("a" * 32, "b" * 16, None, "cart/", kind, "cart", "cart-1", 1.25, 1.5, outcome)


def test_a_run_follows_the_rules_of_the_protocol() -> None:
    message = json.loads(otlp_json(spans()))
    assert follows("TracesData", message)
    assert len(written(message)) == len(spans()) > 1000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("traceId", "q" * 32),
        ("traceId", "a" * 24),
        ("kind", "SPAN_KIND_SERVER"),
        ("startTimeUnixNano", 1_250_000_000),
        ("trace_id", "a" * 32),
        ("status", {"code": "STATUS_CODE_ERROR"}),
        ("attributes", [{"key": "x", "value": {"intValue": 3}}]),
    ],
)
def test_the_rules_of_this_test_refuse_what_the_protocol_forbids(field: str, value: object) -> None:
    (span,) = written(otlp([a_span(Outcome.OK)]))
    assert follows("Span", span)
    assert not follows("Span", {**span, field: value})


def test_every_span_has_what_is_required_and_keeps_its_identity() -> None:
    kept = {(s.trace_id, s.span_id): s for s in spans()}
    for span in written(otlp(spans())):
        of = kept.pop((span["traceId"], span["spanId"]))
        assert span.get("parentSpanId") == of.parent_id
        assert span["name"] == of.name != ""
        assert int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"])
    assert kept == {}


def test_a_process_is_one_resource_with_its_service_and_instance() -> None:
    resources = [attributes(r["resource"]["attributes"]) for r in otlp(spans())["resourceSpans"]]
    names = {(s.service, s.instance) for s in spans()}
    assert {(r["service.name"], r["service.instance.id"]) for r in resources} == names
    assert len(resources) == len(names)


@pytest.mark.parametrize("epoch", [0, 1_700_000_000])
def test_times_are_nanoseconds_after_the_epoch(epoch: int) -> None:
    (span,) = written(otlp([a_span(Outcome.OK)], epoch))
    assert span["startTimeUnixNano"] == str(epoch * 10**9 + 1_250_000_000)
    assert span["endTimeUnixNano"] == str(epoch * 10**9 + 1_500_000_000)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize(("kind", "number"), [("server", 2), ("client", 3)])
def test_kind_status_and_error_say_how_it_ended(outcome: Outcome, kind: str, number: int) -> None:
    (span,) = written(otlp([a_span(outcome, kind)]))
    facts = attributes(span["attributes"])
    assert span["kind"] == number
    assert facts["http.response.status_code"] == str(outcome.code)
    assert facts.get("error.type") == (None if outcome is Outcome.OK else outcome.name)
    own_fault = outcome.code >= 500 or (kind == "client" and outcome is not Outcome.OK)
    assert span.get("status", {}).get("code") == (2 if own_fault else None)


def test_attributes_have_the_type_of_their_value() -> None:
    pairs = module.attributes({"a": "x", "b": 3, "c": 0.5})
    assert [pair["value"] for pair in pairs] == [
        {"stringValue": "x"},
        {"intValue": "3"},
        {"doubleValue": 0.5},
    ]
    assert repeated("KeyValue")(pairs)


def test_the_same_spans_give_the_same_text_in_one_line() -> None:
    assert otlp_json(spans()) == otlp_json(spans())
    assert "\n" not in otlp_json(spans())


def test_no_spans_are_an_empty_message() -> None:
    assert otlp([]) == {"resourceSpans": []}
