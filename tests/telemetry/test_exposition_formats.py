"""A scrape reads back to the numbers that were counted, in both text formats."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from meshlab.model import ConfigError
from meshlab.telemetry.exposition_formats import RecordingCollector, exposition, openmetrics
from meshlab.telemetry.names import METRICS, UP
from meshlab.telemetry.series import Exemplar, Recording, SeriesKey
from tests.record_exposition import RECORDED, a_recording, check

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read_back(families: list[Family]) -> Numbers:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def counted(recording: Recording, scrape: int) -> Numbers:
    return {
        (key.metric, frozenset(key.labels)): value
        for key, value in zip(recording.schema, recording.values[scrape], strict=True)
        if key.metric != UP.name and not math.isnan(value)
    }


@pytest.mark.parametrize("seed", range(5))
def test_both_formats_read_back_to_the_numbers_that_were_counted(seed: int) -> None:
    recording = a_recording(seed)
    for scrape, time in enumerate(recording.times):
        expected = counted(recording, scrape)
        assert read_back(list(parse_text(exposition(recording, time)))) == expected
        assert read_back(list(parse_openmetrics(openmetrics(recording, time)))) == expected


def test_every_family_is_exposed_with_its_type_help_and_unit() -> None:
    families = {f.name: f for f in parse_openmetrics(openmetrics(a_recording(), at=15.0))}
    for metric in METRICS:
        if metric is not UP:
            family = families.pop(metric.name.removesuffix("_total"))
            assert family.type == metric.kind
            assert family.documentation == metric.documentation
            assert family.unit == metric.unit
    assert not families


def test_the_exposition_is_the_recorded_one_that_promtool_had_no_complaint_about() -> None:
    assert exposition(a_recording(), at=15.0) == RECORDED.read_text(encoding="utf-8")


def test_promtool_has_no_complaint_about_the_exposition(promtool: str) -> None:
    text = exposition(a_recording(), at=15.0)
    assert check(promtool, text) == ""
    assert check(promtool, re.sub("# HELP mesh_panic .*\n", "", text))
    assert check(promtool, text + "mesh_panic{source=")


def test_a_scrape_shows_the_last_numbers_and_never_later_ones() -> None:
    recording = a_recording()
    assert exposition(recording, at=9.99) == exposition(recording, at=5.0)
    assert exposition(recording, at=10.0) != exposition(recording, at=5.0)
    with pytest.raises(ConfigError, match="'gateway-1': at must not be before the first scrape"):
        exposition(recording, at=-0.1)


def test_up_and_the_targets_own_labels_are_left_to_the_scraper() -> None:
    text = exposition(a_recording(), at=15.0)
    assert "\nup" not in text
    assert "instance=" not in text and "job=" not in text


def test_a_series_that_is_absent_is_not_exposed() -> None:
    recording = a_recording()
    recording.values[2] = np.nan
    assert exposition(recording, at=10.0) == ""
    assert openmetrics(recording, at=10.0) == "# EOF\n"


def test_an_exemplar_leads_from_the_bucket_to_a_trace() -> None:
    recording = a_recording()
    bucket = next(key for key in recording.schema if dict(key.labels).get("le") == "0.25")
    old, new, unseen = (
        Exemplar(target="gateway-1", series=bucket, trace_id=trace, value=0.2, time=time)
        for trace, time in (("aa" * 16, 3.0), ("bb" * 16, 4.5), ("cc" * 16, 5.5))
    )
    elsewhere = Exemplar(
        target="gateway-2", series=bucket, trace_id="dd" * 16, value=0.2, time=4.75
    )
    text = openmetrics(recording, at=5.0, exemplars=[new, old, unseen, elsewhere])
    shown = [
        (SeriesKey(sample.name, tuple(sample.labels.items())), sample.exemplar)
        for family in parse_openmetrics(text)
        for sample in family.samples
        if sample.exemplar
    ]
    assert len(shown) == 1
    key, exemplar = shown[0]
    assert (key.metric, set(key.labels)) == (bucket.metric, set(bucket.labels))
    assert exemplar.labels == {"trace_id": "bb" * 16}
    assert (exemplar.value, float(exemplar.timestamp)) == (0.2, 4.5)


def test_openmetrics_ends_with_eof_and_the_older_format_has_neither_that_nor_exemplars() -> None:
    recording = a_recording()
    assert openmetrics(recording, at=5.0).endswith("\n# EOF\n")
    assert "# EOF" not in exposition(recording, at=5.0)


def test_two_targets_have_registries_of_their_own() -> None:
    registries = [CollectorRegistry(), CollectorRegistry()]
    for seed, registry in enumerate(registries):
        registry.register(RecordingCollector(a_recording(seed), at=15.0))
    labels = {"source": "gateway", "destination": "auth"}
    first, second = (r.get_sample_value("mesh_retries_total", labels) for r in registries)
    assert first is not None and second is not None and first != second


def test_a_name_that_is_not_declared_is_refused() -> None:
    known = a_recording()
    wrong = (SeriesKey("mesh_retires_total", ()), *known.schema[1:])
    collector = RecordingCollector(replace(known, schema=wrong), at=5.0)
    with pytest.raises(ConfigError, match="exposition: unknown metric 'mesh_retires_total'"):
        list(collector.collect())
