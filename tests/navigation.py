"""The way through the lessons, made from the notebooks that exist: an index, and links.

    python -m tests.navigation

writes notebooks/README.md and the last line of every lesson. A test says when that is due.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
INDEX = NOTEBOOKS / "README.md"

WAY = re.compile(r"^(?:Previous|Next): .*?(?=$| In the package:)", flags=re.M)
"""The line that leads on, up to where the lesson says what in the package belongs to it."""

INTRODUCTION = """# The lessons

Each asks one question and runs alone, from a fresh kernel. They build on each other; read them in
order the first time. The minutes are those of a reader who bets, runs and thinks, but leaves the
exercises for later. Solutions lie in [solutions](solutions), for afterwards.

| | lesson | question | minutes |
|---|---|---|---|
"""


def lessons() -> list[Path]:
    """All lessons in the order in which they are read, appendices last."""
    return sorted(NOTEBOOKS.glob("[0-9A]*.ipynb"))


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def number_and_name(path: Path) -> tuple[str, str]:
    number, _, name = path.stem.partition("_")
    return number, name.replace("_", " ")


def question(header: str) -> str:
    """The title's question; where the title is a statement, the first question after it."""
    title = header.splitlines()[0].partition(" · ")[2]
    if "?" in title:
        return title.strip()
    return re.sub(r"[*_]", "", next(x for x in header.splitlines()[1:] if "?" in x)).strip()


def minutes(header: str) -> int:
    found = re.search(r"(\d+) minutes", header)
    if found is None:
        raise ValueError("a lesson's header must say how many minutes it takes")
    return int(found[1])


def index() -> str:
    """The text of notebooks/README.md."""
    rows = []
    for path in lessons():
        header = read(path).cells[0].source
        number, name = number_and_name(path)
        rows.append(
            f"| {number} | [{name}]({path.name}) | {question(header)} | {minutes(header)} |\n"
        )
    return INTRODUCTION + "".join(rows)


def way(path: Path) -> str:
    """Where one goes from a lesson: back, on, to its solutions, and to the index."""
    here = lessons()
    at = here.index(path)
    turns = [("Previous", here[at - 1])] if at else []
    turns += [("Next", here[at + 1])] if at + 1 < len(here) else []
    links = [f"{word}: [{' · '.join(number_and_name(to))}]({to.name})." for word, to in turns]
    links.append(f"Exercises: [solutions](solutions/{path.name}).")
    return " ".join([*links, "All lessons: [index](README.md)."])


def write() -> None:
    """Write the index, and into every lesson's last cell the line that leads on."""
    INDEX.write_text(index(), encoding="utf-8")
    for path in lessons():
        notebook = read(path)
        last = notebook.cells[-1]
        text = WAY.sub(way(path), last.source, count=1)
        if text != last.source:
            last.source = text
            nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
        elif way(path) not in text:
            raise SystemExit(f"{path.name}: the last cell needs a line that begins with 'Next: '")


if __name__ == "__main__":
    write()
