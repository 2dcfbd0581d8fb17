"""Writes what a target with every metric exposes, once promtool found nothing to complain about.

python -m tests.record_exposition promtool ...    # into tests/data/exposition.txt
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from meshlab.telemetry.exposition_formats import exposition
from meshlab.telemetry.names import DURATION_BUCKETS, METRICS, Metric
from meshlab.telemetry.series import Recording, SeriesKey

RECORDED = Path(__file__).parent / "data" / "exposition.txt"
LE = [*map(str, DURATION_BUCKETS), "+Inf"]


def keys_of(metric: Metric, labels: dict[str, str]) -> list[SeriesKey]:
    """Every series of one metric for one set of label values."""
    plain = tuple((name, labels.get(name, name)) for name in metric.labels)
    if metric.kind != "histogram":
        return [SeriesKey(metric.name, plain)]
    buckets = [SeriesKey(f"{metric.name}_bucket", (*plain, ("le", le))) for le in LE]
    return buckets + [SeriesKey(f"{metric.name}_{part}", plain) for part in ("sum", "count")]


def a_recording(seed: int = 7, scrapes: int = 4, interval: float = 5.0) -> Recording:
    """Random numbers for every declared metric, for calls to two destinations."""
    rng = np.random.default_rng(seed)
    columns: dict[SeriesKey, np.ndarray] = {}
    for metric in METRICS:
        for destination in ("auth", "user"):
            keys = keys_of(metric, {"source": "gateway", "destination": destination})
            grows = rng.integers(0, 50, (scrapes, len(keys))).cumsum(axis=0)
            if metric.kind == "histogram":
                buckets = grows[:, : len(LE)].cumsum(axis=1)
                grows = np.column_stack([buckets, grows.sum(axis=1) / 8, buckets[:, -1]])
            columns |= dict(zip(keys, grows.T.astype(float), strict=True))
    return Recording(
        target="gateway-1",
        job="sidecar",
        schema=tuple(columns),
        times=np.arange(scrapes) * interval,
        values=np.column_stack(list(columns.values())),
    )


def check(promtool: str, text: str) -> str:
    """What ``promtool check metrics`` has to say about an exposition; empty if nothing."""
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True
    )
    return (done.stdout + done.stderr).strip() or f"exit code {done.returncode}" * done.returncode


def main(promtools: Sequence[str]) -> None:
    """Check the exposition with each promtool, then write it down."""
    text = exposition(a_recording(), at=15.0)
    complaints = [complaint for promtool in promtools if (complaint := check(promtool, text))]
    if complaints or not promtools:
        sys.exit("\n".join(complaints) or __doc__)
    RECORDED.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
