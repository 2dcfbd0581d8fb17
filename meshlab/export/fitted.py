"""Tables for a terminal of any width: no word is ever broken, in a heading least of all.

Where there is room for the longest word of every column, a table stands as such. Where there is
not, each row becomes a paragraph, a line for each of its values:

    edge             calls  ok %          edge: client->gateway
    client->gateway    400  99.8          calls: 400
    gateway->auth      400  97.5          ok %: 99.8
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

Cell = str | Text
GAP = 2
"""Space between two columns: a blank, and the box's own divider, which is a blank too."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A table as it was meant; how it is drawn is decided when the width is known.

    A heading that begins with ``>`` is one of numbers, which stand on the right.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    caption: Text | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text | Table]:
        room = options.max_width - GAP * len(self.heads) + 1  # the last one has a blank at its end
        columns = [(head, *cells) for head, *cells in zip(self._names(), *self.rows, strict=True)]
        least = [max(map(_longest_word, column)) for column in columns]
        if sum(least) > room:
            yield from self._paragraphs()
        else:
            widest = [max(map(_longest_line, column)) for column in columns]
            yield self._table(shrunk(widest, least, room))

    def _names(self) -> list[str]:
        return [head.removeprefix(">") for head in self.heads]

    def _table(self, widths: Sequence[int]) -> Table:
        made = Table(
            title=Text(self.title, style="bold") if self.title else None,
            title_justify="left",
            caption=self.caption,
            caption_justify="left",
            box=SIMPLE_HEAD,
            show_edge=False,
            padding=(0, 1, 0, 0),
            pad_edge=False,
        )
        for head, name, width in zip(self.heads, self._names(), widths, strict=True):
            side = "left" if name == head else "right"
            made.add_column(Text(name), justify=side, overflow="fold", width=width)  # type: ignore[arg-type]
        for row in self.rows:
            made.add_row(*row)
        return made

    def _paragraphs(self) -> Iterator[Text]:
        if self.title:
            yield Text(self.title, style="bold")
        for number, row in enumerate(self.rows):
            if number:
                yield Text()
            for name, cell in zip(self._names(), row, strict=True):
                if _plain(cell):
                    yield Text.assemble(
                        (f"{name}: " if name else "", "bold"), cell, overflow="fold"
                    )
        if self.caption is not None:
            yield self.caption


def shrunk(widest: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths that together fit into ``room``: the widest columns give way, none below its least.

    >>> shrunk([30, 10, 5], [8, 4, 5], 30)
    [15, 10, 5]
    """
    widths = list(widest)
    while sum(widths) > room:
        spare = [width if width > low else 0 for width, low in zip(widths, least, strict=True)]
        widths[spare.index(max(spare))] -= 1
    return widths


def _plain(cell: RenderableType) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)


def _longest_word(cell: Cell) -> int:
    return max(map(cell_len, _plain(cell).split()), default=0)


def _longest_line(cell: Cell) -> int:
    return max(map(cell_len, _plain(cell).splitlines()), default=0)
