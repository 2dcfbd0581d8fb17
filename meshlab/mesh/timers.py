"""What a sidecar does by the clock: active health probes and the ticks of outlier detection."""

from __future__ import annotations

from meshlab.kernel.engine import Engine
from meshlab.kernel.streams import Draw
from meshlab.mesh.upstream import Upstream


class Upkeep:
    """Keeps the policies of one upstream going.

    The first probe comes at a random point of the interval, so that the sidecars of a mesh do not
    all ask at once. A probe is answered by any process that listens, as an endpoint like /healthz
    would: an instance that fails half of its requests may well pass it. It takes the same link as
    requests do.

    Probes and ticks that were planned before the last start come to nothing.
    """

    def __init__(self, engine: Engine, upstream: Upstream, draw: Draw) -> None:
        self.upstream = upstream
        self._engine = engine
        self._draw = draw
        self._probing = self._ticking = 0
        self.start_probes()
        self.start_ticks()

    def start_probes(self) -> None:
        """Probe from now on as the edge says, if it says so at all."""
        self._probing += 1
        health = self.upstream.edge.health
        if health is not None:
            self._engine.after(health.interval * self._draw(), self._probe_all, self._probing)

    def start_ticks(self) -> None:
        """Let intervals of outlier detection begin now, if there is any."""
        self._ticking += 1
        outlier = self.upstream.edge.outlier
        if outlier is not None:
            self._engine.after(outlier.interval, self._tick, self._ticking)

    def _probe_all(self, start: int) -> None:
        upstream = self.upstream
        health = upstream.edge.health
        if start != self._probing or health is None:
            return
        for endpoint in tuple(upstream.cluster.endpoints):
            broken = upstream.link.rate > 0.0 and self._draw() < upstream.link.rate
            late = upstream.link.delay >= health.timeout
            alive = endpoint.target.up  # type: ignore[attr-defined]
            upstream.probed(endpoint, alive and not broken and not late)
        self._engine.after(health.interval, self._probe_all, start)

    def _tick(self, start: int) -> None:
        outlier = self.upstream.edge.outlier
        if start != self._ticking or outlier is None:
            return
        self.upstream.tick_outlier()
        self._engine.after(outlier.interval, self._tick, start)
