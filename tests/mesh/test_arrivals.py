"""When requests arrive: Poisson by its own marks, a metronome to the tick, curves as declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest, poisson

from meshlab.mesh.arrivals import Arrivals
from meshlab.policies.endpoint import Asker, Endpoint, Work
from meshlab.scenario.load import Load
from meshlab.scenario.topology import Edge
from tests.by_hand import Server, Site, join

SEEDS = range(1, 41)


class Listener(Server):
    """An endpoint that remembers when which route was asked for."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.heard: list[tuple[float, int]] = []

    def receive(self, asker: Asker, key: int, route: int, deadline: float) -> Work:
        self.heard.append((self.site.engine.now, route))
        return self


def arrived(load: Load, seconds: float, seed: int = 1, route: int = 0) -> list[tuple[float, int]]:
    """When the requests of ``load`` arrive (s), and by which route."""
    site = Site()
    listener = Listener(site)
    upstream = site.upstream(Edge(source=load.source, destination=load.destination), load.source)
    join(upstream, Endpoint("only", target=listener))
    Arrivals(load, site.engine, seed, site.calls, upstream, route)
    site.engine.run(until=seconds)
    return listener.heard


def arrivals(load: Load, seconds: float, seed: int = 1) -> np.ndarray:
    """The times (s) at which the requests of ``load`` arrive."""
    return np.array([time for time, _ in arrived(load, seconds, seed)])


def p_values(test: Callable[[np.ndarray], float], load: Load, seconds: float) -> list[float]:
    return [test(arrivals(load, seconds, seed)) for seed in SEEDS]


def test_an_even_load_comes_like_a_metronome() -> None:
    load = Load(destination="cart", rate=4.0, arrivals="even")
    assert list(arrivals(load, 2.0)) == [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]


def test_a_rising_even_load_comes_faster_and_in_the_right_number() -> None:
    load = Load(destination="cart", rate=((0.0, 0.0), (100.0, 20.0)), arrivals="even")
    times = arrivals(load, 100.0)
    assert len(times) == pytest.approx(1000, abs=2)
    assert len(times[times < 50.0]) == pytest.approx(250, abs=2)


def test_no_load_brings_nothing() -> None:
    assert len(arrivals(Load(destination="cart", rate=0.0), 100.0)) == 0
    assert len(arrivals(Load(destination="cart", rate=((0.0, 0.0), (5.0, 0.0))), 100.0)) == 0


def test_gaps_of_a_poisson_load_are_exponential() -> None:
    """p-values of a true hypothesis are uniform: over many seeds, that can be tested itself."""
    load = Load(destination="cart", rate=5.0)
    found = p_values(lambda t: kstest(np.diff(t), "expon", (0, 1 / 5)).pvalue, load, 60.0)
    assert kstest(found, "uniform").pvalue > 0.001


@pytest.mark.parametrize(("share", "passes"), [(1.0, True), (1.2, False)])
def test_the_number_of_a_poisson_load_is_that_of_its_rate(share: float, passes: bool) -> None:
    """Counts of 40 seeds together; a rate 20 % off would be seen."""
    load = Load(destination="cart", rate=5.0 * share)
    number = sum(len(arrivals(load, 20.0, seed)) for seed in SEEDS)
    expected = 5.0 * 20.0 * len(SEEDS)
    tail = min(poisson.cdf(number, expected), poisson.sf(number - 1, expected))
    assert bool(tail > 0.0005) is passes


def test_a_thinned_load_follows_its_curve() -> None:
    """Arrivals of a ramp, put through the area under it, are uniform."""
    load = Load(destination="cart", rate=((0.0, 0.0), (60.0, 20.0)))
    found = p_values(lambda t: kstest((t / 60.0) ** 2, "uniform").pvalue, load, 60.0)
    assert kstest(found, "uniform").pvalue > 0.001


def test_a_dip_in_the_curve_leaves_the_arrivals_outside_it_as_they_were() -> None:
    steady = Load(destination="cart", rate=((0.0, 10.0), (9.0, 10.0)))
    dipping = replace(steady, rate=((0.0, 10.0), (3.0, 10.0), (4.0, 1.0), (5.0, 1.0), (6.0, 10.0)))
    before, after = arrivals(steady, 20.0), arrivals(dipping, 20.0)
    assert set(after) < set(before)
    assert list(before[before < 3.0]) == list(after[after < 3.0])
    assert list(before[before >= 6.0]) == list(after[after >= 6.0])


def test_loads_are_independent_of_one_another() -> None:
    one = arrivals(Load(destination="cart", rate=5.0), 10.0)
    for other in (
        Load(destination="cart", rate=5.0, route="/other"),
        Load(destination="stock", rate=5.0),
        Load(source="batch", destination="cart", rate=5.0),
    ):
        assert list(arrivals(other, 10.0))[:5] != list(one)[:5]


def test_each_arrival_has_the_route_of_its_load() -> None:
    load = Load(destination="cart", rate=4.0, route="/buy", arrivals="even")
    assert [route for _, route in arrived(load, 1.0, route=3)] == [3] * 4


def test_another_seed_brings_other_times() -> None:
    load = Load(destination="cart", rate=5.0)
    assert list(arrivals(load, 10.0, seed=1))[:5] != list(arrivals(load, 10.0, seed=2))[:5]
