"""Writes declarations as YAML: short, in the order of declaration, without what is a default."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from io import StringIO
from itertools import groupby
from typing import Any, get_origin

import yaml
from yaml.nodes import MappingNode, ScalarNode

from meshlab.model import ConfigError
from meshlab.model.rules import is_number, shown
from meshlab.scenario import declared

WIDTH = 100
"""Characters of a line, where YAML can be broken."""

BLOCKS = 3
"""So many levels are always written line by line; deeper ones in one line, if they are flat."""

EXACT = 2**53
"""Up to here every whole number is a float of its own."""


class _Dumper(yaml.SafeDumper):
    """Writes out what is there twice, without YAML's anchors and aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def write(declaration: Any, where: str) -> str:
    """The YAML text of ``declaration``. ConfigError if a part of it is not built in."""
    data = plain(declaration, type(declaration), where)
    node = _Dumper(StringIO(), sort_keys=False).represent_data(data)
    _lay_out(node)
    text: str = yaml.serialize(node, Dumper=_Dumper, width=WIDTH, allow_unicode=True)
    return text


def plain(value: Any, annotation: Any, where: str) -> Any:
    """``value`` as the lists, dicts and scalars that stand for it in a file."""
    kinds = declared.alternatives(annotation)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, (int, float)):
        return _short(value)
    if isinstance(value, frozenset):
        return [plain(item, None, where) for item in sorted(value)]
    tuples = [kind for kind in kinds if get_origin(kind) is tuple]
    if isinstance(value, tuple) and tuples:
        return _items(value, tuples[0], where)
    if type(value) in kinds:
        return _declaration(value, where)
    names = ", ".join(kind.__name__ for kind in kinds if kind is not type(None))
    raise ConfigError(f"{where}: only {names} can be written in a file, got {shown(value)}")


def _short(number: float) -> float:
    """60 for 60.0, as one would write it by hand."""
    whole = is_number(number) and number == int(number) and abs(number) < EXACT
    return int(number) if whole or isinstance(number, int) else float(number)


def _items(values: tuple[Any, ...], kind: Any, where: str) -> list[Any]:
    """The items of a list; neighbours that are alike once, where a ``count`` may be."""
    annotations = declared.items_of(kind, len(values))
    items = [
        plain(value, annotation, f"{where}[{index}]")
        for index, (value, annotation) in enumerate(zip(values, annotations, strict=True))
    ]
    if not values or type(values[0]) not in declared.REPEATED:
        return items
    runs = [(item, len([*run])) for item, run in groupby(items)]
    return [item if number == 1 else {"count": number, **item} for item, number in runs]


def _declaration(value: Any, where: str) -> dict[str, Any]:
    """The fields that differ from their defaults: the name first, plain values before lists."""
    declaration: Any = type(value)
    kind, annotations = declared.tag(declaration), declared.annotations_of(declaration)
    said = {
        field.name: plain(content, annotations[field.name], f"{where}.{field.name}")
        for field in fields(value)
        if (content := getattr(value, field.name)) != declared.default(field)
    }
    names = sorted(said, key=lambda name: (name != "name", isinstance(said[name], (list, dict))))
    head = {"kind": kind} if kind else {}
    return head | {name: said[name] for name in names}


def _lay_out(node: Any, level: int = 0) -> None:
    """Small mappings and lists on one line, everything else line by line."""
    if isinstance(node, ScalarNode):
        return
    mapping = isinstance(node, MappingNode)
    children = [part for entry in node.value for part in (entry if mapping else (entry,))]
    flat = all(isinstance(child, ScalarNode) for child in children)
    node.flow_style = flat and (level >= BLOCKS or not children)
    for child in children:
        _lay_out(child, level + 1)
