"""How long work takes: distributions of seconds, declared as data.

Each knows its ``mean`` and fills blocks of variates for `meshlab.kernel.streams.Variates`. A
scenario file names them by ``kind`` (see ``KINDS``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from meshlab.normalized import normalized
from meshlab.rules import require_at_least, require_count, require_share


class Distribution(Protocol):
    """A distribution of durations in seconds."""

    kind: ClassVar[str]

    @property
    def mean(self) -> float: ...

    def block(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """``n`` variates in seconds, shape (n,)."""
        ...


@dataclass(frozen=True, slots=True)
@normalized
class Constant:
    """Always the same duration: the work of a machine, or a lesson that wants no noise."""

    seconds: float
    kind: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        require_at_least(self.seconds, 0, "constant", "seconds")

    @property
    def mean(self) -> float:
        return self.seconds

    def block(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return np.full(n, float(self.seconds))


@dataclass(frozen=True, slots=True)
@normalized
class Around:
    """Evenly spread around a middle: ``Around(0.025, 0.2)`` is 20 to 30 ms."""

    seconds: float
    spread: float = 0.2
    kind: ClassVar[str] = "around"

    def __post_init__(self) -> None:
        require_at_least(self.seconds, 0, "around", "seconds")
        require_share(self.spread, "around", "spread")

    @property
    def mean(self) -> float:
        return self.seconds

    @property
    def low(self) -> float:
        """The shortest duration (s)."""
        return self.seconds * (1.0 - self.spread)

    @property
    def width(self) -> float:
        """By how much the longest exceeds it (s)."""
        return self.seconds * 2.0 * self.spread

    def block(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return self.low + self.width * rng.random(n)


@dataclass(frozen=True, slots=True)
@normalized
class Exponential:
    """Memoryless work: the M of M/M/c."""

    seconds: float
    kind: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        require_at_least(self.seconds, 0, "exponential", "seconds")

    @property
    def mean(self) -> float:
        return self.seconds

    def block(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return self.seconds * rng.standard_exponential(n)


@dataclass(frozen=True, slots=True)
@normalized
class Erlang:
    """The sum of ``shape`` equal exponential steps: steadier than one step of the same mean."""

    seconds: float
    shape: int = 2
    kind: ClassVar[str] = "erlang"

    def __post_init__(self) -> None:
        require_at_least(self.seconds, 0, "erlang", "seconds")
        require_count(self.shape, 1, "erlang", "shape", most=100)

    @property
    def mean(self) -> float:
        return self.seconds

    def block(self, rng: np.random.Generator, n: int) -> np.ndarray:
        steps = rng.standard_exponential((self.shape, n))
        total = steps[0]
        for step in steps[1:]:  # one after the other: numpy's own sum may pair them differently
            total = total + step
        return np.asarray((self.seconds / self.shape) * total)


@dataclass(frozen=True, slots=True)
@normalized
class LogNormal:
    """A long tail: half of the work exceeds ``median``, and 16 % of it median * e^sigma."""

    median: float
    sigma: float = 0.5
    kind: ClassVar[str] = "lognormal"

    def __post_init__(self) -> None:
        require_at_least(self.median, 0, "lognormal", "median")
        require_at_least(self.sigma, 0, "lognormal", "sigma", most=5)

    @property
    def mean(self) -> float:
        return self.median * math.exp(self.sigma * self.sigma / 2.0)

    def block(self, rng: np.random.Generator, n: int) -> np.ndarray:
        # math.exp one by one: numpy's vectorised exp differs in the last bit between processors
        normals = (self.sigma * rng.standard_normal(n)).tolist()
        return np.array([self.median * math.exp(x) for x in normals])


KINDS: dict[str, type] = {d.kind: d for d in (Constant, Around, Exponential, Erlang, LogNormal)}
"""Every built-in distribution by the name that scenario files use."""
