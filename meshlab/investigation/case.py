"""The investigation: a clock that every look moves, and a record of what was looked at.

    case = Investigation()
    case.look("database")           two minutes later
    case.name("leak")               is it the cause? a verdict, a minute later
    case.act("restart auth with the fix")       a debrief

The run it reads has the incident's causes and no operators: whoever investigates is the operator.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from meshlab.engines.run import run
from meshlab.figures.sparks import Spark, sparks
from meshlab.incident import incident, seconds_at, utc
from meshlab.investigation.actions import ACTIONS
from meshlab.investigation.causes import CAUSES, Verdict
from meshlab.investigation.debrief import Debrief
from meshlab.investigation.evidence import Evidence, Reading
from meshlab.investigation.sources import SOURCES
from meshlab.mesh.result import Result
from meshlab.model import ConfigError
from meshlab.rules import require_known
from meshlab.scenario import Scenario
from meshlab.toll import Toll, toll
from meshlab.wording import say

if TYPE_CHECKING:
    import plotly.graph_objects as go

WEIGHT = 100
"""How many requests each simulated one stands for, wherever an answer must be quick."""

NAMING = 1
"""Minutes that it takes to convince the others, or to be convinced that one was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a look showed at ``at`` (s), when it was over: readings, or lines of text."""

    source: str
    at: float
    readings: tuple[Reading, ...]
    lines: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What one sees first: how many readings have left their normal range, how many ended."""
        if not self.readings:
            return f"{utc(self.at)} {self.source}: {self.lines[0].strip()}"
        left = sum(reading.left is not None for reading in self.readings)
        gone = sum(reading.now != reading.now for reading in self.readings)
        silent = f", {gone} without a value now" if gone else ""
        many = f"{left} of {len(self.readings)} readings left their normal range{silent}"
        return f"{utc(self.at)} {self.source}: {many}"

    def rows(self) -> list[dict[str, object]]:
        """One row for each reading."""
        return [reading.row() for reading in self.readings]

    def figure(self) -> go.Figure:
        """The readings as a dashboard shows them; a source that is text has none."""
        if not self.readings:
            raise ConfigError(f"investigation: {self.source!r} is text; print(answer) shows it")
        rows = {
            r.what: Spark(r.times.tolist(), r.values.tolist(), r.unit, r.range)
            for r in self.readings
        }
        ticks = {float(t): utc(t)[:5] for t in range(0, int(self.at) + 180, 180)}
        return sparks(rows, title=self.title, ticks=ticks, summary=self._told())

    def _told(self) -> str:
        told = [
            f"{row['reading']}: normal {row['normal']}, now {row['now']}, "
            f"farthest from normal {row['farthest']} at {row['at'] or 'no time'}"
            for row in self.rows()
        ]
        return "; ".join(told) + "."

    def __str__(self) -> str:
        told = self._told().replace("; ", "\n") if self.readings else ""
        return "\n".join(line for line in (self.title, told, *self.lines) if line)

    __repr__ = __str__


class Investigation:
    """One try at the incident, from ``start`` on. ``now`` is virtual time (s).

    ``scenario`` may be any that has the services of the incident; it is run with ``seed`` and from
    then on only read. ConfigError for what there is not, and when the run's end would be passed.
    """

    def __init__(
        self, scenario: Scenario | None = None, seed: int = 1, start: str = "14:35"
    ) -> None:
        self.scenario = scenario or replace(incident(restart=False), weight=WEIGHT)
        self.result: Result = run(self.scenario, seed)
        self.happened: Toll = toll(self.result)
        self.began = self.now = seconds_at(start)
        self.answers: list[Answer] = []
        self.verdicts: list[tuple[float, Verdict]] = []
        self.debrief: Debrief | None = None

    def again(self, start: str = "14:35") -> Investigation:
        """The same incident once more, from ``start`` on, with nothing looked at."""
        other = copy(self)
        other.began = other.now = seconds_at(start)
        other.answers, other.verdicts, other.debrief = [], [], None
        return other

    @property
    def clock(self) -> str:
        """The time of day in the incident."""
        return utc(self.now)

    def sources(self) -> list[dict[str, object]]:
        """What there is to look at, and its price."""
        return [{"look": k, "what": s.asks, "minutes": s.minutes} for k, s in SOURCES.items()]

    def look(self, source: str) -> Answer:
        """Look at one source. The answer is of the moment when the look is over."""
        require_known(source, SOURCES, "investigation", "source")
        self._pass(SOURCES[source].minutes)
        evidence = Evidence(self.result, self.now)
        answer = Answer(
            source=source,
            at=self.now,
            readings=tuple(SOURCES[source].read(evidence)),
            lines=tuple(SOURCES[source].lines(evidence)),
        )
        self.answers.append(answer)
        return answer

    def name(self, cause: str) -> Verdict:
        """Name the cause: the incident is run without it."""
        require_known(cause, CAUSES, "investigation", "cause")
        self._pass(NAMING)
        without = run(CAUSES[cause][1](self.scenario), self.result.seed)
        verdict = Verdict(cause, self.happened, toll(without))
        self.verdicts.append((self.now, verdict))
        return verdict

    def act(self, action: str) -> Debrief:
        """Do something about it, and see what it was worth. This ends the investigation."""
        require_known(action, ACTIONS, "investigation", "action")
        self._pass(ACTIONS[action].minutes)
        self.debrief = Debrief.of(self, action)
        return self.debrief

    def _pass(self, minutes: int) -> None:
        """The clock moves on, if it may."""
        if self.debrief is not None:
            raise ConfigError("investigation: it has ended; begin a new one with Investigation()")
        end, then = self.scenario.duration, self.now + 60 * minutes
        if then >= end:
            raise ConfigError(
                f"investigation: what is done must be done before {utc(end)}, got {utc(then)}"
            )
        self.now = then

    def __repr__(self) -> str:
        last = self.answers[-1].source if self.answers else "nothing"
        failed = say(self.happened.failed)
        return (
            f"Investigation at {self.clock}: {len(self.answers)} looks, the last at {last}; "
            f"{failed} pages will have failed by {utc(self.scenario.duration)} if nobody acts."
        )
