"""Record classes for numba: a type for each, with its methods, and calls through interfaces.

The classes of this package are its *core*; what they compile to is kept on disk. A class of a
reader's own joins them later, without anything of the core being compiled again: calls through an
interface find its methods in the table of entries.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from meshlab.kernel import compiled_engine, layout
from meshlab.kernel.compiled_containers import complete, container_type
from meshlab.kernel.compiled_engine import NUMBERS
from meshlab.kernel.entries import CODES, MOST_METHODS, Entry, first_method, name_of
from meshlab.kernel.machine import address_of, caller
from meshlab.kernel.record import INTERFACES, RECORDS
from meshlab.kernel.types import (
    add_method,
    add_property,
    add_references,
    at,
    index_by_place,
    make_type,
)

KINDS: dict[str, Any] = {
    "Engine": compiled_engine.ENGINE,
    "TimerQueue": compiled_engine.TIMERS,
    "Uniform": compiled_engine.UNIFORM,
    "Words": compiled_engine.WORDS,
    "Variates": compiled_engine.VARIATES,
    "Clock": compiled_engine.ENGINE,
}
"""The numba type of every record class, interface and kernel class, by its name."""

HEADER = np.dtype([("life", "i4"), ("kind", "i4")])
"""What all records behind an interface have in common."""

SPACE: dict[str, Any] = {"__name__": __name__, "address_of": address_of}
"""What generated functions know."""

add_references(compiled_engine.TIMERS, {"engine": lambda: compiled_engine.ENGINE})


def make_types(names: list[str], interfaces: list[str], entries: list[Entry]) -> None:
    """Make numba types of these classes, all together since they refer to each other."""
    records = [name for name in names if not layout.is_row(name)]
    containers = []
    for name in names:
        if layout.is_row(name):
            KINDS[name] = make_type(name, layout.row_dtype(name))
    for name in records:
        within = {}
        for attribute, field in layout.fields_of(name).items():
            if field.kind not in ("number", "table", "reference"):
                within[attribute] = container_type(name, attribute, field)
                containers.append((within[attribute], name, attribute, field))
        KINDS[name] = make_type(name, layout.dtype_of(name), within)
    for name in interfaces:
        KINDS[name] = make_type(name, HEADER)
    for name in records:
        fields = layout.fields_of(name).items()
        targets = {a: _later(f.of) for a, f in fields if f.kind == "reference"}
        add_references(KINDS[name], targets)
    for entry in entries:
        if entry.ahead:
            compiled_engine.AHEAD.append((entry.number, *_offsets(entry)))  # type: ignore[arg-type]
    for kind, name, attribute, field in containers:
        complete(kind, name, attribute, field, KINDS.get(field.of))
    for name in records:
        _add_members(name, {e.name: e for e in entries if e.owner == name})
    for name in interfaces:
        _add_dispatch(name, [n for n in records if name in layout.interfaces_of(RECORDS[n])])


def _offsets(entry: Entry) -> list[int]:
    """Where the references lie that an entry's `ahead` names."""
    found, name = [], entry.owner
    for attribute in entry.ahead:
        found.append(layout.offset(layout.dtype_of(name), f"{attribute}_at"))
        of = layout.fields_of(name)[attribute].of
        classes = [n for n in sorted(RECORDS) if of in layout.interfaces_of(RECORDS[n])] or [of]
        after = entry.ahead[len(found)] if len(found) < len(entry.ahead) else ""
        name = next((n for n in classes if after in layout.fields_of(n)), classes[0])
    return found


def _later(name: str) -> Callable[[], Any]:
    return lambda: KINDS[name]


def _add_members(name: str, entries: dict[str, Entry]) -> None:
    cls, kind = RECORDS[name], KINDS[name]
    members: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        members |= {n: m for n, m in vars(base).items() if n not in ("__init__", "__repr__")}
    if "__getitem__" in members:
        index_by_place(kind)
    for attribute, member in members.items():
        if isinstance(member, property) and member.fget is not None:
            add_property(kind, attribute, member.fget)
        elif attribute in entries:
            entry = entries[attribute]
            NUMBERS[type(kind), attribute] = entry.number
            add_method(kind, f"{attribute}_body", member)
            add_method(kind, attribute, _caller(entry))
        elif inspect.isfunction(member):
            add_method(kind, attribute, member, not getattr(member, "seldom", False))


def _caller(entry: Entry) -> Callable[..., Any]:
    """The method that others call: it finds what was compiled in the table."""
    scope = dict(SPACE)
    call = _table_call(entry, str(entry.number), scope)
    exec(f"def {entry.name}({', '.join(['self', *entry.parameters])}):\n    return {call}", scope)
    made: Callable[..., Any] = scope[entry.name]
    return made


def _table_call(entry: Entry, number: str, scope: dict[str, Any]) -> str:
    """The expression that calls what has a number in the table; ``scope`` gets what it needs."""
    codes = {"f8": types.float64, "i8": types.int64, "void": types.none}
    result, given = entry.signature[:-1].split("(")
    scope["_call"] = caller(codes[result], [codes[code] for code in given.split(",")])
    passed = [
        name if kind in (int, float) else f"int({name})" if kind is bool else f"address_of({name})"
        for name, kind in zip(entry.parameters, entry.kinds, strict=True)
    ]
    if entry.by_clock and not passed:
        passed = ["0"]
    call = f"_call({', '.join([number, 'address_of(self)', *passed])})"
    if entry.result is bool:
        return f"{call} != 0"
    if entry.result not in CODES:
        scope["at_result"] = at(KINDS[name_of(entry.result)])
        return f"at_result({call})"
    return call


def _add_dispatch(name: str, classes: list[str]) -> None:
    """Calls through an interface go to the class that is there; one of a reader's by the table."""
    kind, cls = KINDS[name], INTERFACES[name]
    methods = [n for n, member in vars(cls).items() if inspect.isfunction(member)]
    assert len(methods) <= MOST_METHODS, f"interface {name} has more than {MOST_METHODS} methods"
    for place, method in enumerate(methods):
        entry = Entry(cls, method, 0, "")
        scope: dict[str, Any] = {f"at_{n}": at(KINDS[n]) for n in classes}
        scope |= SPACE
        given = ", ".join(entry.parameters)
        lines = [f"def {method}({', '.join(['self', *entry.parameters])}):", "    kind = self.kind"]
        for n in classes:
            call = f"at_{n}(address_of(self)).{method}({given})"
            if entry.result not in CODES:  # one class for all ways
                call = f"at_result(address_of({call}))"
            lines += [f"    if kind == {layout.kind_number(n)}:", f"        return {call}"]
        number = f"{first_method(layout.interface_number(name)) + place} + {MOST_METHODS} * kind"
        call = _table_call(entry, number, scope)
        exec("\n".join([*lines, f"    return {call}"]), scope)
        add_method(kind, method, scope[method])
