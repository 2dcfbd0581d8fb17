"""The central collector: what arrives, what is lost or stored twice, and what waiting costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshlab.engines.run import run
from meshlab.kernel.engine import Engine
from meshlab.kernel.streams import Uniform
from meshlab.mesh.collector import Collector, Reporter, log_of
from meshlab.model import Outcome
from meshlab.scenario.faults import Outage
from meshlab.telemetry.central import Central, CentralLog
from tests.by_hand import scripted
from tests.small import WORK, instance, line, service
from tests.strategies import collectors, ticks

NET = 1 / 8
STORE = 1 / 4
SURE = {"network_seconds": NET, "capacity": 1 / STORE, "timeout": 1.0}
AT_LEAST = {"delivery": "at least once"}


INSTANCES = [*(("cart", f"cart-{n}") for n in range(8)), ("stock", "stock-1")]
"""Who may report: service and name."""


class Waiting(Reporter):
    """Who waits for an acknowledgement, and then does something."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.acknowledged = then  # type: ignore[method-assign]


class Bench:
    """A collector whose bad luck is played by the test."""

    def __init__(self, losses: str = "", failures: str = "", **config: Any) -> None:
        self.engine = Engine()
        config = {**SURE, "loss": 0.5, "failure_rate": 0.5, **config}
        # draws strike where a script has an x, and never after its end
        luck = [scripted(0.0 if mark == "x" else 0.9 for mark in s) for s in (losses, failures)]
        services, instances = ["cart", "stock"], [who for _, who in INSTANCES]
        self.collector = Collector(Central(**config), self.engine, *luck, services, instances)
        self.told: list[tuple[float, str]] = []

    def report(self, who: str = "cart-1", at: float | None = None) -> None:
        if at is not None:
            self.engine.run(until=at)
        service, number = who.split("-")[0], [name for _, name in INSTANCES].index(who)
        place = ["cart", "stock"].index(service)
        waiting = Waiting(lambda: self.told.append((self.engine.now, who)))
        if self.collector.report(waiting, number, place, True, 0.5) is None:
            waiting.acknowledged()

    def finish(self) -> CentralLog:
        self.engine.run(until=1000.0)
        log = log_of(self.collector, INSTANCES)
        ended = log.lost + log.refused + log.overflowed + log.failed + len(log.records)
        assert ended == log.sent
        return log


def fates(log: CentralLog) -> dict[str, int]:
    """Where messages ended, without the zeros."""
    names = ("lost", "refused", "overflowed", "failed", "doubled")
    found = {name: getattr(log, name) for name in names} | {"stored": len(log.records)}
    return {name: count for name, count in found.items() if count}


# ---- a good day


def test_a_record_says_who_when_how_long_and_how_it_ended() -> None:
    bench = Bench(skew=(("cart-2", -3.0),))
    bench.report("cart-1", at=5.0)
    bench.report("cart-2", at=6.0)
    one, other = bench.finish().records
    assert one == (5.0, "cart", "cart-1", True, 0.5)
    assert other.time == 3.0, "its own clock is three seconds slow"


def test_an_instance_that_does_not_wait_goes_on_at_once() -> None:
    bench = Bench()
    bench.report()
    assert bench.told == [(0.0, "cart-1")]


def test_an_instance_that_waits_goes_on_when_the_acknowledgement_is_there() -> None:
    bench = Bench(waits=True)
    bench.report()
    bench.finish()
    assert bench.told == [(NET + STORE + NET, "cart-1")]


def test_records_are_stored_one_after_the_other() -> None:
    bench = Bench(waits=True, timeout=9.0)
    for number in range(3):
        bench.report(f"cart-{number}")
    bench.finish()
    assert [time for time, _ in bench.told] == [NET + n * STORE + NET for n in (1, 2, 3)]


# ---- bad days


def test_what_is_lost_is_lost_where_it_is_sent_at_most_once() -> None:
    bench = Bench("xoxoo")
    for number in range(3):
        bench.report(f"cart-{number}", at=float(number))
    log = bench.finish()
    assert fates(log) == {"lost": 1, "stored": 2}
    assert (log.reported, log.sent) == (3, 3)


def test_what_is_lost_is_sent_again_where_it_is_sent_at_least_once() -> None:
    bench = Bench("xxo", **AT_LEAST, resends=2)
    bench.report()
    assert fates(bench.finish()) == {"lost": 2, "stored": 1}


