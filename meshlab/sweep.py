"""Many worlds at once: one scenario over a grid of parameters and seeds, on every core there is.

    sweep(build, {"load": (100, 200), "trigger": (0, 5)}, seeds=(1, 2, 3), measure=goodput)

    grid x seeds --> worlds --> executor --> measure(run(scenario, seed)) --> a tidy frame
                                   |
                      processes here, or any concurrent.futures.Executor, such as that of a Dask
                      cluster: Client(...).get_executor()

Only numbers come back from the workers, never a whole Result. What a world measures depends on its
scenario and its seed alone, so the frame is the same whoever ran them, in whichever order. With a
``store`` results are on disk as soon as they are known, and a sweep that was interrupted runs only
what is missing.
"""

from __future__ import annotations

import pickle
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np
from tqdm import tqdm

from meshlab.engines.run import run
from meshlab.fingerprint import digest, digest_of_function, digest_of_scenario
from meshlab.kept_worlds import COLUMNS, Kept, Numbers, load, open_folder, require_writable, save
from meshlab.mesh.result import Result
from meshlab.model import MeshlabError
from meshlab.oracles import student
from meshlab.rules import check, require_count
from meshlab.scenario import Scenario
from meshlab.workers import Submit, lent, local
from meshlab.worlds import Build, Grid, World, worlds

if TYPE_CHECKING:
    import pandas as pd

Measure = Callable[[Result], Mapping[str, float]]
"""What one wants to know of a run: numbers by name, the same names in every world."""

SAVE_EVERY = 1.0
"""Seconds of results that are lost if this process is killed; an interrupt loses none."""

BAR = "{desc}: {n_fmt}/{total_fmt} {bar:30} [{elapsed}<{remaining}]"


class WorldFailed(MeshlabError):
    """A world of a sweep could not be run or measured: the message names its parameters."""


