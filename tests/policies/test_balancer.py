"""Who gets the next try: each algorithm against an oracle, and each oracle able to say no."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from meshlab.kernel.clock import ManualClock
from meshlab.kernel.record import record
from meshlab.kernel.streams import Uniform, generator
from meshlab.model import ConfigError
from meshlab.policies.balancer import (
    BALANCERS,
    Balancer,
    BalancerConfig,
    Candidates,
    LeastRequest,
    Random,
    RoundRobin,
    expected_shares,
)
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.maglev import Maglev, MaglevTable
from meshlab.policies.peak_ewma import PeakEwma
from meshlab.policies.ring_hash import LARGEST_RING, Ring, RingHash
from meshlab.policies.weighted_round_robin import LONGEST_SCHEDULE, WeightedRoundRobin, schedule

PICKS = 2000
SEEDS = range(200)

weights = st.lists(st.integers(1, 12), min_size=1, max_size=6)
seeds = st.integers(0, 2**32)


def members(*given_weights: int) -> Candidates:
    return Candidates(Endpoint(f"cart-{i + 1}", weight=w) for i, w in enumerate(given_weights))


def busy(*active: int) -> Candidates:
    endpoints = members(*[1] * len(active))
    for endpoint, tries in zip(endpoints, active, strict=True):
        endpoint.active = tries
    return endpoints


def built(config: BalancerConfig, seed: int = 1) -> Balancer:
    return config.build(Uniform(seed, "balancer"), ManualClock())


def picks(balancer: Balancer, endpoints: Candidates, n: int, seed: int = 1) -> list[Endpoint]:
    keys = generator(seed, "keys").integers(0, 2**63, n).tolist()
    return [balancer.pick(endpoints, key) for key in keys]


def scripted(*numbers: float) -> Uniform:
    """A stream that gives these numbers over and over."""
    stream = Uniform(0, "scripted")
    stream.draw = cycle(numbers).__next__
    return stream


def p_values(
    balancer: Callable[[int], Balancer], endpoints: Candidates, shares: Sequence[float]
) -> list[float]:
    """Chi-square p-values of the observed shares, one for each seed."""
    expected = [share * PICKS for share in shares]
    found = []
    for seed in SEEDS:
        counts = Counter(e.name for e in picks(balancer(seed), endpoints, PICKS, seed))
        observed = [counts[endpoint.name] for endpoint in endpoints]
        found.append(float(chisquare(observed, expected).pvalue))
    return found


def looks_uniform(found: list[float]) -> bool:
    return bool(kstest(found, "uniform").pvalue > 0.001)


# Shares


@pytest.mark.parametrize(
    ("config", "endpoints"),
    [
        (Random(), members(1, 1, 1)),
        (Random(), members(1, 1, 1, 1, 1, 1, 1)),
        (RingHash(minimum_ring_size=64), members(1, 1, 1)),
        (RingHash(minimum_ring_size=64), members(3, 1, 2)),
        (RingHash(minimum_ring_size=1), members(1, 1, 1, 1)),
        (Maglev(table_size=31), members(3, 1, 2)),
    ],
    ids=["random of 3", "random of 7", "ring", "weighted ring", "ring with few points", "maglev"],
)
def test_shares_deviate_from_the_expected_ones_by_chance_only(
    config: BalancerConfig, endpoints: Candidates
) -> None:
    shares = expected_shares(config, endpoints)
    assert shares is not None
    assert looks_uniform(p_values(lambda seed: built(config, seed), endpoints, shares))


@record
class Lopsided(Balancer):
    """Random, but one try of twenty that belongs to the last endpoint goes to the first."""

    chance: Uniform

    def __init__(self, seed: int) -> None:
        self.chance = Uniform(seed, "balancer")

    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        drawn = endpoints[int(self.chance.draw() * len(endpoints))]
        last = drawn is endpoints[len(endpoints) - 1]
        return endpoints[0] if last and self.chance.draw() < 0.05 else drawn


def test_the_test_of_shares_catches_a_balancer_that_misplaces_one_try_in_sixty() -> None:
    endpoints = members(1, 1, 1)
    shares = expected_shares(Random(), endpoints)
    assert shares is not None
    assert not looks_uniform(p_values(Lopsided, endpoints, shares))


def test_expected_shares_are_known_where_neither_load_nor_latency_matters() -> None:
    endpoints = members(5, 3, 2)
    assert expected_shares(Random(), endpoints) == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert expected_shares(RoundRobin(), endpoints) == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert expected_shares(WeightedRoundRobin(), endpoints) == pytest.approx([0.5, 0.3, 0.2])
    assert expected_shares(RingHash(), endpoints) == pytest.approx([0.5, 0.3, 0.2], rel=0.1)
    assert expected_shares(Maglev(), endpoints) == pytest.approx([0.5, 0.3, 0.2], rel=1e-3)
    assert expected_shares(LeastRequest(), endpoints) is None
    assert expected_shares(PeakEwma(), endpoints) is None
    assert expected_shares("the reader's own", endpoints) is None


# Every algorithm


def test_scenario_files_name_every_algorithm_by_its_kind() -> None:
    assert sorted(BALANCERS) == [
        "least_request",
        "maglev",
        "peak_ewma",
        "random",
        "ring_hash",
        "round_robin",
        "weighted_round_robin",
    ]
    assert all(BALANCERS[kind]().kind == kind for kind in BALANCERS)


@pytest.mark.parametrize(
    "config",
    [
        Random(),
        RoundRobin(),
        WeightedRoundRobin(),
        LeastRequest(),
        LeastRequest(full_scan=True),
        RingHash(minimum_ring_size=8),
        Maglev(table_size=31),
        PeakEwma(),
    ],
    ids=repr,
)
@given(seed=seeds, given_weights=weights)
def test_the_same_seed_gives_the_same_picks_and_only_from_the_list(
    config: BalancerConfig, seed: int, given_weights: list[int]
) -> None:
    endpoints = members(*given_weights)
    first = picks(built(config, seed), endpoints, 20)
    assert first == picks(built(config, seed), endpoints, 20)
    assert set(first) <= set(endpoints)


@pytest.mark.parametrize("config", [c() for c in BALANCERS.values()], ids=lambda c: c.kind)
def test_a_balancer_forgets_an_endpoint_as_soon_as_the_list_is_another(
    config: BalancerConfig,
) -> None:
    endpoints = members(1, 2, 3)
    balancer = built(config)
    assert len(set(picks(balancer, endpoints, 200))) > 1
    left = Candidates(endpoints.members[:1])
    assert set(picks(balancer, left, 20)) == set(left)


@pytest.mark.parametrize("config", [c() for c in BALANCERS.values()], ids=lambda c: c.kind)
def test_a_balancer_forgets_an_endpoint_as_soon_as_the_list_has_another_version(
    config: BalancerConfig,
) -> None:
    endpoints = members(1, 2, 3)
    first, *_ = endpoints
    balancer = built(config)
    assert len(set(picks(balancer, endpoints, 200))) > 1
    endpoints.clear()
    endpoints.add(first)
    assert set(picks(balancer, endpoints, 20)) == {first}
    endpoints.add(new := Endpoint("cart-4"))
    assert set(picks(balancer, endpoints, 200)) == {first, new}


@pytest.mark.parametrize("kind", sorted(set(BALANCERS) - {"peak_ewma"}))
def test_only_peak_ewma_learns_from_latency(kind: str) -> None:
    endpoints = members(1, 1, 1)
    balancer, other = built(BALANCERS[kind]()), built(BALANCERS[kind]())
    balancer.observe(endpoints[0], 10.0)
    assert picks(balancer, endpoints, 20) == picks(other, endpoints, 20)


class CountingClock:
    def __init__(self) -> None:
        self.reads = 0

    @property
    def now(self) -> float:
        self.reads += 1
        return 1.0


@pytest.mark.parametrize("kind", sorted(BALANCERS))
def test_the_clock_is_read_at_most_once_per_call(kind: str) -> None:
    clock = CountingClock()
    balancer = BALANCERS[kind]().build(Uniform(1, "balancer"), clock)
    endpoints = members(1, 1, 1)
    for call in (lambda: balancer.observe(endpoints[0], 0.1), lambda: balancer.pick(endpoints, 1)):
        clock.reads = 0
        call()
        assert clock.reads <= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LeastRequest(choices=0), "least_request: choices must be a whole number >= 1"),
        (lambda: LeastRequest(choices=1.5), "least_request: choices must be a whole number >= 1"),
        (lambda: RingHash(minimum_ring_size=0), "ring_hash: minimum_ring_size must be in 1.."),
        (lambda: RingHash(minimum_ring_size=2**24), "ring_hash: minimum_ring_size must be in 1.."),
        (lambda: RingHash(minimum_ring_size=0.5), "ring_hash: minimum_ring_size must be in 1.."),
        (lambda: Maglev(table_size=65_536), "maglev: table_size must be a prime number in 3.."),
        (lambda: Maglev(table_size=5_000_077), "maglev: table_size must be a prime number in 3.."),
        (lambda: Maglev(table_size=2), "maglev: table_size must be a prime number in 3.."),
        (lambda: Maglev(table_size=7.0), "maglev: table_size must be a prime number in 3.."),
        (lambda: MaglevTable(members(1, 0), 7), r"maglev: weights must be >= 1, got \[1, 0\]"),
        (lambda: PeakEwma(decay_seconds=0.0), "peak_ewma: decay_seconds must be a number > 0"),
        (lambda: PeakEwma(decay_seconds=math.inf), "peak_ewma: decay_seconds must be a number"),
        (lambda: PeakEwma(decay_seconds=math.nan), "peak_ewma: decay_seconds must be a number"),
        (lambda: PeakEwma(choices=0), "peak_ewma: choices must be a whole number >= 1, got 0"),
        (lambda: PeakEwma(choices=1.5), "peak_ewma: choices must be a whole number >= 1"),
        (
            lambda: schedule(members(1, 0)),
            r"weighted_round_robin: weights must be >= 1, got \[1, 0",
        ),
        (
            lambda: schedule(members(LONGEST_SCHEDULE, 1)),
            f"has at most {LONGEST_SCHEDULE} turns, got {LONGEST_SCHEDULE + 1}",
        ),
        (lambda: Ring(members(1, 0), 8), r"ring_hash: weights must be >= 1, got \[1, 0\]"),
        (lambda: Ring(members(LARGEST_RING), 2), f"at most {LARGEST_RING} points, got 16777216"),
    ],
)
def test_a_bad_setting_is_refused_with_its_rule_and_its_value(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


# Round robin


@given(n=st.integers(1, 8), seed=seeds)
def test_round_robin_gives_everyone_one_turn_in_each_round(n: int, seed: int) -> None:
    endpoints = members(*[1] * n)
    first, second = picks(built(RoundRobin(), seed), endpoints, n), endpoints
    assert Counter(first) == Counter(second)


@pytest.mark.parametrize("config", [RoundRobin(), WeightedRoundRobin()], ids=lambda c: c.kind)
def test_a_round_robin_starts_anywhere_with_the_same_chance(config: BalancerConfig) -> None:
    endpoints = members(1, 1, 1, 1)
    first = Counter(built(config, seed).pick(endpoints, 0).name for seed in range(2000))
    assert chisquare([first[e.name] for e in endpoints]).pvalue > 0.001


def test_the_round_goes_on_when_the_endpoints_change() -> None:
    balancer = RoundRobin().build(scripted(0.0), ManualClock())
    a, b, c = endpoints = members(1, 1, 1)
    assert [balancer.pick(endpoints, 0) for _ in range(2)] == [b, c]
    assert [balancer.pick(Candidates(endpoints), 0) for _ in range(2)] == [a, b]


def test_the_schedule_is_that_of_nginx() -> None:
    """The example of nginx's own change, "Upstream: smooth weighted round-robin balancing"."""
    a, b, c = endpoints = members(5, 1, 1)
    assert schedule(endpoints) == [a, a, b, a, c, a, a]


