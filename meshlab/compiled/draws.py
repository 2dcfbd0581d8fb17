"""Random numbers: each purpose draws its own, in the order of `meshlab.streams`.

Uniform numbers are made where they are needed, by the generator that `meshlab.streams` has from
numpy: PCG64, the permuted congruential generator of M. E. O'Neill (2014) with 128 bits of state and
64 of output, "XSL-RR". Other distributions are drawn by Python in stocks. When a stock runs low the
run stops between two events, and goes on when Python has made more.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from meshlab.compiled.jit import inlined, jit, prefetch
from meshlab.compiled.layout import number_at, stock_at, stream_at

MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
"""Of the step from state to state, as in numpy."""

UNIT = 2.0**-53
"""A double has 53 bits: so many of the 64 make a number from [0, 1)."""


@intrinsic
def _next_bits(typing_context: Any, stream: Any) -> Any:
    """The next 64 bits of a stream: a step, then its high half and its low half, xored, rotated."""

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


next_bits: Any = _next_bits


@inlined
def uniform(root: Any, number: int) -> float:
    """The next number of a stream, from [0, 1)."""
    return (next_bits(stream_at(root.streams, number)) >> 11) * UNIT


@jit
def word(root: Any, number: int) -> int:
    """The next 64 bits of a stream."""
    return next_bits(stream_at(root.streams, number))


@jit
def nonzero(root: Any, number: int) -> int:
    """The next 64 bits that are not all zero."""
    bits = word(root, number)
    while bits == 0:
        bits = word(root, number)
    return bits


@inlined
def variate(root: Any, source: int) -> float:
    """The next of a distribution: even ones have a stream, the others a stock (see `stock`)."""
    if source < 0:
        return from_stock(root, stock(source))
    stream = stream_at(root.streams, source)
    return stream.base + stream.width * uniform(root, source)


@inlined
def stock(source: int) -> int:
    """Stocks are numbered from -1 down, where streams are numbered from 0 up."""
    return -1 - source


@inlined
def from_stock(root: Any, number: int) -> float:
    place = stock_at(root.stocks, number)
    here = place.next
    place.next = here + 1
    note_room(root, here, place.low - 1)
    prefetch(number_at(place.numbers, here + 8))
    return number_at(place.numbers, here).x


@inlined
def note_room(root: Any, used: int, low: int) -> None:
    """A place of a pool was taken: the run stops between two events when few are left."""
    if used > low:
        root.attention = 1
