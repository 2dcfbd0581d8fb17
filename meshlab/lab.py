"""What a reader works with in the lessons: show, predict, check, source, table.

    bet = predict("01-errors", "Share of pages that fail", guess=5, unit="%")
    ...
    bet.reveal(12.3, why="each page makes fourteen calls")

Everything here also says itself in plain text, for a terminal and for a screen reader.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from IPython.display import Markdown, display
from tqdm.auto import tqdm

from meshlab.exercises import exercise
from meshlab.figures.style import say, summary_of
from meshlab.mesh import run
from meshlab.result import Result
from meshlab.scenario import Scenario

PLOTLY = "application/vnd.plotly.v1+json"


def bundle(figure: go.Figure) -> dict[str, Any]:
    """A figure as Jupyter wants it: for viewers that draw, and in words for those that don't."""
    return {PLOTLY: json.loads(figure.to_json()), "text/plain": summary_of(figure)}


def show(figure: go.Figure) -> None:
    """Draw a figure, and write beneath it what it shows."""
    display(bundle(figure), raw=True)
    display(Markdown(f"*In words: {summary_of(figure)}*"))


@dataclass(slots=True)
class Bet:
    """A guess about a run, taken down before it."""

    key: str
    question: str
    guess: float | str
    unit: str = ""
    actual: float | str | None = None

    def reveal(self, actual: float | str, why: str = "") -> None:
        """Put what happened beside the guess. ``why`` is said after it."""
        self.actual = actual
        print(self.question)
        print(f"  your bet: {_said(self.guess, self.unit)}")
        print(f"  the run:  {_said(actual, self.unit)}")
        if why:
            print(f"Why? {why}")


_BETS: dict[str, Bet] = {}


def predict(key: str, question: str, guess: float | str, unit: str = "") -> Bet:
    """Bet on what a run will show: a number with its unit, or a word. A later bet replaces it."""
    bet = Bet(key, question, guess, unit)
    _BETS[key] = bet
    print(f"{question}: you bet {_said(guess, unit)}.")
    return bet


def bets() -> pd.DataFrame:
    """All bets of this kernel, and what became of them."""
    rows = [
        {"question": b.question, "bet": _said(b.guess, b.unit), "run": _said(b.actual, b.unit)}
        for b in _BETS.values()
    ]
    return pd.DataFrame(rows, columns=["question", "bet", "run"])


def _said(value: float | str | None, unit: str) -> str:
    if value is None:
        return "not yet known"
    if isinstance(value, str):
        return value
    return f"{say(value)} {unit}".strip()


def check(key: str, answer: object) -> bool:
    """Judge the answer to an exercise: say that it is right, or what to look at next.

    Never raises: an answer that breaks is told how it broke.
    """
    if answer is None:
        print(f"Exercise {key}: not answered yet. {exercise(key).question}")
        return False
    try:
        hint = exercise(key).judge(answer)
    except Exception as error:  # a reader's own code may break in any way
        hint = f"your answer stopped with {type(error).__name__}: {error}"
    print(f"Exercise {key}: {'right.' if hint is None else f'not yet: {hint}'}")
    return hint is None


def source(thing: object, *names: str) -> Markdown:
    """The real source of a class or function, or of the named members of a class."""
    parts = [getattr(thing, name) for name in names] or [thing]
    parts = [part.fget if isinstance(part, property) else part for part in parts]
    text = "\n".join(dedent(inspect.getsource(part)) for part in parts)
    return Markdown(f"```python\n{text.rstrip()}\n```")


def table(rows: pd.DataFrame | Sequence[dict[str, object]], caption: str = "") -> None:
    """Show rows as a table, with its caption above."""
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
    columns = [str(column) for column in frame.columns]
    lines = [columns, ["---"] * len(columns), *([str(v) for v in row] for row in frame.values)]
    text = "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines
    )
    display(Markdown(f"**{caption}**\n\n{text}" if caption else text))


def run_with_progress(scenario: Scenario, seed: int = 1) -> Result:
    """Run a scenario that takes a while, with a bar that shows how far it is."""
    with tqdm(total=100, unit="%", desc=scenario.name) as bar:

        def progress(share: float) -> None:
            bar.update(round(100 * share) - bar.n)

        return run(scenario, seed, progress)