@given(given_weights=weights, seed=seeds, skipped=st.integers(0, 50))
def test_weighted_round_robin_gives_exact_shares_in_any_full_cycle(
    given_weights: list[int], seed: int, skipped: int
) -> None:
    endpoints = members(*given_weights)
    balancer = built(WeightedRoundRobin(), seed)
    picks(balancer, endpoints, skipped)
    counts = Counter(picks(balancer, endpoints, sum(given_weights)))
    assert [counts[endpoint] for endpoint in endpoints] == given_weights


@pytest.mark.parametrize("seed", range(3))
def test_turns_are_taken_in_the_order_of_the_schedule(seed: int) -> None:
    endpoints = members(5, 1, 1)
    one_cycle = schedule(endpoints)
    taken = picks(built(WeightedRoundRobin(), seed), endpoints, len(one_cycle))
    assert taken in [one_cycle[turn:] + one_cycle[:turn] for turn in range(len(one_cycle))]


def test_a_cycle_may_have_as_many_turns_as_the_longest() -> None:
    assert len(schedule(members(LONGEST_SCHEDULE - 1, 1))) == LONGEST_SCHEDULE


@given(given_weights=weights, factor=st.integers(1, 1000))
def test_weights_with_a_common_divisor_make_no_longer_cycle(
    given_weights: list[int], factor: int
) -> None:
    shorter = [e.name for e in schedule(members(*given_weights))]
    assert shorter == [e.name for e in schedule(members(*(w * factor for w in given_weights)))]


