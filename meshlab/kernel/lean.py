"""Compiles methods once: numba would optimize each by itself, and again inside all that call it.

A method is only ever called from an entry, into whose machine code it is linked. So its library
needs no machine code of its own, and is optimized where it is used. These are numba's internals:
numba is pinned, and `tests/kernel` compiles everything through this module.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.codegen import CPUCodeLibrary, JITCPUCodegen


@contextmanager
def only(names: set[str]) -> Iterator[None]:
    """Make machine code of the functions with these names only, and of what they call in them."""
    library: Any = CPUCodeLibrary
    optimize, finalize = library._optimize_final_module, library._finalize_final_module

    def optimize_some(self: Any) -> None:
        if self.name in names:
            optimize(self)

    def finalize_some(self: Any) -> None:
        if self.name in names:
            finalize(self)
            return
        self._finalize_dynamic_globals()
        self._final_module.__library = weakref.proxy(self)
        self._finalized = True

    codegen: Any = JITCPUCodegen
    set_env, waiting = codegen.set_env, []

    def set_env_later(self: Any, name: str, environment: Any) -> None:
        waiting.append((self, name, environment))

    codegen.set_env = set_env_later
    library._optimize_final_module = optimize_some
    library._finalize_final_module = finalize_some
    try:
        yield
    finally:
        library._optimize_final_module, library._finalize_final_module = optimize, finalize
        codegen.set_env = set_env
        for made, name, environment in waiting:
            if made._engine.get_global_value_address(name):
                set_env(made, name, environment)
