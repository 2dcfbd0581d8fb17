"""The investigation as a desk in a notebook: buttons to look, to name a cause, to act.

Everything is reached with Tab and pressed with Enter or Space, and what is shown is said, too. Each
button does what a plain call does: ``desk.press("look", "database")`` is ``case.look("database")``.
"""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go
from anywidget import AnyWidget
from traitlets import Dict, List, Unicode

from meshlab.investigation.actions import ACTIONS
from meshlab.investigation.case import NAMING, Answer, Investigation
from meshlab.investigation.causes import CAUSES
from meshlab.investigation.debrief import Debrief
from meshlab.investigation.sources import SOURCES
from meshlab.literal import literal
from meshlab.model import MeshlabError
from meshlab.panels import Box, figure_widget, repaint
from meshlab.tables import Table, to_html
from meshlab.widgets import Words


class Menu(AnyWidget):
    """Groups of buttons. ``pressed`` is the last: its group, its key and how many there were."""

    groups: List[Any] = List().tag(sync=True)
    pressed: Dict[str, Any] = Dict().tag(sync=True)
    clock = Unicode().tag(sync=True)

    _esm = """
    export default {
      render({ model, el }) {
        el.classList.add("meshlab-menu");
        const clock = document.createElement("p");
        clock.className = "meshlab-clock";
        const follow = () => { clock.textContent = `It is ${model.get("clock")}.`; };
        el.append(clock);
        let count = 0;
        for (const { name, title, buttons } of model.get("groups")) {
          const group = document.createElement("fieldset");
          const legend = document.createElement("legend");
          legend.textContent = title;
          group.append(legend);
          for (const { key, label } of buttons) {
            const button = document.createElement("button");
            button.textContent = label;
            button.dataset.lmSuppressShortcuts = "true";  // Enter and Space are its own
            button.addEventListener("click", () => {
              model.set("pressed", { group: name, key, count: ++count });
              model.save_changes();
            });
            group.append(button);
          }
          el.append(group);
        }
        model.on("change:clock", follow);
        follow();
        return () => model.off("change:clock", follow);
      },
    };
    """
    _css = """
    .meshlab-menu { font: var(--jp-ui-font-size1, 13px) var(--jp-ui-font-family, sans-serif); }
    .meshlab-menu fieldset { border: 1px solid #888888; border-radius: 4px; margin: 0 0 0.5em; }
    .meshlab-menu button { font: inherit; margin: 0.15em; padding: 0.3em 0.6em; cursor: pointer; }
    .meshlab-menu button:focus-visible { outline: 3px solid #0072B2; }
    .meshlab-clock { font-size: 1.4em; margin: 0.2em 0; font-variant-numeric: tabular-nums; }
    """


class Desk(Box):
    """A menu, what the last press showed as a figure and as a table, and the same in words."""

    def __init__(self, case: Investigation | None = None) -> None:
        self.case = case or Investigation()
        self.first = self.case.look("users")
        self.menu = Menu(groups=_groups(), clock=self.case.clock)
        self.figure = figure_widget(self.first.figure())
        self.table = widgets.HTML()
        self.words = Words()
        self._show(self.first)
        super().__init__([self.menu, self.words, self.figure, self.table])
        self.menu.observe(self._pressed, names="pressed")

    def press(self, group: str, key: str) -> None:
        """Do what the button does. What is not possible is said, and nothing else happens."""
        do = {"look": self.case.look, "name": self.case.name, "act": self.case.act}[group]
        try:
            self._show(do(key))
        except MeshlabError as error:
            self.words.text = str(error)
        self.menu.clock = self.case.clock

    def _pressed(self, change: dict[str, Any]) -> None:
        self.press(change["new"]["group"], change["new"]["key"])

    def _show(self, shown: Any) -> None:
        """An answer with its figure and table, a verdict in words, a debrief with its tables."""
        rows = [shown.rows()] if isinstance(shown, Answer) else []
        self.words.text = shown.title if isinstance(shown, Answer) else str(shown)
        if isinstance(shown, Answer) and shown.readings:
            repaint(self.figure, shown.figure())
        if isinstance(shown, Debrief):
            rows = [shown.rows(), shown.team_rows(), shown.first_rows()]
        lines = shown.lines if isinstance(shown, Answer) else ()
        text = f"<pre>{chr(10).join(map(literal, lines))}</pre>" if lines else ""
        tables = [Table([*t[0]], [[*map(str, row.values())] for row in t]) for t in rows if t]
        self.table.value = "".join(map(to_html, tables)) + text

    def __repr__(self) -> str:
        return f"Desk. {self.case!r} {self.words.text}"

    def picture(self) -> go.Figure:
        """The figure as it is now."""
        return go.Figure(self.figure)


def _groups() -> list[dict[str, Any]]:
    def minutes(count: int) -> str:
        return f"{count} minute{'' if count == 1 else 's'}"

    looks = [(key, f"{key}: {s.asks} ({minutes(s.minutes)})") for key, s in SOURCES.items()]
    names = [(key, f"{what} ({minutes(NAMING)})") for key, (what, _) in CAUSES.items()]
    acts = [(key, f"{a.what} ({minutes(a.minutes)})") for key, a in ACTIONS.items()]
    groups = (
        ("look", "Look at", looks),
        ("name", "Name the cause", names),
        ("act", "Act, which ends it", acts),
    )
    return [
        {
            "name": name,
            "title": title,
            "buttons": [{"key": key, "label": label} for key, label in buttons],
        }
        for name, title, buttons in groups
    ]


def desk(case: Investigation | None = None) -> Desk:
    """Sit down at the desk: the first look, at what users get, is taken."""
    return Desk(case)
