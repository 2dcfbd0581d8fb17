"""Latency times tries in flight: bad news believed at once, good news slowly."""

import math
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.kernel.clock import ManualClock
from meshlab.kernel.engine import Engine
from meshlab.kernel.record import entry, record
from meshlab.kernel.streams import Uniform
from meshlab.model import ConfigError
from meshlab.policies.balancer import Balancer, BalancerConfig, Candidates, LeastRequest, Random
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.peak_ewma import PENALTY, PeakEwma, PeakEwmaBalancer


def members(n: int) -> Candidates:
    return Candidates(Endpoint(f"cart-{i + 1}") for i in range(n))


def ewma_balancer(
    clock: ManualClock, *draws: float, decay_seconds: float = 10.0
) -> PeakEwmaBalancer:
    chance = Uniform(0, "scripted")
    chance.draw = cycle(draws).__next__
    return PeakEwma(decay_seconds=decay_seconds).build(chance, clock)


@pytest.mark.parametrize("choices", [1, 2, 3])
def test_a_pick_draws_as_many_endpoints_as_there_are_choices(choices: int) -> None:
    drawn: list[float] = []

    class Chance:
        def draw(self) -> float:
            drawn.append(0.0)
            return 0.0

    chance: Any = Chance()
    PeakEwma(choices=choices).build(chance, ManualClock()).pick(members(2), key=0)
    assert len(drawn) == choices


@pytest.mark.parametrize("decay", [0, -1.0, math.nan, math.inf, "10", True])
def test_a_decay_that_makes_no_sense_is_refused(decay: Any) -> None:
    with pytest.raises(ConfigError, match="peak_ewma: decay_seconds must be a number > 0, got"):
        PeakEwma(decay_seconds=decay)


def test_there_must_be_a_choice() -> None:
    with pytest.raises(ConfigError, match="peak_ewma: choices must be a whole number >= 1, got 0"):
        PeakEwma(choices=0)


@given(
    peak=st.floats(1e-3, 10.0),
    waited=st.floats(0.0, 100.0),
    decay=st.floats(0.1, 100.0),
    active=st.integers(0, 9),
)
def test_a_peak_fades_by_exp_of_the_time_over_the_decay(
    peak: float, waited: float, decay: float, active: int
) -> None:
    clock = ManualClock()
    (endpoint,) = members(1)
    endpoint.active = active
    balancer = ewma_balancer(clock, 0.0, decay_seconds=decay)
    balancer.observe(endpoint, peak)
    clock.advance(waited)
    faded = peak * math.exp(-waited / decay)
    assert balancer.load(endpoint, clock.now) == faded * (active + 1)


def test_a_slow_answer_replaces_the_average_and_a_fast_one_pulls_it_down_with_time() -> None:
    clock = ManualClock()
    (endpoint,) = members(1)
    balancer = ewma_balancer(clock, 0.0)
    for seconds in (0.1, 0.9):
        clock.advance(1.0)
        balancer.observe(endpoint, seconds)
        assert (endpoint.ewma, endpoint.ewma_at) == (seconds, clock.now)
    balancer.observe(endpoint, 0.1)
    assert endpoint.ewma == 0.9  # no time has passed
    clock.advance(5.0)
    balancer.observe(endpoint, 0.1)
    w = math.exp(-5.0 / 10.0)
    assert (endpoint.ewma, endpoint.ewma_at) == (0.9 * w + 0.1 * (1.0 - w), clock.now)


def test_the_endpoint_with_less_expected_waiting_gets_the_try() -> None:
    clock = ManualClock()
    slow, fast = endpoints = members(2)
    balancer = ewma_balancer(clock, 0.0, 0.5)
    balancer.observe(slow, 0.2)
    balancer.observe(fast, 0.1)
    assert balancer.pick(endpoints, 0) is fast
    fast.active = 1  # 0.1 s x 2 ties with 0.2 s x 1, and the slow one is drawn first
    assert balancer.pick(endpoints, 0) is slow


def test_a_new_endpoint_gets_one_try_and_no_more_before_its_first_answer() -> None:
    clock = ManualClock()
    new, known = endpoints = members(2)
    balancer = ewma_balancer(clock, 0.5, 0.0)
    balancer.observe(known, 0.1)
    assert balancer.load(new, clock.now) == 0.0
    assert balancer.pick(endpoints, 0) is new
    new.active = 1
    assert balancer.load(new, clock.now) == PENALTY
    assert balancer.pick(endpoints, 0) is known
    new.active = 0
    balancer.observe(new, 0.05)
    assert balancer.pick(endpoints, 0) is new


def test_an_endpoint_that_is_never_asked_is_forgiven_in_time() -> None:
    clock = ManualClock()
    slow, fast = endpoints = members(2)
    balancer = ewma_balancer(clock, 0.0, 0.5)
    balancer.observe(slow, 1.0)
    for _ in range(30):
        clock.advance(1.0)
        balancer.observe(fast, 0.1)
    assert balancer.pick(endpoints, 0) is slow


def test_looking_at_the_load_or_picking_changes_no_endpoint() -> None:
    clock = ManualClock()
    endpoints = members(2)
    balancer = ewma_balancer(clock, 0.0, 0.5)
    balancer.observe(endpoints[0], 1.0)
    clock.advance(3.0)
    balancer.load(endpoints[0], clock.now)
    balancer.pick(endpoints, 0)
    assert [(e.ewma, e.ewma_at, e.active) for e in endpoints] == [(1.0, 0.0, 0), (0.0, 0.0, 0)]


@record
class Client:
    """Sends to endpoints that take 10, 10 and 60 ms, and counts who got how many."""

    engine: Engine
    balancer: Balancer
    endpoints: Candidates

    def __init__(self, config: BalancerConfig, seed: int) -> None:
        self.engine = Engine()
        self.endpoints = members(3)
        self.balancer = config.build(Uniform(seed, "balancer"), self.engine)

    @entry
    def send(self) -> None:
        endpoint = self.balancer.pick(self.endpoints, 0)
        place = 0
        while self.endpoints[place] is not endpoint:
            place += 1
        endpoint.active += 1
        endpoint.attempts += 1
        self.engine.after(TAKES[place], self.answer, place)

    @entry
    def answer(self, place: int) -> None:
        endpoint = self.endpoints[place]
        endpoint.active -= 1
        self.balancer.observe(endpoint, TAKES[place])


TAKES = (0.010, 0.010, 0.060)


def shares_when_one_is_slow(config: BalancerConfig, seed: int) -> list[float]:
    """200 requests/s for 60 s."""
    client = Client(config, seed)
    for i in range(12_000):
        client.engine.at(i / 200.0, client.send)
    client.engine.run(until=61.0)
    return [endpoint.attempts / 12_000 for endpoint in client.endpoints]


def test_peak_ewma_prefers_the_fast_endpoints_more_than_least_request_does() -> None:
    for seed in range(3):
        slow = {
            config.kind: shares_when_one_is_slow(config, seed)[2]
            for config in (Random(), LeastRequest(), PeakEwma())
        }
        assert slow["peak_ewma"] < 0.75 * slow["least_request"] < 0.75 * slow["random"]
