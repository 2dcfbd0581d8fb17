"""Sparks: rows on their own scales, with what is normal."""

from math import nan

from meshlab.figures.sparks import Spark, sparks


def test_sparks_have_a_row_each_with_its_newest_value_and_its_greatest() -> None:
    rows = {
        "queries": Spark([0.0, 5.0], [30.0, 0.0], "per s", (29.0, 31.0)),
        "time": Spark([0.0, 5.0], [2.5, nan], "ms", (2.4, 2.6)),
        "none yet": Spark([], [], "", (nan, nan)),
    }
    figure = sparks(rows, title="two", ticks={0.0: "14:20", 5.0: "14:25"}, summary="said")
    told = {note.text for note in figure.layout.annotations}
    assert told >= {*rows, "0 per s<br>most 30", "no value<br>most 2.5", "not scraped yet"}
    assert len(figure.data) == 3
    assert len(figure.layout.shapes) == 2  # a band of what is normal, where that is known
    assert figure.layout.meta["summary"] == "said"
