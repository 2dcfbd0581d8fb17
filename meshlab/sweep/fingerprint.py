"""When is a result still the same result? Digests of what was run, and of who measured it.

Two things have the same digest if they are written the same: a scenario by all its fields, a
function by its code, with the functions and constants of its own module that it uses. The digest is
the same in every process, whatever its hash seed. What can't be told is refused: a scenario with a
reader's own class may run otherwise tomorrow although its fields are the same.
"""

from __future__ import annotations

import dis
import hashlib
import inspect
import pickle
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib.metadata import version
from types import CodeType, FunctionType, ModuleType
from typing import Any

from meshlab.model import ConfigError
from meshlab.model.rules import shown
from meshlab.scenario.scenario import Scenario


def digest(text: str) -> str:
    """Thirty-two hexadecimal digits that stand for ``text``."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def digest_of_scenario(scenario: Scenario) -> str:
    """Changes with any field of any part, and with meshlab's version."""
    return digest(f"meshlab {version('meshlab')} {_declared(scenario, scenario.where)}")


def digest_of_function(function: object) -> str:
    """Changes with the function's code, and with what of its own module it uses.

    What it uses from elsewhere, meshlab or numpy say, is taken as unchanged.
    """
    if not isinstance(function, FunctionType):
        raise ConfigError(f"sweep: with a store, measure must be a function, got {shown(function)}")
    return digest(" ".join(_code(function, set())))


def _declared(part: object, where: str) -> str:
    """A part of a scenario in full, defaults and all."""
    if part is None or isinstance(part, Enum | str | bool | int):
        return repr(part)
    if isinstance(part, float):
        return repr(float(part))
    if isinstance(part, tuple):
        return f"({', '.join(_declared(item, where) for item in part)})"
    if isinstance(part, frozenset):
        return f"{{{', '.join(sorted(_declared(item, where) for item in part))}}}"
    kind = type(part)
    if not is_dataclass(part) or not kind.__module__.startswith("meshlab."):
        raise ConfigError(
            f"{where}: with a store, a scenario must be made of built-in parts, got {shown(part)}"
        )
    where = getattr(part, "where", where)
    said = [f"{f.name}={_declared(getattr(part, f.name), where)}" for f in fields(part)]
    return f"{kind.__module__}.{kind.__qualname__}({', '.join(said)})"


def _code(function: FunctionType, seen: set[int]) -> Iterator[str]:
    """The code of a function and, once, of those beside it that it calls."""
    seen.add(id(function))
    yield from _instructions(function.__code__)
    used = {name: function.__globals__.get(name) for name in _globals(function.__code__)}
    used |= {f"default {n}": value for n, value in enumerate(function.__defaults__ or ())}
    used |= function.__kwdefaults__ or {}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    used |= {name: cell.cell_contents for name, cell in cells}
    for name in sorted(used):
        value = used[name]
        value = inspect.unwrap(value) if callable(value) else value
        if isinstance(value, FunctionType) and value.__module__ == function.__module__:
            if id(value) not in seen:
                yield name
                yield from _code(value, seen)
        elif value is not None:
            yield f"{name}={_constant(value)}"


def _instructions(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)
        else:
            yield _constant(constant)


def _globals(code: CodeType) -> set[str]:
    """The names that code looks up in its module, functions inside it included."""
    own = {str(i.argval) for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    return own.union(*(_globals(c) for c in code.co_consts if isinstance(c, CodeType)))


def _constant(value: Any) -> str:
    """A value by what it is, or by its name if it is a module, a class or somebody's function."""
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(_constant, value)))}}}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_constant, value))})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_constant(k)}: {_constant(v)}' for k, v in value.items())}}}"
    if value is None or isinstance(value, str | bytes | bool | int | float | complex):
        return repr(value)
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return hashlib.sha256(pickle.dumps(value)).hexdigest()
