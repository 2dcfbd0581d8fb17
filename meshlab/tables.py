"""A table is data: texts under headings. Where it is shown decides how it is drawn.

    Table --to_terminal--> rich    --to_markdown--> a notebook, plain text    --to_html--> a page

Each drawing makes texts literal in its own place: `in_terminal`, `in_markdown`, `literal`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table as Drawn
from rich.text import Text

from meshlab.fitted import Fitted
from meshlab.literal import literal

Columns = Mapping[str, Callable[[Any], str]]
"""The heading of each column, with ``>`` if it is right-aligned, and what it shows of a row."""


class Bad(str):
    """A text in a color that nobody needs to see to understand it."""


class Right(str):
    """The heading of a right-aligned column."""


@dataclass(frozen=True, slots=True)
class Table:
    """Every row has a text for each heading."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    caption: str = ""


def tabulate(columns: Columns, rows: Iterable[Any], title: str = "", caption: str = "") -> Table:
    """A table with a row for each of ``rows``, whatever they are."""
    head = [Right(name[1:]) if name.startswith(">") else name for name in columns]
    return Table(head, [[shows(row) for shows in columns.values()] for row in rows], title, caption)


def in_terminal(text: str) -> Text:
    return Text(text, style="bold red" if isinstance(text, Bad) else "")


def to_terminal(table: Table, caption: str) -> Fitted:
    """For a console of any width; ``caption`` is its style."""
    return Fitted(
        tuple(f">{name}" if isinstance(name, Right) else str(name) for name in table.head),
        tuple(tuple(map(in_terminal, row)) for row in table.rows),
        table.title,
        Text(table.caption, caption) if table.caption else None,
    )


def print_parts(console: Console, widest: int, *parts: Table | Drawn | Text, caption: str) -> None:
    """Print each with an empty line after it, at most ``widest`` columns wide; no empty table."""
    console.width = min(console.width, widest)
    for part in parts:
        if not isinstance(part, Table) or part.rows:
            console.print(to_terminal(part, caption) if isinstance(part, Table) else part)
            console.print()


def in_markdown(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def to_markdown(table: Table, write: Callable[[str], str] = in_markdown) -> str:
    """For a notebook; also good to read as it is. Every text is written by ``write``."""
    head, *rows = [[*map(write, row)] for row in (table.head, *table.rows)]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join([f"**{write(table.caption)}**", "", *lines] if table.caption else lines)


def to_html(table: Table) -> str:
    """An element that a screen reader knows as a table. A short number keeps in one line."""
    head = "".join(f'<th scope="col">{literal(name)}</th>' for name in table.head)
    body = "\n".join(f"<tr>{''.join(map(_td, row))}</tr>" for row in table.rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _td(text: str) -> str:
    kind = ' class="number"' if text[:1].isdigit() and len(text) < 30 else ""
    return f"<td{kind}>{literal(text)}</td>"
