"""The rules of `meshlab.policies.breaker` and `meshlab.policies.windows`, for numba."""

from __future__ import annotations

from typing import Any

from meshlab.engines.compiled.jit import jit
from meshlab.engines.compiled.layout import upstream_at, whole_at
from meshlab.engines.compiled.notes import What, note
from meshlab.policies.breaker import State
from meshlab.policies.windows import BUCKETS
from meshlab.telemetry.counts import OPENING

CLOSED, HALF_OPEN, OPEN = int(State.CLOSED), int(State.HALF_OPEN), int(State.OPEN)
NO_WINDOW, BY_COUNT, BY_TIME = 0, 1, 2
CONSECUTIVE_FAILURES = int(What.CONSECUTIVE_FAILURES)
FAILURE_RATE = int(What.FAILURE_RATE)
SLOW_CALLS = int(What.SLOW_CALLS)
OPEN_TIME_OVER = int(What.OPEN_TIME_OVER)
PROBE_FAILED = int(What.PROBE_FAILED)
PROBES_SUCCEEDED = int(What.PROBES_SUCCEEDED)
OPENED_BY = tuple(
    next(place for place, reason in enumerate(OPENING) if reason.name == what.name)
    if what.name in {reason.name for reason in OPENING}
    else -1
    for what in What
)
"""Which count of openings each decision belongs to."""


@jit
def admit(root: Any, number: int) -> bool:
    """May a call go out now? If it is a trial, a place among the trials is taken."""
    upstream = upstream_at(root.upstreams, number)
    if upstream.state == CLOSED:
        return True
    if upstream.state == OPEN:
        if root.now < upstream.retry_at:
            return False
        move(root, number, OPEN_TIME_OVER, root.now - upstream.opened_at, 0.0)
    if upstream.trials_in_flight + upstream.trials_succeeded >= upstream.half_open_trials:
        return False
    upstream.trials_in_flight += 1
    return True


@jit
def report(root: Any, number: int, permit: int, trial: bool, ok: bool, seconds: float) -> None:
    """A permitted call has ended; a permit of an earlier generation comes too late."""
    upstream = upstream_at(root.upstreams, number)
    if permit != upstream.generation:
        return
    if trial:
        judge_trial(root, number, ok, seconds)
    elif ok and upstream.window == NO_WINDOW:
        upstream.consecutive = 0
    else:
        judge_call(root, number, ok, seconds)


@jit
def abandon_permit(root: Any, number: int, permit: int, trial: bool) -> None:
    """A permitted call has ended without a verdict."""
    upstream = upstream_at(root.upstreams, number)
    if trial and permit == upstream.generation:
        upstream.trials_in_flight -= 1


@jit
def judge_call(root: Any, number: int, ok: bool, seconds: float) -> None:
    """Closed: count the call, and open if a rule says so."""
    upstream = upstream_at(root.upstreams, number)
    upstream.consecutive = 0 if ok else upstream.consecutive + 1
    if upstream.window == BY_COUNT:
        add_to_count_window(root, number, not ok, seconds > upstream.slow_seconds)
    elif upstream.window == BY_TIME:
        add_to_time_window(root, number, not ok, seconds > upstream.slow_seconds)
    failures = upstream.consecutive
    calls = upstream.window_calls
    if 0 < upstream.consecutive_limit <= failures:
        move(root, number, CONSECUTIVE_FAILURES, failures, 0.0)
    elif upstream.window == NO_WINDOW or calls < upstream.minimum_calls:
        return
    elif upstream.window_failures / calls >= upstream.failure_rate:
        move(root, number, FAILURE_RATE, upstream.window_failures, calls)
    elif upstream.window_slow / calls >= upstream.slow_rate:
        move(root, number, SLOW_CALLS, upstream.window_slow, calls)


