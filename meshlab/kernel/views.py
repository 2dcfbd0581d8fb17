"""Objects whose attributes lie in memory: what records are for Python while a compiled run goes on.

A view is the object that was there before, with the same class's methods: only its attributes are
read from memory, and written to it. An `entry` of a view runs compiled; every other method runs as
the Python that it is. So whoever holds a record need not know which kernel runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableSequence
from functools import cache
from typing import Any

from meshlab.kernel import layout
from meshlab.kernel.engine import Engine, TimerQueue
from meshlab.kernel.entries import ENTRIES, Entry
from meshlab.kernel.layout import offset
from meshlab.kernel.memory import CODES, SLOTS, Address, Memory, address_in, get, put, slot_of
from meshlab.kernel.record import RECORDS, Field
from meshlab.kernel.running import advance, call, plan
from meshlab.kernel.streams import Uniform, Variates, Words

MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
UNIT = 2.0**-53


def view_of(item: Any, address: Address) -> None:
    """Make an object a view of what lies at an address."""
    cls: Any = type(item)
    item.__class__ = view_class(cls)
    slot_of(cls).__set__(item, address)


def view_at(name: str, address: int, memory: Memory) -> Any:
    """The object for a record at an address: the one that lay down there, or a new view."""
    if address == 0:
        return None
    known = memory.objects.get(address)
    if known is not None:
        return known
    cls = RECORDS[layout.class_at(name, get(address + 4, "i4"))]
    item: Any = object.__new__(cls)
    place = Address(address)
    place.memory = memory
    view_of(item, place)
    return item


@cache
def view_class(cls: type) -> type:
    """The class of the views of a class."""
    if cls in SLOTS:
        return type(
            cls.__name__, (cls,), {"__slots__": (), "SLOT": (slot_of(cls),), **_KERNEL[cls]}
        )
    body: dict[str, Any] = {
        "__slots__": (),
        "SLOT": (slot_of(cls),),
        "life": _number(cls, "life", "i4"),
    }
    for attribute, field in layout.fields_of(cls.__name__).items():
        body[attribute] = _attribute(cls, attribute, field)
    # a pooled record has a new view each time that it is looked at
    body |= {"__eq__": _same, "__hash__": object.__hash__}
    for (owner, name), entry in ENTRIES.items():
        if owner == cls.__name__:
            body[name] = _entry(entry)
    return type(cls.__name__, (cls,), body)


def _same(view: Any, other: object) -> bool:
    return view is other or address_in(view) == address_in(other)


def _attribute(cls: type, name: str, field: Field) -> property:
    match field.kind:
        case "number":
            return _number(cls, name, field.of)
        case "reference":
            return _reference(cls, name, field)
    return _part(cls, name, field)


def _number(cls: type, name: str, code: str) -> property:
    slot, shift = slot_of(cls), offset(layout.dtype_of(cls.__name__), name)

    def read(self: Any) -> Any:
        return get(slot.__get__(self) + shift, code)

    def write(self: Any, value: Any) -> None:
        put(slot.__get__(self) + shift, code, value)

    return property(read, write)


def _reference(cls: type, name: str, field: Field) -> property:
    slot, shift = slot_of(cls), offset(layout.dtype_of(cls.__name__), f"{name}_at")

    def read(self: Any) -> Any:
        address = slot.__get__(self)
        return view_at(field.of, get(address + shift, "i8"), address.memory)

    def write(self: Any, value: Any) -> None:
        address = slot.__get__(self)
        put(address + shift, "i8", address.memory.lower(value))

    return property(read, write)


def _part(cls: type, name: str, field: Field) -> property:
    slot, shift = slot_of(cls), offset(layout.dtype_of(cls.__name__), name)

    def read(self: Any) -> Any:
        address = slot.__get__(self)
        return _PARTS[field.kind](address + shift, field, address.memory)

    def write(self: Any, value: Any) -> None:
        address = slot.__get__(self)
        waiting: list[Any] = []
        address.memory.write_field(address, cls.__name__, name, field, value, waiting)
        while waiting:
            address.memory._write(*waiting.pop(), waiting)

    return property(read, write)


class _Part:
    """A table or a container in memory."""

    def __init__(self, place: int, field: Field, memory: Memory) -> None:
        self._place, self._field, self._memory = place, field, memory


class _Counted(_Part):
    """A queue or a bag: Python only asks how many are in it."""

    @property
    def count(self) -> int:
        return int(get(self._place + (16 if self._field.kind == "Queue" else 0), "i8"))


class _Rows(_Part):
    def write(self, *numbers: Any) -> None:
        self._memory.add_row(self._place, numbers)

    def take(self) -> list[tuple[Any, ...]]:
        """What was written since the last time."""
        used = get(self._place + 8, "i8")
        put(self._place + 8, "i8", 0)
        return self._memory.arrays[self._place][:used].tolist() if used else []


class _Sequence(_Part, MutableSequence[Any]):
    """A table, or a list of numbers or records."""

    def __len__(self) -> int:
        return self._field.size or int(get(self._place + 8, "i8"))

    def _at(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError("list index out of range")
        index %= len(self)
        size = {"u1": 1, "i4": 4}.get(self._field.of, 8) if self._field.size else 8
        first = self._place if self._field.size else get(self._place, "i8")
        return int(first + size * index)

    @property
    def _code(self) -> str:
        return "i8" if self._field.kind == "records" else self._field.of

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return list(self)[index]
        found = get(self._at(index), self._code)
        return (
            view_at(self._field.of, found, self._memory) if self._field.kind == "records" else found
        )

    def __setitem__(self, index: Any, value: Any) -> None:
        number = self._memory.lower(value) if self._field.kind == "records" else value
        put(self._at(index), self._code, number)

    def __iter__(self) -> Iterator[Any]:
        first = self._place if self._field.size else get(self._place, "i8")
        numbers = (CODES[self._code] * len(self)).from_address(first) if first else ()
        if self._field.kind == "records":
            return iter([view_at(self._field.of, each, self._memory) for each in numbers])
        return iter(list(numbers))

    def insert(self, index: int, value: Any) -> None:
        if len(self) == get(self._place + 16, "i8"):
            self._memory.more_places(self._place)
        put(self._place + 8, "i8", len(self) + 1)
        for i in range(len(self) - 1, index, -1):
            put(self._at(i), "i8", get(self._at(i - 1), "i8"))
        self[index] = value

    def __delitem__(self, index: Any) -> None:
        for i in range(index % len(self), len(self) - 1):
            put(self._at(i), "i8", get(self._at(i + 1), "i8"))
        put(self._place + 8, "i8", len(self) - 1)

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    def __repr__(self) -> str:
        return repr(list(self))


_PARTS: dict[str, Any] = {
    "table": _Sequence,
    "numbers": _Sequence,
    "records": _Sequence,
    "Queue": _Counted,
    "Bag": _Counted,
    "Pool": _Part,
    "Rows": _Rows,
}


def _entry(entry: Entry) -> Callable[..., Any]:
    """A method that runs compiled."""
    slot = slot_of(RECORDS[entry.owner])

    def method(self: Any, *given: Any) -> Any:
        address = slot.__get__(self)
        memory: Memory = address.memory
        numbers = [
            int(item)
            if isinstance(item, bool)
            else item
            if isinstance(item, int | float)
            else memory.lower(item)
            for item in given
        ]
        if entry.by_clock and not numbers:
            numbers = [0]
        found = call(memory, entry.number, int(address), *numbers)
        return bool(found) if entry.result is bool else found

    method.__name__, method.__doc__ = entry.name, getattr(RECORDS[entry.owner], entry.name).__doc__
    return method


# ---- the kernel's own classes


def _next_bits(address: int) -> int:
    """A step of PCG64, as `meshlab.kernel.machine` has it."""
    low, high, inc_low, inc_high = (get(address + 8 * i, "u8") for i in range(4))
    state = ((high << 64) + low) * MULTIPLIER + (inc_high << 64) + inc_low & 2**128 - 1
    low, high = state & 2**64 - 1, state >> 64
    put(address, "u8", low)
    put(address + 8, "u8", high)
    mixed, turn = low ^ high, high >> 58
    return (mixed >> turn | mixed << (64 - turn)) & 2**64 - 1


def _uniform(self: Any) -> float:
    return (_next_bits(address_in(self)) >> 11) * UNIT


def _word(self: Any) -> int:
    return _next_bits(address_in(self))


def _variate(self: Any) -> float:
    address: Any = slot_of(Variates).__get__(self)
    offsets = {name: offset(layout.VARIATES, name) for name in layout.VARIATES.names or ()}
    if get(address, "i8"):
        u = (_next_bits(address + offsets["low"]) >> 11) * UNIT
        base, width = (get(address + offsets[name], "f8") for name in ("base", "width"))
        return float(base + width * u)
    here = get(address + offsets["next"], "i8")
    if here == get(address + offsets["end"], "i8"):
        address.memory.more_numbers(int(address))
        here = 0
    put(address + offsets["next"], "i8", here + 1)
    return float(address.memory.arrays[int(address)][here])


def _of(name: str, code: str) -> property:
    shift = offset(layout.ENGINE, name)
    return property(
        lambda self: get(address_in(self) + shift, code),
        lambda self, value: put(address_in(self) + shift, code, value),
    )


def _engine_at(self: Any, time: float, method: Any, number: int = -1) -> None:
    if not time >= self.now:
        raise ValueError(f"engine: time must be >= now ({self.now}), got {time!r}")
    plan(self, time, method, number)


def _engine_after(self: Any, seconds: float, method: Any, number: int = -1) -> None:
    if not seconds >= 0.0:
        raise ValueError(f"engine: seconds must be >= 0, got {seconds!r}")
    plan(self, self.now + seconds, method, number)


def _engine_run(self: Any, until: float) -> None:
    if not until >= self.now:
        raise ValueError(f"engine: until must be >= now ({self.now}), got {until!r}")
    advance(self, until)
    self.now = until


_KERNEL: dict[type, dict[str, Any]] = {
    Engine: {
        "now": _of("now", "f8"),
        "events": _of("events", "i8"),
        "sequence": _of("sequence", "i8"),
        "at": _engine_at,
        "after": _engine_after,
        "run": _engine_run,
    },
    TimerQueue: {},
    Uniform: {"draw": _uniform},
    Words: {"draw": _word},
    Variates: {"draw": _variate},
}
