"""The records of a compiled run: one type for each thing that the rules remember.

Each field is a field of the class of the same name in the reference engine, or a number by which
one record finds another: records lie in arrays and refer to each other by their place there. A
``generation`` counts how often a place was used, so that a timer set for an earlier tenant is
known to come too late.

Memory comes in lines of 64 bytes: the fields that every event touches come first and share a line,
and those that few events need come after them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from meshlab.engines.compiled.jit import finder
from meshlab.model import Outcome
from meshlab.policies.windows import BUCKETS
from meshlab.telemetry.counts import OPENING
from meshlab.telemetry.names import DURATION_BUCKETS

OUTCOMES = len(Outcome)
DURATIONS = len(DURATION_BUCKETS) + 1
COLLECTOR_COUNTS = (
    *("reported", "sent", "lost", "refused", "overflowed", "failed", "doubled", "acks_lost"),
)
"""What a `CentralLog` counts, besides the records themselves."""

NOBODY = -1
"""In a field that names a record: there is none."""

LINE = 64
"""Bytes of memory that the processor fetches at a time."""

POOLS = (
    *("calls", "jobs", "batches", "plans", "notes", "spans", "exemplars"),
    *("messages", "stored"),
)
"""Arrays that grow during a run, once ``low`` of their places are in use."""


def in_lines(*fields: tuple[Any, ...]) -> np.dtype[Any]:
    """A record that fills whole lines; the first of its fields share the first line."""
    packed = np.dtype(list(fields), align=True)
    names = packed.names or ()
    return np.dtype(
        {
            "names": names,
            "formats": [packed[name] for name in names],
            "offsets": [packed.fields[name][1] for name in names if packed.fields],
            "itemsize": -(-packed.itemsize // LINE) * LINE,
        },
        align=True,
    )


ROOT = np.dtype(
    [
        ("now", "f8"),
        ("sequence", "i8"),
        ("heap", "i8"),
        ("heap_used", "i8"),
        ("vacant", "i8"),
        ("events", "i8"),
        ("requests", "i8"),
        ("arrivals", "i8"),
        ("stop_at", "i8"),
        ("margin", "i8"),
        ("control", "i8"),
        *((name, "i8") for name in POOLS),
        *((f"{name}_low", "i8") for name in POOLS),
        *((f"{name}_used", "i8") for name in POOLS),
        *((f"{name}_free", "i8") for name in ("calls", "jobs", "batches", "plans", "messages")),
        ("timers", "i8"),
        *(
            (name, "i8")
            for name in (
                "streams",
                "stocks",
                "upstreams",
                "endpoints",
                "members",
                "candidates",
                "local",
                "schedules",
                "rings",
                "windows",
                "instances",
                "services",
                "cores",
                "lanes",
                "steps",
                "ways",
                "routes",
                "route_errors",
                "route_links",
                "route_counts",
                "loads",
                "points",
                "tallies",
                "tally_order",
                "tallied",
                "bounds",
                "collector",
                "skews",
                "partitions",
                "outages",
            )
        ),
        ("route_count", "i8"),
        ("lane_count", "i8"),
        ("reports", "u1"),
        ("faults_by_route", "u1"),
        ("traced", "u1"),
        ("sampling_bound", "u8"),
        ("all_sampled", "u1"),
        ("trace_words", "i8"),
        ("span_words", "i8"),
    ],
    align=True,
)

KEY = np.dtype([("tag", "i8"), ("time", "i8")])
"""An event in the heap: the bits of its time, and its sequence number before its plan's place."""

PLAN = np.dtype([("kind", "i4"), ("a", "i4"), ("b", "i4"), ("c", "i4")])
"""What an event does, and to whom."""

PLACE_BITS = 24
"""How many bits of a tag are the place of the plan."""

STREAM = in_lines(
    *((name, "u8") for name in ("state_low", "state_high", "inc_low", "inc_high")),
    ("base", "f8"),
    ("width", "f8"),
)
"""A generator that makes its numbers where they are needed."""

STOCK = np.dtype([(name, "i8") for name in ("numbers", "next", "low", "end", "blocks")])
"""Numbers that Python has made: where they lie, which comes next, and where they end."""

NUMBER = np.dtype([("x", "f8")])
WHOLE = np.dtype([("x", "i8")])
POINT = np.dtype([("time", "f8"), ("rate", "f8")])
RING = np.dtype([("point", "u8"), ("endpoint", "i8")])

