"""Where the random numbers of a compiled run come from: states of generators, and stocks.

streams     a state of PCG64 for every purpose that needs uniform numbers
stocks      for every other distribution the numbers that come next, made in blocks
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from meshlab.engines.compiled.layout import STOCK, STREAM
from meshlab.engines.compiled.memory import Memory, in_whole_lines
from meshlab.kernel.distributions import Around, Constant, Distribution, Erlang
from meshlab.kernel.streams import BLOCK, generator

MOST_BLOCKS = 32
"""Blocks of random numbers that are made at a time, once a stock has shown that it is in use."""

Block = Callable[[np.random.Generator, int], np.ndarray]

HALF = 2**64 - 1


class Randomness:
    """Every source of random numbers of one run; sources are numbered as `variate` has them."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rows: list[tuple[int | float, ...]] = []
        self._streams = np.zeros(0, STREAM)
        self._stocks = np.zeros(0, STOCK)
        self._sources: list[tuple[np.random.Generator, Distribution]] = []
        self._numbers: list[np.ndarray] = []

    def stream(self, purpose: str, base: float = 0.0, width: float = 1.0) -> int:
        """A source of numbers from [base, base + width)."""
        self._rows.append((*_beginning(self._seed, purpose), base, width))
        return len(self._rows) - 1

    def source(self, purpose: str, distribution: Distribution) -> int:
        """A source of variates of any distribution."""
        if isinstance(distribution, Around):
            return self.stream(purpose, distribution.low, distribution.width)
        if isinstance(distribution, Constant):
            return self.stream(purpose, distribution.seconds, 0.0)
        self._sources.append((generator(self._seed, purpose), distribution))
        self._numbers.append(np.zeros(0))
        return -len(self._sources)

    def place(self, memory: Memory) -> None:
        """Put all sources where the rules find them."""
        self._streams = in_whole_lines(len(self._rows), STREAM)
        self._streams[:] = self._rows
        memory.place("streams", self._streams)
        self._stocks = np.zeros(len(self._sources), STOCK)
        self._stocks["blocks"] = 1
        memory.place("stocks", self._stocks)

    def fill(self, margin: int) -> None:
        """Make more numbers for every stock that has no more than an event may need."""
        left = self._stocks["end"] - self._stocks["next"]
        for number in np.flatnonzero(left <= margin).tolist():
            self._fill(number, margin)

    def _fill(self, number: int, margin: int) -> None:
        stock, numbers = self._stocks[number], self._numbers[number]
        kept = numbers[int(stock["next"]) : int(stock["end"])].copy()
        blocks = max(int(stock["blocks"]), -(-(margin + 1) // BLOCK))
        end = len(kept) + blocks * BLOCK
        if len(numbers) < end:
            numbers = self._numbers[number] = np.empty(margin + blocks * BLOCK)
        numbers[: len(kept)] = kept
        draw_blocks(*self._sources[number], numbers[len(kept) : end])
        more = min(4 * blocks, max(MOST_BLOCKS, blocks))
        self._stocks[number] = (numbers.ctypes.data, 0, end - margin, end, more)

    def uniform(self, number: int) -> float:
        """The next number of a stream, for Python's own use."""
        stream = self._streams[number]
        bits = np.random.PCG64()
        state = bits.state
        state["state"] = {
            "state": (int(stream["state_high"]) << 64) + int(stream["state_low"]),
            "inc": (int(stream["inc_high"]) << 64) + int(stream["inc_low"]),
        }
        bits.state = state
        rng = np.random.Generator(bits)
        drawn = float(rng.random())
        stream["state_low"], stream["state_high"], *_ = _halves(rng)
        return drawn

    def variate(self, source: int) -> float:
        """The next number of a stock, for Python's own use."""
        number = -1 - source
        place = int(self._stocks["next"][number])
        self._stocks["next"][number] += 1
        return float(self._numbers[number][place])


@lru_cache(maxsize=4096)
def _beginning(seed: int, purpose: str) -> tuple[int, int, int, int]:
    """Where a stream begins; the next run with this seed is likely to ask again."""
    return _halves(generator(seed, purpose))


def _halves(rng: np.random.Generator) -> tuple[int, int, int, int]:
    """State and increment of a PCG64, each as its low and its high 64 bits."""
    known = rng.bit_generator.state["state"]
    state, increment = known["state"], known["inc"]
    return state & HALF, state >> 64, increment & HALF, increment >> 64


def draw_blocks(rng: np.random.Generator, source: Distribution, numbers: np.ndarray) -> None:
    """Fill an array of some blocks as one block after the other would."""
    if isinstance(source, Erlang):  # it draws a whole block of each of its steps
        for start in range(0, len(numbers), BLOCK):
            numbers[start : start + BLOCK] = source.block(rng, BLOCK)
    else:
        numbers[:] = source.block(rng, len(numbers))
