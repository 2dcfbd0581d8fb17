"""What a reader works with in the lessons: show, predict, check, source, table.

    bet = predict("01-errors", "Share of pages that fail", guess=5, unit="%")
    ...
    bet.reveal(12.3, why="each page makes fourteen calls")

Everything here also says itself in plain text, for a terminal and for a screen reader.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from textwrap import dedent
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from IPython.display import Markdown, display
from tqdm import tqdm

from meshlab.engines.run import run
from meshlab.exercises import exercise
from meshlab.figures.style import CONFIG, plain, say, summary_of
from meshlab.literal import literal
from meshlab.mesh.result import Result
from meshlab.model import ConfigError
from meshlab.scenario import Scenario
from meshlab.tables import Table, to_markdown

PLOTLY = "application/vnd.plotly.v1+json"

pd.set_option("display.html.use_mathjax", False)  # a frame shows names, not formulas


def bundle(figure: go.Figure) -> dict[str, Any]:
    """A figure as Jupyter wants it: for viewers that draw, and in words for those that don't."""
    return {PLOTLY: {**plain(figure), "config": CONFIG}, "text/plain": summary_of(figure)}


def show(figure: go.Figure) -> None:
    """Draw a figure, and write beneath it what it shows."""
    display(bundle(figure), raw=True)
    words = f"In words: {summary_of(figure)}"
    display({"text/markdown": f"*{shown_in_jupyter(words)}*", "text/plain": words}, raw=True)


def shown_in_jupyter(text: object) -> str:
    """`literal` for a cell's output: Jupyter looks for formulas in the page that Markdown made.

    It does not look across elements, so a sign that could begin one gets an element of its own.
    """
    return re.sub(r"&#(36|92);", r"<span>&#\1;</span>", literal(text))


@dataclass(slots=True)
class Bet:
    """A guess about a run, taken down before it."""

    key: str
    question: str
    guess: float | str | None
    unit: str = ""
    actual: float | str | None = None

    def reveal(self, actual: float | str, why: str = "") -> None:
        """Put what happened beside the guess. ``why`` is said after it."""
        self.actual = actual
        print(self.question)
        print(f"  your bet: {_said(self.guess, self.unit, 'none')}")
        print(f"  the run:  {_said(actual, self.unit)}")
        if why:
            print(f"Why? {why}")


_BETS: dict[str, Bet] = {}


def predict(key: str, question: str, guess: float | str | None, unit: str = "") -> Bet:
    """Bet on what a run will show: a number with its unit, or a word. A later bet replaces it."""
    bet = Bet(key, question, guess, unit)
    _BETS[key] = bet
    print(f"{question}: you bet {_said(guess, unit, 'nothing yet')}.")
    return bet


def bets() -> pd.DataFrame:
    """All bets of this kernel, and what became of them."""
    rows = [
        (b.question, _said(b.guess, b.unit, "none"), _said(b.actual, b.unit))
        for b in _BETS.values()
    ]
    return pd.DataFrame(rows, columns=["question", "bet", "run"])


def _said(value: float | str | None, unit: str, missing: str = "not yet known") -> str:
    if value is None:
        return missing
    if isinstance(value, str):
        return value
    return f"{say(value)} {unit}".strip()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an answer: true if it was right, so that a test can assert it."""

    right: bool
    said: str

    def __bool__(self) -> bool:
        return self.right

    def _ipython_display_(self) -> None:
        """Nothing more to show: `check` has printed it."""


def check(key: str, answer: object) -> Verdict:
    """Judge the answer to an exercise: say that it is right, or what to look at next.

    Never raises: an answer that breaks is told how it broke.
    """
    verdict = _judge(key, answer)
    print(verdict.said)
    return verdict


def _judge(key: str, answer: object) -> Verdict:
    try:
        asked = exercise(key)
    except ConfigError as error:
        return Verdict(False, str(error))
    if answer is None or answer is ...:
        return Verdict(False, f"Exercise {key}: not answered yet. {asked.question}")
    try:
        hint = asked.judge(answer)
    except Exception as error:  # a reader's own code may break in any way
        hint = f"your answer stopped with {type(error).__name__}: {error}"
    if hint is None:
        return Verdict(True, f"Exercise {key}: right.")
    return Verdict(False, f"Exercise {key}: not yet: {hint}")


class Text(Markdown):
    """Markdown that is also its own plain text, for a terminal and for a screen reader.

    ``plain`` is that text where it differs: names as they are.
    """

    def __init__(self, data: str, plain: str | None = None) -> None:
        super().__init__(data)
        self.plain = data if plain is None else plain

    def __repr__(self) -> str:
        return self.plain


def source(thing: object, *names: str) -> Text:
    """The real source of a class or function, or of the named members of a class."""
    parts = [getattr(thing, name) for name in names] or [thing]
    parts = [part.fget if isinstance(part, property) else part for part in parts]
    text = "\n".join(dedent(inspect.getsource(part)) for part in parts)
    return Text(f"```python\n{text.rstrip()}\n```")


def table(rows: pd.DataFrame | Sequence[dict[str, object]], caption: str = "") -> None:
    """Show rows as a table, with its caption above. Numbers are told as figures tell them."""
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
    cells = [[_cell(v) for v in row] for row in frame.itertuples(index=False, name=None)]
    made = Table([*map(str, frame.columns)], cells, caption=caption)
    display(Text(to_markdown(made, shown_in_jupyter), to_markdown(made, str)))


def _cell(value: object) -> str:
    if isinstance(value, Real) and not isinstance(value, bool | np.bool):
        return say(float(value))
    return " ".join(str(value).splitlines())


def run_with_progress(scenario: Scenario, seed: int = 1) -> Result:
    """Run a scenario that takes a while, with a bar that shows how far it is."""
    bar_format = "{desc}: {percentage:3.0f} % {bar:30} [{elapsed}<{remaining}]"
    bar = tqdm(total=100, desc=scenario.name, file=sys.stdout, bar_format=bar_format)
    with bar:
        return run(scenario, seed, lambda share: _advance(bar, round(100 * share)))


def _advance(bar: tqdm[NoReturn], percent: int) -> None:
    bar.update(percent - bar.n)
