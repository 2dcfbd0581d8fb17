"""The command line: what it prints, how it ends, and that a user's error is one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from meshlab.__main__ import INTERRUPTED, READER_GONE, USER_ERROR, main
from meshlab.cli.demo import Report, read_report, to_json
from meshlab.engines.run import run
from meshlab.scenario.faults import Errors
from meshlab.scenario.file import save_scenario
from meshlab.scenario.shop import shop

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("demo --seed 1 2", "unrecognized arguments: 2"),
        ("nope", "invalid choice: 'nope'"),
        ("demo --seed x", "--seed: must be a whole number >= 0, got 'x'"),
        ("demo --seed -1", "--seed: must be a whole number >= 0, got '-1'"),
        ("demo --seed 1.5", "--seed: must be a whole number >= 0, got '1.5'"),
        ("demo --rate x", "--rate: must be a number >= 0, got 'x'"),
        ("demo --rate -1", "--rate: must be a number >= 0, got '-1'"),
        ("demo --rate nan", "--rate: must be a number >= 0, got 'nan'"),
        ("demo --rate 1e9", "lower the rate"),
        ("demo --faults", "unrecognized arguments: --faults"),
        ("demo --scenario no/such.yaml", "no/such.yaml"),
        ("demo --scenario a.yaml --rate 3", "not allowed with"),
        ("demo --seed ٣", "--seed: must be a whole number >= 0, got '٣'"),
        ("demo --seed +1", "--seed: must be a whole number >= 0, got '+1'"),
        ("demo --seed 1_0", "--seed: must be a whole number >= 0, got '1_0'"),
        (f"demo --seed {'9' * 5000}", "--seed: must have at most 100 digits, got 5,000"),
        (f"demo --seed {'x' * 5000}", f"got '{'x' * 89}..."),
        ("demo --rate ٣", "--rate: must be a number >= 0, got '٣'"),
        ("demo --rate 1_0", "--rate: must be a number >= 0, got '1_0'"),
        ("demo --rate 1e999", "--rate: must be a number >= 0, got '1e999'"),
        ("demo --rate 1e308", "rate must be at most 1e+12, got 1e+308"),
        ("demo --scenario=", "--scenario: must be the name of a file, got ''"),
        ("demo --scenario a\0b", "--scenario: must be the name of a file, got 'a\\x00b'"),
        ("demo --scenario a\ud800b", "--scenario: must be the name of a file"),
        ("demo --scenario /dev/zero", "/dev/zero: can't be read: more than 10 MB"),
        ("demo --scenario /dev/full", "/dev/full: can't be read: more than 10 MB"),
    ],
)
def test_an_error_of_the_user_is_one_line_on_stderr(
    arguments: str, told: str, capsys: Capture
) -> None:
    assert main(arguments.split(" ")) == USER_ERROR
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1


def test_without_a_command_the_error_is_one_line_too(capsys: Capture) -> None:
    assert main([]) == USER_ERROR
    assert "required: COMMAND" in capsys.readouterr().err


def test_a_seed_of_a_hundred_digits_is_one(capsys: Capture) -> None:
    seed = "7" * 100
    assert main(["demo", "--rate", "1", "--seed", seed, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seed"] == int(seed)


@pytest.mark.parametrize("arguments", ["--help", "demo --help"])
def test_help_is_no_error(arguments: str, capsys: Capture) -> None:
    assert main(arguments.split()) == 0
    out, err = capsys.readouterr()
    assert out.startswith("usage: python -m meshlab")
    assert err == ""
    assert max(len(line) for line in out.splitlines()) <= 80


def test_help_names_every_key_of_the_document(capsys: Capture) -> None:
    main(["demo", "--help"])
    told = capsys.readouterr().out
    assert [field.name for field in fields(Report) if field.name not in told] == []


def test_the_demo_prints_tables_that_end_with_a_summary(capsys: Capture) -> None:
    assert main(["demo", "--rate", "5"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("meshlab demo: ")
    assert out.rstrip().splitlines()[-1].startswith("seed")
    assert "\x1b" not in out
    assert err == ""


def test_json_is_one_document_and_nothing_else(capsys: Capture) -> None:
    assert main(["demo", "--rate", "5", "--seed", "3", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["seed"] == 3
    assert err == ""


def test_a_scenario_file_is_told_the_same_way(tmp_path: Path, capsys: Capture) -> None:
    fault = Errors(service="auth", instance="auth-1", rate=0.5, start=5.0)
    mine = replace(shop(rate=5.0, duration=10.0), name="mine", faults=(fault,))
    file = tmp_path / "mine.yaml"
    save_scenario(mine, file)
    assert main(["demo", "--scenario", str(file), "--seed", "4", "--json"]) == 0
    assert capsys.readouterr().out == to_json(read_report(run(mine, seed=4)))
    assert main(["demo", "--scenario", str(file)]) == 0
    assert "auth-1 fails 50%" in capsys.readouterr().out


def test_a_wrong_scenario_file_is_one_line_with_its_place(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "wrong.yaml"
    save_scenario(shop(), file)
    file.write_text(file.read_text().replace("duration: 60", "duration: -60"))
    assert main(["demo", "--scenario", str(file)]) == USER_ERROR
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "wrong.yaml" in err and "duration must be a number > 0" in err


def test_colours_are_left_out_where_the_user_wants_none(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    main(["demo", "--rate", "5"])
    assert "\x1b[1;31m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    main(["demo", "--rate", "5"])
    assert "\x1b[1;31m" not in capsys.readouterr().out


def test_an_interrupted_run_ends_quietly(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("meshlab.engines.run.run", interrupted)
    assert main(["demo"]) == INTERRUPTED
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--rate=5", "--json", "--help"])
def test_a_reader_that_has_gone_away_is_no_reason_to_complain(option: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "meshlab", "demo", option]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    ended = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, env=buffered, check=False
    )
    os.close(writing)
    assert ended.returncode == READER_GONE
    assert ended.stderr == b""
