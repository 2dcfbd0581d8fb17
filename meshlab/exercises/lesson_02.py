"""The exercises of lesson 02: patience, a silent service, doubles, and what silence means."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from meshlab.engines.run import run
from meshlab.exercises import Exercise
from meshlab.exercises.answers import one_of, returned
from meshlab.faults import Outage
from meshlab.load import Load
from meshlab.mesh.result import Result
from meshlab.scenario import Scenario
from meshlab.shop import shop
from meshlab.telemetry.central import Central
from meshlab.telemetry.central_views import stored

FEW = 20
"""Lost pages below which a shop bears the outage of its collector."""

DOWN = ((20, 40),)
"""When the collector of exercise 1 is down (s)."""

MEANINGS = ("idle", "dead", "cut off")
"""Why a service may be silent in the store."""

SILENCE = (10, 20)
"""When the gateway of exercise 4 is silent (s)."""


def records_of(result: Result) -> pd.DataFrame:
    """The store of a run that has a collector."""
    assert result.central is not None
    return stored(result.central)


def z(a: float, b: float) -> float:
    """How far apart two counts are, in standard deviations of their difference."""
    return float((a - b) / (a + b) ** 0.5)


def share_z(a: pd.Series, b: pd.Series) -> float:
    """The same for the failed shares of two services: rows of `summary`."""
    p = (a["failed"] + b["failed"]) / (a["requests"] + b["requests"])
    noise = (p * (1 - p) * (1 / a["requests"] + 1 / b["requests"])) ** 0.5
    return float(abs(a["failed share"] - b["failed share"]) / noise) if noise else 0.0


def mystery_store() -> pd.DataFrame:
    """A store in which one service falls silent. Reading this function would spoil the exercise."""
    lossy = Central(partitions=(("inventory", 15, 30),))
    return records_of(run(replace(shop(rate=20, duration=45), central=lossy), seed=1))


def doubled_store() -> pd.DataFrame:
    """The store of a collector to which records are sent again, with doubles in it."""
    again = Central(delivery="at least once", loss=0.2)
    return records_of(run(replace(shop(rate=10, duration=20), central=again), seed=1))


def silent_gateways() -> dict[str, Scenario]:
    """Four shops by what goes on in `SILENCE`; the stores of the last three are silent then."""
    start, end = SILENCE
    fine = replace(shop(rate=20, duration=25), central=Central(), scrape_interval=1.0)
    curve = ((start, 20), (start + 0.001, 0), (end, 0), (end + 0.001, 20))
    return {
        "fine": fine,
        "idle": replace(fine, loads=(Load(destination="gateway", rate=curve),)),
        "dead": replace(fine, faults=(Outage(service="gateway", start=start, end=end),)),
        "blind": replace(fine, central=Central(outages=(SILENCE,))),
    }


def evidence(result: Result) -> tuple[float, float, int]:
    """What pull and push say of the gateway in `SILENCE`: up (0 or 1), answers, records."""
    inside = (SILENCE[0] + 2, SILENCE[1] - 1)
    up = result.frame("up", job="service", instance="gateway-1")
    counted = result.frame("service_requests_total", service="gateway")
    total = counted[counted["time"].between(*inside)].groupby("time")["value"].sum()
    records = records_of(result)
    mine = records["time"].between(*inside) & (records["service"] == "gateway")
    return (
        float(up[up["time"].between(*inside)]["value"].min()),
        float(total.max() - total.min()),
        int(mine.sum()),
    )


def _judge_patience(answer: object) -> str | None:
    if not isinstance(answer, Central):
        return f"a Central(...) is asked for, and this is {answer!r}"
    if not answer.waits:
        return "the shop must still wait for its collector: waits=True"
    if answer.outages != DOWN:
        return f"the outage must stay as it was: outages={DOWN}"
    pages = run(replace(shop(rate=20, duration=60), central=answer), seed=1)
    failed = pages.edges["client", "gateway"].failed
    if failed >= FEW:
        return (
            f"{failed} pages are lost. A page waits about fifteen times, and a caller gives up "
            "after one second: how long may each wait be?"
        )
    return None


def _judge_silence(answer: object) -> str | None:
    if not (isinstance(answer, tuple) and len(answer) == 2):
        return f"two words are asked for, (service, meaning), and this is {answer!r}"
    records = mystery_store()
    service, meaning = answer
    one_of(service, sorted(records["service"].unique()), "the service")
    one_of(meaning, MEANINGS, "the meaning")
    mine = records[records["service"] == service]["time"]
    if mine.between(16, 29).any():
        return f"{service} has records in every five seconds; draw windows(store, 'requests')"
    if meaning == "idle":
        return "an order asks inventory each time. Did the orders stop?"
    if meaning == "dead":
        return "an order fails when inventory is dead. Did the orders fail more than before?"
    return None


def _judge_distinct(answer: object) -> str | None:
    records = doubled_store()
    given = returned(answer, records.copy(), want="a frame")
    if not isinstance(given, pd.DataFrame) or list(given.columns) != list(records.columns):
        return f"distinct(records) must return a frame with the columns {list(records.columns)}"
    want = set(records.itertuples(index=False, name=None))
    got = list(given.itertuples(index=False, name=None))
    if set(got) - want:
        return "there are records that were not in the store"
    if len(want) > len(set(got)):
        missing = len(want) - len(set(got))
        return f"{missing} requests are gone: records that only share a part are not doubles"
    if len(got) > len(want):
        return f"{len(got) - len(want)} records are still there twice"
    return None


def _judge_verdict(answer: object) -> str | None:
    for truth, scenario in silent_gateways().items():
        up, answered, records = evidence(run(scenario, seed=1))
        said = returned(answer, up, answered, records, want="a word")
        if said != truth:
            return (
                f"for up={up:g}, answered={answered:g}, records={records} "
                f"verdict says {said!r}, and it was {truth!r}"
            )
    return None


EXERCISES = {
    "02.1": Exercise(
        f"With which Central(waits=True, outages={DOWN}, ...) are fewer than {FEW} pages lost?",
        _judge_patience,
    ),
    "02.2": Exercise(
        f"Which service falls silent, and is it {', '.join(MEANINGS[:2])} or {MEANINGS[2]}?",
        _judge_silence,
    ),
    "02.3": Exercise("Write distinct(records): the store without doubles.", _judge_distinct),
    "02.4": Exercise(
        "Write verdict(up, answered, records): 'fine', 'idle', 'dead' or 'blind'.", _judge_verdict
    ),
}
