"""The arrays of a compiled run: made, grown and filled with random numbers by Python.

The rules find them by their addresses in the root record, so whoever replaces an array writes its
new address down.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from meshlab.engines.compiled.heap import NEVER, PLACES
from meshlab.engines.compiled.layout import (
    BATCH,
    BATCH_SIZE,
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
    TIMER,
)
from meshlab.model import RunTooLarge

AT_FIRST = 16
"""Margins of room for every pool: memory that is not touched costs less than a copy of what is."""

RECORDS = {
    "calls": CALL,
    "jobs": JOB,
    "batches": BATCH,
    "plans": PLAN,
    "notes": NOTE,
    "spans": SPAN,
    "exemplars": EXEMPLAR,
    "messages": MESSAGE,
    "stored": STORED,
}


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
        for name in ("calls", "jobs", "batches", "plans", "messages"):
            self.root[f"{name}_free"] = NOBODY
        for name in POOLS:
            self._make_room(name, 0, AT_FIRST if name == "batches" else AT_FIRST * margin)
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
        array = in_whole_lines(room, RECORDS[name])
        if used:
            array[:used] = self.arrays[name][:used]
        self.place(name, array)
        if name == "batches":
            timers = np.zeros(BATCH_SIZE * room, TIMER)
            timers[: BATCH_SIZE * used] = self.arrays.get("timers", timers)[: BATCH_SIZE * used]
            self.place("timers", timers)
        if name == "plans":  # each has at most one key, and four keys are read at a time
            keys = in_whole_lines(room + 4, KEY, 1)
            keys["time"] = NEVER
            keys[:used] = self.arrays.get("heap", keys)[:used]
            self.place("heap", keys)

    def grow(self) -> None:
        """Give every pool of which less than the margin is free four times its room."""
        for name in POOLS:
            margin = int(self.root["margin"])
            if name == "batches":  # an event starts at most ``margin`` timers, in any lanes
                margin = margin // BATCH_SIZE + int(self.root["lane_count"]) + 1
            used, room = int(self.root[f"{name}_used"]), len(self.arrays[name])
            if name == "plans" and used + margin > PLACES:
                raise RunTooLarge(
                    f"run: the compiled engine has room for {PLACES:,} events that are planned at "
                    f"a time, and {used:,} are; engine='reference' has as much room as the machine"
                )
            if room - used < margin:
                self._make_room(name, used, room := 4 * room + margin)
            self.root[f"{name}_low"] = room - margin

    def take(self, name: str) -> np.ndarray:
        """What lies in a pool that Python empties (notes, spans, exemplars): a copy."""
        used = int(self.root[f"{name}_used"])
        self.root[f"{name}_used"] = 0
        return self.arrays[name][:used].copy()
