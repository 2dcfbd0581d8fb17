"""A panel runs again when a control moves, and shows exactly what its function draws."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import plotly.graph_objects as go
import pytest

from meshlab.figures import bars, summary_of, timeline
from meshlab.figures.style import CONFIG
from meshlab.model import ConfigError
from meshlab.panels import Panel, choice, panel, rate_slider, repaint, slider
from meshlab.widgets import Slider


def draw(auth: float) -> go.Figure:
    return bars({"errors": {"auth": auth}}, title=f"auth fails {auth:.0%}", y="share", unit="%")


def content(figure: go.Figure) -> dict[str, Any]:
    """A figure without the names that each copy has of its own, and without what is empty."""
    plain: dict[str, Any] = json.loads(figure.to_json())
    plain["layout"] = {name: part for name, part in plain["layout"].items() if part not in ({}, [])}
    for trace in plain["data"]:
        trace.pop("uid", None)
    return plain


@pytest.fixture
def shown() -> Panel:
    return panel(draw, auth=rate_slider("failure rate of auth", 0.02))


def test_a_panel_begins_with_what_its_function_draws(shown: Panel) -> None:
    assert content(shown.figure) == content(draw(0.02))


def test_its_figure_has_no_button_that_uploads_it(shown: Panel) -> None:
    assert shown.figure._config == CONFIG


def test_moving_a_control_repaints_exactly_what_a_plain_call_gives(shown: Panel) -> None:
    shown.controls["auth"].value = 0.3
    assert content(shown.figure) == content(draw(0.3))
    assert shown.words.text == f"In words: {summary_of(draw(0.3))}"


def test_every_control_is_passed_under_its_own_name() -> None:
    got = {}

    def note(**values: object) -> go.Figure:
        got.update(values)
        return draw(0)

    panel(note, rate=rate_slider("rate", 0.5), where=choice("where", ["auth", "user"], "user"))
    assert got == {"rate": 0.5, "where": "user"}


def test_a_run_that_fails_leaves_the_figure_and_says_why(shown: Panel) -> None:
    def fussy(auth: float) -> go.Figure:
        if auth > 0.5:
            raise ConfigError("fault 'errors' on 'auth': too much")
        return draw(auth)

    shown.draw = fussy
    shown.controls["auth"].value = 0.6
    assert content(shown.figure) == content(draw(0.02))
    assert shown.words.text == "No new figure. fault 'errors' on 'auth': too much"
    shown.controls["auth"].value = 0.4
    assert content(shown.figure) == content(draw(0.4))
    assert shown.words.text == f"In words: {summary_of(draw(0.4))}"


def test_an_error_of_a_readers_own_code_is_told_with_its_kind(shown: Panel) -> None:
    shown.draw = lambda auth: draw(1 / 0)
    shown.controls["auth"].value = 0.6
    assert shown.words.text == "No new figure. ZeroDivisionError: division by zero"


def test_the_newest_value_wins_over_a_run_that_it_overtook(shown: Panel) -> None:
    drawn = []

    def overtaken(auth: float) -> go.Figure:
        if not drawn:
            drawn.append(auth)
            shown.controls["auth"].value = 0.9  # a hand that is faster than this run
        drawn.append(auth)
        return draw(auth)

    shown.draw = overtaken
    shown.controls["auth"].value = 0.5
    assert drawn == [0.5, 0.9, 0.5]
    assert content(shown.figure) == content(draw(0.9))


def test_a_repainted_figure_forgets_what_the_new_one_does_not_have() -> None:
    marked = timeline({"a": ([0, 1], [1, 2])}, title="t", y="y", spans={"fault": (0, 1)})
    marked.data[0].hovertemplate = "%{y}"
    plain = timeline({"a": ([0, 1], [3, 4])}, title="t", y="y")
    widget = go.FigureWidget(marked)
    repaint(widget, plain)
    assert content(widget) == content(plain)


def test_only_what_changed_is_sent_to_the_page(shown: Panel) -> None:
    sent: list[Any] = []
    shown.figure.observe(lambda change: sent.append(change.new), names="_py2js_update")
    shown.controls["auth"].value = 0.3
    message = next(part for part in sent if part)
    assert message["style_data"] == {"y": [[0.3]], "text": [["30 %"]]}
    assert set(message["layout_data"]) == {"title", "meta"}


def test_a_figure_that_stays_as_it_was_is_not_sent_again(shown: Panel) -> None:
    sent: list[Any] = []
    shown.figure.observe(lambda change: sent.append(change.new), names="_py2js_update")
    shown.draw = lambda auth: draw(0.02)
    shown.controls["auth"].value = 0.3
    assert not any(sent)


def test_a_figure_may_change_the_number_and_kind_of_its_traces() -> None:
    widget = go.FigureWidget(bars({"a": {"x": 1}, "b": {"x": 2}}, title="t", y="y"))
    lines = timeline({"a": ([0, 1], [3, 4])}, title="t", y="y")
    repaint(widget, lines)
    assert content(widget) == content(lines)


def test_a_gap_in_a_line_stays_a_gap_on_its_way_to_the_page() -> None:
    def gap(rate: float) -> go.Figure:
        return timeline({"a": ([0, 1, 2], [rate, nan, 2])}, title="t", y="y")

    shown = panel(gap, rate=rate_slider("rate", 0.5))
    assert shown.figure.data[0].y == (0.5, None, 2)
    shown.controls["rate"].value = 0.25
    assert shown.figure.data[0].y == (0.25, None, 2)


def test_a_panel_gives_other_viewers_its_figure_and_its_words(shown: Panel) -> None:
    kept = shown._repr_mimebundle_()
    data = kept["application/vnd.plotly.v1+json"]
    assert data["layout"]["title"]["text"] == "auth fails 2%"
    assert kept["text/plain"] == f"Panel with failure rate of auth. {summary_of(draw(0.02))}"
    assert "application/vnd.jupyter.widget-view+json" in kept


def test_a_panel_keeps_the_same_output_in_every_kernel(shown: Panel) -> None:
    again = panel(draw, auth=rate_slider("failure rate of auth", 0.02))
    for kept in (one := shown._repr_mimebundle_(), other := again._repr_mimebundle_()):
        del kept["application/vnd.jupyter.widget-view+json"]  # nbval skips it as well
        for trace in kept["application/vnd.plotly.v1+json"]["data"]:
            trace.pop("uid", None)
    assert one == other


def test_a_slider_tells_its_value_in_its_unit() -> None:
    assert repr(rate_slider("failure rate of auth", 0.02)) == "failure rate of auth: 2 %"
    assert repr(slider("delay", 0.25, 0, 1, 0.05, "s")) == "delay: 0.25 s"


@pytest.mark.parametrize(
    ("value", "low", "high", "step"), [(2, 0, 1, 0.1), (0, 1, 0, 1), (0, 0, 1, 0)]
)
def test_a_slider_that_could_not_move_as_declared_is_refused(
    value: float, low: float, high: float, step: float
) -> None:
    with pytest.raises(ConfigError, match="slider 'rate': "):
        Slider("rate", value, low, high, step)
