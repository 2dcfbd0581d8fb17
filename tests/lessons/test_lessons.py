"""The house rules for lessons, as far as a machine can check them."""

import ast
import re
from pathlib import Path
from statistics import median
from typing import Any

import nbformat
import pytest

from tests import navigation

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


def words(cell: Cell, *, tables: bool = False) -> int:
    """The words of a text cell; source blocks, navigation and links' targets are not prose."""
    source = re.sub(r"```.*?```", "", navigation.WAY.sub("", cell["source"]), flags=re.S)
    kept = [line for line in source.splitlines() if tables or not line.lstrip().startswith("|")]
    return count("\n".join(kept))


def count(prose: str) -> int:
    return len(re.findall(r"\w[\w'’-]*", LINK.sub("]", prose)))


def code_and_prose(cell: Cell) -> tuple[int, int]:
    """The lines of a code cell that one reads as code, and the words of its docstrings.

    Imports, comments and lines with nothing but brackets are furniture.
    """
    rows, prose = cell["source"].splitlines(), 0
    furniture = {n for n, row in enumerate(rows, 1) if not re.match(r"[^#]*\w", row)}
    for node in ast.walk(ast.parse(cell["source"])):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            prose += count(ast.get_docstring(node) or "")
            node = node.body[0]
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        furniture |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(rows) - len(furniture), prose


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
def test_a_lesson_opens_on_at_most_nine_lines_of_imports(path: Path) -> None:
    """What only a later cell needs is imported there."""
    opening = next(cell["source"] for cell in code(path) if "meshlab" in cell["source"])
    imports = [n for n in ast.parse(opening).body if isinstance(n, ast.Import | ast.ImportFrom)]
    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in imports) <= 9


@lesson
def test_text_cells_are_short(path: Path) -> None:
    long = {cell["id"]: words(cell) for cell in text(path) if words(cell) > 80}
    assert not long


@lesson
def test_there_are_12_to_20_words_for_every_line_of_code(path: Path) -> None:
    """Text cells with their tables and docstrings, over code: see `code_and_prose`."""
    counted = [code_and_prose(cell) for cell in code(path)]
    read = sum(words(cell, tables=True) for cell in text(path)) + sum(prose for _, prose in counted)
    assert 12 <= read / sum(lines for lines, _ in counted) <= 20


@lesson
def test_a_lesson_leads_back_and_on_to_its_solutions_and_to_the_index(path: Path) -> None:
    """`make index` writes the line, once the last cell has one that begins with "Next: "."""
    assert navigation.way(path) in text(path)[-1]["source"], "make index is due"


def test_the_index_of_the_lessons_is_made_from_their_headers() -> None:
    assert navigation.INDEX.read_text(encoding="utf-8") == navigation.index(), "make index is due"


@pytest.mark.parametrize("path", SOLUTIONS, ids=name)
def test_solutions_lead_back_to_their_lesson(path: Path) -> None:
    targets = [t for cell in text(path) for t in LINK.findall(cell["source"])]
    assert f"../{path.name}" in targets


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
