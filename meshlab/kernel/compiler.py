"""Compiled code for all records, once a process; that of this package is kept on disk.

A generated module has a function for every entry; nothing in it is written by hand, and nothing of
it needs to be read. While all of them are found on disk, numba is not told of any record: the types
are made when something is to be compiled.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numba

from meshlab.kernel import layout, loop
from meshlab.kernel.entries import (
    ENTRIES,
    FIRE,
    FUNCTIONS,
    MOST_METHODS,
    Entry,
    collect,
    first_method,
)
from meshlab.kernel.kept_code import Announcer, keep
from meshlab.kernel.lean import only
from meshlab.kernel.machine import TABLE, address_of
from meshlab.kernel.reasons import FAILED, reason_of
from meshlab.kernel.record import INTERFACES, RECORDS
from meshlab.kernel.where_kept import code_cache

SETTINGS: dict[str, Any] = {"error_model": "numpy"}
"""How an entry is compiled. Floats keep their order: no fast-math, so the same bytes."""

LOOP = {
    FIRE: ("void(i8,i8)", loop.fire),
    -1: ("i8(i8,i8,i8)", loop.advance),
    -2: ("void(i8,f8,i8,i8,i8)", loop.plan_event),
}
ADVANCE, PLAN = -1, -2
"""Where in ``FUNCTIONS`` the loop is, and what plans an event for Python."""

_KNOWN: dict[str, type] = {}


def make_ready() -> None:
    """See that everything is compiled, also the classes that were defined since the last time."""
    new = [name for name, cls in RECORDS.items() if _KNOWN.get(name) is not cls]
    if not _KNOWN:
        core = sorted(name for name in new if layout.is_core(name))  # whatever came first
        _KNOWN.update({name: RECORDS[name] for name in core})
        _make_core(core)
        new = [name for name in new if name not in core]
    if new:
        if any(name in _KNOWN for name in new):
            layout.forget()
        _KNOWN.update({name: RECORDS[name] for name in new})
        _make_more(new)


def _make_core(names: list[str]) -> None:
    """The package's own classes: from disk if all of them are there."""
    for name in names:
        if layout.interfaces_of(RECORDS[name]):
            layout.kind_number(name)
    for name in sorted(INTERFACES):
        if layout.is_core(name):
            layout.interface_number(name)
    entries = collect(names)
    module = _module("meshlab_entries", entries)
    announcer = Announcer(code_cache())
    made = {e.number: (e.signature, getattr(module, f"e{e.number}")) for e in entries} | LOOP
    waiting = {
        number: (signature, keep(numba.njit(**SETTINGS)(function), announcer))
        for number, (signature, function) in made.items()
    }
    if not all(_load(*known) for known in waiting.values()):
        _tell_numba(names, entries, module)
        with only({function.py_func.__qualname__ for _, function in waiting.values()}):
            for signature, function in waiting.values():
                function.compile(signature)
    for number, (_, function) in waiting.items():
        _enter(number, function)


def _make_more(names: list[str]) -> None:
    """Classes of a reader's own. What numba can't compile is in ``FAILED``, with the line."""
    layout.forget()  # some of them may have been defined before, and otherwise
    if not _types_made():
        core = sorted(name for name in _KNOWN if layout.is_core(name))
        _tell_numba(core, list(ENTRIES.values()), sys.modules["meshlab_entries"])
    entries: dict[str, list[Entry]] = {}
    for name in names:
        FAILED.pop(name, None)
        with _noted(name):
            entries[name] = collect([name]) + _methods_of(name)
    every = [entry for found in entries.values() for entry in found]
    module = _module(f"meshlab_more_{len(_KNOWN)}", every)
    _tell_numba(list(entries), every, module)
    for name, found in entries.items():
        with _noted(name), only({f"e{entry.number}" for entry in found}):
            for entry in found:
                function = numba.njit(**SETTINGS)(getattr(module, f"e{entry.number}"))
                function.compile(entry.signature)
                _enter(entry.number, function)


def _methods_of(name: str) -> list[Entry]:
    """The methods of a class for its interfaces: they are called by the table."""
    kind = MOST_METHODS * layout.kind_number(name)
    return [
        Entry(
            RECORDS[name],
            method,
            first_method(layout.interface_number(interface)) + kind + place,
            "",
        )
        for interface in layout.interfaces_of(RECORDS[name])
        for place, method in enumerate(
            n for n, member in vars(INTERFACES[interface]).items() if inspect.isfunction(member)
        )
    ]


@contextmanager
def _noted(name: str) -> Iterator[None]:
    """Note it if a class of a reader's own can't be compiled: numba may fail in any way."""
    try:
        yield
    except Exception as error:
        FAILED[name] = reason_of(error, RECORDS[name])


def _types_made() -> bool:
    from meshlab.kernel import build

    return any(name in build.KINDS for name in _KNOWN if layout.is_core(name))


def _tell_numba(names: list[str], entries: list[Entry], module: ModuleType) -> None:
    """Make numba types, and let the generated functions know them."""
    from meshlab.kernel import build
    from meshlab.kernel.types import at

    core = not names or layout.is_core(names[0])
    new = [n for n in sorted(INTERFACES) if n not in build.KINDS and layout.is_core(n) == core]
    build.make_types(names, new, [entry for entry in entries if entry.suffix])
    for name, kind in build.KINDS.items():
        setattr(module, f"at_{name}", at(kind))


def _module(name: str, entries: list[Entry]) -> ModuleType:
    """The generated module."""
    module = sys.modules[name] = ModuleType(name)
    module.__dict__["address_of"] = address_of
    text = "\n\n".join(entry.source for entry in entries)
    exec(compile(text, f"<{name}>", "exec"), module.__dict__)
    return module


def _load(signature: str, function: Any) -> bool:
    """Take a function's machine code from disk, if it is there."""
    found = function._cache.load_overload(signature, function.targetctx)
    if found is None:
        return False
    function.add_overload(found)
    return True


def _enter(number: int, function: Any) -> None:
    (made,) = function.overloads.values()
    FUNCTIONS[number] = function
    if number > 0:
        TABLE[number] = made.library.get_pointer_to_function(made.fndesc.llvm_func_name)
