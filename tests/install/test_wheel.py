"""The wheel, installed into a clean environment outside the clone, does all that the clone does."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import meshlab.mesh.mesh  # noqa: F401  every class that is compiled
from meshlab.engines.run import run
from meshlab.incident.scenario import incident
from meshlab.kernel.where_kept import code_cache
from tests.install.stranger import ROOT, Environment, build_wheel, make_environment

Factory = pytest.TempPathFactory

QUICK = ("--thinning", "400")
"""A request stands for 400: a second or two in the reference engine."""

COMMANDS = {
    "demo": ("--rate", "2"),
    "demo as JSON": ("--rate", "2", "--json"),
    "replay": QUICK,
    "replay with a defence": (*QUICK, "--what-if", "no leak", "--at", "14:30"),
    "export": (*QUICK, "--openmetrics", "incident.om", "--metric", "up"),
}
"""Every command, with options, under a name whose first word it is."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: Factory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: Factory, wheel: Path) -> Environment:
    """Installed without any extra."""
    return make_environment(tmp_path_factory.mktemp("bare"), wheel)


@pytest.fixture(scope="module")
def full(tmp_path_factory: Factory, wheel: Path) -> Environment:
    """Installed with what notebooks and the compiled engine need."""
    return make_environment(tmp_path_factory.mktemp("full"), wheel, "lab", "compiled")


def test_the_environment_has_the_package_and_nothing_that_it_does_not_require(
    bare: Environment,
) -> None:
    program = (
        "import meshlab, sys; from importlib.util import find_spec as find;"
        "print(meshlab.__file__); print(*sys.path);"
        "print(*map(find, ('plotly', 'numba', 'IPython', 'pyarrow', 'tests')))"
    )
    file, path, found = bare.run("-c", program).stdout.splitlines()
    assert Path(file).is_relative_to(bare.folder)
    assert str(ROOT) not in path.split()
    assert set(found.split()) == {"None"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_works_without_extras(name: str, bare: Environment) -> None:
    ended = bare.run("-m", "meshlab", name.split()[0], *COMMANDS[name])
    assert len(ended.stdout) > 20
    assert ended.stderr == ""


def test_there_is_no_other_command(bare: Environment) -> None:
    usage = bare.run("-m", "meshlab", "--help").stdout
    commands = re.findall(r"(?m)^    (\w+) ", usage)
    assert commands and {name.split()[0] for name in COMMANDS} == set(commands)


def test_the_incident_is_the_same_as_in_the_clone(bare: Environment) -> None:
    document = json.loads(bare.run("-m", "meshlab", "replay", *QUICK, "--json").stdout)
    assert document["happened"]["digest"] == run(replace(incident(), thinning=400), 1).digest()
    assert len(document["happened"]["lines"]) > 8


def test_scenarios_and_rules_for_prometheus_come_with_the_package(bare: Environment) -> None:
    program = "from importlib.resources import files; print(files('meshlab') / 'data')"
    data = Path(bare.run("-c", program).stdout.strip())
    kept = {path.relative_to(ROOT / "data") for path in (ROOT / "data").rglob("*.*")}
    assert {path.relative_to(data) for path in data.rglob("*.*")} == kept
    storm = str(data / "shop.yaml")
    assert "\nseed " in bare.run("-m", "meshlab", "demo", "--scenario", storm).stdout


@pytest.mark.parametrize(
    ("command", "library", "extra"),
    [
        ("meshlab replay --html page.html", "plotly", "lab"),
        ("meshlab.kernel", "numba", "compiled"),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(
    command: str, library: str, extra: str, bare: Environment
) -> None:
    ended = bare.run("-m", *command.split(), status=2)
    program = f"python -m {command.split()[0]}"
    advice = f"{library} is not installed: pip install 'meshlab[{extra}]'"
    assert (ended.stdout, ended.stderr) == ("", f"{program}: {advice}\n")
    assert not (bare.folder / "elsewhere" / "page.html").exists()


def test_with_the_extra_the_page_is_written(full: Environment) -> None:
    cold = {"MESHLAB_CACHE": str(full.folder / "cache")}
    full.run("-m", "meshlab", "replay", *QUICK, "--html", "page.html", **cold)
    page = (full.folder / "elsewhere" / "page.html").read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>")


def test_the_clone_and_what_is_installed_share_what_was_compiled(full: Environment) -> None:
    program = (
        "import meshlab.mesh.mesh; from meshlab.kernel.where_kept import code_cache;"
        "print(code_cache().folder.name)"
    )
    folder = code_cache().folder
    assert folder is not None
    assert full.run("-c", program).stdout.strip() == folder.name


def test_an_editable_install_has_no_copy_of_the_data_and_finds_it(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "editable")
    assert [name for name in zipfile.ZipFile(wheel).namelist() if "data/" in name] == []
    made = make_environment(tmp_path / "made", wheel)
    program = (
        "import meshlab; from meshlab.incident.scenario import post_mortem;"
        "print(meshlab.__file__); print(len(post_mortem()))"
    )
    file, lines = made.run("-c", program).stdout.split()
    assert Path(file) == ROOT / "meshlab" / "__init__.py"
    assert int(lines) > 8
