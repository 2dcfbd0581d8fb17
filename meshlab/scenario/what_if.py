"""What-ifs by name: ``{"edges.client->db.retry.max_attempts": 1}`` instead of nested replace().

    loads.0.rate                          the first load
    services.db.instances.*.workers       every instance of the service db
    edges.client->db.retry.max_attempts   the edge of that name

A step is a field, or in a tuple a number, a name, or ``*`` for all of it. Everything is replaced at
once, so the rules between fields are checked on what comes out, not on the way there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from meshlab.model.rules import check, require_known, require_type
from meshlab.scenario.scenario import Scenario

Change = tuple[tuple[str, ...], Any]
"""The steps that are left to go, and the value that belongs at their end."""


def replaced(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """``scenario`` with other values at the dotted paths; ConfigError names the path and the step.

    >>> from meshlab.scenario.shop import shop
    >>> replaced(shop(), {"duration": 5.0, "loads.0.rate": 7.0}).loads[0].rate
    7.0
    """
    require_type(scenario, Scenario, "replaced", "scenario")
    changes = []
    for path, value in values.items():
        fits = isinstance(path, str) and all(path.split("."))
        check(fits, "replaced", "a path must be steps with dots between", path)
        changes.append((tuple(path.split(".")), value))
    changed: Scenario = _changed(scenario, changes, ())
    return changed


def _changed(part: Any, changes: Sequence[Change], way: tuple[str, ...]) -> Any:
    """``part`` with the changes below it; ``way`` leads to it from the scenario."""
    for steps, value in changes:
        if not steps:
            part = value
    inner: dict[str, list[Change]] = {}
    for steps, value in changes:
        if steps:
            inner.setdefault(steps[0], []).append((steps[1:], value))
    if not inner:
        return part
    if isinstance(part, tuple):
        return _items(part, inner, way)
    return _fields(part, inner, way)


def _fields(part: Any, inner: Mapping[str, Sequence[Change]], way: tuple[str, ...]) -> Any:
    """A declaration with other fields."""
    changed = {}
    for name, changes in inner.items():
        where = f"path {'.'.join((*way, name))!r}"
        fits = is_dataclass(part) and not isinstance(part, type)
        check(fits, where, "only a declaration or a tuple has parts", part)
        require_known(name, [field.name for field in fields(part)], where, "field")
        changed[name] = _changed(getattr(part, name), changes, (*way, name))
    return replace(part, **changed)


def _items(
    part: tuple[Any, ...], inner: Mapping[str, Sequence[Change]], way: tuple[str, ...]
) -> Any:
    """A tuple with other items."""
    items = list(part)
    for step, changes in inner.items():
        where = f"path {'.'.join((*way, step))!r}"
        known = {name: [n] for n, item in enumerate(part) for name in _names(n, item)}
        known["*"] = list(range(len(part)))
        require_known(step, known, where, "item")
        for n in known[step]:
            items[n] = _changed(items[n], changes, (*way, step))
    return tuple(items)


def _names(number: int, item: object) -> tuple[str, ...]:
    """How an item may be called: by its number, and by its name if it has one."""
    name = getattr(item, "name", None)
    return (str(number), name) if isinstance(name, str) else (str(number),)
