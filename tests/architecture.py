"""The picture of rooms in ARCHITECTURE.md, drawn from the imports of the package.

    python -m tests.architecture

writes it, and the table below it, between two marks in the page. A test fails when that is due.
"""

from __future__ import annotations

import re
from pathlib import Path

import meshlab
from tests.repository.test_dependencies import INSIDE, ROOMS, inside, room

PAGE = Path(__file__).parents[1] / "ARCHITECTURE.md"

BEGIN = "<!-- drawn by `make architecture` from here -->\n"
END = "<!-- to here -->\n"

Arrows = dict[str, set[str]]
"""The rooms that a room imports from, itself left out."""


def arrows() -> Arrows:
    """Every import from room to room. Commands (`__main__`) belong to no room."""
    found: Arrows = {name: set() for name in ROOMS if name != "__main__"}
    for module in INSIDE:
        if room(module) != "__main__":
            found[room(module)] |= {room(other) for other in inside(module)} - {room(module)}
    return found


def reached(start: str, graph: Arrows) -> set[str]:
    """The rooms that can be reached from one, in any number of steps."""
    return graph[start].union(*(reached(other, graph) for other in graph[start]))


def longest_ways(graph: Arrows) -> Arrows:
    """The same without the arrows that others imply: with a -> b -> c there is no a -> c."""
    return {
        name: {o for o in others if not any(o in reached(by, graph) for by in others)}
        for name, others in graph.items()
    }


def purposes() -> dict[str, str]:
    """What is in each room, from the docstring of `meshlab`."""
    text = str(meshlab.__doc__).replace("``", "`")
    return dict(re.findall(r"^    (\w+) {2,}(\S.*)$", text, flags=re.M))


def picture(graph: Arrows) -> str:
    """A Mermaid diagram; each room stands above those that it imports from."""
    lines = [
        f"    {name} --> {other}"
        for name, others in reversed(longest_ways(graph).items())
        for other in sorted(others, key=ROOMS.index)
    ]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```", ""])


def table(graph: Arrows) -> str:
    """A line for every room, from the ground up, with all rooms that it imports from."""
    rows = ["| room | what is in it | imports from |", "|---|---|---|"]
    for name, others in graph.items():
        imports = ", ".join(sorted(others, key=ROOMS.index)) or "nothing"
        rows.append(f"| [{name}](meshlab/{name}) | {purposes()[name]} | {imports} |")
    return "\n".join([*rows, ""])


def drawn(text: str) -> str:
    """A page with the picture and the table of today."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    graph = arrows()
    return f"{before}{BEGIN}\n{picture(graph)}\n{table(graph)}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
