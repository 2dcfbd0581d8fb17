"""Whatever is wrong is refused before anything runs, with its place, the rule and the value.

Two tables in `tests/data` list what a reader may write, in Python and in a scenario file, each with
the whole message that answers it. Then come the files themselves, and runs. Two properties at the
end throw junk at every field of every declaration, and spoil files at random.
"""

import math
import re
from collections.abc import Callable
from dataclasses import is_dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshlab import declared, model, topology
from meshlab.engines.run import run
from meshlab.estimate import MOST_EVENTS, events
from meshlab.faults import Errors
from meshlab.kernel.distributions import Constant
from meshlab.load import Load
from meshlab.model import ConfigError, RunTooLarge
from meshlab.policies.balancer import RoundRobin
from meshlab.rules import shown
from meshlab.scenario import Scenario
from meshlab.scenario_file import from_yaml, load_scenario, save_scenario, to_yaml
from meshlab.shop import shop
from meshlab.topology import Edge, Instance, Service, replicas
from meshlab.yaml_place import Place
from meshlab.yaml_reader import read
from meshlab.yaml_writer import write

TABLES = Path(__file__).parents[1] / "data"

# A good scenario, and parts with which to spoil it

gateway = Service(name="gateway", instances=(Instance(),))
auth = Service(name="auth", instances=replicas(2, Instance()))
idle = replace(auth, name="idle")
uneven = replace(auth, instances=(Instance(weight=100_000), Instance()))
way = Edge(source="gateway", destination="auth")
login = replace(way, routes=("/login",))
onward = Edge(source="auth", destination="idle", routes=("/",))
users = Load(destination="gateway", rate=20)
others = replace(users, route="/login")
failing = Errors(service="auth", rate=0.1)


def small(**changes: Any) -> Scenario:
    parts = {"services": (gateway, auth), "edges": (way,), "loads": (users,), "duration": 10.0}
    return Scenario(**parts | changes)


SMALL = """\
name: small
duration: 10

services:
- name: gateway
  instances:
  - latency: {kind: constant, seconds: 0.01}
- name: auth
  instances:
  - count: 2
    error_rate: 0.1

edges:
- source: gateway
  destination: auth
  calls: 2
  retry:
    max_attempts: 3
    retry_on: [ERROR, TIMEOUT]

loads:
- destination: gateway
  rate: 20

faults:
- kind: errors
  service: auth
  rate: 0.5
  start: 2
"""


# The tables


def table(name: str) -> list[tuple[str, str]]:
    """What may be written, and the message beneath it. The last line of a table is a message's."""
    text = (TABLES / name).read_text(encoding="utf-8")
    entries = re.findall(r"^([^\s#].*)\n((?: {4}.*\n)+)", text, flags=re.M)
    said = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert [written for written, _ in entries] == said
    return [(written, " ".join(message.split())) for written, message in entries]


def declarations(annotation: Any) -> dict[str, Any]:
    """Every declaration that can be a part of what ``annotation`` says, by its name."""
    found: dict[str, Any] = {}
    for kind in declared.alternatives(annotation):
        if is_dataclass(kind):
            parts = [*declared.annotations_of(kind).values()]
            found |= {kind.__name__: kind}  # type: ignore[union-attr]
        else:
            parts = [*get_args(kind)]
        for part in parts:
            found |= declarations(part)
    return found


DECLARATIONS = declarations(Scenario)
NAMES = {**globals(), **DECLARATIONS, **vars(model), **vars(topology)}


