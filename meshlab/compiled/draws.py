"""Random numbers: every purpose has numbers of its own, which Python fills in blocks.

The numbers are those of `meshlab.streams`, in the same order. When those of a purpose run low the
run stops between two events, and goes on when Python has made more.
"""

from __future__ import annotations

from typing import Any

from meshlab.compiled.jit import inlined, jit, prefetch
from meshlab.compiled.layout import number_at, stream_at, word_at


@inlined
def draw(root: Any, stream: int) -> float:
    """The next variate of a stream."""
    place = stream_at(root.streams, stream)
    here = place.next
    place.next = here + 1
    if here >= place.low:
        root.attention = 1
    prefetch(number_at(place.numbers, here + 8))
    return number_at(place.numbers, here).x


@jit
def word(root: Any, stream: int) -> int:
    """The next 64 bits of a stream of words."""
    place = stream_at(root.streams, stream)
    here = place.next
    place.next = here + 1
    if here >= place.low:
        root.attention = 1
    return word_at(place.numbers, here).x


@inlined
def note_room(root: Any, used: int, low: int) -> None:
    """A place of a pool was taken: the run stops between two events when few are left."""
    if used > low:
        root.attention = 1


@jit
def nonzero(root: Any, stream: int) -> int:
    """The next word that is not zero."""
    bits = word(root, stream)
    while bits == 0:
        bits = word(root, stream)
    return bits
