"""The player with every knob of the incident: change history, from the beginning or from a minute.

    replay = replay_panel()                     in a notebook: the last line of a cell
    replay.change(attempts=1, at="14:31")       the same without a hand: rows to compare

What happened is drawn in full; the other history is dashed and purple, and in the table beside it.
"""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go

from meshlab.engines.run import run
from meshlab.figures.storyboard import storyboard
from meshlab.incident import seconds_at, utc
from meshlab.incident.knobs import (
    BALANCING,
    BREAKERS,
    BUDGETS,
    NEVER,
    OPERATORS,
    RESTARTS,
    Knobs,
)
from meshlab.mesh.result import Result
from meshlab.model import MeshlabError
from meshlab.panels import Box, choice, slider
from meshlab.replay.player import Player
from meshlab.replay.story import charts, numbers
from meshlab.telemetry.columns import Columns
from meshlab.widgets import Words

WHEN = ("from the beginning", "from the minute on the clock")
WHOLE = ("attempts", "limit", "workers", "instances", "memory_mib")
"""Knobs that take whole numbers."""


def controls() -> dict[str, Any]:
    """A control for every knob, as it was."""
    k = Knobs()
    return {
        "leak_rate": slider("validations that hang", k.leak_rate, 0.0, 0.01, 0.0005, "%"),
        "attempts": slider("attempts of the gateway", k.attempts, 1, 6, 1),
        "timeout": slider("timeout of a try", k.timeout, 0.1, 2.0, 0.1, "s"),
        "backoff": slider("first backoff", k.backoff, 0.05, 1.0, 0.05, "s"),
        "limit": slider("limit of each gateway (0: none)", k.limit, 0, 1000, 100),
        "workers": slider("auth takes at once", k.workers, 124, 2024, 100),
        "instances": slider("instances of auth", k.instances, 3, 9, 1),
        "memory_mib": slider("memory of an instance", k.memory_mib, 256, 2048, 128, "MiB"),
        "act_at": slider("the fix, minutes after 14:20", k.act_at, 9, NEVER, 1),
        "budget": choice("retry budget", list(BUDGETS)),
        "breaker": choice("breaker before auth", list(BREAKERS)),
        "balancing": choice("balancing", BALANCING),
        "restarts": choice("who is killed", RESTARTS),
        "operators": choice("operators", OPERATORS),
    }


class Replay(Box):
    """The player, its knobs, and in words what a turned knob changed.

    ``result`` is what happened. As in `meshlab.panels.Panel`, the newest value wins, and a change
    that can't be made says why and leaves the picture as it was.
    """

    def __init__(self, result: Result | None = None, seed: int = 1) -> None:
        self.result = result or run(Knobs().scenario(), seed)
        self.player = Player(self.result)
        self.controls = controls()
        self.when = choice("changed", WHEN)
        self.words = Words(text="Nothing is changed: every knob is where it was.")
        half = (len(self.controls) + 1) // 2
        parts = list(self.controls.values())
        columns = widgets.HBox([widgets.VBox(parts[:half]), widgets.VBox(parts[half:])])
        super().__init__([self.player, self.when, columns, self.words])
        for control in (*parts, self.when):
            control.observe(self._moved, names="value")
        self.player.observe(self._scrubbed, names="at")

    @property
    def knobs(self) -> Knobs:
        """The knobs as they stand."""
        values = {name: control.value for name, control in self.controls.items()}
        whole = {name: round(values[name]) for name in WHOLE}
        leak = round(values["leak_rate"], 6)
        return Knobs(**{**values, **whole, "leak_rate": leak})

    @property
    def since(self) -> float:
        """From when on (s) history is changed."""
        return 0.0 if self.when.value == WHEN[0] else self.player.at

    def _scrubbed(self, _: object) -> None:
        if self.when.value != WHEN[0] and self.knobs.changed():
            self._moved(None)

    def _moved(self, _: object) -> None:
        """Run the other history, unless a knob has moved on meanwhile."""
        asked = (self.knobs, self.since)
        try:
            other = self.compare(*asked)
        except MeshlabError as error:
            self.words.text = f"No other history. {error}"
            return
        if asked == (self.knobs, self.since):
            self.player.other = other
            self.words.text = _in_words(other)

    def compare(self, knobs: Knobs, at: float = 0.0) -> dict[str, Any]:
        """The other history as the player draws it; empty if no knob is turned."""
        if not knobs.changed():
            return {}
        seed = self.result.seed
        changed = run(knobs.scenario(at, seed=seed), seed)
        columns, before = Columns(changed.recordings), Columns(self.result.recordings)
        named = ", ".join(f"{name} {value}" for name, value in knobs.changed().items())
        return {
            "label": f"{named} {'from the beginning' if at == 0.0 else f'from {utc(at)[:5]} on'}",
            "charts": [chart["compared"] for chart in charts(changed, columns)],
            "numbers": numbers(changed, columns, at),
            "happened": numbers(self.result, before, at),
        }

    def change(self, at: str = "14:20", **knobs: Any) -> list[dict[str, object]]:
        """Turn knobs by name; the player shows it, and the rows say what it changed."""
        other = self.compare(Knobs(**knobs), seconds_at(at))
        self.player.other = other
        self.words.text = _in_words(other)
        return [
            {"": name, "what happened": other["happened"][name], "what if": value}
            for name, value in other.get("numbers", {}).items()
        ]

    def picture(self) -> go.Figure:
        """The storyboard."""
        return storyboard(self.player.story, self.player.other or None)

    def __repr__(self) -> str:
        return f"{self.player!r} {self.words.text}"


def _in_words(other: dict[str, Any]) -> str:
    if not other:
        return "Nothing is changed: every knob is where it was."
    told = [
        f"{name} {value} instead of {other['happened'][name]}"
        for name, value in other["numbers"].items()
    ]
    return f"What if: {other['label']}. {'; '.join(told)}."


def replay_panel(result: Result | None = None) -> Replay:
    """The incident with every knob."""
    return Replay(result)
