"""The mesh: sidecars, instances and what happens between them, as records that either kernel runs.

    loads --> client's sidecar --> instance --> its sidecar --> instance --> ...
                   ^ discovery, health probes, outlier ticks       ^ faults

`Mesh` builds a scenario and runs it; `run` does the same on the engine that fits.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """`run` and `Mesh`, imported when they are first asked for: `run` stands above this room."""
    if name == "Mesh":
        from meshlab.mesh.mesh import Mesh

        return Mesh
    if name == "run":
        from meshlab.engines.run import run

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
