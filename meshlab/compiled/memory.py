"""The arrays of a compiled run: made, grown and filled with random numbers by Python.

The rules find them by their addresses in the root record, so whoever replaces an array writes its
new address down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from meshlab.compiled.heap import NEVER
from meshlab.compiled.layout import (
    CALL,
    EXEMPLAR,
    JOB,
    KEY,
    LINE,
    MESSAGE,
    NOBODY,
    NOTE,
    PLAN,
    POOLS,
    ROOT,
    SPAN,
    STORED,
    STREAM,
    TIMER,
)
from meshlab.streams import BLOCK, generator

RECORDS = {
    "calls": CALL,
    "jobs": JOB,
    "timers": TIMER,
    "heap": KEY,
    "plans": PLAN,
    "notes": NOTE,
    "spans": SPAN,
    "exemplars": EXEMPLAR,
    "messages": MESSAGE,
    "stored": STORED,
}
MOST_BLOCKS = 32
"""Blocks of random numbers that are made at a time, once a stream has shown that it is busy."""

Block = Callable[[np.random.Generator, int], np.ndarray]


def in_whole_lines(count: int, dtype: np.dtype[Any], first: int = 0) -> np.ndarray:
    """Records of zeros, of which the ``first`` begins where a line of memory does."""
    size = count * dtype.itemsize
    raw = np.zeros(size + LINE, np.uint8)
    start = -(raw.ctypes.data + first * dtype.itemsize) % LINE
    return raw[start : start + size].view(dtype)


class Memory:
    """The root record, and every array that it knows the address of."""

    def __init__(self, margin: int) -> None:
        self.root_array = np.zeros(1, ROOT)
        self.root = self.root_array[0]
        self.arrays: dict[str, np.ndarray] = {}
        self.root["margin"] = margin
        for name in ("calls", "jobs", "timers", "plans", "messages"):
            self.root[f"{name}_free"] = NOBODY
        for name in POOLS:
            self._make_room(name, 0, 4 * margin)
        self.grow()

    def place(self, name: str, array: np.ndarray) -> None:
        """Put an array under its name, and tell the root where it lies."""
        if len(array) == 0:
            array = np.zeros(1, array.dtype)
        if array.dtype.itemsize % LINE == 0 and array.ctypes.data % LINE:
            kept, array = array, in_whole_lines(len(array), array.dtype)
            array[:] = kept
        self.arrays[name] = array
        self.root[name] = array.ctypes.data

    def _make_room(self, name: str, used: int, room: int) -> None:
        array = in_whole_lines(room, RECORDS[name], 1 if name == "heap" else 0)
        if name == "heap":
            array["time"] = NEVER
        if used:
            array[:used] = self.arrays[name][:used]
        self.place(name, array)

    def grow(self) -> None:
        """Double every pool of which less than the margin is free."""
        margin = int(self.root["margin"])
        for name in POOLS:
            used, room = int(self.root[f"{name}_used"]), len(self.arrays[name])
            if room - used < margin:
                self._make_room(name, used, room := 2 * room + margin)
            self.root[f"{name}_low"] = room - margin

    def take(self, name: str) -> np.ndarray:
        """What lies in a pool that Python empties (notes, spans, exemplars): a copy."""
        used = int(self.root[f"{name}_used"])
        self.root[f"{name}_used"] = 0
        return self.arrays[name][:used].copy()


class Numbers:
    """Random numbers of one kind, in one array: a stretch for each purpose, filled in blocks.

    ``name`` is the array, "variates" or "words". A stretch is *low* when less than ``margin`` of it
    is left; then the rules stop before their next event, and `fill` makes more.
    """

    def __init__(self, memory: Memory, name: str, dtype: str, margin: int) -> None:
        self._memory = memory
        self._name = name
        self._margin = margin
        self._numbers = np.zeros(0, dtype)
        self._used = 0
        self._streams: list[int] = []
        self._sources: list[tuple[np.random.Generator, Block]] = []
        self._blocks: list[int] = []
        self._starts: list[int] = []
        self._rooms: list[int] = []

    def add(self, stream: int, seed: int, purpose: str, block: Block) -> None:
        """Let ``stream`` draw from the numbers of this purpose."""
        self._streams.append(stream)
        self._sources.append((generator(seed, purpose), block))
        self._blocks.append(1)
        self._starts.append(0)
        self._rooms.append(0)

    def fill(self, margin: int = 0) -> None:
        """Make more numbers for every stretch that is low."""
        self._margin = max(self._margin, margin)
        table = self._memory.arrays["streams"]
        mine = table[self._streams]
        for place in np.flatnonzero(mine["end"] - mine["next"] <= self._margin):
            self._fill(int(place), self._streams[place], table)
        if self._memory.arrays.get(self._name) is not self._numbers:
            self._memory.place(self._name, self._numbers)
            self._numbers = self._memory.arrays[self._name]

    def _fill(self, place: int, stream: int, table: np.ndarray) -> None:
        rng, block = self._sources[place]
        start, end = int(table["next"][stream]), int(table["end"][stream])
        kept = self._numbers[start:end].copy()
        blocks = max(self._blocks[place], -(-(self._margin + 1) // BLOCK))
        self._blocks[place] = min(4 * blocks, max(MOST_BLOCKS, blocks))
        size = len(kept) + blocks * BLOCK
        if size > self._rooms[place]:
            self._rooms[place] = size = len(kept) + 2 * blocks * BLOCK
            self._starts[place] = self._allocate(size)
        start = self._starts[place]
        self._numbers[start : start + len(kept)] = kept
        end = start + len(kept)
        for _ in range(blocks):
            self._numbers[end : end + BLOCK] = block(rng, BLOCK)
            end += BLOCK
        table[stream] = (start, end - self._margin, end)

    def _allocate(self, size: int) -> int:
        start = self._used
        self._used += size
        if self._used > len(self._numbers):
            grown = np.zeros(2 * self._used, self._numbers.dtype)
            grown[:start] = self._numbers[:start]
            self._numbers = grown
        return start


def empty_streams(count: int) -> np.ndarray:
    """Streams without any number yet."""
    return np.zeros(count, STREAM)
