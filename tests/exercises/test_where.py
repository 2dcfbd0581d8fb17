"""Exercises lie beside the lessons: whoever opens a lesson or a solution has them, uninstalled."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ALL = sorted([*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("solutions/*.ipynb")])


def opening(path: Path) -> str:
    """The imports of a notebook's first code cell, as far as they concern the exercises."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    source = "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "code"))
    lines = (line for line in source.splitlines() if "exercises" in line or line == "import sys")
    return "\n".join(lines)


@pytest.mark.parametrize("folder", [NOTEBOOKS, NOTEBOOKS / "solutions"], ids=lambda f: f.name)
def test_a_kernel_that_starts_in_a_notebooks_folder_finds_the_exercises(folder: Path) -> None:
    """Like a kernel, the process begins in the folder; no path leads to the exercises but that."""
    openings = {opening(path) for path in ALL if path.parent == folder}
    path = [entry for entry in sys.path if Path(entry).resolve() != NOTEBOOKS]
    program = "\n".join(["import sys", f"sys.path[:] = ['', *{path!r}]", *sorted(openings)])
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    found = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport exercises\nprint(exercises.__file__)"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (folder / found.stdout.strip()).resolve() == NOTEBOOKS / "exercises" / "__init__.py"


def test_the_package_does_not_know_the_exercises() -> None:
    for path in (NOTEBOOKS.parent / "meshlab").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert re.search(r"^\s*(?:import|from) exercises\b", text, flags=re.M) is None, path
