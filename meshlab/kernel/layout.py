"""Where each attribute of a record lies in memory: what annotations say, as numpy dtypes.

Memory comes in lines of 64 bytes, and a line that is not near costs more than all work of an event.
So the order of a record's annotations is their order in memory, and a record never begins where it
would touch a line more than it needs to.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from meshlab.kernel.engine import Engine, TimerQueue
from meshlab.kernel.record import INTERFACES, RECORDS, Field
from meshlab.kernel.streams import Uniform, Variates, Words

LINE = 64
"""Bytes of memory that the processor fetches at a time."""

LINK = 8
"""Where a record that is in no use has the address of the next one."""

SIZES = {"f8": 8, "i8": 8, "u8": 8, "i4": 4, "u1": 1}
"""Bytes of a number."""

BATCH_SIZE = 64
"""Timers of a batch."""

PARTS: dict[str, list[tuple[str, str]]] = {
    "Queue": [("head", "i8"), ("last", "i8"), ("count", "i8")],
    "Bag": [("count", "i8"), ("joined", "i8")],
    "Pool": [("free", "i8")],
    "Rows": [("rows", "i8"), ("used", "i8"), ("room", "i8")],
    "records": [("places", "i8"), ("count", "i8"), ("room", "i8")],
    "numbers": [("places", "i8"), ("count", "i8"), ("room", "i8")],
}
"""What a container keeps in the record that it belongs to."""

LINKS = {"Queue": ("next", "before"), "Bag": ("order",)}
"""What a container keeps in its members, after all else."""

FIRST_LINKS = {"Bag": ("in",)}
"""And what it keeps where every event comes by."""

ENGINE = np.dtype(
    [
        *(("now", "f8"), ("events", "i8"), ("sequence", "i8"), ("heap", "i8"), ("used", "i8")),
        *(("plans", "i8"), ("plans_free", "i8"), ("vacant", "i8")),
        *((name, "i8") for name in ("plans_used", "room", "control")),
        *((name, "i8") for name in ("timers", "batches", "batches_used", "batches_free")),
        *((name, "i8") for name in ("batches_room",)),
    ]
)
KEY = np.dtype([("tag", "i8"), ("time", "i8")])
"""An event in the heap: the bits of its time, and its sequence number before its plan's place."""

PLAN = np.dtype([("me", "i8"), ("life", "i4"), ("what", "i4")])
"""Whose method an event calls, in which of its lives; which entry, and with what number."""

PLACE_BITS = 24
"""How many bits of a tag are the place of the plan."""

TIMERS = np.dtype(
    [
        *(("life", "i4"), ("seconds", "f8"), ("engine_at", "i8"), ("first", "i8")),
        *(("last", "i8"), ("used", "i8"), ("expired", "i8")),
    ],
    align=True,
)
TIMER = np.dtype([("due", "f8"), ("sequence", "i8"), ("item", "i8")])
BATCH = np.dtype([("running", "i8"), ("queue", "i8"), ("before", "i8"), ("after", "i8")])
STREAM = np.dtype([(name, "u8") for name in ("low", "high", "inc_low", "inc_high")])
VARIATES = np.dtype(
    {
        "names": [
            "even",
            "base",
            "width",
            "numbers",
            "next",
            "end",
            "number",
            *(STREAM.names or ()),
        ],
        "formats": ["i8", "f8", "f8", "i8", "i8", "i8", "i8", "u8", "u8", "u8", "u8"],
        "offsets": [0, 8, 16, 8, 16, 24, 32, 32, 40, 48, 56],
        "itemsize": LINE,
    }
)
"""Either ``base + width * u``, for what is spread evenly; or a stock of numbers made by Python."""

KERNEL: dict[str, tuple[type, np.dtype[Any]]] = {
    "Engine": (Engine, ENGINE),
    "TimerQueue": (TimerQueue, TIMERS),
    "Uniform": (Uniform, STREAM),
    "Words": (Words, STREAM),
    "Variates": (Variates, VARIATES),
}
"""The kernel's own classes that a record may refer to."""


def fields_of(name: str) -> dict[str, Field]:
    """The fields of a record class."""
    found: dict[str, Field] = RECORDS[name].FIELDS  # type: ignore[attr-defined]
    return found


def interfaces_of(cls: type) -> list[str]:
    """The interfaces that a record class implements."""
    return [base.__name__ for base in cls.__mro__[1:] if INTERFACES.get(base.__name__) is base]


