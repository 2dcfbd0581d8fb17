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

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import NamedTuple

from meshlab.kernel.streams import Draw
from meshlab.mesh.upstream import Upstream


class Step(NamedTuple):
    """One call that a request makes: by which upstream, and the draw for whether it is made."""

    upstream: Upstream
    draw: Draw


class Split:
    """A step with several ways. ``bounds`` are the upper ends of their parts of 0..1, in order."""

    __slots__ = ("bounds", "draw", "ways")

    def __init__(self, ways: tuple[Step, ...], draw: Draw) -> None:
        self.ways = ways
        self.draw = draw
        self.weigh()

    def weigh(self) -> None:
        """Take the weights from the edges; the last bound is exactly 1, which no draw reaches."""
        ends = list(accumulate(way.upstream.edge.split_weight for way in self.ways))
        self.bounds = [end / ends[-1] for end in ends]

    def choose(self) -> Step:
        """The way of one request: the first whose bound is above what is drawn."""
        return self.ways[bisect_right(self.bounds, self.draw())]


def steps_of(route: str, calls: Iterable[Step], draws: Mapping[str, Draw]) -> list[Step | Split]:
    """The steps of a request on ``route``; ``calls`` has all that the service can make, in order.

    ``draws`` has the stream of every split.
    """
    taken = [call for call in calls if call.upstream.edge.takes(route)]
    steps: list[Step | Split] = []
    begun = set()
    for call in taken:
        split = call.upstream.edge.split
        if not split:
            steps += [call] * call.upstream.edge.calls
        elif split not in begun:
            begun.add(split)
            ways = tuple(way for way in taken if way.upstream.edge.split == split)
            steps.append(Split(ways, draws[split]))
    return steps
