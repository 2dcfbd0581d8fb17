"""One call by hand: what a sidecar decides, what it counts, and what it gives back."""

from __future__ import annotations

from typing import Any

import pytest

from meshlab.mesh.call import Call
from meshlab.model import REJECTIONS, Outcome
from meshlab.policies.breaker import BreakerConfig, CircuitBreaker
from meshlab.policies.breaker_states import State
from meshlab.policies.budget import ConcurrentRetryBudget, GrpcRetryThrottle, MaxRetries
from meshlab.policies.endpoint import Endpoint, text_of
from meshlab.policies.health import HealthCheck
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.outlier import OutlierDetection
from meshlab.policies.peak_ewma import PeakEwma
from meshlab.policies.rate_limit import RateLimit
from meshlab.policies.retry import Backoff, RetryPolicy
from meshlab.policies.ring_hash import RingHash
from meshlab.scenario.topology import Edge
from meshlab.telemetry.ledger import Entry
from tests.by_hand import Caller, Ended, Sent, Server, Site, Waits, join, state

FOREVER = float("inf")
STEADY = Backoff(base_seconds=0.25, factor=2.0, cap_seconds=2.0, jitter=0.0)


class Bench:
    """One sidecar before one cluster, on a clock turned by hand: no event happens by itself."""

    def __init__(self, endpoints: int = 2, seed: int = 1, zone: str = "", **policies: Any) -> None:
        self.site = Site(seed)
        edge = Edge(source="gateway", destination="cart", **policies)
        self.upstream = self.site.upstream(edge, "gateway-1", zone)
        for number in range(endpoints):
            self.join(f"cart-{number + 1}")
        self.requests = 0
        self.caller = Caller()

    def join(self, name: str, zone: str = "") -> None:
        join(self.upstream, Endpoint(name, zone=zone, target=Server()))

    @property
    def counts(self) -> Any:
        return self.upstream.counts

    def advance(self, seconds: float) -> None:
        self.site.engine.now += seconds

    def call(self, deadline: float = FOREVER) -> Call:
        self.requests += 1
        return self.site.calls.make(self.upstream, self.caller, self.requests, 0, deadline)

    def start(self, call: Call) -> Sent | Waits | Ended:
        call.start()
        return state(call, self.caller)

    def sent(self, deadline: float = FOREVER) -> Sent:
        """The first try of a new call."""
        action = self.start(self.call(deadline))
        assert isinstance(action, Sent)
        return action

    def ends(self, send: Sent, outcome: Outcome, after: float = 0.0) -> Sent | Waits | Ended:
        self.advance(after)
        send.call.answered(outcome)
        return state(send.call, self.caller)

    def fail(self, outcome: Outcome = Outcome.ERROR) -> Outcome:
        """One call that fails at its first try."""
        action = self.ends(self.sent(), outcome)
        assert isinstance(action, Ended)
        return action.outcome

    def refusal(self, deadline: float = FOREVER) -> Outcome:
        action = self.start(self.call(deadline))
        assert isinstance(action, Ended)
        return action.outcome

    def resume(self, call: Call) -> Sent | Waits | Ended:
        """The pause of a call that waits is over."""
        call.try_again()
        return state(call, self.caller)

    def again(self, call: Call) -> Sent:
        """The retry of a call that waits."""
        action = self.resume(call)
        assert isinstance(action, Sent)
        return action

    def ledger(self) -> tuple[Entry, ...]:
        return self.site.journal.close()

    def written(self, event: str) -> list[Entry]:
        return [entry for entry in self.ledger() if entry.event == event]

    @property
    def held(self) -> tuple[int, int, int, int]:
        """What is in flight: calls, tries, places of the limiter, trials of the breaker."""
        upstream, breaker = self.upstream, self.upstream.breaker
        return (
            self.counts.active,
            sum(endpoint.active for endpoint in upstream.every_endpoint),
            0 if upstream.limiter is None else upstream.limiter.active,
            breaker.trials_in_flight if isinstance(breaker, CircuitBreaker) else 0,
        )


def retry(attempts: int = 3, **fields: Any) -> dict[str, RetryPolicy]:
    return {"retry": RetryPolicy(max_attempts=attempts, **{"backoff": STEADY, **fields})}


# ---- one try


def test_a_good_try_ends_its_call_and_gives_everything_back() -> None:
    bench = Bench(limits=ConcurrencyLimits())
    send = bench.sent()
    assert bench.held == (1, 1, 1, 0)
    done = bench.ends(send, Outcome.OK, after=0.5)
    assert isinstance(done, Ended) and done.outcome is Outcome.OK
    assert bench.held == (0, 0, 0, 0)
    assert (bench.counts.outcomes[Outcome.OK], bench.counts.tries[Outcome.OK]) == (1, 1)
    assert (send.endpoint.attempts, send.endpoint.failures) == (1, 0)


