"""Where the services of a mesh stand in its picture: in layers, from the client to the last one.

The layered drawing of Sugiyama, Tagawa and Toda (1981), in short: a service's layer is its greatest
distance from where requests enter; an edge over several layers gets a waypoint in each, so that no
line runs through a service; a few sweeps order each layer by the average of its neighbours, so that
few lines cross.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

Edge = tuple[str, str]
Point = tuple[float, float]

SWEEPS = 9
"""How often the layers are put in order: odd, so that callers have the last word."""


class Layout(NamedTuple):
    """Where every service stands, and the points that every edge passes from end to end."""

    nodes: dict[str, Point]
    paths: dict[Edge, list[Point]]


def layered(edges: Iterable[Edge]) -> Layout:
    """Lay out a mesh without circles: x is the layer, y runs from -1 to 1."""
    edges = list(dict.fromkeys(edges))
    depth = _depths(edges)
    chains: dict[Edge, list[str]] = {}
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for name, layer in depth.items():
        layers[layer].append(name)
    for source, destination in edges:
        inner = range(depth[source] + 1, depth[destination])
        between = [f"{source}->{destination}#{d}" for d in inner]
        for layer, waypoint in enumerate(between, start=depth[source] + 1):
            layers[layer].append(waypoint)
        chains[source, destination] = [source, *between, destination]
    place = _places(layers, list(chains.values()))
    return Layout(
        nodes={name: place[name] for name in depth},
        paths={edge: [place[name] for name in chain] for edge, chain in chains.items()},
    )


def _depths(edges: list[Edge]) -> dict[str, int]:
    """The longest way to each service from one that nobody calls."""
    depth = {name: 0 for edge in edges for name in edge}
    for _ in depth:
        for source, destination in edges:
            depth[destination] = max(depth[destination], depth[source] + 1)
    return depth


def _places(layers: list[list[str]], chains: list[list[str]]) -> dict[str, Point]:
    """Order every layer by its neighbours to the left and to the right in turn, then spread it."""
    left: dict[str, list[str]] = {}
    right: dict[str, list[str]] = {}
    for chain in chains:
        for a, b in itertools.pairwise(chain):
            right.setdefault(a, []).append(b)
            left.setdefault(b, []).append(a)
    height = {name: y for layer in layers for name, y in _spread(layer).items()}

    def pull(name: str, neighbours: dict[str, list[str]]) -> float:
        near = neighbours.get(name, [name])
        return sum(height[other] for other in near) / len(near)

    for sweep in range(SWEEPS):
        neighbours = right if sweep % 2 else left
        for layer in layers:
            layer.sort(key=lambda name: -pull(name, neighbours))
            height |= _spread(layer)
    return {name: (float(x), height[name]) for x, layer in enumerate(layers) for name in layer}


def _spread(layer: list[str]) -> dict[str, float]:
    """Even heights from 1 down to -1, and half way up for one alone."""
    if len(layer) == 1:
        return {layer[0]: 0.0}
    return {name: 1 - 2 * i / (len(layer) - 1) for i, name in enumerate(layer)}
