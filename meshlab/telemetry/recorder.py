"""Scrapes every registry at its interval and keeps the samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Literal, Protocol

import numpy as np

from meshlab.telemetry.names import UP
from meshlab.telemetry.series import Recording, SeriesKey

Job = Literal["service", "sidecar"]


class Registry(Protocol):
    """What can be scraped: fixed series, and their numbers now (None: nobody answers)."""

    def schema(self) -> list[SeriesKey]: ...

    def read(self) -> list[float] | None: ...


@dataclass(slots=True)
class _Target:
    name: str
    job: Job
    registries: Sequence[Registry]
    schema: tuple[SeriesKey, ...]
    rows: list[list[float]] = field(default_factory=list)

    def scrape(self) -> None:
        """One sample of every series, and of ``up``; a target that is down gives no numbers."""
        row: list[float] = [1.0]
        for registry in self.registries:
            numbers = registry.read()
            if numbers is None:
                row = [0.0] + [nan] * (len(self.schema) - 1)
                break
            row += numbers
        self.rows.append(row)


class Recorder:
    """All targets of a mesh. They are scraped together, at the same virtual times."""

    def __init__(self) -> None:
        self._targets: list[_Target] = []
        self._times: list[float] = []

    def watch(self, name: str, job: Job, registries: Sequence[Registry]) -> None:
        """Scrape the registries of target ``name`` from now on."""
        up = SeriesKey(UP.name, (("job", job),))
        keys = [key for registry in registries for key in registry.schema()]
        self._targets.append(_Target(name, job, registries, (up, *keys)))

    def scrape(self, now: float) -> None:
        """Scrape every target at ``now`` (s)."""
        self._times.append(now)
        for target in self._targets:
            target.scrape()

    def recordings(self) -> tuple[Recording, ...]:
        """What was scraped so far."""
        times = np.array(self._times)
        return tuple(
            Recording(
                target=target.name,
                job=target.job,
                schema=target.schema,
                times=times,
                values=np.array(target.rows, dtype=float).reshape(len(times), len(target.schema)),
            )
            for target in self._targets
        )