def test_a_call_is_counted_in_the_bucket_of_its_whole_duration() -> None:
    bench = Bench(**retry())
    wait = bench.ends(bench.sent(), Outcome.ERROR, after=0.02)
    assert isinstance(wait, Waits)
    call = bench.call()
    send = bench.ends(bench.start(call), Outcome.ERROR, after=0.01)
    bench.advance(0.25)
    bench.ends(bench.again(call), Outcome.OK, after=0.02)
    assert isinstance(send, Waits)
    # .01 + .25 + .02 s: above .25, at most .5
    assert bench.counts.buckets == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert bench.counts.seconds == pytest.approx(0.28)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.OK])
def test_a_call_without_retries_ends_as_its_only_try_did(outcome: Outcome) -> None:
    bench = Bench()
    send = bench.sent()
    done = bench.ends(send, outcome)
    assert isinstance(done, Ended) and done.outcome is outcome
    assert send.endpoint.failures == 1


def test_the_per_try_timeout_goes_with_every_try() -> None:
    bench = Bench(**retry(per_try_timeout=0.5))
    call = bench.call()
    first = bench.start(call)
    assert isinstance(first, Sent) and first.timeout == 0.5
    bench.ends(first, Outcome.TIMEOUT, after=0.5)
    assert bench.again(call).timeout == 0.5


# ---- retries


def test_retries_wait_as_the_backoff_says_until_the_attempts_are_used_up() -> None:
    bench = Bench(**retry(4))
    call = bench.call()
    send = bench.start(call)
    pauses = []
    while isinstance(send, Sent):
        action = bench.ends(send, Outcome.RESET)
        if isinstance(action, Ended):
            break
        pauses.append(action.seconds)
        send = bench.resume(call)
    assert pauses == [0.25, 0.5, 1.0]
    assert isinstance(action, Ended) and action.outcome is Outcome.RESET
    assert (bench.counts.retries, bench.counts.retries_succeeded) == (3, 0)
    assert bench.counts.tries[Outcome.RESET] == 4


def test_a_retry_that_saves_its_call_is_counted_as_such() -> None:
    bench = Bench(**retry())
    call = bench.call()
    bench.ends(bench.start(call), Outcome.ERROR)
    done = bench.ends(bench.again(call), Outcome.OK)
    assert isinstance(done, Ended) and done.outcome is Outcome.OK
    assert (bench.counts.retries, bench.counts.retries_succeeded) == (1, 1)


def test_only_what_the_policy_names_is_tried_again() -> None:
    bench = Bench(**retry(retry_on=frozenset({Outcome.RESET})))
    assert isinstance(bench.ends(bench.sent(), Outcome.RESET), Waits)
    assert isinstance(bench.ends(bench.sent(), Outcome.ERROR), Ended)


@pytest.mark.parametrize("balancer", [RingHash(), PeakEwma()], ids=lambda config: config.kind)
@pytest.mark.parametrize("seed", range(5))
def test_a_retry_goes_to_another_endpoint(balancer: Any, seed: int) -> None:
    """Five draws out of four endpoints find another but once in a thousand."""
    bench = Bench(4, seed, balancer=balancer, **retry(2))
    call = bench.call()
    first = bench.start(call)
    assert isinstance(first, Sent)
    bench.ends(first, Outcome.ERROR, after=0.1)
    assert bench.again(call).endpoint is not first.endpoint


def test_a_retry_may_go_to_the_same_endpoint_where_the_policy_does_not_mind() -> None:
    bench = Bench(4, balancer=RingHash(), **retry(2, avoid_previous=False))
    call = bench.call()
    first = bench.start(call)
    assert isinstance(first, Sent)
    bench.ends(first, Outcome.ERROR)
    assert bench.again(call).endpoint is first.endpoint


def test_the_only_endpoint_is_tried_again() -> None:
    bench = Bench(1, **retry(2))
    call = bench.call()
    bench.ends(bench.start(call), Outcome.ERROR)
    assert bench.again(call).endpoint.attempts == 2


def test_a_retry_that_is_never_sent_is_no_retry() -> None:
    bench = Bench(**retry(), limits=ConcurrencyLimits(max_requests=1))
    call = bench.call()
    bench.ends(bench.start(call), Outcome.ERROR)
    bench.sent()
    done = bench.resume(call)
    assert isinstance(done, Ended) and done.outcome is Outcome.OVERFLOW
    attempts = sum(endpoint.attempts for endpoint in bench.upstream.every_endpoint)
    assert (attempts, bench.counts.retries) == (2, 0)


