"""What the package does without a notebook: ``python -m meshlab demo``, ``replay``, ``export``.

Here is only the command line; the incident's two commands are in `meshlab.commands`. An error of
the user's, or of the system underneath, is one line on stderr and exit status 2; an
interrupted run ends quietly with 130, a reader that has gone away (``| head``) with 1.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from meshlab.commands import add, file_name, number, printing, run_with_bar, whole
from meshlab.extras import advice
from meshlab.model import MeshlabError
from meshlab.notices import discard, tell

if TYPE_CHECKING:
    from meshlab.scenario import Scenario

USER_ERROR = 2
READER_GONE = 1
INTERRUPTED = 130

DEMO = """\
Run the shop through an instance that fails, a service that is slow and one that
is out, and tell what users got, which breakers opened and healed and why, and
who got the work. Everything shown is read from the run."""

JSON_KEYS = """\
The JSON document has the keys scenario, seed, duration, digest, summary,
services, phases, incidents, routes and shares; meshlab/demo/report.py says what
is in them. Times and durations are in seconds, shares in 0..1. The same
scenario and seed give the same bytes."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        tell(f"{self.prog}: {message}; try {self.prog} --help")
        raise SystemExit(USER_ERROR)

    def print_help(self, file: object = None) -> None:
        sys.stdout.write(self.format_help())  # argparse's own says nothing if that fails


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    if sys.stdout is None:
        return _complain("standard output: closed")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (for as long as the process lasts)
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a name may not fit the terminal's encoding
        return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        discard(sys.stdout)
        return READER_GONE
    except MeshlabError as error:
        return _complain(str(error))
    except ModuleNotFoundError as error:
        if not advice(error):
            raise
        return _complain(advice(error))
    except OSError as error:
        discard(sys.stdout)
        reason = error.strerror or str(error)
        return _complain(f"{error.filename}: {reason}" if error.filename else reason)


def _complain(message: str) -> int:
    tell(f"python -m meshlab: {message}")
    return USER_ERROR


def _run(arguments: Sequence[str] | None) -> int:
    try:
        with printing():
            chosen = _parser().parse_args(arguments)
    except SystemExit as done:  # help was asked for, or there was an error and it has been told
        with printing():
            return int(done.code or 0)
    chosen.do(chosen)
    return 0


def _parser() -> Parser:
    parser = Parser(prog="python -m meshlab", description="A service mesh to look into.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo",
        help="run the shop with three faults and tell what happened",
        description=DEMO,
        epilog=JSON_KEYS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument(
        "--seed",
        type=whole(0),
        default=1,
        metavar="N",
        help="another run of the same scenario (1)",
    )
    own = demo.add_mutually_exclusive_group()
    rate = number(">= 0", lambda n: n >= 0)
    own.add_argument("--rate", type=rate, default=20.0, metavar="R", help="pages per second (20)")
    text = "run this scenario instead of the shop's"
    own.add_argument("--scenario", type=file_name, metavar="FILE", help=text)
    demo.add_argument("--json", action="store_true", help="print a JSON document instead of tables")
    demo.set_defaults(do=_demo)
    add(commands)
    return parser


def _demo(chosen: argparse.Namespace) -> None:
    """Run the scenario that was chosen, and print what it has to tell."""
    from rich.console import Console  # here, so that Ctrl-C is quiet while all this is imported

    from meshlab.demo import read_report, show, to_json

    result = run_with_bar(_scenario(chosen), chosen.seed)
    with printing():
        if chosen.json:
            sys.stdout.write(to_json(read_report(result)))
        else:
            show(result, Console(markup=False, emoji=False, highlight=False))


def _scenario(chosen: argparse.Namespace) -> Scenario:
    if chosen.scenario is not None:
        from meshlab.scenario_file import load_scenario

        return load_scenario(chosen.scenario)
    from meshlab.demo import demo_scenario

    return demo_scenario(chosen.rate)


if __name__ == "__main__":
    sys.exit(main())
