"""Sweeps: the same frame whoever runs them, nothing lost, nothing twice, nothing old mixed in."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from exercises.lesson_05 import storm
from meshlab.engines.run import run
from meshlab.mesh.result import Result
from meshlab.model import ConfigError, RunTooLarge
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import shop
from meshlab.sweep import runner as module
from meshlab.sweep.grid import worlds
from meshlab.sweep.runner import WorldFailed, means, sweep
from meshlab.sweep.store import Kept, StoreFailed, load, save, set_aside
from tests.small import instance, line, service

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

needs_limits = pytest.mark.skipif(resource is None, reason="files can't be limited here")

GRID = {"rate": (4.0, 8.0), "errors": (0.0, 0.5)}
SEEDS = (1, 2, 3)


def build(rate: float, errors: float = 0.5) -> Scenario:
    one = service("s", instance(error_rate=errors))
    return line(one, rate=rate, duration=4.0, arrivals="poisson")


def measure(result: Result) -> dict[str, float]:
    totals = result.edges["client", "s"]
    return {"calls": totals.calls, "good": totals.succeeded / max(totals.calls, 1)}


class AtOnce(Executor):
    """Runs each task when it is submitted, and remembers how many there were."""

    def __init__(self) -> None:
        self.tasks = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.tasks += 1
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Backwards(AtOnce):
    """Finishes the last task first, and keeps the others until somebody waits for long."""

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self._most = tasks
        self._waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._waiting.append((future, partial(fn, *args, **kwargs)))
        if len(self._waiting) == self._most:
            for waiting, task in reversed(self._waiting):
                waiting.set_result(task())
        return future


class Never(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise AssertionError("something ran")


def small(**more: Any) -> pd.DataFrame:
    """The sweep of these tests; ``more`` are arguments of `sweep`."""
    arguments: dict[str, Any] = {"base": build, "grid": GRID, "seeds": SEEDS, "measure": measure}
    arguments |= {"engine": "reference", "executor": AtOnce(), "progress": False}
    return sweep(**{**arguments, **more})


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    """By hand, with loops."""
    rows = [
        {"rate": r, "errors": e, "seed": s, **measure(run(build(r, e), s))}
        for r in GRID["rate"]
        for e in GRID["errors"]
        for s in SEEDS
    ]
    return pd.DataFrame(rows).astype({"calls": float})


# ---- the same frame, whoever runs it


def test_a_sweep_is_a_loop_over_the_grid_and_the_seeds(expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(small(), expected, check_exact=True)
    assert expected.good.nunique() > 4


@pytest.mark.parametrize("engine", ["reference", "auto"])
def test_whatever_the_executor_the_frame_is_the_same(engine: str, expected: pd.DataFrame) -> None:
    with ThreadPoolExecutor(3) as threads:
        for way in ({"executor": Backwards(12)}, {"executor": threads}, {"executor": None}):
            found = small(**way, engine=engine, workers=None if way["executor"] else 1)
            pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.slow
def test_worker_processes_give_the_same_with_functions_of_a_notebook(
    expected: pd.DataFrame,
) -> None:
    share = "good"

    def local(result: Result) -> dict[str, float]:
        totals = result.edges["client", "s"]
        return {"calls": totals.calls, share: totals.succeeded / max(totals.calls, 1)}

    found = small(executor=None, workers=2, measure=local)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_a_scenario_with_dotted_paths_is_a_base_as_well(expected: pd.DataFrame) -> None:
    paths = {"loads.0.rate": GRID["rate"], "services.s.instances.*.error_rate": GRID["errors"]}
    found = small(base=build(1.0), grid=paths)
    assert found.columns[:2].tolist() == list(paths)
    assert found.calls.tolist() == expected.calls.tolist()


def test_a_hundred_thousand_seeds_are_known_to_differ_before_long() -> None:
    every = worlds(build(1.0), {}, range(10**5), "reference")
    assert len(every) == 10**5
    with pytest.raises(ConfigError, match="seeds must differ, got 0"):
        worlds(build(1.0), {}, [*range(10**5), 0], "reference")


def test_values_and_seeds_may_come_from_numpy(expected: pd.DataFrame) -> None:
    grid = {"rate": np.linspace(4, 8, 2), "errors": np.array([0.0, 0.5])}
    pd.testing.assert_frame_equal(small(grid=grid, seeds=np.arange(1, 4)), expected)


def test_a_grid_without_parameters_is_one_scenario() -> None:
    assert small(base=build(4.0), grid={}).columns.tolist() == ["seed", "calls", "good"]


def test_parameters_may_be_declarations_and_none() -> None:
    found = small(base=lambda policy: build(4.0), grid={"policy": (None, "x")}, seeds=(1,))
    assert found.policy.tolist()[1] == "x"
    assert means(found).runs.tolist() == [1] * 4


# ---- results on disk


def ran(folder: Path, **more: Any) -> int:
    """How many worlds a sweep with this store had to run."""
    executor = AtOnce()
    small(executor=executor, store=folder, **more)
    return executor.tasks


def test_a_second_sweep_runs_only_what_is_missing(tmp_path: Path, expected: pd.DataFrame) -> None:
    assert ran(tmp_path) == 12
    assert ran(tmp_path) == 0
    assert ran(tmp_path, seeds=(2, 3, 4)) == 4
    assert ran(tmp_path, grid={"rate": (8.0, 9.0), "errors": (0.5,)}) == 3
    pd.testing.assert_frame_equal(small(store=tmp_path), expected, check_exact=True)


def test_another_scenario_or_measure_is_never_mixed_with_old_results(tmp_path: Path) -> None:
    ran(tmp_path)
    assert ran(tmp_path, base=lambda rate, errors: build(rate + 1, errors)) == 12
    assert ran(tmp_path, measure=lambda result: measure(result)) == 12
    assert ran(tmp_path, base=lambda rate, errors: build(rate, errors)) == 0


def test_worlds_that_are_one_and_the_same_run_once(tmp_path: Path) -> None:
    assert ran(tmp_path, base=lambda rate, errors: build(rate), grid=GRID) == 6


def test_results_read_well_without_this_package(tmp_path: Path) -> None:
    ran(tmp_path, seeds=(7,))
    table = pd.read_parquet(tmp_path)
    assert table.columns.tolist() == ["key", "world", "seed", "calls", "good"]
    assert "rate=4.0, errors=0.0, seed=7" in table.world.tolist()


def test_what_is_saved_comes_back_exactly_and_halves_do_not_count(tmp_path: Path) -> None:
    numbers = {"a": 0.1 + 0.2, "b": float("inf"), "c": float("nan")}
    save(tmp_path, [Kept("k", "w", 1, numbers), Kept("other", "w", 2, numbers)])
    (tmp_path / "half-0123-99").write_bytes(b"PAR1 cut off")
    assert repr(load(tmp_path, ["k"])) == repr({"k": numbers})
    assert load(tmp_path, ["unknown"]) == {}


def test_results_go_to_disk_while_the_sweep_runs(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "SAVE_EVERY", 0.0)
    ran(tmp_path)
    assert len(list(tmp_path.glob("part-*"))) == 12


def test_sweeps_that_measured_other_names_do_not_meet_in_one_frame(tmp_path: Path) -> None:
    def by_seed(result: Result) -> dict[str, float]:
        return {f"n{result.seed}": 1.0}

    for seed in (1, 2):
        small(store=tmp_path, measure=by_seed, seeds=(seed,))
    with pytest.raises(WorldFailed, match=r"seed=\d: measured \['n\d'\], other worlds \['n\d'\]"):
        small(store=tmp_path, measure=by_seed, seeds=(1, 2), executor=Never())


def test_kept_numbers_do_not_take_the_place_of_a_parameter(tmp_path: Path) -> None:
    def rate(result: Result) -> dict[str, float]:
        return {"rate": -1.0}

    small(store=tmp_path, measure=rate, base=lambda pace: build(pace), grid={"pace": (4.0,)})
    with pytest.raises(WorldFailed, match=re.escape("other names than ['rate']")):
        small(store=tmp_path, measure=rate, base=lambda rate: build(rate), grid={"rate": (4.0,)})


# ---- a store that is damaged


def cut_off(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:-20])


def emptied(part: Path) -> None:
    part.write_bytes(b"")


def flipped(part: Path) -> None:
    content = bytearray(part.read_bytes())
    content[len(content) // 3] ^= 1
    part.write_bytes(content)


def foreign(part: Path) -> None:
    part.write_bytes("rate;good\n4,0;0,5\n".encode("utf-16"))


def folder(part: Path) -> None:
    part.unlink()
    part.mkdir()


def pipe(part: Path) -> None:
    part.unlink()
    os.mkfifo(part)


def without(column: str) -> Callable[[Path], None]:
    def damage(part: Path) -> None:
        pd.read_parquet(part).drop(columns=column).to_parquet(part, index=False)

    return damage


def with_column(name: str, value: object) -> Callable[[Path], None]:
    def damage(part: Path) -> None:
        pd.read_parquet(part).assign(**{name: value}).to_parquet(part, index=False)

    return damage


def without_text(part: Path) -> None:
    """The name of the first column of the schema is not UTF-8 any more."""
    part.write_bytes(part.read_bytes().replace(b"world", b"wor\xff\xfe"))


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut off": (cut_off, "cut off, changed, or not from a sweep"),
    "empty": (emptied, "cut off"),
    "one bit": (flipped, "changed"),
    "not parquet": (foreign, "not from a sweep"),
    "a folder": (folder, "not a file"),
    "not UTF-8": (without_text, "changed"),
    "no key": (without("key"), "changed"),
    "no number": (without("good"), "changed"),
    "wrong type": (with_column("good", "a text"), "changed"),
    "other keys": (with_column("key", 7), "changed"),
    "one column more, for all keys": (with_column("more", 1.0), "changed"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_is_named_and_once_set_aside_only_its_worlds_run_again(
    damage: str, tmp_path: Path, expected: pd.DataFrame
) -> None:
    for seed in SEEDS:
        ran(tmp_path, seeds=(seed,))
    part = sorted(tmp_path.glob("part-*"))[1]
    change, fault = DAMAGES[damage]
    change(part)
    for _ in range(2):  # it stays until something is done
        with pytest.raises(StoreFailed) as failed:
            small(store=tmp_path, executor=Never())
        assert f"{part.name} (" in str(failed.value) and fault in str(failed.value)
    call = re.search(r"Call (\S+)\.(set_aside)\((.+)\), which", str(failed.value))
    assert call and (call[1], call[3]) == (set_aside.__module__, repr(str(tmp_path)))
    assert set_aside(tmp_path) == [tmp_path / "_damaged" / part.name]
    assert ran(tmp_path) == 4
    pd.testing.assert_frame_equal(small(store=tmp_path), expected, check_exact=True)
    assert len(pd.read_parquet(tmp_path)) == 12


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_the_place_of_a_part_keeps_nobody_waiting(tmp_path: Path) -> None:
    ran(tmp_path)
    pipe(next(tmp_path.glob("part-*")))
    with pytest.raises(StoreFailed, match="not a file"):
        small(store=tmp_path, executor=Never())


def test_every_damaged_part_is_found_at_once_and_a_few_are_named(tmp_path: Path) -> None:
    assert set_aside(tmp_path) == []
    for number in range(8):
        (tmp_path / f"part-{number}.parquet").touch()
    with pytest.raises(StoreFailed, match=r"part-0.*part-4.parquet \([^)]*\) and 3 more\. Call"):
        load(tmp_path, [])
    (tmp_path / "_damaged").mkdir()
    (tmp_path / "_damaged" / "part-0.parquet").write_bytes(b"from an earlier time")
    assert set_aside(tmp_path)[0].name == "part-0.parquet~"
    assert len(list((tmp_path / "_damaged").iterdir())) == 9
    assert load(tmp_path, []) == {}


# ---- a store without room, or that can't be written


class Full(AtOnce):
    """From the third task on, no file of this process may have more than so many bytes."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.tasks == 3:
            limit_files(100)
        return super().submit(fn, *args, **kwargs)