# ---- budgets


def one_retry_at_a_time(**fields: Any) -> dict[str, RetryPolicy]:
    return retry(budget=MaxRetries(max_retries=1), **fields)


def test_a_denied_retry_ends_the_call_as_its_last_try_did() -> None:
    bench = Bench(**retry(budget=ConcurrentRetryBudget(budget_percent=0, min_retry_concurrency=0)))
    assert [bench.fail(), bench.fail(Outcome.RESET)] == [Outcome.ERROR, Outcome.RESET]
    assert (bench.counts.retries, bench.counts.retries_denied) == (0, 2)
    (entry,) = bench.written("retry denied")
    assert (entry.subject, entry.evidence) == ("gateway-1->cart", (("count", 2.0),))


@pytest.mark.parametrize("end", ["answered", "failed", "abandoned", "abandoned in the pause"])
def test_a_retry_holds_its_place_in_the_budget_until_it_ends(end: str) -> None:
    bench = Bench(**one_retry_at_a_time())
    call = bench.call()
    bench.ends(bench.start(call), Outcome.ERROR)
    assert bench.upstream.budget is not None
    assert bench.upstream.budget.balance == 0
    assert isinstance(bench.ends(bench.sent(), Outcome.ERROR), Ended), "the budget is used up"
    if end == "abandoned in the pause":
        call.abandon()
    else:
        again = bench.again(call)
        assert bench.upstream.budget.balance == 0
        match end:
            case "answered":
                bench.ends(again, Outcome.OK)
            case "failed":
                action = bench.ends(again, Outcome.ERROR)  # takes the place of its forerunner
                assert isinstance(action, Waits)
                bench.ends(bench.again(call), Outcome.OK)
            case "abandoned":
                call.abandon()
    assert bench.upstream.budget.balance == 1
    assert bench.held == (0, 0, 0, 0)


# ---- refusals


def test_what_the_limit_does_not_let_through_is_refused_at_once() -> None:
    bench = Bench(limits=ConcurrencyLimits(max_requests=2))
    first, _ = bench.sent(), bench.sent()
    assert bench.refusal() is Outcome.OVERFLOW
    bench.ends(first, Outcome.ERROR)
    bench.sent()
    assert bench.held == (2, 2, 2, 0)


def test_an_open_breaker_refuses_and_gives_the_place_back() -> None:
    bench = Bench(limits=ConcurrencyLimits(), breaker=BreakerConfig(consecutive_failures=1))
    bench.fail()
    assert bench.refusal() is Outcome.CIRCUIT_OPEN
    assert bench.held == (0, 0, 0, 0)


def test_a_refusal_is_not_reported_to_the_breaker() -> None:
    bench = Bench(0, breaker=BreakerConfig(consecutive_failures=1))
    assert bench.refusal() is Outcome.NO_HEALTHY
    assert isinstance(bench.upstream.breaker, CircuitBreaker)
    assert bench.upstream.breaker.state == State.CLOSED


def half_open(endpoints: int = 1, **fields: Any) -> Bench:
    """A sidecar whose breaker will admit one trial."""
    breaker = BreakerConfig(consecutive_failures=1, open_seconds=1.0)
    bench = Bench(endpoints, breaker=breaker, limits=ConcurrencyLimits(), **fields)
    bench.fail()
    bench.advance(1.0)
    return bench


def test_a_trial_that_finds_no_endpoint_is_given_back() -> None:
    bench = half_open(panic_threshold=0.0)
    bench.upstream.left(0)
    assert [bench.refusal(), bench.refusal()] == [Outcome.NO_HEALTHY] * 2
    assert bench.held == (0, 0, 0, 0)


def test_a_trial_whose_caller_gave_up_is_given_back_without_a_verdict() -> None:
    bench = half_open()
    send = bench.sent()
    assert bench.refusal() is Outcome.CIRCUIT_OPEN
    send.call.abandon()
    assert isinstance(bench.upstream.breaker, CircuitBreaker)
    assert bench.upstream.breaker.state == State.HALF_OPEN
    assert bench.held == (0, 0, 0, 0)
    bench.ends(bench.sent(), Outcome.OK)
    assert bench.upstream.breaker.state == State.CLOSED


def test_refusals_count_as_rejected_and_not_as_tries() -> None:
    bench = Bench(limits=ConcurrencyLimits(max_requests=0))
    bench.refusal()
    assert sum(bench.counts.outcomes[outcome] for outcome in REJECTIONS) == 1
    assert sum(bench.counts.tries) == 0
    assert bench.counts.active == 0


