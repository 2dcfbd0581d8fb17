"""What mathematics says of queues and choices, and how runs are held against it.

    runs = [stay(run(queue, seed)) for seed in range(1, 21)]
    judge("M/M/1 at 0.9", expected=10.0, runs=runs).verdict        "agrees"

A verdict is by rule. The interval of confidence over all runs holds the exact value, or it does
not; and an interval that is too wide says nothing, which is a verdict too.

Loads are offered loads: the rate of arrivals times the mean work, in busy workers (erlangs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt
from statistics import fmean, stdev

import numpy as np

from meshlab.model.rules import check

CONFIDENCE = 0.999
"""Of an interval; so high because many rows are judged at once."""

WIDE = 0.25
"""An interval that reaches further than this share of the expected value says little."""


def erlang_b(servers: int, load: float) -> float:
    """The share of requests that find every server busy, where nobody may wait (M/G/c/c)."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """The share of requests that wait, where everybody may (M/M/c)."""
    check(load < servers, "erlang_c", "load must be below the number of servers", load)
    blocked = erlang_b(servers, load)
    return servers * blocked / (servers - load * (1 - blocked))


def mean_wait(servers: int, load: float) -> float:
    """The mean wait in M/M/c, in service times; with one server load / (1 - load)."""
    return erlang_c(servers, load) / (servers - load)


def pollaczek_khinchine(load: float, variation: float) -> float:
    """The mean wait in M/G/1, in service times; ``variation`` is (sigma / mean)^2 of the work."""
    check(load < 1, "pollaczek_khinchine", "load must be below 1", load)
    return load * (1 + variation) / (2 * (1 - load))


def supermarket(load: float, choices: int) -> float:
    """Mean time in the system, in service times, if each joins the shortest of so many queues.

    For many servers with a queue each, and ``load`` on each (Mitzenmacher 1996).
    """
    check(load < 1, "supermarket", "load must be below 1", load)
    if choices == 1:
        return 1 / (1 - load)
    total, i, power = 0.0, 1, 1.0
    while power > 1e-12:
        power = load ** ((choices**i - choices) / (choices - 1))
        total, i = total + power, i + 1
    return total


def student(confidence: float, runs: int) -> float:
    """How many standard errors an interval of confidence reaches to each side (Student's t)."""
    step = pi / 2 / 100_000
    ends = step * np.arange(1, 100_001)
    share = np.cumsum(np.cos(ends - step / 2) ** (runs - 2))  # the density of an angle whose
    angle = np.interp(confidence, share / share[-1], ends)  # tangent, times sqrt(runs - 1), is t
    return float(sqrt(runs - 1) * np.tan(angle))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of the appendix: what was expected, and what so many runs gave."""

    what: str
    expected: float
    mean: float
    reach: float
    runs: int
    near: float = 0.0

    @property
    def verdict(self) -> str:
        """The row "agrees" or "differs", or its interval is "too wide" to tell.

        ``near`` is for laws that hold in a limit only: so far (a share) the mean may be off.
        """
        size = abs(self.expected)
        off = abs(self.mean - self.expected)
        if off > max(self.reach, self.near * size) + 1e-9 * size:
            return "differs"
        return "too wide" if self.reach > WIDE * size else "agrees"


def judge(what: str, expected: float, runs: Sequence[float], near: float = 0.0) -> Comparison:
    """Hold the results of several runs against the exact value."""
    check(len(runs) >= 2, what, "an interval needs two runs or more", len(runs))
    reach = student(CONFIDENCE, len(runs)) * stdev(runs) / sqrt(len(runs))
    return Comparison(what, expected, fmean(runs), reach, len(runs), near)
