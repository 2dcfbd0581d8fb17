"""Files that a user names: every error about a name, a file or a disk includes the name."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import TextIO

from meshlab.rules import check, require_type

MOST_BYTES = 10_000_000
"""Nobody writes more by hand; the file may be a device that never ends."""


def can_name(text: object) -> bool:
    """Whether the system could have a file of this name: a text, not empty, without NUL."""
    try:
        return isinstance(text, str) and text != "" and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # half a character
        return False


def require_path(value: object, where: str, name: str) -> Path:
    """``value`` as a path. ConfigError if it is none, or can't be one."""
    require_type(value, (str, PathLike), where, name)
    text = os.fspath(value)  # type: ignore[call-overload]
    check(can_name(text), where, f"{name} must be the name of a file or folder", text)
    return Path(text)


def read_text(path: Path) -> str:
    """What stands in a file, as UTF-8. OSError if it can't be read or is too large."""
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(None, f"more than {MOST_BYTES // 1_000_000} MB", str(path))
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8").read()


@contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """A file to write. OSError with its name if that fails; then no half of it is left."""
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:  # the disk is full
            error.filename = str(path)
        if path.is_file() and not path.is_symlink():
            with suppress(OSError):
                path.unlink()
        raise