def sweep(
    base: Build | Scenario,
    grid: Grid,
    seeds: Sequence[int],
    measure: Measure,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    store: str | Path | None = None,
    engine: str = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Run every combination of ``grid`` with every seed; a row each, in that order.

    ``base`` is a function of the parameters, or a scenario whose dotted paths the grid names (see
    `meshlab.dotted`). The columns are the parameters, seed, and what ``measure(result)`` gave. By
    default every core here has a worker process; ``workers=1`` stays in this process.
    ConfigError, RunTooLarge and StoreFailed (a damaged store) come before anything runs; later a
    world that breaks raises WorldFailed, and a store without room StoreFailed.
    """
    _check_arguments(measure, executor, workers)
    every = worlds(base, grid, seeds, engine)
    keys = _keys(every, None if store is None else measure)
    known = dict(zip(keys, every, strict=True))
    folder = None if store is None else open_folder(store)
    results = _Results(folder, known)
    missing = {key: world for key, world in known.items() if key not in results.numbers}
    if folder is not None and missing:
        require_writable(folder)
    done = len(every) - len(missing)
    bar = tqdm(
        total=len(every), initial=done, desc="worlds", file=sys.stdout, bar_format=BAR,
        disable=not progress,
    )  # fmt: skip
    with bar:
        if missing:
            team = local(workers, len(missing)) if executor is None else lent(executor)
            with team as submit:
                _collect(submit, missing, (measure, engine), results, bar)
    return _frame(every, [results.numbers[key] for key in keys])


def _check_arguments(measure: object, executor: object, workers: object) -> None:
    check(callable(measure), "sweep", "measure must be a function of a Result", measure)
    fits = executor is None or callable(getattr(executor, "submit", None))
    check(fits, "sweep", "executor must be a concurrent.futures.Executor", executor)
    if workers is not None:
        require_count(workers, 1, "sweep", "workers")
        check(executor is None, "sweep", "workers must be left out with an executor", workers)


def _keys(every: Sequence[World], measure: Measure | None) -> list[str]:
    """By what each world's result is found again; only its place where nothing is kept."""
    if measure is None:
        return [str(n) for n in range(len(every))]
    for world in every:
        check(world.seed < 2**63, "sweep", "with a store, every seed must be < 2**63", world.seed)
    measured = digest_of_function(measure)
    scenarios = {id(w.scenario): w.scenario for w in every}
    told = {number: digest_of_scenario(scenario) for number, scenario in scenarios.items()}
    return [digest(f"{told[id(w.scenario)]} {w.seed} {measured}") for w in every]


class _Results:
    """What is known so far, by key: from the folder, and as it comes in."""

    def __init__(self, folder: Path | None, known: Mapping[str, World]) -> None:
        self.numbers: dict[str, Numbers] = {} if folder is None else load(folder, known.keys())
        for key, numbers in self.numbers.items():
            self._check(known[key], numbers)
        self._folder = folder
        self._unsaved: list[Kept] = []
        self._saved_at = monotonic()

    def add(self, key: str, world: World, numbers: Numbers) -> None:
        """Take one result in. Those of the last second go to disk together."""
        self._check(world, numbers)
        self.numbers[key] = numbers
        self._unsaved.append(Kept(key, str(world), world.seed, numbers))
        if monotonic() - self._saved_at >= SAVE_EVERY:
            self.save()

    def _check(self, world: World, numbers: Numbers) -> None:
        """Every world must fill the same columns of the frame, and no other's."""
        names = list(next(iter(self.numbers.values()), numbers))
        if sorted(numbers) != sorted(names):
            raise WorldFailed(f"sweep: {world}: measured {list(numbers)}, other worlds {names}")
        taken = {*world.point, *COLUMNS}.intersection(names)
        if taken:
            raise WorldFailed(f"sweep: {world}: measure must find other names than {sorted(taken)}")

    def save(self) -> None:
        unsaved, self._unsaved = self._unsaved, []
        if self._folder is not None and unsaved:
            save(self._folder, unsaved)
        self._saved_at = monotonic()


def _collect(
    submit: Submit,
    missing: Mapping[str, World],
    shared: tuple[Measure, str],
    results: _Results,
    bar: Any,
) -> None:
    """Have every missing world run, and take in what it measured. Finished work is saved always."""
    order = cloudpickle.dumps(shared)
    futures: dict[Future[Numbers | _Failure], str] = {}
    try:
        for key, world in missing.items():
            scenario = cloudpickle.dumps(world.scenario)
            futures[submit(_work, order, scenario, world.seed)] = key
        for future in as_completed(futures):
            key = futures[future]
            results.add(key, missing[key], _taken(future, missing[key]))
            bar.update()
    finally:
        results.save()


@dataclass(frozen=True, slots=True)
class _Failure:
    """How a world broke, in words: not every error can travel from one process to another."""

    said: str
    trace: str


def _work(order: bytes, scenario: bytes, seed: int) -> Numbers | _Failure:
    """In a worker: run one world and measure it."""
    try:
        measure, engine = _opened(order)
        return _flat(measure(run(pickle.loads(scenario), seed, engine=engine)))
    except Exception as error:  # a reader's own measure may break in any way
        return _Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


@lru_cache(maxsize=1)
def _opened(order: bytes) -> tuple[Measure, str]:
    opened: tuple[Measure, str] = pickle.loads(order)
    return opened


def _flat(measured: Mapping[str, float]) -> Numbers:
    """What a measure returned, as plain floats."""
    check(isinstance(measured, Mapping), "measure", "must return a mapping of numbers", measured)
    for name, value in measured.items():
        check(isinstance(name, str), "measure", "a number's name must be a text", name)
        check(name.isprintable(), "measure", "a number's name must be printable", name)
        number = isinstance(value, int | float | np.number | np.bool)
        check(number, "measure", f"{name} must be a number", value)
    return {name: float(value) for name, value in measured.items()}


def _taken(future: Future[Numbers | _Failure], world: World) -> Numbers:
    """What a world measured; WorldFailed with its parameters if there is nothing."""
    try:
        outcome = future.result()
    except Exception as error:  # the worker died, or the cluster gave up
        raise WorldFailed(f"sweep: {world}: lost by {type(error).__name__}: {error}") from error
    if isinstance(outcome, _Failure):
        failed = WorldFailed(f"sweep: {world}: {outcome.said}")
        failed.add_note(outcome.trace)
        raise failed
    return outcome


def _frame(every: Sequence[World], numbers: Sequence[Numbers]) -> pd.DataFrame:
    import pandas as pd

    rows = [{**w.point, "seed": w.seed, **row} for w, row in zip(every, numbers, strict=True)]
    return pd.DataFrame(rows)


def means(frame: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Mean of every quantity over the seeds, and the interval that holds it with ``confidence``.

    One row for each combination of parameters (the columns before seed) and quantity (those after
    it): quantity, mean, low, high, runs. One run alone has no interval.
    """
    columns = list(frame.columns)
    check("seed" in columns, "means", "the frame must have a column seed", columns)
    fits = isinstance(confidence, float) and 0 < confidence < 1
    check(fits, "means", "confidence must be between 0 and 1", confidence)
    parameters = columns[: columns.index("seed")]
    tall = frame.melt(id_vars=[*parameters, "seed"], var_name="quantity", value_name="value")
    groups = tall.groupby([*parameters, "quantity"], sort=False, dropna=False)["value"]
    table = groups.agg(mean="mean", spread="std", runs="count").reset_index()
    errors = {n: student(confidence, n) / n**0.5 for n in set(table["runs"]) if n > 1}
    reach = table["spread"] * table["runs"].map(errors)
    table = table.assign(low=table["mean"] - reach, high=table["mean"] + reach)
    return table[[*parameters, "quantity", "mean", "low", "high", "runs"]]
