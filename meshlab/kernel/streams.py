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

import numpy as np

BLOCK = 512

Draw = Callable[[], float]
"""Gives the next variate of a stream."""


def generator(seed: int, purpose: str) -> np.random.Generator:
    """The generator for one purpose of one run; ``purpose`` is any text, "auth-1/latency" say."""
    key = np.random.SeedSequence(seed, spawn_key=tuple(purpose.encode()))
    return np.random.Generator(np.random.PCG64(key))


def uniforms(seed: int, purpose: str) -> Draw:
    """Draws from [0, 1)."""
    return variates(seed, purpose, np.random.Generator.random)


def variates(
    seed: int, purpose: str, block: Callable[[np.random.Generator, int], np.ndarray]
) -> Draw:
    """Draws from any distribution that can fill a block: ``block(rng, n)`` gives an array (n,)."""

    def blocks() -> Iterator[list[float]]:
        rng = generator(seed, purpose)
        while True:
            yield block(rng, BLOCK).tolist()

    return chain.from_iterable(blocks()).__next__
