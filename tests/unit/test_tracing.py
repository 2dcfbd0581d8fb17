"""Trace context as the W3C wrote it, ids, sampling and the tree of spans.

The header cases are those of the working group's own test suite for Trace Context, with the
examples of the specification.
"""

from __future__ import annotations

import random
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given

from meshlab.kernel.streams import BLOCK, generator
from meshlab.model import ConfigError, Outcome
from meshlab.tracing import (
    HeadSampler,
    Node,
    Span,
    TraceContext,
    Words,
    format_traceparent,
    kept_trace,
    new_span_id,
    parse_traceparent,
    parse_tracestate,
    tree,
    words,
)

TRACE = "12345678901234567890123456789012"
SPAN = "1234567890123456"
VALID = f"00-{TRACE}-{SPAN}-01"


# traceparent


def test_the_examples_of_the_specification_are_read() -> None:
    trace_id, span_id = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    assert parse_traceparent(f"00-{trace_id}-{span_id}-01") == TraceContext(trace_id, span_id, True)
    assert parse_traceparent(f"00-{trace_id}-{span_id}-00") == TraceContext(
        trace_id, span_id, False
    )


MALFORMED = {
    "nothing": "",
    "only white space": " \t ",
    "text": "hello",
    "version 00 with a character after it": f"{VALID}.",
    "version 00 with a dash after it": f"{VALID}-",
    "version 00 with more fields": f"{VALID}-what-the-future-will-be-like",
    "version ff": f"ff-{TRACE}-{SPAN}-01",
    "version ff with more fields": f"ff-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
    "a later version with a character after it": f"cc-{TRACE}-{SPAN}-01.what-the-future-holds",
    "a later version that is too short": f"cc-{TRACE}-{SPAN}",
    "illegal character first in version": f".0-{TRACE}-{SPAN}-01",
    "illegal character last in version": f"0.-{TRACE}-{SPAN}-01",
    "upper case in version": f"CC-{TRACE}-{SPAN}-01",
    "version of three digits": f"000-{TRACE}-{SPAN}-01",
    "version of four digits": f"0000-{TRACE}-{SPAN}-01",
    "version of one digit": f"0-{TRACE}-{SPAN}-01",
    "no version": f"{TRACE}-{SPAN}-01",
    "trace id all zero": f"00-{'0' * 32}-{SPAN}-01",
    "trace id all zero in a later version": f"cc-{'0' * 32}-{SPAN}-01",
    "illegal character first in trace id": f"00-.{TRACE[1:]}-{SPAN}-01",
    "illegal character last in trace id": f"00-{TRACE[:-1]}.-{SPAN}-01",
    "upper case in trace id": f"00-{'A' * 32}-{SPAN}-01",
    "trace id too long": f"00-{TRACE}3-{SPAN}-01",
    "trace id too short": f"00-{TRACE[:-1]}-{SPAN}-01",
    "span id all zero": f"00-{TRACE}-{'0' * 16}-01",
    "illegal character first in span id": f"00-{TRACE}-.{SPAN[1:]}-01",
    "illegal character last in span id": f"00-{TRACE}-{SPAN[:-1]}.-01",
    "upper case in span id": f"00-{TRACE}-{'B' * 16}-01",
    "span id too long": f"00-{TRACE}-{SPAN}7-01",
    "span id too short": f"00-{TRACE}-{SPAN[:-1]}-01",
    "illegal character first in flags": f"00-{TRACE}-{SPAN}-.0",
    "illegal character last in flags": f"00-{TRACE}-{SPAN}-0.",
    "upper case in flags": f"00-{TRACE}-{SPAN}-0A",
    "flags too long": f"00-{TRACE}-{SPAN}-001",
    "flags too short": f"00-{TRACE}-{SPAN}-1",
    "no flags": f"00-{TRACE}-{SPAN}",
    "the header sent twice": f"{VALID},{VALID}",
    "underscores for dashes": VALID.replace("-", "_"),
    "a line break at the end": f"{VALID}\n",
    "a line break in a later version": f"cc-{TRACE}-{SPAN}-01-more\n",
    "digits of another script": f"00-{'٣' * 32}-{SPAN}-01",
}


@pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_traceparent_begins_a_new_trace(header: str) -> None:
    assert parse_traceparent(header, "foo=1") is None


@pytest.mark.parametrize("more", ["", "-", "-what-the-future-will-be-like"])
@pytest.mark.parametrize("version", ["01", "cc", "fe"])
def test_of_a_later_version_the_known_part_is_read(version: str, more: str) -> None:
    context = parse_traceparent(f"{version}-{TRACE}-{SPAN}-01{more}")
    assert context == TraceContext(TRACE, SPAN, True)
    assert format_traceparent(context) == VALID  # and it goes on in the version known here


