"""Compiles record classes: a numba type for each, its methods, and one function for every entry.

What an entry compiles to is found in a table by its number, so that the clock can call it, and so
can the classes below it. A generated module holds those functions, where the cache of compiled code
finds them again; nothing in it is written by hand, and nothing of it needs to be read.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

from numba import types

from meshlab.kernel import compiled_engine, layout
from meshlab.kernel.compiled_containers import complete, container_type
from meshlab.kernel.compiled_engine import FIRST_ENTRY, NUMBERS
from meshlab.kernel.machine import address_of, caller
from meshlab.kernel.record import INTERFACES, RECORDS
from meshlab.kernel.types import add_method, add_property, add_references, at, make_type

KINDS: dict[str, Any] = {
    "Engine": compiled_engine.ENGINE,
    "TimerQueue": compiled_engine.TIMERS,
    "Uniform": compiled_engine.UNIFORM,
    "Words": compiled_engine.WORDS,
    "Variates": compiled_engine.VARIATES,
}
"""The numba type of every record class, interface and kernel class, by its name."""

KIND_NUMBERS: dict[str, int] = {}
"""The number that a record which implements an interface carries, by its class's name."""

CODES = {float: "f8", int: "i8", bool: "i8", None: "void", type(None): "void"}


class Entry:
    """A method that is compiled by itself."""

    def __init__(self, cls: type, name: str, number: int) -> None:
        method = getattr(cls, name)
        self.owner, self.name, self.number = cls.__name__, name, number
        hints = _hints(method)
        parameters = list(inspect.signature(method).parameters)[1:]
        self.parameters = parameters
        self.kinds = [hints[p] for p in parameters]
        self.result = hints.get("return", type(None))
        self.by_clock = self.result in (None, type(None)) and (
            not parameters or (len(parameters) == 1 and self.kinds[0] is int)
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
        """The function of the generated module."""
        given = [f"a{i}" for i in range(len(self.parameters))]
        passed = [
            f"a{i}" if kind in (int, float) else f"a{i} != 0" if kind is bool else f"at_{_name(kind)}(a{i})"
            for i, kind in enumerate(self.kinds)
        ]
        names = given or ["a0"] if self.by_clock else given
        call = f"at_{self.owner}(me).{self.name}_body({', '.join(passed)})"
        if self.result not in (None, type(None)):
            call = f"return {'int(' + call + ')' if self.result is bool else call}"
        return f"@njit('{self.signature}', **settings)\ndef e{self.number}(me, {', '.join(names)}): {call}\n" if names else f"@njit('{self.signature}', **settings)\ndef e{self.number}(me): {call}\n"

    def wrapper(self) -> Callable[..., Any]:
        """The method that others call: by the table."""
        numba_kinds = {"f8": types.float64, "i8": types.int64, "void": types.none}
        result, given = self.signature[:-1].split("(")
        kinds = [numba_kinds[code] for code in given.split(",")]
        call = caller(numba_kinds[result], kinds)
        passed = [
            p if kind in (int, float) else f"int({p})" if kind is bool else f"address_of({p})"
            for p, kind in zip(self.parameters, self.kinds, strict=True)
        ]
        if self.by_clock and not passed:
            passed = ["0"]
        arguments = ", ".join([str(self.number), "address_of(self)", *passed])
        body = f"call({arguments})"
        if self.result is bool:
            body = f"{body} != 0"
        elif self.result not in (None, type(None), int, float):
            body = f"at_result({body})"
        text = f"def {self.name}({', '.join(['self', *self.parameters])}):\n    "
        text += body if self.result in (None, type(None)) else f"return {body}"
        scope: dict[str, Any] = {"call": call, "address_of": address_of, "__name__": __name__}
        if self.result not in (None, type(None), int, float, bool):
            scope["at_result"] = at(KINDS[_name(self.result)])
        exec(text, scope)
        return scope[self.name]  # type: ignore[no-any-return]


ENTRIES: dict[tuple[str, str], Entry] = {}
"""Every entry, by its class's name and its own."""


def _name(kind: Any) -> str:
    return kind if isinstance(kind, str) else kind.__name__


class _Known(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        known = RECORDS.get(name) or INTERFACES.get(name)
        if known is None and name in layout.KERNEL:
            known = layout.KERNEL[name][0]
        if known is None:
            import builtins

            known = getattr(builtins, name)
        return known


def _hints(method: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a method, with classes that may be defined elsewhere."""
    found = {}
    for name, text in method.__annotations__.items():
        kind = text
        if isinstance(text, str):
            plain = text.replace("| None", "").replace("Small", "int").replace("Word", "int").strip()
            kind = eval(plain, {}, _Known({**method.__globals__}))
        found[name] = kind
    return found


def build(names: list[str] | None = None) -> str:
    """Make numba types, methods and entries for all record classes; returns the generated module."""
    new = [name for name in (names or RECORDS) if name not in KINDS]
    records = [name for name in new if "life" in getattr(RECORDS[name], "__slots__", ())]
    containers = []
    for name in new:
        if name not in records:
            KINDS[name] = make_type(name, layout.row_dtype(name))
    for name in records:
        within = {}
        for attribute, field in layout.fields_of(name).items():
            if field.kind not in ("number", "table", "reference"):
                within[attribute] = container_type(name, attribute, field)
                containers.append((within[attribute], name, attribute, field))
        KINDS[name] = make_type(name, layout.dtype_of(name), within)
        if layout.interfaces_of(RECORDS[name]):
            KIND_NUMBERS[name] = len(KIND_NUMBERS) + 1
    import numpy as np

    for name in INTERFACES:
        if name not in KINDS:
            KINDS[name] = make_type(name, np.dtype([("life", "i4"), ("kind", "i4")]))
    for name in records:
        fields = layout.fields_of(name).items()
        targets = {a: (lambda of=f.of: KINDS[of]) for a, f in fields if f.kind == "reference"}
        add_references(KINDS[name], targets)  # type: ignore[arg-type]
    if "engine" not in getattr(compiled_engine.TIMERS, "linked", ()):
        add_references(compiled_engine.TIMERS, {"engine": lambda: compiled_engine.ENGINE})
        compiled_engine.TIMERS.linked = ("engine",)
    for kind, name, attribute, field in containers:
        complete(kind, name, attribute, field, KINDS.get(field.of))
    for name in records:
        _add_members(name)
    for name in INTERFACES:
        _add_dispatch(name)
    return _module([e for (owner, _), e in ENTRIES.items() if owner in records])


def _add_members(name: str) -> None:
    cls, kind = RECORDS[name], KINDS[name]
    for attribute, member in vars(cls).items():
        if isinstance(member, property) and member.fget is not None:
            add_property(kind, attribute, member.fget)
        elif not inspect.isfunction(member) or attribute in ("__init__", "__repr__"):
            continue
        elif getattr(member, "entry", False):
            number = FIRST_ENTRY + len(ENTRIES)
            entry = ENTRIES[name, attribute] = Entry(cls, attribute, number)
            NUMBERS[type(kind), attribute] = number
            add_method(kind, f"{attribute}_body", member)
            add_method(kind, attribute, entry.wrapper())
        else:
            add_method(kind, attribute, member, not getattr(member, "seldom", False))


def _add_dispatch(name: str) -> None:
    """Calls through an interface go to the class that is there."""
    kind = KINDS[name]
    classes = [n for n in KIND_NUMBERS if name in layout.interfaces_of(RECORDS[n])]
    for attribute, member in vars(INTERFACES[name]).items():
        if not inspect.isfunction(member) or not classes:
            continue
        given = ", ".join(list(inspect.signature(member).parameters)[1:])
        scope: dict[str, Any] = {f"at_{n}": at(KINDS[n]) for n in classes}
        scope |= {"address_of": address_of, "__name__": __name__}
        ways = [
            f"    if self.kind == {KIND_NUMBERS[n]}:\n        return at_{n}(address_of(self)).{attribute}({given})\n"
            for n in classes[:-1]
        ]
        ways.append(f"    return at_{classes[-1]}(address_of(self)).{attribute}({given})\n")
        exec(f"def {attribute}(self{', ' if given else ''}{given}):\n{''.join(ways)}", scope)
        add_method(kind, attribute, scope[attribute])


def _module(entries: list[Entry]) -> str:
    """The text of the generated module."""
    lines = [
        "from numba import njit",
        "from meshlab.kernel.build import KINDS",
        "from meshlab.kernel.types import at",
        "from meshlab.kernel.loop import settings",
    ]
    lines += [f"at_{name} = at(KINDS['{name}'])" for name in KINDS]
    return "\n".join(lines) + "\n\n\n" + "\n\n".join(entry.source for entry in entries)
