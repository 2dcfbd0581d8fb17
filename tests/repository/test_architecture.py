"""ARCHITECTURE.md and CONTRIBUTING.md are true: what they draw, name, quote and count."""

from __future__ import annotations

import ast
import re
import sys
from types import FrameType

import pytest

from meshlab.mesh.mesh import Mesh
from meshlab.policies.balancer import BALANCERS
from meshlab.policies.breaker_config import BreakerConfig
from meshlab.policies.budget import TokenRetryBudget
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario.scenario import Scenario
from tests.architecture import PAGE, arrows, drawn, longest_ways, purposes
from tests.repository.test_dependencies import MODULES, ROOMS
from tests.small import line, service

ROOT = PAGE.parent
ARCHITECTURE = PAGE.read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")

pages = pytest.mark.parametrize(
    "page", [ARCHITECTURE, CONTRIBUTING, README], ids=["architecture", "contributing", "readme"]
)


def test_the_picture_of_rooms_is_that_of_the_imports() -> None:
    """If this fails: make architecture."""
    assert drawn(ARCHITECTURE) == ARCHITECTURE


def test_another_import_would_be_another_picture() -> None:
    page = ARCHITECTURE.replace("    sweep --> engines\n", "    sweep --> cli\n")
    assert page != ARCHITECTURE
    assert drawn(page) == ARCHITECTURE


def test_every_room_has_its_line_in_the_docstring_of_the_package() -> None:
    assert [*purposes()] == [name for name in ROOMS if name != "__main__"] == [*arrows()]


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    graph = {"a": {"b", "c", "d"}, "b": {"c"}, "c": set(), "d": set()}
    assert longest_ways(graph) == {"a": {"b", "d"}, "b": {"c"}, "c": set(), "d": set()}


def members() -> dict[str, set[str]]:
    """The names in the body of every class of the package, and those that it inherits."""
    classes = [
        node
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    own: dict[str, set[str]] = {}
    bases = {node.name: [ast.unparse(base) for base in node.bases] for node in classes}
    for node in classes:
        methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
        fields = {ast.unparse(e.target) for e in node.body if isinstance(e, ast.AnnAssign)}
        own.setdefault(node.name, set()).update(methods, fields)
    return {
        name: names.union(*(own.get(base, set()) for base in bases[name]))
        for name, names in own.items()
    }


def named(page: str) -> list[str]:
    """What a page names as ``Class.member``, with or without brackets, in its order."""
    return re.findall(r"`([A-Z]\w+\.[a-z_]\w*)(?:\(\))?`", page)


@pages
def test_every_method_that_a_page_names_exists(page: str) -> None:
    known = members()
    missing = [n for n in named(page) if n.partition(".")[2] not in known[n.partition(".")[0]]]
    assert missing == []


@pages
def test_every_file_that_a_page_names_exists(page: str) -> None:
    links = re.findall(r"\]\(([^):]+)\)", page)
    files = re.findall(r"`((?:meshlab|tests|notebooks|data)/(?!meshlab)[\w/.]*)`", page)
    assert links
    assert [name for name in links + files if not (ROOT / name).exists()] == []


def test_every_file_of_the_kernel_that_the_page_names_exists() -> None:
    _, _, section = ARCHITECTURE.partition("## One mesh, two kernels")
    names = re.findall(r"`(\w+\.py)`", section)
    assert len(names) > 5
    assert [name for name in names if not (ROOT / "meshlab" / "kernel" / name).exists()] == []


@pages
def test_every_target_that_a_page_names_is_in_the_makefile(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:`|^ {4})make ([a-z]+)", page, flags=re.M))
    assert targets <= set(re.findall(r"^([a-z]+):", makefile, flags=re.M))


def one_request() -> Scenario:
    """A client calls a, which calls b: once, through every policy that the page speaks of."""
    retry = RetryPolicy(max_attempts=2, per_try_timeout=1.0, budget=TokenRetryBudget())
    edge = {"retry": retry, "breaker": BreakerConfig()}
    return line(service("a"), service("b"), rate=1.0, duration=1.5, edge=edge)


def called(scenario: Scenario) -> list[str]:
    """The methods that a run calls, in their order."""
    mesh, calls = Mesh(scenario, seed=1), list[str]()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        mesh.run()
    finally:
        sys.setprofile(before)
    return calls


def test_a_request_takes_the_path_that_the_page_describes() -> None:
    _, _, section = ARCHITECTURE.partition("## One request")
    steps, _, _ = section.partition("A try can also end badly")
    path = named(steps)
    calls = called(one_request())
    assert calls.count("Calls.begin") == 1
    place = 0
    for step in path:
        assert step in calls[place:], f"{step} is not called after what stands before it"
        place = calls.index(step, place) + 1
    assert len(path) > 20


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", CONTRIBUTING, flags=re.S))
def test_what_is_quoted_of_maglev_stands_in_its_file(block: str) -> None:
    """Lines may be left out, but none is another, and their order is the same."""
    source = iter((ROOT / "meshlab/policies/maglev.py").read_text(encoding="utf-8").splitlines())
    # `in` reads on from the line that was found last
    assert [text for text in block.splitlines() if text and text not in source] == []


def test_a_policy_takes_the_two_files_that_the_page_names() -> None:
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES.values()
        if "maglev" in path.read_text(encoding="utf-8").lower()
    }
    assert naming == {"meshlab/policies/maglev.py", "meshlab/policies/balancer.py"}
    assert "two files of the package name it" in CONTRIBUTING
    assert all(f"- `{name}`" in CONTRIBUTING for name in naming)
    assert "maglev" in BALANCERS


def test_the_table_of_annotations_has_all_that_a_record_may_hold() -> None:
    """It is the list in the docstring of `meshlab.kernel.record`, with the same examples."""
    text = (ROOT / "meshlab" / "kernel" / "record.py").read_text(encoding="utf-8")
    _, _, listed = text.partition("What an annotation may say:")
    listed, _, _ = listed.partition('"""')
    kinds = re.findall(r"\w+\[(?:[^\[\]\n]|\[\w+\])*\]", listed)
    assert len(kinds) == 8
    kinds += ["float", "int", "bool", "Small", "Word", "Job", "Window"]
    assert all(kind in listed for kind in kinds)
    assert [kind for kind in kinds if f"`{kind}`" not in CONTRIBUTING] == []