@pytest.mark.parametrize("before", ["", " ", "\t", "\t "])
@pytest.mark.parametrize("after", ["", " ", "\t", " \t"])
def test_white_space_around_a_header_is_no_part_of_it(before: str, after: str) -> None:
    assert parse_traceparent(before + VALID + after) == TraceContext(TRACE, SPAN, True)


@pytest.mark.parametrize("bits", range(256))
def test_flags_are_read_by_bit_and_the_unknown_ones_are_not_sent_on(bits: int) -> None:
    context = parse_traceparent(f"00-{TRACE}-{SPAN}-{bits:02x}")
    assert context is not None
    assert context.sampled == (bits % 2 == 1)
    assert context.random == (bits // 2 % 2 == 1)
    assert format_traceparent(context) == f"00-{TRACE}-{SPAN}-{bits % 4:02x}"


ids = st.tuples(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))


@given(ids=ids, sampled=st.booleans(), random=st.booleans())
def test_what_is_sent_is_what_arrives(ids: tuple[int, int], sampled: bool, random: bool) -> None:
    sent = TraceContext(f"{ids[0]:032x}", f"{ids[1]:016x}", sampled, "a=1,b=2", random)
    headers = sent.headers()
    assert len(headers["traceparent"]) == 55
    assert parse_traceparent(headers["traceparent"], headers["tracestate"]) == sent


@given(header=st.text(), state=st.text())
def test_no_text_whatsoever_makes_the_parsers_fail(header: str, state: str) -> None:
    assert parse_traceparent(header) is None
    parse_tracestate(state)
    assert parse_traceparent(VALID, state) is not None


@given(place=st.integers(0, 54), letter=st.characters())
def test_one_wrong_character_anywhere_is_found(place: int, letter: str) -> None:
    header = VALID[:place] + letter + VALID[place + 1 :]
    context = parse_traceparent(header)
    if place in (2, 35, 52):
        assert (context is not None) == (letter == "-")
    elif letter not in "0123456789abcdef":
        assert context is None


# tracestate


def members(*pairs: str) -> tuple[tuple[str, str], ...]:
    return tuple((pair.split("=")[0], pair.split("=")[1]) for pair in pairs)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("rojo=00f067aa0ba902b7", members("rojo=00f067aa0ba902b7")),
        ("foo=1,bar=2", members("foo=1", "bar=2")),
        ("foo=1 \t , \t bar=2, \t baz=3", members("foo=1", "bar=2", "baz=3")),
        ("foo=1\t \t,\t \tbar=2,\t \tbaz=3", members("foo=1", "bar=2", "baz=3")),
        (" foo=1", members("foo=1")),
        ("\tfoo=1", members("foo=1")),
        ("foo=1 ", members("foo=1")),
        ("foo=1\t", members("foo=1")),
        ("\t foo=1 \t", members("foo=1")),
        ("", ()),
        (" , ,\t", ()),
        ("foo=1,", members("foo=1")),
        (",foo=1", members("foo=1")),
        ("foo= 1", members("foo= 1")),  # blanks before a value belong to it
        ("0tenant@system=1", members("0tenant@system=1")),
        ("congo=2,rojo=1,congo=1", members("congo=2", "rojo=1")),  # the newest is kept
    ],
)
def test_a_tracestate_keeps_its_members_in_order(
    header: str, expected: tuple[tuple[str, str], ...]
) -> None:
    assert parse_tracestate(header) == expected


def test_several_tracestate_headers_are_read_after_joining_them() -> None:
    headers = ["foo=1,bar=2", "", "rojo=1,congo=2", "baz=3"]
    together = parse_tracestate(",".join(headers))
    assert together == members("foo=1", "bar=2", "rojo=1", "congo=2", "baz=3")


def test_every_character_that_the_specification_allows_is_allowed() -> None:
    key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
    value = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")
    assert parse_tracestate(f"{key}={value}") == ((key, value),)
    tenant = f"{key}@a-z0-9_-*/"
    assert parse_tracestate(f"{tenant}={value}") == ((tenant, value),)


@pytest.mark.parametrize("length", [1, 255, 256])
def test_keys_and_values_may_have_256_characters(length: int) -> None:
    assert parse_tracestate(f"{'z' * length}=1") == (("z" * length, "1"),)
    assert parse_tracestate(f"k={'v' * length}") == (("k", "v" * length),)
    assert parse_tracestate("t" * 241 + "@" + "v" * 14 + "=1") is not None