INTERFACE_NUMBERS: dict[str, int] = {}
"""The number of an interface, by its name."""


def interface_number(name: str) -> int:
    """Which interface this is, among those that were seen."""
    return INTERFACE_NUMBERS.setdefault(name, len(INTERFACE_NUMBERS))


MOST_KINDS = 64
"""How many numbers there are for classes that implement interfaces."""

KIND_NUMBERS: dict[str, int] = {}
"""The number that a record behind an interface carries, by its class's name."""


def kind_number(name: str) -> int:
    """The number of a record class that implements an interface. TypeError: too many."""
    number = KIND_NUMBERS.setdefault(name, len(KIND_NUMBERS) + 1)
    if number >= MOST_KINDS:
        raise TypeError(f"at most {MOST_KINDS - 1} classes may implement interfaces")
    return number


def kept_of(name: str) -> int:
    """How many bytes of a record stay when it begins anew: its life, and its kind if it has one."""
    return 8 if interfaces_of(RECORDS[name]) else 4


def class_at(name: str, kind: int) -> str:
    """The class of a record that a field of this kind refers to, which has this number."""
    return next(n for n, k in KIND_NUMBERS.items() if k == kind) if name in INTERFACES else name


def is_row(name: str) -> bool:
    """Whether a class is the layout of a row, and no record."""
    return "life" not in vars(RECORDS[name])


def is_core(name: str) -> bool:
    """Whether a class belongs to this package: what it compiles to is kept on disk."""
    cls = RECORDS.get(name) or INTERFACES[name]
    return cls.__module__.split(".")[0] == "meshlab"


@cache
def links_of(name: str, first: bool = False) -> list[tuple[str, str]]:
    """What other records' queues and bags keep in a record: ("Pool_waiting_next", "i8") ..."""
    found = []
    for owner in sorted(RECORDS):
        if is_core(name) and not is_core(owner):
            continue  # a reader's queue must not change how the core lies in memory
        for attribute, field in fields_of(owner).items():
            if field.of == name:
                prefix = f"{owner}_{attribute}"
                links = (FIRST_LINKS if first else LINKS).get(field.kind, ())
                found += [(f"{prefix}_{link}", "i8") for link in links]
    return found


@cache
def dtype_of(name: str) -> np.dtype[Any]:
    """The layout of a record. What implements an interface begins with its life and its kind."""
    parts: list[Any] = [("life", "i4")]
    if interfaces_of(RECORDS[name]):
        parts.append(("kind", "i4"))
    links = links_of(name, True)
    for attribute, field in fields_of(name).items():
        if links and np.dtype(parts, align=True).itemsize >= LINE // 4:
            parts += links
            links = []
        match field.kind:
            case "number":
                parts.append((attribute, _code(field)))
            case "table":
                parts.append((attribute, _code(field), (field.size,)))
            case "reference":
                parts.append((f"{attribute}_at", "i8"))
            case kind:
                parts.append((attribute, np.dtype(PARTS[kind])))
    packed = np.dtype([*parts, *links, *links_of(name)], align=True)
    return _in_lines(packed)


def offset(dtype: np.dtype[Any], name: str) -> int:
    """Where a field begins."""
    fields: Any = dtype.fields
    return int(fields[name][1])


@cache
def row_dtype(name: str) -> np.dtype[Any]:
    """The layout of a row of `Rows`."""
    return np.dtype([(n, _code(field)) for n, field in fields_of(name).items()], align=True)


def _code(field: Field) -> str:
    return "?" if field.of == "u1" else field.of


def _in_lines(packed: np.dtype[Any]) -> np.dtype[Any]:
    """The same in whole lines, or a part of a line of which a power of two fits into one."""
    size = packed.itemsize
    whole = -(-size // LINE) * LINE if size > LINE // 2 else 1 << (size - 1).bit_length()
    names = packed.names or ()
    return np.dtype(
        {
            "names": names,
            "formats": [packed[name] for name in names],
            "offsets": [packed.fields[name][1] for name in names if packed.fields],
            "itemsize": max(whole, 16),
        },
        align=True,
    )


def clear_caches() -> None:
    """Forget layouts, since a class was defined anew (in a notebook's cell, say)."""
    links_of.cache_clear()
    dtype_of.cache_clear()
    row_dtype.cache_clear()
