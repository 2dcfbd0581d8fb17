"""The exercises of lesson 09: a header passed on, own time, a tail sampler, two mysteries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from meshlab.dotted import replaced
from meshlab.engines.run import run
from meshlab.exercises import Exercise
from meshlab.exercises.answers import function, one_of, returned
from meshlab.faults import EdgeFault
from meshlab.load import Load
from meshlab.mesh.result import Result
from meshlab.model import Outcome
from meshlab.scenario import Scenario
from meshlab.shop import shop
from meshlab.tail_sampling import tail_sample
from meshlab.trace_views import by_trace, own_seconds_by_service
from meshlab.tracing import Node, Span, extract, tree

TRACE, PARENT, MINE = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "b7ad6b7169203331"

INCOMING: tuple[tuple[str, dict[str, str]], ...] = (
    ("a good header", {"traceparent": f"00-{TRACE}-{PARENT}-01"}),
    ("a header that says 'not sampled'", {"traceparent": f"00-{TRACE}-{PARENT}-00"}),
    ("a tracestate", {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "rojo=1,congo=2"}),
    (
        "a broken tracestate",
        {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "rojo=1,rojo=2"},
    ),
    ("no header at all", {}),
    ("a trace id in capitals", {"traceparent": f"00-{TRACE.upper()}-{PARENT}-01"}),
    ("a span id of zeros", {"traceparent": f"00-{TRACE}-{'0' * 16}-01"}),
    ("a header of a later version", {"traceparent": f"01-{TRACE}-{PARENT}-01-more"}),
    ("a tracestate without a traceparent", {"tracestate": "rojo=1"}),
)
"""What may come in, and what is special about it."""

SLOW = 0.5
FEWEST, MOST = 0.03, 0.08


def mystery_shop() -> Scenario:
    """A shop in which somebody drops the header. Reading this would spoil the exercise."""
    scenario = shop(rate=20, duration=20)
    services = (replace(s, keeps_trace=s.name != "payment") for s in scenario.services)
    lossy = EdgeFault(source="gateway", destination="order", rate=0.2)
    return replace(scenario, services=tuple(services), faults=(lossy,), trace_sampling=1.0)


def chatty_shop() -> Scenario:
    """A shop with a loop in it. Reading this would spoil the exercise."""
    scenario = shop(rate=20, duration=30)
    export = replace(scenario.loads[0], route="/export", rate=1.0)
    far = EdgeFault(source="user", destination="auth", delay=0.04)
    loads: tuple[Load, ...] = (*scenario.loads, export)
    chatty = "edges.payment->database"
    loop = {f"{chatty}.calls": 60, f"{chatty}.routes": ("/export",)}
    return replaced(scenario, {**loop, "loads": loads, "faults": (far,), "trace_sampling": 1.0})


@cache
def unseen_run() -> Result:
    """A run on which answers are tried that the lesson has not shown."""
    faults = (EdgeFault(source="gateway", destination="auth", rate=0.3),)
    return run(replace(shop(rate=20, duration=20), faults=faults, trace_sampling=1.0), seed=7)


def expected_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What a service sends on."""
    context = extract(headers.items())
    return {} if context is None else context.child(MINE).headers()


def _judge_pass_on(answer: object) -> str | None:
    for what, headers in INCOMING:
        got = returned(answer, dict(headers), MINE, want="a dictionary", kind=Mapping)
        right = expected_headers(headers)
        if dict(got) != right:
            return f"with {what} ({headers}) you send {dict(got)}: {_wrong(dict(got), right)}"
    return None


def _wrong(got: dict[str, str], right: dict[str, str]) -> str:
    """A hint on the difference, which doesn't give the answer away."""
    if not right:
        return "there is no trace to go on with"
    if "traceparent" not in got:
        return "this can be read, as far as one knows the version"
    if PARENT in got["traceparent"]:
        return "the span that asks is yours, not your caller's"
    if got["traceparent"] != right["traceparent"]:
        return "version, ids or flags are not what one sends on"
    return "what becomes of tracestate?"