def test_a_tracestate_has_32_members_at_most_and_empty_ones_do_not_count() -> None:
    most = [f"bar{i:02}={i:02}" for i in range(32)]
    assert len(parse_tracestate(",,".join(most)) or ()) == 32
    assert parse_tracestate(",".join([*most, "bar32=32"])) is None
    assert parse_tracestate(",".join([*most, "bar00=00"])) is None  # a duplicate is a member


@pytest.mark.parametrize(
    "header",
    [
        "foo",
        "=",
        "=1",
        "foo=",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "_foo=1",
        "@foo=1,bar=2",
        "foo=bar=baz",
        "foo=,bar=3",
        "foo=1\nbar",
        "foo=1\n",
        "\u2003foo=1",
        "foo=\x7f",
        "foo=\tbar",
        "foo=ü",
        "ü=1",
        "foo=1;bar 2,baz",
        "z" * 257 + "=1",
        "t" * 242 + "@" + "v" * 14 + "=1",
        "foo=" + "v" * 257,
    ],
)
def test_a_malformed_tracestate_is_dropped_alone(header: str) -> None:
    assert parse_tracestate(header) is None
    assert parse_traceparent(VALID, header) == TraceContext(TRACE, SPAN, True, tracestate="")


@pytest.mark.parametrize("header", ["foo@=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2"])
def test_keys_that_only_level_1_forbade_are_read_as_level_2_says(header: str) -> None:
    parsed = parse_tracestate(header)
    assert parsed is not None
    assert parsed[-1] == ("bar", "2")


def test_a_context_without_tracestate_sends_none() -> None:
    assert TraceContext(TRACE, SPAN, False).headers() == {"traceparent": f"00-{TRACE}-{SPAN}-00"}


# ids and sampling


def test_a_child_has_the_trace_and_everything_else_of_its_parent_but_the_span_id() -> None:
    parent = TraceContext(TRACE, SPAN, True, "foo=1", random=True)
    child = parent.child("00000000000000ab")
    assert child == TraceContext(TRACE, "00000000000000ab", True, "foo=1", random=True)


def always_kept(draw: Words) -> TraceContext:
    context = kept_trace(draw, HeadSampler(1.0))
    assert context is not None and context.sampled
    return context


def test_the_same_seed_gives_the_same_ids_and_another_one_others() -> None:
    def some(seed: int) -> list[TraceContext]:
        draw = words(seed, "tracing/ids")
        return [always_kept(draw) for _ in range(400)]

    assert some(1) == some(1)
    trace_ids = {context.trace_id for seed in (1, 2) for context in some(seed)}
    assert len(trace_ids) == 800


def test_ids_are_made_of_all_64_bits_of_each_number_that_a_stream_gives() -> None:
    draw = words(5, "tracing/ids")
    raw = generator(5, "tracing/ids").bit_generator.random_raw(2 * BLOCK + 1)
    assert [draw() for _ in raw] == raw.tolist()


def test_new_contexts_are_valid_headers_and_say_that_they_are_random() -> None:
    draw = words(3, "tracing/ids")
    for _ in range(100):
        context = always_kept(draw)
        assert parse_traceparent(format_traceparent(context)) == context
        assert context.random


def test_ids_are_never_all_zero() -> None:
    draw = iter([0, 0, 7, 0, 0, 9]).__next__
    assert new_span_id(draw) == "0000000000000007"
    draw = iter([0, 0, 7, 0, 9]).__next__
    context = always_kept(draw)
    assert (context.trace_id, context.span_id) == (f"{7:032x}", f"{9:016x}")


def test_the_sampler_looks_at_the_lower_half_of_the_trace_id_alone() -> None:
    sampler = HeadSampler(0.25)
    assert sampler.keeps("f" * 16 + "3" + "f" * 15)
    assert not sampler.keeps("0" * 16 + "4" + "0" * 15)


def test_ratio_zero_keeps_nothing_and_ratio_one_everything() -> None:
    for low in ("0" * 16, "0" * 15 + "1", "f" * 16):
        assert not HeadSampler(0.0).keeps("0" * 16 + low)
        assert HeadSampler(1.0).keeps("0" * 16 + low)


@given(low=st.floats(0, 1), high=st.floats(0, 1), trace=st.integers(1, 2**128 - 1))
def test_a_larger_ratio_keeps_all_that_a_smaller_one_keeps(
    low: float, high: float, trace: int
) -> None:
    low, high = sorted((low, high))
    trace_id = f"{trace:032x}"
    assert HeadSampler(low).keeps(trace_id) <= HeadSampler(high).keeps(trace_id)


