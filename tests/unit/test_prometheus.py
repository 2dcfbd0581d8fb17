"""Alert rules and dashboard for Prometheus and Grafana, held against a run of the incident.

promtool gets the series that the run recorded, as a scraper would have them, and evaluates the
rules over them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshlab.engines.run import run
from meshlab.incident import Parameters, incident, utc
from meshlab.mesh.result import Result
from meshlab.telemetry.exposition import FAMILY_OF
from meshlab.toll import deaths
from tests.incident_run import WEIGHT, happened

DATA = Path(__file__).parents[2] / "data" / "prometheus"
ALERTS = DATA / "alerts.yaml"
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
DASHBOARD = json.loads((DATA / "dashboard.json").read_text(encoding="utf-8"))
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
EXPRESSIONS = [*QUERIES, *(rule["expr"] for rule in RULES.values())]
SAID_BY_A_SCRAPER = ("instance", "job", "le")
FOR = 30
"""How long (s) goroutines must be too many: the rule says so, a test holds it against this."""


# ---- names


def metrics(expression: str) -> set[str]:
    """The metrics that a query names: neither labels nor functions nor words of PromQL."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(by|without|on) \([^)]*\)', " ", expression)
    words = {m[0] for m in re.finditer(r"\b[a-z_:][a-z0-9_:]*\b(?!\s*\()", bare)}
    return words - {"and", "or", "unless", "by", "on"}


def labels(expression: str) -> set[str]:
    """The labels that a query names, in matchers and in groupings."""
    grouped = ",".join(m[1] for m in re.finditer(r"\b(?:by|without|on) \(([^)]*)\)", expression))
    matched = re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expression)
    return {name.strip() for name in grouped.split(",") if name.strip()} | set(matched)


def test_a_query_is_taken_apart_into_its_names() -> None:
    query = 'sum by (le, zone) (rate(a_total{code!="200"}[5m])) > 2 and on (job) up == 1'
    assert metrics(query) == {"a_total", "up"}
    assert labels(query) == {"le", "zone", "code", "job"}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_name_in_dashboard_and_rules_is_declared(expression: str) -> None:
    named = metrics(expression)
    assert named and named <= FAMILY_OF.keys()
    declared = {label for name in named for label in FAMILY_OF[name].labels}
    assert labels(expression) <= declared | set(SAID_BY_A_SCRAPER)


def test_thresholds_are_those_of_the_shop() -> None:
    limit = Parameters().memory_bytes
    assert f"> {limit}" in RULES["MemoryFullSoon"]["expr"]
    drawn = {
        panel["title"]: panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"]
        for panel in DASHBOARD["panels"]
        if "thresholds" in panel["fieldConfig"]["defaults"]
    }
    assert drawn["Memory of each auth instance"] == limit
    threshold = drawn["Goroutines of each auth instance"]
    assert f"> {threshold}" in RULES["GoroutinesPileUp"]["expr"]


