"""Reads numbers out of records, the same ones again and again: what a scrape needs of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Place = tuple[Any, str, int | None]
"""A record, the name of one of its fields, and, where that holds several numbers, which of them."""


class AnyReader(Protocol):
    """What a scrape asks."""

    def read(self) -> Sequence[float]:
        """The numbers now, in the order of the places."""
        ...


Readers = Callable[[Sequence[Place]], AnyReader]
"""Makes the reader of a list of places."""


class Reader:
    """Knows a list of places, and gives the numbers that stand there now, in the same order."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = tuple(places)

    def read(self) -> list[float]:
        """The numbers now; booleans count as 0 and 1."""
        return [
            getattr(record, name) if index is None else getattr(record, name)[index]
            for record, name, index in self.places
        ]
