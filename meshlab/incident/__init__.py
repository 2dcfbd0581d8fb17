"""*The Cascade That Wasn't the Database*: a scenario of causes, and what is read off its run.

    scenario    the shop on Black Friday: traffic, a leak in auth, a restart with the fix; nothing
                else is set by the clock
    marks       when instances died, how high the storm was, how long nobody could log in
    knobs       what may be changed about it, from the beginning or from a minute on
    operators   restarts by a plan, or when an alert calls for them
    history     what might have been done: each defence is one knob turned

The facts are those of the post-mortem in data/incident_postmortem.csv.
"""

from meshlab.incident.scenario import Parameters as Parameters
from meshlab.incident.scenario import incident as incident
from meshlab.incident.scenario import seconds_at as seconds_at
from meshlab.incident.scenario import utc as utc