LOAD = np.dtype(
    [
        ("peak", "f8"),
        ("carry", "f8"),
        ("upstream", "i4"),
        ("route", "i4"),
        ("first_point", "i4"),
        ("points", "i4"),
        ("draw_gap", "i4"),
        ("draw_thin", "i4"),
        ("poisson", "u1"),
    ],
    align=True,
)

STEP = np.dtype([("upstream", "i4"), ("draw", "i4"), ("first_way", "i4"), ("ways", "i4")])
ROUTE_LINK = np.dtype([("rate", "f8"), ("delay", "f8")])
WAY = np.dtype([("bound", "f8"), ("upstream", "i4"), ("draw", "i4")], align=True)
ROUTE = np.dtype([("first", "i4")])

CALL = in_lines(
    ("deadline", "f8"),
    ("started", "f8"),
    ("sent_at", "f8"),
    ("upstream", "i4"),
    ("generation", "i4"),
    ("attempts", "i4"),
    ("parent", "i4"),
    ("endpoint", "i4"),
    ("job", "i4"),
    ("timer", "i4"),
    ("step", "i4"),
    ("permit", "i4"),
    ("sending", "u1"),
    ("retrying", "u1"),
    ("trial", "u1"),
    ("traced", "u1"),
    # the second line
    ("key", "i8"),
    ("pause", "f8"),
    ("timeout", "f8"),
    ("trace_high", "u8"),
    ("trace_low", "u8"),
    ("span", "u8"),
    ("try_span", "u8"),
    ("route", "i4"),
    ("begins_trace", "u1"),
    ("cut", "u1"),
)

JOB = in_lines(
    ("key", "i8"),
    ("arrived", "f8"),
    ("instance", "i4"),
    ("generation", "i4"),
    ("caller", "i4"),
    ("caller_generation", "i4"),
    ("caller_attempt", "i4"),
    ("call", "i4"),
    ("call_generation", "i4"),
    ("route", "i4"),
    ("next", "i4"),
    ("open", "u1"),
    ("working", "u1"),
    ("hung", "u1"),
    ("traced", "u1"),
    ("bounded", "u1"),
    # the second line
    ("order", "i8"),
    ("deadline", "f8"),
    ("trace_high", "u8"),
    ("trace_low", "u8"),
    ("span", "u8"),
    ("parent_span", "u8"),
    ("outcome", "i4"),
    ("ahead", "i4"),
    ("behind", "i4"),
)

TIMER = np.dtype([("due", "f8"), ("sequence", "i8"), ("call", "i8")])
BATCH = np.dtype([("running", "i4"), ("lane", "i4"), ("before", "i4"), ("after", "i4")])
BATCH_SIZE = 64
"""Timers of a batch: number n has the places from 64 n on."""

LANE = np.dtype([("seconds", "f8"), ("first", "i4"), ("last", "i4"), ("used", "i8")])
"""The place of its first timer, its last batch, and how many are used in that."""

EMPTY_LANE = {"first": NOBODY, "last": NOBODY, "used": BATCH_SIZE}

