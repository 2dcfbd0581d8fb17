"""Dependencies point one way (the table below), and libraries of the edge stay at the edge."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "meshlab"

LAYERS: tuple[tuple[str, ...], ...] = (
    # Each may import its own layer and those above it, never those below.
    ("model",),
    ("rules", "normalized", "notices", "literal"),
    ("code_cache", "data_files", "extras", "paths", "wording"),
    ("kernel",),
    ("chisquare", "discovery", "oracles", "processor", "tracing"),
    ("policies",),
    ("load", "faults", "topology", "telemetry.names", "telemetry.series", "telemetry.ledger"),
    ("changes", "telemetry.registry", "telemetry.central"),
    ("consistency", "scenario"),
    ("shop", "canaries", "traffic", "building", "estimate"),
    ("meanwhile",),
    ("mesh",),
    ("weight",),
    ("engines",),
    ("kernel.__main__",),
    (
        "telemetry.columns",
        "telemetry.onset",
        "telemetry.promql",
        "telemetry.central_views",
        "telemetry.delays",
        "telemetry.exposition",
    ),
    ("trace_views", "tail_sampling", "otlp", "export"),
    ("declared", "yaml_place", "yaml_reader", "yaml_writer", "scenario_file"),
    ("dotted", "fingerprint", "kept_worlds", "worlds", "workers", "sweep"),
    ("incident", "toll", "fitted"),
    ("tables",),
    ("figures",),
    ("investigation", "replay"),
    ("postmortem",),
    ("exercises", "demo", "widgets"),
    ("lab",),
    ("panels",),
    ("desk", "replay.player", "replay.panel"),
    ("commands",),
    ("__main__",),
)
"""What is what: data and clocks, then policies, sidecars, the mesh, figures, and panels last."""

EDGE = {
    "plotly": (
        "figures",
        "lab",
        "panels",
        "desk",
        "replay.panel",
    ),  # who draws figures, and who shows them
    "ipywidgets": ("lab", "panels", "widgets", "desk", "replay.panel"),
    "anywidget": ("lab", "panels", "widgets", "desk", "replay.player"),
    "IPython": ("lab", "panels", "widgets"),
    "prometheus_client": ("telemetry.exposition",),
    "numba": ("kernel",),
    "llvmlite": ("kernel",),
    "cloudpickle": ("sweep",),
    "pyarrow": (),  # pandas looks for it
    "distributed": (),  # a cluster comes with its executor
}
"""Libraries, and the only rooms that may import them at all, inside functions too."""

CORE = LAYERS[: next(n for n, layer in enumerate(LAYERS) if "engines" in layer) + 1]
"""The layers that need only the standard library and numpy when they are imported."""

PLAIN = ("clock", "containers", "distributions", "engine", "reader", "record", "streams")
"""The kernel of plain Python. The others of its room compile, and are imported only for that."""


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "meshlab"


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room(module: str) -> str:
    """The entry of a table that speaks for ``module``: itself, or the package it is in."""
    known = {name for layer in LAYERS for name in layer}
    while module not in known and "." in module:
        module = module.rpartition(".")[0]
    return module


def height(module: str) -> int | None:
    """The layer of ``module``, counted from the ground; None if the table does not have it.

    Such a module is free to import what it likes, but nothing in the table may import it.
    """
    return next((n for n, layer in enumerate(LAYERS) if room(module) in layer), None)


def imported(module: str, everywhere: bool) -> Iterator[str]:
    """What a module imports when it is run; with ``everywhere`` inside its functions too."""
    waiting: list[ast.AST] = [ast.parse(MODULES[module].read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written in full"
            yield from (whole(node.module or "", alias.name) for alias in node.names)
        elif everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)


def whole(module: str, name: str) -> str:
    """``from meshlab import mesh`` names the module meshlab.mesh."""
    inside = f"{module}.{name}".removeprefix("meshlab.")
    return f"{module}.{name}" if inside in MODULES else module


def inside(module: str, everywhere: bool = False) -> list[str]:
    """The modules of the package that ``module`` imports."""
    names = imported(module, everywhere)
    return sorted({n.removeprefix("meshlab.") for n in names if n.startswith("meshlab.")})


LAYERED = [module for module in MODULES if height(module) is not None]
CORED = [
    module
    for module in LAYERED
    if (not module.startswith("kernel.") or module.removeprefix("kernel.") in PLAIN)
    and any(room(module) in layer for layer in CORE)
]


def test_the_table_names_only_what_there_is() -> None:
    rooms = {room(module) for module in MODULES}
    assert [name for layer in LAYERS for name in layer if name not in rooms] == []


@pytest.mark.parametrize("module", LAYERED)
def test_imports_go_up_the_table_and_never_down(module: str) -> None:
    mine = height(module)
    assert mine is not None
    for other in inside(module, everywhere=True):
        theirs = height(other)
        assert theirs is not None, f"{other} is imported by {module} and has no place in the table"
        assert theirs <= mine, f"{module} must not import {other}"


@pytest.mark.parametrize("module", CORED)
def test_the_core_imports_only_the_standard_library_and_numpy(module: str) -> None:
    outside = {name.partition(".")[0] for name in imported(module, everywhere=False)}
    assert outside - {"meshlab", "numpy"} <= sys.stdlib_module_names


@pytest.mark.parametrize("module", MODULES)
def test_libraries_of_the_edge_stay_in_their_rooms(module: str) -> None:
    used = {name.partition(".")[0] for name in imported(module, everywhere=True)}
    for library in used & EDGE.keys():
        assert room(module) in EDGE[library], f"{library} must not be imported by {module}"


@pytest.mark.parametrize("module", ["kernel.engine", "model", "kernel.clock"])
def test_the_ground_imports_nothing_of_the_package(module: str) -> None:
    assert inside(module, everywhere=True) == []


def test_policies_know_nothing_of_the_engine() -> None:
    for module in MODULES:
        if module.startswith("policies"):
            assert {"kernel.engine", "mesh"}.isdisjoint(inside(module, everywhere=True))


def test_a_run_loads_nothing_but_the_core() -> None:
    """In a fresh process: what is really there after a run, whatever the sources say."""
    program = (
        "import sys; from meshlab.engines.run import run; from meshlab.shop import shop;"
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
