"""What Python has no words for: short pieces of code in the words of LLVM.

prefetch(address)            asks for a line of memory that will be read soon
bits_of, number_of           a float and its 64 bits
least_of_four(address)       one of four keys of a heap
next_bits(address)           a step of a random number generator
address_of(record)           where a record lies; 0 for None
clear(record)                zeros, but for the record's life
word_at, half_at, float_at   a number at an address; put_word writes one
ask(what, whom)              calls Python, for more memory or more random numbers
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

I64 = ir.IntType(64)
I32 = ir.IntType(32)
BYTE = ir.IntType(8).as_pointer()

TABLE: Any = (ctypes.c_void_p * 2**14)()
"""The addresses of all entries, by number; the first is Python's own."""

SYMBOL = "meshlab_entries"
llvm.add_symbol(SYMBOL, ctypes.addressof(TABLE))

MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
"""Of the step from state to state, as in numpy."""


@intrinsic
def _prefetch(typing_context: Any, address: Any) -> Any:
    """Ask the processor to bring a line of memory near: it will be read soon."""

    def ask(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        name = "llvm.prefetch.p0i8"
        insert: Any = cgutils.get_or_insert_function
        function = insert(builder.module, kind, name)
        place = builder.inttoptr(arguments[0], byte)
        builder.call(function, [place, whole(0), whole(3), whole(1)])
        return context.get_dummy_value()

    return types.void(types.int64), ask


@intrinsic
def _bits_of(typing_context: Any, number: Any) -> Any:
    """The 64 bits of a float, as a whole number."""

    def cast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), cast


@intrinsic
def _number_of(typing_context: Any, bits: Any) -> Any:
    """The float of these 64 bits."""

    def cast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), cast


@intrinsic
def _least_of_four(typing_context: Any, address: Any) -> Any:
    """Which of the four whole numbers of 128 bits at an address is the least: 0 to 3.

    Nobody can guess it, also not the processor; so it is computed, not branched upon.
    """

    def find(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, index = ir.IntType(128), ir.IntType(64)
        start = builder.inttoptr(arguments[0], wide.as_pointer())
        keys = [builder.load(builder.gep(start, [index(place)]), align=16) for place in range(4)]

        def less(one: Any, other: Any) -> Any:
            (x, i), (y, j) = one, other
            later = builder.icmp_signed("<", y, x)
            return builder.select(later, y, x), builder.select(later, j, i)

        pairs = [(key, index(place)) for place, key in enumerate(keys)]
        return less(less(*pairs[:2]), less(*pairs[2:]))[1]

    return types.int64(types.int64), find


@intrinsic
def _next_bits(typing_context: Any, address: Any) -> Any:
    """A step of a stream of PCG64, and its output "XSL-RR": both halves, xored and rotated."""

    def step(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, word = ir.IntType(128), ir.IntType(64)
        place = builder.inttoptr(arguments[0], wide.as_pointer())
        increment = builder.load(builder.gep(place, [word(1)]), align=16)
        state = builder.mul(builder.load(place, align=16), wide(MULTIPLIER))
        state = builder.add(state, increment)
        builder.store(state, place, align=16)
        high = builder.trunc(builder.lshr(state, wide(64)), word)
        mixed = builder.xor(high, builder.trunc(state, word))
        turn = builder.lshr(high, word(58))
        back = builder.and_(builder.sub(word(64), turn), word(63))
        return builder.or_(builder.lshr(mixed, turn), builder.shl(mixed, back))

    return types.uint64(types.int64), step


@intrinsic
def _address_of(typing_context: Any, item: Any) -> Any:
    """Where a record lies; that of a method is its record's, and None is 0."""
    if item is types.none or isinstance(item, types.Omitted):
        return types.int64(item), lambda context, builder, signature, arguments: I64(0)

    def cast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(arguments[0], I64)

    return types.int64(item), cast


@intrinsic
def _clear(typing_context: Any, item: Any, first: Any) -> Any:
    """Zero everything from an offset on."""

    def zero(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        record, offset = arguments
        start = builder.inttoptr(builder.add(builder.ptrtoint(record, I64), offset), BYTE)
        cgutils.memset(builder, start, builder.sub(I64(item.size), offset), 0)
        return context.get_dummy_value()

    return types.void(item, types.int64), zero


def _reader(kind: Any, code: Any) -> Any:
    @intrinsic
    def read(typing_context: Any, address: Any) -> Any:
        def load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.load(builder.inttoptr(arguments[0], code.as_pointer()))

        return kind(types.int64), load

    return read


def _writer(kind: Any, code: Any) -> Any:
    @intrinsic
    def write(typing_context: Any, address: Any, value: Any) -> Any:
        def store(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            builder.store(arguments[1], builder.inttoptr(arguments[0], code.as_pointer()))
            return context.get_dummy_value()

        return types.void(types.int64, kind), store

    return write


@intrinsic
def _ask(typing_context: Any, what: Any, whom: Any) -> Any:
    """Call Python's own entry."""

    def call(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(I64, [I64, I64]).as_pointer()
        place = builder.gep(table_of(builder), [I64(0), I64(0)])
        return builder.call(builder.bitcast(builder.load(place), kind), arguments)

    return types.int64(types.int64, types.int64), call


def table_of(builder: Any) -> Any:
    """The table of entries, in the module that is being built."""
    known = builder.module.globals.get(SYMBOL)
    return known or ir.GlobalVariable(builder.module, ir.ArrayType(BYTE, len(TABLE)), SYMBOL)


def caller(result: Any, kinds: Any) -> Any:
    """``call(number, *arguments)``: an entry by its number, with what it takes and gives.

    What it raises goes on to the caller, with file and line.
    """

    def call(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.call_conv.get_function_type(result, kinds)
        place = builder.gep(table_of(builder), [I64(0), arguments[0]])
        function = builder.bitcast(builder.load(place), kind.as_pointer())
        status, given = context.call_conv.call_function(
            builder, function, result, kinds, arguments[1:]
        )
        with cgutils.if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return context.get_dummy_value() if result is types.none else given

    names = ", ".join(f"a{i}" for i in range(len(kinds)))
    scope: dict[str, Any] = {
        "__name__": __name__,
        "intrinsic": intrinsic,
        "made": lambda: (result(types.int64, *kinds), call),
    }
    exec(f"@intrinsic\ndef call(typing_context, number, {names}): return made()", scope)
    return scope["call"]


prefetch: Any = _prefetch
bits_of: Any = _bits_of
number_of: Any = _number_of
least_of_four: Any = _least_of_four
next_bits: Any = _next_bits
address_of: Any = _address_of
clear: Any = _clear
ask: Any = _ask
word_at: Any = _reader(types.int64, I64)
half_at: Any = _reader(types.int32, I32)
float_at: Any = _reader(types.float64, ir.DoubleType())
unsigned_at: Any = _reader(types.uint64, I64)
put_word: Any = _writer(types.int64, I64)
put_float: Any = _writer(types.float64, ir.DoubleType())
put_unsigned: Any = _writer(types.uint64, I64)
