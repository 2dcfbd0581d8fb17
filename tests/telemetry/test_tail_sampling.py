"""Tail sampling: what is kept, what came too late, what had to be held."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from meshlab.model import ConfigError, Outcome
from meshlab.telemetry.tail_sampling import tail_sample
from meshlab.telemetry.tracing import Span

GOOD, BAD = "a" * 32, "b" * 32


def span(trace: str, end: float, outcome: Outcome = Outcome.OK) -> Span:
    return Span(trace, f"{end}", None, "cart/", "server", "cart", "cart-1", 0.0, end, outcome)


def failed(trace: Sequence[Span]) -> bool:
    return any(span.outcome is not Outcome.OK for span in trace)


SPANS = (span(GOOD, 1), span(BAD, 2), span(GOOD, 3), span(BAD, 4, Outcome.ERROR))


def test_what_is_worth_keeping_is_kept_whole_and_nothing_else() -> None:
    tail = tail_sample(SPANS, failed, wait=5)
    assert tail.kept == (SPANS[1], SPANS[3])
    assert tail.late == 0


def test_spans_come_in_the_order_in_which_they_end() -> None:
    assert tail_sample(reversed(SPANS), failed, wait=5) == tail_sample(SPANS, failed, wait=5)


def test_whoever_decides_too_early_misses_the_reason_and_loses_the_trace() -> None:
    tail = tail_sample(SPANS, failed, wait=1.5)
    assert tail.kept == ()
    assert tail.late == 2


def test_a_late_span_follows_the_decision_on_its_trace() -> None:
    spans = (span(BAD, 1, Outcome.ERROR), span(GOOD, 1), span(BAD, 9), span(GOOD, 9))
    tail = tail_sample(spans, failed, wait=2)
    assert tail.kept == (spans[0], spans[2])
    assert tail.late == 2


def test_a_span_that_ends_just_when_the_wait_is_over_is_in_time() -> None:
    tail = tail_sample((span(BAD, 1), span(BAD, 3, Outcome.ERROR)), failed, wait=2)
    assert (len(tail.kept), tail.late) == (2, 0)


def test_what_is_decided_is_held_no_longer() -> None:
    spans = [span(f"{n:032x}", float(n)) for n in range(1, 101)]
    assert tail_sample(spans, failed, wait=4.5).most_held == 5
    assert tail_sample(spans, failed, wait=1000).most_held == 100


def test_every_trace_is_judged_once() -> None:
    judged: list[str] = []

    def keep(trace: Sequence[Span]) -> bool:
        judged.append(trace[0].trace_id)
        return True

    kept = tail_sample(SPANS, keep, wait=1.5).kept
    assert sorted(kept, key=lambda s: s.end) == list(SPANS)
    assert judged == [GOOD, BAD]


def test_no_spans_leave_nothing() -> None:
    tail = tail_sample((), failed)
    assert (tail.kept, tail.late, tail.most_held) == ((), 0, 0)


def test_a_negative_wait_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tail sampling: wait must be a number >= 0, got -1"):
        tail_sample(SPANS, failed, wait=-1)
