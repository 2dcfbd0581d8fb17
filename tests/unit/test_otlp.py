"""Spans in OTLP/JSON, held against the rules of the OpenTelemetry Protocol.

The table restates the fields of trace.proto, resource.proto and common.proto that a span may have,
with the JSON form that the protocol prescribes. No pinned package reads OTLP, so no foreign reader
is asked here.
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pytest

from meshlab import otlp as module
from meshlab.engines.run import run
from meshlab.faults import Outage
from meshlab.model import ConfigError, Outcome
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
        "intValue": lambda value: (
            text(value) and bool(re.fullmatch(r"-?\d+", value)) and -(2**63) <= int(value) < 2**63
        ),
        "doubleValue": lambda value: (
            (isinstance(value, float) and math.isfinite(value))
            or value in ("NaN", "Infinity", "-Infinity")
        ),
        "bytesValue": lambda value: text(value) and b64encode(b64decode(value)).decode() == value,
        "arrayValue": one("ArrayValue"),
        "kvlistValue": one("KeyValueList"),
    },
    "ArrayValue": {"values": repeated("AnyValue")},
    "KeyValueList": {"values": repeated("KeyValue")},
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


ANY_TRUE = {"arrayValue": {"values": [{"boolValue": True}]}}
BYTES = {"bytesValue": "AP8="}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", {"stringValue": "x"}),
        ("", {"stringValue": ""}),
        ("\U0001f600", {"stringValue": "\U0001f600"}),
        (np.str_("x"), {"stringValue": "x"}),
        (3, {"intValue": "3"}),
        (-(2**63), {"intValue": "-9223372036854775808"}),
        (2**63 - 1, {"intValue": "9223372036854775807"}),
        (np.int8(-3), {"intValue": "-3"}),
        (np.uint64(3), {"intValue": "3"}),
        (0.5, {"doubleValue": 0.5}),
        (3.0, {"doubleValue": 3.0}),
        (np.float32(0.5), {"doubleValue": 0.5}),
        (np.float64(0.5), {"doubleValue": 0.5}),
        (np.longdouble(0.5), {"doubleValue": 0.5}),
        (math.nan, {"doubleValue": "NaN"}),
        (math.inf, {"doubleValue": "Infinity"}),
        (-math.inf, {"doubleValue": "-Infinity"}),
        (np.float32("-inf"), {"doubleValue": "-Infinity"}),
        (True, {"boolValue": True}),
        (False, {"boolValue": False}),
        (np.bool_(True), {"boolValue": True}),
        (None, {}),
        (b"\x00\xff", BYTES),
        ([], {"arrayValue": {"values": []}}),
        ([1, None], {"arrayValue": {"values": [{"intValue": "1"}, {}]}}),
        (("a", [True]), {"arrayValue": {"values": [{"stringValue": "a"}, ANY_TRUE]}}),
        (np.array([0.5]), {"arrayValue": {"values": [{"doubleValue": 0.5}]}}),
        (np.array(7), {"intValue": "7"}),
        ({"k": b"\x00\xff"}, {"kvlistValue": {"values": [{"key": "k", "value": BYTES}]}}),
    ],
    ids=repr,
)
def test_an_attribute_has_the_type_of_its_value(value: Any, expected: dict[str, Any]) -> None:
    pairs = module.attributes({"a": value})
    assert pairs == [{"key": "a", "value": expected}]
    assert [type(v) for v in pairs[0]["value"].values()] == [type(v) for v in expected.values()]
    through_json = json.loads(json.dumps(pairs, allow_nan=False))
    assert through_json == pairs
    assert repeated("KeyValue")(through_json)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (2**63, "attribute 'a': a whole number must fit into 64 bits, got 9223372036854775808"),
        (-(2**63) - 1, "attribute 'a': a whole number must fit into 64 bits, got -92233720368547"),
        (np.uint64(2**63), "attribute 'a': a whole number must fit into 64 bits, got np.uint64"),
        ([1, 2**64], "attribute 'a': a whole number must fit into 64 bits, got 184467440737095"),
        ("\ud800", "attribute 'a': a text must be Unicode, got '\\ud800'"),
        (1j, "attribute 'a': a value must be None, a bool, a number, a text, bytes, or a list or"),
        (np.complex64(1), "attribute 'a': a value must be None, a bool, a number"),
        (np.datetime64(0, "s"), "attribute 'a': a value must be None, a bool, a number"),
        ({1, 2}, "attribute 'a': a value must be None, a bool, a number"),
        (Decimal(1), "attribute 'a': a value must be None, a bool, a number"),
        (object, "attribute 'a': a value must be None, a bool, a number"),
        ({1: "x"}, "attributes: a key must be a text, got 1"),
        ({"": "x"}, "attributes: a key must be a text, got ''"),
        ({"\udc00": "x"}, "attributes: a key must be a text, got '\\udc00'"),
    ],
    ids=repr,
)
def test_an_attribute_that_the_form_has_no_place_for_is_refused(value: Any, rule: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(rule)):
        module.attributes({"a": value})


def test_a_span_with_attributes_of_every_kind_is_valid_json() -> None:
    odd: Any = {"n": math.nan, "b": True, "l": [None, np.int64(4)]}
    text = otlp_json([replace(a_span(Outcome.OK), attributes=odd)])
    found = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert follows("TracesData", found)


def test_the_same_spans_give_the_same_text_in_one_line() -> None:
    assert otlp_json(spans()) == otlp_json(spans())
    assert "\n" not in otlp_json(spans())


def test_no_spans_are_an_empty_message() -> None:
    assert otlp([]) == {"resourceSpans": []}
