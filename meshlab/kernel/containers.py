"""What records keep other records in: queues, bags, pools, timers, rows.

Each is a few lines of plain Python here; the compiled kernel has its own, which behave the same
(`tests/kernel` runs one suite over both). A record names what a container holds:

    waiting: Queue[Job]        in the order in which they came; any may leave
    jobs: Bag[Job]             quick to join and to leave; looked through seldom
    calls: Pool[Call]          makes records, and takes them back
    spans: Rows[SpanRow]       written row by row, and read by Python
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Queue(Generic[T]):
    """First in, first out; a member may also leave from the middle. A record is in it once."""

    __slots__ = ("_items", "count")

    def __init__(self) -> None:
        self.count = 0
        self._items: OrderedDict[T, None] = OrderedDict()

    def push(self, item: T) -> None:
        """Join at the end."""
        self.count += 1
        self._items[item] = None

    def pop(self) -> T:
        """Take out the first. There must be one."""
        self.count -= 1
        return self._items.popitem(last=False)[0]

    def remove(self, item: T) -> None:
        """Take out a member, wherever it stands."""
        self.count -= 1
        del self._items[item]

    def clear(self) -> None:
        """Forget all members."""
        self.count = 0
        self._items.clear()


class Bag(Generic[T]):
    """Members that come and go all the time, and are hardly ever looked through.

    A record is in one bag of a kind at a time. ``add(item)`` lets it join, ``remove(item)`` lets it
    leave; it must be a member then. (Both are a dict's own methods: every request needs them.)
    """

    __slots__ = ("_items", "add", "remove")

    def __init__(self) -> None:
        self._items: dict[T, None] = {}
        self.add: Callable[[T], None] = self._items.setdefault
        self.remove: Callable[[T], None] = self._items.pop

    @property
    def count(self) -> int:
        """How many members there are."""
        return len(self._items)

    def empty_into(self, found: list[T]) -> None:
        """Take all members out, and append them to ``found`` in the order in which they came."""
        found.extend(self._items)
        self._items.clear()


class Pool(Generic[T]):
    """Makes records of one class and takes them back.

    What was planned for a record that was released does not happen. Whoever releases one cuts every
    reference to it first. ``new`` gives a record whose attributes are all zero.
    """

    __slots__ = ("new",)

    def __init__(self, kind: Any) -> None:
        self.new: Any = kind

    def release(self, item: Any) -> None:
        """Take a record back."""
        item.life += 1


class Rows(Generic[T]):
    """Rows of numbers in the order of writing."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: list[Any] = []

    def write(self, *numbers: float) -> None:
        """Add a row: a number for every field of its layout."""
        self._rows.append(numbers)

    def take(self) -> list[tuple[Any, ...]]:
        """What was written since the last time (for Python only)."""
        rows, self._rows = self._rows, []
        return rows


CONTAINERS: dict[str, Any] = {kind.__name__: kind for kind in (Queue, Bag, Pool, Rows)}
