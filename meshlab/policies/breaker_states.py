"""The words of the circuit breaker: its states, its reasons, and the table of every move.

A breaker keeps numbers, as every record does: its state, the reason of its last move, what it had
seen. The table here says which moves there are, and turns those numbers back into words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Final


class State(IntEnum):
    """What a breaker does with the next call; a larger number lets fewer through."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Reason(IntEnum):
    """Why a breaker changed its state."""

    CONSECUTIVE_FAILURES = 0
    FAILURE_RATE = auto()
    SLOW_CALLS = auto()
    OPEN_TIME_OVER = auto()
    PROBE_FAILED = auto()
    PROBES_SUCCEEDED = auto()

    @property
    def label(self) -> str:
        """As metrics and the ledger write it: "failure_rate"."""
        return self.name.lower()


TRANSITIONS: dict[tuple[State, Reason], State] = {
    (State.CLOSED, Reason.CONSECUTIVE_FAILURES): State.OPEN,
    (State.CLOSED, Reason.FAILURE_RATE): State.OPEN,
    (State.CLOSED, Reason.SLOW_CALLS): State.OPEN,
    (State.OPEN, Reason.OPEN_TIME_OVER): State.HALF_OPEN,
    (State.HALF_OPEN, Reason.PROBE_FAILED): State.OPEN,
    (State.HALF_OPEN, Reason.PROBES_SUCCEEDED): State.CLOSED,
}
"""Every change of state there is: from where, for which reason, to where."""

EVIDENCE: dict[Reason, tuple[str, ...]] = {
    Reason.CONSECUTIVE_FAILURES: ("consecutive_failures",),
    Reason.FAILURE_RATE: ("failures", "calls"),
    Reason.SLOW_CALLS: ("slow_calls", "calls"),
    Reason.OPEN_TIME_OVER: ("open_seconds",),
    Reason.PROBE_FAILED: ("ok", "seconds"),
    Reason.PROBES_SUCCEEDED: ("trials_succeeded",),
}
"""What the numbers behind a change are called: the one seen or, where there are two, both."""

# The same as plain numbers, for what every call looks at.
CLOSED: Final = int(State.CLOSED)
HALF_OPEN: Final = int(State.HALF_OPEN)
OPEN: Final = int(State.OPEN)
CONSECUTIVE_FAILURES: Final = int(Reason.CONSECUTIVE_FAILURES)
FAILURE_RATE: Final = int(Reason.FAILURE_RATE)
SLOW_CALLS: Final = int(Reason.SLOW_CALLS)
OPEN_TIME_OVER: Final = int(Reason.OPEN_TIME_OVER)
PROBE_FAILED: Final = int(Reason.PROBE_FAILED)
PROBES_SUCCEEDED: Final = int(Reason.PROBES_SUCCEEDED)
TARGETS: Final = tuple(
    int(target) for _, target in sorted((why, to) for (_, why), to in TRANSITIONS.items())
)
"""The state that each reason leads to; none leads from two states to different ones."""

Evidence = tuple[tuple[str, float], ...]
"""Numbers with their names."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state: when (s), from where to where, why, on which numbers."""

    time: float
    source: State
    target: State
    reason: Reason
    evidence: Evidence


def transition(time: float, reason: int, *seen: float) -> Transition:
    """The change that a breaker made at ``time`` (s), from the numbers that it keeps of it."""
    why = Reason(reason)
    source = next(state for state, known in TRANSITIONS if known is why)
    evidence = tuple(zip(EVIDENCE[why], seen, strict=False))
    return Transition(time, source, TRANSITIONS[source, why], why, evidence)


def diagram() -> str:
    """The state diagram, drawn from `TRANSITIONS` in Mermaid's language (JupyterLab renders it)."""
    arrows = [
        f"    {source.name} --> {target.name}: {reason.label.replace('_', ' ')}"
        for (source, reason), target in TRANSITIONS.items()
    ]
    return "\n".join(["stateDiagram-v2", "    [*] --> CLOSED", *arrows])
