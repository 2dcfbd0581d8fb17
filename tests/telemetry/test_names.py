"""The declared metrics keep the naming rules of Prometheus, and say what other meshes call them."""

import dataclasses
import math

import pytest

from meshlab.telemetry.names import DURATION_BUCKETS, METRICS, UP, Metric

by_name = pytest.mark.parametrize("metric", METRICS, ids=str)


def test_no_sample_name_stands_for_two_metrics() -> None:
    samples = [sample for metric in METRICS for sample in metric.samples]
    assert len(set(samples)) == len(samples) > len(METRICS)


@by_name
def test_counters_and_only_counters_end_in_total(metric: Metric) -> None:
    assert metric.name.endswith("_total") == (metric.kind == "counter")


@by_name
def test_a_unit_is_a_base_unit_and_ends_the_name(metric: Metric) -> None:
    assert metric.unit in ("", "seconds", "bytes")
    assert metric.name.endswith(metric.unit)
    assert metric.unit or not metric.name.endswith(("_seconds", "_bytes"))


@by_name
def test_help_is_one_sentence_and_is_exposed_with_the_counterparts(metric: Metric) -> None:
    assert metric.help.endswith(".") and "\n" not in metric.help
    for counterpart in (metric.help, metric.envoy or "Envoy: none", metric.istio or "Istio: none"):
        assert counterpart in metric.documentation


@by_name
def test_labels_name_edges_or_services_and_never_a_single_request(metric: Metric) -> None:
    family = metric.name.split("_")[0]
    first = {"mesh": ("source", "destination"), "service": ("service",), "up": ("job",)}[family]
    assert metric.labels[: len(first)] == first
    assert set(metric.labels[len(first) :]) <= {
        "code",
        "flag",
        "endpoint",
        "reason",
        "route",
        "code_class",
    }


def test_instance_is_the_scrapers_label_and_declared_by_no_metric() -> None:
    assert all("instance" not in metric.labels for metric in METRICS)


def test_duration_buckets_rise_and_leave_infinity_to_the_histogram() -> None:
    assert list(DURATION_BUCKETS) == sorted(set(DURATION_BUCKETS))
    assert all(math.isfinite(bound) and bound > 0 for bound in DURATION_BUCKETS)


def test_a_metric_cannot_be_changed_and_reads_as_its_name() -> None:
    assert f"{UP}" == "up"
    with pytest.raises(dataclasses.FrozenInstanceError):
        UP.name = "down"  # type: ignore[misc]
