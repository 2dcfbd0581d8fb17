"""Names as a stranger's file may hold them, and everything that meshlab draws with names in it."""

from __future__ import annotations

from functools import cache
from math import inf
from typing import Any

import plotly.graph_objects as go

from meshlab.engines.run import run
from meshlab.figures import bars, buckets, flows, histogram, mesh_graph, timeline, worlds
from meshlab.figures.curves import curves
from meshlab.figures.intervals import intervals
from meshlab.figures.lanes import Spell, lanes
from meshlab.figures.regions import regions
from meshlab.figures.sparks import Spark, sparks
from meshlab.figures.strips import strips
from meshlab.figures.waterfall import waterfall
from meshlab.oracles import judge
from meshlab.scenario import Scenario
from meshlab.trace_views import by_trace
from tests.small import line, service

HOSTILE = (
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<svg/onload=window.hacked=1>",
    "</td></tr></table><h1>large",
    "<a href='javascript:window.hacked=1'>click</a>",
    '" onmouseover="window.hacked=1',
    "' onmouseover='window.hacked=1",
    "<b>bold</b>",
    "&lt;b&gt; &amp; &#60;b&#62;",
    "<!-- nothing",
    "$5 and $6",
    "$$x^2$$",
    r"\(x+1\)",
    r"\begin{equation}x\end{equation}",
    "*a* and **b**",
    "_a_ and __b__",
    "`code` and ~~gone~~",
    "a|b",
    "[click](javascript:window.hacked=1)",
    "![picture](https://example.org/x.png)",
    "a](b)[c",
    "https://example.org www.example.org a@b.org",
    "%{x} of %{meta.summary}",
    "@@0@@",
)
"""Script, tags, entities, formulas, Markdown, addresses, and what plotly would fill in."""

BROKEN = "two\nlines\r\nor three"
"""No name may hold the end of a line, but a text in a table may."""


def calls_between_strangers() -> Scenario:
    """Each hostile name calls the next; all answer."""
    names = [service(name) for name in HOSTILE]
    return line(*names, rate=4.0, duration=2.0, trace_sampling=1.0)


@cache
def drawings() -> dict[str, go.Figure]:
    """Every kind of figure, with hostile names wherever it takes one."""
    result = run(calls_between_strangers(), seed=1, engine="reference")
    ones = dict.fromkeys(HOSTILE, 1.0)
    own = {name: {name: 1.0} for name in HOSTILE}
    points: dict[str, Any] = {name: ([0.0, 1.0], [1.0, 2.0]) for name in HOSTILE}
    spells = {name: [Spell(1.0, 2.0, True, (1.5,))] for name in HOSTILE}
    strip = {name: {other: [1.0, 2.0] for other in HOSTILE} for name in HOSTILE[:2]}
    spans = {name: (float(n), n + 0.5) for n, name in enumerate(HOSTILE)}
    spark = Spark([0.0, 1.0], [1.0, 2.0], HOSTILE[0], (0.5, 1.5))
    cells = {(float(n), 0.0): name for n, name in enumerate(HOSTILE)}
    title = " ".join(HOSTILE)
    y, x = HOSTILE[1], HOSTILE[2]
    trace = next(iter(by_trace(result.spans).values()))
    return {
        "bars": bars(own, title=title, y=y, unit=x),
        "lying bars": bars({y: ones}, title=title, y=y, horizontal=True),
        "worlds": worlds({name: {name: ones} for name in HOSTILE[:4]}, title=title, y=y),
        "curves": curves(points, title=title, x=x, y=y, x_unit=y, unit=x),
        "timeline": timeline(points, title=title, y=y, unit=x, spans=spans),
        "histogram": histogram({n: [0.1, 0.2] for n in HOSTILE}, title=title, x=x, marks=ones),
        "buckets": buckets({0.1: 3, 0.5: 9, inf: 10}, title=title, x=x, marks=ones),
        "mesh": mesh_graph(flows(result), title=title),
        "intervals": intervals([judge(n, 1.0, [0.9, 1.1]) for n in HOSTILE], title=title),
        "lanes": lanes(spells, title=title, spans=spans),
        "regions": regions(cells, title=title, x=x, y=y, lines=points),
        "sparks": sparks(dict.fromkeys(HOSTILE[:6], spark), title=title, ticks={0.0: x}, summary=y),
        "strips": strips({y: strip}, title=title),
        "waterfall": waterfall(trace, title=title),
    }
