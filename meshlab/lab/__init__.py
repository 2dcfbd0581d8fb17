"""What a lesson works with; it needs Jupyter.

lab         bets, and what a cell shows: a figure with its words, a table, a source
panels      a figure with controls around it
widgets     a slider and a line of text that keyboards and screen readers can use
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlab.model.face import face

if TYPE_CHECKING:
    from meshlab.lab.lab import Bet as Bet
    from meshlab.lab.lab import Text as Text
    from meshlab.lab.lab import bets as bets
    from meshlab.lab.lab import predict as predict
    from meshlab.lab.lab import run_with_progress as run_with_progress
    from meshlab.lab.lab import show as show
    from meshlab.lab.lab import source as source
    from meshlab.lab.lab import table as table
    from meshlab.lab.panels import Panel as Panel
    from meshlab.lab.panels import choice as choice
    from meshlab.lab.panels import panel as panel
    from meshlab.lab.panels import rate_slider as rate_slider
    from meshlab.lab.panels import slider as slider
    from meshlab.lab.widgets import Slider as Slider

_HOMES = {
    "meshlab.lab.lab": "Bet Text bets predict run_with_progress show source table",
    "meshlab.lab.panels": "Panel choice panel rate_slider slider",
    "meshlab.lab.widgets": "Slider",
}

if not TYPE_CHECKING:  # for a type checker a misspelled name stays an error
    __getattr__, __dir__, __all__ = face(__name__, _HOMES)