def test_calls_beyond_the_rate_limit_are_rejected_before_their_first_try() -> None:
    bench = Bench(rate_limit=RateLimit(max_tokens=2, fill_interval=1.0))
    bench.sent(), bench.sent()
    assert bench.refusal() is Outcome.RATE_LIMITED
    assert bench.held == (2, 2, 0, 0)
    assert sum(bench.counts.outcomes[outcome] for outcome in REJECTIONS) == 1
    bench.advance(1.0)
    bench.sent()


def test_a_retry_needs_no_token() -> None:
    bench = Bench(rate_limit=RateLimit(max_tokens=1), **retry())
    send = bench.sent()
    bench.ends(send, Outcome.ERROR)
    bench.again(send.call)


def test_a_call_beyond_the_rate_limit_touches_no_policy_behind_it() -> None:
    bench = Bench(
        rate_limit=RateLimit(max_tokens=1),
        breaker=BreakerConfig(),
        limits=ConcurrencyLimits(),
        **retry(budget=GrpcRetryThrottle(max_tokens=4)),
    )
    bench.ends(bench.sent(), Outcome.OK)
    budget = bench.upstream.budget
    assert budget is not None
    before = budget.balance
    for _ in range(10):
        bench.refusal()
    assert budget.balance == before
    assert bench.held == (0, 0, 0, 0)


# ---- deadlines


def test_the_earlier_of_two_deadlines_holds() -> None:
    bench = Bench(**retry(deadline=2.0))
    assert [bench.sent().timeout, bench.sent(1.0).timeout, bench.sent(5.0).timeout] == [2, 1, 2]


def test_a_deadline_cuts_the_last_try_short() -> None:
    bench = Bench(**retry(per_try_timeout=1.0, deadline=1.5))
    call = bench.call()
    first = bench.start(call)
    assert isinstance(first, Sent) and first.timeout == 1.0
    bench.ends(first, Outcome.TIMEOUT, after=1.0)
    bench.advance(0.25)
    assert bench.again(call).timeout == 0.25


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("per_try", [None, 1.0])
def test_a_try_that_the_deadline_cuts_off_ends_its_call_as_out_of_time(
    attempts: int, per_try: float | None
) -> None:
    bench = Bench(**retry(attempts, per_try_timeout=per_try, deadline=0.5, backoff=Backoff()))
    done = bench.ends(bench.sent(), Outcome.TIMEOUT, after=0.5)
    assert isinstance(done, Ended) and done.outcome is Outcome.DEADLINE
    assert bench.counts.tries[Outcome.TIMEOUT] == 1


def test_a_timeout_with_time_left_is_a_timeout() -> None:
    bench = Bench(**retry(1, per_try_timeout=0.25, deadline=0.5))
    done = bench.ends(bench.sent(), Outcome.TIMEOUT, after=0.25)
    assert isinstance(done, Ended) and done.outcome is Outcome.TIMEOUT


def test_nothing_is_sent_once_the_time_is_up() -> None:
    bench = Bench()
    bench.advance(3.0)
    assert bench.refusal(deadline=3.0) is Outcome.DEADLINE
    assert sum(endpoint.attempts for endpoint in bench.upstream.every_endpoint) == 0


def test_a_retry_for_which_no_time_is_left_is_not_waited_for() -> None:
    bench = Bench(**retry(deadline=0.25))
    done = bench.ends(bench.sent(), Outcome.ERROR)
    assert isinstance(done, Ended) and done.outcome is Outcome.DEADLINE
    assert bench.counts.retries == 0


# ---- giving up


def test_an_abandoned_call_ends_unjudged() -> None:
    bench = Bench(
        limits=ConcurrencyLimits(),
        breaker=BreakerConfig(consecutive_failures=1),
        outlier=OutlierDetection(consecutive_5xx=1),
    )
    send = bench.sent()
    bench.advance(0.5)
    send.call.abandon()
    assert state(send.call, bench.caller) == Ended(Outcome.ABANDONED)
    assert not send.call.sending
    assert bench.held == (0, 0, 0, 0)
    assert bench.counts.tries[Outcome.ABANDONED] == 1
    assert bench.counts.outcomes[Outcome.ABANDONED] == 1
    assert send.endpoint.failures == 0
    assert bench.ledger() == ()


# ---- what policies are told, and what they say


