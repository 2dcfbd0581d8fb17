"""Objects in memory: copies the records of a built mesh to where compiled code finds them.

`Memory.lower` walks from record to record, gives each its place and writes its attributes there.
The objects stay what they are for everyone who holds them: they become views (see
`meshlab.kernel.views`), whose attributes are read from memory and written to it.

All memory is numpy's, and belongs to one `Memory`. Compiled code asks for more (`answer`) when a
pool, a list, a heap or a stock of random numbers runs low.
"""

from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import numpy as np

from meshlab.kernel import compiled_engine as ce
from meshlab.kernel import layout
from meshlab.kernel.distributions import Around, Constant
from meshlab.kernel.engine import Engine, TimerQueue
from meshlab.kernel.layout import LINE, offset
from meshlab.kernel.machine import TABLE
from meshlab.kernel.reasons import FAILED
from meshlab.kernel.record import RECORDS, Field
from meshlab.kernel.streams import BLOCK, Uniform, Variates, Words, generator
from meshlab.model import RunTooLarge

ARENA = 2**20
"""Bytes of memory that long-lived records share."""

MOST_BLOCKS = 32
"""Blocks of random numbers that are made at a time, once a stock has shown that it is in use."""

HALF = 2**64 - 1
CODES: dict[str, Any] = {
    "f8": ctypes.c_double,
    "i8": ctypes.c_int64,
    "i4": ctypes.c_int32,
    "u8": ctypes.c_uint64,
    "u1": ctypes.c_bool,
}
WIDE = {"f8": "f8", "u8": "u8"}
SLOTS: dict[type, str] = {
    Engine: "heap",
    TimerQueue: "running",
    Uniform: "_block",
    Words: "_block",
    Variates: "_block",
}
"""Which slot of a kernel's own object holds its address once it is a view; else it is ``life``."""

LOCAL = threading.local()
"""``memory``: whose compiled code runs in this thread."""


class Address(int):
    """Where a record lies; it keeps the memory alive."""

    memory: Memory


