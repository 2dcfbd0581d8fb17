"""Who does worse than the others, by watching: outlier detection, the passive health check.

A sidecar sees how every try on every endpoint ends, and stops sending to the odd one out:

    in the cluster --5 failures in a row: at once-----------------> ejected
    in the cluster --success rate far below the mean: at a tick---> ejected
    ejected --base_ejection_time over: at a tick--> in the cluster

The second ejection takes twice as long, the third three times; ticks in good order count down
again. When most endpoints fail the fault is likely elsewhere, so that no more than
``max_ejection_percent`` of them are ejected at a time. Source: Envoy's ``outlier_detection``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from meshlab.kernel.clock import Clock
from meshlab.model import Endpoint
from meshlab.model.normalized import normalized
from meshlab.model.rules import (
    check,
    is_number,
    require_at_least,
    require_count,
    require_positive,
    require_type,
)
from meshlab.policies.cluster import Cluster


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


@dataclass(frozen=True, slots=True)
class Ejection:
    """An endpoint was ejected at ``time`` (s); it returns at the first tick from ``until`` (s) on.

    ``reason`` is "consecutive_5xx" or "success_rate", and ``evidence`` the numbers behind it.
    """

    time: float
    endpoint: str
    reason: str
    until: float
    evidence: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Return:
    """An ejected endpoint came back at ``time`` (s): its ejection time was over."""

    time: float
    endpoint: str


def ejection_threshold(rates: Sequence[float], factor: float) -> tuple[float, float]:
    """The mean of the success rates, and the rate below which an endpoint is an outlier.

    threshold = mean - factor * standard deviation

    Of n endpoints a single bad one lies sqrt(n - 1) deviations below the mean, however bad it is.
    That is why the rule wants five: sqrt(4) is just above 1.9, and with four it could never strike.
    Two bad ones among five hide each other.
    """
    total = 0.0
    for rate in rates:  # one after the other: Python 3.12's sum() rounds differently from 3.11's
        total += rate
    mean = min(total / len(rates), max(rates))  # or rounding could make outliers of equals
    squares = 0.0
    for rate in rates:
        squares += (rate - mean) * (rate - mean)
    return mean, mean - factor * math.sqrt(squares / len(rates))


class Record:
    """What the detector remembers of one endpoint: of this interval, and of its past."""

    __slots__ = ("consecutive", "ejections", "successes", "tries", "until")

    def __init__(self) -> None:
        self.tries = 0
        self.successes = 0
        self.consecutive = 0  # failures since the last success
        self.ejections = 0  # multiplies the next ejection time; good behaviour lowers it
        self.until = 0.0


class OutlierDetector:
    """Watches the endpoints of one cluster for one sidecar, and sets their ``ejected``.

    Whoever owns time calls `tick` every ``config.interval``. ``overflows`` counts the ejections
    that the percentage forbade (Envoy's ``ejections_overflow``).
    """

    __slots__ = ("_clock", "_cluster", "_records", "_strikes", "config", "overflows")

    def __init__(self, config: OutlierDetection, clock: Clock, cluster: Cluster) -> None:
        self.config = config
        self.overflows = 0
        self._clock = clock
        self._cluster = cluster
        self._strikes = config.consecutive_5xx
        self._records: dict[Endpoint, Record] = {}

    def report(self, endpoint: Endpoint, ok: bool) -> Ejection | None:
        """A try on ``endpoint`` ended; the ejection, if that was one failure too many."""
        record = self._records.get(endpoint)
        if record is None:
            record = self._records[endpoint] = Record()
        record.tries += 1
        if ok:
            record.successes += 1
            record.consecutive = 0
            return None
        record.consecutive += 1
        if record.consecutive != self._strikes or endpoint.ejected:
            return None
        evidence = (("consecutive_5xx", float(record.consecutive)),)
        record.consecutive = 0  # also if the ejection is forbidden: it takes as many again
        ejection = self._eject(endpoint, self._clock.now, "consecutive_5xx", evidence)
        if ejection is not None:
            self._cluster.refresh()
        return ejection

    def tick(self) -> list[Ejection | Return]:
        """An interval is over: who returns, who is ejected for a low success rate."""
        now = self._clock.now
        members = self._cluster.endpoints
        self._records = {e: self._records.get(e) or Record() for e in members}
        steady = [e for e in members if not e.ejected]
        changes: list[Ejection | Return] = [*self._return_due(now), *self._eject_low_rates(now)]
        for endpoint in steady:
            record = self._records[endpoint]
            if not endpoint.ejected and record.ejections > 0:
                record.ejections -= 1
        for record in self._records.values():
            record.tries = record.successes = 0
        if changes:
            self._cluster.refresh()
        return changes

    def _return_due(self, now: float) -> list[Return]:
        due = [e for e, r in self._records.items() if e.ejected and now >= r.until]
        for endpoint in due:
            endpoint.ejected = False
            self._records[endpoint].consecutive = 0
        return [Return(now, endpoint.name) for endpoint in due]

    def _eject_low_rates(self, now: float) -> list[Ejection]:
        config = self.config
        volume = config.success_rate_request_volume
        judged = [e for e, r in self._records.items() if not e.ejected and r.tries >= volume]
        factor = config.success_rate_stdev_factor
        if factor is None or len(judged) < config.success_rate_minimum_hosts:
            return []
        rates = [self._records[e].successes / self._records[e].tries for e in judged]
        mean, threshold = ejection_threshold(rates, factor)
        ejections = []
        for endpoint, rate in zip(judged, rates, strict=True):
            if rate < threshold:
                evidence = (("success_rate", rate), ("mean", mean), ("threshold", threshold))
                ejections.append(self._eject(endpoint, now, "success_rate", evidence))
        return [ejection for ejection in ejections if ejection is not None]

    def _eject(
        self, endpoint: Endpoint, now: float, reason: str, evidence: tuple[tuple[str, float], ...]
    ) -> Ejection | None:
        """Eject, unless the endpoint has left the cluster or too many others are ejected."""
        config = self.config
        members = self._cluster.endpoints
        if endpoint not in members:
            return None
        ejected = sum(e.ejected for e in members)
        first = config.always_eject_one_host and ejected == 0
        if not first and 100.0 * (ejected + 1) / len(members) > config.max_ejection_percent:
            self.overflows += 1
            return None
        record = self._records[endpoint]
        base, most = config.base_ejection_time, config.max_ejection_time
        if record.ejections * base < most + base:  # a larger count would only be slower to forget
            record.ejections += 1
        endpoint.ejected = True
        record.until = now + min(base * record.ejections, most)
        return Ejection(now, endpoint.name, reason, record.until, evidence)
