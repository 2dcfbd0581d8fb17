"""The link from one sidecar to one cluster, which edge faults break or slow down."""

from __future__ import annotations

from typing import Final

from meshlab.kernel.record import Small, record
from meshlab.kernel.streams import Uniform

AS_ALL: Final = -1.0
"""In place of a rate: this route is no worse, or better, than the others."""


@record
class Link:
    """How bad a link is now: tries break with chance ``rate``, or wait ``delay`` (s).

    ``rates`` and ``delays`` are those of single routes, ``apart`` of which have their own.
    ``faulty`` is whether there is any of it, so that a good link costs nothing.
    """

    rate: float
    delay: float
    apart: Small
    faulty: bool
    draw: Uniform
    rates: list[float]
    delays: list[float]

    def __init__(self, draw: Uniform, routes: int = 1) -> None:
        self.draw = draw
        self.rates = [AS_ALL] * routes
        self.delays = [0.0] * routes

    def rate_of(self, route: int) -> float:
        """The chance that a try of this route breaks."""
        if self.apart > 0 and self.rates[route] != AS_ALL:
            return self.rates[route]
        return self.rate

    def delay_of(self, route: int) -> float:
        """How long a try of this route waits (s)."""
        if self.apart > 0 and self.rates[route] != AS_ALL:
            return self.delays[route]
        return self.delay

    def set(self, rate: float, delay: float) -> None:
        """Be so for every route that is not set apart."""
        self.rate = rate
        self.delay = delay
        self._look()

    def set_route(self, route: int, rate: float, delay: float) -> None:
        """Be so for one route; a rate of ``AS_ALL`` ends that."""
        self.apart += (rate != AS_ALL) - (self.rates[route] != AS_ALL)
        self.rates[route] = rate
        self.delays[route] = delay
        self._look()

    def _look(self) -> None:
        self.faulty = self.rate > 0.0 or self.delay > 0.0 or self.apart > 0
