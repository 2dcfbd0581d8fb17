"""Numbers and reasons as a reader likes them. What is not there is a dash."""

from __future__ import annotations

from meshlab.telemetry.ledger import Evidence

NOTHING = "-"


def count(number: int) -> str:
    return f"{number:,}"


def ms(value: float | None) -> str:
    """A duration in seconds as milliseconds."""
    return NOTHING if value is None else f"{value * 1000:,.0f}"


def seconds(value: float | None) -> str:
    """A time of the run; None is a time that had not come."""
    return "not yet" if value is None else f"{value:.1f} s"


def share(value: float) -> str:
    """A share 0..1 in percent."""
    return f"{value * 100:.1f}"


def off_by(value: float, expected: float | None) -> str:
    """How many percentage points ``value`` is more than expected."""
    points = 0.0 if expected is None else round(100.0 * (value - expected), 1)
    return "" if expected is None else f"{points:+.1f}" if points else "0.0"


def percent(part: int, whole: int) -> str:
    """In percent, without ever calling a few none or most all: 0.04 is 0.1, 99.96 is 99.9."""
    if not whole:
        return NOTHING
    least, most = (0.1 if part else 0.0), (100.0 if part == whole else 99.9)
    return f"{min(max(round(100.0 * part / whole, 1), least), most):.1f}"


def because(reason: str, evidence: Evidence) -> str:
    """A reason with its evidence; a reason that is itself the evidence is not said twice."""
    numbers = ", ".join(f"{plain(name)} {value:g}" for name, value in evidence)
    if evidence and evidence[0][0] == reason:
        return numbers
    return f"{plain(reason)}: {numbers}" if numbers else plain(reason)


def plain(name: str) -> str:
    """``round_robin`` as "round robin"."""
    return name.replace("_", " ")
