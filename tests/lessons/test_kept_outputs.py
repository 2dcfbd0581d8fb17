"""What notebooks keep for viewers that run nothing: `make notebooks` puts it there."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from meshlab.lab.lab import PLOTLY
from tests.keep_outputs import WIDGET, final, small

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("**/[0-9A]*.ipynb"))
NOTEBOOKS = [path for path in NOTEBOOKS if ".ipynb_checkpoints" not in path.parts]
MOST = 60_000
"""How big (bytes) a kept picture may be."""


def outputs(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", ())]


def figures(path: Path) -> list[dict[str, Any]]:
    return [output for output in outputs(path) if PLOTLY in output.get("data", {})]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_kept_figure_has_a_picture_and_the_picture_has_words(path: Path) -> None:
    for output in figures(path):
        assert output["metadata"]["image/png"]["alt"]
        picture = base64.b64decode(output["data"]["image/png"])
        assert picture.startswith(b"\x89PNG")
        assert len(picture) <= MOST


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_no_dead_widget_is_kept(path: Path) -> None:
    assert [o["data"] for o in outputs(path) if WIDGET in o.get("data", {})] == []


def test_a_picture_gets_smaller_and_stays_a_picture() -> None:
    lesson = next(path for path in NOTEBOOKS if path.name.startswith("00"))
    picture = base64.b64decode(figures(lesson)[0]["data"]["image/png"])
    assert small(picture).startswith(b"\x89PNG")
    assert len(small(picture)) <= 1.01 * len(picture)


def test_of_a_progress_bar_only_its_last_state_is_kept() -> None:
    assert final("run: 0 %\rrun: 50 %\rrun: 100 %\nnext\n") == "run: 100 %\nnext\n"
