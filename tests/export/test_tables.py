"""One table, drawn in a terminal, in Markdown and in HTML: the same texts everywhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from meshlab.export.tables import Bad, Table, print_parts, tabulate, to_html, to_markdown

COLUMNS = {"name": str.title, ">length": lambda name: f"{len(name)}"}
TABLE = tabulate(COLUMNS, ["auth", "cart"], "Services", "in letters")


def printed(*parts: Table | Text, width: int = 40, color: bool = False) -> str:
    file = io.StringIO()
    how = {"force_terminal": color, "color_system": "standard" if color else None}
    print_parts(Console(file=file, width=width, **how), 80, *parts, caption="")  # type: ignore[arg-type]
    return file.getvalue()


def test_a_table_has_a_row_for_each_thing_and_a_cell_for_each_column() -> None:
    assert list(TABLE.head) == ["name", "length"]
    assert list(TABLE.rows) == [["Auth", "4"], ["Cart", "4"]]


def test_in_a_terminal_numbers_stand_to_the_right_between_title_and_caption() -> None:
    lines = [line.rstrip() for line in printed(TABLE).splitlines()]
    assert lines[0] == "Services"
    assert lines[1] == "name  length"
    assert lines[3:] == ["Auth       4", "Cart       4", "in letters", ""]


def test_an_empty_table_is_not_printed_and_a_text_is() -> None:
    assert printed(tabulate(COLUMNS, [], "Services"), Text("nothing")) == "nothing\n\n"


def test_nothing_is_wider_than_it_may_be() -> None:
    assert max(map(len, printed(Text("a " * 200), width=300).splitlines())) <= 80


def test_what_is_bad_has_a_color_in_a_terminal_and_the_same_words_everywhere() -> None:
    good, bad = Table(["n"], [["7"]]), Table(["n"], [[Bad("7")]])
    assert "\x1b[1;31m7" in printed(bad, color=True)
    assert "\x1b[1;31m7" not in printed(good, color=True)
    assert printed(good) == printed(bad)
    assert (to_html(good), to_markdown(good)) == (to_html(bad), to_markdown(bad))


@pytest.mark.parametrize("name", ["[red]a[/red]", ":smile:", "12:30"])
def test_a_terminal_shows_texts_as_they_are_whatever_the_console_makes_of_them(name: str) -> None:
    assert name in printed(Table([name], [["x"]])) and name in printed(Table(["x"], [[name]]))


def test_a_heading_of_a_reader_s_own_may_begin_with_the_sign_of_a_column() -> None:
    assert "| >50 |" in to_markdown(Table([">50"], []))


def test_markdown_has_the_caption_above_and_cells_made_literal() -> None:
    assert to_markdown(Table(["a", "b"], [["x|y", "1\n2"]], caption="Two")).splitlines() == [
        "**Two**",
        "",
        "| a | b |",
        "| --- | --- |",
        r"| x\|y | 1 2 |",
    ]
    assert "| <<x>> |" in to_markdown(Table(["a"], [["x"]]), lambda text: f"<<{text}>>")


def test_html_is_a_table_with_headings_and_short_numbers_are_kept_in_one_line() -> None:
    assert to_html(Table(["<a>", "b"], [["7 s", "x<y"], [f"7{' s' * 20}", ""]])) == (
        '<table>\n<thead><tr><th scope="col">&#60;a></th><th scope="col">b</th></tr></thead>\n'
        '<tbody>\n<tr><td class="number">7 s</td><td>x&#60;y</td></tr>\n'
        f"<tr><td>7{' s' * 20}</td><td></td></tr>\n</tbody>\n</table>"
    )
