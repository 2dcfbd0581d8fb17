"""When requests arrive: Poisson by its own marks, a metronome to the tick, curves as declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from meshlab.arrivals import Arrivals
from scipy.stats import kstest, poisson

from meshlab.kernel.engine import Engine
from meshlab.load import Load

SEEDS = range(1, 41)


def arrivals(load: Load, seconds: float, seed: int = 1) -> np.ndarray:
    """The times (s) at which the requests of ``load`` arrive."""
    engine, times = Engine(), []
    Arrivals(load, engine, seed, lambda route: times.append(engine.now))
    engine.run(until=seconds)
    return np.array(times)


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
    engine, routes = Engine(), []
    load = Load(destination="cart", rate=4.0, route="/buy", arrivals="even")
    Arrivals(load, engine, 1, routes.append)
    engine.run(until=1.0)
    assert routes == ["/buy"] * 4


def test_another_seed_brings_other_times() -> None:
    load = Load(destination="cart", rate=5.0)
    assert list(arrivals(load, 10.0, seed=1))[:5] != list(arrivals(load, 10.0, seed=2))[:5]
