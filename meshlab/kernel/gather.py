"""Reads numbers out of records in memory, all at once: as `meshlab.kernel.reader`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from meshlab.kernel import layout
from meshlab.kernel.memory import address_in, get, memory_of
from meshlab.kernel.reader import Place


class Reader:
    """Knows where each number lies; the records must be views, and stay where they are."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = tuple(places)
        found: dict[str, list[tuple[int, int]]] = {}
        for position, place in enumerate(self.places):
            code, address = _where(*place)
            found.setdefault(code, []).append((position, address))
        self._groups = [_group(code, where) for code, where in found.items()]
        self._memory = memory_of(self.places[0][0]) if self.places else None

    def read(self) -> Any:
        """The numbers now, shape (places,); booleans count as 0 and 1."""
        row = np.empty(len(self.places))
        for positions, memory, indices in self._groups:
            row[positions] = memory[indices]
        return row


def _where(record: Any, name: str, index: int | None) -> tuple[str, int]:
    """The kind of number, and its address."""
    code, start, size, by_list = _column(type(record).__name__, name)
    address = address_in(record) + start
    return code, (get(address, "i8") if by_list else address) + size * (index or 0)


@layout.remembered
def _column(cls: str, name: str) -> tuple[str, int, int, bool]:
    """The kind of number of a field, where it begins, its size, and whether a list holds it."""
    field = layout.fields_of(cls)[name]
    by_list = field.kind == "numbers"
    start = layout.offset(layout.dtype_of(cls), name)
    return field.of, start, 8 if by_list else layout.SIZES[field.of], by_list


def _group(code: str, where: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in a row, and the memory from the first to the last address with their indices."""
    size = layout.SIZES[code]
    addresses = np.array([address for _, address in where])
    first = int(addresses.min())
    count = (int(addresses.max()) - first) // size + 1
    kinds: dict[str, Any] = {"f8": ctypes.c_double, "i4": ctypes.c_int32, "u1": ctypes.c_uint8}
    memory = np.ctypeslib.as_array((kinds.get(code, ctypes.c_int64) * count).from_address(first))
    return np.array([position for position, _ in where]), memory, (addresses - first) // size
