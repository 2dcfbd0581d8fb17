"""The same seed gives the same bytes: twice, in another process, on another Python, next year."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from meshlab.engines.run import run
from meshlab.kernel.streams import Uniform, generator
from meshlab.scenario.shop import shop
from tests.record_digests import FILE, RUNS, SEED, digests

ROOT = Path(__file__).parents[2]
RECORDED = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("engine", ["reference", "auto"])
@pytest.mark.parametrize("name", RUNS)
def test_a_run_has_the_digest_that_was_recorded(name: str, engine: str) -> None:
    """If this was meant to change: python -m tests.record_digests --write, and say so."""
    assert run(RUNS[name](), SEED, engine=engine).digest() == RECORDED[name]


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_another_process_and_hash_seed_give_the_same_bytes(hash_seed: str) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "tests.record_digests"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == RECORDED


def test_a_run_leaves_nothing_behind_for_the_next() -> None:
    assert digests() == digests()


def test_another_seed_gives_other_bytes() -> None:
    seen = {digest for seed in (1, 2) for digest in digests(seed).values()}
    assert len(seen) == 2 * len(RUNS)


def test_global_random_numbers_are_neither_used_nor_disturbed() -> None:
    before = run(shop(duration=5.0)).digest()
    random.seed(7)
    np.random.seed(7)
    states = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
    assert run(shop(duration=5.0)).digest() == before
    assert states == (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]


@pytest.mark.parametrize(
    "change",
    [
        {"duration": 5.5},
        {"scrape_interval": 2.0},
        {"trace_sampling": 0.5},
        {"loads": (replace(shop().loads[0], rate=21.0),)},
    ],
    ids=str,
)
def test_a_digest_tells_results_apart(change: dict[str, object]) -> None:
    scenario = shop(duration=5.0)
    assert run(scenario).digest() != run(replace(scenario, **change)).digest()


def test_a_stream_depends_on_its_seed_and_its_purpose_and_on_nothing_else() -> None:
    first = [Uniform(1, "cart-1/latency").draw() for _ in range(3)]
    assert first == [first[0]] * 3
    others = {
        Uniform(2, "cart-1/latency").draw(),
        Uniform(1, "cart-2/latency").draw(),
        Uniform(1, "cart-1/error").draw(),
        first[0],
    }
    assert len(others) == 4


def test_large_seeds_are_not_cut_off() -> None:
    drawn = {generator(seed, "x").random() for seed in (1, 2**32 + 1, 2**64 + 1, 2**96 + 1)}
    assert len(drawn) == 4
