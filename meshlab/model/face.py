"""The faces of packages: what they offer is imported when it is first asked for (PEP 562).

    _HOMES = {"meshlab.engines.run": "run", "meshlab.scenario.load": "Load"}
    __getattr__, __dir__, __all__ = face(__name__, _HOMES)

So a face may offer much and cost nothing. Beneath ``if TYPE_CHECKING`` it imports the same names
for type checkers and editors; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from sys import modules


def face(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """The ``__getattr__``, ``__dir__`` and ``__all__`` of ``package``.

    ``homes`` has the names, with spaces between them, under the module that each is imported from.
    """
    home = {name: module for module, names in homes.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(home[name]), name)
        setattr(modules[package], name, value)
        return value

    def offered() -> list[str]:
        return sorted({*vars(modules[package]), *home})

    return find, offered, sorted(home)