def _whole(result: Result) -> tuple[list[Span], ...]:
    """The spans of every page that was over when the run was."""
    traces = by_trace(result.spans).values()
    return tuple(spans for spans in traces if any(span.parent_id is None for span in spans))


@cache
def unseen_pages() -> tuple[list[Span], ...]:
    """Pages of `unseen_run`, and some in which the longest call is not the answer either."""
    chatty = run(replace(chatty_shop(), duration=5.0), seed=5)
    return (*_whole(unseen_run())[:100], *_whole(chatty))


def _root(spans: list[Span]) -> Node:
    (root,) = (node for node in tree(spans) if node.span.parent_id is None)
    return root


def _judge_culprit(answer: object) -> str | None:
    for spans in unseen_pages():
        got = returned(answer, list(spans), want="the name of a service")
        own = own_seconds_by_service(_root(spans))
        right = max(own, key=own.__getitem__)
        if got == right:
            continue
        if got not in own:
            return f"culprit() must return one of {', '.join(sorted(own))}, and it returns {got!r}"
        return (
            f"in a page of {1000 * _root(spans).span.seconds:.0f} ms {right} has more own time "
            f"({1000 * own[right]:.0f} ms) than {got} ({1000 * own[got]:.0f} ms)"
        )
    return None


def is_bad(root: Span) -> bool:
    """Whether the exercise's tail sampler must keep this page."""
    return root.outcome is not Outcome.OK or root.seconds > SLOW


def _judge_keep(answer: object) -> str | None:
    keep, spans = function(answer), unseen_run().spans
    tail, again = (tail_sample(spans, lambda trace: bool(keep(trace))) for _ in range(2))
    kept = {span.trace_id for span in tail.kept}
    if kept != {span.trace_id for span in again.kept}:
        return "asked twice, it keeps other traces; what in a trace is like a lot drawn for it?"
    roots = [_root(page).span for page in _whole(unseen_run())]
    missed = [root for root in roots if is_bad(root) and root.trace_id not in kept]
    if missed:
        said = f"{missed[0].outcome.name} after {missed[0].seconds:.2f} s"
        return f"{len(missed)} bad pages are lost, one of them ended with {said}"
    good = [root.trace_id for root in roots if not is_bad(root)]
    share = sum(trace_id in kept for trace_id in good) / len(good)
    if not FEWEST <= share <= MOST:
        return (
            f"of the good pages it keeps {share:.1%}; a try may fail in a good page, "
            "and a span may lie anywhere in its trace"
        )
    return None


def _judge_forgetful(answer: object) -> str | None:
    services = {service.name: service for service in mystery_shop().services}
    one_of(answer, services)
    if not services[str(answer)].keeps_trace:
        return None
    return f"traces that reach {answer} go on behind it; who begins traces that nobody asked for?"


def _judge_chatty(answer: object) -> str | None:
    edges = {edge.name: edge for edge in chatty_shop().edges}
    one_of(answer, edges)
    calls = max(edges.values(), key=lambda edge: edge.calls)
    if edges[str(answer)] is calls or answer == calls.name:
        return None
    return f"{answer} is asked as often in slow pages as in others; compare a slow page's waterfall"


EXERCISES = {
    "09.1": Exercise("Write pass_on(headers, span_id): the headers to send on.", _judge_pass_on),
    "09.2": Exercise(
        "Write culprit(spans): which service has the most own time in a page?", _judge_culprit
    ),
    "09.3": Exercise(
        "Write keep(trace): all failed or slow pages, and 3 to 8 % of the others.", _judge_keep
    ),
    "09.4": Exercise("Which service drops the header in the mystery shop?", _judge_forgetful),
    "09.5": Exercise("On which edge does the chatty shop ask too often?", _judge_chatty),
}