def limit_files(size: int) -> None:
    """What a full disk does: a write fails in the middle."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


@pytest.fixture
def full() -> Iterator[Callable[[int], None]]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield limit_files
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@needs_limits
def test_a_full_disk_is_told_with_the_file_and_leaves_no_halves(
    tmp_path: Path, expected: pd.DataFrame, full: Any
) -> None:
    ran(tmp_path, seeds=(1,))
    kept = sorted(tmp_path.iterdir())
    with pytest.raises(StoreFailed, match=r"part-\w+\.parquet: File too large\. Results") as failed:
        small(store=tmp_path, executor=Full())
    assert repr(str(tmp_path)) in str(failed.value)
    assert sorted(tmp_path.iterdir()) == kept
    full(resource.RLIM_INFINITY)
    assert ran(tmp_path) == 8
    pd.testing.assert_frame_equal(small(store=tmp_path), expected, check_exact=True)


@needs_limits
def test_a_store_without_room_is_noticed_before_anything_runs(tmp_path: Path, full: Any) -> None:
    ran(tmp_path, seeds=(1,))
    full(100)
    with pytest.raises(ConfigError, match=r"a folder to write to, got .*too large"):
        small(store=tmp_path, executor=Never())
    assert len(list(tmp_path.iterdir())) == 1


@needs_limits
def test_a_complete_store_need_only_be_read(tmp_path: Path, full: Any, expected: Any) -> None:
    ran(tmp_path)
    full(0)
    found = small(store=tmp_path, executor=Never())
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="not on Linux")
def test_a_folder_where_not_even_root_may_write_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=re.escape("must be a folder to write to, got '/proc'")):
        small(store="/proc", executor=Never())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_folder_is_refused_before_anything_runs(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="must be a folder to write to"):
        small(store=tmp_path, executor=Never())


def test_halves_that_a_killed_sweep_left_go_and_those_being_written_stay(tmp_path: Path) -> None:
    old, new = tmp_path / "half-part-1-99", tmp_path / "half-part-2-99"
    for half in (old, new):
        half.write_bytes(b"PAR1")
    os.utime(old, (0, 0))
    ran(tmp_path)
    assert new.exists() and not old.exists()


# ---- what goes wrong in a world


def breaks(result: Result) -> dict[str, float]:
    return {"inverse": 1 / result.scenario.service("s").instances[0].error_rate}


def test_an_error_names_the_parameters_and_shows_where_it_was() -> None:
    with pytest.raises(WorldFailed) as failed:
        small(measure=breaks, seeds=(1,), grid={"rate": (4.0,), "errors": (0.5, 0.0)})
    assert str(failed.value).startswith("sweep: rate=4.0, errors=0.0, seed=1: ZeroDivisionError: ")
    assert "in breaks" in failed.value.__notes__[0]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "must return a mapping of numbers, got None"),
        ({3: 1.0}, "a number's name must be a text, got 3"),
        ({"\ud800": 1.0}, r"a number's name must be printable, got '\ud800'"),
        ({"good": "yes"}, "good must be a number, got 'yes'"),
        ({"rate": 1.0}, "measure must find other names than ['rate']"),
        ({"seed": 1.0}, "measure must find other names than ['seed']"),
    ],
)
def test_a_measure_must_return_numbers_by_name(returned: object, said: str) -> None:
    with pytest.raises(WorldFailed, match=re.escape(said)) as failed:
        small(measure=lambda result: returned, grid={"rate": (4.0,), "errors": (0.0,)}, seeds=(1,))
    assert "rate=4.0, errors=0.0, seed=1" in str(failed.value)


def test_all_worlds_must_measure_the_same_numbers() -> None:
    with pytest.raises(WorldFailed, match=r"seed=\d: measured \['n\d'\], other worlds \['n\d'\]"):
        small(measure=lambda result: {f"n{result.seed}": 1.0})


@pytest.mark.slow
def test_a_worker_that_dies_is_told_with_a_world_and_finished_ones_stay(tmp_path: Path) -> None:
    def dies(result: Result) -> dict[str, float]:
        if result.seed == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"calls": result.edges["client", "s"].calls}

    seeds = (*range(10, 30), 9, *range(30, 40))
    with pytest.raises(WorldFailed, match=r"rate=4.0, seed=\d+: lost by BrokenProcessPool"):
        small(executor=None, workers=2, measure=dies, grid={"rate": (4.0,)}, seeds=seeds,
              store=tmp_path)  # fmt: skip
    kept = pd.read_parquet(tmp_path)
    assert len(kept) >= 15 and 9 not in kept.seed.tolist()


# ---- interrupted by hand


INTERRUPTED = """
import sys, time
from multiprocessing import active_children
from meshlab.scenario.shop import shop
from meshlab.sweep import sweep

