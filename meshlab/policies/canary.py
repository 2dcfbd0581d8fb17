r"""Is the new version worse? A test that may be looked at all the time.

    log ratio
      log(1/alpha) - - - - - - - - - - - - - - -   worse: roll back
                               ___/
                  0  __    ___/       each failure moves it: a long step up if it is
                       \__/           the canary's, a short one down if another's
      log(beta)    - - - - - - - - - - - - - - -   no worse: go on

The canary takes a random share ``weight`` of the requests. If it is as good as the rest, each
failure is the canary's with just this chance; if it fails ``ratio`` times as often, with a larger
one. The likelihood ratio of the two is Wald's sequential test (1945). While the canary is no worse
the ratio is a martingale, so that it ever reaches 1/alpha with a chance of alpha at most, however
often one looks (Ville's inequality, 1939).

Only failures count, and only whose they are. When a database behind both versions breaks, both
fail more, the shares stay, and the test keeps still.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import log

from meshlab.normalized import normalized
from meshlab.rules import check, require_at_least, require_count


class Verdict(Enum):
    """What the test says now. The first verdict that is not "open" stands."""

    OPEN = "open"
    WORSE = "worse"
    NO_WORSE = "no worse"


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class CanaryTest:
    """A test for a canary with a share ``weight`` of the requests.

    ``ratio`` is how many times as often as the rest a version fails that is to be found. ``alpha``
    bounds the chance that a canary which is no worse is rolled back; ``beta`` the chance that one
    which is ``ratio`` times as bad, or worse, passes.
    """

    weight: float
    ratio: float = 3.0
    alpha: float = 0.05
    beta: float = 0.05

    def __post_init__(self) -> None:
        for name in ("weight", "alpha", "beta"):
            value = getattr(self, name)
            require_at_least(value, 0, "canary test", name)
            check(0 < value < 1, "canary test", f"{name} must be between 0 and 1", value)
        require_at_least(self.ratio, 1, "canary test", "ratio")
        check(self.ratio > 1, "canary test", "ratio must be above 1", self.ratio)

    @property
    def share(self) -> float:
        """The canary's share of all failures if it fails ``ratio`` times as often."""
        return self.weight * self.ratio / (self.weight * self.ratio + 1 - self.weight)

    @property
    def steps(self) -> tuple[float, float]:
        """How far a failure of the canary moves the log ratio, and one of the others."""
        return log(self.share / self.weight), log((1 - self.share) / (1 - self.weight))

    @property
    def bounds(self) -> tuple[float, float]:
        """The log ratios at which the verdict is "no worse" and "worse"."""
        return log(self.beta), log(1 / self.alpha)

    def failures_needed(self) -> float:
        """About how many failures, of anybody, until a canary that bad is found (Wald)."""
        up, down = self.steps
        return self.bounds[1] / (self.share * up + (1 - self.share) * down)


class CanaryWatch:
    """One canary under the test: tell it of failures as they come, and ask for the verdict."""

    def __init__(self, test: CanaryTest) -> None:
        self._test = test
        self.log_ratio = 0.0
        self.verdict = Verdict.OPEN

    def failed(self, canary: int, others: int) -> Verdict:
        """So many requests have failed since the last look."""
        require_count(canary, 0, "canary watch", "canary")
        require_count(others, 0, "canary watch", "others")
        if self.verdict is Verdict.OPEN:
            up, down = self._test.steps
            low, high = self._test.bounds
            self.log_ratio += canary * up + others * down
            if self.log_ratio >= high:
                self.verdict = Verdict.WORSE
            elif self.log_ratio <= low:
                self.verdict = Verdict.NO_WORSE
        return self.verdict
