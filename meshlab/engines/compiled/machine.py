"""What Python has no words for: five short pieces of code in the words of LLVM.

prefetch(record)         asks for a line of memory that will be read soon
bits_of, number_of       a float and its 64 bits
least_of_four(address)   one of four keys of a heap
next_bits(stream)        a step of a random number generator
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
"""Of the step from state to state, as in numpy."""


@intrinsic
def _prefetch(typing_context: Any, record: Any) -> Any:
    """Ask the processor to bring a line of memory near: it will be read soon."""

    def ask(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        name = "llvm.prefetch.p0i8"
        insert: Any = cgutils.get_or_insert_function
        function = insert(builder.module, kind, name)
        place = builder.bitcast(arguments[0], byte)
        builder.call(function, [place, whole(0), whole(3), whole(1)])
        return context.get_dummy_value()

    return types.void(record), ask


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
def _next_bits(typing_context: Any, stream: Any) -> Any:
    """A step of a stream of PCG64, and its output "XSL-RR": both halves, xored and rotated."""

    def step(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, word = ir.IntType(128), ir.IntType(64)
        place = builder.bitcast(arguments[0], wide.as_pointer())
        increment = builder.load(builder.gep(place, [word(1)]), align=16)
        state = builder.mul(builder.load(place, align=16), wide(MULTIPLIER))
        state = builder.add(state, increment)
        builder.store(state, place, align=16)
        high = builder.trunc(builder.lshr(state, wide(64)), word)
        mixed = builder.xor(high, builder.trunc(state, word))
        turn = builder.lshr(high, word(58))
        back = builder.and_(builder.sub(word(64), turn), word(63))
        return builder.or_(builder.lshr(mixed, turn), builder.shl(mixed, back))

    return types.uint64(stream), step


prefetch: Any = _prefetch
bits_of: Any = _bits_of
number_of: Any = _number_of
least_of_four: Any = _least_of_four
next_bits: Any = _next_bits
