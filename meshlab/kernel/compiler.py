"""Compiled code for all records, once a process; it is kept on disk for the next one."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np

from meshlab.kernel import build
from meshlab.kernel.machine import TABLE
from meshlab.kernel.record import RECORDS
from meshlab.kernel.views import FUNCTIONS

_MODULE: list[Any] = []

HEAD = """
from meshlab.kernel import loop

advance = njit("i8(i8,i8,i8)", **settings)(loop.advance)
e1 = njit("void(i8,i8)", **settings)(loop.fire)
plan_event = njit("void(i8,f8,i8,i8,i8)", **settings)(loop.plan_event)
"""


def compiled() -> Any:
    """The generated module, with everything compiled."""
    if not _MODULE:
        _MODULE.append(_load(build.build()))
    return _MODULE[0]


def fingerprint() -> str:
    """Changes when compiled code would: with every source that has records, and the kernel's own."""
    files = {sys.modules[cls.__module__].__file__ for cls in RECORDS.values()}
    files |= {str(path) for path in Path(__file__).parent.glob("*.py")}
    sha = hashlib.sha256(f"{sys.version} {numba.__version__} {np.__version__}".encode())
    for file in sorted(name for name in files if name):
        sha.update(Path(file).read_bytes())
    return sha.hexdigest()[:16]


def _folder() -> Path:
    root = os.environ.get("MESHLAB_CACHE") or Path.home() / ".cache" / "meshlab"
    return Path(root) / fingerprint()


def _load(text: str) -> ModuleType:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "meshlab_entries.py"
    text += HEAD
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    settings: Any = numba.config
    before, settings.CACHE_DIR = settings.CACHE_DIR, str(folder)
    spec = importlib.util.spec_from_file_location("meshlab_entries", path)
    assert spec is not None and spec.loader is not None
    module = sys.modules["meshlab_entries"] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        settings.CACHE_DIR = before
    for number in [1, *(entry.number for entry in build.ENTRIES.values())]:
        function = getattr(module, f"e{number}")
        (made,) = function.overloads.values()
        TABLE[number] = made.library.get_pointer_to_function(made.fndesc.llvm_func_name)
        FUNCTIONS[number] = function
    return module
