"""The least that an event can cost here: floor.c, a heap in C and nothing that events do.

with built() as program:
    nanoseconds(program, heap=6_000, events=10_000_000)
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

SOURCE = Path(__file__).with_name("floor.c")


def missing() -> str:
    """Why there is no floor to measure; empty if there is."""
    return "" if shutil.which("cc") else "there is no C compiler called cc"


@contextmanager
def built() -> Iterator[Path]:
    """The program, compiled with -O2; it goes with the block."""
    with TemporaryDirectory() as folder:
        program = Path(folder) / "floor"
        subprocess.run(["cc", "-O2", "-o", program, SOURCE], check=True)
        yield program


def nanoseconds(program: Path, heap: int, events: int) -> float:
    """CPU time of one event (ns), with so many in the heap."""
    words = [str(program), str(heap), str(events)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
