"""Keeps what the worlds of a sweep measured, so that a sweep that was interrupted goes on.

    folder/part-5d41402abc4b2a76.parquet      key, world, seed, and a column for every number

A result is found again by its *key*: a digest of the whole scenario, the seed, and the function
that measured. Change any of them, and the world runs again; nothing old is mixed in. Parts are
written whole or not at all and never change, so that several sweeps may share a folder.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from meshlab.fingerprint import digest
from meshlab.model import ConfigError
from meshlab.paths import require_path
from meshlab.rules import check, require_type

Numbers = dict[str, float]
"""What one world measured, by name."""

COLUMNS = ("key", "world", "seed")
"""What a part has beside the numbers."""


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


def load(folder: Path, keys: Collection[str]) -> dict[str, Numbers]:
    """What the folder has of these keys."""
    import pandas as pd  # here, so that what only runs needs only numpy

    found: dict[str, Numbers] = {}
    for path in sorted(folder.glob("part-*.parquet")):
        part = pd.read_parquet(path)
        part = part[part["key"].isin(list(keys))]
        names = [str(name) for name in part.columns if name not in COLUMNS]
        for key, row in zip(part["key"], part[names].to_numpy(float).tolist(), strict=True):
            found[key] = dict(zip(names, row, strict=True))
    return found


def save(folder: Path, worlds: Sequence[Kept]) -> None:
    """Write these worlds as one part. They have measured the same numbers."""
    import pandas as pd

    part = pd.DataFrame([{c: getattr(w, c) for c in COLUMNS} | w.numbers for w in worlds])
    name = digest("".join(w.key for w in worlds))[:16]
    half = folder / f"half-{name}-{os.getpid()}"
    part.to_parquet(half, index=False)
    half.replace(folder / f"part-{name}.parquet")
