"""The house rules for lessons, as far as a machine can check them."""

import re
from pathlib import Path
from statistics import median
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
LINK = re.compile(r"\]\(([^)\s]+)\)")

Cell = dict[str, Any]


def cells(path: Path) -> list[Cell]:
    return nbformat.read(path, as_version=4).cells  # type: ignore[no-untyped-call, no-any-return]


def code(path: Path) -> list[Cell]:
    return [cell for cell in cells(path) if cell["cell_type"] == "code"]


def text(path: Path) -> list[Cell]:
    return [cell for cell in cells(path) if cell["cell_type"] == "markdown"]


def lines(cell: Cell) -> int:
    return sum(bool(line.strip()) for line in cell["source"].splitlines())


def words(cell: Cell) -> int:
    """The words of a text cell; tables, source blocks and links' targets are not prose."""
    source = re.sub(r"```.*?```", "", cell["source"], flags=re.S)
    prose = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("|"))
    return len(re.findall(r"\w[\w'’-]*", LINK.sub("]", prose)))


def name(path: Path) -> str:
    return path.stem


def test_every_lesson_has_its_solutions() -> None:
    assert [path.name for path in SOLUTIONS] == [path.name for path in LESSONS]


lesson = pytest.mark.parametrize("path", LESSONS, ids=name)
notebook = pytest.mark.parametrize(
    "path", [*LESSONS, *SOLUTIONS], ids=lambda p: f"{p.parent.name}-{p.stem}"
)


@lesson
def test_a_lesson_opens_with_a_question_the_minutes_and_three_goals(path: Path) -> None:
    header = text(path)[0]["source"]
    number = path.stem[:2]
    title = header.splitlines()[0]
    assert title.startswith(f"# {number}")
    assert "?" in header.splitlines()[0] + header.splitlines()[2]
    assert re.search(r"\d+ minutes", header)
    assert len(re.findall(r"^(?:[-*]|\d\.) ", header, flags=re.M)) >= 3


@lesson
def test_code_cells_are_short(path: Path) -> None:
    lengths = [lines(cell) for cell in code(path)]
    assert median(lengths) <= 6
    assert max(lengths) <= 25


@lesson
def test_text_cells_are_short(path: Path) -> None:
    long = {cell["id"]: words(cell) for cell in text(path) if words(cell) > 80}
    assert not long


@lesson
def test_two_code_cells_follow_each_other_only_for_a_check(path: Path) -> None:
    pairs = [
        (one["id"], other["id"])
        for one, other in zip(cells(path), cells(path)[1:], strict=False)
        if one["cell_type"] == other["cell_type"] == "code"
        and not re.search(r"\b(check|assert|reveal)\b", other["source"])
    ]
    assert not pairs


@lesson
def test_a_lesson_bets_asserts_and_lets_the_reader_move_something(path: Path) -> None:
    source = "\n".join(cell["source"] for cell in code(path))
    assert "predict(" in source
    assert ".reveal(" in source
    assert re.search(r"^\s*assert ", source, flags=re.M)
    assert "panel(" in source


@lesson
def test_a_lesson_closes_with_what_one_now_sees(path: Path) -> None:
    source = "\n".join(cell["source"] for cell in text(path)[-6:])
    assert "What you now see that you could not before" in source


@notebook
def test_links_lead_to_something(path: Path) -> None:
    targets = [t for cell in text(path) for t in LINK.findall(cell["source"])]
    local = [t.split("#")[0] for t in targets if not re.match(r"https?:|#|mailto:", t)]
    missing = [t for t in local if not (path.parent / t).exists()]
    assert not missing


@notebook
def test_outputs_are_kept_and_none_is_an_error(path: Path) -> None:
    run = [cell for cell in code(path) if cell["source"].strip()]
    counts = [cell["execution_count"] for cell in run]
    assert counts == list(range(1, len(run) + 1))
    kinds = {output["output_type"] for cell in run for output in cell["outputs"]}
    assert "error" not in kinds


@notebook
def test_every_figure_is_kept_as_a_picture_too(path: Path) -> None:
    """A viewer that runs no JavaScript shows nothing of a plotly figure or of a widget."""
    bare = [
        cell["id"]
        for cell in code(path)
        for output in cell["outputs"]
        if {"application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"}
        & set(output.get("data", {}))
        and "image/png" not in output["data"]
    ]
    assert not bare


@notebook
def test_a_notebook_is_small_and_names_no_machine(path: Path) -> None:
    raw = path.read_text()
    assert len(raw) < 2_500_000
    assert not re.search(r"/(?:home|root|work|Users|tmp)/\w", raw)
