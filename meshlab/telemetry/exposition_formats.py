"""What a target answers when it is scraped: plain numbers in Prometheus's and OpenMetrics' text.

    plain numbers --Collector, at the scrape--> CollectorRegistry --> text --> any Prometheus

The hot path knows nothing of this: a collector reads its numbers when somebody asks. Every target
has a registry of its own. ``up`` and the labels ``job`` and ``instance`` do not appear in the text,
because the scraper writes them.

Formats: https://prometheus.io/docs/instrumenting/exposition_formats (text, version 0.0.4) and
https://github.com/prometheus/OpenMetrics (1.0), which adds units, exemplars and a closing line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics_format
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as BucketExemplar

from meshlab.model.rules import check, require_known
from meshlab.telemetry.names import METRICS, UP, Metric
from meshlab.telemetry.series import Exemplar, Recording, SeriesKey

FAMILY_OF = {sample: metric for metric in METRICS for sample in metric.samples}
"""The declared metric to which each sample name belongs."""


def exposition(recording: Recording, at: float) -> str:
    """The text that the target answered to its last scrape at or before ``at`` (s)."""
    return generate_latest(_registry(RecordingCollector(recording, at))).decode()


def openmetrics(recording: Recording, at: float, exemplars: Iterable[Exemplar] = ()) -> str:
    """The same scrape as OpenMetrics: with units, and trace ids beside the buckets.

    Of ``exemplars`` each bucket of this target shows the newest that it had at that scrape.
    """
    registry = _registry(RecordingCollector(recording, at, exemplars))
    text: bytes = openmetrics_format.generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


class RecordingCollector(Collector):
    """Shows one scrape of a recording to prometheus_client: the last at or before ``at`` (s)."""

    def __init__(self, recording: Recording, at: float, exemplars: Iterable[Exemplar] = ()) -> None:
        scrape = int(np.searchsorted(recording.times, at, side="right")) - 1
        where = f"recording of '{recording.target}'"
        check(scrape >= 0, where, "at must not be before the first scrape", at)
        self.schema = recording.schema
        self.values = recording.values[scrape].tolist()
        seen = (e for e in exemplars if e.target == recording.target)
        self.exemplars = _newest(seen, recording.times[scrape])

    def collect(self) -> Iterator[Family]:
        """Metric families in the order of their declaration; a value that is NaN is left out."""
        by_metric: dict[Metric, Family] = {}
        for key, value in zip(self.schema, self.values, strict=True):
            require_known(key.metric, FAMILY_OF, "exposition", "metric")
            metric = FAMILY_OF[key.metric]
            if metric is UP or math.isnan(value):
                continue
            family = by_metric.setdefault(metric, _family(metric))
            exemplar = self.exemplars.get(key)
            family.add_sample(key.metric, dict(key.labels), value, exemplar=exemplar)
        yield from (by_metric[metric] for metric in METRICS if metric in by_metric)


def _family(metric: Metric) -> Family:
    """An empty family; prometheus_client adds the ``_total`` of a counter itself."""
    name = metric.name.removesuffix("_total")
    return Family(name, metric.documentation, metric.kind, metric.unit)


def _newest(exemplars: Iterable[Exemplar], at: float) -> dict[SeriesKey, BucketExemplar]:
    """The newest exemplar of every bucket that was there at ``at`` (s)."""
    past = sorted((e for e in exemplars if e.time <= at), key=lambda e: e.time)
    return {e.series: BucketExemplar({"trace_id": e.trace_id}, e.value, e.time) for e in past}


def _registry(collector: Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry
