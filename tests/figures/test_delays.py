"""Delays are drawn by cause: a histogram of one plan, and bars made of parts for several."""

from __future__ import annotations

from meshlab.figures.delays import delay_histogram, delay_parts
from meshlab.mesh.discovery_delays import CAUSES, Delay


def delay(**waits: float) -> Delay:
    every = dict.fromkeys(CAUSES, 0.0) | waits
    first = 5.0 + sum(waits.values())
    return Delay(sidecar="gateway-1", registered=5.0, first=first, waits=every)


ROWS = [delay(news=1.0), delay(news=1.0, turn=0.5), delay(news=2.0, checks=3.0)]


def drawn(figure: object) -> dict[str, list[float]]:
    return {trace.name: list(trace.y) for trace in figure.data}  # type: ignore[attr-defined]


def test_a_slot_holds_the_sidecars_that_waited_so_long_by_their_main_cause() -> None:
    figure = delay_histogram(ROWS, title="Delays")
    assert list(figure.data[0].x) == ["0 to 2 s", "2 to 4 s", "4 to 6 s"]
    assert drawn(figure)["news"] == [2, 0, 0]
    assert drawn(figure)["checks"] == [0, 0, 1]


def test_every_cause_keeps_its_look_whether_or_not_it_occurs() -> None:
    some, others = delay_histogram(ROWS, title="A"), delay_histogram(ROWS[:1], title="B")
    assert [t.marker.color for t in some.data] == [t.marker.color for t in others.data]
    assert len({t.marker.color for t in some.data}) == len(CAUSES)


def test_nobody_who_waited_is_a_figure_too() -> None:
    assert all(sum(counts) == 0 for counts in drawn(delay_histogram([], title="None")).values())


def test_the_parts_of_a_bar_are_mean_waits() -> None:
    figure = delay_parts({"slow": ROWS, "quick": ROWS[:1]}, title="Plans")
    parts = {trace.name: list(trace.x) for trace in figure.data}
    assert parts["news"] == [4 / 3, 1.0]
    assert parts["checks"] == [1.0, 0.0]
    assert list(figure.data[0].y) == ["slow", "quick"]
