"""Scrapes every registry at its interval and keeps the samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from meshlab.kernel.reader import AnyReader, Reader, Readers
from meshlab.mesh.readings import Registry
from meshlab.telemetry.names import UP
from meshlab.telemetry.series import Recording, SeriesKey

Job = Literal["service", "sidecar"]


@dataclass(frozen=True, slots=True)
class _Target:
    name: str
    job: Job
    registries: Sequence[Registry]

    def recording(self, times: np.ndarray, rows: Sequence[np.ndarray]) -> Recording:
        """Every sample of every series, and of ``up``; a target that is down gives no numbers."""
        keys = [SeriesKey(UP.name, (("job", self.job),))]
        parts = [np.ones((len(times), 1))]
        for registry, read in zip(self.registries, rows, strict=True):
            keys += registry.schema()
            parts.append(registry.values(read))
        values = np.concatenate(parts, axis=1)
        values[np.isnan(values).any(axis=1), 0] = 0.0
        return Recording(
            target=self.name, job=self.job, schema=tuple(keys), times=times, values=values
        )


class Recorder:
    """All targets of a mesh. They are scraped together, at the same virtual times."""

    def __init__(self) -> None:
        self._targets: list[_Target] = []
        self._times: list[float] = []
        self._rows: list[Sequence[float]] = []
        self._reader: AnyReader | None = None

    def watch(self, name: str, job: Job, registries: Sequence[Registry]) -> None:
        """Scrape the registries of target ``name`` from now on."""
        self._targets.append(_Target(name, job, registries))

    def read_with(self, kind: Readers) -> None:
        """Read every place of every registry with a reader of this kind."""
        self._reader = kind(
            [
                place
                for target in self._targets
                for registry in target.registries
                for place in registry.places()
            ]
        )

    def scrape(self, now: float) -> None:
        """Scrape every target at ``now`` (s)."""
        if self._reader is None:
            self.read_with(Reader)
        assert self._reader is not None
        self._times.append(now)
        self._rows.append(self._reader.read())

    def recordings(self) -> tuple[Recording, ...]:
        """What was scraped so far."""
        times = np.array(self._times)
        matrix = np.array(self._rows, dtype=float).reshape(len(times), -1)
        recordings, first = [], 0
        for target in self._targets:
            rows = []
            for registry in target.registries:
                count = len(registry.places())
                rows.append(matrix[:, first : first + count])
                first += count
            recordings.append(target.recording(times, rows))
        return tuple(recordings)