UPSTREAM = in_lines(
    # what every call asks
    ("timeout", "f8"),
    ("deadline", "f8"),
    ("probability", "f8"),
    ("link_rate", "f8"),
    ("link_delay", "f8"),
    ("first_endpoint", "i4"),
    ("candidates", "i4"),
    ("draw_balancer", "i4"),
    ("lane", "i4"),
    ("balancer", "u1"),
    ("budget", "u1"),
    ("rate_limited", "u1"),
    ("limited", "u1"),
    ("breaker", "u1"),
    ("outlier", "u1"),
    ("near", "u1"),
    ("mirror", "u1"),
    # and what it counts
    ("started", "i8"),
    ("seconds", "f8"),
    ("choices", "i4"),
    ("state", "i4"),
    ("required", "u1"),
    ("generation", "i8"),
    ("consecutive", "i8"),
    ("active", "i8"),
    ("max_requests", "i8"),
    ("outcomes", "i8", (OUTCOMES,)),
    ("tries", "i8", (OUTCOMES,)),
    ("buckets", "i8", (DURATIONS,)),
    ("retries", "i8"),
    ("retrying", "i8"),
    ("retries_succeeded", "i8"),
    ("retries_denied", "i8"),
    ("ejections", "i8"),
    # retries
    ("max_attempts", "i4"),
    ("retry_on", "i4"),
    ("avoid_previous", "u1"),
    ("has_spread", "u1"),
    ("base_seconds", "f8"),
    ("factor", "f8"),
    ("cap_seconds", "f8"),
    ("jitter", "f8"),
    ("spread", "f8"),
    ("draw_jitter", "i4"),
    ("draw_link", "i4"),
    # the cluster
    ("endpoints", "i4"),
    ("local", "i4"),
    ("panic", "u1"),
    ("was_panic", "u1"),
    ("panic_threshold", "f8"),
    # the balancer
    ("turn", "i8"),
    ("decay", "f8"),
    ("schedule", "i8"),
    ("schedule_length", "i4"),
    ("schedule_of", "i8"),
    ("ring", "i8"),
    ("ring_length", "i8"),
    # rate limit
    ("rate_tokens", "i8"),
    ("rate_most", "i8"),
    ("rate_per_fill", "i8"),
    ("rate_interval", "f8"),
    ("rate_fills", "i8"),
    # breaker
    ("window", "i4"),
    ("consecutive_limit", "i8"),
    ("failure_rate", "f8"),
    ("slow_rate", "f8"),
    ("slow_seconds", "f8"),
    ("minimum_calls", "i8"),
    ("window_calls", "i8"),
    ("window_failures", "i8"),
    ("window_slow", "i8"),
    ("window_size", "i8"),
    ("window_first", "i8"),
    ("window_next", "i8"),
    ("window_seconds", "f8"),
    ("bucket_seconds", "f8"),
    ("bucket_ends", "f8"),
    ("bucket", "i8"),
    ("bucket_calls", "i8", (BUCKETS,)),
    ("bucket_failures", "i8", (BUCKETS,)),
    ("bucket_slow", "i8", (BUCKETS,)),
    ("trials_in_flight", "i8"),
    ("trials_succeeded", "i8"),
    ("opened_at", "f8"),
    ("retry_at", "f8"),
    ("open_seconds", "f8"),
    ("half_open_trials", "i8"),
    ("opened", "i8", (len(OPENING),)),
    # budget
    ("share", "f8"),
    ("floor", "i8"),
    ("budget_active", "i8"),
    ("budget_retries", "i8"),
    ("deposit", "i8"),
    ("cost", "i8"),
    ("reserve", "i8"),
    ("slice_seconds", "f8"),
    ("newest", "i8"),
    ("balance", "i8"),
    ("slices", "i8", (10,)),
    ("tokens", "i8"),
    ("most_tokens", "i8"),
    ("half_tokens", "i8"),
    ("earned", "i8"),
    # health checks
    ("probing", "i8"),
    ("ticking", "i8"),
    ("checked", "u1"),
    ("health_interval", "f8"),
    ("health_timeout", "f8"),
    ("unhealthy_threshold", "i8"),
    ("healthy_threshold", "i8"),
    ("draw_probe", "i4"),
    # outlier detection
    ("strikes", "i8"),
    ("outlier_interval", "f8"),
    ("base_ejection", "f8"),
    ("max_ejection", "f8"),
    ("max_ejection_percent", "f8"),
    ("always_eject_one", "u1"),
    ("minimum_hosts", "i8"),
    ("request_volume", "i8"),
    ("stdev_factor", "f8"),
)

ENDPOINT = in_lines(
    ("active", "i8"),
    ("attempts", "i8"),
    ("failures", "i8"),
    ("tries", "i8"),
    ("successes", "i8"),
    ("consecutive", "i8"),
    ("instance", "i4"),
    ("weight", "i4"),
    ("known", "u1"),
    ("healthy", "u1"),
    ("ejected", "u1"),
    ("local", "u1"),
    # the second line
    ("ejections", "i8"),
    ("until", "f8"),
    ("ewma", "f8"),
    ("ewma_at", "f8"),
    ("contrary", "i4"),
)

OUTLIER_MEMORY = ("tries", "successes", "consecutive", "ejections", "until")
"""What outlier detection remembers of an endpoint."""

