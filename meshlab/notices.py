"""One line on standard error, wherever that leads: what a reader should know while a run goes on.

A notice must never end the run that it is about. If standard error is closed, full or gone, the
line is lost and the run continues.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO


def tell(line: str) -> None:
    """Write ``line`` to standard error, now, if there is anyone to read it."""
    if sys.stderr is None:  # closed: print() would take standard output instead
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        discard(sys.stderr)


def discard(stream: TextIO | None) -> None:
    """Send what is still to be written to ``stream`` nowhere.

    Python flushes standard output and standard error once more when it exits. Where that failed
    before, it would fail again, with a complaint and another exit code.
    """
    if stream is None:
        return
    with suppress(OSError, ValueError):  # a test's or a notebook's stream has no number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
