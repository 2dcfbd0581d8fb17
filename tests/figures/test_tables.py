"""One table, and what becomes of it in a terminal, on a page and in a notebook."""

from __future__ import annotations

import io

from rich.console import Console

from meshlab.figures.tables import Alarm, Table, as_html, as_markdown, in_terminal, table_of

TABLE = Table(
    ("edge", ">calls"),
    (("a|b", "17"), ("<c>", Alarm("3,000"))),
    title="Calls",
    caption="all of them",
)


def printed(table: Table, colour: bool = False) -> str:
    file = io.StringIO()
    Console(file=file, width=80, force_terminal=colour, markup=False).print(in_terminal(table))
    return file.getvalue()


def test_in_a_terminal_numbers_are_aligned_to_the_right_between_title_and_caption() -> None:
    lines = [line.rstrip() for line in printed(TABLE).splitlines()]
    assert [lines[0], lines[1], lines[-1]] == ["Calls", "edge  calls", "all of them"]
    assert lines[3:5] == ["a|b      17", "<c>   3,000"]


def test_an_alarm_is_red_and_says_the_same_without_colour() -> None:
    assert "\x1b[1;31m" in printed(TABLE, colour=True)
    assert "3,000" in printed(TABLE) and "\x1b" not in printed(TABLE)


def test_on_a_page_nothing_in_a_cell_can_be_an_element_and_numbers_keep_in_a_line() -> None:
    page = as_html(TABLE)
    assert '<th scope="col">edge</th>' in page
    assert "<td>&lt;c&gt;</td>" in page and '<td class="number">17</td>' in page


def test_in_a_notebook_a_bar_in_a_cell_ends_no_column() -> None:
    assert as_markdown(TABLE).splitlines()[:2] == ["**Calls**", ""]
    assert r"| a\|b | 17 |" in as_markdown(TABLE)


def test_rows_become_a_table_with_numbers_as_figures_say_them() -> None:
    made = table_of([{"edge": "a", "share": 0.123456, "ok": True}, {"x": "b", "y": 17503, "z": ""}])
    assert made.head == ("edge", "share", "ok")
    assert made.rows == (("a", "0.123", "True"), ("b", "17,503", ""))
