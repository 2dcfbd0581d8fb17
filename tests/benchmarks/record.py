"""Keep what was measured: ``python -m tests.benchmarks.record [bench] [queues] [thinning]``.

In measured.md every measurement stands under the command that gives it, with its day and its
machine, as it was printed. The README quotes lines of it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.machine import machine

KEPT = Path(__file__).with_name("measured.md")
TITLE = "# What was measured, and by which command\n"
COMMANDS = {
    "bench": "python -m tests.benchmarks --largest 8",
    "queues": "python -m tests.benchmarks queues",
    "thinning": "python -m tests.benchmarks.thinning",
}
"""``queues`` alone is for Python 3.13, which happysim needs."""


def measured(command: str) -> str:
    """What a command prints, with the day and the machine before it."""
    words = [sys.executable, *command.split()[1:]]
    utf8 = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="utf-8", env=utf8)
    lines = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine()}\n\n```\n{lines}\n```\n"


def blocks(text: str) -> dict[str, str]:
    """What is kept for every command."""
    _, *parts = text.split("\n## `")
    return {command: rest.strip() + "\n" for command, _, rest in (p.partition("`") for p in parts)}


def page(kept: dict[str, str]) -> str:
    """All that is kept, in the order of the commands."""
    parts = [f"## `{c}`\n\n{kept[c]}" for c in COMMANDS.values() if c in kept]
    return "\n".join([TITLE, *parts])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.record")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(COMMANDS))
    names = parser.parse_args().names or list(COMMANDS)
    if unknown := set(names) - set(COMMANDS):
        parser.error(f"NAME must be one of {', '.join(COMMANDS)}, got {min(unknown)!r}")
    for name in names:
        found = measured(COMMANDS[name])
        kept = blocks(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
        KEPT.write_text(page({**kept, COMMANDS[name]: found}), encoding="utf-8")


if __name__ == "__main__":
    main()
