"""What the faces of `meshlab` and of its rooms offer; unasked it costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

import meshlab

FACES = ["meshlab", "meshlab.incident", "meshlab.lab", "meshlab.sweep", "meshlab.telemetry"]
face = pytest.mark.parametrize("name", FACES)

COSTLY = {"numpy", "pandas", "numba", "plotly", "IPython", "ipywidgets", "prometheus_client"}


def typed(module: ModuleType) -> dict[str, str]:
    """The names that a type checker sees, and where each comes from."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: str(node.module)
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@face
def test_a_type_checker_sees_what_a_face_offers(name: str) -> None:
    module = import_module(name)
    homes = {n: home for home, names in module._HOMES.items() for n in names.split()}
    homes.pop("__version__", None)
    assert typed(module) == homes


@face
def test_every_name_of_a_face_is_the_one_at_home(name: str) -> None:
    module = import_module(name)
    for offered, home in typed(module).items():
        assert getattr(module, offered) is getattr(import_module(home), offered)
        assert offered in dir(module)


@face
def test_no_name_of_a_face_is_a_modules_too(name: str) -> None:
    """Once that module was imported, the face would give it instead."""
    folder = Path(str(import_module(name).__file__)).parent
    assert set(typed(import_module(name))).isdisjoint({path.stem for path in folder.iterdir()})


@face
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = import_module(name).nothing


def test_the_version_is_the_installed_ones() -> None:
    assert meshlab.__version__ == version("meshlab")


def test_to_import_meshlab_loads_none_of_the_libraries() -> None:
    program = "import sys, meshlab; print(*{m.partition('.')[0] for m in sys.modules})"
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert COSTLY.isdisjoint(found.stdout.split())
