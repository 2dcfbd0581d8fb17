"""Runs a scenario on the engine that can: ``run(scenario, seed) -> Result``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from meshlab.engines.choice import choose, lowered, refused
from meshlab.engines.meanwhile import MEANWHILE
from meshlab.engines.size import MOST_EVENTS, check_size
from meshlab.engines.thinning import in_real_units, thin
from meshlab.mesh.mesh import Mesh, Progress
from meshlab.mesh.result import Result
from meshlab.model import RunTooLarge
from meshlab.model.rules import check, require_type
from meshlab.scenario.scenario import Scenario

FRAMES_PER_SERVICE = 20
"""Functions that call each other, at most, until an answer has passed through one service."""


def run(
    scenario: Scenario, seed: int = 1, progress: Progress | None = None, engine: str = "auto"
) -> Result:
    """Run ``scenario`` from its beginning to its end; the same seed gives the same bytes.

    ``engine`` is "auto", "reference" or "compiled" (see `meshlab.engines`); the result's ``engine``
    says which ran, and why not the compiled one. ConfigError for a seed that is no whole number
    >= 0 and an engine that can't run it, RunTooLarge if the run would not end soon or not fit: both
    before anything runs. (What no estimate foresees is a RunTooLarge when memory is full.)
    """
    require_type(scenario, Scenario, "run", "scenario")
    fits = isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0
    check(fits, "run", "seed must be a whole number >= 0", seed)
    if scenario.thinning > 1:
        return in_real_units(run(thin(scenario), seed, progress, engine), scenario)
    chosen, reason = choose(scenario, engine)
    check_size(scenario, MOST_EVENTS[chosen])
    if chosen == "compiled" and engine != "compiled":
        reason = _why_meanwhile(scenario)
        chosen = "reference" if reason else chosen
    try:
        return _run(scenario, seed, progress, engine, chosen, reason)
    except MemoryError as error:
        rule = "must fit into the memory of this machine; lower the rate or the trace_sampling"
        raise RunTooLarge(f"{scenario.where}: {rule}") from error


def _why_meanwhile(scenario: Scenario) -> str:
    """Why the reference engine runs this while nothing is compiled yet; "" if it doesn't."""
    from meshlab.kernel.where_kept import code_cache, is_cold  # here: it needs numba

    return MEANWHILE.why(scenario, is_cold(), code_cache())


def _run(
    scenario: Scenario,
    seed: int,
    progress: Progress | None,
    asked: str,
    chosen: str,
    reason: str,
) -> Result:
    if chosen == "compiled":
        mesh, reason = lowered(scenario, seed)
        if not reason:
            return replace(mesh.run(progress), engine="compiled")
        if asked == "compiled":
            raise refused(reason)
        check_size(scenario, MOST_EVENTS["reference"])
    with _deep_stack(len(scenario.services)):
        result = Mesh(scenario, seed).run(progress)
    return replace(result, engine=f"reference: {reason}") if reason else result


@contextmanager
def _deep_stack(services: int) -> Iterator[None]:
    """Room for an answer to go back through all its callers, each of which calls the next."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + FRAMES_PER_SERVICE * services)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
