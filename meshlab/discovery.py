"""Who is registered, and who knows it yet: a service registry whose news takes time to arrive.

    time       0.0       0.2            1.0       1.2      (a watcher with a delay of 0.2 s)
    registry   + cart-3                 - cart-3
    watcher              sees + cart-3            sees - cart-3

In between, a new instance gets no traffic yet, and one that has gone gets it still. The registry is
sans-I/O: each change returns the *deliveries* it causes, and whoever owns time makes them:

    for delivery in registry.register("cart", "cart-3"):
        engine.at(delivery.at, delivery.watcher, delivery.change)

An instance that dies without a word stays registered until its lease runs out, if there are leases
(Eureka: renewed every 30 s, run out after 90 s).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from meshlab.kernel.clock import Clock
from meshlab.rules import check


@dataclass(frozen=True, slots=True)
class Change:
    """An instance of ``service`` came (``added``) or went; the registry saw it at ``time`` (s)."""

    time: float
    service: str
    endpoint: str
    added: bool


Watcher = Callable[[Change], None]


@dataclass(frozen=True, slots=True)
class Delivery:
    """News on its way: ``watcher(change)`` is to be called at ``at`` (s)."""

    at: float
    watcher: Watcher
    change: Change


class ServiceRegistry:
    """The truth about who serves, told to every watcher of a service, each with its own delay.

    A watcher gets every change once, in order, ``delay`` seconds after it was made; what was
    registered before it began to watch comes first, ``delay`` after it began. ``ttl`` (s) is how
    long a registration lasts without being renewed; None means until it is taken back.
    """

    __slots__ = ("_clock", "_leases", "_members", "_ttl", "_watches")

    def __init__(self, clock: Clock, ttl: float | None = None) -> None:
        check(ttl is None or ttl > 0, "service registry", "ttl must be > 0 s or None", ttl)
        self._clock = clock
        self._ttl = ttl
        self._members: dict[str, dict[str, Change]] = {}
        self._leases: dict[tuple[str, str], float] = {}
        self._watches: dict[str, list[tuple[float, Watcher]]] = {}

    def members(self, service: str) -> list[str]:
        """The instances registered now, first come first."""
        return list(self._members.get(service, ()))

    def register(self, service: str, endpoint: str) -> list[Delivery]:
        """An instance has come. If it is here already its lease is renewed and nobody is told."""
        now = self._clock.now
        self._leases[service, endpoint] = now
        members = self._members.setdefault(service, {})
        if endpoint in members:
            return []
        members[endpoint] = change = Change(now, service, endpoint, added=True)
        return self._tell(change)

    def deregister(self, service: str, endpoint: str) -> list[Delivery]:
        """An instance has gone. If it was not here nobody is told."""
        return self._remove(service, endpoint, self._clock.now)

    def expire(self) -> list[Delivery]:
        """Remove whoever has not renewed for longer than ``ttl``; call it now and then."""
        now = self._clock.now
        limit = math.inf if self._ttl is None else self._ttl
        late = [key for key, renewed in self._leases.items() if now - renewed > limit]
        return [news for service, endpoint in late for news in self._remove(service, endpoint, now)]

    def watch(self, service: str, delay: float, watcher: Watcher) -> list[Delivery]:
        """Begin to tell ``watcher`` of each change, ``delay`` seconds after it is made."""
        fits = math.isfinite(delay) and delay >= 0
        check(fits, f"watch on {service!r}", "delay must be a finite number >= 0 s", delay)
        self._watches.setdefault(service, []).append((delay, watcher))
        at = self._clock.now + delay
        return [Delivery(at, watcher, known) for known in self._members.get(service, {}).values()]

    def _remove(self, service: str, endpoint: str, now: float) -> list[Delivery]:
        if self._leases.pop((service, endpoint), None) is None:
            return []
        del self._members[service][endpoint]
        return self._tell(Change(now, service, endpoint, added=False))

    def _tell(self, change: Change) -> list[Delivery]:
        watches = self._watches.get(change.service, ())
        return [Delivery(change.time + delay, watcher, change) for delay, watcher in watches]
