"""*The Cascade That Wasn't the Database*: the war story, under one roof.

    scenario        the shop on Black Friday: traffic, a leak in auth, a restart with the fix;
                    nothing else is set by the clock
    knobs           what may be changed about it, from the beginning or from a minute on
    operators       restarts by a plan, or when an alert calls for them
    history         what might have been done: each defence is one knob turned
    cost            what a run cost users, how high the storm was, who died
    milestones      the lines of the post-mortem, and when each emerged; readings: what is seen then
    investigation   it is 14:35, everything is down: look, name the cause, act
    replay          the incident frame by frame, and another history beside it
    postmortem      the run's own post-mortem, in a terminal, as JSON, as a page

The facts are those of the post-mortem in data/incident_postmortem.csv.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlab.model.face import face

if TYPE_CHECKING:
    from meshlab.incident.cost import Cost as Cost
    from meshlab.incident.cost import cost_of as cost_of
    from meshlab.incident.cost import failures as failures
    from meshlab.incident.history import DEFENCES as DEFENCES
    from meshlab.incident.investigation.case import Investigation as Investigation
    from meshlab.incident.investigation.causes import CAUSES as CAUSES
    from meshlab.incident.investigation.panel import desk as desk
    from meshlab.incident.knobs import Knobs as Knobs
    from meshlab.incident.milestones import read_milestones as read_milestones
    from meshlab.incident.replay.panel import replay_panel as replay_panel
    from meshlab.incident.scenario import Parameters as Parameters
    from meshlab.incident.scenario import incident as incident
    from meshlab.incident.scenario import seconds_at as seconds_at
    from meshlab.incident.scenario import traffic as traffic
    from meshlab.incident.scenario import utc as utc

_HOMES = {
    "meshlab.incident.cost": "Cost cost_of failures",
    "meshlab.incident.history": "DEFENCES",
    "meshlab.incident.investigation.case": "Investigation",
    "meshlab.incident.investigation.causes": "CAUSES",
    "meshlab.incident.investigation.panel": "desk",
    "meshlab.incident.knobs": "Knobs",
    "meshlab.incident.milestones": "read_milestones",
    "meshlab.incident.replay.panel": "replay_panel",
    "meshlab.incident.scenario": "Parameters incident seconds_at traffic utc",
}

if not TYPE_CHECKING:  # for a type checker a misspelled name stays an error
    __getattr__, __dir__, __all__ = face(__name__, _HOMES)
