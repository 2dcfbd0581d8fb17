"""Puts what a tracer has noted into words: spans and exemplars."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

from meshlab.mesh.instance import ServiceInstance
from meshlab.mesh.registry import bucket_key
from meshlab.mesh.tracer import Tracer
from meshlab.mesh.upstream import Upstream
from meshlab.model import Outcome
from meshlab.policies.endpoint import text_of
from meshlab.telemetry.names import MESH_REQUEST_DURATION
from meshlab.telemetry.series import Exemplar, SeriesKey
from meshlab.telemetry.tracing import Span

OUTCOMES = tuple(Outcome)


class Spans:
    """Knows who stands behind the numbers of upstreams, instances and routes."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        instances: Sequence[ServiceInstance],
        routes: Sequence[str],
    ) -> None:
        self._clients = [(u.destination, u.source, u.sidecar) for u in upstreams]
        self._servers = [(i.service, i.service, i.name) for i in instances]
        self._routes = routes

    def of(self, tracer: Tracer) -> tuple[Span, ...]:
        """Every span that was kept, in the order in which they ended."""
        return tuple(self._span(*row) for row in tracer.spans.take())

    def exemplars_of(self, tracer: Tracer) -> tuple[Exemplar, ...]:
        """Every exemplar, in the order of observation."""

        @cache
        def series(upstream: int, bucket: int) -> SeriesKey:
            destination, source, _ = self._clients[upstream]
            return bucket_key(MESH_REQUEST_DURATION, bucket, source, destination)

        return tuple(
            Exemplar(
                target=self._clients[upstream][2],
                series=series(upstream, bucket),
                trace_id=f"{high:016x}{low:016x}",
                value=value,
                time=time,
            )
            for high, low, value, time, upstream, bucket in tracer.exemplars.take()
        )

    def _span(
        self,
        high: int,
        low: int,
        own: int,
        parent: int,
        start: float,
        end: float,
        who: int,
        endpoint: int,
        route: int,
        outcome: int,
        server: bool,
    ) -> Span:
        kind: Literal["client", "server"] = "server" if server else "client"
        name, service, instance = (self._servers if server else self._clients)[who]
        attributes: dict[str, Any] = {"endpoint": text_of(endpoint)} if endpoint else {}
        return Span(
            trace_id=f"{high:016x}{low:016x}",
            span_id=f"{own:016x}",
            parent_id=f"{parent:016x}" if parent else None,
            name=f"{name}{self._routes[route]}",
            kind=kind,
            service=service,
            instance=instance,
            start=start,
            end=end,
            outcome=OUTCOMES[outcome],
            attributes=attributes,
        )