def test_a_schedule_is_made_anew_only_for_another_list_or_version() -> None:
    endpoints = members(1, 1)
    balancer = built(WeightedRoundRobin())
    picks(balancer, endpoints, 1)
    endpoints[0].weight = 3
    assert Counter(picks(balancer, endpoints, 40))[endpoints[0]] == 20
    assert Counter(picks(balancer, Candidates(endpoints), 40))[endpoints[0]] == 30
    endpoints[0].weight = 7
    assert Counter(picks(balancer, endpoints, 40))[endpoints[0]] == 35
    endpoints[0].weight = 1
    endpoints.version += 1
    assert Counter(picks(balancer, endpoints, 40))[endpoints[0]] == 20


# Least request


def test_of_two_drawn_the_less_busy_gets_the_try() -> None:
    endpoints = busy(4, 3, 0)
    for draws in [(0.0, 0.5), (0.5, 0.0)]:
        balancer = LeastRequest().build(scripted(*draws), ManualClock())
        assert balancer.pick(endpoints, 0) is endpoints[1]


def test_the_first_drawn_keeps_a_tie() -> None:
    endpoints = busy(1, 1)
    balancer = LeastRequest().build(scripted(0.6, 0.1), ManualClock())
    assert balancer.pick(endpoints, 0) is endpoints[1]


