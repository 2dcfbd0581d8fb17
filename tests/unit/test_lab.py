"""What the reader's helpers say, and that they never break a reader's session."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from meshlab import lab
from meshlab.engines.run import run
from meshlab.exercises import Exercise
from meshlab.figures import bars
from meshlab.lab import bets, check, predict, run_with_progress, show, source, table
from meshlab.mesh.totals import EdgeTotals
from meshlab.policies.breaker import CircuitBreaker
from meshlab.shop import shop

FIGURE = bars({"errors": {"a_b": 1.0}}, title="A finding", y="errors *all*")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Everything that was displayed."""
    displayed: list[Any] = []
    monkeypatch.setattr(lab, "display", lambda thing, raw=False: displayed.append(thing))
    return displayed


@pytest.fixture
def one_exercise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only exercise asks for the number 3."""

    def judge(answer: Any) -> str | None:
        return None if answer() == 3 else "count again"

    monkeypatch.setattr(lab, "exercise", lambda key: Exercise("How many?", judge))


# Figures


def test_a_shown_figure_is_there_for_viewers_that_draw_and_in_words(shown: list[Any]) -> None:
    show(FIGURE)
    figure, words = shown
    assert set(figure) == {"application/vnd.plotly.v1+json", "text/plain"}
    assert figure["text/plain"] == "Errors *all*. errors: a_b 1."
    assert words["text/plain"] == "In words: Errors *all*. errors: a_b 1."


def test_the_words_beneath_a_figure_are_taken_literally_by_markdown(shown: list[Any]) -> None:
    show(FIGURE)
    assert shown[1]["text/markdown"] == "*In words: Errors &#42;all&#42;. errors: a_b 1.*"


# Bets


def test_a_bet_is_shown_beside_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    bet = predict("t-1", "Pages that fail", guess=5, unit="%")
    bet.reveal(12.345, why="each page makes fourteen calls")
    assert capsys.readouterr().out == (
        "Pages that fail: you bet 5 %.\n"
        "Pages that fail\n"
        "  your bet: 5 %\n"
        "  the run:  12.3 %\n"
        "Why? each page makes fourteen calls\n"
    )


def test_bets_are_remembered_and_a_later_one_replaces_an_earlier() -> None:
    predict("t-2", "Who is ill?", guess="auth")
    predict("t-2", "Who is ill?", guess="user").reveal("payment")
    predict("t-3", "How many?", guess=None)
    table = bets().set_index("question")
    assert tuple(table.loc["Who is ill?"]) == ("user", "payment")
    assert tuple(table.loc["How many?"]) == ("none", "not yet known")


# Exercises


@pytest.mark.usefixtures("one_exercise")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: 3, "Exercise 1: right."),
        (lambda: 4, "Exercise 1: not yet: count again"),
        (None, "Exercise 1: not answered yet. How many?"),
        (..., "Exercise 1: not answered yet. How many?"),
        (
            lambda: 1 / 0,
            "Exercise 1: not yet: your answer stopped with ZeroDivisionError: division by zero",
        ),
    ],
)
def test_a_check_says_whether_an_answer_is_right_and_never_raises(
    answer: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = check("1", answer)
    assert capsys.readouterr().out == f"{said}\n"
    assert bool(verdict) is (said == "Exercise 1: right.")


def test_a_check_of_an_unknown_exercise_lists_the_valid_ones() -> None:
    assert "valid: 00.1, 00.2, 00.3" in check("00.9", 1).said


# Sources and tables


def test_the_source_shown_is_the_real_one() -> None:
    text = repr(source(CircuitBreaker, "admit"))
    assert text.startswith("```python\ndef admit(self")
    assert "class CircuitBreaker" in repr(source(CircuitBreaker))


def test_a_property_has_a_source_too() -> None:
    assert "@property\ndef attempts(self)" in repr(source(EdgeTotals, "attempts"))


def test_a_table_reads_well_as_plain_text(shown: list[Any]) -> None:
    table([{"edge": "a|b", "calls": 17503, "share": 0.123456}], "Calls")
    assert repr(shown[0]).splitlines() == [
        "**Calls**",
        "",
        "| edge | calls | share |",
        "| --- | --- | --- |",
        "| a|b | 17,503 | 0.123 |",
    ]


def test_a_table_is_taken_literally_by_markdown_and_makes_no_formulas(shown: list[Any]) -> None:
    table([{"$": "a|b", "*": r"\(x\)"}], "1 < 2")
    assert shown[0].data.splitlines() == [
        "**1 &#60; 2**",
        "",
        "| <span>&#36;</span> | &#42; |",
        "| --- | --- |",
        "| a&#124;b | <span>&#92;</span>(x<span>&#92;</span>) |",
    ]


def test_a_frame_makes_no_formulas() -> None:
    assert "mathjax_ignore" in pd.DataFrame({"$5 and $6": [1]})._repr_html_()


def test_a_frame_keeps_whole_numbers_whole_in_a_table(shown: list[Any]) -> None:
    table(pd.DataFrame({"n": [1], "x": [0.5], "ok": [True]}))
    assert repr(shown[0]).splitlines()[-1] == "| 1 | 0.5 | True |"


# Progress


def test_a_run_with_progress_is_the_same_run(capsys: pytest.CaptureFixture[str]) -> None:
    scenario = shop(rate=2, duration=20)
    assert run_with_progress(scenario, seed=3).digest() == run(scenario, seed=3).digest()
    assert "100 %" in capsys.readouterr().out
