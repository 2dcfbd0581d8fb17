"""The demo tells what happened: change a cause, and the story changes."""

from __future__ import annotations

import io
import json
from dataclasses import fields, replace
from functools import cache
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from meshlab.demo import Report, demo_scenario, read_report, show, to_json
from meshlab.demo.incidents import BREAKER, Incident
from meshlab.demo.phases import Phase, describe
from meshlab.demo.scenario import FAULTS, NEWCOMER_AT
from meshlab.demo.shares import PhaseShare
from meshlab.demo.timeline import ASCII, UNICODE, Strip, read_timeline
from meshlab.demo.words import because, off_by, percent
from meshlab.distributions import Constant
from meshlab.faults import EdgeFault, Errors, Fault, Leak, Outage, Slowdown
from meshlab.load import Load
from meshlab.mesh import run
from meshlab.policies.retry import RetryPolicy
from meshlab.result import Result
from meshlab.scenario import Scenario
from meshlab.topology import Edge, Instance, Service

AUTH_FAILS, PAYMENT_SLOW, INVENTORY_OUT = FAULTS


@cache
def demo(seed: int = 1, faults: tuple[Fault, ...] = FAULTS, duration: float = 180.0) -> Result:
    return run(replace(demo_scenario(), faults=faults, duration=duration), seed)


@cache
def report(seed: int = 1, faults: tuple[Fault, ...] = FAULTS, duration: float = 180.0) -> Report:
    return read_report(demo(seed, faults, duration))


