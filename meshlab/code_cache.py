"""Where compiled code is kept, and when it still counts.

    cache = open_cache(fingerprint(sources, numba_version, constants, ...))
    cache.folder            where it is kept: a folder that no other version of the rules uses
    cache.why_not_kept()    why nothing can be kept there ("" if it can)

Compiled code is kept under a *fingerprint* of everything it depends on, so it is never out of date:
after any change it is looked for in another folder. Without a fingerprint, or without a folder that
can be written to, nothing is kept and every process compiles for itself. What never happens is that
code ends up somewhere else, next to the sources for instance, where no fingerprint is checked.

The folder is ``$MESHLAB_CACHE``, or meshlab in ``$XDG_CACHE_HOME``, or in ``~/.cache``. A relative
XDG_CACHE_HOME is ignored, as the XDG Base Directory Specification (0.8) asks; ``~`` is expanded.
Nothing here knows what compiles: any compiler can keep its files in such a folder.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

OWN = "MESHLAB_CACHE"
XDG = "XDG_CACHE_HOME"
COMPILER = "NUMBA_"
"""Variables of this prefix change what numba makes of a source."""

HARMLESS = ("NUMBA_CACHE_DIR", "NUMBA_CACHE_LOCATOR_CLASSES", "NUMBA_NUM_THREADS")
"""These do not."""


@dataclass(frozen=True, slots=True)
class CodeCache:
    """A folder for the code of one fingerprint, or the reason why there is none."""

    folder: Path | None
    reason: str = ""

    def why_not_kept(self) -> str:
        """Why nothing can be written to the folder, after trying; "" if it works."""
        if self.folder is None:
            return self.reason
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as file:
                file.write(b"\0" * 4096)  # an empty file fits on a full disk
        except OSError as error:
            return f"{self.folder}: {error.strerror or error}"
        return ""

    def trouble(self) -> str:
        """The same as advice: what is wrong with the folder, and what to do about it."""
        reason = self.why_not_kept()
        return f"it can't be kept: {reason}; name a folder for it in {OWN}" if reason else ""


def fingerprint(
    sources: Iterable[Path], *facts: object, environment: Mapping[str, str] | None = None
) -> str:
    """Sixteen digits that change when the compiled code would; "" if a source can't be read.

    ``sources`` are the files that are compiled. ``facts`` are whatever else ends up in the code and
    is the same in every process: versions, the processor, constants. Python's own version and the
    compiler's settings in the environment always count.
    """
    variables = os.environ if environment is None else environment
    settings = {
        name: value
        for name, value in variables.items()
        if name.startswith(COMPILER) and name not in HARMLESS
    }
    sha = hashlib.sha256(repr((sys.version, sorted(settings.items()), facts)).encode())
    try:
        for source in sources:
            content = source.read_bytes()
            sha.update(f"\n{source.name} {len(content)}\n".encode())
            sha.update(content)
    except OSError:
        return ""
    return sha.hexdigest()[:16]


def open_cache(key: str, environment: Mapping[str, str] | None = None) -> CodeCache:
    """The cache for the code with the fingerprint ``key``. It is not made before it is needed."""
    if not key:
        return CodeCache(None, "the sources that it is compiled from can't be read")
    root = _root(os.environ if environment is None else environment)
    if root is None:
        return CodeCache(None, "there is no home folder")
    return CodeCache(root / key)


def _root(variables: Mapping[str, str]) -> Path | None:
    """The folder of all fingerprints; None if nothing says where that could be."""
    own = _expanded(variables.get(OWN, ""))
    if own is not None:
        return own.absolute()
    xdg = _expanded(variables.get(XDG, ""))
    if xdg is None or not xdg.is_absolute():
        home = _expanded("~")
        xdg = home / ".cache" if home is not None and home.is_absolute() else None
    return None if xdg is None else xdg / "meshlab"


def _expanded(text: str) -> Path | None:
    """A path with its ``~`` replaced; None if there is none, or no home to replace it by."""
    try:
        return Path(text).expanduser() if text else None
    except RuntimeError:  # HOME is not set, and the system does not know this user
        return None
