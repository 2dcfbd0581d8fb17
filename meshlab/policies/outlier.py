"""Which endpoints do worse than the others, by watching: outlier detection.

This is the passive health check. A sidecar sees how every try on every endpoint ends, and stops
sending to the odd one out:

    in the cluster --5 failures in a row: at once-----------------> ejected
    in the cluster --success rate far below the mean: at a tick---> ejected
    ejected --base_ejection_time over: at a tick--> in the cluster

The second ejection takes twice as long, the third three times; ticks in good order count down
again. When most endpoints fail the fault is likely elsewhere, so that no more than
``max_ejection_percent`` of them are ejected at a time. Source: Envoy's ``outlier_detection``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import entry, interface, record, seldom
from meshlab.normalized import normalized
from meshlab.policies.cluster import Cluster
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.success_rates import SuccessRates
from meshlab.rules import (
    check,
    is_number,
    require_at_least,
    require_count,
    require_positive,
    require_type,
)


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class OutlierDetection:
    """What makes an endpoint an outlier, and for how long it is left alone. Times in seconds.

    The fields and defaults are Envoy's. None turns a rule off: ``consecutive_5xx`` the failures in
    a row, ``success_rate_stdev_factor`` the comparison of success rates. ``always_eject_one_host``
    lets the first endpoint go whatever the percentage; Envoy did so until 1.30, and since 1.31 only
    if asked. Left out: gateway failures, local origin errors, failure percentage, jitter, and that
    a passed active health check ends an ejection.
    """

    consecutive_5xx: int | None = 5
    interval: float = 10.0
    base_ejection_time: float = 30.0
    max_ejection_time: float = 300.0
    max_ejection_percent: float = 10.0
    always_eject_one_host: bool = True
    success_rate_minimum_hosts: int = 5
    success_rate_request_volume: int = 100
    success_rate_stdev_factor: float | None = 1.9

    def __post_init__(self) -> None:
        where = "outlier detection"
        if self.consecutive_5xx is not None:
            require_count(self.consecutive_5xx, 1, where, "consecutive_5xx")
        if self.success_rate_stdev_factor is not None:
            require_at_least(self.success_rate_stdev_factor, 0, where, "success_rate_stdev_factor")
        elif self.consecutive_5xx is None:
            names = "consecutive_5xx or success_rate_stdev_factor"
            check(False, where, f"{names} must be set", None)
        require_positive(self.interval, where, "interval")
        require_positive(self.base_ejection_time, where, "base_ejection_time")
        least = self.base_ejection_time
        require_at_least(self.max_ejection_time, least, where, "max_ejection_time")
        fits = is_number(self.max_ejection_percent) and 0 <= self.max_ejection_percent <= 100
        check(fits, where, "max_ejection_percent must be in 0..100", self.max_ejection_percent)
        require_type(self.always_eject_one_host, bool, where, "always_eject_one_host")
        for name in ("success_rate_minimum_hosts", "success_rate_request_volume"):
            require_count(getattr(self, name), 1, where, name)


class Cause(IntEnum):
    """Why an endpoint was ejected."""

    CONSECUTIVE_5XX = 0
    SUCCESS_RATE = 1

    @property
    def label(self) -> str:
        """As the ledger writes it: "success_rate"."""
        return self.name.lower()


EVIDENCE: dict[Cause, tuple[str, ...]] = {
    Cause.CONSECUTIVE_5XX: ("consecutive_5xx",),
    Cause.SUCCESS_RATE: ("success_rate", "mean", "threshold"),
}
"""What the numbers behind an ejection are called: ``seen_1``, ``seen_2``, ``seen_3``."""

CONSECUTIVE_5XX: Final = int(Cause.CONSECUTIVE_5XX)
SUCCESS_RATE: Final = int(Cause.SUCCESS_RATE)


@interface
class OutlierWatcher:
    """Hears of every endpoint that is ejected or returns, after the cluster has been refreshed."""

    @entry
    def ejected(self, endpoint: Endpoint, cause: int) -> None:
        """For this `Cause`; the numbers behind it are ``seen_1`` to ``seen_3``."""
        raise NotImplementedError

    @entry
    def returned(self, endpoint: Endpoint) -> None:
        """Its ejection time was over."""
        raise NotImplementedError


@record
class OutlierDetector:
    """Watches the endpoints of one cluster for one sidecar, and sets their ``ejected``.

    The owner of the clock calls `tick` every interval. An ejected endpoint returns at the first
    tick from its ``until`` (s) on. ``overflows`` counts the ejections that the percentage forbade
    (Envoy's ``ejections_overflow``).

    What it remembers of an endpoint stands in the endpoint, and is good until the next tick that
    finds it gone: ``tries`` and ``successes`` of this interval, the failures ``in_a_row`` since its
    last success, and ``ejections``, which multiply the next ejection time and which good behavior
    lowers.
    """

    clock: Clock
    cluster: Cluster
    strikes: int
    ticks: int
    watcher: OutlierWatcher | None
    base_ejection_time: float
    max_ejection_time: float
    max_ejection_percent: float
    always_eject_one_host: bool
    compares_rates: bool
    minimum_hosts: int
    request_volume: int
    stdev_factor: float
    overflows: int
    seen_1: float
    seen_2: float
    seen_3: float
    steady: list[Endpoint]
    back: list[Endpoint]
    judged: list[Endpoint]
    rates: SuccessRates

    def __init__(
        self,
        config: OutlierDetection,
        clock: Clock,
        cluster: Cluster,
        watcher: OutlierWatcher | None = None,
    ) -> None:
        self.clock = clock
        self.cluster = cluster
        self.watcher = watcher
        self.strikes = config.consecutive_5xx or 0
        self.base_ejection_time = config.base_ejection_time
        self.max_ejection_time = config.max_ejection_time
        self.max_ejection_percent = config.max_ejection_percent
        self.always_eject_one_host = config.always_eject_one_host
        self.compares_rates = config.success_rate_stdev_factor is not None
        self.stdev_factor = config.success_rate_stdev_factor or 0.0
        self.minimum_hosts = config.success_rate_minimum_hosts
        self.request_volume = config.success_rate_request_volume
        self.rates = SuccessRates()
        for endpoint in cluster.endpoints:
            self._forget(endpoint)

    def report(self, endpoint: Endpoint, ok: bool) -> bool:
        """A try on ``endpoint`` ended; True if that was one failure too many, and it is ejected."""
        if endpoint.ticks != self.ticks:
            self._forget(endpoint)
        endpoint.tries += 1
        if ok:
            endpoint.successes += 1
            endpoint.in_a_row = 0
            return False
        endpoint.in_a_row += 1
        if endpoint.in_a_row != self.strikes or endpoint.ejected:
            return False
        self.seen_1 = float(endpoint.in_a_row)
        endpoint.in_a_row = 0  # also if the ejection is forbidden: it takes as many again
        if not self._eject(endpoint, self.clock.now):
            return False
        self.cluster.refresh()
        watcher = self.watcher
        if watcher is not None:
            watcher.ejected(endpoint, CONSECUTIVE_5XX)
        return True

    @seldom
    def tick(self) -> None:
        """An interval is over: return endpoints whose time is up, eject those with low rates."""
        now = self.clock.now
        self._find_steady()
        self._return_due(now)
        ejections = self._eject_low_rates(now)
        self._begin_interval()
        if len(self.back) + ejections > 0:
            self.cluster.refresh()
            self._announce()

    @seldom
    def _forget(self, endpoint: Endpoint) -> None:
        """It is new here, or has missed a tick: whatever it did before does not count."""
        endpoint.ticks = self.ticks
        endpoint.in_a_row = 0
        endpoint.tries = 0
        endpoint.successes = 0
        endpoint.ejections = 0
        endpoint.until = 0.0

    @seldom
    def _find_steady(self) -> None:
        """Find the endpoints that have been in the cluster, and not ejected, until now."""
        endpoints = self.cluster.endpoints
        self.steady.clear()
        for place in range(len(endpoints)):
            endpoint = endpoints[place]
            if endpoint.ticks != self.ticks:
                self._forget(endpoint)
            if not endpoint.ejected:
                self.steady.append(endpoint)

    @seldom
    def _return_due(self, now: float) -> None:
        endpoints = self.cluster.endpoints
        self.back.clear()
        for place in range(len(endpoints)):
            endpoint = endpoints[place]
            if endpoint.ejected and now >= endpoint.until:
                endpoint.ejected = False
                endpoint.in_a_row = 0
                self.back.append(endpoint)

    @seldom
    def _eject_low_rates(self, now: float) -> int:
        """Compare the success rates of all that had enough tries. Gives the number ejected."""
        self._find_judged()
        rates = self.rates
        ejections = 0
        if self.compares_rates and len(self.judged) >= self.minimum_hosts:
            rates.compare(self.stdev_factor)
            for place in range(len(self.judged)):
                if rates.is_low(place) and self._eject(self.judged[place], now):
                    ejections += 1
        return ejections

    @seldom
    def _find_judged(self) -> None:
        endpoints = self.cluster.endpoints
        self.judged.clear()
        self.rates.clear()
        for place in range(len(endpoints)):
            endpoint = endpoints[place]
            if not endpoint.ejected and endpoint.tries >= self.request_volume:
                self.judged.append(endpoint)
                self.rates.add(endpoint.successes / endpoint.tries)

    @seldom
    def _begin_interval(self) -> None:
        """Count from zero again. A steady endpoint is one ejection nearer to a clean record."""
        for place in range(len(self.steady)):
            endpoint = self.steady[place]
            if not endpoint.ejected and endpoint.ejections > 0:
                endpoint.ejections -= 1
        endpoints = self.cluster.endpoints
        self.ticks += 1
        for place in range(len(endpoints)):
            endpoints[place].ticks = self.ticks
            endpoints[place].tries = 0
            endpoints[place].successes = 0

    @seldom
    def _announce(self) -> None:
        """Tell the watcher which endpoints are back, then which are gone."""
        watcher = self.watcher
        if watcher is None:
            return
        for place in range(len(self.back)):
            watcher.returned(self.back[place])
        for place in range(len(self.judged)):
            if self.judged[place].ejected:
                self.seen_1 = self.rates.values[place]
                self.seen_2 = self.rates.mean
                self.seen_3 = self.rates.threshold
                watcher.ejected(self.judged[place], SUCCESS_RATE)

    @seldom
    def _eject(self, endpoint: Endpoint, now: float) -> bool:
        """Eject, unless the endpoint has left the cluster or too many others are ejected."""
        endpoints = self.cluster.endpoints
        if not self.cluster.has(endpoint):
            return False
        ejected = 0
        for place in range(len(endpoints)):
            if endpoints[place].ejected:
                ejected += 1
        first = self.always_eject_one_host and ejected == 0
        if not first and 100.0 * (ejected + 1) / len(endpoints) > self.max_ejection_percent:
            self.overflows += 1
            return False
        base = self.base_ejection_time
        most = self.max_ejection_time
        if endpoint.ejections * base < most + base:  # larger counts would only be slower to forget
            endpoint.ejections += 1
        endpoint.ejected = True
        endpoint.until = now + min(base * endpoint.ejections, most)
        return True