def text(result: Result, width: int = 80, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    show(result, Console(file=file, width=width, markup=False, emoji=False, highlight=False))
    file.seek(0)
    return file.read()


def phase(told: Report, label: str) -> Phase:
    (found,) = [phase for phase in told.phases if phase.label == label]
    return found


def opened(told: Report) -> set[str]:
    return {incident.subject for incident in told.incidents if incident.kind == BREAKER}


# ---- the story follows the causes


def test_without_faults_nothing_opens_and_hardly_anyone_loses_anything() -> None:
    told = report(faults=())
    assert [phase.label for phase in told.phases] == ["at rest", "auth-4 joins"]
    assert told.faults == ()
    assert told.incidents == ()
    assert told.summary.lost <= 0.001 * told.summary.requests
    assert "none opened" in text(demo(faults=()))


def test_an_instance_that_fails_is_ejected_and_users_hardly_notice() -> None:
    told = report(faults=(AUTH_FAILS,))
    assert {(i.kind, i.target) for i in told.incidents} == {("ejected", "auth-2")}
    failing = phase(told, "auth-2 fails 80%")
    assert failing.failed_at[0].where == "auth-2"
    assert failing.lost <= 0.005 * failing.requests


def test_a_slow_payment_opens_its_breakers_and_pages_come_without_it() -> None:
    told = report(faults=(PAYMENT_SLOW,))
    assert opened(told) == {"order-1->payment", "order-2->payment"}
    assert {i.reason for i in told.incidents} == {"slow_calls"}
    slow = phase(told, "payment 5x as slow")
    assert slow.p95 is not None and slow.p95 > 1.0
    assert slow.lost <= 0.01 * slow.requests
    assert slow.refused_at[0].where == "order->payment"


def test_without_the_outage_of_inventory_no_page_is_lost_to_it() -> None:
    told = report(faults=(AUTH_FAILS, PAYMENT_SLOW))
    assert not any("inventory" in subject for subject in opened(told))
    assert told.summary.lost <= 0.005 * told.summary.requests
    assert "inventory is out" not in text(demo(faults=(AUTH_FAILS, PAYMENT_SLOW)))


def test_while_inventory_is_out_nearly_every_page_is_lost_and_then_it_heals() -> None:
    told = report()
    out = phase(told, "inventory is out")
    assert out.lost > 0.9 * out.requests
    assert out.refused_at[0].where == "order->inventory"
    assert {"order-1->inventory", "order-2->inventory"} <= opened(told)
    assert told.summary.unhealed == 0


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
    auth, payment, inventory = report(seed).faults
    assert auth.incidents["ejected"] >= 4
    assert payment.incidents[BREAKER] >= 2
    assert inventory.incidents[BREAKER] >= 2
    assert report(seed).summary.unhealed == 0


# ---- the numbers are those of the run


def test_phases_account_for_every_request_that_ended() -> None:
    told, summary = report(), report().summary
    assert sum(phase.requests for phase in told.phases) + summary.in_flight == summary.requests
    assert sum(phase.lost for phase in told.phases) == summary.lost
    assert summary.succeeded + summary.lost + summary.in_flight == summary.requests
    assert sum(phase.retries for phase in told.phases) == summary.retries
    assert sum(phase.retries_denied for phase in told.phases) == summary.retries_denied


def test_phases_follow_one_another_from_beginning_to_end() -> None:
    told = report()
    starts = [phase.start for phase in told.phases]
    assert starts == [0, 20, 50, 70, 95, 115, 135, NEWCOMER_AT]
    assert [phase.end for phase in told.phases] == [*starts[1:], told.duration]


def blamed(told: Report, instance: str) -> int:
    return sum(o.count for phase in told.phases for o in phase.failed_at if o.where == instance)


@pytest.mark.parametrize("instance", ["auth-1", "auth-2", "auth-4", "payment-1"])
def test_who_calls_nobody_is_blamed_for_exactly_the_errors_of_its_own(instance: str) -> None:
    assert blamed(report(), instance) == demo().processes[instance].own_errors > 0


@pytest.mark.parametrize("instance", ["order-1", "order-2", "user-1"])
def test_an_instance_is_not_blamed_for_the_failures_that_it_passed_on(instance: str) -> None:
    truth = demo().processes[instance]
    assert truth.passed_on > 100
    assert abs(blamed(report(), instance) - truth.own_errors) <= 5  # in flight between phases


def test_refusals_are_those_of_the_edges() -> None:
    told = report()
    refused: dict[str, int] = {}
    for origin in (origin for phase in told.phases for origin in phase.refused_at):
        refused[origin.where] = refused.get(origin.where, 0) + origin.count
    assert refused == {route.name: route.refused for route in told.routes if route.refused}


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
    inventory = cut.faults[-1]
    assert inventory.end == 135.0
    assert inventory.healed_after is None
    still = [i for i in cut.incidents if i.ended is None]
    assert {i.subject for i in still} >= {"order-1->inventory", "inventory-1"}
    assert cut.summary.unhealed == len(still)
    assert "not yet" in text(demo(duration=125.0))


def test_a_fault_is_healed_when_the_last_incident_that_outlived_it_is_over() -> None:
    auth = report().faults[0]
    ends = [i.ended for i in report().incidents if i.kind == "ejected"]
    assert auth.healed_after == max(end for end in ends if end is not None) - 50.0


def test_a_fault_is_not_healed_if_the_run_ends_before_what_it_set_off() -> None:
    inventory = report(duration=136.0).faults[-1]
    assert (inventory.end, inventory.healed_after) == (135.0, None)


def test_a_fault_is_not_healed_while_users_go_on_losing_what_it_began() -> None:
    """Three quick retries keep a small service busy after its slowness is over: no incident."""
    auth = Service(name="auth", instances=(Instance(latency=Constant(0.05), workers=8),))
    storm = Scenario(
        name="storm",
        services=(auth,),
        edges=(
            Edge(
                source="client",
                destination="auth",
                retry=RetryPolicy(max_attempts=4, per_try_timeout=0.3),
            ),
        ),
        loads=(Load(destination="auth", rate=120.0),),
        faults=(Slowdown(service="auth", factor=10.0, start=10.0, end=15.0),),
        duration=40.0,
        scrape_interval=1.0,
    )
    told = read_report(run(storm, seed=1))
    assert told.phases[-1].lost > 0.5 * told.phases[-1].requests
    assert told.incidents == ()
    assert told.faults[0].healed_after is None
    patient = replace(storm, edges=(replace(storm.edges[0], retry=RetryPolicy()),))
    calm = read_report(run(patient, seed=1))
    assert calm.faults[0].healed_after is not None


def test_an_instance_that_leaves_as_planned_is_no_incident_and_leaves_none_behind() -> None:
    base = demo_scenario()
    auth = base.service("auth")
    leaving = replace(auth.instances[0], stops_at=4.0)
    staying = replace(auth, instances=(leaving, *auth.instances[1:]))
    services = tuple(staying if service is auth else service for service in base.services)
    told = read_report(run(replace(base, services=services, faults=(), duration=10.0), seed=1))
    assert [phase.label for phase in told.phases] == ["at rest", "auth-1 leaves"]
    assert {(i.kind, i.target, i.ended_because) for i in told.incidents} == {
        ("ejected", "auth-1", "left")  # by those whom the news had not reached
    }
    assert told.summary.unhealed == 0


def test_a_fault_answers_for_the_requests_of_the_phases_in_which_it_held() -> None:
    told = report()
    out, effect = phase(told, "inventory is out"), told.faults[-1]
    assert (effect.requests, effect.lost) == (out.requests, out.lost)
    assert effect.incidents == {"down": 2, BREAKER: 2, "unhealthy": 4, "panic": 2}


def test_shares_add_up_and_are_those_of_the_tries() -> None:
    for service, group in groupby(report().shares, key=lambda share: share.service):
        together = list(group)
        assert sum(share.share for share in together) == pytest.approx(1.0)
        edges = [totals for (_, to), totals in demo().edges.items() if to == service]
        for share in together:
            assert share.tries == sum(totals.shares.get(share.instance, 0) for totals in edges)


def test_an_ejected_instance_gets_less_than_its_expected_share() -> None:
    told = report()
    auth_2 = next(share for share in told.shares if share.instance == "auth-2")
    by_phase = {part.phase: part for part in auth_2.phases}
    failing = phase(told, "auth-2 fails 80%").number
    assert auth_2.furthest == by_phase[failing]
    assert by_phase[failing].expected == pytest.approx(1 / 3)
    assert by_phase[failing].share < 0.1
    calm = next(share for share in report(faults=()).shares if share.instance == "auth-2")
    assert calm.phases[0].share == pytest.approx(1 / 3, abs=0.02)


def test_a_share_of_many_tries_is_further_off_than_one_of_few() -> None:
    few = PhaseShare(phase=1, tries=6, of=10, share=0.6, expected=0.5)
    many = PhaseShare(phase=2, tries=5500, of=10_000, share=0.55, expected=0.5)
    auth_2 = next(share for share in report().shares if share.instance == "auth-2")
    assert replace(auth_2, phases=(few, many)).furthest == many


def test_a_newcomer_is_expected_to_get_a_share_from_its_registration_on() -> None:
    auth_4 = next(share for share in report().shares if share.instance == "auth-4")
    assert [part.expected for part in auth_4.phases] == [0.0] * 7 + [0.25]
    assert [part.tries > 0 for part in auth_4.phases] == [False] * 7 + [True]


def test_nothing_is_expected_where_the_share_depends_on_load() -> None:
    orders = [share for share in report().shares if share.service == "order"]
    assert [share.expected for share in orders] == [None, None]
    assert "by load" in text(demo())


def test_a_newcomer_waits_for_work_as_long_as_the_news_takes() -> None:
    slow = report().first_tries
    assert {first.sidecar for first in slow} == {"gateway-1", "user-1", "user-2", "user-3"}
    base = replace(demo_scenario(), faults=())
    edges = tuple(replace(edge, propagation=Constant(0.0)) for edge in base.edges)
    quick = read_report(run(replace(base, edges=edges), seed=1)).first_tries
    assert all(first.time is not None and first.time <= NEWCOMER_AT + 2 for first in quick)
    late = [first.time for first in slow if first.time is not None]
    assert len(late) == 4 and max(late) > NEWCOMER_AT + 2


# ---- any scenario


def test_faults_at_the_same_time_share_a_phase() -> None:
    both = (AUTH_FAILS, Slowdown(service="payment", factor=2.0, start=30.0, end=40.0))
    labels = [phase.label for phase in report(faults=both, duration=60.0).phases]
    assert labels == [
        "at rest",
        "auth-2 fails 80%",
        "auth-2 fails 80%, payment 2x as slow",
        "auth-2 fails 80%",
        "no fault",
    ]


def test_a_fault_without_end_is_told_without_one() -> None:
    endless = (Errors(service="auth", rate=0.1, start=10.0),)
    told = report(faults=endless, duration=20.0)
    assert (told.faults[0].end, told.faults[0].healed_after) == (None, None)
    assert json.loads(to_json(told))["faults"][0]["end"] is None


def test_a_fault_after_the_end_of_the_run_is_not_told() -> None:
    assert report(duration=60.0).faults[-1].fault == "auth-2 fails 80%"


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
    assert told.summary.requests == 0
    assert told.phases[0].p95 is None
    assert all(share.expected is None for share in told.shares)
    assert "0 answered" in text(idle)


# ---- what is printed


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_name_is_cut(width: int) -> None:
    printed = text(demo(), width)
    assert max(len(line) for line in printed.splitlines()) <= width
    for name in [*(route.name for route in report().routes), "weighted round robin"]:
        assert name in printed


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


# ---- the timeline


def strip(strips: tuple[Strip, ...], label: str) -> str:
    (found,) = [strip.cells for strip in strips if strip.label == label]
    return found


@pytest.mark.parametrize("width", [10, 52, 90, 500])
def test_all_strips_of_a_timeline_have_the_same_length_and_fit(width: int) -> None:
    timeline = read_timeline(demo(), report(), width, UNICODE)
    lengths = {len(strip.cells) for strip in timeline.strips}
    assert len(lengths) == 1
    assert lengths.pop() <= width
    assert timeline.step * width >= 180.0


def test_a_strip_shows_when_a_breaker_was_open_and_when_it_probed() -> None:
    timeline = read_timeline(demo(), report(), 180, ASCII)
    cells = strip(timeline.strips, "breaker order->inventory")
    mine = [i for i in report().incidents if i.edge == "order->inventory" and i.kind == BREAKER]
    shown = {second for second, cell in enumerate(cells) if cell != ASCII.quiet}
    assert min(shown) == int(min(i.began for i in mine)) == 115
    assert max(shown) == int(max(i.ended or 0.0 for i in mine))
    probes = {int(time) for incident in mine for time in incident.probes}
    assert {second for second, cell in enumerate(cells) if cell == ASCII.probes} == probes


def test_a_strip_of_losses_is_quiet_where_nobody_lost_anything() -> None:
    timeline = read_timeline(demo(), report(), 180, ASCII)
    cells = next(s.cells for s in timeline.strips if s.label.startswith("lost"))
    assert cells[:115] == ASCII.quiet * 115
    assert ASCII.levels[-1] in cells[115:140]


# ---- words


@given(whole=st.integers(1, 10**6), data=st.data())
def test_a_few_are_never_called_none_and_most_never_all(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    assert (percent(part, whole) == "0.0") == (part == 0)
    assert (percent(part, whole) == "100.0") == (part == whole)


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


def test_a_difference_of_nothing_has_no_sign() -> None:
    assert [off_by(x, 0.5) for x in (0.4999, 0.48, 0.52)] == ["0.0", "-2.0", "+2.0"]
    assert off_by(0.5, None) == ""