@jit
def judge_trial(root: Any, number: int, ok: bool, seconds: float) -> None:
    """Half-open: the first bad trial reopens, enough good ones close."""
    upstream = upstream_at(root.upstreams, number)
    upstream.trials_in_flight -= 1
    if not ok or seconds > upstream.slow_seconds:
        move(root, number, PROBE_FAILED, 1.0 if ok else 0.0, seconds)
        return
    upstream.trials_succeeded += 1
    if upstream.trials_succeeded == upstream.half_open_trials:
        move(root, number, PROBES_SUCCEEDED, upstream.trials_succeeded, 0.0)


@jit
def move(root: Any, number: int, why: int, x: float, y: float) -> None:
    """Every transition happens here, and begins a generation from zero."""
    upstream = upstream_at(root.upstreams, number)
    upstream.generation += 1
    upstream.consecutive = 0
    upstream.trials_in_flight = 0
    upstream.trials_succeeded = 0
    if why == OPEN_TIME_OVER:
        upstream.state = HALF_OPEN
    elif why == PROBES_SUCCEEDED:
        upstream.state = CLOSED
        clear_window(root, number)
    else:
        upstream.state = OPEN
        upstream.opened_at = root.now
        upstream.retry_at = root.now + upstream.open_seconds
        upstream.opened[OPENED_BY[why]] += 1
    note(root, why, number, x, y, 0.0)


@jit
def clear_window(root: Any, number: int) -> None:
    """Forget every call."""
    upstream = upstream_at(root.upstreams, number)
    upstream.window_calls = 0
    upstream.window_failures = 0
    upstream.window_slow = 0
    upstream.window_next = 0
    upstream.bucket = 0
    upstream.bucket_ends = root.now + upstream.bucket_seconds
    for place in range(upstream.window_size):
        whole_at(root.windows, upstream.window_first + place).x = 0
    for bucket in range(BUCKETS):
        upstream.bucket_calls[bucket] = 0
        upstream.bucket_failures[bucket] = 0
        upstream.bucket_slow[bucket] = 0


@jit
def add_to_count_window(root: Any, number: int, failed: bool, slow: bool) -> None:
    """The newest call takes the place of the oldest."""
    upstream = upstream_at(root.upstreams, number)
    place = whole_at(root.windows, upstream.window_first + upstream.window_next)
    upstream.window_failures += (1 if failed else 0) - (place.x & 1)
    upstream.window_slow += (1 if slow else 0) - (place.x >> 1)
    place.x = (1 if failed else 0) + (2 if slow else 0)
    if upstream.window_calls < upstream.window_size:
        upstream.window_calls += 1
    upstream.window_next += 1
    if upstream.window_next == upstream.window_size:
        upstream.window_next = 0


@jit
def add_to_time_window(root: Any, number: int, failed: bool, slow: bool) -> None:
    """Count into the newest tenth of the window."""
    upstream = upstream_at(root.upstreams, number)
    if root.now >= upstream.bucket_ends:
        forget(root, number)
    bucket = upstream.bucket
    upstream.window_calls += 1
    upstream.bucket_calls[bucket] += 1
    if failed:
        upstream.window_failures += 1
        upstream.bucket_failures[bucket] += 1
    if slow:
        upstream.window_slow += 1
        upstream.bucket_slow[bucket] += 1


@jit
def forget(root: Any, number: int) -> None:
    """Empty the buckets that are too old, until the newest one contains the present."""
    upstream = upstream_at(root.upstreams, number)
    if root.now - upstream.bucket_ends >= upstream.window_seconds:
        clear_window(root, number)
    while root.now >= upstream.bucket_ends:
        upstream.bucket_ends += upstream.bucket_seconds
        bucket = upstream.bucket + 1 if upstream.bucket + 1 < BUCKETS else 0
        upstream.window_calls -= upstream.bucket_calls[bucket]
        upstream.window_failures -= upstream.bucket_failures[bucket]
        upstream.window_slow -= upstream.bucket_slow[bucket]
        upstream.bucket_calls[bucket] = 0
        upstream.bucket_failures[bucket] = 0
        upstream.bucket_slow[bucket] = 0
        upstream.bucket = bucket
