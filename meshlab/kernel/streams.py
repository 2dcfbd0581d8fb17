"""Random streams by name: every purpose draws from its own, so that a change stays where it is.

A stream is keyed by (seed, purpose name), never by the order of creation. Adding a service or
changing a policy therefore leaves every other stream as it was: two runs that differ in one setting
meet the same arrivals, the same service times, the same bad luck (*common random numbers*).

Variates are drawn in blocks of ``BLOCK`` and handed out one by one. Blocks are made with IEEE
additions and multiplications and with numpy's own generators only, so that they are the same bytes
on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from operator import length_hint
from typing import Any

import numpy as np

from meshlab.kernel.distributions import Distribution

BLOCK = 512


def generator(seed: int, purpose: str) -> np.random.Generator:
    """The generator for one purpose of one run; ``purpose`` is any text, "auth-1/latency" say."""
    key = np.random.SeedSequence(seed, spawn_key=tuple(purpose.encode()))
    return np.random.Generator(np.random.PCG64(key))


class _Stream:
    """Numbers in blocks, handed out one by one. ``source`` remembers what a kernel needs."""

    __slots__ = ("_block", "blocks", "purpose", "seed")

    def __init__(self, seed: int, purpose: str) -> None:
        self.seed = seed
        self.purpose = purpose
        self.blocks = 0
        self._block: Iterator[Any] = iter(())

    def _numbers(self, block: Callable[[np.random.Generator], Any]) -> Callable[[], Any]:
        """The method that gives the next number; ``block(rng)`` makes ``BLOCK`` of them."""

        def blocks() -> Iterator[Iterator[Any]]:
            rng = generator(self.seed, self.purpose)
            while True:
                self._block = iter(block(rng).tolist())
                self.blocks += 1
                yield self._block

        return chain.from_iterable(blocks()).__next__

    @property
    def drawn(self) -> int:
        """How many numbers were handed out so far."""
        return self.blocks * BLOCK - length_hint(self._block)


class Uniform(_Stream):
    """Numbers from [0, 1): ``draw()`` gives the next."""

    __slots__ = ("draw",)

    draw: Callable[[], float]

    def __init__(self, seed: int, purpose: str) -> None:
        super().__init__(seed, purpose)
        self.draw = self._numbers(lambda rng: rng.random(BLOCK))


class Words(_Stream):
    """64 random bits at a time, as whole numbers: ``draw()`` gives the next."""

    __slots__ = ("draw",)

    draw: Callable[[], int]

    def __init__(self, seed: int, purpose: str) -> None:
        super().__init__(seed, purpose)
        self.draw = self._numbers(lambda rng: rng.integers(0, 2**64, BLOCK, dtype=np.uint64))


class Variates(_Stream):
    """Numbers of any distribution: ``draw()`` gives the next (s, for durations)."""

    __slots__ = ("distribution", "draw")

    draw: Callable[[], float]

    def __init__(self, seed: int, purpose: str, distribution: Distribution) -> None:
        super().__init__(seed, purpose)
        self.distribution = distribution
        self.draw = self._numbers(lambda rng: distribution.block(rng, BLOCK))
