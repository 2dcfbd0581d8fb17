"""What the declarations themselves say about the form of a scenario file.

The reader and the writer of files know no field of any declaration by name. They ask here, and here
the answer comes from the dataclasses and their annotations, so that a new field is in the files as
soon as it is declared:

    >>> from meshlab.policies.limits import ConcurrencyLimits
    >>> annotations_of(ConcurrencyLimits)
    {'max_requests': <class 'int'>}
    >>> describe(float | tuple[float, ...] | None)
    'a number, a list or null'
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from meshlab.kernel.distributions import KINDS, Distribution
from meshlab.policies.balancer import BALANCERS, BalancerConfig
from meshlab.policies.breaker import BreakerMaker
from meshlab.scenario.topology import Instance

PROTOCOLS: dict[Any, dict[str, type]] = {
    Distribution: KINDS,
    BalancerConfig: BALANCERS,
    BreakerMaker: {},
}
"""Annotations that leave room for a reader's own class, and the built-in ones that files know."""

REPEATED = (Instance,)
"""What may stand in a list several times alike: files write it once, with a ``count``."""

WORDS = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types that a value may have: members of a union, built-in kinds of a protocol."""
    if annotation in PROTOCOLS:
        return tuple(PROTOCOLS[annotation].values())
    if get_origin(annotation) in (Union, UnionType):
        return tuple(kind for member in get_args(annotation) for kind in alternatives(member))
    return (annotation,)


@cache
def annotations_of(declaration: type) -> dict[str, Any]:
    """The annotation of every field, in the order in which the fields are declared."""
    hints = get_type_hints(declaration)
    return {field.name: hints[field.name] for field in fields(declaration)}


def required(declaration: type) -> list[str]:
    """The fields that have no default."""
    return [field.name for field in fields(declaration) if default(field) is MISSING]


def default(field: Field[Any]) -> Any:
    """What the field is if nothing is said; MISSING where something must be."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def tag(declaration: Any) -> str:
    """The ``kind`` by which files tell a declaration from others in its place; empty if alone."""
    return str(getattr(declaration, "kind", ""))


def items_of(kind: Any, length: int) -> list[Any]:
    """The annotation of each of ``length`` items; fewer or more where a tuple has a fixed form."""
    arguments = get_args(kind)
    if get_origin(kind) is frozenset or arguments[-1] is Ellipsis:
        return [arguments[0]] * length
    return list(arguments)


def describe(annotation: Any) -> str:
    """What to write, in words: "a number or a list"."""
    words = list(dict.fromkeys(map(_word, alternatives(annotation))))
    return " or ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _word(kind: Any) -> str:
    if kind is NoneType:
        return "null"
    if is_dataclass(kind):
        return "a mapping with a kind" if tag(kind) else "a mapping"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(member.name for member in kind)}"
    if get_origin(kind) is tuple and Ellipsis not in get_args(kind):
        return f"[{', '.join(map(describe, get_args(kind)))}]"
    return WORDS.get(kind, "a list")
