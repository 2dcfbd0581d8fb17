"""The replay as a page to share: player, post-mortem beside the run, verdict, figures with words.

The player is the notebook's own (meshlab/replay/player.js), which plays without Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from meshlab import replay
from meshlab.figures import timeline
from meshlab.figures.page import as_data, drawn, heading, page, paragraphs
from meshlab.figures.style import LOOK, say
from meshlab.incident import utc
from meshlab.mesh.result import Result
from meshlab.postmortem.report import Report
from meshlab.postmortem.tables import LEGEND, costs, lines, title
from meshlab.replay.story import charts, story
from meshlab.tables import to_html
from meshlab.telemetry.columns import Columns

PLAYER = Path(replay.__file__).parent

PLAY = """\
const told = JSON.parse(document.getElementById("story").textContent);
const player = draw(told.story, document.getElementById("player"));
player.other(told.other);
"""

MARKS = "Thin dotted lines: what the post-mortem tells happened here, in the run. UTC throughout."

Told = tuple[Result, Report]
"""A run, and its own post-mortem."""


def replay_page(happened: Told, other: Told | None = None) -> str:
    """The whole page as HTML; with ``other`` another history is drawn beside what happened."""
    (result, report), told = happened, (other or happened)[1]
    also = other[1] if other else None
    name = report.scenario.capitalize()
    parts = [paragraphs([f"{title(told).capitalize()}."])]
    parts += [heading("Verdict"), paragraphs(told.verdict)]
    parts += [to_html(costs(report, also))] if also else []
    parts += [heading("Play it"), _player(story(result), _beside(other))]
    parts += [heading("Minute by minute"), to_html(lines(report, also)), paragraphs([LEGEND])]
    parts += [heading("Figures"), paragraphs([MARKS]), *figures(happened, other)]
    return page(name, parts, style=(PLAYER / "player.css").read_text(encoding="utf-8"))


def _player(told: dict[str, Any], other: dict[str, Any] | None) -> str:
    script = (PLAYER / "player.js").read_text(encoding="utf-8")
    data = as_data("story", {"story": told, "other": other})
    return f'<div id="player"></div>\n{data}\n<script type="module">\n{script}\n{PLAY}</script>'


def _beside(other: Told | None) -> dict[str, Any] | None:
    """The other history as lines beside those of the player."""
    if other is None:
        return None
    result, report = other
    compared = [chart["compared"] for chart in charts(result, Columns(result.recordings))]
    return {"label": report.history, "charts": compared}


# ---- figures


def figures(happened: Told, other: Told | None = None) -> Iterator[str]:
    """The charts of the player as figures that one can read a value from, and the breakers."""
    columns = Columns(happened[0].recordings)
    compared = charts(other[0], Columns(other[0].recordings)) if other else ()
    for number, chart in enumerate(charts(happened[0], columns)):
        figure = _chart(chart, columns.times, happened[1])
        if other:
            _add_other(figure, compared[number], columns.times, other[1])
        yield drawn(f"figure-{number}", figure)
    yield drawn("figure-breakers", _breakers(columns, happened[1]))


def _chart(chart: dict[str, Any], times: np.ndarray, report: Report) -> Any:
    """One chart of a story, with its limit and the marks of what emerged."""
    concept = {look.colour: name for name, look in LOOK.items()}
    values = {line["name"]: _known(line["values"]) for line in chart["lines"]}
    figure = timeline(
        {name: (times.tolist(), known.tolist()) for name, known in values.items()},
        title=_finding(chart["title"], report, *values.values()),
        y=chart["title"],
        unit=chart["unit"],
        concepts={n["name"]: concept.get(n["colour"], n["name"]) for n in chart["lines"]},
        clock=utc,
    )
    if chart["limit"]:
        figure.add_hline(
            y=chart["limit"],
            line={"color": LOOK["limit"].colour, "dash": LOOK["limit"].dash},
            annotation={"text": "limit", "xanchor": "left"},
            annotation_position="top left",
        )
        figure.layout.meta["summary"] += f" The limit is {say(chart['limit'], chart['unit'])}."
    return _marked(figure, report)


def _add_other(figure: Any, chart: dict[str, Any], times: np.ndarray, report: Report) -> None:
    """Another history in a chart: one line, and what it finds."""
    values = _known(chart["compared"])
    figure.add_scatter(
        name=f"what if: {chart['beside']}",
        x=times.tolist(),
        y=values.tolist(),
        line={"color": LOOK["after"].colour, "dash": "dash"},  # as the player draws it
    )
    found = f"{report.history}: {_finding(chart['title'], report, values)}"
    figure.layout.title.text += f"<br>{found}"
    figure.layout.meta["summary"] += f" {found}."
    figure.update_layout(showlegend=True, margin={"t": figure.layout.margin.t + 26})


def _finding(name: str, report: Report, *lines: np.ndarray) -> str:
    every = np.concatenate(lines)
    return FINDINGS[name](report, float(np.nanmin(every)), float(np.nanmax(every)))


def _known(values: list[float | None]) -> np.ndarray:
    return np.array([nan if value is None else value for value in values])


def _marked(figure: Any, report: Report) -> Any:
    """A thin line where an event of the post-mortem emerged."""
    for line in report.lines:
        if line.kind == "event" and line.emerged is not None:
            figure.add_vline(x=line.emerged, line={"color": "#999999", "width": 1, "dash": "dot"})
    return figure


def _breakers(columns: Columns, report: Report) -> Any:
    """The states of the breakers that scrapes ever met open."""
    states = {}
    for target in columns.targets("mesh_breaker_state"):
        state = columns.matrix("mesh_breaker_state", instance=target).max(axis=0)
        if state.max() > 0:
            states[target] = (columns.times.tolist(), state.tolist())
    if not states:
        states = {"no breaker opened": (columns.times.tolist(), [0.0] * columns.length)}
    shut = max(float(np.mean(np.array(values) > 0)) for _, values in states.values())
    figure = timeline(
        states,
        title=f"A breaker is not closed in up to {say(shut, '%')} of the scrapes",
        y="0 closed, 1 half-open, 2 open",
        steps=True,
        clock=utc,
    )
    return _marked(figure, report)


Finding = Callable[[Report, float, float], str]

FINDINGS: dict[str, Finding] = {
    "pages": lambda report, low, high: f"Users lost {say(report.toll.failed)} pages",
    "at auth": lambda report, low, high: f"Up to {say(report.toll.peak)} tries/s reach auth",
    "goroutines": lambda report, low, high: (
        f"An instance of auth holds up to {say(high)} goroutines; {len(report.toll.kills)} die"
    ),
    "memory": lambda report, low, high: f"Memory of an auth instance grows to {say(high, 'MiB')}",
    "queries": lambda report, low, high: f"The database gets {say(low)} to {say(high)} queries/s",
    "time of a query": lambda report, low, high: f"A query takes {say(low)} to {say(high, 'ms')}",
}
"""What each chart of a story shows, from the lowest and the highest of its numbers."""
