"""The widget that plays a story: play, pause, speed, scrub, over linked pictures.

Everything is drawn on the page from one message (see `meshlab.replay.story`). Python hears only
where the clock stands when a hand has let go of it, and sends only another history to compare.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anywidget import AnyWidget
from traitlets import Dict, Float

from meshlab.mesh.result import Result
from meshlab.replay.story import story

HERE = Path(__file__).parent


class Player(AnyWidget):
    """Plays one run. ``at`` (s) is where the clock stands; ``other`` is a history beside it."""

    story: Dict[str, Any] = Dict().tag(sync=True)
    other: Dict[str, Any] = Dict().tag(sync=True)
    at = Float().tag(sync=True)

    _esm = HERE / "player.js"
    _css = HERE / "player.css"

    def __init__(self, result: Result) -> None:
        super().__init__(story=story(result), other={}, at=0.0)

    @property
    def words(self) -> str:
        """What the pictures show at this moment."""
        return words_at(self.story, self.at)

    def __repr__(self) -> str:
        return f"Replay. {self.words}"


def words_at(told: dict[str, Any], at: float) -> str:
    """The sentence of the last scrape by ``at`` (s)."""
    past = [line for time, line in zip(told["times"], told["words"], strict=True) if time <= at]
    return str(past[-1] if past else told["words"][0])
