"""The demo tells what happened: change a cause, and the story changes."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from dataclasses import fields, replace
from functools import cache
from itertools import groupby

import pytest
from rich.console import Console

from meshlab.demo import Report, demo_scenario, read_report, show, to_json
from meshlab.demo.incidents import BREAKER, Incident
from meshlab.demo.phases import Phase, describe
from meshlab.demo.report import Route
from meshlab.demo.scenario import FAULTS
from meshlab.demo.tables import EDGES, INCIDENTS, PHASES, ROUTING, SHARES, because
from meshlab.engines.run import run
from meshlab.faults import EdgeFault, Errors, Fault, Leak, Outage, Slowdown
from meshlab.mesh.result import Result
from meshlab.topology import Edge

TABLES = (ROUTING, PHASES, INCIDENTS, EDGES, SHARES)
AUTH_FAILS, PAYMENT_SLOW, INVENTORY_OUT = FAULTS


@cache
def demo(seed: int = 1, faults: tuple[Fault, ...] = FAULTS, duration: float = 160.0) -> Result:
    return run(replace(demo_scenario(), faults=faults, duration=duration), seed)


@cache
def report(seed: int = 1, faults: tuple[Fault, ...] = FAULTS, duration: float = 160.0) -> Report:
    return read_report(demo(seed, faults, duration))


def text(result: Result, width: int = 80, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    show(result, Console(file=file, width=width, markup=False, emoji=False, highlight=False))
    file.seek(0)
    return file.read()


def phase(told: Report, label: str) -> Phase:
    (found,) = [phase for phase in told.phases if phase.label == label]
    return found


def route(told: Report, name: str) -> Route:
    (found,) = [route for route in told.routes if route.name == name]
    return found


def opened(told: Report) -> set[str]:
    return {incident.subject for incident in told.incidents if incident.kind == BREAKER}


# ---- the story follows the causes


def test_without_faults_nothing_opens_and_hardly_anyone_loses_anything() -> None:
    told = report(faults=())
    assert [phase.label for phase in told.phases] == ["no fault"]
    assert told.incidents == ()
    assert told.summary["lost"] <= 0.001 * told.summary["requests"]
    assert "none opened" in text(demo(faults=()))


def test_an_instance_that_fails_is_ejected_and_users_hardly_notice() -> None:
    told = report(faults=(AUTH_FAILS,))
    assert {(i.kind, i.about) for i in told.incidents} == {("ejected", "auth-2")}
    failing = phase(told, "auth-2 fails 80%")
    assert failing.lost <= 0.005 * failing.requests


def test_a_slow_payment_opens_its_breakers_and_pages_come_without_it() -> None:
    told = report(faults=(PAYMENT_SLOW,))
    assert opened(told) == {"order-1->payment", "order-2->payment"}
    assert {i.reason for i in told.incidents} == {"slow_calls"}
    slow = phase(told, "payment 5x as slow")
    assert slow.p95 is not None and slow.p95 > 1.0
    assert slow.lost <= 0.01 * slow.requests
    assert route(told, "order->payment").refused > 0


def test_without_the_outage_of_inventory_no_page_is_lost_to_it() -> None:
    told = report(faults=(AUTH_FAILS, PAYMENT_SLOW))
    assert not any("inventory" in subject for subject in opened(told))
    assert told.summary["lost"] <= 0.005 * told.summary["requests"]
    assert "inventory is out" not in text(demo(faults=(AUTH_FAILS, PAYMENT_SLOW)))


def test_while_inventory_is_out_nearly_every_page_is_lost_and_then_it_heals() -> None:
    told = report()
    out = phase(told, "inventory is out")
    assert out.lost > 0.9 * out.requests
    assert route(told, "order->inventory").refused > 0
    assert {"order-1->inventory", "order-2->inventory"} <= opened(told)
    assert told.summary["unhealed"] == 0


def test_without_breakers_the_slow_payment_is_slow_until_it_ends() -> None:
    base = replace(demo_scenario(), faults=(PAYMENT_SLOW,))
    bare = replace(base, edges=tuple(replace(edge, breaker=None) for edge in base.edges))
    told = read_report(run(bare, seed=1))
    assert opened(told) == set()
    slow = phase(told, "payment 5x as slow")
    guarded = phase(report(faults=(PAYMENT_SLOW,)), "payment 5x as slow")
    assert slow.p50 is not None and guarded.p50 is not None
    assert slow.p50 > 1.0 > guarded.p50


def test_the_same_seed_tells_the_same_and_another_seed_something_else() -> None:
    again = to_json(read_report(run(demo_scenario(), seed=1)))
    assert to_json(report()) == again
    assert to_json(report(seed=2)) != again


@pytest.mark.parametrize("seed", [2, 3, 12])
def test_whatever_the_seed_each_fault_sets_off_what_it_should(seed: int) -> None:
    told = report(seed)
    for fault, kind in ((AUTH_FAILS, "ejected"), (PAYMENT_SLOW, BREAKER), (INVENTORY_OUT, BREAKER)):
        during = [i for i in told.incidents if fault.start <= i.began < fault.end]
        assert Counter(i.kind for i in during)[kind] >= 2, fault
    assert report(seed).summary["unhealed"] == 0


# ---- the numbers are those of the run


def test_phases_account_for_every_request_that_ended() -> None:
    told, summary = report(), report().summary
    ended = sum(phase.requests for phase in told.phases)
    assert ended + summary["in_flight"] == summary["requests"]
    assert sum(phase.lost for phase in told.phases) == summary["lost"]
    assert summary["succeeded"] + summary["lost"] + summary["in_flight"] == summary["requests"]
    assert sum(phase.retries for phase in told.phases) == summary["retries"]


@pytest.mark.parametrize("edge", list(demo_scenario().all_edges()), ids=lambda edge: edge.name)
def test_a_route_is_told_as_it_was_declared_and_as_it_went(edge: Edge) -> None:
    mine, truth = route(report(), edge.name), demo().edges[edge.source, edge.destination]
    assert (mine.calls, mine.retries, mine.refused) == (truth.calls, truth.retries, truth.rejected)
    assert ("breaker" in mine.guards) == (edge.breaker is not None)
    assert ("optional" in mine.guards) == (not edge.required)
    assert mine.p50 is not None and mine.p95 is not None and mine.p99 is not None
    assert 0 < mine.p50 <= mine.p95 <= mine.p99


def test_every_call_of_a_route_is_accounted_for() -> None:
    for route in report().routes:
        assert route.succeeded + route.failed + route.refused + route.in_flight == route.calls


def test_openings_of_breakers_are_those_of_the_ledger() -> None:
    entries = [e for e in demo().ledger if e.event == "breaker opened"]
    told = report()
    assert sum(route.opened for route in told.routes) == len(entries) > 0
    breakers = [incident for incident in told.incidents if incident.kind == BREAKER]
    assert sum(1 + incident.failed_probes for incident in breakers) == len(entries)
    probes = sorted(time for incident in breakers for time in incident.probes)
    assert probes == [e.time for e in demo().ledger if e.event == "breaker half-open"]


def test_an_incident_keeps_reason_and_evidence_of_its_beginning_and_its_end() -> None:
    incident = next(i for i in report().incidents if i.subject == "order-1->inventory")
    first = next(e for e in demo().ledger if e.subject == incident.subject)
    last = [e for e in demo().ledger if e.subject == incident.subject and "closed" in e.event][-1]
    assert (incident.began, incident.reason, incident.evidence) == (
        (first.time, first.reason, first.evidence)
    )
    assert (incident.ended, incident.ended_because, incident.ending_evidence) == (
        (last.time, last.reason, last.evidence)
    )


def test_what_the_end_of_the_run_finds_open_is_not_called_healed() -> None:
    cut = report(duration=125.0)
    still = [i for i in cut.incidents if i.ended is None]
    assert {i.subject for i in still} >= {"order-1->inventory", "inventory-1"}
    assert cut.summary["unhealed"] == len(still)
    assert "not yet" in text(demo(duration=125.0))


def test_a_breaker_heals_only_after_its_fault_is_over_and_says_why() -> None:
    healed = [i for i in report().incidents if i.kind == BREAKER and "payment" in i.about]
    assert len(healed) == 2
    for incident in healed:
        assert incident.ended is not None and incident.ended > PAYMENT_SLOW.end
        assert (incident.reason, incident.ended_because) == ("slow_calls", "probes_succeeded")
        assert incident.failed_probes == len(incident.probes) - 1 > 0


def test_an_instance_that_leaves_as_planned_is_no_incident() -> None:
    base = demo_scenario()
    auth = base.service("auth")
    leaving = replace(auth.instances[0], stops_at=4.0)
    staying = replace(auth, instances=(leaving, *auth.instances[1:]))
    services = tuple(staying if service is auth else service for service in base.services)
    gone = run(replace(base, services=services, faults=(), duration=10.0), seed=1)
    assert "killed" in {entry.event for entry in gone.ledger}
    assert "down" not in {incident.kind for incident in read_report(gone).incidents}


def test_shares_add_up_and_are_those_of_the_tries() -> None:
    for service, group in groupby(report().shares, key=lambda share: share.service):
        together = list(group)
        assert sum(share.share for share in together) == pytest.approx(1.0)
        edges = [totals for (_, to), totals in demo().edges.items() if to == service]
        for share in together:
            assert share.tries == sum(totals.shares.get(share.instance, 0) for totals in edges)


def test_an_ejected_instance_gets_less_than_its_expected_share() -> None:
    ejected, calm = (
        next(share for share in told.shares if share.instance == "auth-2")
        for told in (report(faults=(AUTH_FAILS,)), report(faults=()))
    )
    assert ejected.expected == calm.expected == pytest.approx(1 / 3)
    assert calm.share == pytest.approx(1 / 3, abs=0.01)
    assert ejected.share < 0.3


def test_nothing_is_expected_where_the_share_depends_on_load() -> None:
    orders = [share for share in report().shares if share.service == "order"]
    assert [share.expected for share in orders] == [None, None]
    assert "by load" in text(demo())


# ---- any scenario


def test_faults_at_the_same_time_share_a_phase() -> None:
    both = (AUTH_FAILS, Slowdown(service="payment", factor=2.0, start=30.0, end=40.0))
    labels = [phase.label for phase in report(faults=both, duration=60.0).phases]
    assert labels == [
        "no fault",
        "auth-2 fails 80%",
        "auth-2 fails 80%, payment 2x as slow",
        "auth-2 fails 80%",
        "no fault",
    ]


def test_a_fault_without_end_is_told_without_one() -> None:
    endless = (Errors(service="auth", rate=0.1, start=10.0),)
    told = report(faults=endless, duration=20.0)
    assert [(phase.label, phase.end) for phase in told.phases] == [
        ("no fault", 10.0),
        ("auth fails 10%", 20.0),
    ]


def test_a_fault_after_the_end_of_the_run_is_not_told() -> None:
    labels = [phase.label for phase in report(duration=60.0).phases]
    assert labels == ["no fault", "auth-2 fails 80%", "no fault"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Errors(service="auth", rate=0.8), "auth fails 80%"),
        (Outage(service="auth", instance="auth-1"), "auth-1 is out"),
        (Leak(service="auth", rate=0.25), "auth hangs 25%"),
        (EdgeFault(source="a", destination="b", rate=0.5), "a->b breaks 50%"),
        (EdgeFault(source="a", destination="b", delay=0.2), "a->b waits 200 ms"),
        (
            EdgeFault(source="a", destination="b", rate=0.5, delay=0.2),
            "a->b breaks 50% and waits 200 ms",
        ),
    ],
)
def test_every_fault_has_words(fault: Fault, words: str) -> None:
    assert describe(fault) == words


def test_a_run_without_requests_is_told_too() -> None:
    idle = run(replace(demo_scenario(rate=0.0), faults=(), duration=10.0), seed=1)
    told = read_report(idle)
    assert told.summary["requests"] == 0
    assert told.phases[0].p95 is None
    assert told.shares == ()
    assert "0 answered" in text(idle)


# ---- what is printed


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_name_is_cut(width: int) -> None:
    printed = text(demo(), width)
    assert max(len(line) for line in printed.splitlines()) <= width
    for name in [*(route.name for route in report().routes), "weighted round robin"]:
        assert name in printed


@pytest.mark.parametrize("width", [24, 40, 60, 80])
def test_no_word_is_broken_however_narrow_the_terminal(width: int) -> None:
    printed = text(demo(), width)
    assert max(len(line) for line in printed.splitlines()) <= width
    words = set(re.split(r"[\s:]+", printed))
    heads = " ".join(head.removeprefix(">") for table in TABLES for head in table)
    names = " ".join(route.name for route in report().routes)
    assert {*heads.split(), *names.split(), "incidents", "breakers"} - words == set()


def test_nothing_but_ascii_is_printed_where_nothing_else_can_be_shown() -> None:
    printed = text(demo(), encoding="ascii")
    assert printed.isascii()
    assert "#" in printed


def test_names_that_look_like_markup_are_printed_as_they_are() -> None:
    odd = replace(demo_scenario(), name="[red]odd[/red] :bomb:", duration=5.0, faults=())
    assert "[red]odd[/red] :bomb:" in text(run(odd, seed=1))


def test_without_a_terminal_there_are_no_colours() -> None:
    assert "\x1b" not in text(demo())


def test_every_key_of_the_document_is_a_field_of_the_report() -> None:
    document = json.loads(to_json(report()), parse_constant=pytest.fail)
    assert list(document) == [field.name for field in fields(Report)]
    assert list(document["incidents"][0]) == [field.name for field in fields(Incident)]
    payment = next(i for i in document["incidents"] if i["subject"] == "order-1->payment")
    assert set(payment["evidence"]) == {"slow_calls", "calls"}


# ---- words


@pytest.mark.parametrize(
    ("reason", "evidence", "words"),
    [
        ("consecutive_failures", (("consecutive_failures", 5.0),), "consecutive failures 5"),
        (
            "failure_rate",
            (("failures", 9.0), ("calls", 12.0)),
            "failure rate: failures 9, calls 12",
        ),
        ("outage", (), "outage"),
    ],
)
def test_a_reason_is_told_once_with_its_evidence(
    reason: str, evidence: tuple[tuple[str, float], ...], words: str
) -> None:
    assert because(reason, evidence) == words
