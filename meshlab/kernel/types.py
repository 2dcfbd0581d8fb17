"""Records as numba sees them: a type of its own for every class, with the class's methods.

A value of such a type is an address. Methods, properties and references are looked up by the type,
as Python looks them up by the class; nothing is looked up while a run goes on.
"""

from __future__ import annotations

import inspect
import operator
from bisect import bisect_left
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numba.extending
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import datamodel
from numba.core.errors import TypingError
from numba.core.typing import arraydecl
from numba.core.typing.templates import AttributeTemplate
from numba.np.numpy_support import from_dtype

from meshlab.kernel.machine import I64, address_of

extending: Any = numba.extending
models: Any = datamodel
"""numba's own annotations are not complete."""

SPECIAL = {
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__len__": len,
}

JIT: dict[str, Any] = {"error_model": "numpy", "forceinline": True}
"""How a method is compiled: without checks for division by zero, into those that call it."""


def make_type(name: str, dtype: np.dtype[Any], within: Mapping[str, Any] | None = None) -> Any:
    """A numba type for records of this layout; ``within`` has the types of embedded containers."""
    plain: Any = from_dtype(dtype)

    def begin(self: Any, *given: Any) -> None:
        types.Record.__init__(self, *given)
        self.name = name  # or the whole layout would stand in every symbol

    def convert(self: Any, context: Any, other: Any) -> None:
        """A record is never taken for one of another class because it looks alike."""

    def unify(self: Any, context: Any, other: Any) -> Any:
        return self if other is types.none or type(other) is type(self) else None

    def typeof(self: Any, key: str) -> Any:
        if key not in self.fields:
            raise TypingError(f"{name} has no attribute or method {key!r}")
        return self.fields[key].type

    body: dict[str, Any] = {
        "__init__": begin,
        "can_convert_to": convert,
        "typeof": typeof,
        "unify": unify,
    }
    body["may_be_none"] = True
    cls = type(name, (types.Record,), body)
    models.register_default(cls)(models.models.RecordModel)
    fields = [
        (
            field,
            {
                "type": (within or {}).get(field, known.type),
                "offset": known.offset,
                "alignment": known.alignment,
            },
        )
        for field, known in plain.fields.items()
    ]
    return cls(fields, plain.size, plain.aligned)


def at(kind: Any) -> Any:
    """``view(address)``: the record of this type at an address."""

    @extending.intrinsic
    def view(typing_context: Any, address: Any) -> Any:
        def cast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(kind))

        return kind(types.int64), cast

    return view


def add_references(kind: Any, targets: Mapping[str, Callable[[], Any]]) -> None:
    """Let ``record.name`` be the record whose address lies in ``name_at``."""
    if not targets:
        return
    resolve = {f"resolve_{n}": _resolver(target) for n, target in targets.items()}
    extending.infer_getattr(
        type(f"References{kind.name}", (AttributeTemplate,), {"key": type(kind), **resolve})
    )
    for name in targets:
        _add_reference(type(kind), name)


def _resolver(target: Callable[[], Any]) -> Callable[[Any, Any], Any]:
    return lambda template, record: target()


