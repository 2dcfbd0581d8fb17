"""The checks of lesson 09 accept what is right, and say something useful about the rest."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from meshlab.engines.run import run
from meshlab.exercises import exercise
from meshlab.exercises.lesson_09 import (
    INCOMING,
    MINE,
    chatty_shop,
    expected_headers,
    is_bad,
    mystery_shop,
    unseen_run,
)
from meshlab.trace_views import own_seconds_by_service
from meshlab.tracing import HeadSampler, Span, TraceContext, parse_traceparent, tree


def pass_on(headers: Mapping[str, str], span_id: str) -> dict[str, str]:
    context = parse_traceparent(headers.get("traceparent", ""), headers.get("tracestate", ""))
    return context.child(span_id).headers() if context else {}


def unchanged(headers: Mapping[str, str], span_id: str) -> dict[str, str]:
    return dict(headers)


def without_state(headers: Mapping[str, str], span_id: str) -> dict[str, str]:
    context = parse_traceparent(headers.get("traceparent", ""))
    return context.child(span_id).headers() if context else {}


def always_sampled(headers: Mapping[str, str], span_id: str) -> dict[str, str]:
    context = parse_traceparent(headers.get("traceparent", ""), headers.get("tracestate", ""))
    if context is None:
        return {}
    return TraceContext(context.trace_id, span_id, True, context.tracestate).headers()


def only_version_00(headers: Mapping[str, str], span_id: str) -> dict[str, str]:
    return pass_on(headers, span_id) if headers.get("traceparent", "")[:2] == "00" else {}


def begins_anew(headers: Mapping[str, str], span_id: str) -> dict[str, str]:
    return pass_on(headers, span_id) or TraceContext("f" * 32, span_id, True).headers()


def root_of(spans: Sequence[Span]) -> Span | None:
    return next((span for span in spans if span.parent_id is None), None)


def culprit(spans: list[Span]) -> str:
    (root,) = tree(spans)
    own = own_seconds_by_service(root)
    return max(own, key=own.__getitem__)


def longest(spans: list[Span]) -> str:
    return max((span for span in spans if span.kind == "server"), key=lambda s: s.seconds).service


def longest_leaf(spans: list[Span]) -> str:
    parents = {span.parent_id for span in spans}
    return max((s for s in spans if s.span_id not in parents), key=lambda s: s.seconds).service


def keep(trace: Sequence[Span]) -> bool:
    root = root_of(trace)
    return HeadSampler(0.05).keeps(trace[0].trace_id) or (root is not None and is_bad(root))


def only_bad(trace: Sequence[Span]) -> bool:
    root = root_of(trace)
    return root is not None and is_bad(root)


def any_error(trace: Sequence[Span]) -> bool:
    return any(is_bad(span) for span in trace) or HeadSampler(0.05).keeps(trace[0].trace_id)


def only_lucky(trace: Sequence[Span]) -> bool:
    return HeadSampler(0.05).keeps(trace[0].trace_id)


def forgetful_dice(trace: Sequence[Span]) -> bool:
    return only_bad(trace) or random.random() < 0.05


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("09.1", pass_on),
        ("09.2", culprit),
        ("09.3", keep),
        ("09.4", "payment"),
        ("09.5", "payment->database"),
    ],
)
def test_the_right_answer_is_accepted(key: str, answer: object) -> None:
    assert exercise(key).judge(answer) is None


@pytest.mark.parametrize(
    ("key", "answer", "hint"),
    [
        ("09.1", "00", "a function is asked for"),
        ("09.1", lambda headers, span_id: None, "returns None"),
        ("09.1", lambda headers, span_id: "x", "returns str"),
        ("09.1", unchanged, "not your caller's"),
        ("09.1", without_state, "what becomes of tracestate"),
        ("09.1", always_sampled, "version, ids or flags"),
        ("09.1", only_version_00, "as far as one knows the version"),
        ("09.1", begins_anew, "no trace to go on with"),
        ("09.2", "payment", "a function is asked for"),
        ("09.2", lambda spans: None, "returns None"),
        ("09.2", longest, "more own time"),
        ("09.2", longest_leaf, "more own time"),
        ("09.2", lambda spans: "payment", "must return one of client, gateway"),
        ("09.2", lambda spans: "cart", "must return one of"),
        ("09.3", True, "a function is asked for"),
        ("09.3", only_lucky, "bad pages are lost"),
        ("09.3", only_bad, "of the good pages it keeps 0.0%"),
        ("09.3", any_error, "a try may fail in a good page"),
        ("09.3", lambda trace: True, "of the good pages it keeps 100.0%"),
        ("09.3", forgetful_dice, "asked twice"),
        ("09.4", "cart", "one of gateway"),
        ("09.4", "order", "go on behind it"),
        ("09.5", "database", "one of client->gateway"),
        ("09.5", "user->auth", "as often in slow pages"),
    ],
)
def test_a_wrong_answer_gets_a_hint(key: str, answer: object, hint: str) -> None:
    said = exercise(key).judge(answer)
    assert said is not None
    assert hint in said


def test_the_headers_to_judge_by_are_of_both_kinds_and_name_the_own_span() -> None:
    sent = [expected_headers(headers) for _, headers in INCOMING]
    assert {} in sent
    assert all(MINE in each["traceparent"] for each in sent if each)


@pytest.mark.parametrize("seed", range(1, 4))
def test_in_the_mystery_only_the_forgetful_service_begins_traces_inside(seed: int) -> None:
    roots = tree(run(mystery_shop(), seed).spans)
    begun = [root.span.service for root in roots if root.span.parent_id is None]
    assert set(begun) == {"client", "payment"}


@pytest.mark.parametrize("seed", range(1, 4))
def test_the_chatty_calls_are_quick_and_make_the_slowest_pages(seed: int) -> None:
    roots = [r for r in tree(run(chatty_shop(), seed).spans) if r.span.parent_id is None]
    slowest = sorted(roots, key=lambda root: root.span.seconds)[-10:]
    assert all(root.span.name == "gateway/export" for root in slowest)


def test_the_unseen_run_has_bad_pages_and_good_ones_with_failed_tries() -> None:
    roots = [r for r in tree(unseen_run().spans) if r.span.parent_id is None]
    bad = [root for root in roots if is_bad(root.span)]
    assert 10 < len(bad) < len(roots) / 3