@pytest.mark.parametrize(("expression", "message"), table("bad_declarations.txt"))
def test_a_declaration_refuses_what_is_wrong_with_it(expression: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        eval(expression, NAMES)
    assert str(error.value) == message


@pytest.mark.parametrize(("change", "message"), table("bad_files.txt"))
def test_a_file_is_refused_with_line_path_rule_and_value(change: str, message: str) -> None:
    old, new = (part.strip(" ") for part in change.encode().decode("unicode_escape").split("=>"))
    old = {"ALL": SMALL, "FAULTS": SMALL[SMALL.index("faults:") :]}.get(old, old)
    assert SMALL.count(old) == 1
    with pytest.raises(ConfigError) as error:
        from_yaml(SMALL.replace(old, new), "small.yaml")
    assert str(error.value) == message


def test_what_the_tables_spoil_is_good() -> None:
    assert run(from_yaml(SMALL)).edges["gateway", "auth"].calls > 0
    assert run(small()).edges["gateway", "auth"].calls > 0


def test_countless_ways_through_a_mesh_are_no_circle() -> None:
    layers = [tuple(replace(auth, name=f"{side}{i}") for side in "lr") for i in range(60)]
    edges = [
        Edge(source=upper.name, destination=lower.name)
        for above, below in pairwise([(gateway,), *layers])
        for upper in above
        for lower in below
    ]
    mesh = small(services=(gateway, *(s for layer in layers for s in layer)), edges=tuple(edges))
    back = Edge(source="r59", destination="l0")
    with pytest.raises(ConfigError, match="edges must not lead in a circle, got 'l0 -> l1"):
        replace(mesh, edges=(*mesh.edges, back))


# Files


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as error:
        act()
    return str(error.value)


def test_a_file_that_is_not_there_is_named_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    assert refused(lambda: load_scenario("data/shop.yaml")) == (
        "data/shop.yaml: no such file; beside it: none"
    )
    for name in ("shop.yaml", "storm.yaml"):
        Path("data", name).write_text(SMALL, encoding="utf-8")
    assert refused(lambda: load_scenario("data/shpo.yaml")) == (
        "data/shpo.yaml: no such file (did you mean 'shop.yaml'?); beside it: shop.yaml, storm.yaml"
    )
    assert refused(lambda: load_scenario(Path("date/shop.yaml"))) == (
        "date/shop.yaml: no such file and no directory 'date'"
    )


def test_what_the_system_refuses_is_passed_on_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    assert refused(lambda: load_scenario("data")) == "data: can't be read: Is a directory"
    assert refused(lambda: save_scenario(small(), "date/shop.yaml")) == (
        "date/shop.yaml: can't be written: No such file or directory"
    )


@pytest.mark.parametrize("name", ["", "a\0b", "a\ud800b"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    rule = f"path must be the name of a file or folder, got {name!r}"
    assert refused(lambda: load_scenario(name)) == f"load_scenario: {rule}"
    assert refused(lambda: save_scenario(small(), name)) == f"save_scenario: {rule}"


def test_a_file_that_never_ends_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_text("#" * 10_000_001)
    for file in ("/dev/zero", large.as_posix()):
        assert refused(lambda: load_scenario(file)) == f"{file}: can't be read: more than 10 MB"  # noqa: B023
    large.write_text(SMALL + "#" * (10_000_000 - len(SMALL)))
    assert load_scenario(large) == from_yaml(SMALL)


def test_a_number_that_python_can_not_write_is_refused_like_any_other() -> None:
    told = refused(lambda: replace(gateway, name=10**5000))
    assert told.endswith("got int with a number of thousands of digits")


def test_a_file_that_is_no_text_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin.yaml").write_bytes("duration: 10\nname: Müller\n".encode("latin-1"))
    assert refused(lambda: load_scenario("latin.yaml")) == (
        "latin.yaml:2: must be UTF-8 text, got the byte 0xfc"
    )


def test_a_file_nested_without_end_is_refused() -> None:
    assert refused(lambda: from_yaml("[" * 5000, "deep.yaml")) == (
        "deep.yaml: must not be nested as deeply as this"
    )


def test_the_functions_for_files_say_what_they_take() -> None:
    nothing: Any = None
    assert refused(lambda: load_scenario(nothing)) == (
        "load_scenario: path must be a str or PathLike, got None"
    )
    assert refused(lambda: save_scenario(nothing, "x.yaml")) == (
        "to_yaml: scenario must be a Scenario, got None"
    )
    assert refused(lambda: from_yaml(nothing)) == "text: text must be a str, got None"


def test_loading_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    tag = f"!!python/object/apply:os.mkdir ['{mark}']"
    yaml.unsafe_load(tag)
    mark.rmdir()  # the tag does run, where anything is constructed from it
    refused(lambda: from_yaml(SMALL.replace("duration: 10", f"duration: {tag}")))
    assert not mark.exists()


# Runs

SEED = "run: seed must be a whole number >= 0, got"


@pytest.mark.parametrize("seed", [-1, 1.0, True, "1", None, math.nan])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    assert refused(lambda: run(small(), seed=seed)) == f"{SEED} {seed!r}"


@pytest.mark.parametrize("scenario", [None, "shop.yaml", {}, Scenario, users])
def test_only_a_scenario_can_be_run(scenario: Any) -> None:
    told = refused(lambda: run(scenario))
    assert told.startswith("run: scenario must be a Scenario")
    assert told.endswith(f"got {shown(scenario)}")


@pytest.mark.parametrize(
    ("scenario", "calls"),
    [
        (small(name="long", duration=1e8), 4e9),
        (small(name="wide", loads=(replace(users, rate=5e7),)), 1e9),
        (small(name="deep", edges=(replace(way, calls=1_000_000),)), 2e8),
    ],
    ids=["long", "wide", "deep"],
)
def test_a_run_without_end_is_refused_with_its_estimate(scenario: Scenario, calls: float) -> None:
    expected, most = events(scenario), MOST_EVENTS["reference"]
    assert calls <= expected <= 6 * calls
    with pytest.raises(RunTooLarge) as error:
        run(scenario, engine="reference")
    assert str(error.value).startswith(
        f"scenario {scenario.name!r}: about {expected:,.0f} events in {scenario.duration:g} s of "
        f"virtual time, more than the {most:,} that are reasonable here; lower the rate or "
        f"the duration by a factor of {expected / most:.1f} or more"
    )


def test_looking_up_a_part_that_is_not_there_lists_the_parts() -> None:
    assert refused(lambda: shop().service("aut")) == (
        "scenario 'shop': unknown service 'aut' (did you mean 'auth'?); valid: gateway, auth, "
        "user, order, inventory, payment, database"
    )
    assert refused(lambda: small().edge("gateway", "atuh")) == (
        "scenario 'scenario': unknown edge 'gateway->atuh' (did you mean 'gateway->auth'?); "
        "valid: client->gateway, gateway->auth"
    )


# Junk

NEEDED: dict[str, Any] = {
    **{name: getattr(shop(), name) for name in ("services", "edges", "loads")},
    "instances": (Instance(),),
    "name": "a",
    "source": "a",
    "destination": "b",
    "service": "a",
    "duration": 1.0,
    "seconds": 1.0,
    "median": 1.0,
    "rate": 0.5,
    "factor": 2.0,
    "limit_bytes": 2**30,
    "at": 1.0,
    "cores": 1,
    "max_tokens": 1,
    "work": Constant(0.001),
}
"""A good value for every field that has no default."""

JUNK = [
    *(None, True, -1, 1.5, 10**400, 1j, math.nan, math.inf, "", "x", "3", "a->b", "a\nb", b"x"),
    *((), [], {}, set(), (1,), ("a",), [(0, 1)], ((1, 2), 3), frozenset({"ERROR"}), object()),
    *(Instance, RoundRobin, Instance(), RoundRobin(), math.sqrt),
    *(np.int64(3), np.float64(0.5), np.array([1, 2])),
]


@pytest.mark.parametrize("declaration", DECLARATIONS.values(), ids=DECLARATIONS)
def test_junk_in_a_field_is_a_config_error_or_no_junk(declaration: Any) -> None:
    """What a declaration lets through is what its annotation says: a file can hold it."""
    needed = {name: NEEDED[name] for name in declared.required(declaration)}
    for name in declared.annotations_of(declaration):
        for junk in JUNK:
            try:
                value = declaration(**needed | {name: junk})
            except ConfigError as error:
                assert len(str(error)) < 800
                continue
            node = yaml.compose(write(value, "value"), Loader=yaml.SafeLoader)
            assert read(node, declaration, Place("file")) == value


@given(st.data())
def test_a_spoiled_file_is_a_scenario_or_a_config_error(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from((SMALL, to_yaml(shop()))))
    for _ in range(data.draw(st.integers(1, 3))):
        at, cut = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 12))
        signs = st.text(alphabet="ab: -{}[],'\"#&*!|>%@`?\n\t0.~<\x00é", max_size=4)
        text = text[:at] + data.draw(signs) + text[at + cut :]
    try:
        scenario = from_yaml(text, "spoiled.yaml")
    except ConfigError as error:
        assert str(error).startswith("spoiled.yaml:")
    else:
        assert from_yaml(to_yaml(scenario)) == scenario
