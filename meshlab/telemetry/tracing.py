"""Which call belongs to which request: trace context, spans, sampling.

Metrics count calls and forget whose they were. A trace keeps that: every request carries a
*trace context* through every hop, every hop notes what it did as a *span*, and a span names the one
that caused it. The context travels in two headers, as the W3C has laid down:

    traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
                 |  trace id                         span id          flags (01 sampled, 02 random)
                 version
    tracestate:  rojo=00f067aa0ba902b7,congo=t61rcWkgMzE

Source: W3C Trace Context, Level 1 (2021) and Level 2 (candidate recommendation, 2024). Level 2 adds
the random flag and a wider grammar for the keys of tracestate; what is valid in 1 is valid in 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, Literal

import numpy as np

from meshlab.kernel.streams import BLOCK, generator
from meshlab.model import Outcome
from meshlab.model.rules import require_share

SAMPLED: Final = 0x01
RANDOM: Final = 0x02
WHITESPACE: Final = " \t"  # what HTTP calls optional whitespace; "\n" is none
MOST_MEMBERS: Final = 32

TRACEPARENT: Final = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
MEMBER: Final = re.compile(
    r"(?P<key>[a-z0-9][a-z0-9_*/@-]{0,255})"
    # printable characters but comma and "="; the last one is not a blank
    r"=(?P<value>[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])"
)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """What a request carries from hop to hop: its trace, the span that sent it, and two flags.

    ``trace_id`` is 32 and ``span_id`` 16 lower-case hexadecimal digits, neither all zero.
    ``sampled`` says that the sender keeps its spans, ``random`` that the last 14 digits of the
    trace id were drawn at random. ``tracestate`` is what other tracing systems send along.
    """

    trace_id: str
    span_id: str
    sampled: bool
    tracestate: str = ""
    random: bool = False

    def child(self, span_id: str) -> TraceContext:
        """The context of a span that this one causes: the same trace, another span id."""
        return replace(self, span_id=span_id)

    def headers(self) -> dict[str, str]:
        """The headers that carry this context; no tracestate where there is nothing to say."""
        headers = {"traceparent": format_traceparent(self)}
        if self.tracestate:
            headers["tracestate"] = self.tracestate
        return headers


def format_traceparent(context: TraceContext) -> str:
    """The header that says this context, in version 00.

    >>> context = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
    >>> format_traceparent(context)
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    """
    flags = SAMPLED * context.sampled + RANDOM * context.random
    return f"00-{context.trace_id}-{context.span_id}-{flags:02x}"


def extract(headers: Iterable[tuple[str, str]]) -> TraceContext | None:
    """The context in the header fields of a request; None if there is none that can be read.

    Names are read in any case, and several ``tracestate`` fields are one. Of two ``traceparent``
    fields neither is believed, and a ``tracestate`` without one is dropped.
    """
    fields = [(name.lower(), value) for name, value in headers]
    parents = [value for name, value in fields if name == "traceparent"]
    if len(parents) != 1:
        return None
    states = (value for name, value in fields if name == "tracestate")
    return parse_traceparent(parents[0], ",".join(states))


def parse_traceparent(header: str, tracestate: str = "") -> TraceContext | None:
    """The context that arrived with a request; None if the header is malformed.

    Whoever gets None begins a new trace. A malformed ``tracestate`` is dropped alone. Of a header
    in a later version the part that version 00 knows is read; nothing is assumed about the rest.
    """
    found = TRACEPARENT.fullmatch(header.strip(WHITESPACE))
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if trace_id == "0" * 32 or span_id == "0" * 16:
        return None
    bits = int(flags, 16)
    members = parse_tracestate(tracestate) or ()
    state = ",".join(f"{key}={value}" for key, value in members)
    return TraceContext(trace_id, span_id, bool(bits & SAMPLED), state, bool(bits & RANDOM))


def parse_tracestate(header: str) -> tuple[tuple[str, str], ...] | None:
    """The members of a tracestate header, newest first; None if it is malformed.

    Join several headers with commas first (RFC 9110, 5.3). Empty members, which joining may leave
    behind, are skipped and not counted. Of members with the same key the newest is kept.
    """
    texts = [text for member in header.split(",") if (text := member.strip(WHITESPACE))]
    if len(texts) > MOST_MEMBERS:
        return None
    members: dict[str, str] = {}
    for text in texts:
        found = MEMBER.fullmatch(text)
        if found is None:
            return None
        members.setdefault(found["key"], found["value"])
    return tuple(members.items())


Words = Callable[[], int]
"""Gives the next whole number in 0..2^64-1 of a random stream."""


def words(seed: int, purpose: str) -> Words:
    """The stream that ids are made of, so that the same seed gives the same traces."""

    def blocks() -> Iterator[list[int]]:
        rng = generator(seed, purpose)
        while True:
            yield rng.integers(0, 2**64, BLOCK, dtype=np.uint64).tolist()

    return chain.from_iterable(blocks()).__next__


def _nonzero(draw: Words) -> int:
    word = draw()
    while word == 0:
        word = draw()
    return word


def new_span_id(draw: Words) -> str:
    """A span id, which is never all zero."""
    return f"{_nonzero(draw):016x}"


def kept_trace(draw: Words, sampler: HeadSampler) -> TraceContext | None:
    """The context, with new ids, of a request that came without one.

    None if its spans are not kept: most ids need never be written.
    """
    high, low, span = draw(), _nonzero(draw), _nonzero(draw)
    if not sampler.keeps_word(low):
        return None
    return TraceContext(f"{high:016x}{low:016x}", f"{span:016x}", True, random=True)


class HeadSampler:
    """Decides at the beginning of a trace whether its spans are kept, by its id and nothing else.

    Everybody who asks with the same ratio decides alike, and a larger ratio keeps all that a
    smaller one keeps. The rule is that of TraceIdRatioBased in OpenTelemetry's Python SDK: the
    lower 64 bits of the trace id, as a number, lie below ratio x 2^64.
    """

    __slots__ = ("bound", "ratio")

    def __init__(self, ratio: float) -> None:
        require_share(ratio, "head sampler", "ratio")
        self.ratio = ratio
        self.bound = round(ratio * 2**64)

    def keeps(self, trace_id: str) -> bool:
        return self.keeps_word(int(trace_id[16:], 16))

    def keeps_word(self, low: int) -> bool:
        """`keeps` for the lower half of a trace id that is not written yet."""
        return low < self.bound


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of work that has ended: a call as its client saw it, or as its server did.

    ``start`` and ``end`` are in seconds. ``parent_id`` is the span that caused this one, None at
    the beginning of a trace. The tries of one call are siblings.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: Literal["client", "server"]
    service: str
    instance: str
    start: float
    end: float
    outcome: Outcome
    attributes: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """A span with the spans that it caused, the earliest first.

    Chains of calls may be thousands of spans long, so nothing here calls itself for the children.
    """

    span: Span
    children: list[Node] = field(default_factory=list)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Span]]:
        """This span and all below it with their depth, in the order of a waterfall."""
        waiting = [(depth, self)]
        while waiting:
            at, node = waiting.pop()
            yield at, node.span
            waiting += [(at + 1, child) for child in reversed(node.children)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and list(self.walk()) == list(other.walk())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Node({self.span.name!r}, {sum(1 for _ in self.walk()) - 1} spans below)"


def tree(spans: Iterable[Span]) -> list[Node]:
    """The spans of any number of traces as trees, the earliest first.

    A span is a root if it has no parent, or if its parent is not among ``spans``: it was lost, or a
    service on the way dropped the header. ValueError if a span appears twice or causes itself, be
    it by way of others.
    """
    nodes: dict[tuple[str, str | None], Node] = {}
    for span in sorted(spans, key=lambda span: span.start):
        if (span.trace_id, span.span_id) in nodes:
            raise ValueError(f"trace {span.trace_id}: span {span.span_id} appears twice")
        nodes[span.trace_id, span.span_id] = Node(span)
    roots: list[Node] = []
    for node in nodes.values():
        parent = nodes.get((node.span.trace_id, node.span.parent_id))
        siblings = roots if parent is None else parent.children
        siblings.append(node)
    reached = {(span.trace_id, span.span_id) for root in roots for _, span in root.walk()}
    for trace_id, span_id in nodes:
        if (trace_id, span_id) not in reached:
            raise ValueError(f"trace {trace_id}: span {span_id} must not be caused by itself")
    return roots
