"""Scenario files: what is saved loads as an equal scenario; the shipped ones do what they say."""

import re
from dataclasses import dataclass, fields, make_dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from hypothesis import given

from meshlab.engines.run import run
from meshlab.kernel.clock import Clock
from meshlab.kernel.distributions import KINDS, Constant
from meshlab.kernel.streams import Uniform
from meshlab.mesh.result import Result
from meshlab.model import ConfigError, Outcome
from meshlab.policies.balancer import BALANCERS, RoundRobin
from meshlab.policies.balancing import Balancer
from meshlab.policies.breaker_config import BreakerConfig
from meshlab.policies.budget import BUDGETS, ConcurrentRetryBudget
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario import declared
from meshlab.scenario import file as scenario_file
from meshlab.scenario.faults import FAULTS, Outage
from meshlab.scenario.file import from_yaml, load_scenario, save_scenario, to_yaml
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import shop
from meshlab.scenario.topology import Edge, Instance, Memory, Service, replicas
from meshlab.scenario.yaml_place import Place
from meshlab.scenario.yaml_reader import read
from meshlab.scenario.yaml_writer import write
from tests.strategies import scenarios

DATA = Path(__file__).parents[2] / "data"
FILES = sorted(DATA.glob("*.yaml"))
TINY = Scenario(
    services=(Service(name="auth", instances=(Instance(),)),),
    edges=(),
    loads=(Load(destination="auth", rate=20.0),),
    duration=10.0,
)

shipped = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


# Round trips


@pytest.mark.slow
@given(scenarios())
def test_what_is_saved_loads_as_an_equal_scenario(scenario: Scenario) -> None:
    assert from_yaml(to_yaml(scenario)) == scenario


