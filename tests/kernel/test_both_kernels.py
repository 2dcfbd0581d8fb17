"""One suite over both kernels: what plain Python does, compiled code does."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from meshlab.kernel.engine import Engine
from tests.kernel.parts import Box, Item, OddScorer

Lower = Callable[[Engine, list[Any]], None]


def plain(engine: Engine, roots: list[Any]) -> None:
    """The objects stay what they are."""


def compiled(engine: Engine, roots: list[Any]) -> None:
    pytest.importorskip("numba", reason="the compiled kernel needs numba")
    from meshlab.kernel.lowering import lower

    lower(engine, roots)


@pytest.fixture(params=[plain, compiled], ids=["plain", "compiled"])
def kernel(request: pytest.FixtureRequest) -> Lower:
    return request.param


def box_in(kernel: Lower, seed: int = 1, scorer: Any = None) -> Box:
    engine = Engine()
    box = Box(engine, seed)
    box.other = Box(engine, seed)
    if scorer is not None:
        box.scorer = scorer
    kernel(engine, [box])
    return box


def story(kernel: Lower, seed: int) -> list[Any]:
    """Random use of everything, and all that can be seen of it."""
    rng = random.Random(seed)
    box = box_in(kernel, seed, OddScorer(2.5) if seed % 2 else None)
    seen: list[Any] = []
    for number in range(400):
        what = rng.randrange(12)
        size = len(box.items)
        place = rng.randrange(size) if size else 0
        if what < 3 or size == 0:
            box.make(number)
        elif what == 3 and size > 4:
            box.drop(place)
        elif what == 4:
            box.wait(place)
        elif what == 5:
            seen.append(box.serve())
        elif what == 6:
            box.leave(place)
        elif what == 7:
            box.start(place)
        elif what == 8:
            box.stop(place)
        elif what == 9:
            box.share = rng.random() * 3
            box.soon(place)
        elif what == 10:
            seen += [box.count(number), box.mix(number), box.same(place), box.many(number)]
        else:
            box.draw(rng.randrange(40))
            box.engine.run(box.engine.now + rng.random())
    box.engine.run(box.engine.now + 10.0)
    facts = (box.engine.now, box.engine.events, list(box.table), box.flag, box.small, box.word)
    lists = [list(box.numbers), list(box.floats), list(box.words), list(box.drawn)]
    items = [(item.number, item.waiting, item.running) for item in box.items]
    return [seen, facts, lists, items, box.lines.take(), box.scorer.noted, box.waiting]


@pytest.mark.parametrize("seed", range(8))
def test_a_random_story_is_the_same_in_both_kernels(seed: int) -> None:
    pytest.importorskip("numba", reason="the compiled kernel needs numba")
    for ours, theirs in zip(story(compiled, seed), story(plain, seed), strict=True):
        assert ours == theirs


def test_events_at_the_same_time_come_in_the_order_of_planning(kernel: Lower) -> None:
    box = box_in(kernel)
    for number in range(5):
        box.make(number)
    for item in reversed(list(box.items)):
        box.engine.at(1.0, item.ring)
    box.engine.run(1.0)
    assert [number for _, _, number in box.lines.take()] == [4, 3, 2, 1, 0]


def test_an_event_of_a_released_record_comes_and_does_nothing(kernel: Lower) -> None:
    box = box_in(kernel)
    for number in range(6):
        box.make(number)
    box.soon(2)
    box.drop(2)
    box.make(7)  # the record may be the same one, in another life
    box.engine.run(5.0)
    assert box.engine.events == 2
    assert box.lines.take() == []


def test_an_event_may_carry_a_number(kernel: Lower) -> None:
    box = box_in(kernel)
    box.make(3)
    box.engine.at(0.5, box.items[0].ring_with, 2**24 - 1)
    box.engine.run(1.0)
    assert box.lines.take() == [(0.5, 3, 3000 + 2**24 - 1)]


def test_python_gets_its_turn_between_events(kernel: Lower) -> None:
    box = box_in(kernel)
    box.make(1)
    seen: list[Any] = []
    box.engine.at(1.0, box.items[0].ring)
    box.engine.at(1.0, lambda: seen.append((box.engine.now, len(box.lines.take()))))
    box.engine.at(2.0, seen.append, 5)
    box.engine.run(3.0)
    assert seen == [(1.0, 1), 5]
    assert box.engine.now == 3.0
    assert box.engine.events == 3


def test_what_python_plans_in_its_turn_happens(kernel: Lower) -> None:
    box = box_in(kernel)
    box.make(1)
    box.engine.at(1.0, lambda: box.engine.after(0.25, box.items[0].ring))
    box.engine.run(2.0)
    assert box.lines.take() == [(1.25, 2, 1)]


def test_the_past_is_refused(kernel: Lower) -> None:
    box = box_in(kernel)
    box.engine.run(2.0)
    with pytest.raises(ValueError, match=r"time must be >= now \(2\.0\), got 1\.0"):
        box.engine.at(1.0, box.shorten)
    with pytest.raises(ValueError, match="seconds must be >= 0, got -1"):
        box.engine.after(-1, box.shorten)
    with pytest.raises(ValueError, match=r"until must be >= now"):
        box.engine.run(1.0)


def test_a_timer_is_due_after_its_time_unless_it_is_stopped(kernel: Lower) -> None:
    box = box_in(kernel)
    for number in range(200):  # more than a batch
        box.make(number)
        box.start(number)
    for number in range(0, 200, 3):
        box.stop(number)
    box.engine.run(10.0)
    expired = [number for _, _, number in box.lines.take()]
    assert expired == [number for number in range(200) if number % 3]


def test_a_timer_that_was_stopped_may_be_started_again(kernel: Lower) -> None:
    box = box_in(kernel)
    box.make(1)
    box.start(0)
    box.engine.run(1.5)
    box.stop(0)
    box.start(0)
    box.engine.run(3.0)
    assert box.lines.take() == []
    box.engine.run(3.5)
    assert box.lines.take() == [(3.5, 1, 1)]


def test_pools_heaps_and_timers_grow(kernel: Lower) -> None:
    box = box_in(kernel)
    box.share = 1.0
    for number in range(5000):
        box.make(number)
        box.soon(number)
        box.start(number)
    box.engine.run(3.0)
    assert len(box.lines.take()) == 15000


def test_a_stream_goes_on_where_it_was_when_the_objects_were_lowered(kernel: Lower) -> None:
    engine = Engine()
    box = Box(engine)
    before = [box.uniform.draw() for _ in range(700)]
    early = [stream.draw() for stream in (box.even, box.erlang, box.lognormal) for _ in range(3)]
    words = [box.ids.draw() for _ in range(3)]
    kernel(engine, [box])
    box.draw(1000)
    late = [stream.draw() for stream in (box.uniform, box.even, box.erlang, box.exponential)]
    again = Box(Engine())
    for _ in range(700):
        assert again.uniform.draw() == before.pop(0)
    assert early == [
        s.draw() for s in (again.even, again.erlang, again.lognormal) for _ in range(3)
    ]
    assert words == [again.ids.draw() for _ in range(3)]
    again.draw(1000)
    assert list(box.drawn) == again.drawn
    assert box.word == again.word
    assert late == [s.draw() for s in (again.uniform, again.even, again.erlang, again.exponential)]


def test_attributes_are_read_and_written_from_python(kernel: Lower) -> None:
    box = box_in(kernel)
    box.share, box.small, box.word, box.flag = 0.25, -3, 2**64 - 1, True
    box.table[2] = 7
    box.numbers += [1, 2, 3]
    box.floats = [0.5, 1.5]
    assert (box.share, box.small, box.word, box.flag) == (0.25, -3, 2**64 - 1, True)
    assert list(box.table) == [0, 0, 7, 0]
    assert list(box.numbers) == [1, 2, 3]
    assert box.count(4) == 4
    assert list(box.floats) == [0.5, 1.5, 4 / 7]
    assert type(box.share) is float and type(box.small) is int and type(box.flag) is bool


def test_a_record_is_the_same_object_wherever_it_is_read(kernel: Lower) -> None:
    engine = Engine()
    box, other = Box(engine), Box(engine)
    box.other = other
    kernel(engine, [box])
    assert box.other is other
    assert other.other is None
    box.other = None
    assert box.other is None
    assert box.engine is engine


def test_a_new_record_may_take_the_place_of_another(kernel: Lower) -> None:
    box = box_in(kernel)
    for number in range(4):
        box.make(number)
    assert box.mix(2) == 0.5 * 2
    scorer = OddScorer(10.0)
    box.scorer = scorer
    assert box.scorer is scorer
    assert box.mix(2) == -1.0
    assert box.mix(3) == 10.0 + 0.5 * 0
    assert scorer.noted == -5


def test_lists_of_records_are_lists_for_python(kernel: Lower) -> None:
    box = box_in(kernel)
    for number in range(5):
        box.make(number)
    first: Item = box.items[0]
    assert [item.number for item in box.items] == [0, 1, 2, 3, 4]
    assert box.items[-1].number == 4
    assert [item.number for item in box.items[1:3]] == [1, 2]
    box.items.remove(first)
    box.items.append(first)
    assert [item.number for item in box.items] == [1, 2, 3, 4, 0]
    box.items.insert(1, first)
    assert [item.number for item in box.items] == [1, 0, 2, 3, 4, 0]
    with pytest.raises(IndexError):
        box.items[6]
