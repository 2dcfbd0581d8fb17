"""After the investigation: what the action was worth, and who could have known what, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from meshlab.engines.run import run
from meshlab.incident import Parameters, utc
from meshlab.incident.scenario import post_mortem
from meshlab.investigation.actions import ACTIONS, restart_with_fix
from meshlab.mesh.result import Result
from meshlab.telemetry.columns import Columns, ratio
from meshlab.telemetry.onset import Onset, onsets
from meshlab.toll import CALM, Toll, auth_instances, failures, toll
from meshlab.wording import say

if TYPE_CHECKING:
    from meshlab.investigation.case import Investigation


@dataclass(frozen=True, slots=True, kw_only=True)
class Debrief:
    """What was done, at ``at`` (s), and three histories that differ in nothing else.

    ``named_at`` is when the cause was named (s; None: it was not), ``began`` when the
    investigation did. ``firsts`` says which metric left its calm range when, in that order.
    """

    action: str
    at: float
    began: float
    named_at: float | None
    looks: tuple[tuple[float, str], ...]
    yours: Toll
    teams: Toll
    nobody: Toll
    firsts: tuple[Onset, ...]

    @classmethod
    def of(cls, case: Investigation, action: str) -> Debrief:
        """Run the case with the action, and with what the real teams did."""
        mine = ACTIONS[action].apply(case.scenario, case.now)
        theirs = restart_with_fix(case.scenario, Parameters().restart_at)
        seed = case.result.seed
        return cls(
            action=action,
            at=case.now,
            began=case.began,
            named_at=next((at for at, verdict in case.verdicts if verdict), None),
            looks=tuple((answer.at, answer.source) for answer in case.answers),
            yours=toll(run(mine, seed)),
            teams=toll(run(theirs, seed)),
            nobody=case.happened,
            firsts=tuple(firsts(case.result)),
        )

    @property
    def saved(self) -> float:
        """Pages that the action saved, compared with nobody doing anything."""
        return self.nobody.failed - self.yours.failed

    def rows(self) -> list[dict[str, object]]:
        """The three histories beside each other."""
        histories = {
            f"you: {self.action} at {utc(self.at)}": self.yours,
            f"the teams: restart with the fix at {utc(Parameters().restart_at)}": self.teams,
            "nobody does anything": self.nobody,
        }
        return [
            {
                "history": name,
                "failed pages": say(each.failed),
                "minutes of outage": say(each.bad_minutes),
                "instances killed": len(each.kills),
                "pages that fail at the end": say(each.last, "%"),
            }
            for name, each in histories.items()
        ]

    def team_rows(self) -> list[dict[str, object]]:
        """What the post-mortem says of each minute since, and what you had looked at by then."""
        return [
            {
                "time": utc(time)[:5],
                "the teams": what,
                "you, by then": ", ".join(s for at, s in self.looks if at <= time) or "nothing",
            }
            for time, what in post_mortem()
            if time >= self.began
        ]

    def first_rows(self) -> list[dict[str, object]]:
        """Which metric moved when; ``before`` is how long before the first page failed."""
        failed = next((o.time for o in self.firsts if o.name == FAILING), None)
        return [
            {
                "metric": o.name,
                "moved at": utc(o.time),
                "before users felt it": say(failed - o.time, "s") if failed else "nobody did",
                "from": f"{say(o.low)} to {say(o.high)}",
                "to": o.value,
            }
            for o in self.firsts
            if o.time is not None
        ]

    def __str__(self) -> str:
        cause = (
            f"The cause was named after {say((self.named_at - self.began) / 60)} minutes"
            if self.named_at is not None
            else "The cause was not named"
        )
        looks = ", ".join(source for _, source in self.looks) or "nothing"
        more = "fewer" if self.yours.failed < self.teams.failed else "more"
        apart = abs(self.yours.failed - self.teams.failed)
        compared = f"{say(apart)} {more} than with" if apart else "as many as with"
        return (
            f"{cause}; looked at: {looks}. At {utc(self.at)}: {ACTIONS[self.action].what}. "
            f"{say(self.yours.failed)} pages failed, {compared} the real teams, "
            f"and {say(self.saved)} fewer than if nobody had acted."
        )

    __repr__ = __str__


FAILING = "users: share of pages that fail"


def firsts(result: Result) -> list[Onset]:
    """When each of a dozen metrics left the range of the calm minutes, the first one first."""
    columns = Columns(result.recordings)
    series = {
        name: pd.DataFrame({"time": columns.times, "value": values})
        for name, values in _board(columns).items()
    }
    return onsets(series, CALM, scrapes=3)


def _board(c: Columns) -> dict[str, np.ndarray]:
    """One metric for each thing that somebody could have watched."""
    to_auth = {"source": "gateway", "destination": "auth"}
    calls = c.rate("mesh_requests_total", **to_auth)
    bad = calls - c.rate("mesh_requests_total", code="200", **to_auth)
    most = [c.total("service_goroutines", instance=name) for name in auth_instances(c)]
    others = {
        f"{name}: time of an answer": c.mean("service_request_duration_seconds", service=name)
        for name in ("auth", "order", "inventory", "database")
    }
    return {
        FAILING: failures(c)[0],
        "users: pages per second": c.rate("mesh_requests_total", source="client"),
        "auth: goroutines of the fullest": np.fmax.reduce(most),
        "gateway to auth: calls that fail": ratio(bad, calls),
        "gateway to auth: tries per call": ratio(c.rate("mesh_attempts_total", **to_auth), calls),
        "gateway to auth: timeouts": c.rate("mesh_attempt_timeouts_total", **to_auth),
        "auth: share of healthy instances": ratio(
            c.total("mesh_endpoints_available", **to_auth), c.total("mesh_endpoints", **to_auth)
        ),
        "breakers that are not closed": (c.matrix("mesh_breaker_state") > 0).sum(axis=0) * 1.0,
        **others,
    }
