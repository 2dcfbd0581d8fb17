"""The sidecar of one caller: an upstream for every cluster that it calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meshlab.mesh.upstream import Upstream


class Sidecar(Mapping[str, Upstream]):
    """The proxy beside an instance, or beside a source of load: ``sidecar["auth"]`` is an upstream.

    All calls of its owner go through it, so that the policies of an edge are kept once in every
    instance of its source.
    """

    def __init__(self, owner: str, zone: str = "") -> None:
        self.owner = owner
        self.zone = zone
        self._upstreams: dict[str, Upstream] = {}

    def add(self, upstream: Upstream) -> None:
        """Let the owner call one cluster more."""
        self._upstreams[upstream.destination] = upstream

    def __getitem__(self, destination: str) -> Upstream:
        return self._upstreams[destination]

    def __iter__(self) -> Iterator[str]:
        return iter(self._upstreams)

    def __len__(self) -> int:
        return len(self._upstreams)
