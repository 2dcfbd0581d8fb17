"""It is 14:35, everything is down: look, name the cause, act, and see what it was worth.

    sources     what there is to look at, what a look costs, and what it shows by then
    causes      causes one may name; each is judged by running the incident without it
    actions     what one may do, from the minute on in which it is done
    case        the investigation itself: a clock, a notebook of looks, a verdict, a debrief
    debrief     what it was worth, beside what the real teams did

Nothing here knows what happened. Answers come from recorded samples, verdicts from further runs
with the same random numbers.
"""

from meshlab.incident.investigation.actions import ACTIONS as ACTIONS
from meshlab.incident.investigation.case import Investigation as Investigation
from meshlab.incident.investigation.causes import CAUSES as CAUSES
from meshlab.incident.investigation.debrief import Debrief as Debrief
from meshlab.incident.investigation.sources import SOURCES as SOURCES
