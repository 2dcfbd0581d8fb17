"""How much each mark depends on each parameter: ten per cent more of one, all else the same.

Where a story needs its parameters just so, it is a story about parameters. The table says which of
them decide when an instance dies, and which hardly matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from meshlab.incident.marks import Marks, marks
from meshlab.incident.scenario import Parameters, incident
from meshlab.mesh import run


def numbers() -> Iterator[str]:
    """The parameters that are one number."""
    return (f.name for f in fields(Parameters) if isinstance(f.default, int | float))


def more(parameters: Parameters, name: str, share: float) -> Parameters:
    """The parameters with one of them larger by ``share``, whole numbers by one at least."""
    value = getattr(parameters, name)
    larger = value * (1.0 + share)
    if isinstance(value, int):
        larger = max(value + 1, round(larger))
    return replace(parameters, **{name: larger})


def measure(parameters: Parameters, weight: int, seed: int) -> Marks:
    """The marks of one run."""
    return marks(run(replace(incident(parameters), weight=weight), seed))


def sensitivity(
    share: float = 0.1, weight: int = 100, seed: int = 1
) -> Iterator[dict[str, float | str | None]]:
    """One row a parameter: by how much each mark moves when it grows by ``share``.

    Times in seconds (None: it no longer happens), the storm's height and the failed pages in per
    cent.
    """
    base = measure(Parameters(), weight, seed)
    for name in numbers():
        other = measure(more(Parameters(), name, share), weight, seed)
        row: dict[str, float | str | None] = {"parameter": name}
        for place, kill in enumerate(base.kills):
            here = other.kills[place][0] if place < len(other.kills) else None
            row[f"kill {place + 1} (s)"] = None if here is None else here - kill[0]
        row["storm (%)"] = 100.0 * (other.peak / base.peak - 1.0)
        row["failed (%)"] = 100.0 * (other.failed / base.failed - 1.0)
        yield row
