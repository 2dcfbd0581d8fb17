"""The mesh as the sidecars saw it agrees with the truth, and knows no more than was scraped."""

from dataclasses import replace

import pytest

from meshlab.engines.run import run
from meshlab.faults import EdgeFault
from meshlab.figures.graph import flows
from meshlab.figures.seen import seen
from meshlab.mesh.result import Result
from meshlab.shop import shop

LATE = EdgeFault(source="gateway", destination="order", rate=0.5, start=20)


@pytest.fixture(scope="module")
def result() -> Result:
    return run(replace(shop(rate=20, duration=40), faults=(LATE,)), seed=1)


def test_over_a_whole_run_it_is_the_truth_about_tries(result: Result) -> None:
    truth = flows(result, tries=True)
    told = seen(result, window=1000)
    assert told.keys() == truth.keys()
    for edge, flow in truth.items():
        assert told[edge].rate * 1000 / 40 == pytest.approx(flow.rate, rel=0.01)
        assert told[edge].errors == pytest.approx(flow.errors, abs=0.002)


def test_a_window_sees_what_lies_in_it(result: Result) -> None:
    edge = ("gateway", "order")
    assert seen(result, window=15, at=20)[edge].errors < 0.15
    assert seen(result, window=15)[edge].errors > 0.4


def test_a_window_of_one_scrape_knows_nothing(result: Result) -> None:
    assert seen(result, window=5) == {}
