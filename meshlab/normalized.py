"""Declarations keep their numbers in one form, however they were written.

A start of 0, ``np.int64(0)``, ``-0.0`` or ``np.float64(0.0)`` is the same start. Written into a
ledger, hashed, or compared by its bits, each would look different, so every declaration rewrites
its fields before it checks them:

    @dataclass(frozen=True, slots=True, kw_only=True)
    @normalized
    class Outage: ...

    Outage(service="auth", start=-0.0) == Outage(service="auth", start=0)   # and the same bytes

The annotations say what a field holds. A ``float`` becomes Python's float and never a negative
zero, an ``int`` Python's int, ``bool`` and ``str`` likewise, and an outcome's number the outcome;
in tuples and frozensets too. What doesn't fit is left as it is, for the checks to name: True is no
number, and 2.0 no whole number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

Declaration = TypeVar("Declaration")
Rewrite = Callable[[Any], Any]
"""Gives a value in its one form: the same object where it already has it, or doesn't fit."""


def normalized(declaration: type[Declaration]) -> type[Declaration]:
    """Let a class rewrite its fields before its own ``__post_init__`` checks them."""
    check: Callable[[Any], None] | None = getattr(declaration, "__post_init__", None)

    def __post_init__(self: Any) -> None:
        kind: Any = type(self)
        for name, rewrite in _rewrites(kind):
            value = getattr(self, name)
            new = rewrite(value)
            if new is not value:
                object.__setattr__(self, name, new)  # frozen from the end of __init__ on
        if check is not None:
            check(self)

    declaration.__post_init__ = __post_init__  # type: ignore[attr-defined]
    return declaration


@cache
def _rewrites(declaration: Any) -> tuple[tuple[str, Rewrite], ...]:
    """How to rewrite each field that may need it, by its name."""
    hints = get_type_hints(declaration)
    found = ((field.name, _rewrite_of(hints[field.name])) for field in fields(declaration))
    return tuple((name, rewrite) for name, rewrite in found if rewrite is not None)


def _rewrite_of(annotation: Any) -> Rewrite | None:
    """What an annotation asks for; None if it has no place for a number, a text or a flag."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _first_of([r for r in map(_rewrite_of, arguments) if r is not None])
    if origin is tuple:
        repeated = arguments[-1:] == (Ellipsis,)
        items = [_rewrite_of(argument) for argument in arguments[: 1 if repeated else None]]
        return _tuple_of(items, repeated) if any(items) else None
    if origin is frozenset and (item := _rewrite_of(arguments[0])) is not None:
        return _frozenset_of(item)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _member_of(annotation)
    return _SCALARS.get(annotation)


def _to_float(value: Any) -> Any:
    if type(value) is not float:
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            return value
        try:
            value = float(value)
        except OverflowError:  # a whole number beyond every float
            return value
    return value or 0.0  # -0.0 is equal to 0.0, but its bits are not


def _to_int(value: Any) -> Any:
    if type(value) is int or isinstance(value, bool):
        return value
    return int(value) if isinstance(value, (int, np.integer)) else value


def _to_bool(value: Any) -> Any:
    return bool(value) if isinstance(value, np.bool_) else value


def _to_str(value: Any) -> Any:
    return str.__str__(value) if isinstance(value, str) else value


_SCALARS: dict[Any, Rewrite] = {float: _to_float, int: _to_int, bool: _to_bool, str: _to_str}


def _member_of(kind: type[Enum]) -> Rewrite:
    members = {member.value: member for member in kind}

    def rewrite(value: Any) -> Any:
        number = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        return members.get(value, value) if number else value

    return rewrite


def _first_of(rewrites: list[Rewrite]) -> Rewrite | None:
    """Of a union: each leaves alone what isn't its own."""

    def rewrite(value: Any) -> Any:
        for one in rewrites:
            value = one(value)
        return value

    return rewrite if rewrites else None


def _tuple_of(items: list[Rewrite | None], repeated: bool) -> Rewrite:
    """For a tuple of a fixed form, or one of any number of items that are ``repeated``."""

    def rewrite(value: Any) -> Any:
        if not isinstance(value, tuple):
            return value
        each = items * len(value) if repeated else items
        if len(each) != len(value):
            return value
        new = tuple(one(item) if one else item for one, item in zip(each, value, strict=True))
        same = type(value) is tuple and all(a is b for a, b in zip(new, value, strict=True))
        return value if same else new

    return rewrite


def _frozenset_of(item: Rewrite) -> Rewrite:
    return lambda value: frozenset(map(item, value)) if isinstance(value, frozenset) else value
