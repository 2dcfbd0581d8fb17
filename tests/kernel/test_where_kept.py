"""What compiled code depends on is in its fingerprint, and it is compiled once."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="numba is not installed, so there is no compiled engine")

import meshlab.mesh.mesh  # noqa: F401  every class that is compiled
from meshlab.engines.run import run
from meshlab.kernel.compiler import ADVANCE
from meshlab.kernel.entries import FUNCTIONS
from meshlab.kernel.record import RECORDS
from meshlab.kernel.where_kept import PACKAGE, code_cache, known, sources
from meshlab.scenario.faults import Errors, Outage
from meshlab.scenario.shop import shop


def test_every_file_with_a_class_that_is_compiled_is_in_the_fingerprint() -> None:
    files = {sys.modules[RECORDS[name].__module__].__file__ for name in known() if name in RECORDS}
    assert files <= {str(path) for path in sources()}


def test_every_constant_that_a_compiled_file_imports_is_from_one() -> None:
    counted = {str(path.relative_to(PACKAGE)) for path in sources()}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("meshlab."):
                room = Path(*str(node.module).split(".")[1:])
                folder = (PACKAGE / room).is_dir()
                file = str(room / "__init__.py" if folder else room.with_suffix(".py"))
                others = [alias.name for alias in node.names if alias.name.isupper()]
                known = file in counted
                assert known or not others, f"{path.name} imports {others} from {file}"


def test_another_class_means_another_folder() -> None:
    here = code_cache().folder
    program = (
        "import meshlab.policies.retry; from meshlab.kernel.where_kept import code_cache;"
        "print(code_cache().folder.name); import meshlab.mesh.mesh; print(code_cache().folder.name)"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    few, every = ended.stdout.split()
    assert here is not None and few != every == here.name


def test_a_run_compiles_everything_once_whatever_happens_in_it() -> None:
    """An enum or a whole number as an argument would make numba compile everything again."""
    faults = (
        Outage(service="auth", instance="auth-1", start=1, end=3),
        Errors(service="user", rate=0.5, start=1, end=4),
    )
    run(replace(shop(rate=5.0, duration=6.0), faults=faults), engine="compiled")
    assert ADVANCE in FUNCTIONS
    assert all(len(function.signatures) == 1 for function in FUNCTIONS.values())
