"""What a sweep runs: every combination of a grid, with every seed, built and checked beforehand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import Any

import numpy as np

from meshlab.engines.choice import choose, refused, why_not
from meshlab.engines.size import MOST_EVENTS, check_size
from meshlab.model import ConfigError, MeshlabError
from meshlab.model.rules import check, require_count, require_name, require_type, shown
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.what_if import replaced

Build = Callable[..., Scenario]
"""Makes a scenario of the parameters, which it is passed by name."""

Grid = Mapping[str, Sequence[Any]]
"""The values of every parameter, by its name."""

RESERVED = ("seed", "quantity", "mean", "low", "high", "runs", "value")
"""Columns of what a sweep gives, which no parameter may be called by."""


@dataclass(frozen=True, slots=True)
class World:
    """One run to do: its parameters by name, its seed, and the scenario that they make."""

    point: dict[str, Any]
    seed: int
    scenario: Scenario

    def __str__(self) -> str:
        return said({**self.point, "seed": self.seed})


def worlds(base: Build | Scenario, grid: Grid, seeds: Sequence[int], engine: str) -> list[World]:
    """All of them, in the order of the grid and then of the seeds. Every error names its place."""
    points = _points(grid)
    _require_distinct(seeds, "seeds")
    seeds = [_plain(seed) for seed in seeds]
    for seed in seeds:
        require_count(seed, 0, "sweep", "every seed", most=inf)
    return [
        World(point, seed, scenario)
        for point in points
        for scenario in [_built(base, point, engine)]
        for seed in seeds
    ]


def said(point: Mapping[str, Any]) -> str:
    """Parameters as a text: ``load=200, trigger=5``."""
    return ", ".join(f"{name}={shown(value)}" for name, value in point.items())


def _plain(value: Any) -> Any:
    """A number from numpy as one of Python's: ``np.linspace`` makes good grids."""
    return value.item() if isinstance(value, np.generic) else value


def _points(grid: Grid) -> list[dict[str, Any]]:
    """Every combination of the values."""
    require_type(grid, Mapping, "sweep", "grid")
    for name, values in grid.items():
        require_name(name, "sweep", "the name of a parameter")
        rule = f"a parameter must have another name than {', '.join(RESERVED)}"
        check(name not in RESERVED, "sweep", rule, name)
        _require_distinct(values, f"the values of {name!r}")
    return [
        dict(zip(grid, map(_plain, combination), strict=True))
        for combination in product(*grid.values())
    ]


def _require_distinct(values: Any, what: str) -> None:
    """``values`` must be a sequence, not empty, and none there twice: each world counts once."""
    sequence = isinstance(values, Sequence | np.ndarray) and not isinstance(values, str)
    check(sequence and len(values) > 0, "sweep", f"{what} must be a sequence, not empty", values)
    seen = set()
    for value in values:
        check(_hashable(value), "sweep", f"{what} must be numbers, texts or declarations", value)
        check(value not in seen, "sweep", f"{what} must differ", value)
        seen.add(value)


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:  # also a tuple with a list in it
        return False
    return True


def _built(base: Build | Scenario, point: Mapping[str, Any], engine: str) -> Scenario:
    """The scenario of a point, one that the engine can run and that will end."""
    where = f"sweep: {said(point)}" if point else "sweep"
    if not isinstance(base, Scenario):
        _check_takes(base, point)
    try:
        scenario = replaced(base, point) if isinstance(base, Scenario) else base(**point)
        require_type(scenario, Scenario, "base", "what it makes")
        check_size(scenario, MOST_EVENTS[choose(scenario, engine)[0]])
        reason = why_not(scenario) if engine == "compiled" else ""
        if reason:
            raise refused(reason)
    except MeshlabError as error:
        raise type(error)(f"{where}: {error}") from error
    except Exception as error:  # a reader's own function may break in any way
        raise ConfigError(f"{where}: base stopped with {type(error).__name__}: {error}") from error
    return scenario


def _check_takes(build: Build, point: Mapping[str, Any]) -> None:
    """``build`` must take the parameters of the grid, no more and no fewer."""
    rule = "base must be a Scenario, or a function that makes one"
    check(callable(build) and not isinstance(build, type), "sweep", rule, build)
    try:
        inspect.signature(build).bind(**point)
    except TypeError as error:
        names = ", ".join(point) or "nothing"
        raise ConfigError(f"sweep: base must take what the grid names ({names}): {error}") from None
