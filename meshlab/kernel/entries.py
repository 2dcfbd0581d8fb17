"""Entries: the methods that are compiled by themselves, and their numbers.

The clock calls an entry by its number, and so does a class further down. What each compiles to is
in `FUNCTIONS` once `meshlab.kernel.compiler` has made it, or found it in the cache.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from meshlab.kernel.layout import KERNEL, MOST_KINDS
from meshlab.kernel.record import INTERFACES, RECORDS

FOR_PYTHON = 0
"""The entry that is a function of Python's: the event's record is its place in a list."""

FIRE = 1
"""The entry of a timer queue whose first timer is due."""

FIRST = 2

MOST_ENTRIES = 256
"""How many numbers a plan has room for."""

METHODS = 512
"""Where in the table the methods begin that a class of a reader's own has for an interface."""

MOST_METHODS = 8
"""How many methods an interface has at most."""


def first_method(interface: int) -> int:
    """Where in the table the methods of an interface begin, those of kind 0."""
    return METHODS + interface * MOST_KINDS * MOST_METHODS


FUNCTIONS: dict[int, Any] = {}
"""The compiled function of every entry, by its number."""

CODES = {float: "f8", int: "i8", bool: "i8", None: "void", type(None): "void"}
"""How numba is told of what an entry takes and gives; the address of a record is a whole number."""


class Entry:
    """A method that is compiled by itself."""

    def __init__(self, cls: type, name: str, number: int, suffix: str = "_body") -> None:
        method = getattr(cls, name)
        self.owner, self.name, self.number, self.suffix = cls.__name__, name, number, suffix
        hints = hints_of(method)
        self.ahead: tuple[str, ...] = getattr(method, "ahead", ())
        parameters = list(inspect.signature(method).parameters)[1:]
        self.parameters = parameters
        unknown = [p for p in parameters if p not in hints]
        if unknown:
            raise TypeError(f"{name} must say of what type {unknown[0]} is")
        self.kinds = [hints[p] for p in parameters]
        self.result = hints.get("return", type(None))
        self.by_clock = (
            CODES.get(self.result) == "void"
            and suffix == "_body"
            and (not parameters or (len(parameters) == 1 and self.kinds[0] is int))
        )

    @property
    def signature(self) -> str:
        """What numba is told: addresses are whole numbers."""
        if self.by_clock:
            return "void(i8,i8)"
        given = ["i8", *(CODES.get(kind, "i8") for kind in self.kinds)]
        return f"{CODES.get(self.result, 'i8')}({','.join(given)})"

    @property
    def source(self) -> str:
        """The function that is compiled, as text."""
        names = [f"a{i}" for i in range(len(self.parameters))]
        passed = [_taken(f"a{i}", kind) for i, kind in enumerate(self.kinds)]
        given = names or (["a0"] if self.by_clock else [])
        call = f"at_{self.owner}(me).{self.name}{self.suffix}({', '.join(passed)})"
        if self.result is bool:
            call = f"return int({call})"
        elif CODES.get(self.result) is None:
            call = f"return address_of({call})"
        elif CODES[self.result] != "void":
            call = f"return {call}"
        return f"def e{self.number}({', '.join(['me', *given])}):\n    {call}\n"


def _taken(name: str, kind: Any) -> str:
    """A parameter, as the method wants it."""
    if kind in (int, float):
        return name
    return f"{name} != 0" if kind is bool else f"at_{name_of(kind)}({name})"


ENTRIES: dict[tuple[str, str], Entry] = {}
"""Every entry, by its class's name and its own."""


def name_of(kind: Any) -> str:
    return kind if isinstance(kind, str) else kind.__name__


class _Known(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        known = RECORDS.get(name) or INTERFACES.get(name)
        if known is None and name in KERNEL:
            known = KERNEL[name][0]
        if known is None:
            import builtins

            known = getattr(builtins, name)
        return known


def hints_of(method: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a method, with classes that may be defined elsewhere."""
    found = {}
    for name, text in method.__annotations__.items():
        kind = text
        if isinstance(text, str):
            plain = (
                text.replace("| None", "").replace("Small", "int").replace("Word", "int").strip()
            )
            kind = eval(plain, {}, _Known({**method.__globals__}))
        found[name] = kind
    return found


def collect(names: list[str]) -> list[Entry]:
    """Number the entries of these record classes. TypeError if there are more than numbers."""
    new = []
    for cls in (RECORDS[name] for name in names):
        for name, member in vars(cls).items():
            if getattr(member, "entry", False):
                known = ENTRIES.get((cls.__name__, name))  # defined before, and now anew
                number = known.number if known else FIRST + len(ENTRIES)
                if number >= MOST_ENTRIES:
                    raise TypeError(f"at most {MOST_ENTRIES - FIRST} methods may be entries")
                entry = Entry(cls, name, number)
                ENTRIES[cls.__name__, name] = entry
                new.append(entry)
    return new
