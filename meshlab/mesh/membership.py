"""Starts and stops processes, and lets discovery tell every sidecar about them in its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from meshlab.kernel.engine import Engine
from meshlab.kernel.streams import generator
from meshlab.mesh.instance import ServiceInstance
from meshlab.mesh.upstream import Upstream
from meshlab.policies.discovery import Change, Delivery, ServiceRegistry
from meshlab.scenario.topology import Edge, Instance


class Membership:
    """Who runs, who is registered, and which sidecar has heard of it.

    A process and its registration have times of their own: registered too early it is called before
    it listens, deregistered too late it is called after its end. What runs when the scenario begins
    is known to everyone; each later change reaches a sidecar after the edge's ``propagation``.
    """

    def __init__(
        self,
        engine: Engine,
        instances: Mapping[str, tuple[Instance, ServiceInstance]],
        upstreams: Iterable[tuple[Edge, Upstream]],
        seed: int,
    ) -> None:
        self._engine = engine
        self._registry = ServiceRegistry(engine)
        for config, instance in instances.values():
            self._schedule(config, instance)
        for edge, upstream in upstreams:
            self._subscribe(edge, upstream, seed)

    def _schedule(self, config: Instance, instance: ServiceInstance) -> None:
        comes = config.starts_at if config.registers_at is None else config.registers_at
        goes = config.stops_at if config.deregisters_at is None else config.deregisters_at
        self._at(config.starts_at, instance.come)
        self._at(comes, lambda: self._register(instance))
        if config.stops_at is not None:
            self._at(config.stops_at, instance.go)
        if goes is not None:
            self._at(goes, lambda: self._deregister(instance))

    def _at(self, time: float, act: Callable[[], None]) -> None:
        """At ``time``; what is true when the run begins is so at once."""
        if time == 0.0:
            act()
        else:
            self._engine.at(time, act)

    def _register(self, instance: ServiceInstance) -> None:
        self._deliver(self._registry.register(instance.service, instance.name))

    def _deregister(self, instance: ServiceInstance) -> None:
        self._deliver(self._registry.deregister(instance.service, instance.name))

    def _deliver(self, news: Iterable[Delivery]) -> None:
        for delivery in news:
            self._engine.at(delivery.at, _delivered(delivery))

    def _subscribe(self, edge: Edge, upstream: Upstream, seed: int) -> None:
        """A sidecar knows who is there at the beginning, and hears of changes from then on."""
        places = {endpoint.name: place for place, endpoint in enumerate(upstream.endpoints)}
        for name in self._registry.members(edge.destination):
            upstream.joined(places[name])
        rng = generator(seed, f"{upstream.name}/propagation")
        delay = float(edge.propagation.block(rng, 1)[0])

        def tell(change: Change) -> None:
            if change.added:
                upstream.joined(places[change.endpoint])
            else:
                upstream.left(places[change.endpoint])

        self._registry.watch(edge.destination, delay, tell)


def _delivered(delivery: Delivery) -> Callable[[], None]:
    return lambda: delivery.watcher(delivery.change)