def _add_reference(cls: type, name: str) -> None:
    def place(builder: Any, record: Any, value: Any) -> Any:
        offset = I64(record.offset(f"{name}_at"))
        return builder.inttoptr(builder.add(builder.ptrtoint(value, I64), offset), I64.as_pointer())

    @extending.lower_getattr(cls, name)
    def get(context: Any, builder: Any, record: Any, value: Any) -> Any:
        target = context.typing_context.resolve_getattr(record, name)
        address = builder.load(place(builder, record, value))
        return builder.inttoptr(address, context.get_value_type(target))

    @extending.lower_setattr(cls, name)
    def put(context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        value = builder.ptrtoint(arguments[1], I64)
        builder.store(value, place(builder, signature.args[0], arguments[0]))


def _places_are_no_fields(template: Any) -> None:
    """Let a list's constant index be a place: numba takes a record's for the number of a field."""
    generic = template.generic

    def by_place(self: Any, args: Any, kws: Any) -> Any:
        return None if getattr(args[0], "by_place", False) else generic(self, args, kws)

    template.generic = by_place


for _template in (arraydecl.StaticGetItemLiteralRecord, arraydecl.StaticSetItemRecord):
    _places_are_no_fields(_template)


def index_by_place(kind: Any) -> None:
    """Let a constant index into this list be a place, as any other index is."""
    kind.by_place = True

    def use(operation: Any, sig: Any, context: Any, builder: Any, arguments: Any) -> Any:
        callee = context.typing_context.resolve_value_type(operation)
        kinds = (sig.args[0], types.int64, *sig.args[2:])
        wanted = callee.get_call_type(context.typing_context, kinds, {})
        place = I64(sig.args[1].literal_value)
        code = context.get_function(callee, wanted)
        context.add_linking_libs(getattr(code, "libs", ()))
        return code(builder, (arguments[0], place, *arguments[2:]))

    @extending.lower_builtin("static_getitem", type(kind), types.IntegerLiteral)
    def get(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return use(operator.getitem, sig, context, builder, arguments)

    @extending.lower_builtin("static_setitem", type(kind), types.IntegerLiteral, types.Any)
    def put(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return use(operator.setitem, sig, context, builder, arguments)


_none: Any = types.NoneType
_unify_none = _none.unify


def _none_or_record(self: Any, context: Any, other: Any) -> Any:
    """None among records of a class is the record at address 0, and no optional of numba's."""
    return other if getattr(other, "may_be_none", False) else _unify_none(self, context, other)


_none.unify = _none_or_record


@extending.lower_cast(types.NoneType, types.Record)
def _no_record(context: Any, builder: Any, source: Any, target: Any, value: Any) -> Any:
    return ir.Constant(context.get_value_type(target), None)


@extending.lower_cast(types.Record, types.Record)
def _as_interface(context: Any, builder: Any, source: Any, target: Any, value: Any) -> Any:
    address = builder.ptrtoint(value, I64)
    return builder.inttoptr(address, context.get_value_type(target))


@extending.overload(bisect_left)
def _bisect_left(a: Any, x: Any) -> Any:
    """How many of a few sorted bounds a number exceeds: it compares all, and guesses nothing."""
    if not isinstance(a, types.UniTuple):
        return None
    terms = " + ".join(f"int(a[{place}] < x)" for place in range(a.count))
    scope: dict[str, Any] = {"__name__": __name__}
    exec(f"def count(a, x):\n    return {terms}", scope)
    return scope["count"]


_bisect_left.__annotations__.clear()


def _compare(sign: str) -> Callable[..., Any]:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        ours = builder.ptrtoint(arguments[0], I64)
        none = signature.args[1] is types.none
        theirs = I64(0) if none else builder.ptrtoint(arguments[1], I64)
        return builder.icmp_signed(sign, ours, theirs)

    return code


for _operator, _sign in ((operator.is_, "=="), (operator.is_not, "!=")):
    extending.lower_builtin(_operator, types.Record, types.NoneType)(_compare(_sign))
    extending.lower_builtin(_operator, types.Record, types.Record)(_compare(_sign))


def add_method(kind: Any, name: str, function: Callable[..., Any], inline: bool = True) -> None:
    """Give records of this type a method."""
    add_functions(function)
    function = plain(function)
    given = ", ".join(inspect.signature(function).parameters)
    scope: dict[str, Any] = {"function": function, "cls": type(kind), "__name__": __name__}
    settings = JIT if inline else {**JIT, "forceinline": False}
    if name in SPECIAL:
        exec(f"def chosen({given}):\n    if isinstance(self, cls): return function", scope)
        extending.overload(SPECIAL[name], jit_options=settings)(scope["chosen"])
    else:
        exec(f"def chosen({given}): return function", scope)
        extending.overload_method(type(kind), name, jit_options=settings)(scope["chosen"])


def plain(function: Any) -> Any:
    """The same function without annotations, which numba would compare."""
    return FunctionType(
        function.__code__, function.__globals__, function.__name__, None, function.__closure__
    )


_KNOWN_FUNCTIONS: set[Any] = set()


def add_functions(function: Any) -> None:
    """Let numba know the plain functions that a method uses."""
    for name in function.__code__.co_names:
        used = function.__globals__.get(name)
        if inspect.isfunction(used) and used not in _KNOWN_FUNCTIONS:
            _KNOWN_FUNCTIONS.add(used)
            add_functions(used)
            given = ", ".join(inspect.signature(used).parameters)
            scope: dict[str, Any] = {"function": plain(used), "__name__": __name__}
            exec(f"def chosen({given}): return function", scope)
            extending.overload(used, jit_options={**JIT, "forceinline": False})(scope["chosen"])


def add_property(kind: Any, name: str, function: Callable[..., Any]) -> None:
    """Give records of this type a property."""
    scope: dict[str, Any] = {"function": plain(function), "__name__": __name__}
    exec("def chosen(self): return function", scope)
    extending.overload_attribute(type(kind), name, jit_options=JIT)(scope["chosen"])


def add_methods(kind: Any, source: str, scope: Mapping[str, Any]) -> None:
    """Give records of this type the methods that ``source`` defines."""
    made: dict[str, Any] = {}
    exec(source, {**scope, "address_of": address_of, "__name__": __name__}, made)
    for name, function in made.items():
        add_method(kind, name, function)
