"""Curves: drawn in the order of their points, and told in words."""

from meshlab.figures.curves import curves
from meshlab.figures.style import summary_of

LOOP = {"rising": ([50, 150, 300], [50, 150, 290]), "falling": ([300, 150, 50], [0, 0, 50])}


def test_a_line_is_drawn_in_the_order_of_its_points_and_may_turn_back() -> None:
    rising, falling = curves(LOOP, title="A loop", x="load", y="answers").data
    assert list(rising.x) == [50.0, 150.0, 300.0]
    assert list(falling.x) == [300.0, 150.0, 50.0]
    assert rising.line.dash != falling.line.dash or rising.marker.symbol != falling.marker.symbol


def test_the_summary_says_where_each_line_begins_ends_and_turns() -> None:
    figure = curves(LOOP, title="A loop", x="load", x_unit="1/s", y="answers", unit="1/s")
    assert summary_of(figure) == (
        "Answers against load. rising: from 50 1/s at 50 1/s to 290 1/s at 300 1/s, "
        "highest 290 1/s at 300 1/s, lowest 50 1/s at 50 1/s; falling: from 0 1/s at 300 1/s "
        "to 50 1/s at 50 1/s, highest 50 1/s at 50 1/s, lowest 0 1/s at 300 1/s."
    )


def test_an_empty_line_has_no_point_and_breaks_nothing() -> None:
    assert "no point" in summary_of(
        curves({"none": ([], [])}, title="Empty", x="load", y="answers")
    )


def test_both_axes_have_their_units() -> None:
    layout = curves(LOOP, title="A loop", x="load", x_unit="1/s", y="answers", unit="%").layout
    assert layout.xaxis.title.text == "load (1/s)"
    assert layout.yaxis.title.text == "answers (%)"
