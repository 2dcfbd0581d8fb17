"""Imports point down from room to room, in no circle; libraries of the edge stay at the edge."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "meshlab"

ROOMS = (
    *("model", "kernel", "policies", "telemetry", "scenario", "mesh", "engines"),
    *("sweep", "export", "figures", "lab", "incident", "cli", "__main__"),
)
"""From the ground up. A room may import itself and those before it."""

CORE = ROOMS[: ROOMS.index("engines") + 1]
"""These need only the standard library and numpy when they are imported."""

MOST_ENTRIES = 16
"""What a newcomer sees in the package's folder: few enough to be read at once."""

COMPILING = tuple(
    f"kernel.{name}"
    for name in (
        *("build", "compiled_engine", "compiler", "kept_code", "lean"),
        *("loop", "machine", "types", "where_kept"),
    )
)
"""What compiles records: nothing imports it but a run that takes the compiled engine."""

EDGE = {
    "plotly": ("figures", "lab", "incident.investigation", "incident.replay.panel"),
    "ipywidgets": ("lab", "incident.investigation.panel", "incident.replay.panel"),
    "anywidget": ("lab", "incident.investigation.panel", "incident.replay.player"),
    "IPython": ("lab",),
    "prometheus_client": ("telemetry.exposition_formats",),
    "numba": COMPILING,
    "llvmlite": COMPILING,
    "cloudpickle": ("sweep",),
    "pyarrow": (),  # pandas looks for it
    "distributed": (),  # a cluster comes with its executor
}
"""Libraries, and the only places that may import them at all, inside functions too."""

LATER = {
    "pandas": ("telemetry.promql", "telemetry.central_views"),
    "prometheus_client": ("telemetry.exposition_formats",),
    "yaml": ("scenario",),
    "numba": COMPILING,
    "llvmlite": COMPILING,
}
"""What the core may import besides, where no run comes by (see the last test)."""


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "meshlab"


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
INSIDE = [module for module in MODULES if module != "meshlab"]
"""All but the face, which may name anything."""


def room(module: str) -> str:
    """The folder that a module is in. A command stands above all of them, wherever it is."""
    return "__main__" if module.endswith("__main__") else module.partition(".")[0]


def within(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def imported(module: str, everywhere: bool) -> Iterator[str]:
    """What a module imports when it is run; ``everywhere``: in functions and for types too."""
    waiting: list[ast.AST] = [ast.parse(MODULES[module].read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if not everywhere and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written in full"
            yield from (whole(node.module or "", alias.name) for alias in node.names)
        elif everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)


def whole(module: str, name: str) -> str:
    """``from meshlab.mesh import inject`` names the module meshlab.mesh.inject."""
    inside = f"{module}.{name}".removeprefix("meshlab.")
    return f"{module}.{name}" if inside in MODULES else module


def inside(module: str) -> list[str]:
    """The modules of the package that ``module`` imports anywhere, itself left out."""
    names = {n.removeprefix("meshlab.") for n in imported(module, everywhere=True)}
    return sorted(name for name in names if name in MODULES and name != module)


def circle(graph: dict[str, list[str]]) -> list[str]:
    """The first circle that is found; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_a_circle_is_found() -> None:
    assert set(circle({"a": ["b"], "b": ["c"], "c": ["a"]})) == {"a", "b", "c"}
    assert circle({"a": ["b", "c"], "b": ["c"]}) == []


def test_every_room_has_a_floor_and_every_floor_a_room() -> None:
    assert {room(module) for module in INSIDE} == set(ROOMS)


def test_the_package_shows_few_doors() -> None:
    # a room that is gone may leave a folder behind, with nothing in it but what Python keeps
    entries = [path.name for path in PACKAGE.iterdir() if path.is_file() or any(path.glob("*.py"))]
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize("module", INSIDE)
def test_imports_point_down(module: str) -> None:
    floor = ROOMS.index(room(module))
    above = [other for other in inside(module) if ROOMS.index(room(other)) > floor]
    assert above == []


def test_no_imports_go_in_a_circle() -> None:
    graph = {module: inside(module) for module in INSIDE}
    assert circle(graph) == []


def test_nothing_inside_uses_the_face() -> None:
    """It would be a circle, and a reader would not see where a name comes from."""
    users = [m for m in INSIDE if "meshlab" in imported(m, everywhere=True)]
    assert users == []


@pytest.mark.parametrize("module", [m for m in INSIDE if room(m) in CORE])
def test_the_core_imports_only_the_standard_library_and_numpy(module: str) -> None:
    outside = {name.partition(".")[0] for name in imported(module, everywhere=False)}
    later = {library for library, places in LATER.items() if within(module, places)}
    assert outside - later - {"meshlab", "numpy"} <= sys.stdlib_module_names


@pytest.mark.parametrize("module", MODULES)
def test_libraries_of_the_edge_stay_at_the_edge(module: str) -> None:
    used = {name.partition(".")[0] for name in imported(module, everywhere=True)}
    for library in used & EDGE.keys():
        assert within(module, EDGE[library]), f"{library} must not be imported by {module}"


@pytest.mark.parametrize("module", ["model", "kernel.clock", "kernel.engine"])
def test_the_ground_imports_nothing_of_the_package(module: str) -> None:
    assert inside(module) == []


def test_policies_know_nothing_of_the_engine() -> None:
    for module in MODULES:
        if room(module) == "policies":
            assert "kernel.engine" not in inside(module)


def test_a_run_loads_nothing_but_the_core() -> None:
    """In a fresh process: what is really there after a run, whatever the sources say."""
    program = (
        "import sys; from meshlab.engines.run import run; from meshlab.scenario.shop import shop;"
        "run(shop(duration=1.0), engine='reference');"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {program}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(found.stdout.split())
    assert "numpy" in loaded and "meshlab" in loaded
    assert loaded.isdisjoint({"pandas", "scipy", "yaml", "rich", "tqdm", *EDGE})
