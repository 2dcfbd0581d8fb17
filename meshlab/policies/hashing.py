"""Hashes that are the same everywhere: FNV-1a for names, SplitMix64 for numbers.

Python's own ``hash`` of a text differs from process to process, so balancers that place keys and
endpoints by hash can't use it.
"""

from __future__ import annotations

from meshlab.kernel.record import Word, record

CIRCLE = 2**64
"""How many hashes there are; a hash ring lays them out on a circle."""
MASK = CIRCLE - 1
GOLDEN = 0x9E3779B97F4A7C15
"""SplitMix64's step: 2**64 divided by the golden ratio."""
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""SplitMix64's multipliers."""


def fnv1a(text: str) -> int:
    """64 bits from a name: FNV-1a over its UTF-8 bytes."""
    bits = 0xCBF29CE484222325
    for byte in text.encode():
        bits = (bits ^ byte) * 0x100000001B3 & MASK
    return bits


@record
class SplitMix64:
    """Spreads whole numbers evenly over 64 bits (Steele, Lea and Flood, OOPSLA 2014).

    Seeded with a number it gives as many hashes of it as are needed, one after the other.
    """

    state: Word

    def seed(self, number: int) -> None:
        """Begin with a number; of a larger one than 64 bits the last 64 count."""
        self.state = number

    def next(self) -> int:
        """The next 64 bits."""
        self.state = (self.state + GOLDEN) & MASK
        bits = self.state
        bits = (bits ^ (bits >> 30)) * FIRST & MASK
        bits = (bits ^ (bits >> 27)) * SECOND & MASK
        return bits ^ (bits >> 31)


def mix(number: int) -> int:
    """64 bits from a whole number: the first that `SplitMix64` gives for it."""
    hashes = SplitMix64()
    hashes.seed(number)
    return hashes.next()