def measure(result):
    time.sleep(0.2)
    return {"events": result.events}

def go(store, workers):
    one = shop(duration=1.0)
    how = {"store": store, "workers": workers, "engine": "reference"}
    return sweep(one, {}, range(1, 41), measure, **how)

if __name__ == "__main__":
    store, workers = sys.argv[1], int(sys.argv[2])
    try:
        go(store, workers)
        print("nobody interrupted")
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    for child in active_children():
        child.join(10)
    print("left:", len(active_children()))
    print("sum:", go(store, workers).events.sum())
"""


def progress(process: subprocess.Popen[str]) -> Iterator[int]:
    """How many worlds are done, as the bar says."""
    assert process.stdout is not None
    text = ""
    while part := process.stdout.read(1):
        text += part
        found = re.search(r"worlds: (\d+)/40[^\r]*\]$", text)
        if found:
            yield int(found[1])
            text = ""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_keeps_what_is_finished_and_the_next_sweep_goes_on(
    tmp_path: Path, workers: int
) -> None:
    script, store = tmp_path / "interrupted.py", tmp_path / "store"
    script.write_text(INTERRUPTED)
    command = [sys.executable, "-u", str(script), str(store), str(workers)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    before = next(done for done in progress(process) if done >= 5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal and JupyterLab do
    rest, errors = process.communicate(timeout=120)
    assert errors == ""
    _, _, again = rest.partition("interrupted\nleft: 0\n")
    kept = re.search(r"worlds: (\d+)/40", again)
    assert kept and before <= int(kept[1]) < 40
    total = sum(run(shop(duration=1.0), seed).events for seed in range(1, 41))
    assert f"sum: {float(total)}" in again


KILLED = """
import os
from meshlab.scenario.shop import shop
from meshlab.sweep import sweep

