"""The processor of an instance, as it is declared: its cores, and what a request needs of them."""

from __future__ import annotations

from dataclasses import dataclass

from meshlab.kernel.distributions import KINDS, Distribution
from meshlab.model.normalized import normalized
from meshlab.model.rules import require_at_least, require_count, require_like

MOST_CORES = 1024
"""Of one processor. They are looked through one by one for every request."""


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Cpu:
    """``cores``, and the seconds of one core that a request needs: ``work``.

    To turn a request away takes ``rejection_seconds`` of a core, too: a process that rejects
    thousands of requests a second has less time for the others. A request may stand for ``lump``
    of its kind: it keeps its core for all of them, and is done when its own part is (see
    `meshlab.engines.thinning`).
    """

    cores: int
    work: Distribution
    rejection_seconds: float = 0.0
    lump: int = 1

    def __post_init__(self) -> None:
        require_count(self.cores, 1, "cpu", "cores", most=MOST_CORES)
        require_like(self.work, KINDS, ("mean", "block"), "cpu", "work")
        require_at_least(self.rejection_seconds, 0, "cpu", "rejection_seconds")
        require_count(self.lump, 1, "cpu", "lump")
