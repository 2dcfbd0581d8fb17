"""One address of an upstream cluster, as one sidecar sees it.

Everything that a sidecar's policies know about an address stands in its `Endpoint`: how busy it is,
what health checks and outlier detection think of it, how fast it has answered. Names and zones are
numbers there, as in every record; `number_of` and `text_of` translate.
"""

from __future__ import annotations

from meshlab.kernel.record import Small, Word, entry, interface, record
from meshlab.policies.hashing import fnv1a

_TEXTS: list[str] = [""]
_NUMBERS: dict[str, int] = {"": 0}


def number_of(text: str) -> int:
    """The number of a name, the same for the life of the process; that of "" is 0.

    Numbers depend on which names came first, so that they may be compared, but never ordered.
    """
    number = _NUMBERS.setdefault(text, len(_TEXTS))
    if number == len(_TEXTS):
        _TEXTS.append(text)
    return number


def text_of(number: int) -> str:
    """The name with this number."""
    return _TEXTS[number]


@interface
class Work:
    """What an endpoint does for one try, as the sidecar that sent it sees it."""

    @entry
    def gave_up(self) -> None:
        """The sidecar no longer waits for the answer."""
        raise NotImplementedError

    def traced_by(self, high: int, low: int, parent: int) -> None:
        """The try is part of the trace with this id, in two halves, and ``parent`` is its span."""
        raise NotImplementedError


@interface
class Asker:
    """Who sent a try, as the endpoint sees it: it waits for the answer."""

    def answered(self, outcome: int) -> None:
        """The open try has ended with this `meshlab.model.Outcome`."""
        raise NotImplementedError


@interface
class Target:
    """What stands behind an endpoint: a simulated instance, or an address to connect to."""

    def listens(self) -> bool:
        """Whether it accepts connections now, which is all that a health probe asks."""
        raise NotImplementedError

    def receive(self, asker: Asker, key: int, route: int, deadline: float) -> Work | None:
        """Take a try in. The answer comes later; None is a refusal, and `refusal` tells why."""
        raise NotImplementedError

    def refusal(self) -> int:
        """The `meshlab.model.Outcome` of the last try that was not taken in."""
        raise NotImplementedError


@record
class Endpoint:
    """One address of an upstream cluster, as one sidecar sees it: its health and its load so far.

        Endpoint("cart-1", weight=2, zone="a")

    ``active`` counts tries in flight from this sidecar, ``attempts`` and ``failures`` count all of
    them since the start. ``target`` is what the transport needs to reach it. The other fields are
    the memory of single policies: ``ewma`` (s) and ``ewma_at`` (s) of the peak-EWMA balancer,
    ``contrary`` of health checks, and from ``in_a_row`` to ``until`` of outlier detection.
    ``name_hash`` is what hashing balancers place it by.
    """

    active: Small
    weight: Small
    zone: Small
    target: Target
    attempts: int
    failures: int
    ewma: float
    ewma_at: float
    healthy: bool
    ejected: bool
    in_a_row: Small
    tries: Small
    successes: Small
    ejections: Small
    ticks: Small
    until: float
    contrary: Small
    number: Small
    name_hash: Word

    def __init__(
        self, name: str, *, weight: int = 1, zone: str = "", target: Target | None = None
    ) -> None:
        self.number = number_of(name)
        self.name_hash = fnv1a(name)
        self.weight = weight
        self.zone = number_of(zone)
        self.healthy = True
        if target is not None:
            self.target = target

    @property
    def name(self) -> str:
        return text_of(self.number)

    def __repr__(self) -> str:
        state = "ejected" if self.ejected else "healthy" if self.healthy else "unhealthy"
        return f"Endpoint({self.name!r}, {state}, active={self.active})"
