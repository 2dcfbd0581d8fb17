"""Small runs take the reference engine until the compiled one has been compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from meshlab.meanwhile import COMPILING, NOTICE, REASON, Meanwhile
from meshlab.mesh import run
from meshlab.shop import shop

Capture = pytest.CaptureFixture[str]

SMALL = shop(rate=5.0, duration=5.0)
LARGE = replace(shop(rate=20_000.0, duration=60.0), trace_sampling=0.0)


def test_a_small_run_need_not_wait_for_the_compiler(capsys: Capture) -> None:
    meanwhile = Meanwhile()
    assert [meanwhile.why(SMALL, cold=True) for _ in range(3)] == [REASON] * 3
    assert capsys.readouterr().err == f"{NOTICE}\n"


def test_what_is_compiled_is_used(capsys: Capture) -> None:
    meanwhile = Meanwhile()
    assert meanwhile.why(SMALL, cold=False) == ""
    assert (meanwhile.spent, capsys.readouterr().err) == (0.0, "")


def test_a_large_run_is_worth_compiling_for() -> None:
    assert Meanwhile().why(LARGE, cold=True) == ""


def test_many_small_runs_are_a_large_one() -> None:
    meanwhile, runs = Meanwhile(), 0
    while meanwhile.why(SMALL, cold=True):
        runs += 1
    assert COMPILING - 0.1 < meanwhile.spent <= COMPILING
    assert runs > 100
    assert meanwhile.why(SMALL, cold=True) == ""


def test_where_nothing_is_compiled_a_run_gives_the_same_and_says_why(tmp_path: Path) -> None:
    program = (
        "from tests.unit.test_meanwhile import SMALL; from meshlab.mesh import run;"
        "result = run(SMALL, 1); print(result.digest(), result.engine); run(SMALL, 2)"
    )
    cold = {**os.environ, "MESHLAB_CACHE": str(tmp_path / "cache")}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=cold, capture_output=True, text=True, check=True
    )
    expected = run(SMALL, 1, engine="reference").digest()
    assert ended.stdout == f"{expected} reference: {REASON}\n"
    assert ended.stderr == f"{NOTICE}\n"
    assert list(tmp_path.iterdir()) == []
