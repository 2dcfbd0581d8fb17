"""What load balancing is, whatever the algorithm: a balancer, its declaration, its candidates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import interface, record
from meshlab.kernel.streams import Uniform
from meshlab.policies.endpoint import Endpoint


@record
class Candidates:
    """The endpoints that the next try may go to, in the order in which they joined.

    ``version`` grows whenever they change: a balancer that keeps a schedule or a ring of them knows
    by it when to make another.
    """

    members: list[Endpoint]
    version: int

    def __init__(self, members: Iterable[Endpoint] = ()) -> None:
        for endpoint in members:
            self.add(endpoint)

    def clear(self) -> None:
        """Begin anew with nobody."""
        self.version += 1
        self.members.clear()

    def add(self, endpoint: Endpoint) -> None:
        """Take in another one."""
        self.version += 1
        self.members.append(endpoint)

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, place: int) -> Endpoint:
        return self.members[place]

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self.members)


@interface
class Balancer:
    """Spreads the tries of one sidecar over the endpoints of one cluster."""

    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        """The endpoint for the next try, out of at least one. ``key`` is the request's own."""
        raise NotImplementedError

    def observe(self, endpoint: Endpoint, seconds: float) -> None:
        """A try on ``endpoint`` ended after ``seconds``. Most algorithms learn nothing from it."""


class BalancerConfig(Protocol):
    """The declaration of an algorithm, as data; a reader's own class may be one too."""

    @property
    def kind(self) -> str: ...

    def build(self, chance: Uniform, clock: Clock) -> Balancer:
        """The balancer of one sidecar for one cluster, with its own stream of random numbers."""
        ...
