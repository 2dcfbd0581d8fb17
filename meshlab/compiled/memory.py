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
from meshlab.distributions import ONE_BY_ONE
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

uniform: Block = np.random.Generator.random


def bits(rng: np.random.Generator, n: int) -> np.ndarray:
    """``n`` words of 64 random bits."""
    return rng.integers(0, 2**64, n, dtype=np.uint64)



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
    """Random numbers: for each purpose those that come next, made in blocks.

    They are *low* when fewer are left than all that may be drawn before the run can stop; then the
    rules stop before their next event, and `fill` makes more.
    """

    def __init__(self, memory: Memory, count: int) -> None:
        self._table = np.zeros(count, STREAM)
        memory.place("streams", self._table)
        self._sources: list[tuple[np.random.Generator, Block]] = []
        self._numbers: list[np.ndarray] = []
        self._blocks = [1] * count
        self._at_most: list[int] = []

    def add(self, seed: int, purpose: str, block: Block, kind: str, at_most: int) -> None:
        """The next purpose, of which so many numbers ("f8" or "u8") are drawn in half an event."""
        self._sources.append((generator(seed, purpose), block))
        self._numbers.append(np.zeros(0, kind))
        self._at_most.append(at_most)

    def fill(self, margin: int) -> None:
        """Make more numbers wherever they are low, if events use ``margin`` records at most."""
        table = self._table
        needed = np.array(self._at_most) * (margin // 2)
        for stream in np.flatnonzero(table["end"] - table["next"] <= needed).tolist():
            self._fill(stream, int(needed[stream]))

    def _fill(self, stream: int, needed: int) -> None:
        _, start, _, end = self._table[stream].tolist()
        numbers = self._numbers[stream]
        kept = numbers[start:end].copy()
        blocks = max(self._blocks[stream], -(-(needed + 1) // BLOCK))
        self._blocks[stream] = min(4 * blocks, max(MOST_BLOCKS, blocks))
        if len(numbers) < len(kept) + blocks * BLOCK:
            numbers = self._numbers[stream] = np.empty(needed + blocks * BLOCK, numbers.dtype)
        numbers[: len(kept)] = kept
        end = len(kept) + blocks * BLOCK
        draw_blocks(*self._sources[stream], numbers[len(kept) : end])
        self._table[stream] = (numbers.ctypes.data, 0, end - needed, end)

    def draw(self, stream: int) -> float:
        """The next number of a stream, for Python's own use."""
        place = int(self._table["next"][stream])
        self._table["next"][stream] += 1
        return float(self._numbers[stream][place])


def draw_blocks(rng: np.random.Generator, block: Block, numbers: np.ndarray) -> None:
    """Fill an array of some blocks as one block after the other would."""
    if block is uniform:
        rng.random(out=numbers)
    elif isinstance(getattr(block, "__self__", None), ONE_BY_ONE):
        numbers[:] = block(rng, len(numbers))
    else:
        for start in range(0, len(numbers), BLOCK):
            numbers[start : start + BLOCK] = block(rng, BLOCK)
