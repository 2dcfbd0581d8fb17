"""Records that use everything a kernel offers, for one suite over both kernels."""

from __future__ import annotations

from typing import Annotated

from meshlab.kernel.containers import Bag, Pool, Queue, Rows
from meshlab.kernel.distributions import Around, Constant, Erlang, Exponential, LogNormal
from meshlab.kernel.engine import Engine, TimerQueue
from meshlab.kernel.record import Small, Word, entry, interface, record, row, seldom
from meshlab.kernel.streams import Uniform, Variates, Words


@row
class Line:
    """What happened when."""

    time: float
    what: Small
    number: int


@interface
class Scorer:
    """Something that gives points."""

    def score(self, item: Item, factor: float) -> float:
        """Points for an item."""

    def likes(self, number: int) -> bool:
        """Whether a number is liked."""

    def best(self, first: Item, second: Item) -> Item:
        """The better of two."""

    @entry
    def note(self, number: int) -> None:
        """Remember a number."""


@record
class EvenScorer(Scorer):
    """Likes even numbers."""

    noted: int

    def score(self, item: Item, factor: float) -> float:
        return factor * item.number

    def likes(self, number: int) -> bool:
        return number % 2 == 0

    def best(self, first: Item, second: Item) -> Item:
        return first if first.number > second.number else second

    @entry
    def note(self, number: int) -> None:
        self.noted += number


@record
class OddScorer(Scorer):
    """Likes odd numbers."""

    weight: float
    noted: int

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def score(self, item: Item, factor: float) -> float:
        return self.weight + factor * item.number

    def likes(self, number: int) -> bool:
        return number % 2 == 1

    def best(self, first: Item, second: Item) -> Item:
        return second if first.number > second.number else first

    @entry
    def note(self, number: int) -> None:
        self.noted -= number


@record
class Item:
    """A pooled record that waits, is timed, and may be gone when its event comes."""

    timer: Small
    number: int
    waiting: bool
    running: bool
    box: Box

    @entry
    def expired(self) -> None:
        self.box.timers.stop(self)
        self.running = False
        self.box.lines.write(self.box.engine.now, 1, self.number)

    @entry
    def ring(self) -> None:
        self.box.lines.write(self.box.engine.now, 2, self.number)

    @entry
    def ring_with(self, extra: int) -> None:
        self.box.lines.write(self.box.engine.now, 3, self.number * 1000 + extra)


@record
class Box:
    """Has one of everything."""

    engine: Engine
    pool: Pool[Item]
    queue: Queue[Item]
    bag: Bag[Item]
    items: list[Item]
    numbers: list[int]
    floats: list[float]
    words: list[Word]
    table: Annotated[list[int], 4]
    lines: Rows[Line]
    timers: TimerQueue
    scorer: Scorer
    other: Box | None
    flag: bool
    small: Small
    word: Word
    share: float
    uniform: Uniform
    ids: Words
    even: Variates
    constant: Variates
    exponential: Variates
    erlang: Variates
    lognormal: Variates
    drawn: list[float]

    def __init__(self, engine: Engine, seed: int = 1) -> None:
        self.engine = engine
        self.timers = TimerQueue(engine, 2.0)
        self.scorer = EvenScorer()
        self.uniform = Uniform(seed, "uniform")
        self.ids = Words(seed, "words")
        self.even = Variates(seed, "even", Around(0.5, 0.2))
        self.constant = Variates(seed, "constant", Constant(0.25))
        self.exponential = Variates(seed, "exponential", Exponential(0.1))
        self.erlang = Variates(seed, "erlang", Erlang(0.1, 3))
        self.lognormal = Variates(seed, "lognormal", LogNormal(0.1, 0.5))

    @entry
    def make(self, number: int) -> None:
        item = self.pool.new()
        item.number = number
        item.box = self
        self.items.append(item)

    @entry
    def drop(self, place: int) -> None:
        """Release an item, out of everything."""
        item = self.items[place]
        if item.waiting:
            self.queue.remove(item)
        if item.running:
            self.timers.stop(item)
        last = self.items[len(self.items) - 1]
        self.items[place] = last
        self.shorten()
        self.pool.release(item)

    @seldom
    def shorten(self) -> None:
        """Take the last item out of the list."""
        kept = len(self.items) - 1
        self.spare_clear()
        for place in range(kept):
            self.spare(self.items[place])
        self.items.clear()
        for place in range(kept):
            self.items.append(self.other_items(place))

    def spare(self, item: Item) -> None:
        self.bag.add(item)

    def spare_clear(self) -> None:
        self.numbers.clear()

    def other_items(self, place: int) -> Item:
        if place == 0:
            self.found_clear()
        return self.found()[place]

    @seldom
    def found_clear(self) -> None:
        box = self.other
        if box is not None:
            box.items.clear()
            self.bag.empty_into(box.items)

    def found(self) -> list[Item]:
        box = self.other
        return box.items if box is not None else self.items

    @entry
    def wait(self, place: int) -> None:
        item = self.items[place]
        if not item.waiting:
            item.waiting = True
            self.queue.push(item)

    @entry
    def serve(self) -> int:
        """The number of the next that waits; -1 if nobody does."""
        if self.queue.count == 0:
            return -1
        item = self.queue.pop()
        item.waiting = False
        return item.number

    @entry
    def leave(self, place: int) -> None:
        item = self.items[place]
        if item.waiting:
            item.waiting = False
            self.queue.remove(item)

    @entry
    def start(self, place: int) -> None:
        item = self.items[place]
        if not item.running:
            item.running = True
            self.timers.start(item)

    @entry
    def stop(self, place: int) -> None:
        item = self.items[place]
        if item.running:
            item.running = False
            self.timers.stop(item)

    @entry
    def soon(self, place: int) -> None:
        item = self.items[place]
        self.engine.after(0.5, item.ring)
        self.engine.after(self.share, item.ring_with, place)

    @entry
    def count(self, number: int) -> int:
        self.table[number % 4] += 1
        self.numbers.append(number)
        self.floats.append(number / 7)
        self.flag = not self.flag
        self.small = number % 1000
        return len(self.numbers)

    @entry
    def mix(self, number: int) -> float:
        """Points by whatever scorer is there."""
        if len(self.items) < 2:
            return 0.0
        first, second = self.items[0], self.items[number % len(self.items)]
        best = self.scorer.best(first, second)
        self.scorer.note(number)
        return self.scorer.score(best, 0.5) if self.scorer.likes(number) else -1.0

    @entry
    def same(self, place: int) -> bool:
        return self.items[place] is self.items[0]

    @entry
    def draw(self, times: int) -> None:
        for _ in range(times):
            self.drawn.append(self.uniform.draw())
            self.drawn.append(self.even.draw())
            self.drawn.append(self.constant.draw())
            self.drawn.append(self.exponential.draw())
            self.drawn.append(self.erlang.draw())
            self.drawn.append(self.lognormal.draw())
            self.words.append(self.ids.draw())
            self.word = self.word ^ self.ids.draw()

    @property
    def waiting(self) -> int:
        return self.queue.count

    @entry
    def many(self, number: int) -> int:
        return self.waiting + number
