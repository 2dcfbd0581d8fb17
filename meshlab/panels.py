"""Sliders around a figure: move one, and the mesh runs again and repaints it.

    def draw(auth):
        return bars(...run(what_if(auth), seed=1)...)

    panel(draw, auth=rate_slider("failure rate of auth", 0.02))

``draw`` is a plain function: ``draw(auth=0.3)`` gives the same figure without any widget.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go

from meshlab.figures.style import summary_of
from meshlab.lab import bundle

PAUSE = 0.005
"""How long (s) a panel waits for a newer value before it runs: keys that come while it was busy are
taken together."""

_WIDE = {"description_width": "initial"}


def slider(
    label: str, value: float, low: float, high: float, step: float, unit: str = ""
) -> widgets.FloatSlider:
    """A slider for a number. The arrow keys move it by ``step`` once it has the focus."""
    return widgets.FloatSlider(
        value=value,
        min=low,
        max=high,
        step=step,
        description=f"{label} ({unit})" if unit else label,
        readout_format="d" if float(step).is_integer() else ".3g",
        style=_WIDE,
        layout={"width": "42em", "max_width": "100%"},
    )


def rate_slider(label: str, value: float = 0.0, step: float = 0.01) -> widgets.FloatSlider:
    """A slider for a share, 0 to 100 %, as a failure rate has."""
    made = slider(label, value, 0.0, 1.0, step)
    made.readout_format = ".0%"
    return made


def choice(label: str, options: Sequence[str], value: str | None = None) -> widgets.Dropdown:
    """A list to choose one of ``options`` from."""
    return widgets.Dropdown(
        options=list(options), value=value or options[0], description=label, style=_WIDE
    )


class Panel(widgets.VBox):  # type: ignore[misc]
    """Controls, a figure that is repainted in place, and beneath it what the figure says in words.

    When a hand moves faster than the mesh runs, the newest value wins. A run that fails leaves the
    figure as it was and says why.
    """

    def __init__(self, draw: Callable[..., go.Figure], controls: dict[str, Any]) -> None:
        self.draw = draw
        self.controls = controls
        self.runs = 0
        self._timer: asyncio.TimerHandle | None = None
        first = draw(**self.values)
        self.figure = go.FigureWidget(first)
        self.words = widgets.HTML(_status(summary_of(first)))
        super().__init__([*controls.values(), self.figure, self.words])
        for control in controls.values():
            control.observe(self._moved, names="value")

    @property
    def values(self) -> dict[str, Any]:
        """What the controls say now."""
        return {name: control.value for name, control in self.controls.items()}

    def _moved(self, _: object) -> None:
        """A control has moved: run soon, once, with whatever is newest then."""
        if self._timer is not None:
            self._timer.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel around: a plain script
            self._repaint()
            return
        self._timer = loop.call_later(PAUSE, self._repaint)

    def _repaint(self) -> None:
        self._timer = None
        self.runs += 1
        try:
            figure = self.draw(**self.values)
        except Exception as error:  # a reader's own code may break in any way
            self.words.value = _status(f"No new figure: {type(error).__name__}: {error}")
            return
        repaint(self.figure, figure)
        self.words.value = _status(summary_of(figure))

    def __repr__(self) -> str:
        names = ", ".join(str(control.description) for control in self.controls.values())
        return f"Panel with {names}. {summary_of(self.figure)}"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The widget, and for viewers without a kernel the figure as it is now."""
        view = super()._repr_mimebundle_(**kwargs)
        return {**view, **bundle(go.Figure(self.figure)), "text/plain": repr(self)}


def repaint(widget: go.FigureWidget, figure: go.Figure) -> None:
    """Turn the figure on the page into another, in one message."""
    traces = [trace.to_plotly_json() for trace in figure.data]
    same = [trace.type for trace in widget.data] == [trace["type"] for trace in traces]
    with widget.batch_update():
        if same:
            for old, new in zip(widget.data, traces, strict=True):
                old.update(new, overwrite=True)
        widget.layout.update(figure.layout.to_plotly_json(), overwrite=True)
    if not same:
        widget.data = ()
        widget.add_traces(traces)


def panel(draw: Callable[..., go.Figure], **controls: Any) -> Panel:
    """Put controls around ``draw``: each is passed to it under its own name."""
    return Panel(draw, controls)


def _status(text: str) -> str:
    return f'<p role="status" aria-live="polite"><em>In words: {escape(text)}</em></p>'
