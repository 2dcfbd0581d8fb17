"""The waterfall: a row for each try, retries numbered, late and lost work visible."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go

from meshlab.engines.run import run
from meshlab.faults import EdgeFault
from meshlab.figures.style import LOOK, summary_of
from meshlab.figures.waterfall import waterfall
from meshlab.model import Outcome
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.retry import RetryPolicy
from meshlab.topology import Service
from meshlab.trace_views import by_trace
from meshlab.tracing import Span
from tests.small import STEADY, instance, line, patience, service

TRACE = "0af7651916cd43dd8448eb211c80319c"
ONE = ((0.0, 4.0), (0.999, 4.0), (1.0, 0.0))


def first_page(*services: Service, **fields: object) -> list[Span]:
    fields = {"rate": ONE, "duration": 20.0, "trace_sampling": 1.0, **fields}
    return next(iter(by_trace(run(line(*services, **fields)).spans).values()))  # type: ignore[arg-type]


def labels(figure: go.Figure) -> list[str]:
    """The names of the rows, from above, without the crosses."""
    named = [a for a in figure.layout.annotations if a.xref == "paper"]
    return [a.text for a in sorted(named, key=lambda a: a.y)]


def crosses(figure: go.Figure) -> list[str]:
    return [a.text for a in figure.layout.annotations if a.text.startswith("✕")]


def test_a_row_for_every_call_indented_by_who_asked() -> None:
    figure = waterfall(first_page(service("cart"), service("stock")), title="t")
    assert labels(figure) == ["cart-1", "stock-1"]
    shifts = [a.xshift for a in figure.layout.annotations if a.xref == "paper"]
    assert shifts[0] < shifts[1]
    assert crosses(figure) == []


def test_bars_lie_where_the_spans_were_counted_from_the_first() -> None:
    spans = first_page(service("cart"), service("stock"))
    waits, works = waterfall(spans, title="t").data
    zero = min(s.start for s in spans)
    tries = [s for s in spans if "endpoint" in s.attributes]
    assert sorted(waits.base) == sorted(1000 * (s.start - zero) for s in tries)
    assert sorted(waits.x) == sorted(1000 * s.seconds for s in tries)
    assert sorted(works.x) == sorted(1000 * s.seconds for s in spans if s.kind == "server")


def test_the_tries_of_a_call_are_numbered_and_say_how_they_failed() -> None:
    policy = RetryPolicy(max_attempts=3, backoff=STEADY)
    cart = service("cart", instance(error_rate=1.0))
    figure = waterfall(first_page(cart, edge={"retry": policy}), title="t")
    assert labels(figure) == ["cart-1 · try 1", "cart-1 · try 2", "cart-1 · try 3"]
    assert crosses(figure) == ["✕ ERROR"] * 3
    assert set(figure.data[0].marker.color) == {LOOK["errors"].colour}
    assert set(figure.data[1].marker.pattern.shape) == {"/"}
    assert "failed: cart-1 · try 1 ERROR, " in summary_of(figure)


def test_calls_alike_share_a_row_and_are_still_bars_of_their_own() -> None:
    figure = waterfall(first_page(service("cart"), service("stock"), inner={"calls": 5}), title="t")
    assert labels(figure) == ["cart-1", "stock ×5"]
    assert list(figure.data[1].y).count(1) == 5


def test_late_work_reaches_beyond_the_one_who_waited() -> None:
    figure = waterfall(first_page(service("cart", instance(0.5)), edge=patience(0.25)), title="t")
    waits, works = figure.data
    assert works.x[0] > waits.x[0]
    assert crosses(figure) == ["✕ TIMEOUT"]


def test_a_try_that_never_arrived_has_no_work() -> None:
    fault = EdgeFault(source="client", destination="cart", rate=1.0)
    figure = waterfall(first_page(service("cart"), faults=(fault,)), title="t")
    assert [len(trace.x) for trace in figure.data] == [1, 0]
    assert crosses(figure) == ["✕ FAULT"]


def test_a_refused_call_has_a_row_though_it_has_no_try() -> None:
    limits = ConcurrencyLimits(max_requests=0)
    figure = waterfall(first_page(service("cart"), edge={"limits": limits}), title="t")
    assert labels(figure) == ["cart"]
    assert crosses(figure) == ["✕ OVERFLOW"]


def test_what_several_traces_hold_of_one_request_is_drawn_below_each_other() -> None:
    spans = first_page(service("cart"), service("stock"))
    other = [replace(s, trace_id="e" * 32) if s.service == "stock" else s for s in spans]
    figure = waterfall(other, title="t")
    assert labels(figure) == ["cart-1", "stock-1"]
    assert "in 2 trees" in summary_of(figure)


def test_no_spans_are_an_empty_figure_that_says_so() -> None:
    assert summary_of(waterfall([], title="t")) == "No spans."


def test_a_trace_may_be_deeper_than_python_recurses() -> None:
    """Every service asks the next one: a call, and the work on it, a thousand times over."""

    def spans(number: int) -> list[Span]:
        caller, ids = f"s{number}", (f"{2 * number:016x}", f"{2 * number + 1:016x}")
        parent = f"{2 * number - 1:016x}" if number else None
        start, end, name = float(number), 5000.0 - number, f"s{number + 1}/home"
        ended = {"start": start, "end": end, "outcome": Outcome.OK}
        call = Span(TRACE, ids[0], parent, name, "client", caller, f"{caller}-1", **ended)
        work = Span(TRACE, ids[1], ids[0], name, "server", f"s{number + 1}", "", **ended)
        return [call, work]

    figure = waterfall([s for number in range(1500) for s in spans(number)], title="t")
    assert labels(figure) == [f"s{number + 1}" for number in range(1500)]
    shifts = [a.xshift for a in sorted(figure.layout.annotations, key=lambda a: a.y)]
    assert shifts == sorted(set(shifts))
    assert summary_of(figure).startswith("1500 tries")


def test_lost_calls_may_be_nested_as_deeply() -> None:
    """Spans that name each other as callers without any work between them: only the last is one."""
    spans = [
        Span(
            TRACE, f"{n:016x}", f"{n - 1:016x}" if n > 1 else None, "x/home", "client", "a", "a-1",
            start=float(n), end=5000.0 - n, outcome=Outcome.OK,
        )
        for n in range(1, 2000)
    ]  # fmt: skip
    assert labels(waterfall(spans, title="t")) == ["x"]