def test_the_balancer_learns_how_long_good_and_bad_tries_took() -> None:
    bench = Bench(1, balancer=PeakEwma())
    endpoint = bench.upstream.every_endpoint[0]
    bench.ends(bench.sent(), Outcome.OK, after=0.5)
    good = endpoint.ewma
    bench.ends(bench.sent(), Outcome.TIMEOUT, after=2.0)
    assert good > 0 and endpoint.ewma > good


def zonal(*zones: str, **policies: Any) -> Bench:
    """A sidecar in zone x before endpoints in these zones."""
    bench = Bench(0, zone="x", zone_local=True, **policies)
    for number, zone in enumerate(zones):
        bench.join(f"cart-{number + 1}", zone)
    return bench


def test_tries_stay_in_the_zone_of_their_sidecar() -> None:
    bench = zonal("y", "x", "y", "x")
    assert {bench.sent().endpoint.name for _ in range(20)} == {"cart-2", "cart-4"}


def test_a_sidecar_without_zone_local_sends_anywhere() -> None:
    bench = Bench(0, zone="x")
    for number, zone in enumerate("xy"):
        bench.join(f"cart-{number + 1}", zone)
    assert {bench.sent().endpoint.name for _ in range(4)} == {"cart-1", "cart-2"}


def test_a_retry_leaves_the_zone_only_if_there_is_no_other_endpoint_in_it() -> None:
    for zones, expected in (("xy", "y"), ("xxy", "x")):
        bench = zonal(*zones, **retry(avoid_previous=True))
        for _ in range(10):
            send = bench.sent()
            bench.ends(send, Outcome.ERROR)
            again = bench.again(send.call)
            assert again.endpoint is not send.endpoint
            assert text_of(again.endpoint.zone) == expected


def test_a_retry_that_may_go_to_the_same_endpoint_stays_in_the_zone() -> None:
    bench = zonal("x", "y", **retry(avoid_previous=False))
    send = bench.sent()
    bench.ends(send, Outcome.ERROR)
    assert bench.again(send.call).endpoint.name == "cart-1"


def test_a_breaker_writes_its_moves_down_with_their_evidence() -> None:
    bench = half_open()
    bench.ends(bench.sent(), Outcome.OK)
    moves = [(e.time, e.subject, e.event, e.reason) for e in bench.ledger()]
    assert moves == [
        (0.0, "gateway-1->cart", "breaker opened", "consecutive_failures"),
        (1.0, "gateway-1->cart", "breaker half-open", "open_time_over"),
        (1.0, "gateway-1->cart", "breaker closed", "probes_succeeded"),
    ]
    (opened,) = bench.written("breaker opened")
    assert opened.evidence == (("consecutive_failures", 1.0),)
    assert sum(bench.counts.opened) == 1


def test_an_ejection_and_the_return_are_written_down() -> None:
    outlier = OutlierDetection(consecutive_5xx=1, base_ejection_time=30.0)
    bench = Bench(4, outlier=outlier)
    bad = bench.sent()
    bench.ends(bad, Outcome.ERROR)
    assert bench.upstream.cluster.available == 3
    bench.advance(30.0)
    assert bench.upstream.outlier is not None
    bench.upstream.outlier.tick()
    (ejected,), (returned,) = bench.written("ejected"), bench.written("returned")
    assert ejected.subject == returned.subject == f"gateway-1->cart {bad.endpoint.name}"
    assert (ejected.reason, ejected.evidence) == ("consecutive_5xx", (("consecutive_5xx", 1.0),))
    assert (bench.counts.ejections, bench.upstream.cluster.available) == (1, 4)


def test_health_and_panic_are_written_down_once_per_change() -> None:
    bench = Bench(2, health=HealthCheck(unhealthy_threshold=2), panic_threshold=1.0)
    first, _ = bench.upstream.every_endpoint
    for ok in (False, False, False, True, True):
        bench.upstream.probed(first, ok)
    assert [e.event for e in bench.ledger()] == [
        "unhealthy",
        "panic began",
        "healthy",
        "panic ended",
    ]
    (began,) = bench.written("panic began")
    assert began.evidence == (("available", 1.0), ("endpoints", 2.0))


def test_an_endpoint_that_left_is_not_picked_and_keeps_its_counts() -> None:
    bench = Bench(2)
    send = bench.sent()
    bench.upstream.left(bench.upstream.endpoints.index(send.endpoint))
    assert {bench.sent().endpoint.name for _ in range(4)} == {"cart-1", "cart-2"} - {
        send.endpoint.name
    }
    bench.ends(send, Outcome.OK)
    assert (send.endpoint.active, send.endpoint.attempts) == (0, 1)
    assert len(bench.upstream.every_endpoint) == 2
