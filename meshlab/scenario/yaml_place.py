"""Where in a YAML file something stands, so that an error can say it.

A `Place` follows the reader down the file. An error that a declaration raised by itself knows only
its own name ("retry policy: max_attempts must be ..."); `placed` finds the line that it is about.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any, NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from meshlab.model import ConfigError
from meshlab.model.rules import shown

STANDARD = "tag:yaml.org,2002:"
"""How the tags of YAML's own types begin."""

LABELS = ("{name}", "{source}->{destination}", "{instance}", "{service}")
"""What to call an entry of a list: the first of these for which it has the keys."""


class Place(NamedTuple):
    """A file, an entry of one of its lists, and the path from there.

    data/shop.yaml:68: edges[4] 'user->auth': retry.max_attempts
    """

    file: str
    entry: str = ""
    path: str = ""

    def field(self, name: str) -> Place:
        """The value under a key."""
        return self._replace(path=f"{self.path}.{name}" if self.path else name)

    def item(self, index: int, label: str) -> Place:
        """An item of the list at this place; the lists of a scenario itself hold its entries."""
        path = f"{self.path}[{index}]"
        if self.entry:
            return self._replace(path=path)
        return Place(self.file, f"{path} {label!r}" if label else path)

    def at(self, node: Node) -> str:
        """The place in words, with the line of ``node``: the ``where`` of an error."""
        line = f"{self.file}:{node.start_mark.line + 1}"
        return ": ".join(part for part in (line, self.entry, self.path) if part)

    def must_be(self, node: Node, rule: str) -> ConfigError:
        """The error that what stands here breaks this rule."""
        subject = self.at(node) if self.entry or self.path else f"{self.at(node)}: a scenario"
        return ConfigError(f"{subject} must be {rule}")


class Entry(NamedTuple):
    """A key of a mapping, and its value."""

    key: Node
    value: Node


def entries(node: MappingNode, place: Place) -> dict[str, Entry]:
    """What a mapping holds. ConfigError if a key is no word, or given twice."""
    found: dict[str, Entry] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise ConfigError(f"{place.at(key)}: a key must be a word, got {sort(key)}")
        if key.value in found:
            lines = [k.start_mark.line + 1 for k in (found[key.value].key, key)]
            rule = f"key {shown(key.value)} must be given once"
            raise ConfigError(f"{place.at(key)}: {rule}, got it in lines {lines[0]} and {lines[1]}")
        found[key.value] = Entry(key, value)
    return found


def sort(node: Node) -> str:
    """What a node is, as an error shows it."""
    if not isinstance(node, ScalarNode):
        return "a mapping" if isinstance(node, MappingNode) else "a list"
    if node.tag == f"{STANDARD}null":
        return node.value or "nothing"
    plain = node.style is None and node.tag != f"{STANDARD}str"
    return str(node.value) if plain else shown(node.value)


def label(node: Node, kinds: tuple[Any, ...]) -> str:
    """What an entry is called, its defaults considered; empty if its keys don't tell."""
    if not isinstance(node, MappingNode):
        return ""
    known = {field.name: field.default for kind in kinds for field in fields(kind)}
    pairs = [pair for pair in node.value if all(isinstance(part, ScalarNode) for part in pair)]
    known |= {key.value: value.value for key, value in pairs}
    texts = {name: value for name, value in known.items() if isinstance(value, str)}
    for form in LABELS:
        if all(name in texts for name in re.findall(r"\w+", form)):
            return form.format_map(texts)
    return ""


def placed(error: str, values: dict[str, Any], node: MappingNode, place: Place) -> ConfigError:
    """``error`` came from the declaration of ``values``, read from ``node``: say where in the file.

    It is about an entry (its ``where``), about a part (a field's name), or about all of it.
    """
    children = {key.value: child for key, child in node.value}
    where, _, rule = error.partition(": ")
    for name, value in values.items():
        if name == where:
            return _pointed(rule, children[name], place.field(name))
        for index, part in reversed([*enumerate(value)] if isinstance(value, tuple) else []):
            head = f"{getattr(part, 'where', name)}: "
            if error.startswith(head):
                item = children[name].value[index]
                at = place.field(name).item(index, label(item, (type(part),)))
                return _pointed(error.removeprefix(head), item, at)
    return _pointed(rule, node, place)


def _pointed(rule: str, node: Node, place: Place) -> ConfigError:
    """``rule`` may begin with the key that it is about, or with a name that stands under a key."""
    word = re.split(r"\W", rule, maxsplit=1)[0]
    unknown = re.match(r"unknown [\w ]+ '(.*?)'", rule)
    for key, value in node.value if isinstance(node, MappingNode) else ():
        if key.value == word:
            return ConfigError(f"{place.field(word).at(value)}{rule.removeprefix(word)}")
        if unknown and unknown[1] in _texts(value):
            return ConfigError(f"{place.field(key.value).at(value)}: {rule}")
    return ConfigError(f"{place.at(node)}: {rule}")


def _texts(node: Node) -> list[str]:
    """Every text in a list, in a list of lists, or by itself."""
    if isinstance(node, SequenceNode):
        return [text for item in node.value for text in _texts(item)]
    return [node.value] if isinstance(node, ScalarNode) else []
