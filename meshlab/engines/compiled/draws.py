"""Random numbers: each purpose draws its own, in the order of `meshlab.kernel.streams`.

Uniform numbers are made where they are needed, by the generator that `meshlab.kernel.streams` has
from numpy: PCG64, the permuted congruential generator of M. E. O'Neill (2014) with 128 bits of
state and 64 of output. Other distributions are drawn by Python in stocks. When a stock runs low the
run stops between two events, and goes on when Python has made more.
"""

from __future__ import annotations

from typing import Any

from meshlab.engines.compiled.jit import inlined, jit
from meshlab.engines.compiled.layout import number_at, stock_at, stream_at
from meshlab.engines.compiled.machine import next_bits, prefetch

UNIT = 2.0**-53
"""A double has 53 bits: so many of the 64 make a number from [0, 1)."""


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
        root.stop_at = 0
