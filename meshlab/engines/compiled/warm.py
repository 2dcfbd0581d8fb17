"""Compiles the rules before somebody waits for them: once for each version of these sources.

`make lab`, `make test` and Binder's build do so. A reader whose cache is cold is told what is going
on while it lasts.
"""

from __future__ import annotations

import sys
from typing import Any

from meshlab.engines.compiled.jit import cache_folder
from meshlab.engines.compiled.layout import ROOT
from meshlab.engines.compiled.loop import Command, advance
from meshlab.engines.compiled.memory import Memory


def _known() -> bool:
    """Whether this process has the compiled rules already."""
    rule: Any = advance
    return bool(rule.signatures)


def is_cold() -> bool:
    """Whether the rules have yet to be compiled on this machine."""
    return not _known() and not any(cache_folder().rglob("loop.advance-*.nbc"))


def warm() -> None:
    """Compile the rules, or load what was compiled before; says so if it will take a while."""
    if _known():
        return
    if is_cold():
        print(
            "meshlab: compiling the engine's rules, once, for up to a minute ...",
            file=sys.stderr,
            flush=True,
        )
    memory = Memory(margin=1)
    assert memory.root_array.dtype == ROOT
    advance(memory.root_array, -1.0, int(Command.NOTHING), 0, 0, 0, 0.0)
