"""Compiles the rules before somebody waits for them: once for each version of these sources.

`make lab`, `make test` and Binder's build do so. If a run has to compile first,
`meshlab.engines.compiled.kept_code` says so in one line.
"""

from __future__ import annotations

from typing import Any

from meshlab.engines.compiled.jit import CACHE
from meshlab.engines.compiled.layout import ROOT
from meshlab.engines.compiled.loop import Command, advance
from meshlab.engines.compiled.memory import Memory


def is_cold() -> bool:
    """Whether the rules have yet to be compiled: in this process, and on this machine."""
    rule: Any = advance
    if rule.signatures:
        return False
    return CACHE.folder is None or not any(CACHE.folder.glob("loop.advance-*.nbc"))


def warm() -> None:
    """Compile the rules, or load what was compiled before."""
    rule: Any = advance
    if rule.signatures:
        return
    memory = Memory(margin=1)
    assert memory.root_array.dtype == ROOT
    advance(memory.root_array, -1.0, int(Command.NOTHING), 0, 0, 0, 0.0)