@pytest.mark.parametrize("ratio", [0.01, 0.1, 0.5])
def test_about_the_wanted_share_is_kept(ratio: float) -> None:
    draw = words(11, "tracing/ids")
    sampler, n = HeadSampler(ratio), 20_000
    kept = sum(kept_trace(draw, sampler) is not None for _ in range(n))
    sigma = (n * ratio * (1 - ratio)) ** 0.5
    assert abs(kept - n * ratio) < 4 * sigma


def test_a_ratio_beyond_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"head sampler: ratio must be in 0\.\.1, got 1\.5"):
        HeadSampler(1.5)


# spans


def span(name: str, parent: str | None, start: float, trace: str = TRACE) -> Span:
    return Span(
        trace, name, parent, name, "client", "gateway", "gateway-1", start, start + 1, Outcome.OK
    )


def shape(spans: list[Span]) -> list[tuple[int, str]]:
    return [(depth, s.name) for root in tree(spans) for depth, s in root.walk()]


def test_spans_form_a_tree_with_the_earliest_first() -> None:
    spans = [
        span("try 2", "call", 2.0),
        span("serve", "try 1", 1.1),
        span("call", None, 0.0),
        span("try 1", "call", 1.0),
    ]
    assert shape(spans) == [(0, "call"), (1, "try 1"), (2, "serve"), (1, "try 2")]


def test_each_trace_has_its_own_tree_even_if_span_ids_repeat() -> None:
    other = "f" * 32
    spans = [
        span("a", None, 5.0),
        span("b", "a", 6.0),
        span("a", None, 1.0, other),
        span("b", "a", 2.0, other),
    ]
    roots = tree(spans)
    assert [root.span.trace_id for root in roots] == [other, TRACE]
    assert [len(list(root.walk())) for root in roots] == [2, 2]


def test_a_span_whose_parent_was_lost_is_a_root_and_remembers_that_it_had_one() -> None:
    roots = tree([span("a", None, 0.0), span("c", "b", 2.0)])
    assert [root.span.parent_id for root in roots] == [None, "b"]


def test_spans_that_began_together_keep_their_order() -> None:
    spans = [span("a", None, 0.0), span("c", "a", 1.0), span("b", "a", 1.0)]
    assert shape(spans) == [(0, "a"), (1, "c"), (1, "b")]


def test_no_spans_make_no_tree() -> None:
    assert tree([]) == []


def test_a_span_that_appears_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=f"trace {TRACE}: span a appears twice"):
        tree([span("a", None, 0.0), span("a", None, 1.0)])


@pytest.mark.parametrize(
    "parents", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "a", "c": "a"}]
)
def test_spans_that_cause_each_other_are_refused(parents: dict[str, str]) -> None:
    spans = [span(name, parent, 0.0) for name, parent in parents.items()]
    with pytest.raises(ValueError, match="span a must not be caused by itself"):
        tree([span("root", None, 0.0), *spans])


def test_every_span_is_in_the_tree_once_and_no_child_before_an_earlier_one() -> None:
    dice = random.Random(5)
    spans = [span("0", None, 0.0)]
    for i in range(1, 200):
        spans.append(span(str(i), str(dice.randrange(i)), dice.random()))
    dice.shuffle(spans)
    (root,) = tree(spans)
    walked = list(root.walk())
    assert sorted(int(s.name) for _, s in walked) == list(range(200))
    depth_of = {s.name: depth for depth, s in walked}
    for depth, s in walked[1:]:
        assert s.parent_id is not None
        assert depth == depth_of[s.parent_id] + 1
    nodes = [root]
    for node in nodes:
        nodes.extend(node.children)
        assert all(a.span.start <= b.span.start for a, b in pairwise(node.children))


def test_a_span_knows_how_long_it_took() -> None:
    assert span("a", None, 2.0).seconds == 1.0


def test_a_tree_may_be_deeper_than_python_recurses() -> None:
    deep = [span(str(i), str(i - 1) if i else None, float(i)) for i in range(3000)]
    (root,), (same,) = tree(deep), tree(deep)
    assert shape(deep)[-1] == (2999, "2999")
    assert root == same
    assert root != tree(deep[:-1])[0] != deep[0]
    assert repr(root) == "Node('0', 2999 spans below)"


def test_trees_of_the_same_spans_are_equal_only_if_they_have_the_same_shape() -> None:
    spans = [span("a", None, 0.0), span("b", "a", 1.0), span("c", "b", 2.0)]
    chain = tree(spans)[0]
    flat = Node(spans[0], [Node(spans[1]), Node(spans[2])])
    assert [s for _, s in chain.walk()] == [s for _, s in flat.walk()]
    assert chain != flat