INSTANCE = in_lines(
    # what every request asks
    ("error_rate", "f8"),
    ("slowdown", "f8"),
    ("hang_rate", "f8"),
    ("report_seconds", "f8"),
    ("workers", "i8"),
    ("draw_latency", "i4"),
    ("draw_error", "i4"),
    ("first_waiting", "i4"),
    ("cores", "i4"),
    ("up", "u1"),
    ("has_memory", "u1"),
    ("cancels", "u1"),
    ("keeps_trace", "u1"),
    ("keeps_deadline", "u1"),
    # and what it counts
    ("busy", "i8"),
    ("jobs", "i8"),
    ("true_received", "i8"),
    ("ok", "i8"),
    ("true_ok", "i8"),
    ("seconds", "f8"),
    ("queue", "i8"),
    ("queued", "i8"),
    ("buckets", "i8", (DURATIONS,)),
    ("errors", "i8"),
    ("true_own_errors", "i8"),
    ("true_passed_on", "i8"),
    ("shed", "i8"),
    ("true_shed", "i8"),
    ("true_wasted", "i8"),
    # memory and processor
    ("base_goroutines", "i8"),
    ("most_goroutines", "i8"),
    ("base_bytes", "i8"),
    ("bytes_per_goroutine", "i8"),
    ("leaked", "f8"),
    ("taken", "f8"),
    ("lump", "i8"),
    ("rejection_seconds", "f8"),
    ("first_core", "i4"),
    ("draw_cpu", "i4"),
    # what faults set
    ("draw_hang", "i4"),
    ("hang_steady", "u1"),
    ("hang_goroutines", "i8"),
    ("hang_cpu", "f8"),
    # the process
    ("service", "i4"),
    ("tally", "i4"),
    ("last_waiting", "i4"),
    ("wanted", "u1"),
    ("held_down", "u1"),
    ("dying", "u1"),
    ("starts", "i8"),
    ("restart_seconds", "f8"),
)

COLLECTOR = np.dtype(
    [
        ("waits", "u1"),
        ("at_least_once", "u1"),
        ("acknowledges", "u1"),
        ("timeout", "f8"),
        ("resends", "i8"),
        ("network_seconds", "f8"),
        ("loss", "f8"),
        ("failure_rate", "f8"),
        ("capacity", "f8"),
        ("buffer", "i8"),
        ("partitions", "i8"),
        ("outages", "i8"),
        ("free_at", "f8"),
        ("draw_loss", "i4"),
        ("draw_fail", "i4"),
        *((name, "i8") for name in COLLECTOR_COUNTS),
    ],
    align=True,
)
MESSAGE = np.dtype(
    [
        ("time", "f8"),
        ("seconds", "f8"),
        ("instance", "i4"),
        ("job", "i4"),
        ("job_generation", "i4"),
        ("sends", "i4"),
        ("pending", "i4"),
        ("next", "i4"),
        ("ok", "u1"),
        ("stored", "u1"),
        ("acked", "u1"),
    ],
    align=True,
)
STORED = np.dtype([("time", "f8"), ("seconds", "f8"), ("instance", "i4"), ("ok", "u1")], align=True)
SPAN_OF_TIME = np.dtype([("start", "f8"), ("end", "f8"), ("service", "i8")])

TALLY = np.dtype([("first", "f8"), ("count", "i8")], align=True)
NOTE = np.dtype(
    [("time", "f8"), ("what", "i4"), ("who", "i4"), ("x", "f8"), ("y", "f8"), ("z", "f8")],
    align=True,
)
SPAN = np.dtype(
    [
        ("trace_high", "u8"),
        ("trace_low", "u8"),
        ("span", "u8"),
        ("parent", "u8"),
        ("start", "f8"),
        ("end", "f8"),
        ("who", "i4"),
        ("endpoint", "i4"),
        ("route", "i4"),
        ("outcome", "i4"),
        ("server", "u1"),
    ],
    align=True,
)
EXEMPLAR = np.dtype(
    [
        ("trace_high", "u8"),
        ("trace_low", "u8"),
        ("value", "f8"),
        ("time", "f8"),
        ("upstream", "i4"),
        ("bucket", "i4"),
    ],
    align=True,
)

key_at = finder(KEY)
plan_at = finder(PLAN)
stream_at = finder(STREAM)
stock_at = finder(STOCK)
number_at = finder(NUMBER)
whole_at = finder(WHOLE)
point_at = finder(POINT)
ring_at = finder(RING)
load_at = finder(LOAD)
step_at = finder(STEP)
way_at = finder(WAY)
route_link_at = finder(ROUTE_LINK)
route_at = finder(ROUTE)
call_at = finder(CALL)
job_at = finder(JOB)
timer_at = finder(TIMER)
batch_at = finder(BATCH)
lane_at = finder(LANE)
upstream_at = finder(UPSTREAM)
endpoint_at = finder(ENDPOINT)
instance_at = finder(INSTANCE)
tally_at = finder(TALLY)
note_at = finder(NOTE)
span_at = finder(SPAN)
exemplar_at = finder(EXEMPLAR)
collector_at = finder(COLLECTOR)
message_at = finder(MESSAGE)
stored_at = finder(STORED)
span_of_time_at = finder(SPAN_OF_TIME)
