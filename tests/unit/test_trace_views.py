"""Where the time of a request went: own times, and that they add up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshlab.engines.run import run
from meshlab.model import Outcome
from meshlab.shop import shop
from meshlab.trace_views import by_trace, own_seconds, own_seconds_by_service
from meshlab.tracing import Node, Span, tree


def span(start: float, end: float, name: str = "a", trace: str = "f" * 32) -> Span:
    return Span(trace, name, None, name, "server", "cart", "cart-1", start, end, Outcome.OK)


def node(start: float, end: float, *children: tuple[float, float]) -> Node:
    return Node(span(start, end), [Node(span(*child)) for child in children])


@pytest.mark.parametrize(
    ("children", "own"),
    [
        ((), 10.0),
        (((0.0, 10.0),), 0.0),
        (((1.0, 3.0), (5.0, 9.0)), 4.0),
        (((1.0, 5.0), (2.0, 4.0)), 6.0),  # one within the other
        (((1.0, 5.0), (4.0, 7.0)), 4.0),  # overlapping
        (((8.0, 15.0),), 8.0),  # late work that outlives its parent
        (((12.0, 15.0),), 10.0),  # late work that only began after it
    ],
)
def test_own_time_is_what_no_child_accounts_for(
    children: tuple[tuple[float, float], ...], own: float
) -> None:
    assert own_seconds(node(0.0, 10.0, *children)) == own


def test_the_own_times_of_a_page_add_up_to_the_page() -> None:
    result = run(replace(shop(rate=20, duration=10), trace_sampling=1.0))
    roots = [root for root in tree(result.spans) if root.span.parent_id is None]
    assert len(roots) > 100
    for root in roots:
        spent = own_seconds_by_service(root)
        assert sum(spent.values()) == pytest.approx(root.span.seconds, abs=1e-9)
        assert min(spent.values()) > -1e-9


def test_spans_are_put_together_by_trace_in_the_order_in_which_they_came() -> None:
    one, two, three = span(0, 1), span(0, 1, trace="e" * 32), span(2, 3)
    assert by_trace([one, two, three]) == {"f" * 32: [one, three], "e" * 32: [two]}
    assert by_trace([]) == {}
