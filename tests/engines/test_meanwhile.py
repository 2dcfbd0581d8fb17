"""Small runs take the reference engine until the compiled one has been compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from meshlab.engines.meanwhile import COMPILING, NOTICE, ONCE, REASON, Meanwhile
from meshlab.engines.run import run
from meshlab.kernel.code_cache import CodeCache
from meshlab.scenario.shop import shop

Capture = pytest.CaptureFixture[str]

SMALL = shop(rate=5.0, duration=5.0)
NOWHERE = CodeCache(None, "there is no home folder")
LARGE = replace(shop(rate=20_000.0, duration=60.0), trace_sampling=0.0)


def test_a_small_run_need_not_wait_for_the_compiler(tmp_path: Path, capsys: Capture) -> None:
    meanwhile = Meanwhile()
    cache = CodeCache(tmp_path)
    assert [meanwhile.why(SMALL, True, cache) for _ in range(3)] == [REASON] * 3
    assert capsys.readouterr().err == f"{NOTICE} ({ONCE})\n"


def test_nobody_is_told_to_compile_what_can_not_be_kept(capsys: Capture) -> None:
    Meanwhile().why(SMALL, True, NOWHERE)
    told = "it can't be kept: there is no home folder; name a folder for it in MESHLAB_CACHE"
    assert capsys.readouterr().err == f"{NOTICE} ({told})\n"


def test_what_is_compiled_is_used(capsys: Capture) -> None:
    meanwhile = Meanwhile()
    assert meanwhile.why(SMALL, False, NOWHERE) == ""
    assert (meanwhile.spent, capsys.readouterr().err) == (0.0, "")


def test_a_large_run_is_worth_compiling_for() -> None:
    assert Meanwhile().why(LARGE, True, NOWHERE) == ""


def test_many_small_runs_are_a_large_one() -> None:
    meanwhile, runs = Meanwhile(), 0
    while meanwhile.why(SMALL, True, NOWHERE):
        runs += 1
    assert COMPILING - 0.1 < meanwhile.spent <= COMPILING
    assert runs > 100
    assert meanwhile.why(SMALL, True, NOWHERE) == ""


def test_where_nothing_is_compiled_a_run_gives_the_same_and_says_why(tmp_path: Path) -> None:
    program = (
        "from tests.engines.test_meanwhile import SMALL; from meshlab.engines.run import run;"
        "result = run(SMALL, 1); print(result.digest(), result.engine); run(SMALL, 2)"
    )
    cold = {**os.environ, "MESHLAB_CACHE": str(tmp_path / "cache")}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=cold, capture_output=True, text=True, check=True
    )
    expected = run(SMALL, 1, engine="reference").digest()
    assert ended.stdout == f"{expected} reference: {REASON}\n"
    assert ended.stderr == f"{NOTICE} ({ONCE})\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_compiling_ahead_is_left_alone_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nowhere = {**os.environ, "MESHLAB_CACHE": str(tmp_path / "file" / "cache")}
    command = [sys.executable, "-m", "meshlab.engines.compiled"]
    ended = subprocess.run(command, env=nowhere, capture_output=True, text=True, check=True)
    assert ended.stderr.startswith(
        "python -m meshlab.engines.compiled: nothing is compiled (it can't be "
    )
    assert ended.stderr.count("\n") == 1
