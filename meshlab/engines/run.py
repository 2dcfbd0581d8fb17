"""Runs a scenario: ``run(scenario, seed) -> Result``, on the engine that fits."""

from __future__ import annotations

from dataclasses import replace

from meshlab.engines.choice import choose
from meshlab.engines.size import MOST_EVENTS, check_size
from meshlab.engines.thinning import in_real_units, thin
from meshlab.mesh.mesh import Mesh, Progress
from meshlab.mesh.result import Result
from meshlab.model.rules import check, require_type
from meshlab.scenario.scenario import Scenario


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
    if scenario.thinning > 1:
        return in_real_units(run(thin(scenario), seed, progress, engine), scenario)
    chosen, reason = choose(scenario, engine)
    check_size(scenario, MOST_EVENTS[chosen])
    if chosen == "compiled":
        # here: whoever never runs it needs no numba
        from meshlab.engines.compiled.world import World

        return World(scenario, seed).run(progress)
    result = Mesh(scenario, seed).run(progress)
    return replace(result, engine=f"reference: {reason}") if reason else result