def measure(result):
    os.write(1, b"worker %d\\n" % os.getpid())  # at once, or two workers mix their lines
    while result.seed == 1:  # the other worker waits for work
        pass
    return {"events": result.events}

if __name__ == "__main__":
    one = shop(duration=1.0)
    sweep(one, {}, (1, 2), measure, workers=2, engine="reference", progress=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_process_that_sweeps_however_it_ends(
    tmp_path: Path, signal_number: int
) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        began = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal_number)
        process.communicate(timeout=60)  # until the last process that holds the pipe has ended
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert all(line.startswith(b"worker ") for line in began) and len(set(began)) == 2
    assert process.returncode == -signal_number


# ---- refused before anything runs


BAD: list[tuple[dict[str, Any], str]] = [
    ({"grid": [("rate", (1.0,))]}, "grid must be a Mapping"),
    ({"grid": {"rate": ()}}, "the values of 'rate' must be a sequence, not empty, got ()"),
    ({"grid": {"rate": 5.0}}, "the values of 'rate' must be a sequence, not empty, got 5.0"),
    ({"grid": {"rate": "abc"}}, "the values of 'rate' must be a sequence"),
    ({"grid": {"rate": (1.0, 2.0, 1)}}, "the values of 'rate' must differ, got 1"),
    ({"grid": {"rate": ([1.0],)}}, "the values of 'rate' must be numbers, texts or declarations"),
    ({"grid": {"": (1.0,)}}, "the name of a parameter must be a printable text"),
    ({"grid": {"seed": (1.0,)}}, "a parameter must have another name than seed"),
    ({"grid": {"pace": (1.0,)}}, "base must take what the grid names (pace)"),
    ({"grid": {}}, "base must take what the grid names (nothing)"),
    ({"grid": {"rate": (4.0, -1.0)}}, "sweep: rate=-1.0: load 'client->s /': rate must be"),
    ({"seeds": ()}, "seeds must be a sequence, not empty"),
    ({"seeds": (1, 2, 2)}, "seeds must differ, got 2"),
    ({"seeds": (1, -2)}, "every seed must be a whole number >= 0, got -2"),
    ({"seeds": (True,)}, "every seed must be a whole number >= 0, got True"),
    ({"seeds": 3}, "seeds must be a sequence, not empty, got 3"),
    ({"base": 3}, "base must be a Scenario, or a function that makes one, got 3"),
    ({"base": Scenario}, "base must be a Scenario, or a function that makes one"),
    ({"base": lambda rate, errors: None}, "rate=4.0, errors=0.0: base: what it makes must be a S"),
    ({"base": lambda rate, errors: 1 / 0}, "errors=0.0: base stopped with ZeroDivisionError"),
    ({"base": build(1.0)}, "path 'rate': unknown field 'rate'"),
    ({"measure": 3}, "measure must be a function of a Result, got 3"),
    ({"executor": 3}, "executor must be a concurrent.futures.Executor, got 3"),
    ({"executor": None, "workers": 0}, "workers must be a whole number >= 1, got 0"),
    ({"workers": 2}, "workers must be left out with an executor, got 2"),
    ({"engine": "fast"}, "unknown engine 'fast'"),
    ({"store": __file__}, "store must be a folder, got"),
    ({"store": 3}, "store must be a str or Path, got 3"),
    ({"store": "a\0b"}, "store must be the name of a file or folder, got 'a\\x00b'"),
    ({"store": "unused", "seeds": (2**63,)}, "with a store, every seed must be < 2**63, got 9223"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[said for _, said in BAD])
def test_bad_input_is_refused_before_anything_runs(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        small(**{"executor": Never(), **arguments})


def test_what_cant_be_told_apart_is_refused_with_a_store(tmp_path: Path) -> None:
    def own(rate: float) -> Scenario:
        return storm(lambda: None, 0.5)  # type: ignore[arg-type, return-value]

    with pytest.raises(ConfigError, match="must be made of built-in parts"):
        small(base=own, grid={"rate": (4.0,)}, store=tmp_path, executor=Never())
    with pytest.raises(ConfigError, match="measure must be a function"):
        small(measure=partial(measure), store=tmp_path, executor=Never())


def test_a_world_that_would_not_end_is_named_before_anything_runs() -> None:
    with pytest.raises(RunTooLarge, match=r"sweep: rate=1000000000\.0: scenario"):
        small(grid={"rate": (1.0, 1e9)}, executor=Never())


# ---- means


def test_means_have_students_interval_for_every_point_and_quantity(expected: pd.DataFrame) -> None:
    table = means(expected, 0.9)
    assert table.columns.tolist() == ["rate", "errors", "quantity", "mean", "low", "high", "runs"]
    assert len(table) == 4 * 2
    row = table[(table.rate == 8) & (table.errors == 0.5) & (table.quantity == "good")].iloc[0]
    runs = expected[(expected.rate == 8) & (expected.errors == 0.5)].good
    low, high = stats.t.interval(0.9, 2, runs.mean(), stats.sem(runs))
    assert (row["mean"], row.runs) == (pytest.approx(runs.mean()), 3)
    assert (row.low, row.high) == pytest.approx((low, high), rel=1e-4)


def test_one_run_has_a_mean_and_no_interval(expected: pd.DataFrame) -> None:
    table = means(expected[expected.seed == 1])
    assert table.runs.tolist() == [1] * 8
    assert table.low.isna().all() and table["mean"].notna().all()


def test_means_refuse_what_is_no_sweep(expected: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="the frame must have a column seed"):
        means(expected.drop(columns="seed"))
    for confidence in (0.0, 1.0, 95, "0.95"):
        with pytest.raises(ConfigError, match="confidence must be between 0 and 1"):
            means(expected, confidence)  # type: ignore[arg-type]


# ---- progress


def test_the_bar_counts_worlds_and_begins_at_what_is_kept(tmp_path: Path, capsys: Any) -> None:
    small(store=tmp_path, seeds=(1,), progress=True)
    assert "worlds: 4/4" in capsys.readouterr().out
    small(store=tmp_path, progress=True)
    out = capsys.readouterr().out
    assert "worlds: 4/12" in out and "worlds: 12/12" in out and "worlds: 0/12" not in out
