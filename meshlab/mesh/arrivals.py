"""When requests arrive: an open loop that follows a load's curve.

Candidates come at the curve's peak rate and are thinned to the rate of the moment (Lewis and
Shedler, 1979), so that a change of the curve leaves the candidates' times as they were.
"""

from __future__ import annotations

from collections.abc import Callable

from meshlab.kernel.distributions import Exponential
from meshlab.kernel.engine import Engine
from meshlab.kernel.streams import uniforms, variates
from meshlab.scenario.load import Load


class Arrivals:
    """Calls ``arrive(route)`` for every request of one load, from now on."""

    __slots__ = ("_arrive", "_carry", "_engine", "_gap", "_load", "_peak", "_steady", "_thin")

    def __init__(
        self, load: Load, engine: Engine, seed: int, arrive: Callable[[str], None]
    ) -> None:
        purpose = f"{load.source}->{load.destination}{load.route}"
        self._load = load
        self._peak = load.peak
        self._steady = len(load.curve) == 1
        self._engine = engine
        self._arrive = arrive
        self._thin = uniforms(seed, f"{purpose}/thinning")
        self._gap = variates(seed, f"{purpose}/arrivals", Exponential(1.0).block)
        self._carry = 0.0
        if self._peak > 0.0:
            self._next()

    def _next(self) -> None:
        gap = self._gap() if self._load.arrivals == "poisson" else 1.0
        self._engine.after(gap / self._peak, self._candidate)

    def _candidate(self, _: None) -> None:
        load = self._load
        share = 1.0 if self._steady else load.rate_at(self._engine.now) / self._peak
        if load.arrivals == "poisson":
            accepted = share == 1.0 or self._thin() < share
        else:  # a metronome: let the shares add up to whole requests
            self._carry += share
            accepted = self._carry >= 1.0
            self._carry -= accepted
        self._next()
        if accepted:
            self._arrive(load.route)