def test_the_busiest_of_three_still_gets_one_try_in_nine_since_draws_may_repeat() -> None:
    endpoints = busy(0, 1, 2)
    shares = [5 / 9, 3 / 9, 1 / 9]
    assert looks_uniform(p_values(lambda seed: built(LeastRequest(), seed), endpoints, shares))


def test_one_choice_is_plain_random() -> None:
    endpoints = busy(9, 0, 3)
    one, plain = built(LeastRequest(choices=1)), built(Random())
    assert picks(one, endpoints, 50) == picks(plain, endpoints, 50)


def test_a_heavier_endpoint_may_carry_more_before_it_counts_as_busier() -> None:
    heavy, light = endpoints = members(4, 1)
    balancer = LeastRequest().build(scripted(0.5, 0.0), ManualClock())
    heavy.active = 2  # 4 / 3 is more than 1 / 1
    assert balancer.pick(endpoints, 0) is heavy
    heavy.active = 3  # 4 / 4 ties with 1 / 1, and the light one was drawn first
    assert balancer.pick(endpoints, 0) is light


@given(
    loads=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=6),
    seed=seeds,
)
def test_a_full_scan_finds_the_largest_weight_per_try(
    loads: list[tuple[int, int]], seed: int
) -> None:
    endpoints = members(*(weight for weight, _ in loads))
    for endpoint, (_, active) in zip(endpoints, loads, strict=True):
        endpoint.active = active
    picked = built(LeastRequest(full_scan=True), seed).pick(endpoints, 0)
    assert Fraction(picked.weight, picked.active + 1) == max(Fraction(w, a + 1) for w, a in loads)


def test_those_that_tie_in_a_full_scan_have_equal_chances() -> None:
    endpoints = busy(2, 2, 1, 1, 5, 1)  # the tie at 2 must not count in the tie at 1
    tied = [endpoints[2], endpoints[3], endpoints[5]]
    balancer = built(LeastRequest(full_scan=True))
    counts = Counter(picks(balancer, endpoints, 3000))
    assert set(counts) == set(tied)
    assert chisquare([counts[endpoint] for endpoint in tied]).pvalue > 0.001


@pytest.mark.parametrize(
    ("draws", "kept"),
    [
        ((0.499, 0.9), 1),  # the second of a tie replaces the first below 1/2, not at it
        ((0.5, 0.9), 0),
        ((0.9, 0.333), 2),  # and the third whichever was kept below 1/3
        ((0.1, 0.334), 1),
    ],
)
def test_the_kth_of_a_tie_replaces_the_one_kept_so_far_with_chance_one_in_k(
    draws: tuple[float, float], kept: int
) -> None:
    endpoints = busy(1, 1, 1)
    balancer = LeastRequest(full_scan=True).build(scripted(*draws), ManualClock())
    assert balancer.pick(endpoints, 0) is endpoints[kept]


def gap(config: BalancerConfig, seed: int) -> float:
    """How far the fullest of 100 bins is above the average after 10,000 balls."""
    bins = busy(*[0] * 100)
    balancer = built(config, seed)
    for _ in range(10_000):
        balancer.pick(bins, 0).active += 1
    return max(b.active for b in bins) - 100.0


def test_two_choices_leave_a_far_smaller_gap_than_one() -> None:
    """Balls into bins: ln ln n / ln 2 + O(1) above the average, against sqrt(2 m ln(n) / n).

    Berenbrink, Czumaj, Steger, Voecking: Balanced Allocations, the Heavily Loaded Case (2000).
    """
    random = [gap(Random(), seed) for seed in range(8)]
    two = [gap(LeastRequest(), seed) for seed in range(8)]
    assert max(two) <= math.log(math.log(100)) / math.log(2) + 2
    assert min(random) > 0.5 * math.sqrt(2 * 100 * math.log(100))
    assert max(two) < min(random) / 3
    assert gap(LeastRequest(full_scan=True), seed=1) == 0.0
