"""How much each mark depends on each parameter: ten per cent more of one, all else the same.

Where a story needs its parameters just so, it is a story about parameters. The table that is
printed says which of them decide when an instance dies, and which hardly matter.
"""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache

import pytest

from meshlab.engines.run import run
from meshlab.incident import Parameters, incident
from meshlab.incident.marks import Marks, marks

SOURCES = {"fact", "usual", "fitted"}

NUMBERS = [f.name for f in fields(Parameters) if isinstance(f.default, int | float)]
"""The parameters that are one number."""


def more(name: str) -> Parameters:
    """A tenth more of one parameter, and of whole numbers one more at least."""
    value = getattr(Parameters(), name)
    larger = max(value + 1, round(value * 1.1)) if isinstance(value, int) else value * 1.1
    return replace(Parameters(), **{name: larger})


def measured(parameters: Parameters) -> Marks:
    return marks(run(replace(incident(parameters), weight=100), seed=1))


@cache
def rows() -> dict[str, dict[str, float | None]]:
    """By how much each mark moves: kills in s (None: no longer), the rest in per cent."""
    was = measured(Parameters())
    return {name: moved(was, measured(more(name))) for name in NUMBERS}


def moved(was: Marks, now: Marks) -> dict[str, float | None]:
    times: list[float | None] = [*(time for time, *_ in now.kills), None, None, None]
    kills = zip(was.kills, times, strict=False)
    return {
        **{f"kill {n}": t and t - kill[0] for n, (kill, t) in enumerate(kills, start=1)},
        "storm": 100.0 * (now.peak / was.peak - 1.0),
        "failed": 100.0 * (now.failed / was.failed - 1.0),
    }


def test_each_parameter_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\nten per cent more of one parameter: kills in s, storm and failed pages in %")
        for name, row in rows().items():
            told = ["   never" if v is None else f"{v:+8.1f}" for v in row.values()]
            print(f"  {name:20} {' '.join(told)}")
    assert len(rows()) == len(NUMBERS) > 10


def test_a_faster_leak_kills_sooner_and_more_memory_later() -> None:
    for kill in ("kill 1", "kill 2"):
        assert rows()["hang_rate"][kill] < 0.0  # type: ignore[operator]
        assert rows()["memory_bytes"][kill] > 0.0  # type: ignore[operator]


def test_the_database_decides_nothing() -> None:
    for name in ("connections", "query_seconds"):
        assert abs(rows()[name]["kill 1"]) < 5.0  # type: ignore[arg-type]
        assert abs(rows()[name]["failed"]) < 1.0  # type: ignore[arg-type]


def test_every_parameter_says_where_it_comes_from() -> None:
    table = Parameters().table()
    assert {row["source"] for row in table} == SOURCES
    assert all(row["reason"] for row in table)
