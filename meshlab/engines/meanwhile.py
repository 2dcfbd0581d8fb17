"""Small runs need not wait for a compiler: they run on the reference engine meanwhile.

The first run of the compiled engine on a machine takes `COMPILING` seconds longer, because its
rules have yet to be compiled. A run that the reference engine finishes sooner goes there. But many
small runs are a large one: once those that went there have taken as long together as compiling
would, the next one compiles. So you never wait more than twice as long as with perfect foresight.
(This is the ski-rental problem: rent until the rent has cost as much as the skis, then buy.)
"""

from __future__ import annotations

from meshlab.engines.size import events
from meshlab.kernel.code_cache import CodeCache
from meshlab.model.notices import tell
from meshlab.scenario.scenario import Scenario

COMPILING = 40.0
"""Seconds: 35 to 60 where this was measured."""

SECONDS_PER_EVENT = 1.2e-5
"""Of the reference engine: 3e-6 in a small mesh, 1.5e-5 with 20,000 requests in flight."""

REASON = "the compiled engine is not compiled yet"
NOTICE = f"meshlab: {REASON}; small runs use the reference engine meanwhile"
ONCE = "python -m meshlab.kernel compiles it, once, in about a minute"


class Meanwhile:
    """Decides for every run of this process; ``spent`` (s) is what earlier ones took, roughly.

    It goes by estimates and reads no clock, so that the same runs in the same order take the same
    engines on every machine.
    """

    def __init__(self) -> None:
        self.spent = 0.0

    def why(self, scenario: Scenario, cold: bool, cache: CodeCache) -> str:
        """Why to run this on the reference engine for now; "" if there is no reason to.

        ``cold`` says that nothing is compiled; ``cache`` is where it would be kept.
        """
        seconds = events(scenario) * SECONDS_PER_EVENT
        if not cold or self.spent + seconds > COMPILING:
            return ""
        if self.spent == 0.0:
            tell(f"{NOTICE} ({cache.trouble() or ONCE})")
        self.spent += seconds
        return REASON


MEANWHILE = Meanwhile()
"""The one of this process."""
