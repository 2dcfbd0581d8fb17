"""Asks promtool, Prometheus's own tool, what its queries answer: the oracle of promql.py.

    python -m tests.record_promql promtool ...    # answers of each, into tests/data/promql.json

``promtool test rules`` evaluates PromQL without a server. Every question is put as a test that
expects nothing; the answer stands in the report of its failure. Release 2.53 is a good witness for
the closed windows of Prometheus 2, any 3.x for the left-open ones of Prometheus 3.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from meshlab.telemetry.series import is_stale

RECORDED = Path(__file__).parent / "data" / "promql.json"
TICK = 0.1  # s: samples fall on this grid
TICKS = 1200

Samples = dict[str, float]  # by tick; JSON knows only texts as keys
Answer = dict[str, float]  # by the labels as Prometheus prints them


def counters(seed: int, count: int) -> dict[str, Samples]:
    """Random counters, by series: scrapes that drift or fail, restarts, late births, early ends."""
    return {f'c{{i="{i}"}}': _counter(np.random.default_rng([seed, i])) for i in range(count)}


def histograms(seed: int, count: int) -> dict[str, Samples]:
    """Bucket counters of ``count`` instances, scraped alike within one, restarting together."""
    series: dict[str, Samples] = {}
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        bounds = ["0.1", "0.25", "1", "2.5", "+Inf"]
        shares = np.sort(rng.random(len(bounds)))
        for bound, samples in zip(bounds, _buckets(rng, shares), strict=True):
            series[f'h_bucket{{i="{i}",group="{i % 3}",le="{bound}"}}'] = samples
    return series


def odd_histograms(seed: int, count: int) -> dict[str, Samples]:
    """Buckets that should not be: falling counts, no +Inf, one bucket only, bounds below zero."""
    series: dict[str, Samples] = {}
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        bounds = rng.choice([-1.0, 0.0, 0.1, 0.5, 1.0, 5.0], rng.integers(1, 6), replace=False)
        texts = [f"{bound:g}" for bound in bounds] + ["+Inf"] * int(rng.random() < 0.8)
        for text in texts:
            value = float(rng.integers(0, 20)) * float(rng.random() < 0.8)
            series[f'o_bucket{{i="{i}",le="{text}"}}'] = {"0": value, "50": value}
    return series


def _ticks(rng: np.random.Generator) -> np.ndarray:
    """When a target is scraped: every 5 s sharp, or every 1 to 15 s drifting; some scrapes fail."""
    sharp = rng.random() < 0.4
    step = 50 if sharp else int(rng.integers(10, 151))
    drift = 0 if sharp else int(rng.integers(0, 1 + step // 5))
    ticks = np.arange(0 if sharp else rng.integers(0, step), TICKS, step)
    ticks = np.unique(ticks + rng.integers(-drift, drift + 1, len(ticks)))
    failed = np.convolve(rng.random(len(ticks)) < 0.08, np.ones(3, int), mode="same") > 0
    alive = (ticks >= rng.choice([0, 0, 400])) & (ticks < rng.choice([TICKS, TICKS, 900]))
    return ticks[alive & ~(failed & (rng.random(len(ticks)) < 0.8)) & (ticks >= 0)]


def _counter(rng: np.random.Generator) -> Samples:
    ticks = _ticks(rng)
    fraction = rng.choice([1.0, 0.125])
    total = float(rng.choice([0, 3, 1000])) * fraction
    samples: Samples = {}
    for tick in ticks:
        total = 0.0 if rng.random() < 0.1 else total
        total += float(rng.choice([0, 0, *range(20)])) * fraction
        samples[str(tick)] = float(total)
    return samples


def _buckets(rng: np.random.Generator, shares: np.ndarray) -> list[Samples]:
    out: list[Samples] = [{} for _ in shares]
    total = 0
    for tick in _ticks(rng):
        total = (0 if rng.random() < 0.05 else total) + int(rng.integers(0, 200))
        for samples, share in zip(out, shares, strict=True):
            samples[str(tick)] = float(round(total * share))
    return out


def version(promtool: str) -> tuple[int, int]:
    """The release of a promtool, (3, 5) say."""
    done = subprocess.run([promtool, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout + done.stderr)
    assert found, f"no version in {done.stdout!r}"
    return int(found[1]), int(found[2])


def ask(
    promtool: str, series: dict[str, Samples], questions: Sequence[tuple[str, float]]
) -> list[Answer]:
    """The answers to (expression, time in s), in one call of promtool."""
    rules = {
        "interval": f"{TICK * 1000:.0f}ms",
        "input_series": [{"series": s, "values": _notation(v)} for s, v in series.items()],
        "promql_expr_test": [
            {"expr": expr, "eval_time": f"{time * 1000:.0f}ms", "exp_samples": []}
            for expr, time in questions
        ],
    }
    # promtool loads samples up to its last evaluation only, by default a whole minute.
    tests = {"evaluation_interval": rules["interval"], "tests": [rules]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rules.json")
        file.write_text(json.dumps(tests))
        command = [promtool, "test", "rules", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    report = done.stdout + done.stderr
    answers = {
        (expr, _seconds(time)): _samples(got)
        for expr, time, got in re.findall(
            r'expr: (".*"), time: (\S+),\s+exp: ?nil\s+got: ?(.*)', report
        )
    }
    assert answers or done.returncode == 0, report[:2000]
    return [answers.get((json.dumps(expr), round(time * 1000)), {}) for expr, time in questions]


def _notation(samples: Samples) -> str:
    """promtool's notation for values on a grid: ``_x4`` is four times nothing."""
    out, following = [], 0
    for text, value in samples.items():
        tick = int(text)
        word = "stale" if is_stale(value) else repr(value)
        out += [f"_x{tick - following}"] * (tick > following) + [word]
        following = tick + 1
    return " ".join(out) or "_"


