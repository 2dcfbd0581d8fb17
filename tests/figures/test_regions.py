"""The map: every cell in its region's colour and marker, and in words."""

from __future__ import annotations

import pytest

from meshlab.figures.regions import regions
from meshlab.figures.style import LOOK, summary_of

CELLS = {
    (100.0, 0.0): "stable",
    (100.0, 0.5): "stable",
    (200.0, 0.0): "stable",
    (200.0, 0.5): "stuck",
}
LOOKS = {"stable": "ok", "stuck": "errors"}


def figure() -> object:
    return regions(
        CELLS, title="A map", x="load", x_unit="1/s", y="cut", y_unit="%", concepts=LOOKS,
        lines={"theory": ([100, 200], [0.9, 0.3])},
    )  # fmt: skip


def test_every_cell_has_the_marker_and_the_ground_of_its_region() -> None:
    traces = figure().data  # type: ignore[attr-defined]
    markers = {t.name: t for t in traces if t.type == "scatter" and t.mode == "markers"}
    assert list(markers["stuck"].x) == [200.0] and list(markers["stuck"].y) == [0.5]
    assert {t.marker.symbol for t in markers.values()} == {LOOK["ok"].symbol, LOOK["errors"].symbol}
    grounds = [t for t in traces if t.type == "heatmap"]
    assert [sum(z is not None for row in t.z for z in row) for t in grounds] == [3, 1]


def test_lines_lie_above_the_cells_and_do_not_stretch_the_map() -> None:
    drawn = figure()
    assert drawn.data[-1].name == "theory"  # type: ignore[attr-defined]
    assert list(drawn.layout.xaxis.range) == [50.0, 250.0]  # type: ignore[attr-defined]
    assert list(drawn.layout.yaxis.range) == pytest.approx([-0.25, 0.75])  # type: ignore[attr-defined]


def test_the_words_tell_how_large_each_region_is_and_where() -> None:
    assert summary_of(figure()) == (  # type: ignore[arg-type]
        "Cut against load. stable: 3 of 4 cells, load 100 1/s to 200 1/s, cut 0 % to 50 %; "
        "stuck: 1 of 4 cells, load 200 1/s to 200 1/s, cut 50 % to 50 %."
    )
