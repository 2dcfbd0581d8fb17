"""Records: classes that a run can hold as plain Python objects or as compiled memory.

A policy, a call, an instance: each is a class like any other, with one more promise. Its
annotations are its only attributes, so a kernel knows how large it is and where each number lies:

    @record
    class Turnstile:
        \"\"\"Lets so many through.\"\"\"

        admitted: int
        limit: int

        def __init__(self, limit: int) -> None:
            self.limit = limit

        def admit(self) -> bool:
            if self.admitted >= self.limit:
                return False
            self.admitted += 1
            return True

In plain Python that is the class: `record` gives it slots, and every attribute begins at zero. For
a run at full scale the same objects are copied into memory that compiled code can read, the same
methods are compiled for it, and the objects become views of that memory.

Where a class gives some attributes a zero (``attempts: Small = 0``), only those begin at zero, and
the code that makes a record sets the others before they are read. This saves time where a record is
made for every request.

What an annotation may say:

    float, int, bool            a number; Small is an int of 32 bits, Word one of 64, unsigned
    Annotated[list[int], 8]     a table of exactly eight numbers
    list[int], list[float]      numbers, as many as there are
    list[Endpoint]              records, as many as there are
    Job, Job | None             another record, or none
    Window                      a record of any class that implements an `interface`
    Queue[Job], Bag[Job],       a container of `meshlab.kernel.containers`
    Pool[Job], Rows[Note]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin

from meshlab.kernel.containers import CONTAINERS

Small = Annotated[int, "i4"]
"""A whole number of 32 bits."""

Word = Annotated[int, "u8"]
"""64 bits, taken as a whole number that is never negative."""

T = TypeVar("T", bound=type)
M = TypeVar("M", bound=Callable[..., Any])

RECORDS: dict[str, type] = {}
"""Every record class by its name: an annotation may name one that is defined elsewhere."""

INTERFACES: dict[str, type] = {}
"""Every interface by its name."""

NUMBERS = {float: "f8", int: "i8", bool: "u1"}

IN_A_RUN = {"Clock": "Engine"}
"""What a name stands for in a run: policies read a `Clock`, and there it is the engine."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one annotation says.

    ``kind`` is "number", "table", "numbers", "records", "reference", or the name of a container;
    ``of`` is the code of a number ("f8"), or the name of a record or an interface; ``size`` is that
    of a table.
    """

    kind: str
    of: str
    size: int = 0

    @property
    def zero(self) -> str:
        """The Python expression that an attribute of this kind begins with."""
        number = "0.0" if self.of == "f8" else "False" if self.of == "u1" else "0"
        match self.kind:
            case "number":
                return number
            case "table":
                return f"[{number}] * {self.size}"
            case "numbers" | "records":
                return "[]"
            case "reference":
                return "None"
        return f"{self.kind}(RECORDS[{self.of!r}])" if self.kind == "Pool" else f"{self.kind}()"


class _Named:
    """A name in an annotation that is not defined yet."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __or__(self, other: Any) -> Any:
        return self

    __ror__ = __or__


class _Names(dict[str, Any]):
    """The names that an annotation may use: those of its module, then those to come."""

    def __missing__(self, name: str) -> Any:
        return getattr(__import__("builtins"), name, None) or _Named(name)


def record(cls: T) -> T:
    """Make ``cls`` a record: slots for its annotations, and zeros to begin with.

    TypeError for an annotation that a record can't hold.
    """
    fields = fields_of(cls)
    body = {
        name: value
        for name, value in vars(cls).items()
        if name not in ("__dict__", "__weakref__", *fields)
    }
    body |= {"__slots__": ("life", *fields), "FIELDS": fields, "__init__": _beginning(cls, fields)}
    made: Any = type(cls)(cls.__name__, cls.__bases__, body)
    made.__qualname__ = cls.__qualname__
    RECORDS[made.__name__] = made
    return made


def interface(cls: T) -> T:
    """Make ``cls`` an interface: a record that implements it names it as its base.

    Its methods say what a caller may rely on, with all types; they have no bodies.
    """
    body = {n: v for n, v in vars(cls).items() if n not in ("__dict__", "__weakref__")}
    made: Any = type(cls)(cls.__name__, cls.__bases__, {**body, "__slots__": ()})
    INTERFACES[made.__name__] = made
    return made


