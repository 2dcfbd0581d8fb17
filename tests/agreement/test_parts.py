"""The parts of the compiled engine beneath its rules: random numbers, the heap, timers, cores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="numba is not installed, so there is no compiled engine")

from meshlab.compiled import heap, lanes
from meshlab.compiled.draws import uniform, variate
from meshlab.compiled.heap import PLACES
from meshlab.compiled.layout import (
    BATCH_SIZE,
    EMPTY_LANE,
    LANE,
    NOBODY,
    NUMBER,
    key_at,
    lane_at,
    number_at,
    plan_at,
    timer_at,
)
from meshlab.compiled.machine import number_of
from meshlab.compiled.memory import Memory
from meshlab.compiled.randomness import Randomness
from meshlab.compiled.service import replace_first
from numba import njit

from meshlab.kernel.distributions import KINDS, Distribution
from meshlab.kernel.streams import uniforms, variates
from meshlab.processor import Processor

SEED = 7
MARGIN = 64
OTHERS: dict[str, dict[str, float]] = {"lognormal": {"median": 0.03}}


@njit
def _uniforms(memory: Any, stream: int, numbers: Any) -> None:
    for place in range(len(numbers)):
        numbers[place] = uniform(memory[0], stream)


@njit
def _variates(memory: Any, source: int, numbers: Any, start: int) -> int:
    """Draw until the numbers are complete, or the stock is low."""
    root = memory[0]
    while start < len(numbers) and not root.attention:
        numbers[start] = variate(root, source)
        start += 1
    return start


def test_a_stream_has_numpy_s_numbers() -> None:
    randomness, memory = Randomness(SEED), Memory(MARGIN)
    streams = [randomness.stream(purpose) for purpose in ("a", "b")]
    randomness.place(memory)
    for stream, purpose in zip(streams, ("a", "b"), strict=True):
        expected = uniforms(SEED, purpose)
        numbers = np.zeros(2000)
        _uniforms(memory.root_array, stream, numbers)
        assert numbers.tolist() == [expected() for _ in numbers]
        assert randomness.uniform(stream) == expected()
        _uniforms(memory.root_array, stream, numbers)
        assert numbers.tolist() == [expected() for _ in numbers]


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_has_the_variates_of_its_distribution(kind: str) -> None:
    """Also across refills, which become larger from one to the next."""
    distribution: Distribution = KINDS[kind](**OTHERS.get(kind, {"seconds": 0.03}))
    randomness, memory = Randomness(SEED), Memory(MARGIN)
    source = randomness.source("work", distribution)
    randomness.place(memory)
    randomness.fill(MARGIN)
    numbers, have = np.zeros(40_000), 0
    while have < len(numbers):
        memory.root["attention"] = 0
        have = _variates(memory.root_array, source, numbers, have)
        randomness.fill(MARGIN)
    expected = variates(SEED, "work", distribution.block)
    assert numbers.tolist() == [expected() for _ in numbers]


@njit
def _plan_and_take(memory: Any, times: Any, taken: Any, at_once: int) -> None:
    """Plan everything, some at first and then one for each that is taken; note the order."""
    root = memory[0]
    planned = 0
    for place in range(len(times)):
        while planned < min(len(times), at_once + place):
            heap.at(root, times[planned], 0, planned, 0, 0)
            planned += 1
        if root.vacant:
            heap.fill_vacancy(root)
        first = key_at(root.heap, 0)
        root.now = number_of(first.time)
        taken[place] = plan_at(root.plans, first.tag & PLACES).a
        heap.take_first(root)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 1e-9, 3.5, 1e12]), min_size=1, max_size=90),
    st.integers(1, 90),
)
def test_events_come_in_the_order_of_time_and_sequence(times: list[float], at_once: int) -> None:
    memory = Memory(256)
    memory.grow()
    taken = np.zeros(len(times), np.int64)
    _plan_and_take(memory.root_array, np.array(times), taken, min(at_once, len(times)))
    waiting = list(range(min(at_once, len(times))))
    expected = []
    for place in range(len(times)):
        if place and at_once + place <= len(times):
            waiting.append(at_once + place - 1)
        first = min(waiting, key=lambda event: (times[event], event))
        waiting.remove(first)
        expected.append(first)
    assert taken.tolist() == expected


def test_more_events_than_a_tag_can_name_are_refused() -> None:
    memory = Memory(MARGIN)
    memory.root["plans_used"] = PLACES
    with pytest.raises(MemoryError, match=r"run: the compiled engine has room for 16,777,215"):
        memory.grow()


@njit
def _time_calls(memory: Any, kept: int, fired: Any) -> None:
    """Start a timer for each call, stop all but each ``kept``-th, and let the others fire."""
    root = memory[0]
    for call in range(len(fired)):
        place = lanes.start_timer(root, 0, call)
        if call % kept:
            lanes.stop_timer(root, place)
    seen = 0
    while root.heap_used > 0:
        heap.take_first(root)
        first = lane_at(root.lanes, 0).first
        if timer_at(root.timers, first).call != NOBODY:
            fired[seen] = timer_at(root.timers, first).call
            seen += 1
            lanes.stop_timer(root, first)
        lanes.next_in_lane(root, 0)
        if root.vacant:
            heap.fill_vacancy(root)


@pytest.mark.parametrize("kept", [1, 3, 50, 1000])
def test_timers_fire_in_their_order_and_stopped_ones_make_room(kept: int) -> None:
    count = 3000
    memory = Memory(8192)
    lane = np.zeros(1, LANE)
    lane[0] = (1.0, *EMPTY_LANE.values())
    memory.place("lanes", lane)
    memory.root["lane_count"] = 1
    memory.grow()
    fired = np.zeros(count, np.int64)
    _time_calls(memory.root_array, kept, fired)
    expected = list(range(0, count, kept))
    assert fired[: len(expected)].tolist() == expected
    most = min(count, BATCH_SIZE * (len(expected) + 2)) // BATCH_SIZE + 2
    assert int(memory.root["batches_used"]) <= most


@njit
def _compute(memory: Any, cores: int, work: Any) -> None:
    root = memory[0]
    for place in range(len(work)):
        work[place] += max(0.01 * place, number_at(root.cores, 0).x)
        replace_first(root, 0, cores, work[place])


@pytest.mark.parametrize("cores", [1, 2, 5, 96])
def test_cores_in_a_heap_are_free_when_those_of_the_reference_engine_are(cores: int) -> None:
    work = np.random.default_rng(SEED).exponential(0.01 * cores, 500)
    processor = Processor(cores)
    expected = [processor.work(0.01 * place, w) for place, w in enumerate(work.tolist())]
    memory = Memory(MARGIN)
    memory.place("cores", np.zeros(cores, NUMBER))
    _compute(memory.root_array, cores, work)
    assert work.tolist() == expected
