"""What a sidecar does by the clock: active health probes and the ticks of outlier detection."""

from __future__ import annotations

from meshlab.kernel.engine import Engine
from meshlab.kernel.record import Small, entry, record
from meshlab.kernel.streams import Uniform
from meshlab.mesh.upstream import Upstream
from meshlab.scenario.topology import Edge


@record
class Timers:
    """Keeps the policies of one upstream going.

    The first probe comes at a random point of the interval, so that the sidecars of a mesh do not
    all ask at once. A probe is answered by any process that listens, as an endpoint like /healthz
    would: an instance that fails half of its requests may well pass it. It takes the same link as
    requests do.

    Probes and ticks that were planned before the last start do nothing.
    """

    engine: Engine
    upstream: Upstream
    draw: Uniform
    probing: Small
    ticking: Small
    probe_interval: float
    probe_timeout: float
    tick_interval: float

    def __init__(self, edge: Edge, upstream: Upstream, draw: Uniform) -> None:
        self.engine = upstream.engine
        self.upstream = upstream
        self.draw = draw
        self.start_probes(edge)
        self.start_ticks(edge)

    def start_probes(self, edge: Edge) -> None:
        """Probe from now on as ``edge`` is declared, if it is probed at all."""
        self.probing += 1
        if edge.health is not None:
            self.probe_interval = edge.health.interval
            self.probe_timeout = edge.health.timeout
            self.engine.after(self.probe_interval * self.draw.draw(), self.probe, self.probing)

    def start_ticks(self, edge: Edge) -> None:
        """Let intervals of outlier detection begin now, if there is any."""
        self.ticking += 1
        if edge.outlier is not None:
            self.tick_interval = edge.outlier.interval
            self.engine.after(self.tick_interval, self.tick, self.ticking)

    @entry
    def probe(self, start: int) -> None:
        """Probe every endpoint once, and come back after the interval."""
        upstream = self.upstream
        if start != self.probing or upstream.health is None:
            return
        link = upstream.link
        endpoints = upstream.cluster.endpoints
        for place in range(len(endpoints)):
            endpoint = endpoints[place]
            broken = link.rate > 0.0 and self.draw.draw() < link.rate
            late = link.delay >= self.probe_timeout
            alive = endpoint.target.listens()
            upstream.probed(endpoint, alive and not broken and not late)
        self.engine.after(self.probe_interval, self.probe, start)

    @entry
    def tick(self, start: int) -> None:
        """One interval of outlier detection is over."""
        outlier = self.upstream.outlier
        if start != self.ticking or outlier is None:
            return
        outlier.tick()
        self.engine.after(self.tick_interval, self.tick, start)