def test_resends_come_to_an_end() -> None:
    bench = Bench("xxxo", **AT_LEAST, resends=2)
    bench.report()
    log = bench.finish()
    assert fates(log) == {"lost": 3}
    assert (log.reported, log.sent) == (1, 3)


def test_a_lost_acknowledgement_stores_a_record_twice() -> None:
    bench = Bench("oxoo", **AT_LEAST)
    bench.report()
    log = bench.finish()
    assert fates(log) == {"stored": 2, "doubled": 1}
    assert log.records[0] == log.records[1]
    assert log.acks_lost == 1


def test_an_acknowledgement_that_comes_too_late_stores_a_record_twice() -> None:
    bench = Bench(**AT_LEAST, timeout=0.25)
    bench.report()
    log = bench.finish()
    assert log.doubled > 0 and log.sent == 2 + 1
    assert Counter(log.records).most_common(1)[0][1] == log.doubled + 1


def test_a_record_may_be_taken_in_and_not_stored() -> None:
    bench = Bench(failures="xo", **AT_LEAST)
    bench.report()
    assert fates(bench.finish()) == {"failed": 1, "stored": 1}


def test_what_finds_the_buffer_full_is_dropped() -> None:
    bench = Bench(buffer=2)
    for number in range(6):
        bench.report(f"cart-{number}")
    assert fates(bench.finish()) == {"overflowed": 3, "stored": 3}


def test_a_collector_that_is_down_refuses() -> None:
    bench = Bench(outages=((1.0, 2.0),))
    for time in (0.5, 1.25, 1.5, 2.5):
        bench.report(at=time)
    assert fates(bench.finish()) == {"refused": 2, "stored": 2}


def test_a_collector_that_goes_down_stores_nothing_of_its_buffer_while_it_is_down() -> None:
    bench = Bench(outages=((1.0, 3.0),))
    for number in range(8):  # two seconds of work
        bench.report(f"cart-{number}", at=0.0)
    bench.engine.run(until=1.0)
    assert bench.collector.failed == 0
    bench.engine.run(until=2.75)
    assert bench.collector.failed == 5
    assert fates(bench.finish()) == {"failed": 5, "stored": 3}


def test_a_partition_cuts_off_its_service_and_no_other() -> None:
    bench = Bench(partitions=(("cart", 1.0, 2.0),))
    for time in (0.5, 1.5, 2.5):
        bench.report("cart-1", at=time)
        bench.report("stock-1", at=time)
    log = bench.finish()
    assert fates(log) == {"lost": 1, "stored": 5}
    assert Counter(record.service for record in log.records) == {"cart": 2, "stock": 3}


def test_a_partition_cuts_off_acknowledgements_too() -> None:
    bench = Bench(partitions=(("cart", 0.25, 0.75),), waits=True)
    bench.report()
    assert bench.finish().acks_lost == 1
    assert bench.told == [(1.0, "cart-1")], "released by the timeout"


def test_an_acknowledgement_that_nobody_asked_for_is_neither_sent_nor_lost() -> None:
    bench = Bench("oxox")
    for time in (0.0, 1.0):
        bench.report(at=time)
    log = bench.finish()
    assert fates(log) == {"stored": 2}
    assert log.acks_lost == 0
    assert bench.engine.events == 4, "two arrivals and two stores"


# ---- waiting


def test_waiting_ends_with_the_timeout_where_nothing_is_sent_again() -> None:
    bench = Bench("x", waits=True, timeout=0.75)
    bench.report()
    bench.finish()
    assert bench.told == [(0.75, "cart-1")]


def test_waiting_goes_on_through_every_resend() -> None:
    bench = Bench("xxx", waits=True, timeout=0.75, **AT_LEAST, resends=2)
    bench.report()
    bench.finish()
    assert bench.told == [(3 * 0.75, "cart-1")]


def test_whoever_waits_is_told_once_even_if_two_acknowledgements_come() -> None:
    bench = Bench(waits=True, timeout=0.25, **AT_LEAST)
    bench.report()
    assert bench.finish().doubled > 0
    assert len(bench.told) == 1


