"""What a reader of the collector's store sees: records as a frame, windows and summaries of them.

    CentralLog --stored()--> one row per record --windows()--> time, service, value
                                            |----summary()--> one row per service

Nothing here knows more than the store does. A window without records has a rate of zero, whether
nobody asked, nobody answered or nobody could report; its shares and times are NaN. Times are those
that the instances gave, each by its own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import pandas as pd

from meshlab.model.rules import require_known, require_positive
from meshlab.telemetry.central import CentralLog, Record

WHAT: dict[str, Callable[[Any], pd.Series]] = {
    "requests": lambda groups: groups.size(),
    "failed": lambda groups: groups["failed"].sum(),
    "failed share": lambda groups: groups["failed"].mean(),
    "mean": lambda groups: groups["seconds"].mean(),
    "p99": lambda groups: groups["seconds"].quantile(0.99),
}
"""What can be asked of a group of records. The first two are counts, the last two seconds."""

COUNTS = ("requests", "failed")


def stored(log: CentralLog) -> pd.DataFrame:
    """The records in a collector's store, in the order of storing: one row each.

    ``time`` (s) is when a request ended, ``seconds`` how long it took.
    """
    frame = pd.DataFrame(log.records, columns=list(Record._fields))
    return frame.astype({"time": float, "ok": bool, "seconds": float})


def windows(
    records: pd.DataFrame,
    what: str,
    *,
    width: float = 1.0,
    until: float = 0.0,
    by: str = "service",
) -> pd.DataFrame:
    """``what`` of `WHAT` in every window of ``width`` seconds: columns time, ``by``, value.

    ``time`` is the end of a window. Counts are per second. Windows run from 0 to ``until`` (s), and
    further on either side if a record says so: a clock may be wrong.
    """
    require_known(what, WHAT, "windows", "quantity")
    require_positive(width, "windows", "width")
    number = (records["time"] // width).astype(int)
    values = WHAT[what](_grouped(records.assign(window=number), [by, "window"]))
    first = min(number.min(), 0) if len(records) else 0
    last = max(number.max(), ceil(until / width) - 1) if len(records) else -1
    every = pd.MultiIndex.from_product(
        [sorted(records[by].unique()), range(first, last + 1)], names=[by, "window"]
    )
    values = values.reindex(every)
    if what in COUNTS:
        values = values.fillna(0) / width
    frame = values.astype(float).rename("value").reset_index()
    return frame.assign(time=(frame["window"] + 1) * width)[["time", by, "value"]]


def summary(records: pd.DataFrame, by: str = "service") -> pd.DataFrame:
    """All of `WHAT` for every value of the column ``by``; counts are those of the whole store."""
    groups = _grouped(records, [by])
    columns = {name: ask(groups) for name, ask in WHAT.items()}
    return pd.DataFrame(columns).reset_index()


def _grouped(records: pd.DataFrame, by: list[str]) -> Any:
    require_known(by[0], list(records.columns), "store", "column")
    return records.assign(failed=~records["ok"]).groupby(by)
