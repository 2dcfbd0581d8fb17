"""The command line where its streams are closed, full, files or terminals."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from meshlab.__main__ import USER_ERROR

DEMO = "demo --rate 1"
QUICK = "--weight 400"
FULL = "No space left on device"


def shell(arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run meshlab as a shell does, with its redirections."""
    return subprocess.run(
        f"{shlex.quote(sys.executable)} -m meshlab {arguments}",
        shell=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "command", [DEMO, f"{DEMO} --json", f"export {QUICK} --openmetrics x", "--help", "nope"]
)
def test_without_standard_output_nothing_runs_and_one_line_says_so(
    command: str, tmp_path: Path
) -> None:
    ended = shell(f"{command} >&-", tmp_path)
    assert ended.returncode == USER_ERROR
    assert ended.stderr == "python -m meshlab: standard output: closed\n"
    assert list(tmp_path.iterdir()) == []


def test_without_standard_error_all_else_is_as_ever(tmp_path: Path) -> None:
    expected = shell(DEMO, tmp_path)
    assert expected.returncode == 0 and "\nseed " in expected.stdout
    ended = shell(f"{DEMO} 2>&-", tmp_path)
    assert (ended.returncode, ended.stdout) == (0, expected.stdout)
    ended = shell("demo --seed x 2>&-", tmp_path)
    assert (ended.returncode, ended.stdout) == (USER_ERROR, "")


def test_without_standard_input_too(tmp_path: Path) -> None:
    assert shell(f"{DEMO} <&-", tmp_path).stdout == shell(DEMO, tmp_path).stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", [DEMO, f"{DEMO} --json", "demo --help"])
def test_a_full_standard_output_is_named(command: str, unbuffered: str, tmp_path: Path) -> None:
    ended = shell(f"{command} >/dev/full", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert ended.returncode == USER_ERROR
    assert ended.stderr == f"python -m meshlab: standard output: {FULL}\n"


def test_a_full_standard_error_changes_no_exit_status(tmp_path: Path) -> None:
    assert shell(f"{DEMO} 2>/dev/full", tmp_path).returncode == 0
    for wrong in ("demo --seed x", "demo --scenario missing.yaml", "replay --at 14:30"):
        assert shell(f"{wrong} 2>/dev/full", tmp_path).returncode == USER_ERROR


@pytest.mark.parametrize("option", ["replay --html", "export --openmetrics"])
def test_a_full_disk_is_told_with_the_file(option: str, tmp_path: Path) -> None:
    ended = shell(f"{option} /dev/full {QUICK}", tmp_path)
    assert (ended.returncode, ended.stdout) == (USER_ERROR, "")
    assert ended.stderr == f"python -m meshlab: /dev/full: {FULL}\n"


def test_of_a_file_that_does_not_fit_no_half_is_left(tmp_path: Path) -> None:
    """ulimit lets a file grow to 64 blocks; writing on fails as on a full disk."""
    command = f"export --openmetrics incident.om {QUICK}"
    ended = shell(f"{command} 3>&1; exit $?", tmp_path)
    assert (tmp_path / "incident.om").stat().st_size > 64 * 1024
    limited = f"ulimit -f 64; {shlex.quote(sys.executable)} -m meshlab {command}"
    ended = subprocess.run(
        ["sh", "-c", limited],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == USER_ERROR
    assert ended.stderr == "python -m meshlab: incident.om: File too large\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("forced", [{"FORCE_COLOR": "1"}, {"TTY_INTERACTIVE": "1"}])
def test_no_bar_is_drawn_into_a_file(forced: dict[str, str], tmp_path: Path) -> None:
    ended = shell(f"{DEMO} --json 2>told", tmp_path, TERM="xterm-256color", **forced)
    assert ended.returncode == 0
    assert "\x1b" not in ended.stdout
    assert (tmp_path / "told").read_text() == ""
