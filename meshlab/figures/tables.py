"""Tables: the same rows in a terminal, on a page and in a notebook.

Table(head, rows) --in_terminal--> for rich
                  --as_html------> for a page or a widget
                  --as_markdown--> for a cell of a notebook
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from numbers import Real
from typing import TYPE_CHECKING

from meshlab.figures.style import say

if TYPE_CHECKING:
    from rich.table import Table as RichTable


class Alarm(str):
    """A text that a terminal shows in red. The colour says nothing that the text does not."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts. A heading that begins with ``>`` has its column aligned to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    caption: str = ""


def table_of(rows: Sequence[Mapping[str, object]], title: str = "") -> Table:
    """A row for each mapping, a column for each key of the first; numbers as figures say them."""
    head = tuple(str(name) for name in rows[0]) if rows else ()
    return Table(head, tuple(tuple(text_of(v) for v in row.values()) for row in rows), title)


def text_of(value: object) -> str:
    """A cell's text: numbers as figures say them."""
    if isinstance(value, Real) and type(value).__name__ not in ("bool", "bool_"):
        return say(float(value))
    return str(value)


def as_markdown(table: Table) -> str:
    """For a notebook, with the title above."""
    rule = ("---",) * len(table.head)
    cells = [[_one_line(cell) for cell in row] for row in (table.head, rule, *table.rows)]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([f"**{table.title}**", "", *lines] if table.title else lines)


def _one_line(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def as_html(table: Table) -> str:
    """With headings that a screen reader knows. A cell that begins with a digit keeps in a line."""
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    return f"<table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _cell(text: str) -> str:
    kind = ' class="number"' if text[:1].isdigit() and len(text) < 30 else ""
    return f"<td{kind}>{escape(text)}</td>"


def in_terminal(table: Table) -> RichTable:
    """For rich, with the title above and the caption beneath."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    made = RichTable(
        title=Text(table.title, style="bold") if table.title else None,
        title_justify="left",
        caption=Text(table.caption, style="dim") if table.caption else None,
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for heading in table.head:
        name = heading.removeprefix(">")
        made.add_column(name, justify="left" if name == heading else "right", overflow="fold")
    for row in table.rows:
        made.add_row(*_styled(row))
    return made


def _styled(row: Iterable[str]) -> list[str]:
    from rich.text import Text

    red = "bold red"
    return [Text(str(c), style=red) if isinstance(c, Alarm) else c for c in row]  # type: ignore[misc]
