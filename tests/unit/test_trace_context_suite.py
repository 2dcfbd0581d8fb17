"""The W3C's own test suite for services that take part in Trace Context, case by case.

The cases are those of ``test/test.py`` in w3c/trace-context, restated as a table: what a service
receives, and what it must send on. Where Level 1 and Level 2 differ, in the keys of tracestate, the
expectation is that of Level 2: an at sign may stand anywhere but first, and only the whole key has
a limit.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from meshlab.tracing import HeadSampler, Words, extract, kept_trace, new_span_id, words

Headers = list[tuple[str, str]]

TRACE, SPAN = "12345678901234567890123456789012", "1234567890123456"
VALID = f"00-{TRACE}-{SPAN}-01"
PARENT = ("traceparent", f"00-{TRACE}-{SPAN}-00")


def served(arrived: Headers, draw: Words, calls: int = 1) -> list[dict[str, str]]:
    """What a service sends with each of its calls after a request with these headers arrived."""
    context = extract(arrived) or kept_trace(draw, HeadSampler(1.0))
    assert context is not None
    return [context.child(new_span_id(draw)).headers() for _ in range(calls)]


@pytest.fixture
def draw() -> Words:
    return words(1, "suite/ids")


def ids(sent: dict[str, str]) -> tuple[str, str]:
    """Trace id and span id of a header that must be well-formed."""
    assert sent.keys() <= {"traceparent", "tracestate"}
    version, trace_id, span_id, flags = sent["traceparent"].split("-")
    for text, digits in ((version, 2), (trace_id, 32), (span_id, 16), (flags, 2)):
        assert len(text) == digits
        assert set(text) <= set("0123456789abcdef")
    assert version == "00" and int(trace_id, 16) and int(span_id, 16)
    return trace_id, span_id


BEGINS_A_TRACE: dict[str, Headers] = {
    "nothing": [],
    "two traceparents": [("traceparent", f"00-{TRACE[:-1]}1-{SPAN}-01"), ("traceparent", VALID)],
    "trace-parent": [("trace-parent", VALID)],
    "trace.parent": [("trace.parent", VALID)],
    **{
        title: [("traceparent", header)]
        for title, header in {
            "version 00, dot": f"{VALID}.",
            "version 00, more": f"{VALID}-what-the-future-will-be-like",
            "version cc, dot": f"cc-{TRACE}-{SPAN}-01.what-the-future-will-be-like",
            "version ff": f"ff-{TRACE}-{SPAN}-01",
            "version .0": f".0-{TRACE}-{SPAN}-01",
            "version 0.": f"0.-{TRACE}-{SPAN}-01",
            "version 000": f"000-{TRACE}-{SPAN}-01",
            "version 0000": f"0000-{TRACE}-{SPAN}-01",
            "version 0": f"0-{TRACE}-{SPAN}-01",
            "trace id zero": f"00-{'0' * 32}-{SPAN}-01",
            "trace id .2": f"00-.{TRACE[1:]}-{SPAN}-01",
            "trace id 1.": f"00-{TRACE[:-1]}.-{SPAN}-01",
            "trace id long": f"00-{TRACE}3-{SPAN}-01",
            "trace id short": f"00-{TRACE[:-1]}-{SPAN}-01",
            "parent id zero": f"00-{TRACE}-{'0' * 16}-01",
            "parent id .2": f"00-{TRACE}-.{SPAN[1:]}-01",
            "parent id 5.": f"00-{TRACE}-{SPAN[:-1]}.-01",
            "parent id long": f"00-{TRACE}-{SPAN}7-01",
            "parent id short": f"00-{TRACE}-{SPAN[:-1]}-01",
            "flags .0": f"00-{TRACE}-{SPAN}-.0",
            "flags 0.": f"00-{TRACE}-{SPAN}-0.",
            "flags long": f"00-{TRACE}-{SPAN}-001",
            "flags short": f"00-{TRACE}-{SPAN}-1",
        }.items()
    },
    "tracestate alone": [("tracestate", "foo=1")],
    "tracestate alone, two members": [("tracestate", "foo=1,bar=2")],
}


@pytest.mark.parametrize("arrived", BEGINS_A_TRACE.values(), ids=BEGINS_A_TRACE)
def test_a_new_trace_begins_and_no_tracestate_is_sent(arrived: Headers, draw: Words) -> None:
    (sent,) = served(arrived, draw)
    trace_id, _ = ids(sent)
    assert trace_id[:31] not in (TRACE[:31], TRACE[1:])
    assert "tracestate" not in sent


GOES_ON: dict[str, Headers] = {
    "traceparent": [("traceparent", VALID)],
    "TraceParent": [("TraceParent", VALID)],
    "TrAcEpArEnT": [("TrAcEpArEnT", VALID)],
    "TRACEPARENT": [("TRACEPARENT", VALID)],
    "version cc": [("traceparent", f"cc-{TRACE}-{SPAN}-01")],
    "version cc, more": [("traceparent", f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like")],
    "space before": [("traceparent", f" {VALID}")],
    "tab before": [("traceparent", f"\t{VALID}")],
    "space after": [("traceparent", f"{VALID} ")],
    "tab after": [("traceparent", f"{VALID}\t")],
    "both around": [("traceparent", f"\t {VALID} \t")],
}


@pytest.mark.parametrize("arrived", GOES_ON.values(), ids=GOES_ON)
def test_the_trace_goes_on_with_another_parent(arrived: Headers, draw: Words) -> None:
    (sent,) = served(arrived, draw)
    trace_id, span_id = ids(sent)
    assert trace_id == TRACE
    assert span_id != SPAN


CHARACTERS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")
KEY = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"


def state(*headers: str, name: str = "tracestate") -> Headers:
    return [(name, header) for header in headers]


def bars(last: int) -> list[str]:
    """Members bar01=01 and so on, ten in each header."""
    pairs = [f"bar{i:02}={i:02}" for i in range(1, last + 1)]
    return [",".join(pairs[i : i + 10]) for i in range(0, last, 10)]


INHERITED: dict[str, tuple[Headers, str]] = {
    "two members": (state("foo=1,bar=2"), "foo=1,bar=2"),
    "TraceState": (state("foo=1", name="TraceState"), "foo=1"),
    "TrAcEsTaTe": (state("foo=1", name="TrAcEsTaTe"), "foo=1"),
    "TRACESTATE": (state("foo=1", name="TRACESTATE"), "foo=1"),
    "an empty header after it": (state("foo=1", ""), "foo=1"),
    "an empty header before it": (state("", "foo=1"), "foo=1"),
    "several headers": (
        state("foo=1,bar=2", "rojo=1,congo=2", "baz=3"),
        "foo=1,bar=2,rojo=1,congo=2,baz=3",
    ),
    "a duplicate": (state("foo=1,foo=1"), "foo=1"),
    "a duplicate with another value": (state("foo=1,foo=2"), "foo=1"),
    "a duplicate in another header": (state("foo=1", "foo=1"), "foo=1"),
    "a duplicate in another header with another value": (state("foo=1", "foo=2"), "foo=1"),
    "every character": (state(f"{KEY}={CHARACTERS}"), f"{KEY}={CHARACTERS}"),
    "every character, tenant": (state(f"{KEY}@a-z0-9_-*/=1"), f"{KEY}@a-z0-9_-*/=1"),
    "spaces and tabs": (state("foo=1 \t , \t bar=2, \t baz=3"), "foo=1,bar=2,baz=3"),
    "tabs and spaces": (state("foo=1\t \t,\t \tbar=2,\t \tbaz=3"), "foo=1,bar=2,baz=3"),
    "space before": (state(" foo=1"), "foo=1"),
    "tab before": (state("\tfoo=1"), "foo=1"),
    "space after": (state("foo=1 "), "foo=1"),
    "tab after": (state("foo=1\t"), "foo=1"),
    "both around": (state("\t foo=1 \t"), "foo=1"),
    "32 members": (state(*bars(32)), ",".join(bars(32))),
    "key of 256": (state("foo=1", "z" * 256 + "=1"), f"foo=1,{'z' * 256}=1"),
    "tenant of 241": (
        state("foo=1", "t" * 241 + "@" + "v" * 14 + "=1"),
        f"foo=1,{'t' * 241}@{'v' * 14}=1",
    ),
    # Level 1 discards these: its tenants have 241 and its systems 14 characters, and one at sign.
    "Level 2: tenant of 242": (state("foo=1", "t" * 242 + "@v=1"), f"foo=1,{'t' * 242}@v=1"),
    "Level 2: system of 15": (state("foo=1", "t@" + "v" * 15 + "=1"), f"foo=1,t@{'v' * 15}=1"),
    "Level 2: no system": (state("foo@=1,bar=2"), "foo@=1,bar=2"),
    "Level 2: two at signs": (state("foo@@bar=1,bar=2"), "foo@@bar=1,bar=2"),
    "Level 2: two systems": (state("foo@bar@baz=1,bar=2"), "foo@bar@baz=1,bar=2"),
}


@pytest.mark.parametrize(("arrived", "expected"), INHERITED.values(), ids=INHERITED)
def test_the_tracestate_is_inherited(arrived: Headers, expected: str, draw: Words) -> None:
    (sent,) = served([PARENT, *arrived], draw)
    assert ids(sent)[0] == TRACE
    assert sent["tracestate"] == expected


DISCARDED: dict[str, Headers] = {
    "trace-state": state("foo=1", name="trace-state"),
    "trace.state": state("foo=1", name="trace.state"),
    "empty": state(""),
    "space in a key": state("foo =1"),
    "upper case": state("FOO=1"),
    "dot in a key": state("foo.bar=1"),
    "no tenant": state("@foo=1,bar=2"),
    "33 members": state(*bars(33)),
    "key of 257": state("foo=1", "z" * 257 + "=1"),
    "two equals signs": state("foo=bar=baz"),
    "no value": state("foo=,bar=3"),
}


@pytest.mark.parametrize("arrived", DISCARDED.values(), ids=DISCARDED)
def test_the_tracestate_is_discarded_and_the_trace_goes_on(arrived: Headers, draw: Words) -> None:
    (sent,) = served([PARENT, *arrived], draw)
    assert ids(sent)[0] == TRACE
    assert "tracestate" not in sent


def distinct(sent: Iterable[dict[str, str]]) -> tuple[set[str], set[str]]:
    trace_ids, span_ids = zip(*map(ids, sent), strict=True)
    return set(trace_ids), set(span_ids)


@pytest.mark.parametrize(
    ("arrived", "same"),
    [
        ([("traceparent", VALID)], True),
        ([], False),
        ([("traceparent", f"00-{'0' * 32}-{SPAN}-01")], False),
    ],
)
def test_three_calls_have_three_parents_in_one_trace(
    arrived: Headers, same: bool, draw: Words
) -> None:
    trace_ids, span_ids = distinct(served(arrived, draw, calls=3))
    assert len(trace_ids) == 1
    assert (trace_ids == {TRACE}) == same
    assert len(span_ids) == 3
    assert SPAN not in span_ids
