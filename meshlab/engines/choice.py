"""Which engine runs a scenario: plain Python, or the same classes compiled with numba.

    run(scenario, seed)                        the compiled engine when it can, else the reference
    run(scenario, seed, engine="reference")    plain Python, whatever the scenario is made of
    run(scenario, seed, engine="compiled")     ConfigError, with the reason, if it can't

Both give the same bytes. Whether the compiled engine can is found out by trying: the mesh is built,
and its objects are put into memory. What is no record, or has a line that numba can't compile, runs
on the reference engine; a record of your own that compiles doesn't. Small runs go there, too, as
long as nothing is compiled yet (see `meshlab.engines.meanwhile`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib.util import find_spec
from typing import Any

from meshlab.mesh.mesh import Mesh
from meshlab.model import ConfigError
from meshlab.model.rules import require_known
from meshlab.scenario.scenario import Scenario

ENGINES = ("auto", "reference", "compiled")


def why_not(scenario: Scenario) -> str:
    """Why the compiled engine can't run this; empty if it can. It builds the mesh to find out."""
    if find_spec("numba") is None:
        return "numba is not installed"
    return lowered(scenario, 1)[1]


def choose(scenario: Scenario, engine: str) -> tuple[str, str]:
    """The engine to try, and why it is not the compiled one ("" if it is, or was asked for).

    ConfigError for an unknown engine, and where "compiled" is asked for and numba is missing.
    """
    require_known(engine, ENGINES, "run", "engine")
    if engine == "reference":
        return "reference", ""
    if find_spec("numba") is not None:
        return "compiled", ""
    if engine == "compiled":
        raise refused("numba is not installed")
    return "reference", "numba is not installed"


def refused(reason: str) -> ConfigError:
    """What "compiled" raises if it can't be had."""
    return ConfigError(f"run: engine must be able to run the scenario, got 'compiled': {reason}")


def lowered(scenario: Scenario, seed: int) -> tuple[Mesh, str]:
    """A mesh whose records lie in memory, and ""; or one that can't be run, and the reason."""
    from meshlab.kernel import lowering  # here: whoever never runs it needs no numba
    from meshlab.kernel.memory import NotLowered

    kernel: Any = lowering
    mesh = Mesh(scenario, seed)
    try:
        mesh.lower(kernel)
    except NotLowered as error:
        return mesh, f"{next(_own(scenario, scenario.where), scenario.where)}: {error}"
    return mesh, ""


def _own(part: object, where: str) -> Iterator[str]:
    """Where in a declaration, or in those inside it, something of a reader's own stands."""
    if isinstance(part, tuple):
        for item in {id(item): item for item in part}.values():  # replicas are looked at once
            yield from _own(item, where)
        return
    declared = is_dataclass(part) and not isinstance(part, type)
    where = getattr(part, "where", where) if declared else where
    if (declared or hasattr(part, "build")) and type(part).__module__.split(".")[0] != "meshlab":
        yield where
    elif is_dataclass(part) and not isinstance(part, type):
        for field in fields(part):
            yield from _own(getattr(part, field.name), where)
