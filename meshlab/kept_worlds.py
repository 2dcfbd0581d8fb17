"""Keeps what the worlds of a sweep measured, so that an interrupted sweep can go on.

    folder/part-5d41402abc4b2a76.parquet      key, world, seed, and a column for every number

A result is found again by its *key*: a digest of the whole scenario, the seed, and the function
that measured. Change any of them, and the world runs again; nothing old is mixed in. Parts are
written whole or not at all and never change, so several sweeps may share a folder. A part is named
after the digest of its bytes: if the two disagree, it is damaged, whatever happened to it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from time import time

from meshlab.model import ConfigError, MeshlabError
from meshlab.paths import require_path
from meshlab.rules import check, require_type

Numbers = dict[str, float]
"""What one world measured, by name."""

COLUMNS = ("key", "world", "seed")
"""What a part has beside the numbers."""

SET_ASIDE = "_damaged"
"""Where damaged parts go, in the store; readers of parquet folders skip names with this dash."""

LEFT_BEHIND = 3600.0
"""Seconds after which a half-written file has lost its writer: it takes milliseconds to write."""

MOST_NAMED = 5
"""Damaged parts that an error lists."""


class StoreFailed(MeshlabError):
    """A store is damaged or can't be written: the message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One world that ran: its key, what it was in words, its seed, and what it measured."""

    key: str
    world: str
    seed: int
    numbers: Numbers


def open_folder(folder: object) -> Path:
    """The folder, made if it is not there. ConfigError if it can't be one."""
    require_type(folder, (str, Path), "sweep", "store")
    installed = find_spec("pyarrow") is not None
    check(installed, "sweep", "a store needs pyarrow (install meshlab[sweep])", folder)
    path = require_path(folder, "sweep", "store")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"sweep: store must be a folder, got {str(path)!r} ({error})") from None
    return path


def require_writable(folder: Path) -> None:
    """ConfigError unless a part can be written here. Removes what killed sweeps left half-written.

    It tries: permissions tell nothing to root, nor about a read-only or a full disk.
    """
    try:
        with TemporaryFile(dir=folder) as trial:
            trial.write(bytes(4096))
    except OSError as error:
        rule = f"store must be a folder to write to, got {str(folder)!r} ({error.strerror})"
        raise ConfigError(f"sweep: {rule}") from None
    for half in folder.glob("half-*"):
        with suppress(OSError):  # another sweep was quicker
            if time() - half.stat().st_mtime > LEFT_BEHIND:
                half.unlink()


# ---- reading


def load(folder: Path, keys: Collection[str]) -> dict[str, Numbers]:
    """What the folder has of these keys. StoreFailed if any part of it is damaged."""
    found: dict[str, Numbers] = {}
    damaged = []
    for path in _parts(folder):
        content = _content(path)
        if isinstance(content, bytes):
            found |= _rows(content, keys)
        else:
            damaged.append(f"{path.name} ({content})")
    if damaged:
        more = f" and {len(damaged) - MOST_NAMED} more" if len(damaged) > MOST_NAMED else ""
        raise StoreFailed(
            f"sweep: store {str(folder)!r}: damaged: {', '.join(damaged[:MOST_NAMED])}{more}. "
            f"Call {__name__}.set_aside({str(folder)!r}), which moves what is damaged to its "
            f"folder {SET_ASIDE}, and sweep again: only those worlds run again"
        )
    return found


def set_aside(folder: str | Path) -> list[Path]:
    """Move the damaged parts of a store out of the way, and return where each is now.

    The next sweep runs their worlds again. Nothing is deleted: look at them, or delete them.
    """
    moved = []
    for path in _parts(Path(folder)):
        if not isinstance(_content(path), bytes):
            place = path.parent / SET_ASIDE / path.name
            while place.exists():
                place = place.with_name(f"{place.name}~")
            place.parent.mkdir(exist_ok=True)
            moved.append(path.rename(place))
    return moved


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


def _content(path: Path) -> bytes | str:
    """The bytes of a part as a sweep wrote them, or else what is wrong with it."""
    if not path.is_file():  # a folder, or a pipe that would keep us waiting
        return "not a file"
    try:
        content = path.read_bytes()
    except OSError as error:
        return error.strerror or str(error)
    return content if path.name == _name(content) else "cut off, changed, or not from a sweep"


def _name(content: bytes) -> str:
    return f"part-{sha256(content).hexdigest()[:16]}.parquet"


def _rows(content: bytes, keys: Collection[str]) -> dict[str, Numbers]:
    import pandas as pd  # here, so that what only runs needs only numpy

    part = pd.read_parquet(BytesIO(content))
    part = part[part["key"].isin(list(keys))]
    names = [str(name) for name in part.columns if name not in COLUMNS]
    rows = part[names].to_numpy(float).tolist()
    return {k: dict(zip(names, row, strict=True)) for k, row in zip(part["key"], rows, strict=True)}


# ---- writing


def save(folder: Path, worlds: Sequence[Kept]) -> None:
    """Write these worlds as one part; they have measured the same numbers.

    StoreFailed if there is no room, say: then nothing is left of it, and earlier parts stay.
    """
    import pandas as pd

    frame = pd.DataFrame([{c: getattr(w, c) for c in COLUMNS} | w.numbers for w in worlds])
    content = frame.to_parquet(index=False)
    path = folder / _name(content)
    half = folder / f"half-{path.stem}-{os.getpid()}"
    try:
        half.write_bytes(content)
        half.replace(path)
    except BaseException as error:
        with suppress(OSError):
            half.unlink()
        if not isinstance(error, OSError):
            raise
        raise StoreFailed(
            f"sweep: store {str(folder)!r}: {path.name}: {error.strerror}. Results since the "
            "part before are lost, earlier ones are kept: make room, and sweep again"
        ) from error
