"""What a request asks of other services on its way through an instance: its steps, in order.

    edges of cart, as declared                      steps of a request
    cart->price                                     price
    cart->stock     split "stock", weight 95        stock or stock-v2, one draw for each request
    cart->stock-v2  split "stock", weight 5
    cart->audit     calls 2                         audit, audit

Edges of one split make one step together, where the first of them stands: each request takes one of
the ways, with a chance in proportion to its weight (the weighted destinations of Istio's
VirtualService). That is how a canary gets its few percent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from meshlab.kernel.record import record, seldom
from meshlab.kernel.streams import Uniform
from meshlab.mesh.upstream import Upstream
from meshlab.topology import Edge


@record
class Way:
    """One call that a request may make: by which upstream, and the draw for whether it is made."""

    upstream: Upstream
    draw: Uniform

    def __init__(self, upstream: Upstream, draw: Uniform) -> None:
        self.upstream = upstream
        self.draw = draw


@record
class Step:
    """One call, in one of its ``ways``. The ``last`` step of a route has none, and ends it.

    Of a split, ``bounds`` are the upper ends of the ways' parts of 0..1, in order.
    """

    last: bool
    split: bool
    way: Way
    draw: Uniform
    bounds: list[float]
    ways: list[Way]

    def __init__(self, ways: Iterable[Way] = (), draw: Uniform | None = None) -> None:
        self.ways = list(ways)
        self.last = not self.ways
        if self.ways:
            self.way = self.ways[0]
        if draw is not None:
            self.split = True
            self.draw = draw
            self.weigh()

    @seldom
    def weigh(self) -> None:
        """Take the weights of the ways; the last bound is exactly 1, which no draw reaches."""
        ends = list(accumulate(way.upstream.split_weight for way in self.ways))
        self.bounds = [end / ends[-1] for end in ends]

    @seldom
    def choose(self) -> Way:
        """The way of one request through a split: the first whose bound is above what is drawn."""
        drawn = self.draw.draw()
        place = 0
        while self.bounds[place] <= drawn:
            place += 1
        return self.ways[place]


def steps_of(
    route: str, calls: Iterable[tuple[Edge, Way]], draws: Mapping[str, Uniform]
) -> list[Step]:
    """The steps of a request on ``route``; ``calls`` has all that the service can make, in order.

    ``draws`` has the stream of every split.
    """
    taken = [(edge, way) for edge, way in calls if edge.takes(route)]
    steps: list[Step] = []
    begun = set()
    for edge, way in taken:
        if not edge.split:
            steps += [Step((way,)) for _ in range(edge.calls)]
        elif edge.split not in begun:
            begun.add(edge.split)
            ways = [other for one, other in taken if one.split == edge.split]
            steps.append(Step(ways, draws[edge.split]))
    return [*steps, Step()]
