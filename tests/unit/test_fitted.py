"""A table that fits any terminal: no word is broken, no line too long, nothing left out."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from meshlab.fitted import Fitted, shrunk

TABLE = Fitted(
    ("edge", "balancer", ">calls", ">ok %"),
    (
        ("client->gateway", "least request", "12,345", Text("99.8", style="bold red")),
        ("gateway->auth", "weighted round robin", "7", ""),
    ),
    "Routing",
    Text("ok: answered in time"),
)


def printed(table: Fitted, width: int) -> str:
    file = io.StringIO()
    Console(file=file, width=width, markup=False, emoji=False, highlight=False).print(table)
    return file.getvalue()


def test_where_there_is_room_it_is_a_table_with_numbers_on_the_right() -> None:
    lines = [line.rstrip() for line in printed(TABLE, 80).splitlines()]
    assert lines[0] == "Routing"
    assert lines[1] == "edge             balancer               calls  ok %"
    assert lines[3] == "client->gateway  least request         12,345  99.8"
    assert lines[4] == "gateway->auth    weighted round robin       7"
    assert lines[5] == "ok: answered in time"


def test_where_there_is_none_each_row_is_a_paragraph() -> None:
    lines = printed(TABLE, 24).splitlines()
    assert lines[:5] == [
        "Routing",
        "edge: client->gateway",
        "balancer: least request",
        "calls: 12,345",
        "ok %: 99.8",
    ]
    assert lines[-1] == "ok: answered in time"


@pytest.mark.parametrize("width", range(15, 81))
def test_at_every_width_no_word_is_broken_and_no_line_too_long(width: int) -> None:
    text = printed(TABLE, width)
    assert max(map(len, text.splitlines())) <= width
    assert {"client->gateway", "weighted", "12,345", "balancer", "answered"} <= {
        word.removesuffix(":") for word in text.split()
    }


def test_a_word_wider_than_the_terminal_is_folded_and_not_cut() -> None:
    table = Fitted(("name",), (("x" * 50,),))
    assert "".join(printed(table, 20).split()).count("x") == 50


def test_a_table_without_rows_has_its_headings() -> None:
    assert printed(Fitted(("a", "b"), ()), 40).split()[:2] == ["a", "b"]


widths = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 60)), min_size=1, max_size=8)


@given(widths, st.integers(0, 60))
def test_columns_give_way_until_they_fit_and_none_below_its_least(
    columns: list[tuple[int, int]], spare: int
) -> None:
    least = [low for low, _ in columns]
    widest = [low + more for low, more in columns]
    made = shrunk(widest, least, sum(least) + spare)
    assert sum(made) == min(sum(widest), sum(least) + spare)
    assert all(low <= width <= most for low, width, most in zip(least, made, widest, strict=True))
