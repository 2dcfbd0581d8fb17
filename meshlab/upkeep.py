"""What a sidecar does by the clock: active health probes and the ticks of outlier detection."""

from __future__ import annotations

from meshlab.engine import Engine
from meshlab.streams import Draw
from meshlab.upstream import Upstream


class Upkeep:
    """Keeps the policies of one upstream going.

    The first probe comes at a random point of the interval, so that the sidecars of a mesh do not
    all ask at once. A probe is answered by any process that listens, as an endpoint like /healthz
    would: an instance that fails half of its requests may well pass it. It takes the same link as
    requests do.
    """

    def __init__(self, engine: Engine, upstream: Upstream, draw: Draw) -> None:
        self._engine = engine
        self._upstream = upstream
        self._draw = draw
        if upstream.edge.health is not None:
            engine.after(upstream.edge.health.interval * draw(), self._probe_all)
        if upstream.edge.outlier is not None:
            engine.after(upstream.edge.outlier.interval, self._tick)

    def _probe_all(self, _: None) -> None:
        upstream = self._upstream
        health = upstream.edge.health
        if health is None:
            return
        for endpoint in tuple(upstream.cluster.endpoints):
            broken = upstream.link.rate > 0.0 and self._draw() < upstream.link.rate
            late = upstream.link.delay >= health.timeout
            alive = endpoint.target.up  # type: ignore[attr-defined]
            upstream.probed(endpoint, alive and not broken and not late)
        self._engine.after(health.interval, self._probe_all)

    def _tick(self, _: None) -> None:
        self._upstream.tick_outlier()
        self._engine.after(self._upstream.outlier.config.interval, self._tick)  # type: ignore[union-attr]
