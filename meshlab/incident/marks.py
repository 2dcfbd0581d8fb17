"""What is read off a run of the incident: the marks of the post-mortem, where they emerged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meshlab.result import Result
from meshlab.telemetry.ledger import Entry

PAGE_OK = "200"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Times in seconds of virtual time, None where it did not happen.

    ``kills`` are the deaths of auth instances out of memory: (time, instance, goroutines).
    ``at_rest`` is the most goroutines that an auth instance had before the leak. ``peak`` is the
    most tries that reached live auth instances in a second, at ``peak_at``. ``dark`` is the first
    span in which nobody was authenticated, ``back`` when logins came again, ``restored`` when the
    shop was whole. ``failed`` counts users' pages that failed, ``bad_minutes`` the time in which
    more than 1 % of them did.
    """

    kills: tuple[tuple[float, str, float], ...]
    at_rest: float
    peak: float
    peak_at: float
    dark: tuple[float, float] | None
    back: float | None
    restored: float | None
    failed: float
    bad_minutes: float


def kills(result: Result) -> list[Entry]:
    """Auth instances that ran out of memory, in the order of time."""
    return [e for e in result.ledger if e.event == "killed" and e.reason == "out of memory"]


def marks(result: Result) -> Marks:
    """Every mark of one run."""
    deaths = kills(result)
    times, ok, failed = pages(result)
    authenticated = _rate(result, "mesh_requests_total", destination="auth", code=PAGE_OK)
    storm = arrivals_at_live_auth(result)
    dark = _first_dark(times, authenticated, deaths[0].time if deaths else None)
    bad = failed > 0.01 * np.maximum(ok + failed, 1.0)
    after = dark[1] if dark else None
    restored = None
    if bad.any():
        last = int(np.flatnonzero(bad)[-1])
        restored = float(times[last]) if last + 1 < len(times) else None
    steps = np.diff(times, prepend=0.0)
    return Marks(
        kills=tuple((e.time, e.subject, dict(e.evidence)["goroutines"]) for e in deaths),
        at_rest=_goroutines_at_rest(result),
        peak=float(np.nanmax(storm)),
        peak_at=float(times[int(np.nanargmax(storm))]),
        dark=dark,
        back=after,
        restored=restored,
        failed=float((failed * steps).sum()),
        bad_minutes=float((bad * steps).sum() / 60.0),
    )


def pages(result: Result) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times (s), and the pages per second that were answered well or failed until each."""
    frame = result.frame("mesh_requests_total", source="client")
    times = np.sort(frame["time"].unique())
    good = frame[frame["code"] == PAGE_OK].groupby("time")["value"].sum().to_numpy()
    every = frame.groupby("time")["value"].sum().to_numpy()
    seconds = np.diff(times)
    ok = np.diff(good) / seconds
    return times[1:], ok, np.diff(every) / seconds - ok


def _rate(result: Result, metric: str, **matchers: str) -> np.ndarray:
    """All series of a metric together, per second, between the scrapes."""
    frame = result.frame(metric, **matchers)
    total = frame.groupby("time")["value"].sum()
    return np.diff(total.to_numpy()) / np.diff(total.index.to_numpy())


def arrivals_at_live_auth(result: Result) -> np.ndarray:
    """Tries per second that reached auth instances which lived at both scrapes around them."""
    up = result.frame("up", job="service")
    tries = result.frame("mesh_attempts_total", destination="auth")
    total: np.ndarray | float = 0.0
    for name in result.scenario.service("auth").instance_names():
        lives = up[up["instance"] == name]["value"].to_numpy() == 1.0
        sent = tries[tries["endpoint"] == name].groupby("time")["value"].sum()
        rate = np.diff(sent.to_numpy()) / np.diff(sent.index.to_numpy())
        total = total + np.where(lives[1:] & lives[:-1], rate, 0.0)
    return np.asarray(total)


def _first_dark(
    times: np.ndarray, authenticated: np.ndarray, after: float | None
) -> tuple[float, float] | None:
    """From when on nobody was authenticated, and until when; after the first death."""
    if after is None:
        return None
    none = (authenticated == 0.0) & (times > after)
    if not none.any():
        return None
    first = int(np.argmax(none))
    again = np.flatnonzero(~none[first:])
    end = times[first + int(again[0]) - 1] if len(again) else times[-1]
    return float(times[first - 1]), float(end)


def _goroutines_at_rest(result: Result) -> float:
    frame = result.frame("service_goroutines", service="auth")
    return float(frame[frame["time"] < 180.0]["value"].max())
