"""numba's cache, told where to keep compiled code: in a `meshlab.kernel.code_cache`, and nowhere
else.

By itself numba tries one folder after another, the sources' own among them, raises if none will do,
and raises again if what it finds there is damaged or the disk is full. Here there is one folder,
and whatever goes wrong with it, the rule is compiled and runs.

This uses numba's internals: `FunctionCache`, its implementation, its locator and its index file.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core import sigutils
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    _CacheLocator,
)

from meshlab.kernel.code_cache import OWN, CodeCache
from meshlab.model.notices import tell

DAMAGED = (
    *(OSError, EOFError, pickle.UnpicklingError),
    *(ImportError, LookupError, AttributeError, TypeError, ValueError),
)
"""What reading a file may raise that another program, or a full disk, has left behind."""

ADVICE = f"name a folder for it in {OWN}"


class Announcer:
    """Tells once in a process that it compiles, and whether that will last."""

    def __init__(self, cache: CodeCache) -> None:
        self.cache = cache
        self.compiling = False
        self.failed = False

    def compiles(self) -> None:
        """A rule was not found in the cache."""
        if self.compiling:
            return
        self.compiling = True
        trouble = self.cache.trouble()
        self.failed = bool(trouble)
        lasting = f" ({trouble})" if trouble else ", once"
        tell(f"meshlab: compiling the engine's rules, for about a minute{lasting} ...")

    def lost(self, error: OSError) -> None:
        """A rule could not be written, although there was a folder for it."""
        if not self.failed:
            reason = f"{self.cache.folder}: {error.strerror or error}"
            tell(f"meshlab: compiled code can't be kept: {reason}; {ADVICE}")
        self.failed = True


class KeptCode(FunctionCache):
    """The cache of one rule. Its index and its code lie in the folder of the fingerprint."""

    def __init__(self, rule: Callable[..., Any], folder: Path, announcer: Announcer) -> None:
        self._name = repr(rule)
        self._py_func = rule
        self._impl = _Implementation(rule, folder)
        self._cache_path = str(folder)
        self._announcer = announcer
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = IndexDataCacheFile(str(folder), self._impl.filename_base, stamp)
        self.enable()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What was compiled for this signature; None if it has to be compiled now."""
        try:
            found = super().load_overload(sig, target_context)
        except DAMAGED:
            found = None
        # Two processes that write at once may leave an index that leads to the other's code.
        if found is not None and found.signature.args == sigutils.normalize_signature(sig)[0]:
            return found
        self._announcer.compiles()
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was just compiled, if it can be kept."""
        if self._announcer.failed:
            return
        try:
            try:
                super().save_overload(sig, data)
            except DAMAGED:
                self.flush()  # an index that can't be read is begun anew
                super().save_overload(sig, data)
        except OSError as error:
            self._announcer.lost(error)


class Unkept:
    """The cache of a rule where nothing is kept."""

    cache_path = None

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    def load_overload(self, sig: Any, target_context: Any) -> None:
        self._announcer.compiles()

    def save_overload(self, sig: Any, data: Any) -> None: ...

    def enable(self) -> None: ...

    def disable(self) -> None: ...

    def flush(self) -> None: ...


class _Place(_CacheLocator):
    """The folder of the fingerprint, which vouches for every source: no stamp is needed."""

    def __init__(self, rule: Callable[..., Any], folder: Path) -> None:
        self._py_file = rule.__code__.co_filename
        self._line = rule.__code__.co_firstlineno
        self._folder = folder

    def ensure_cache_path(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return ""

    def get_disambiguator(self) -> str:
        return str(self._line)


class _Implementation(CompileResultCacheImpl):
    """numba's own, except that it does not look for a place."""

    def __init__(self, rule: Callable[..., Any], folder: Path) -> None:
        self._lineno = rule.__code__.co_firstlineno
        self._locator = _Place(rule, folder)
        module = rule.__module__.rpartition(".")[2]
        self._filename_base = self.get_filename_base(f"{module}.{rule.__qualname__}", "")


def keep(rule: Any, announcer: Announcer) -> Any:
    """Give a dispatcher, made by ``njit`` without a cache, its cache; the dispatcher."""
    folder = announcer.cache.folder
    if folder is None:
        rule._cache = Unkept(announcer)
    else:
        rule._cache = KeptCode(rule.py_func, folder, announcer)
    return rule
