"""Sliders around a figure: move one, and the mesh runs again and repaints it.

    def draw(auth):
        return bars(...run(what_if(auth), seed=1)...)

    panel(draw, auth=rate_slider("failure rate of auth", 0.02))

``draw`` is a plain function: ``draw(auth=0.3)`` gives the same figure without any widget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go

from meshlab.figures.style import CONFIG, plain, summary_of
from meshlab.lab import bundle, shown_in_jupyter
from meshlab.model import MeshlabError
from meshlab.widgets import Slider, Words


def slider(
    label: str, value: float, low: float, high: float, step: float, unit: str = ""
) -> Slider:
    """A slider for a number from ``low`` to ``high``. An arrow key moves it by ``step``."""
    return Slider(label, value, low, high, step, unit)


def rate_slider(label: str, value: float = 0.0, step: float = 0.01) -> Slider:
    """A slider for a share, 0 to 100 %, as a failure rate has."""
    return Slider(label, value, 0.0, 1.0, step, "%")


def choice(label: str, options: Sequence[str], value: str | None = None) -> widgets.Dropdown:
    """A list to choose one of ``options`` from."""
    return widgets.Dropdown(
        options=list(options),
        value=value or options[0],
        description=shown_in_jupyter(label),  # it may hold $, which begins a formula
        description_allow_html=True,
        style={"description_width": "initial"},
    )


class Box(widgets.VBox):  # type: ignore[misc]
    """Widgets, and for viewers without a kernel one `picture` of what they show, in words too."""

    def picture(self) -> go.Figure:
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        view = super()._repr_mimebundle_(**kwargs)
        return {**view, **bundle(self.picture()), "text/plain": repr(self)}


class Panel(Box):
    """Controls, a figure that is repainted in place, and beneath it what the figure says in words.

    When a hand moves faster than the mesh runs, the newest value wins: a control has one message on
    its way at a time and sends the newest value when that was handled. So nothing queues up here,
    and a repaint is done when the assignment ``control.value = ...`` is. A run that fails leaves
    the figure as it was and says why.
    """

    def __init__(self, draw: Callable[..., go.Figure], controls: dict[str, Any]) -> None:
        self.draw = draw
        self.controls = controls
        first = draw(**self.values)
        self.figure = figure_widget(first)
        self.words = Words(text=_in_words(first))
        super().__init__([*controls.values(), self.figure, self.words])
        for control in controls.values():
            control.observe(self._moved, names="value")

    @property
    def values(self) -> dict[str, Any]:
        """What the controls say now."""
        return {name: control.value for name, control in self.controls.items()}

    def _moved(self, _: object) -> None:
        """A control has moved: run, and repaint unless it moved on meanwhile.

        JupyterLab lets widgets work while a cell runs, in a thread of their own; so a control may
        be moved from two sides.
        """
        values = self.values
        try:
            figure = self.draw(**values)
        except Exception as error:  # a reader's own code may break in any way
            kind = "" if isinstance(error, MeshlabError) else f"{type(error).__name__}: "
            self.words.text = f"No new figure. {kind}{error}"
            return
        if values == self.values:
            repaint(self.figure, figure)
            self.words.text = _in_words(figure)

    def __repr__(self) -> str:
        names = ", ".join(str(control.description) for control in self.controls.values())
        return f"Panel with {names}. {summary_of(self.figure)}"

    def picture(self) -> go.Figure:
        """The figure as it is now."""
        return go.Figure(self.figure)


def figure_widget(figure: go.Figure) -> go.FigureWidget:
    """A figure to `repaint`, with the buttons that every figure has."""
    widget = go.FigureWidget(plain(figure))
    widget._config = dict(CONFIG)
    return widget


def repaint(widget: go.FigureWidget, figure: go.Figure) -> None:
    """Turn the figure on the page into another, in one message if its traces are of a kind."""
    new = plain(figure)
    traces = new["data"]
    same = [trace.type for trace in widget.data] == [trace["type"] for trace in traces]
    with widget.batch_update():
        if same:
            for old, trace in zip(widget.data, traces, strict=True):
                _become(old, trace)
        _become(widget.layout, new["layout"])
    if not same:
        widget.data = ()
        widget.add_traces(traces)


def _become(old: Any, new: dict[str, Any]) -> None:
    """Take over what ``new`` says otherwise, and forget what it does not say.

    What stays is neither sent nor drawn again: that is half of the time that a repaint takes.
    """
    now = old.to_plotly_json()
    gone = {name: None for name in now if name not in new and name != "uid"}
    changed = {name: part for name, part in new.items() if now.get(name) != part}
    if gone or changed:
        old.update({**gone, **changed}, overwrite=True)


def panel(draw: Callable[..., go.Figure], **controls: Any) -> Panel:
    """Put controls around ``draw``: each is passed to it under its own name."""
    return Panel(draw, controls)


def _in_words(figure: go.Figure) -> str:
    return f"In words: {summary_of(figure)}"
