"""Reads declarations from YAML's tree of nodes: what each node must be, the annotations say.

Nothing is constructed but what is declared, and nothing is guessed from how a value looks: a text
is never taken for a number, ``no`` never for a name, and ``1:30`` neither for 90 nor for a time.
"""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from enum import Enum
from types import NoneType
from typing import Any, get_origin

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from meshlab.model import ConfigError
from meshlab.model.rules import require_known
from meshlab.scenario import declared
from meshlab.scenario.topology import MOST_INSTANCES
from meshlab.scenario.yaml_place import STANDARD, Entry, Place, entries, label, placed, sort

SORTS = ("bool", "float", "int", "map", "merge", "null", "seq", "str", "timestamp", "value")
TAGS = {f"{STANDARD}{sort}" for sort in SORTS}
"""The tags that YAML gives by itself; any other was written by hand."""

NUMBER = re.compile(r"[-+]?([0-9_]*\.?[0-9_]*(e[-+]?[0-9]+)?|\.inf)|\.nan", re.IGNORECASE)

WRONG = object()
"""A scalar that can't be of the kind in question."""


def read(node: Node, annotation: Any, place: Place) -> Any:
    """The value that ``node`` holds; ConfigError if it is not what ``annotation`` says."""
    kinds = declared.alternatives(annotation)
    if node.tag not in TAGS:
        tag = node.tag.replace(STANDARD, "!!")
        raise place.must_be(node, f"{declared.describe(annotation)} without a tag, got {tag}")
    if isinstance(node, ScalarNode):
        for kind in kinds:
            value = _scalar(node, kind, place)
            if value is not WRONG:
                return value
    elif isinstance(node, SequenceNode):
        for kind in kinds:
            if get_origin(kind) in (tuple, frozenset):
                return get_origin(kind)(_items(node, kind, place))
    elif isinstance(node, MappingNode) and (classes := [k for k in kinds if is_dataclass(k)]):
        return _declaration(node, classes, place)
    raise place.must_be(
        node, f"{declared.describe(annotation)}, got {sort(node)}{_advice(node, kinds)}"
    )


def _scalar(node: ScalarNode, kind: Any, place: Place) -> Any:
    """The value of a scalar if it can be of this ``kind``, else `WRONG`."""
    text, tag = node.value, node.tag.removeprefix(STANDARD)
    if kind is NoneType:
        return None if tag == "null" else WRONG
    if kind is bool:
        return text.lower() in ("true", "yes", "on") if tag == "bool" else WRONG
    if kind is str:
        return text if tag == "str" else WRONG
    if isinstance(kind, type) and issubclass(kind, Enum):
        require_known(text, kind.__members__, place.at(node), kind.__name__.lower())
        return kind[text]
    return _number(node, kind) if kind in (int, float) else WRONG


def _number(node: ScalarNode, kind: type[int] | type[float]) -> Any:
    """An unquoted number. (Python's own reading: 010 is ten, 1e3 and 1_000 are a thousand.)"""
    if node.style is not None or not NUMBER.fullmatch(node.value):
        return WRONG
    try:
        return kind(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return WRONG


def _advice(node: Node, kinds: tuple[Any, ...]) -> str:
    """What to write instead, where that is plain."""
    if not isinstance(node, ScalarNode) or not node.value:
        return ""
    if node.value in map(declared.tag, kinds):
        return f" (write {{kind: {node.value}}})"
    if node.style is not None and NUMBER.fullmatch(node.value) and {int, float} & {*kinds}:
        return " (leave out the quotes)"
    if str in kinds and node.tag != f"{STANDARD}str":
        return f" (put it in quotes: {node.value!r})"
    return ""


def _items(node: SequenceNode, kind: Any, place: Place) -> list[Any]:
    """The items of a list, those with a ``count`` as often as it says."""
    annotations = declared.items_of(kind, len(node.value))
    if len(annotations) != len(node.value):
        rule = f"{declared.describe(kind)}, got {len(node.value)} of them"
        raise place.must_be(node, rule)
    values: list[Any] = []
    for index, (item, annotation) in enumerate(zip(node.value, annotations, strict=True)):
        kinds = declared.alternatives(annotation)
        at = place.item(index, label(item, kinds) if is_dataclass(kinds[0]) else "")
        number = _count(item, at) if kinds[0] in declared.REPEATED else 1
        values += [read(item, annotation, at)] * number
    return values


def _count(node: Node, place: Place) -> int:
    """How often an item stands for itself."""
    found = entries(node, place).get("count") if isinstance(node, MappingNode) else None
    if found is None:
        return 1
    number: int = read(found.value, int, place.field("count"))
    if not 1 <= number <= MOST_INSTANCES:
        raise place.field("count").must_be(found.value, f"in 1..{MOST_INSTANCES}, got {number}")
    return number


def _declaration(node: MappingNode, classes: list[Any], place: Place) -> Any:
    """A dataclass from a mapping; where several are possible, ``kind`` says which it is."""
    found = entries(node, place)
    declaration = classes[0]
    tagged = declared.tag(declaration) != ""
    if tagged:
        declaration = _kind(found.pop("kind", None), classes, node, place)
    annotations = declared.annotations_of(declaration)
    repeated = ["count"] if declaration in declared.REPEATED else []
    valid = [*(["kind"] if tagged else []), *annotations, *repeated]
    for name, entry in found.items():
        require_known(name, valid, place.at(entry.key), "key")
    missing = [repr(name) for name in declared.required(declaration) if name not in found]
    if missing:
        keys = "key" if len(missing) == 1 else "keys"
        raise ConfigError(f"{place.at(node)}: missing {keys} {', '.join(missing)}")
    values = {
        name: read(entry.value, annotations[name], place.field(name))
        for name, entry in found.items()
        if name in annotations
    }
    try:
        return declaration(**values)
    except ConfigError as error:
        raise placed(str(error), values, node, place) from None


def _kind(found: Entry | None, classes: list[Any], node: MappingNode, place: Place) -> Any:
    """The class that ``kind`` names."""
    kinds = {declared.tag(kind): kind for kind in classes}
    if found is None:
        raise ConfigError(f"{place.at(node)}: missing key 'kind'; valid: {', '.join(kinds)}")
    name = read(found.value, str, place.field("kind"))
    require_known(name, kinds, place.at(found.key), "kind")
    return kinds[name]
