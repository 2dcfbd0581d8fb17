"""A sweep on a real Dask cluster, of which a worker is killed on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import pandas as pd
import pytest

from meshlab.engines.run import run
from meshlab.mesh.result import Result
from meshlab.scenario import Scenario
from meshlab.shop import shop
from meshlab.sweep import sweep

distributed = pytest.importorskip("distributed")

RATES, SEEDS = (5.0, 10.0), tuple(range(1, 16))


def build(rate: float) -> Scenario:
    return shop(rate=rate, duration=2.0)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Any]:
    """Two worker processes, each under a nanny that starts it anew."""
    here = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(local_directory=str(tmp_path / "dask"), **here) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def kill_on_the_way(log: Path, killed: list[int]) -> None:
    """Once six worlds have begun, kill the worker that began one last, in the middle of it."""
    while len(begun := sorted(log.iterdir(), key=lambda path: path.stat().st_mtime_ns)) < 6:
        sleep(0.01)
    killed.append(int(begun[-1].name.partition("-")[0]))
    os.kill(killed[0], signal.SIGKILL)


def test_a_killed_worker_loses_nothing_and_doubles_nothing(client: Any, tmp_path: Path) -> None:
    log, store, killed = tmp_path / "log", tmp_path / "store", list[int]()
    log.mkdir()

    def measure(result: Result) -> dict[str, float]:
        rate = result.scenario.loads[0].rate
        (log / f"{os.getpid()}-{rate}-{result.seed}").touch()
        sleep(0.2)  # long enough to be killed in it
        return {"events": result.events}

    killer = Thread(target=kill_on_the_way, args=(log, killed))
    killer.start()
    found = sweep(
        build, {"rate": RATES}, SEEDS, measure,
        executor=client.get_executor(), store=store, engine="reference", progress=False,
    )  # fmt: skip
    killer.join()
    rows = [
        {"rate": r, "seed": s, "events": float(run(build(r), s).events)}
        for r in RATES
        for s in SEEDS
    ]
    pd.testing.assert_frame_equal(found, pd.DataFrame(rows), check_exact=True)
    kept = pd.read_parquet(store)
    assert len(kept) == len(set(kept.key)) == len(rows)
    tried = [path.name.partition("-") for path in log.iterdir()]
    by_the_dead = {world for pid, _, world in tried if pid == str(killed[0])}
    by_others = {world for pid, _, world in tried if pid != str(killed[0])}
    assert by_the_dead & by_others, "the world that it was killed in ran again elsewhere"
