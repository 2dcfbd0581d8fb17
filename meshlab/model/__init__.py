"""The words of the mesh: outcomes, requests, and the error tree.

Everything else in the package speaks in these words. They are the field's own: a *downstream*
sends a *request* to an *upstream*; a sidecar sees an upstream *cluster* as a set of *endpoints*;
every request ends with exactly one *outcome*.

    MeshlabError
    +-- ConfigError       a scenario or a policy breaks a rule (also a ValueError)
    +-- RunTooLarge       a run would not end or not fit; says the estimate and what to change
"""

from __future__ import annotations

from enum import IntEnum


class MeshlabError(Exception):
    """The root of every error that meshlab raises on purpose."""


class ConfigError(MeshlabError, ValueError):
    """A scenario or a policy breaks a rule: the message names the place, the rule and the value."""


class RunTooLarge(MeshlabError):
    """A run would not end or not fit: the message gives the estimate and what to change."""


class Outcome(IntEnum):
    """How a call, or one try of it, ended. ``OK`` is zero; everything else is a failure.

    Each outcome carries the HTTP status that the caller sees (``code``) and the response flag that
    Envoy would write to its access log (``flag``, "-" where Envoy has none; CB is ours, because
    Envoy has no closed/open/half-open breaker).
    """

    code: int
    flag: str
    meaning: str

    def __new__(cls, value: int, code: int, flag: str, meaning: str) -> Outcome:
        outcome = int.__new__(cls, value)
        outcome._value_ = value
        outcome.code, outcome.flag, outcome.meaning = code, flag, meaning
        return outcome

    OK = 0, 200, "-", "answered in time, without an error"
    ERROR = 1, 500, "-", "the instance answered an error of its own or of a service behind it"
    TIMEOUT = 2, 504, "UT", "no answer within the per-try timeout"
    REFUSED = 3, 503, "UF", "nobody listens at the endpoint"
    RESET = 4, 503, "UC", "the instance died while it held the request"
    SHED = 5, 503, "-", "the instance's queue was full"
    FAULT = 6, 503, "FI", "an injected fault aborted the try"
    OVERFLOW = 7, 503, "UO", "the sidecar's concurrency limit was reached"
    CIRCUIT_OPEN = 8, 503, "CB", "the sidecar's circuit breaker refused the call"
    NO_HEALTHY = 9, 503, "UH", "the cluster has no endpoint to send to"
    DEADLINE = 10, 504, "DT", "the time left for the call ran out"
    ABANDONED = 11, 499, "DC", "the caller gave up before the answer came"
    RATE_LIMITED = 12, 429, "RL", "the sidecar's rate limit had no token left"


REJECTIONS = frozenset(
    {Outcome.OVERFLOW, Outcome.CIRCUIT_OPEN, Outcome.NO_HEALTHY, Outcome.RATE_LIMITED}
)
"""Outcomes by which a sidecar refuses to send: the call was rejected, not failed."""

RETRIABLE = frozenset(
    {Outcome.ERROR, Outcome.TIMEOUT, Outcome.REFUSED, Outcome.RESET, Outcome.SHED, Outcome.FAULT}
)
"""Outcomes that a retry policy may try again (Envoy's ``retry_on: 5xx,reset,connect-failure``)."""


class Request:
    """What one user wants, on its whole way through the mesh.

    ``key`` numbers the requests of a run and is what a ring-hash balancer hashes; ``route`` is the
    path by which edges may choose.
    """

    __slots__ = ("key", "route")

    def __init__(self, key: int, route: str) -> None:
        self.key = key
        self.route = route
