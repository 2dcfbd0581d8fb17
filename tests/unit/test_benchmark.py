"""The benchmark compares like with like, and reads off a run what it says it does."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from meshlab.engines.run import run
from meshlab.faults import Slowdown
from meshlab.model import Outcome
from meshlab.scenario import Scenario
from tests.benchmarks import __main__ as bench
from tests.benchmarks import floor, record, weight
from tests.benchmarks.chain import CALM, STORM
from tests.benchmarks.engines import BASE, ENGINES, Row, prove
from tests.benchmarks.full_scale import resident, scaled_shop
from tests.benchmarks.queues import QUEUE_ENGINES, prove_stays, queues, with_simpy
from tests.benchmarks.turns import ratios

SHORT = replace(CALM, duration=4.0)


@pytest.mark.parametrize("name", [name for name in ENGINES if name != BASE])
@pytest.mark.parametrize("scenario", [SHORT, STORM], ids=["calm", "storm"])
def test_every_engine_does_the_same_work_as_simpy(name: str, scenario: Scenario) -> None:
    row = ENGINES[name]
    if why := row.missing(scenario):
        pytest.skip(why)
    work = prove({BASE: ENGINES[BASE], name: row}, scenario)
    assert sum(calls for calls, *_ in work.values()) > 1000


def test_the_storm_meets_every_policy_and_the_calm_hardly_any() -> None:
    base = ENGINES[BASE]
    storm = base.work(base.run(STORM, 1))
    _, _, refused, tried, _ = storm["client", "gateway"]
    assert min(tried[outcome] for outcome in (Outcome.ERROR, Outcome.TIMEOUT, Outcome.SHED)) > 0
    assert min(refused[outcome] for outcome in (Outcome.OVERFLOW, Outcome.CIRCUIT_OPEN)) > 0
    calls, retries, ends, *_ = base.work(base.run(SHORT, 1))["client", "gateway"]
    assert 0 < retries < 0.02 * calls
    assert sum(ends) == ends[Outcome.OK]


def test_an_engine_that_did_other_work_is_not_compared() -> None:
    base = ENGINES[BASE]
    other = Row(lambda scenario, seed: base.run(scenario, seed + 1), base.work, base.count)
    with pytest.raises(SystemExit, match="other did not do the same work"):
        prove({BASE: base, "other": other}, SHORT)


@pytest.mark.parametrize("name", QUEUE_ENGINES)
def test_in_every_queueing_library_requests_stay_as_long_as_mathematics_has_it(name: str) -> None:
    scenario, row = queues(), QUEUE_ENGINES[name]
    if why := row.missing(scenario):
        pytest.skip(why)
    prove_stays({name: row}, scenario)


def test_a_queue_with_longer_stays_is_not_compared() -> None:
    base = QUEUE_ENGINES[BASE]
    slow = Row(lambda s, seed: [1.2 * stay for stay in with_simpy(s, seed)], base.work, base.count)
    with pytest.raises(SystemExit, match=r"slow had .* requests of .* ms, not about 12,000"):
        prove_stays({"slow": slow}, queues())


def test_ratios_are_taken_round_by_round() -> None:
    rounds = [{"base": 8.0, "ours": 2.0}, {"base": 9.0, "ours": 3.0}]
    assert ratios(rounds, "ours", "base") == [3.0, 4.0]


def test_at_full_scale_every_instance_has_the_shop_s_share_of_work() -> None:
    small, large = scaled_shop(20.0, 1.0), scaled_shop(15_000.0, 1.0)
    assert large.loads[0].peak == 750 * small.loads[0].peak
    for one, many in zip(small.services, large.services, strict=True):
        for few, lots in zip(one.instances, many.instances, strict=True):
            assert lots == replace(few, workers=750 * few.workers, queue=750 * few.queue)


def test_what_an_event_costs_is_told_with_and_without_the_set_up() -> None:
    few = bench.Measured(
        events=100, requests=1, seconds=2e-6, in_flight=0, heap=1.0, recorded=0, grown=None
    )
    assert bench.beyond(few, setup=5e-7) == pytest.approx(15.0)
    assert few.nanoseconds == pytest.approx(20.0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's memory")
def test_memory_at_most_is_no_less_than_memory_now() -> None:
    now, most = resident("VmRSS"), resident("VmHWM")
    assert now is not None and most is not None
    assert 2**20 < now <= most


def test_the_floor_is_a_program_that_tells_the_time_of_an_event() -> None:
    if why := floor.missing():
        pytest.skip(why)
    with floor.built() as program:
        assert 1.0 < floor.nanoseconds(program, heap=1000, events=100_000) < 1e5


def test_without_a_compiler_there_is_no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert floor.missing() == "there is no C compiler called cc"


def test_what_is_measured_anew_replaces_only_its_own_block() -> None:
    bench, weights = record.COMMANDS["bench"], record.COMMANDS["weight"]
    kept = record.blocks(record.page({weights: "its table\n", bench: "old\n"}))
    assert kept == {bench: "old\n", weights: "its table\n"}
    assert record.blocks(record.page({**kept, bench: "new\n"})) == {**kept, bench: "new\n"}


def test_the_readme_quotes_what_was_measured() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = text.partition("## How fast")[2].partition("\n## ")[0]
    quoted = [line.strip() for line in section.splitlines() if "│" in line or "aim" in line]
    assert len(quoted) > 5
    kept = {line.strip() for line in record.KEPT.read_text(encoding="utf-8").splitlines()}
    assert set(quoted) <= kept


@pytest.mark.parametrize(
    "words, told", [(["nets"], "got 'nets'"), (["--largest", "9"], "5..8, got 9")]
)
def test_a_section_or_size_that_is_none_is_named(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        bench.main(words)
    assert told in capsys.readouterr().err


def test_the_error_of_a_weight_is_a_share_of_full_scale_but_for_times() -> None:
    frame = pd.DataFrame(
        {
            "weight": [1, 1, 10, 10, 100, 100],
            "pages": [99.0, 101.0, 110.0, 110.0, 90.0, 100.0],
            "back, s": [10.0, 10.0, 11.0, 13.0, 9.0, 9.0],
        }
    )
    full, ten, hundred = weight.errors(frame, "pages")
    assert full == pytest.approx((100.0, 2**0.5))
    assert ten == pytest.approx((0.1, 0.0))
    assert hundred == pytest.approx((-0.05, 0.05 * 2**0.5))
    assert weight.told("pages", hundred) == "-5.00 ± 7.07 %"
    assert weight.told("back, s", weight.errors(frame, "back, s")[1]) == "+2.0 ± 1.4 s"


def test_quantiles_are_those_of_the_calls_between_two_scrapes() -> None:
    slow = Slowdown(service="gateway", factor=1000.0, start=20.0, end=40.0)
    result = run(replace(scaled_shop(20.0, 40.0), faults=(slow,)), seed=1)
    page = ("client", "gateway")
    before, during = (weight.quantile(result, 0.5, t, t + 20.0, *page) for t in (0.0, 20.0))
    assert 0.1 < before < 0.75
    assert during == pytest.approx(before + 1.0, rel=0.3)
