"""When requests arrive: an open loop that follows a load's curve.

Candidates come at the curve's peak rate and are thinned to the rate of the moment (Lewis and
Shedler, 1979), so that a change of the curve leaves the candidates' times as they were.
"""

from __future__ import annotations

from meshlab.kernel.distributions import Exponential
from meshlab.kernel.engine import Engine
from meshlab.kernel.record import Small, entry, record
from meshlab.kernel.streams import Uniform, Variates
from meshlab.mesh.call import Calls
from meshlab.mesh.upstream import Upstream
from meshlab.scenario.load import Load


@record
class Arrivals:
    """Begins a call for every request of one load, from now on."""

    engine: Engine
    calls: Calls
    upstream: Upstream
    gap: Variates
    thin: Uniform
    peak: float
    carry: float
    route: Small
    poisson: bool
    steady: bool
    times: list[float]
    rates: list[float]

    def __init__(
        self, load: Load, engine: Engine, seed: int, calls: Calls, upstream: Upstream, route: int
    ) -> None:
        purpose = f"{load.source}->{load.destination}{load.route}"
        self.engine, self.calls, self.upstream, self.route = engine, calls, upstream, route
        self.peak = float(load.peak)
        self.poisson = load.arrivals == "poisson"
        self.steady = len(load.curve) == 1
        self.times = [float(time) for time, _ in load.curve]
        self.rates = [float(rate) for _, rate in load.curve]
        self.thin = Uniform(seed, f"{purpose}/thinning")
        self.gap = Variates(seed, f"{purpose}/arrivals", Exponential(1.0))
        if self.peak > 0.0:
            self._plan_next()

    def _plan_next(self) -> None:
        gap = self.gap.draw() if self.poisson else 1.0
        self.engine.after(gap / self.peak, self.candidate)

    @entry
    def candidate(self) -> None:
        """A request would come now if the load were at its peak."""
        share = 1.0 if self.steady else self.rate_at(self.engine.now) / self.peak
        accepted = True
        if self.poisson:
            accepted = share == 1.0 or self.thin.draw() < share
        else:  # a metronome: let the shares add up to whole requests
            self.carry += share
            accepted = self.carry >= 1.0
            if accepted:
                self.carry -= 1.0
        self._plan_next()
        if accepted:
            self.calls.begin(self.upstream, self.route)

    def rate_at(self, time: float) -> float:
        """The rate at ``time`` (s), in requests per second, as `Load.rate_at` has it."""
        times = self.times
        rates = self.rates
        if time <= times[0]:
            return rates[0]
        for place in range(1, len(times)):
            if time < times[place]:
                before = place - 1
                passed = (time - times[before]) / (times[place] - times[before])
                return rates[before] + (rates[place] - rates[before]) * passed
        return rates[len(rates) - 1]
