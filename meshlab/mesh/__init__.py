"""The mesh: sidecars, instances and what happens between them, as records that either kernel runs.

    loads --> client's sidecar --> instance --> its sidecar --> instance --> ...
                   ^ discovery, health probes, outlier ticks       ^ faults

`Mesh` builds a scenario and runs it; `run` does the same on the engine that fits.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

OFFERED = {"Mesh": "meshlab.mesh.mesh", "run": "meshlab.engines.run"}
"""Where the names stand that can be imported from here. `run` chooses an engine, one room above."""


def __getattr__(name: str) -> Any:
    """Import what is offered when it is first asked for."""
    if name in OFFERED:
        return getattr(import_module(OFFERED[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
