"""Scenarios as YAML files: to keep, to compare, to hand on, and to write by hand.

    scenario = load_scenario("data/shop.yaml")
    save_scenario(replace(scenario, duration=10), "short.yaml")

A file says what the declarations say, by the same names, and leaves out what is a default.
`data/README.md` shows the form. What is wrong is refused before anything runs, with its place:

    data/shop.yaml:68: edges[4] 'user->auth': retry.max_attempts must be a whole number >= 1, got 0

Loading reads data and runs nothing, so a file from a stranger is safe to load.
"""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

import yaml
from yaml.nodes import Node

from meshlab.model import ConfigError
from meshlab.paths import read_text, require_path
from meshlab.rules import guess, require_type
from meshlab.scenario import Scenario
from meshlab.yaml_place import Place
from meshlab.yaml_reader import read
from meshlab.yaml_writer import write


def load_scenario(path: str | PathLike[str]) -> Scenario:
    """The scenario in a file. ConfigError, with the line, for whatever is wrong with it."""
    file = require_path(path, "load_scenario", "path")
    try:
        text = read_text(file)
    except FileNotFoundError:
        raise ConfigError(f"{file.as_posix()}: no such file{_beside(file)}") from None
    except UnicodeDecodeError as error:
        rule = f"must be UTF-8 text, got the byte {error.object[error.start]:#04x}"
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file.as_posix()}:{line}: {rule}") from None
    except OSError as error:
        raise ConfigError(f"{file.as_posix()}: can't be read: {error.strerror}") from None
    return from_yaml(text, file.as_posix())


def save_scenario(scenario: Scenario, path: str | PathLike[str]) -> None:
    """Write a scenario to a file, in place of what was there, comments included."""
    file, text = require_path(path, "save_scenario", "path"), to_yaml(scenario)
    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConfigError(f"{file.as_posix()}: can't be written: {error.strerror}") from None


def to_yaml(scenario: Scenario) -> str:
    """The text of a scenario's file. ConfigError if a part of it is a reader's own class."""
    require_type(scenario, Scenario, "to_yaml", "scenario")
    text = write(scenario, scenario.where)
    return re.sub(r"\n(?=\w+:\n)", "\n\n", text)  # a blank line before every list


def from_yaml(text: str, where: str = "text") -> Scenario:
    """The scenario that ``text`` describes; ``where`` is what errors call the text."""
    require_type(text, str, where, "text")
    node = _compose(text, where)
    scenario: Scenario = read(node, Scenario, Place(where))
    return scenario


def _compose(text: str, where: str) -> Node:
    """The tree of nodes, which knows its lines; nothing is constructed from it here."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        rule = str(error.problem).removeprefix("but ")
        if error.context_mark:
            rule += f" ({error.context}, line {error.context_mark.line + 1})"
        raise ConfigError(f"{where}:{line}: must be valid YAML: {rule}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        rule = f"must be printable text, got the character {error.character:#06x}"
        raise ConfigError(f"{where}:{line}: {rule}") from None
    except RecursionError:
        raise ConfigError(f"{where}: must not be nested as deeply as this") from None
    if node is None:
        raise ConfigError(f"{where}: must describe a scenario, got an empty text")
    return node


def _beside(file: Path) -> str:
    """The scenario files beside one that is not there, and which was probably meant."""
    if not file.parent.is_dir():
        return f" and no directory {file.parent.as_posix()!r}"
    names = sorted(path.name for path in file.parent.glob("*.y*ml") if path.name.isprintable())
    return f"{guess(file.name, names)}; beside it: {', '.join(names) or 'none'}"
