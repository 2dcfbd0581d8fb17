"""Where the compiled code of this version of meshlab is kept, and whether it is there already.

It is found by a fingerprint of everything that it depends on: the classes of the rooms in `ROOMS`,
their sources and those of the modules whose constants they use; numba, numpy, Python and the
processor. A class that a reader defines is compiled in every process, and is not kept.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from llvmlite import binding

from meshlab.kernel import layout
from meshlab.kernel.code_cache import CodeCache, fingerprint, open_cache
from meshlab.kernel.entries import FUNCTIONS
from meshlab.kernel.record import INTERFACES, RECORDS

PACKAGE = Path(__file__).parents[1]

ROOMS = ("kernel", "mesh", "model", "policies", "telemetry")
"""Every module of these counts."""

LAST = "loop.plan_event-*.nbc"
"""What is compiled last: once it is kept, so is all the rest."""


def sources() -> list[Path]:
    """The files that are compiled, or whose constants are."""
    return sorted(file for room in ROOMS for file in (PACKAGE / room).glob("*.py"))


def known() -> list[str]:
    """The names of this package's classes, in the order in which they are numbered."""
    return sorted(name for name in {**RECORDS, **INTERFACES} if layout.is_core(name))


def code_cache() -> CodeCache:
    """The folder of what is compiled from these sources and classes, on this machine."""
    return _opened(tuple(known()))


@cache
def _opened(names: tuple[str, ...]) -> CodeCache:
    settings: Any = numba.config
    processor = settings.CPU_NAME or binding.get_host_cpu_name()
    features = settings.CPU_FEATURES or binding.get_host_cpu_features().flatten()
    versions = (numba.__version__, llvmlite.__version__, np.__version__)
    machine = (binding.get_default_triple(), processor, features)
    return open_cache(fingerprint(sources(), *versions, *machine, names))


def is_cold() -> bool:
    """Whether the classes have yet to be compiled: in this process, and on this machine."""
    if FUNCTIONS:
        return False
    folder = code_cache().folder
    return folder is None or not any(folder.glob(LAST))