@given(collectors("a"), st.lists(ticks(0, 128), max_size=40), st.integers(0, 99))
def test_every_message_ends_in_one_place_and_every_reporter_goes_on_once(
    config: Central, times: list[float], seed: int
) -> None:
    engine, told = Engine(), []
    luck = [Uniform(seed, purpose) for purpose in ("loss", "failure")]
    instances = [("a", f"a-{number}") for number in range(len(times))]
    collector = Collector(config, engine, *luck, ["a"], [name for _, name in instances])

    def report(number: int) -> None:
        waiting = Waiting(lambda: told.append(number))
        if collector.report(waiting, number, 0, True, 0.0) is None:
            told.append(number)

    for number, time in enumerate(times):
        engine.at(time, report, number)
    engine.run(until=1000.0)
    log = log_of(collector, instances)
    ended = log.lost + log.refused + log.overflowed + log.failed + len(log.records)
    assert (ended, log.reported) == (log.sent, len(times))
    assert sorted(told) == list(range(len(times)))
    kinds = {record.instance for record in log.records}
    assert len(log.records) - log.doubled == len(kinds)
    assert log.acks_lost <= len(log.records)
    most = 1 + (config.resends if config.delivery == "at least once" else 0)
    assert log.sent <= most * log.reported
    if config.delivery == "at most once":
        assert log.doubled == 0


# ---- in a mesh


def seconds(**config: Any) -> float:
    """The mean duration of a call (s), with a collector or without."""
    central = Central(**{"network_seconds": 0.0625, **config}) if config else None
    totals = run(line(service("cart"), central=central)).edges["client", "cart"]
    return totals.seconds / sum(totals.outcomes)


def test_a_collector_that_nobody_waits_for_costs_only_the_work_of_recording() -> None:
    assert seconds() == WORK
    assert seconds(waits=False) == WORK
    assert seconds(waits=False, record_seconds=0.125) == WORK + 0.125


def test_waiting_puts_the_collector_into_the_path_of_every_request() -> None:
    assert seconds(waits=True, capacity=16.0, timeout=1.0) == WORK + 2 * 0.0625 + 1 / 16


def test_a_dead_collector_that_is_waited_for_slows_every_request_by_its_timeout() -> None:
    outage = ((0.0, 100.0),)
    assert seconds(waits=True, outages=outage, timeout=0.5) == WORK + 0.5
    assert seconds(waits=False, outages=outage, timeout=0.5) == WORK


def test_every_request_is_reported_by_every_service_it_passes_and_counts_what_happened() -> None:
    cart, stock = service("cart"), service("stock", instance(error_rate=0.5))
    result = run(line(cart, stock, central=Central(), duration=7.95))
    assert result.central is not None
    found = Counter((record.service, record.ok) for record in result.central.records)
    truth = result.processes["stock-1"]
    assert found["stock", True] == truth.ok and found["stock", False] == truth.own_errors
    assert found["cart", False] == result.processes["cart-1"].passed_on == truth.own_errors
    assert 0 < truth.own_errors < 63


def test_what_dies_or_is_shed_is_never_reported() -> None:
    """The truth has it, the callers have it, the collector does not: nobody was left to tell."""
    cart = service("cart", instance(0.5, workers=1, queue=1))
    outage = Outage(service="cart", start=4.0, end=5.0)
    result = run(line(cart, central=Central(), faults=(outage,), duration=7.95))
    totals, truth = result.edges["client", "cart"], result.processes["cart-1"]
    assert result.central is not None
    assert totals.outcomes[Outcome.SHED] > 0 and totals.outcomes[Outcome.RESET] > 0
    assert result.central.reported == truth.ok < truth.received


def test_a_record_outlives_the_process_that_reported_it() -> None:
    """The agent beside the process sends it again, long after the process has gone."""
    central = Central(
        delivery="at least once", resends=9, timeout=1.0, partitions=(("cart", 0.0, 5.0),)
    )
    outage = Outage(service="cart", start=3.0, end=20.0)
    result = run(line(service("cart"), central=central, faults=(outage,), duration=8.0))
    log, truth = result.central, result.processes["cart-1"]
    assert log is not None
    assert truth.ok > 0 and log.lost > truth.ok
    assert len(log.records) == log.reported == truth.ok
    assert max(record.time for record in log.records) < 3.0


def test_skew_moves_records_and_nothing_else() -> None:
    scenario = line(service("cart", instance(), instance()), central=Central())
    skewed = replace(scenario, central=Central(skew=(("cart-2", 100.0),)))
    one, other = run(scenario), run(skewed)
    assert one.edges == other.edges
    assert one.central is not None and other.central is not None
    shifted = [
        r._replace(time=r.time + 100.0) if r.instance == "cart-2" else r
        for r in one.central.records
    ]
    assert other.central.records == shifted
