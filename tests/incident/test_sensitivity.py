"""How much each mark depends on each parameter: printed, and its plain consequences asserted."""

from __future__ import annotations

from functools import cache

import pytest

from meshlab.incident import Parameters
from meshlab.incident.sensitivity import numbers, sensitivity

SOURCES = {"fact", "usual", "fitted"}


@cache
def rows() -> dict[str, dict[str, float | str | None]]:
    return {str(row["parameter"]): row for row in sensitivity()}


def test_each_parameter_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\nten per cent more of one parameter: kills in s, storm and failed pages in %")
        for name, row in rows().items():
            cells = [v for key, v in row.items() if key != "parameter"]
            told = ["   never" if v is None else f"{v:+8.1f}" for v in cells]
            print(f"  {name:20} {' '.join(told)}")
    assert list(rows()) == list(numbers())


def test_a_faster_leak_kills_sooner_and_more_memory_later() -> None:
    for kill in ("kill 1 (s)", "kill 2 (s)"):
        assert rows()["hang_rate"][kill] < 0.0  # type: ignore[operator]
        assert rows()["memory_bytes"][kill] > 0.0  # type: ignore[operator]


def test_the_database_decides_nothing() -> None:
    for name in ("connections", "query_seconds"):
        assert abs(rows()[name]["kill 1 (s)"]) < 5.0  # type: ignore[arg-type]
        assert abs(rows()[name]["failed (%)"]) < 1.0  # type: ignore[arg-type]


def test_every_parameter_says_where_it_comes_from() -> None:
    table = Parameters().table()
    assert {row["source"] for row in table} == SOURCES
    assert all(row["reason"] for row in table)