@pytest.mark.slow
@given(scenarios())
def test_saving_what_was_loaded_changes_no_letter(scenario: Scenario) -> None:
    text = to_yaml(scenario)
    assert to_yaml(from_yaml(text)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_every_distribution_can_be_in_a_file(kind: str) -> None:
    latency = KINDS[kind](0.25)
    service = replace(TINY.services[0], instances=(Instance(latency=latency),))
    scenario = replace(TINY, services=(service,))
    assert from_yaml(to_yaml(scenario)) == scenario


@pytest.mark.parametrize("balancer", [make() for make in BALANCERS.values()], ids=[*BALANCERS])
@pytest.mark.parametrize("budget", [None, *(make() for make in BUDGETS.values())])
def test_every_balancer_and_every_budget_can_be_in_a_file(balancer: Any, budget: Any) -> None:
    edge = replace(shop().edges[1], balancer=balancer, retry=RetryPolicy(budget=budget))
    scenario = replace(shop(), edges=(shop().edges[0], edge, *shop().edges[2:]))
    assert from_yaml(to_yaml(scenario)) == scenario


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_can_be_in_a_file(kind: str) -> None:
    needed = {"rate": 0.5, "factor": 2.0, "service": "auth", "source": "user"}
    needed["destination"] = "auth"
    fault = FAULTS[kind](**{name: needed[name] for name in declared.required(FAULTS[kind])})
    scenario = replace(shop(), faults=(replace(fault, start=9.5, end=12.0),))
    assert from_yaml(to_yaml(scenario)) == scenario
    scenario = replace(shop(), faults=(fault,))
    assert from_yaml(to_yaml(scenario)) == scenario


def test_a_loaded_scenario_runs_to_the_same_bytes() -> None:
    loaded, built = run(load_scenario(DATA / "shop.yaml")), run(shop())
    values = [[recording.values.tobytes() for recording in r.recordings] for r in (loaded, built)]
    assert values[0] == values[1]
    assert repr(loaded.ledger) == repr(built.ledger)
    assert repr(loaded.edges) == repr(built.edges)


def test_a_file_is_written_and_read_as_utf8(tmp_path: Path) -> None:
    scenario = replace(TINY, name="Kaufhaus “Müller” 商店 \N{PARTY POPPER}")
    path = tmp_path / "shop.yaml"
    save_scenario(scenario, path)
    assert load_scenario(str(path)) == scenario
    assert "Müller" in path.read_bytes().decode("utf-8")
    assert b"\r" not in path.read_bytes()


@pytest.mark.parametrize(
    "name", ["no", "1", "1e3", "1:30", "~", "a: b", "- a", "#a", "'", "=", "<<"]
)
def test_a_name_that_looks_like_something_else_comes_back_as_it_was(name: str) -> None:
    service = Service(name=name, instances=(Instance(zone=name),))
    load = Load(destination=name, rate=1.0, source=f"{name} user")
    scenario = replace(TINY, name=name, services=(service,), loads=(load,))
    assert from_yaml(to_yaml(scenario)) == scenario


# The form of what is written


def test_defaults_are_left_out_and_plain_values_come_first() -> None:
    assert to_yaml(TINY) == (
        "duration: 10\n\n"
        "services:\n- name: auth\n  instances:\n  - {}\n"
        "edges: []\n\n"
        "loads:\n- destination: auth\n  rate: 20\n"
    )


def test_instances_that_are_alike_are_written_once() -> None:
    slow = Instance(latency=Constant(0.5))
    service = Service(name="auth", instances=(*replicas(3, Instance()), slow, *replicas(2, slow)))
    text = to_yaml(replace(TINY, services=(service,)))
    assert [int(n) for n in re.findall(r"count: (\d+)", text)] == [3, 3]
    assert text.count("kind: constant") == 1


def test_the_key_count_is_no_field_of_what_may_be_repeated() -> None:
    names = [field.name for kind in declared.REPEATED for field in fields(kind)]
    assert "count" not in names


def test_an_end_that_never_comes_is_left_out() -> None:
    text = to_yaml(replace(TINY, faults=(Outage(service="auth", start=5.0),)))
    assert text.endswith("faults:\n- kind: outage\n  service: auth\n  start: 5\n")


def test_outcomes_are_written_by_name_in_their_order() -> None:
    retry = RetryPolicy(retry_on=frozenset({Outcome.SHED, Outcome.ERROR}))
    assert write(retry, "retry") == "retry_on:\n- ERROR\n- SHED\n"


def test_small_mappings_stand_on_one_line() -> None:
    edge = Edge(source="client", destination="auth", breaker=BreakerConfig(open_seconds=5))
    assert "  breaker: {open_seconds: 5}\n" in to_yaml(replace(TINY, edges=(edge,)))


def test_a_policy_with_all_its_defaults_is_not_taken_for_none() -> None:
    edge = Edge(source="client", destination="auth", breaker=BreakerConfig())
    scenario = replace(TINY, edges=(edge,))
    assert "  breaker: {}\n" in to_yaml(scenario)
    assert from_yaml(to_yaml(scenario)) == scenario


@pytest.mark.parametrize("number", [0.1, 1e-9, 1e12, 1e12 - 0.5, 60.0, 1 / 3])
def test_numbers_come_back_to_the_last_bit(number: float) -> None:
    loaded = from_yaml(to_yaml(replace(TINY, scrape_interval=number)))
    assert (loaded.scrape_interval, type(loaded.scrape_interval)) == (number, float)


# The form of what may be written by hand


@pytest.mark.parametrize(
    ("text", "number"),
    [("60", 60.0), ("6e1", 60.0), ("1_000", 1000.0), ("010", 10.0), (".5", 0.5), ("+1.5E+1", 15.0)],
)
def test_numbers_are_read_as_python_reads_them(text: str, number: float) -> None:
    written = to_yaml(TINY).replace("duration: 10", f"duration: {text}")
    assert from_yaml(written) == replace(TINY, duration=number)


@pytest.mark.parametrize(("word", "value"), [("true", True), ("yes", True), ("Off", False)])
def test_yes_and_no_are_true_and_false_where_that_is_asked(word: str, value: bool) -> None:
    written = to_yaml(TINY).replace("- name: auth", f"- name: auth\n  keeps_deadline: {word}")
    assert from_yaml(written).services[0].keeps_deadline is value


def test_infinity_may_be_written_out() -> None:
    written = to_yaml(TINY) + "faults:\n- {kind: outage, service: auth, end: .inf}\n"
    assert from_yaml(written).faults == (Outage(service="auth"),)


def test_null_is_none() -> None:
    assert from_yaml(to_yaml(TINY) + "central: null\n") == TINY
    assert from_yaml(to_yaml(TINY) + "central:\n") == TINY


def test_anchors_save_writing() -> None:
    text = to_yaml(shop()).replace(
        "retry: {max_attempts: 3, per_try_timeout: 1}", "retry: *patience"
    )
    text = text.replace("*patience", "&patience {max_attempts: 3, per_try_timeout: 1}", 1)
    assert from_yaml(text) == shop()


# Derived from the declarations


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    kind: ClassVar[str] = "colour"
    red: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    kind: ClassVar[str] = "shape"
    corners: tuple[tuple[float, float], ...] = ()


def test_a_new_field_is_in_files_as_soon_as_it_is_declared() -> None:
    extended = make_dataclass(
        "Extended",
        [
            ("looks", tuple[Colour | Shape, ...]),
            ("size", float | None, None),
            ("outcomes", frozenset[Outcome], frozenset()),
            ("memory", Memory | None, None),
        ],
        frozen=True,
        kw_only=True,
    )
    value = extended(
        looks=(Colour(red=3), Shape(corners=((0.0, 1.5),))),
        size=2.5,
        outcomes=frozenset({Outcome.OK}),
        memory=Memory(limit_bytes=2**30),
    )
    node = yaml.compose(write(value, "value"), Loader=yaml.SafeLoader)
    assert read(node, extended, Place("file")) == value


def test_a_readers_own_class_is_refused_with_its_place_when_it_is_saved() -> None:
    class Mine(RoundRobin):
        """What a reader may write in an exercise."""

        def build(self, chance: Uniform, clock: Clock) -> Balancer:
            raise NotImplementedError

        def __repr__(self) -> str:
            return "Mine()"

    edge = Edge(source="client", destination="auth", balancer=Mine())
    with pytest.raises(ConfigError) as error:
        to_yaml(replace(TINY, name="mine", edges=(edge,)))
    assert str(error.value) == (
        "scenario 'mine'.edges[0].balancer: only Random, RoundRobin, WeightedRoundRobin, "
        "LeastRequest, RingHash, Maglev, PeakEwma can be written in a file, got Mine()"
    )


# The shipped files


@shipped
def test_a_shipped_file_opens_with_an_explanation_and_survives_a_round_trip(path: Path) -> None:
    assert lines_of(path)[0].startswith("# ")
    scenario = load_scenario(path)
    assert from_yaml(to_yaml(scenario)) == scenario
    assert scenario.name == path.stem.replace("_", " ")


def test_the_shops_file_is_the_shop_saved_but_for_its_comments() -> None:
    assert load_scenario(DATA / "shop.yaml") == shop()
    said = [line for line in lines_of(DATA / "shop.yaml") if not line.startswith("#")]
    assert "\n".join(said).strip() == to_yaml(shop()).strip()


def test_the_readme_names_every_file_and_every_kind() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w.]+)`", readme))
    assert {path.name for path in FILES} <= named
    assert {*KINDS, *BALANCERS, *BUDGETS, *FAULTS} <= named
    for example in re.findall(r"```yaml\n(.*?)```", readme, flags=re.S):
        run(from_yaml(example))


def test_the_error_that_the_readme_shows_is_the_one_that_comes() -> None:
    text = (DATA / "shop.yaml").read_text(encoding="utf-8")
    head, edge = text.split("- source: user\n  destination: auth\n")
    spoiled = edge.replace("max_attempts: 3", "max_attempts: 0", 1)
    with pytest.raises(ConfigError) as error:
        from_yaml(f"{head}- source: user\n  destination: auth\n{spoiled}", "data/shop.yaml")
    assert f"\n{error.value}\n" in (DATA / "README.md").read_text(encoding="utf-8")
    assert f"\n    {error.value}\n" in (scenario_file.__doc__ or "")


def answered(result: Result, start: float, end: float) -> float:
    """The share of the client's requests from ``start`` to ``end`` (s) that ended well."""
    frame = result.frame("mesh_requests_total", source="client")
    totals = frame.groupby(["time", "code"])["value"].sum().unstack()
    during = totals.loc[end] - totals.loc[start]
    return float(during["200"] / during.sum())


def test_the_retry_storm_outlasts_its_cause_and_each_remedy_ends_it() -> None:
    storm = load_scenario(DATA / "retry_storm.yaml")
    edge, (gateway, auth) = storm.edges[0], storm.services
    cause = storm.faults[0]
    assert (cause.start, cause.end) == (15.0, 25.0)
    before, after = (0.0, 15.0), (45.0, 60.0)
    assert answered(run(storm), *before) > 0.99
    assert answered(run(storm), *after) < 0.01
    once = replace(storm, edges=(replace(edge, retry=replace(edge.retry, max_attempts=1)),))
    budget = replace(edge.retry, budget=ConcurrentRetryBudget())
    budgeted = replace(storm, edges=(replace(edge, retry=budget),))
    cancelled = replace(storm, services=(gateway, replace(auth, abandoned="cancelled")))
    quiet = replace(storm, loads=(replace(storm.loads[0], rate=90.0),))
    for remedy in (once, budgeted, cancelled, quiet):
        assert answered(run(remedy), *after) > 0.99


def test_the_rolling_restart_is_refused_while_the_news_travels_and_then_fails_one_in_five() -> None:
    restart = load_scenario(DATA / "rolling_restart.yaml")
    result = run(restart)
    (edge,) = restart.edges
    totals = result.edges["gateway", "cart"]
    assert totals.tries[Outcome.REFUSED] > 0
    old, new = restart.services[1].instances[:3], restart.services[1].instances[3:]
    early = tuple(replace(i, deregisters_at=(i.stops_at or 0.0) - 3.0) for i in old)
    careful = replace(restart.services[1], instances=(*early, *new))
    kept = run(replace(restart, services=(restart.services[0], careful)))
    assert kept.edges["gateway", "cart"].tries[Outcome.REFUSED] == 0
    alone = replace(restart, edges=(replace(edge, retry=RetryPolicy()),))
    assert answered(run(alone), 65.0, 90.0) == pytest.approx(0.8, abs=0.04)
    assert answered(result, 65.0, 90.0) == pytest.approx(0.96, abs=0.02)
