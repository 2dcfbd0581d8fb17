"""Runs a scenario on the engine that can: ``run(scenario, seed) -> Result``."""

from __future__ import annotations

from dataclasses import replace

from meshlab.engines import choose
from meshlab.estimate import MOST_EVENTS, check_size
from meshlab.mesh.mesh import Mesh, Progress
from meshlab.mesh.result import Result
from meshlab.rules import check, require_type
from meshlab.scenario import Scenario
from meshlab.weight import in_real_units, lighter


def run(
    scenario: Scenario, seed: int = 1, progress: Progress | None = None, engine: str = "auto"
) -> Result:
    """Run ``scenario`` from its beginning to its end; the same seed gives the same bytes.

    ``engine`` is "auto", "reference" or "compiled" (see `meshlab.engines`); the result's ``engine``
    says which ran, and why not the compiled one. ConfigError for a seed that is no whole number
    >= 0 and an engine that can't run it, RunTooLarge if the run would not end soon: both before
    anything runs.
    """
    require_type(scenario, Scenario, "run", "scenario")
    fits = isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0
    check(fits, "run", "seed must be a whole number >= 0", seed)
    if scenario.weight > 1:
        return in_real_units(run(lighter(scenario), seed, progress, engine), scenario)
    chosen, reason = choose(scenario, engine)
    check_size(scenario, MOST_EVENTS[chosen])
    mesh = Mesh(scenario, seed)
    if chosen == "compiled":
        from meshlab.kernel import lowering  # here: whoever never runs it needs no numba

        return replace(mesh.run(progress, lowering), engine="compiled")
    result = mesh.run(progress)
    return replace(result, engine=f"reference: {reason}") if reason else result