def entry(method: M) -> M:
    """Mark a method that the clock may call, or a class further down: it is compiled by itself.

    Calls that go up break the circles in which records call each other. An entry takes records and
    numbers, and gives a number or nothing. One that the clock calls takes no more than a whole
    number from 0 to 2**24 - 1 besides ``self``.
    """
    method.entry = True  # type: ignore[attr-defined]
    return method


def ahead(*names: str) -> Callable[[M], M]:
    """Say what an entry that the clock calls will need: a reference, then one of that, and so on.

    A compiled run fetches its record and these from memory before the time has come.
    """

    def mark(method: M) -> M:
        method.ahead = names  # type: ignore[attr-defined]
        return method

    return mark


def seldom(method: M) -> M:
    """Mark a method that few events need: it is compiled once, and not into those that call it."""
    method.seldom = True  # type: ignore[attr-defined]
    return method


def row(cls: T) -> T:
    """Make ``cls`` the layout of a row of `Rows`: its annotations are numbers, in their order."""
    fields = fields_of(cls)
    body = {n: v for n, v in vars(cls).items() if n not in ("__dict__", "__weakref__", *fields)}
    made: Any = type(cls)(cls.__name__, cls.__bases__, {**body, "__slots__": (), "FIELDS": fields})
    RECORDS[made.__name__] = made
    return made


def fields_of(cls: type) -> dict[str, Field]:
    """The fields that a class's annotations declare, in order. TypeError for what can't be one."""
    names = _Names({**vars(sys.modules[cls.__module__]), **CONTAINERS})
    found = {}
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        kind = eval(annotation, {}, names) if isinstance(annotation, str) else annotation
        if get_origin(kind) is not ClassVar:
            found[name] = _field(kind, f"{cls.__name__}.{name}")
    return found


def _field(kind: Any, where: str) -> Field:
    origin, given = get_origin(kind), get_args(kind)
    if kind in NUMBERS:
        return Field("number", NUMBERS[kind])
    if origin is Annotated:
        base, mark = given
        if isinstance(mark, str):
            return Field("number", mark)
        return Field("table", _number(get_args(base)[0], where), mark)
    if origin is list:
        (item,) = given
        if isinstance(item, _Named) or (isinstance(item, type) and item not in NUMBERS):
            return Field("records", item.__name__)
        return Field("numbers", _number(item, where))
    if origin in CONTAINERS.values():
        return Field(origin.__name__, given[0].__name__)
    if isinstance(kind, UnionType):
        kinds = [k for k in given if k is not NoneType]
        if len(kinds) == 1 and kinds[0] not in NUMBERS:
            return _reference(kinds[0])
    elif isinstance(kind, type | _Named):
        return _reference(kind)
    raise TypeError(f"record: {where} can't be {kind}")


def _reference(kind: Any) -> Field:
    return Field("reference", IN_A_RUN.get(kind.__name__, kind.__name__))


def _number(kind: Any, where: str) -> str:
    if get_origin(kind) is Annotated:
        return str(get_args(kind)[1])
    if kind not in NUMBERS:
        raise TypeError(f"record: {where} must hold numbers, got {kind}")
    return NUMBERS[kind]


def _beginning(cls: type, fields: dict[str, Field]) -> Callable[..., None]:
    """The class's ``__init__`` with zeros first."""
    first = [name for name in fields if name in vars(cls)] or fields
    zeros = {"life": "0", **{name: fields[name].zero for name in first}}
    plain = [name for name, zero in zeros.items() if zero in ("0", "0.0", "False", "None")]
    # all at once, from a constant: nothing is quicker, and two records are made for every request
    names, values = (f"self.{name}," for name in plain), (f"{zeros[name]}," for name in plain)
    lines = [
        f"{' '.join(names)} = {' '.join(values)}",
        *(f"self.{name} = {zero}" for name, zero in zeros.items() if name not in plain),
    ]
    scope: dict[str, Any] = {**CONTAINERS, "RECORDS": RECORDS}
    own = vars(cls).get("__init__")
    given = "self"
    if own is not None:
        scope["begin"] = own
        given = "self, *given, **named"
        lines.append("begin(self, *given, **named)")
    exec(f"def __init__({given}):\n    " + "\n    ".join(lines), scope)
    made: Any = scope["__init__"]
    if own is not None:
        made.__wrapped__ = own
        made.__doc__ = own.__doc__
    return made
