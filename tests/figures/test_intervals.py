"""The figure of the appendix: every row has its place, its verdict and its words."""

from __future__ import annotations

from meshlab.figures.intervals import intervals
from meshlab.sweep.queueing import judge

ROWS = [
    judge("right", 10.0, [9.9, 10.1, 10.0]),
    judge("wrong", 5.0, [9.9, 10.1, 10.0]),
    judge("unclear", 10.0, [5.0, 15.0, 10.0]),
]


def test_every_row_is_drawn_under_its_verdict_as_a_share_of_what_was_expected() -> None:
    traces = {trace.name: trace for trace in intervals(ROWS, title="t").data}
    assert set(traces) == {"agrees", "differs", "too wide"}
    assert list(traces["differs"].y) == ["wrong"]
    assert traces["differs"].x[0] == 2.0
    assert len({trace.marker.symbol for trace in traces.values()}) == 3


def test_the_words_tell_every_row() -> None:
    summary = intervals(ROWS, title="t").layout.meta["summary"]
    assert "right: expected 10, measured 10 within" in summary
    assert summary.count("differs") == summary.count("too wide") == 1
