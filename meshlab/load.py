"""Requests from outside, as a curve over time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from meshlab.normalized import normalized
from meshlab.rules import (
    MOST,
    check,
    is_number,
    require_at_least,
    require_known,
    require_name,
    require_node,
    require_tuple,
)


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Load:
    """Requests from outside, in an open loop: they come whether or not earlier ones were answered.

    ``rate`` is requests per second, or a curve of (time, rate) points with straight lines between
    and the last rate held. ``arrivals`` is "poisson" (independent users) or "even" (a metronome).
    """

    destination: str
    rate: float | tuple[tuple[float, float], ...]
    route: str = "/"
    source: str = "client"
    arrivals: str = "poisson"

    def __post_init__(self) -> None:
        require_node(self.source, "load", "source")
        require_node(self.destination, "load", "destination")
        require_name(self.route, f"load '{self.source}->{self.destination}'", "route")
        require_known(self.arrivals, ("poisson", "even"), self.where, "kind of arrivals")
        if isinstance(self.rate, (tuple, list)):
            self._check_curve()
        else:
            fits = is_number(self.rate) and self.rate >= 0
            check(fits, self.where, "rate must be a number >= 0, or (time, rate) points", self.rate)
            require_at_least(self.rate, 0, self.where, "rate")

    def _check_curve(self) -> None:
        require_tuple(self.rate, tuple, self.where, "rate", "(time, rate) points")
        check(len(self.curve) > 0, self.where, "rate must have a point", self.rate)
        for point in self.curve:
            pair = len(point) == 2 and all(is_number(n) and n >= 0 for n in point)
            check(pair, self.where, "rate points must be (time, rate), both >= 0", point)
            rule = f"rate points must be (time, rate), both at most {MOST:g}"
            check(max(point) <= MOST, self.where, rule, point)
        times = [time for time, _ in self.curve]
        rising = all(a < b for a, b in pairwise(times))
        check(rising, self.where, "rate points must have rising times", times)

    @property
    def name(self) -> str:
        return f"{self.source}->{self.destination} {self.route}"

    @property
    def where(self) -> str:
        return f"load {self.name!r}"

    @property
    def curve(self) -> tuple[tuple[float, float], ...]:
        return self.rate if isinstance(self.rate, tuple) else ((0.0, self.rate),)

    @property
    def peak(self) -> float:
        """The highest rate of the curve (1/s)."""
        return max(rate for _, rate in self.curve)

    def rate_at(self, time: float) -> float:
        """The rate at ``time`` (s), in requests per second."""
        curve = self.curve
        if time <= curve[0][0]:
            return curve[0][1]
        for (t0, r0), (t1, r1) in pairwise(curve):
            if time < t1:
                return r0 + (r1 - r0) * ((time - t0) / (t1 - t0))
        return curve[-1][1]
