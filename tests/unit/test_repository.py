"""What the repository promises about its pins and its own files."""

import codecs
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from meshlab.extras import EXTRAS
from tests.unit.test_dependencies import EDGE

ROOT = Path(__file__).parents[2]
PINS = (ROOT / "requirements.txt").read_text(encoding="utf-8")
REQUIREMENTS = [part for part in re.split(r"\n(?=\S)", re.sub(r" *#.*", "", PINS)) if "==" in part]
PINNED = {
    requirement.name: requirement
    for requirement in (Requirement(part.split("\\")[0].strip()) for part in REQUIREMENTS)
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = PROJECT["dependencies"] + [
    name for names in PROJECT["optional-dependencies"].values() for name in names
]


def pinned_version(name: str) -> str:
    (specifier,) = PINNED[name].specifier
    return specifier.version


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if (ROOT / name).is_file()]


def test_every_library_of_the_edge_is_known_to_come_with_its_extra() -> None:
    """The extra that an error advises to install is the one that has the library."""
    extras = PROJECT["optional-dependencies"]
    assert {*EXTRAS} == {*extras} - {"test", "build"}
    edge = {*EDGE} - {"prometheus_client"}
    assert {library for libraries in EXTRAS.values() for library in libraries} == edge | {"kaleido"}
    for extra, libraries in EXTRAS.items():
        declared = {Requirement(text).name for text in extras[extra]}
        brought = {"IPython": "ipykernel", "llvmlite": "numba"}
        assert {brought.get(library, library) for library in libraries} <= declared


@pytest.mark.parametrize("requirement", [Requirement(text) for text in DECLARED], ids=str)
def test_the_pins_hold_every_declared_dependency(requirement: Requirement) -> None:
    assert pinned_version(requirement.name) in requirement.specifier


def test_every_pin_carries_hashes() -> None:
    assert [part for part in REQUIREMENTS if "--hash=sha256:" not in part] == []


def test_no_committed_file_names_a_package_index() -> None:
    """This one included, so what is looked for is made when the test runs."""
    names = [codecs.decode(name, "rot13").encode() for name in ("clcv.bet", "clgubaubfgrq")]
    naming = [
        path.relative_to(ROOT).as_posix()
        for path in tracked_files()
        if any(name in path.read_bytes().lower() for name in names)
    ]
    assert naming == []
