"""What the users of a run got: requests that ended, those that were lost, and when it was over."""

from __future__ import annotations

import numpy as np

from meshlab.demo.counters import Counters, total
from meshlab.model import Outcome
from meshlab.result import Result
from meshlab.scenario import Scenario
from meshlab.telemetry.names import MESH_REQUESTS

HARDLY_ANY = 0.01
"""Users are well while no more than this share of their requests is lost."""

ENOUGH = 20
"""From fewer requests than these nobody can tell that users are well again."""


def entries(scenario: Scenario) -> tuple[tuple[str, str], ...]:
    """The edges on which users' requests come in."""
    return tuple(dict.fromkeys((load.source, load.destination) for load in scenario.loads))


class Users:
    """Counts users' requests, on all edges on which they come in."""

    def __init__(self, result: Result) -> None:
        self._entries = entries(result.scenario)
        self._requests = Counters(result, MESH_REQUESTS, ("source", "destination", "code"))

    def between(self, start: float, end: float) -> tuple[int, int]:
        """How many requests ended between two times (s), and how many of them badly."""
        calls = self._requests.between(start, end)
        ended = {labels: n for labels, n in calls.items() if labels[:2] in self._entries}
        every = total(ended)
        return every, every - total(ended, where={2: str(Outcome.OK.code)})

    def well_from(self, start: float, until: float) -> float | None:
        """The first scrape from ``start`` (s) on, after which hardly any are lost ``until`` then.

        None if there is none, or too few requests came after it to tell. That is how a storm which
        feeds itself shows: its cause has ended, and users go on losing.
        """
        times = self._requests.times
        inner = times[(times > start) & (times < until)]
        for time in np.concatenate([[start], inner]).tolist():
            ended, lost = self.between(time, until)
            if lost <= HARDLY_ANY * ended and (ended >= ENOUGH or time == start):
                return float(time)
        return None