def test_panels_do_not_overlap_and_each_says_what_it_shows() -> None:
    places = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for box in [panel["gridPos"]]
        for x in range(box["x"], box["x"] + box["w"])
        for y in range(box["y"], box["y"] + box["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
    assert all(panel["title"] and panel["description"] for panel in DASHBOARD["panels"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_promtool_has_no_complaint_about_the_rules(promtool: str) -> None:
    subprocess.run([promtool, "check", "rules", str(ALERTS)], check=True, capture_output=True)


# ---- what promtool makes of a run


def series_of(result: Result, names: Iterable[str]) -> list[dict[str, str]]:
    """Recorded series in the notation of ``promtool test rules``; a failed scrape leaves a gap."""
    wanted, found = set(names), []
    for recording in result.recordings:
        for place, key in enumerate(recording.schema):
            if key.metric in wanted:
                told = {**dict(key.labels), "instance": recording.target, "job": recording.job}
                column = recording.values[:, place].tolist()
                series = key.metric + selector(told)
                found.append({"series": series, "values": notation(column)})
    return found


def selector(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def notation(values: list[float]) -> str:
    """``stale`` at the first scrape that failed, as Prometheus writes, then nothing."""
    texts, alive = [], True
    for value in values:
        missing = value != value
        texts.append(("stale" if alive else "_") if missing else f"{value:.17g}")
        alive = not missing
    return " ".join(texts)


def promtool_test(
    promtool: str, directory: Path, result: Result, **asked: list[dict[str, Any]]
) -> subprocess.CompletedProcess[str]:
    """Run ``promtool test rules`` over all that the asked queries and the rules may look at."""
    queries = [test["expr"] for test in asked.get("promql_expr_test", [])]
    rules = [rule["expr"] for rule in RULES.values()]
    names = {name for query in [*queries, *rules] for name in metrics(query)}
    test = {"interval": "5s", "input_series": series_of(result, names), **asked}
    unit = {"rule_files": [str(ALERTS)], "evaluation_interval": "5s", "tests": [test]}
    file = directory / "test.yaml"
    file.write_text(json.dumps(unit), encoding="utf-8")  # JSON is YAML, and quicker to write
    command = [promtool, "test", "rules", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def firing(name: str, *subjects: Mapping[str, str]) -> dict[str, Any]:
    """What promtool should find: the alert for exactly these subjects, worded as the rule says."""
    return {"alertname": name, "exp_alerts": [_alert(RULES[name], each) for each in subjects]}


def _alert(rule: Mapping[str, Any], subject: Mapping[str, str]) -> dict[str, Any]:
    def said(text: str) -> str:
        return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: subject[match[1]], text)

    return {
        "exp_labels": {**rule["labels"], **subject},
        "exp_annotations": {key: said(text) for key, text in rule["annotations"].items()},
    }


def goroutine_alerts(result: Result) -> dict[str, float]:
    """When the rule must fire first on each instance: from the run, without PromQL."""
    threshold = float(RULES["GoroutinesPileUp"]["expr"].split(">")[1])
    held, working = result.frame("service_goroutines"), result.frame("service_requests_in_flight")
    idle = held.assign(value=held["value"] - working["value"])
    found = {}
    for name, rows in idle.groupby("instance"):
        since: float | None = None
        for time, value in zip(rows["time"], rows["value"], strict=True):
            since = (time if since is None else since) if value > threshold else None
            if since is not None and time - since >= FOR:
                found[str(name)] = float(time)
                break
    return found


def subject(instance: str) -> dict[str, str]:
    return {"instance": instance, "job": "service", "service": "auth"}


def edge(source: str) -> dict[str, str]:
    return {"source": source, "destination": "auth"}


def test_the_goroutine_alert_fires_minutes_before_the_first_kill(
    promtool: str, tmp_path: Path
) -> None:
    result = happened()
    assert RULES["GoroutinesPileUp"]["for"] == f"{FOR}s"
    first = goroutine_alerts(result)
    fired = {"alertname": "GoroutinesPileUp", "alertstate": "firing"}
    told = {**fired, **RULES["GoroutinesPileUp"]["labels"]}
    asked = {
        "expr": f"min_over_time(timestamp(ALERTS{selector(fired)})[30m:5s])",
        "eval_time": f"{result.scenario.duration:g}s",
        "exp_samples": [
            {"labels": selector({**told, **subject(name)}), "value": time}
            for name, time in first.items()
        ],
    }
    done = promtool_test(promtool, tmp_path, result, promql_expr_test=[asked])
    assert done.returncode == 0, done.stdout + done.stderr
    death = deaths(result)[0]
    warning = death.time - first[death.subject]
    assert warning > 120.0, f"{death.subject} died at {utc(death.time)}, {warning:g} s later"


def test_each_alert_fires_in_its_turn_and_the_database_never_does(
    promtool: str, tmp_path: Path
) -> None:
    result = happened()
    one, two, three = deaths(result)
    quiet = [firing(name) for name in RULES]
    piled = [subject(n) for n, at in goroutine_alerts(result).items() if at <= one.time - 60.0]
    dead = [{"instance": e.subject, "job": "service"} for e in (one, two, three)]
    moments: dict[float, list[dict[str, Any]]] = {
        295.0: quiet,  # the rush is on, the leak has not begun
        one.time - 60.0: [
            firing("GoroutinesPileUp", *piled),
            firing("PagesFail"),
            firing("InstanceDown"),
            firing("DatabaseSlow"),
        ],
        one.time - 20.0: [firing("MemoryFullSoon", subject(one.subject)), firing("PagesFail")],
        three.time - 10.0: [
            firing("PagesFail", {}),
            firing("InstanceDown", *dead[:2]),
            firing("RetryStorm", edge("gateway")),
            firing("BreakerOpen", edge("user")),
            firing("DatabaseSlow"),
        ],
        three.time + 60.0: [
            firing("PagesFail", {}),
            firing("InstanceDown", *dead),
            firing("NoEndpointLeft", edge("gateway"), edge("user")),
            firing("GoroutinesPileUp"),  # who is dead shows nothing: act before
            firing("DatabaseSlow"),
        ],
        result.scenario.duration: quiet,
    }
    asked = [
        {"eval_time": f"{round(moment)}s", **alert}
        for moment, alerts in moments.items()
        for alert in alerts
    ]
    done = promtool_test(promtool, tmp_path, result, alert_rule_test=asked)
    assert done.returncode == 0, done.stdout + done.stderr
    fired = {a["alertname"] for a in asked if a["exp_alerts"]}
    assert RULES.keys() - fired == {"DatabaseSlow"}


def test_without_the_leak_no_alert_fires(promtool: str, tmp_path: Path) -> None:
    calm = run(replace(incident(leak=False, restart=False), weight=WEIGHT), 1)
    duration = f"{calm.scenario.duration:g}s"
    asked = {"expr": "count_over_time(ALERTS[30m])", "eval_time": duration, "exp_samples": []}
    done = promtool_test(promtool, tmp_path, calm, promql_expr_test=[asked])
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool_test(promtool, tmp_path, happened(), promql_expr_test=[asked])
    assert done.returncode == 1 and "PagesFail" in done.stdout + done.stderr


def test_every_panel_shows_something_of_the_incident(promtool: str, tmp_path: Path) -> None:
    """promtool complains of what a query gives if nothing is expected: each must be named."""
    moment = f"{round(deaths(happened())[2].time) - 10}s"
    asked = [{"expr": query, "eval_time": moment, "exp_samples": []} for query in QUERIES]
    done = promtool_test(promtool, tmp_path, happened(), promql_expr_test=asked)
    told = done.stdout + done.stderr
    assert [query for query in QUERIES if json.dumps(query) not in told] == []
