"""How every table of the report looks: a title, a rule, and no more."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

BAD = "bold red"


def table(title: str, *columns: str, caption: str = "", gap: int = 2) -> Table:
    """An empty table with ``gap`` spaces between columns; those with ``>`` are right-aligned."""
    made = Table(
        title=Text(title, style="bold"),
        title_justify="left",
        caption=Text(caption, style="dim") if caption else None,
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, gap - 1, 0, 0),
        pad_edge=False,
        header_style="bold",
    )
    for column in columns:
        name = column.removeprefix(">")
        made.add_column(name, justify="left" if name == column else "right", overflow="fold")
    return made


def bad_if(condition: bool, text: str) -> Text:
    """``text``, in a colour that nobody needs in order to read it, if ``condition`` holds."""
    return Text(text, style=BAD if condition else "")
