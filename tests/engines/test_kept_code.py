"""Compiled code is kept in its folder and nowhere else, and no trouble with it ends a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from numba import njit

from meshlab.kernel.code_cache import CodeCache
from meshlab.kernel.kept_code import Announcer, keep

Capture = pytest.CaptureFixture[str]

COMPILING = "meshlab: compiling the engine's rules, for about a minute"


def twice(number: Any) -> Any:
    return number + number


def compiled(cache: CodeCache) -> Any:
    """The rule as a new process would have it: nothing compiled yet."""
    rule = njit(twice)
    keep(rule, Announcer(cache))
    return rule


@pytest.fixture
def cache(tmp_path: Path) -> CodeCache:
    return CodeCache(tmp_path / "cache")


def files(cache: CodeCache, kind: str) -> list[Path]:
    assert cache.folder is not None
    return sorted(cache.folder.glob(f"*.{kind}"))


def test_a_rule_is_compiled_once_and_then_loaded(cache: CodeCache, capsys: Capture) -> None:
    assert compiled(cache)(21) == 42
    assert capsys.readouterr().err == f"{COMPILING}, once ...\n"
    again = compiled(cache)
    assert again(21) == 42
    assert capsys.readouterr().err == ""
    assert (len(files(cache, "nbi")), len(files(cache, "nbc"))) == (1, 1)


def test_a_folder_that_can_only_be_read_is_enough_for_what_is_in_it(
    cache: CodeCache, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled(cache)(21)
    capsys.readouterr()
    monkeypatch.setattr("tempfile.TemporaryFile", pytest.fail)  # whoever only reads tries nothing
    assert compiled(cache)(21) == 42
    assert capsys.readouterr().err == ""


def test_where_nothing_can_be_kept_every_process_compiles_and_says_so_once(
    tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "file").write_text("")
    for cache in (CodeCache(tmp_path / "file" / "cache"), CodeCache(None, "there is no home")):
        rule = compiled(cache)
        assert (rule(21), rule(2.5)) == (42, 5.0)
        told = capsys.readouterr().err
        assert told.startswith(f"{COMPILING} (it can't be kept: ")
        assert told.endswith("; name a folder for it in MESHLAB_CACHE) ...\n")
        assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("left", [b"", b"\x80\x05", b"nonsense", b"\x80\x05K*."])
def test_a_damaged_file_is_compiled_anew_and_mended(
    kind: str, left: bytes, cache: CodeCache, capsys: Capture
) -> None:
    compiled(cache)(21)
    (file,) = files(cache, kind)
    file.write_bytes(left)
    capsys.readouterr()
    assert compiled(cache)(21) == 42
    assert capsys.readouterr().err == f"{COMPILING}, once ...\n"
    assert compiled(cache)(21) == 42
    assert capsys.readouterr().err == ""


def test_code_that_was_kept_under_a_wrong_name_is_not_run(cache: CodeCache) -> None:
    """As two processes may leave it that write their index at the same moment."""
    rule = compiled(cache)
    assert (rule(21), rule(2.5)) == (42, 5.0)
    first, second = files(cache, "nbc")
    first.write_bytes(second.read_bytes())
    assert compiled(cache)(21) == 42
    assert compiled(cache)(2.5) == 5.0


def test_nothing_is_kept_beside_the_sources_whatever_numba_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numba.core import config

    settings: Any = config
    monkeypatch.setattr(settings, "CACHE_DIR", str(tmp_path / "numba"))
    monkeypatch.setattr(settings, "CACHE_LOCATOR_CLASSES", "InTreeCacheLocator")
    before = {path.name for path in Path(__file__).parent.rglob("*.nb[ci]")}
    for cache in (CodeCache(None, "no home"), CodeCache(tmp_path / "mine")):
        assert compiled(cache)(21) == 42
    assert {path.name for path in Path(__file__).parent.rglob("*.nb[ci]")} == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


FULL = """
import resource, sys
from numba import njit
from meshlab.kernel.code_cache import CodeCache
from meshlab.kernel.kept_code import Announcer, keep
from pathlib import Path
from tests.engines.test_kept_code import twice

rule = njit(twice)
keep(rule, Announcer(CodeCache(Path(sys.argv[1]))))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
print(rule(21), rule(2.5))
"""


@pytest.mark.parametrize(("room", "told"), [(0, "it can't be kept"), (4096, "code can't be kept")])
def test_a_disk_that_is_full_costs_a_line_and_nothing_else(
    room: int, told: str, tmp_path: Path
) -> None:
    """The system's limit on the size of files fails as a full disk does: while writing."""
    command = [sys.executable, "-c", FULL, str(tmp_path / "cache"), str(room)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert ended.stdout == "42 5.0\n"
    assert told in ended.stderr and "File too large" in ended.stderr
    assert all(line.startswith("meshlab: ") for line in ended.stderr.splitlines())
    assert list(tmp_path.rglob("*.tmp.*")) == []