class Memory:
    """All memory of one compiled run, and the Python objects that lie in it."""

    def __init__(self, view_of: Callable[[Any, Address], None]) -> None:
        self._view_of = view_of
        self.objects: dict[int, Any] = {}
        self.arrays: dict[
            int, np.ndarray
        ] = {}  # what grows, by the record that knows where it lies
        self.chunks: dict[str, list[np.ndarray]] = {}
        self.pools: dict[int, str] = {}
        self.bags: dict[int, tuple[str, str]] = {}
        self.rows: dict[int, str] = {}
        self.stocks: dict[int, tuple[np.random.Generator, Any, int]] = {}
        self.controls: list[tuple[Any, int]] = []
        self.failure: BaseException | None = None
        self._arena = np.zeros(0, np.uint8)
        self._used = 0
        self._arenas: list[np.ndarray] = []

    # ---- places

    def place(self, size: int) -> int:
        """Room for one long-lived record, at the beginning of a line where it needs one."""
        align = min(LINE, 1 << (size - 1).bit_length())
        self._used = -(-self._used // align) * align
        if self._used + size > len(self._arena):
            self._arena = _aligned(max(ARENA, size))
            self._arenas.append(self._arena)
            self._used = 0
        address = int(self._arena.ctypes.data) + self._used
        self._used += size
        return address

    def lower(self, item: Any) -> int:
        """The address of a record; it and all that it refers to are put into memory first."""
        waiting: list[tuple[Any, int]] = []
        address = self._address(item, waiting)
        while waiting:
            self._write(*waiting.pop(), waiting)
        return address

    def _address(self, item: Any, waiting: list[tuple[Any, int]]) -> int:
        if item is None:
            return 0
        known = address_in(item)
        if known:
            return known
        cls: Any = type(item)
        name = cls.__name__
        if name in layout.KERNEL and layout.KERNEL[name][0] is cls:
            size = layout.KERNEL[name][1].itemsize
        elif RECORDS.get(name) is cls and name not in FAILED:
            size = layout.dtype_of(name).itemsize
        else:
            raise NotLowered(FAILED.get(name) or f"{name} is no record")
        address = Address(self.place(size))
        address.memory = self
        self.objects[address] = item
        names, values = _attributes(cls)
        before = dict(zip(names, values(item), strict=True))
        self._view_of(item, address)
        waiting.append(((item, cls, before), address))
        return address

    def _write(self, known: tuple[Any, type, dict[str, Any]], address: int, waiting: Any) -> None:
        item, cls, values = known
        name = cls.__name__
        if name in _WRITERS:
            _WRITERS[name](self, address, values, item)
            return
        plan = _plan_of(name)
        numbers = (
            self._address(values[attribute], waiting) if refers else values[attribute]
            for attribute, refers in plan.order
        )
        place = (ctypes.c_char * plan.form.size).from_address(address)
        plan.form.pack_into(place, 0, *plan.head, *numbers)
        for attribute, field in plan.others:
            if values[attribute] or field.kind in ("Pool", "Bag", "Rows"):
                self.write_field(address, name, attribute, field, values[attribute], waiting)

    def write_field(
        self, address: int, name: str, attribute: str, field: Field, value: Any, waiting: Any
    ) -> None:
        """Write one attribute of a record."""
        dtype = layout.dtype_of(name)
        if field.kind == "reference":
            put(address + offset(dtype, f"{attribute}_at"), "i8", self._address(value, waiting))
            return
        place = address + offset(dtype, attribute)
        match field.kind:
            case "number":
                put(place, field.of, value)
            case "table":
                size = ctypes.sizeof(CODES[field.of])
                for i, number in enumerate(value):
                    put(place + i * size, field.of, number)
            case "numbers":
                self._write_list(place, np.array(value, WIDE.get(field.of, "i8")))
            case "records":
                addresses = [self._address(each, waiting) for each in value]
                self._write_list(place, np.array(addresses, "i8"))
            case "Pool":
                self.pools[place] = field.of
            case "Bag":
                self.bags[place] = (field.of, f"{name}_{attribute}")
            case "Rows":
                self.rows[place] = field.of
                for row in value.take():
                    self.add_row(place, row)

    def _write_list(self, place: int, numbers: np.ndarray) -> None:
        room = max(4, len(numbers))
        array = np.zeros(room, numbers.dtype)
        array[: len(numbers)] = numbers
        self.arrays[place] = array
        for i, number in enumerate((array.ctypes.data, len(numbers), room)):
            put(place + 8 * i, "i8", number)

    # ---- what compiled code asks for

    def answer(self, what: int, whom: int) -> int:
        """Provide what runs low; 0 if that went well."""
        try:
            _ANSWERS[what](self, whom)
        except BaseException as error:
            self.failure = self.failure or error
            return 1
        return 0

    def more_plans(self, engine: int) -> None:
        """Four times the room for events; each has at most one key, read four at a time."""
        dtype = layout.ENGINE
        old = get(engine + offset(dtype, "room"), "i8")
        used = get(engine + offset(dtype, "used"), "i8")
        room = min(max(1024, 4 * old), ce.PLACES)
        if room == old:
            raise RunTooLarge(
                f"run: the compiled engine has room for {ce.PLACES:,} events that are planned at a "
                f"time; engine='reference' has as much room as the machine"
            )
        plans = _lines(room, layout.PLAN)
        keys = _lines(room + 4, layout.KEY, first=1)
        keys["time"] = ce.NEVER
        if old:
            plans[:old] = self.arrays[engine][:old]
            keys[: used + 1] = self.arrays[engine + 1][: used + 1]
        self.arrays[engine], self.arrays[engine + 1] = plans, keys
        put(engine + offset(dtype, "plans"), "i8", plans.ctypes.data)
        put(engine + offset(dtype, "heap"), "i8", keys.ctypes.data)
        put(engine + offset(dtype, "room"), "i8", room)

    def more_batches(self, engine: int) -> None:
        """Four times the room for timers."""
        dtype = layout.ENGINE
        old = get(engine + offset(dtype, "batches_room"), "i8")
        room = max(16, 4 * old)
        batches = _lines(room, layout.BATCH)
        timers = _lines(room * layout.BATCH_SIZE, layout.TIMER)
        if old:
            batches[:old] = self.arrays[engine + 2]
            timers[: old * layout.BATCH_SIZE] = self.arrays[engine + 3]
        self.arrays[engine + 2], self.arrays[engine + 3] = batches, timers
        put(engine + offset(dtype, "batches"), "i8", batches.ctypes.data)
        put(engine + offset(dtype, "timers"), "i8", timers.ctypes.data)
        put(engine + offset(dtype, "batches_room"), "i8", room)

    def more_numbers(self, stream: int) -> None:
        """The next blocks of a stock of random numbers."""
        rng, distribution, blocks = self.stocks[stream]
        parts = [distribution.block(rng, BLOCK) for _ in range(blocks)]
        numbers = parts[0] if blocks == 1 else np.concatenate(parts)
        self.stocks[stream] = rng, distribution, min(4 * blocks, MOST_BLOCKS)
        self._put_numbers(stream, np.ascontiguousarray(numbers, dtype=float))

    def _put_numbers(self, stream: int, numbers: np.ndarray) -> None:
        self.arrays[stream] = numbers
        for name, number in (("numbers", numbers.ctypes.data), ("next", 0), ("end", len(numbers))):
            put(stream + offset(layout.VARIATES, name), "i8", number)

    def more_records(self, pool: int) -> None:
        """Another chunk of records, all of them free."""
        name = self.pools[pool]
        dtype = layout.dtype_of(name)
        chunks = self.chunks.setdefault(name, [])
        count = min(256 << len(chunks), 2**16)
        chunk = _lines(count, dtype)
        chunks.append(chunk)
        addresses = chunk.ctypes.data + dtype.itemsize * np.arange(1, count + 1)
        addresses[-1] = 0
        if layout.interfaces_of(RECORDS[name]):
            chunk["kind"] = layout.kind_number(name)
        links = np.ndarray(count, "i8", chunk.data, layout.LINK, (dtype.itemsize,))
        links[:] = addresses
        put(pool, "i8", chunk.ctypes.data)

    def more_rows(self, rows: int) -> None:
        """Four times the room for rows."""
        dtype = layout.row_dtype(self.rows[rows])
        used = get(rows + 8, "i8")
        array = np.empty(max(256, 4 * used), dtype)
        if used:
            array[:used] = self.arrays[rows][:used]
        self.arrays[rows] = array
        put(rows, "i8", array.ctypes.data)
        put(rows + 16, "i8", len(array))

    def more_places(self, place: int) -> None:
        """Twice the room for a list."""
        old = self.arrays.get(place)
        if old is None:
            old = np.zeros(0, "i8")
        array = np.zeros(max(4, 2 * len(old)), old.dtype)
        array[: len(old)] = old
        self.arrays[place] = array
        put(place, "i8", array.ctypes.data)
        put(place + 16, "i8", len(array))

    def empty_bag(self, bag: int) -> None:
        """Find the members of a bag, in their order; their addresses lie where ``joined`` says."""
        name, link = self.bags[bag]
        found, orders = [], []
        for chunk in self.chunks.get(name, ()):
            inside = np.flatnonzero(chunk[f"{link}_in"] == bag)
            chunk[f"{link}_in"][inside] = 0
            found.append(chunk.ctypes.data + inside * chunk.dtype.itemsize)
            orders.append(chunk[f"{link}_order"][inside])
        addresses = np.concatenate(found)[np.argsort(np.concatenate(orders))] if found else found
        array = np.array(addresses, "i8")
        self.arrays[bag] = array
        put(bag + 8, "i8", array.ctypes.data if len(array) else 0)

    def add_row(self, rows: int, row: tuple[Any, ...]) -> None:
        """Write a row on behalf of Python."""
        used = get(rows + 8, "i8")
        if used == get(rows + 16, "i8"):
            self.more_rows(rows)
        self.arrays[rows][used] = row
        put(rows + 8, "i8", used + 1)

    # ---- the kernel's own classes

    def _write_engine(self, address: int, values: dict[str, Any], item: Any) -> None:
        put(address + offset(layout.ENGINE, "now"), "f8", values["now"])
        put(address + offset(layout.ENGINE, "events"), "i8", values["events"])
        put(address + offset(layout.ENGINE, "plans_free"), "i8", -1)
        put(address + offset(layout.ENGINE, "batches_free"), "i8", -1)
        self.more_plans(address)
        self.more_batches(address)
        self.engine = address
        self.waiting_events = sorted(values["heap"], key=lambda event: event[:2])
        put(address + offset(layout.ENGINE, "sequence"), "i8", values["sequence"])

    def _write_timers(self, address: int, values: dict[str, Any], item: Any) -> None:
        assert not values["running"], "timers can't run before a mesh is lowered"
        dtype = layout.TIMERS
        put(address + offset(dtype, "seconds"), "f8", values["seconds"])
        put(address + offset(dtype, "engine_at"), "i8", self.lower(values["engine"]))
        for name, number in (("first", -1), ("last", -1), ("used", layout.BATCH_SIZE)):
            put(address + offset(dtype, name), "i8", number)

    def _write_stream(self, address: int, values: dict[str, Any], item: Any) -> None:
        self._put_state(address, values)

    def _put_state(self, address: int, values: dict[str, Any]) -> None:
        state = _beginning(values["seed"], values["purpose"])
        if values["drawn"]:
            rng = generator(values["seed"], values["purpose"])
            rng.bit_generator.advance(values["drawn"])  # type: ignore[attr-defined]
            state = _halves(rng)
        for i, number in enumerate(state):
            put(address + 8 * i, "u8", number)

    def _write_variates(self, address: int, values: dict[str, Any], item: Any) -> None:
        distribution, dtype = values["distribution"], layout.VARIATES
        even = type(distribution) in (Around, Constant)
        put(address, "i8", even)
        if even:
            around = isinstance(distribution, Around)
            base = distribution.low if around else float(distribution.seconds)
            put(address + offset(dtype, "base"), "f8", base)
            put(address + offset(dtype, "width"), "f8", distribution.width if around else 0.0)
            drawn = values["drawn"] if around else 0
            self._put_state(address + offset(dtype, "low"), {**values, "drawn": drawn})
            return
        rng = generator(values["seed"], values["purpose"])
        for _ in range(values["blocks"]):
            distribution.block(rng, BLOCK)
        self.stocks[address] = rng, distribution, 1
        self._put_numbers(address, np.array(list(values["_block"]), float))


_WRITERS: dict[str, Any] = {
    "Engine": Memory._write_engine,
    "TimerQueue": Memory._write_timers,
    "Uniform": Memory._write_stream,
    "Words": Memory._write_stream,
    "Variates": Memory._write_variates,
}
_ANSWERS: dict[int, Any] = {
    ce.MORE_PLANS: Memory.more_plans,
    ce.MORE_BATCHES: Memory.more_batches,
    ce.MORE_NUMBERS: Memory.more_numbers,
    ce.MORE_RECORDS: Memory.more_records,
    ce.MORE_ROWS: Memory.more_rows,
    ce.MORE_PLACES: Memory.more_places,
    ce.EMPTY_BAG: Memory.empty_bag,
}


class NotLowered(Exception):
    """Something that a record refers to can't be put into memory."""


@ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
def _asked(what: int, whom: int) -> int:
    memory: Memory = LOCAL.memory
    return memory.answer(what, whom)


TABLE[0] = ctypes.cast(_asked, ctypes.c_void_p).value


def put(address: int, code: str, number: Any) -> None:
    """Write a number at an address."""
    CODES[code].from_address(address).value = number


def get(address: int, code: str) -> Any:
    """The number at an address."""
    return CODES[code].from_address(address).value


@cache
def _attributes(cls: type) -> tuple[list[str], Callable[[Any], Any]]:
    """What of an object is copied: the names, and what reads them all."""
    names = _OWN.get(cls) or ["life", *layout.fields_of(cls.__name__)]
    return names, attrgetter(*names)


_OWN: dict[type, list[str]] = {
    Engine: ["now", "events", "sequence", "heap"],
    TimerQueue: ["engine", "seconds", "running"],
    Uniform: ["seed", "purpose", "drawn"],
    Words: ["seed", "purpose", "drawn"],
    Variates: ["seed", "purpose", "drawn", "blocks", "_block", "distribution"],
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a record is written: numbers and references at one go, other fields by themselves."""

    form: struct.Struct
    head: tuple[int, ...]
    order: tuple[tuple[str, bool], ...]
    others: tuple[tuple[str, Field], ...]


FORMS = {"f8": "d", "i8": "q", "i4": "i", "u8": "Q", "u1": "?"}


@layout.remembered
def _plan_of(name: str) -> _Plan:
    dtype, fields = layout.dtype_of(name), layout.fields_of(name)
    kind = (layout.kind_number(name),) if layout.interfaces_of(RECORDS[name]) else ()
    places = [
        (offset(dtype, f"{a}_at" if f.kind == "reference" else a), a, f)
        for a, f in fields.items()
        if f.kind in ("number", "reference")
    ]
    form, end = "<" + "i" * (1 + len(kind)), 4 + 4 * len(kind)
    for place, _, field in sorted(places, key=lambda known: known[0]):
        form += f"{place - end}x{FORMS['i8' if field.kind == 'reference' else field.of]}"
        end = place + layout.SIZES["i8" if field.kind == "reference" else field.of]
    return _Plan(
        struct.Struct(form),
        (0, *kind),
        tuple((a, f.kind == "reference") for _, a, f in sorted(places, key=lambda p: p[0])),
        tuple((a, f) for a, f in fields.items() if f.kind not in ("number", "reference")),
    )


def _aligned(size: int) -> np.ndarray:
    raw = np.zeros(size + LINE, np.uint8)
    start = -int(raw.ctypes.data) % LINE
    return raw[start : start + size]


def _lines(count: int, dtype: np.dtype[Any], first: int = 0) -> np.ndarray:
    """Records of zeros, of which the ``first`` begins where a line of memory does."""
    size = count * dtype.itemsize
    raw = np.zeros(size + LINE, np.uint8)
    start = -(int(raw.ctypes.data) + first * dtype.itemsize) % LINE
    return raw[start : start + size].view(dtype)


@lru_cache(maxsize=4096)
def _beginning(seed: int, purpose: str) -> tuple[int, int, int, int]:
    """Where a stream begins; the next run with this seed is likely to ask again."""
    return _halves(generator(seed, purpose))


def _halves(rng: np.random.Generator) -> tuple[int, int, int, int]:
    """State and increment of a PCG64, each as its low and its high 64 bits."""
    known: Any = rng.bit_generator.state["state"]
    state, increment = known["state"], known["inc"]
    return state & HALF, state >> 64, increment & HALF, increment >> 64


def slot_of(cls: type) -> Any:
    """The slot of a class that holds the address of an object once it is a view."""
    name = SLOTS.get(cls, "life")
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name]
    raise AttributeError(name)


def address_in(item: Any) -> int:
    """The address of a view; 0 if it is none."""
    slot = getattr(type(item), "SLOT", None)
    return slot[0].__get__(item) if slot else 0


def memory_of(item: Any) -> Memory:
    """The memory that a view lies in."""
    address: Any = address_in(item)
    return address.memory
