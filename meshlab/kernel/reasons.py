"""Why a class of a reader's own can't be compiled: numba's pages of text, in one line.

numba says which step failed inside which other, and at the end of each what it was, with the file,
the line and the code. The deepest place in the reader's own file is what the reader can change.
"""

from __future__ import annotations

import inspect
import re

FAILED: dict[str, str] = {}
"""The classes that can't be compiled, and the reason of each."""

PLACE = re.compile(
    r"""^\s*File\ "(?P<file>[^"]*)",\ line\ (?P<line>\d+):\n  # as in a traceback
        (?P<code>(?:.*\n)+?)\s*\^\s*$""",  # a mark below the line of code
    re.MULTILINE | re.VERBOSE,
)
"""How numba shows a line of code."""

NOISE = re.compile(
    r"- |\w*Error: Failed|Failed|During|Overload in|Intrinsic in|With argument|Rejected|raised from"
    r"|There are|>{3}"
)
"""How those of numba's lines begin that say where it was, and not what was wrong."""


def reason_of(error: Exception, cls: type, method: str = "") -> str:
    """What of a class can't be compiled, in one line; with the line of code if there is one."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    file = _file_of(cls).replace("\\", "/").rpartition("/")[2]
    where = f"{cls.__name__}.{method}" if method else cls.__name__
    for place in PLACE.finditer(text):
        if file and place["file"].endswith(file):
            code = place["code"].splitlines()[-1].strip()
            return f"{where}: {_last(text[: place.start()])} (line {place['line']}: {code})"
    return f"{where}: {_last(text) or type(error).__name__}"


def _file_of(cls: type) -> str:
    """Where its methods stand; a class that was defined in a notebook has no file of its own."""
    methods = [method for method in vars(cls).values() if inspect.isfunction(method)]
    files = [inspect.unwrap(method).__code__.co_filename for method in methods]
    return next((file for file in files if not file.startswith("<")), "")


def _last(text: str) -> str:
    """The last of numba's lines that says what was wrong."""
    said = [line.strip() for line in text.splitlines()]
    useful = [line for line in said if line and not NOISE.match(line)]
    return re.sub(r"^\w+Error: ", "", useful[-1]) if useful else ""