def _seconds(duration: str) -> int:
    """Milliseconds of a duration like ``1m2s500ms``."""
    units = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
    return sum(int(n) * units[u] for n, u in re.findall(r"(\d+)(ms|h|m|s)", duration))


def _samples(got: str) -> Answer:
    found = re.findall(r"(\{[^}]*\}) (\S+?)(?:, |$)", got)
    return {labels: float(value.replace("Inf", "inf")) for labels, value in found}


def counter_questions(times: Sequence[float]) -> list[tuple[str, float]]:
    """rate, increase and irate over short and long windows."""
    return [
        (f"{function}(c[{window}s])", time)
        for function in ("rate", "increase", "irate")
        for window in (5, 20, 60)
        for time in times
    ]


def quantile_questions(times: Sequence[float]) -> list[tuple[str, float]]:
    """Quantiles as a dashboard asks for them, and of the odd buckets."""
    asked = [
        (f"histogram_quantile({q}, sum by (group, le) (rate(h_bucket[30s])))", time)
        for q in (0.5, 0.9, 0.99, 1)
        for time in times
    ]
    return asked + [(f"histogram_quantile({q}, o_bucket)", 5.0) for q in (-1, 0, 0.3, 0.9, 1, 2)]


def main(promtools: Sequence[str]) -> None:
    """Ask each promtool the same questions and write down what they answer."""
    series = counters(1, 30) | histograms(2, 6) | odd_histograms(3, 30)
    times = [20.0, 47.3, 65.0, 99.9, 119.0]
    questions = counter_questions(times) + quantile_questions(times[1:])
    answers = {"{}.{}".format(*version(p)): ask(p, series, questions) for p in promtools}
    recorded = {"series": series, "questions": questions, "answers": answers}
    lines = json.dumps(recorded, separators=(",", ":")).replace("},{", "},\n{")
    RECORDED.write_text(lines.replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
