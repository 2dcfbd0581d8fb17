"""Strips show every run of every world, and tell in words what is apart."""

from meshlab.figures.strips import strips, two_boards
from meshlab.figures.style import summary_of

PANELS = {
    "requests": {
        "world A": {"auth": [40.0, 42.0], "user": [20.0, 21.0]},
        "world B": {"auth": [41.0, 43.0], "user": [30.0, 31.0]},
    },
    "errors": {
        "world A": {"auth": [0.02, 0.03], "user": [0.0, 0.01]},
        "world B": {"auth": [0.03, 0.04], "user": [0.0, 0.0]},
    },
}


def test_every_run_is_a_dot_in_the_panel_of_its_quantity() -> None:
    figure = strips(PANELS, title="Two worlds")
    assert [list(trace.x) for trace in figure.data] == [
        [40, 42, 20, 21],
        [41, 43, 30, 31],
        [0.02, 0.03, 0.0, 0.01],
        [0.03, 0.04, 0.0, 0.0],
    ]


def test_worlds_have_lanes_of_their_own_within_the_row_of_a_category() -> None:
    one, other = strips(PANELS, title="Two worlds").data[:2]
    assert [round(y) for y in one.y] == [round(y) for y in other.y] == [0, 0, 1, 1]
    assert not set(one.y) & set(other.y)


def test_the_legend_names_each_world_once() -> None:
    figure = strips(PANELS, title="Two worlds")
    assert [t.name for t in figure.data if t.showlegend] == ["world A", "world B"]


def test_the_axes_carry_quantity_and_unit() -> None:
    figure = strips(PANELS, title="Two worlds", units={"requests": "1/s", "errors": "%"})
    assert figure.layout.xaxis.title.text == "requests (1/s)"
    assert figure.layout.xaxis2.title.text == "errors (%)"
    assert list(figure.layout.yaxis.ticktext) == ["auth", "user"]


def test_the_summary_tells_the_rows_in_which_the_worlds_share_nothing() -> None:
    said = summary_of(strips(PANELS, title="Two worlds", units={"requests": "1/s"}))
    assert "In 3 of 4 rows they overlap." in said
    assert "requests of user: world A 20 to 21 1/s, world B 30 to 31 1/s." in said
    assert "auth" not in said


def test_the_summary_tells_only_the_rows_that_are_furthest_apart() -> None:
    names = [f"service-{i}" for i in range(9)]
    runs = {
        "calm": {name: [0.0, 10.0] for name in names},
        "today": {name: [11.0 + i] for i, name in enumerate(names)},
    }
    said = summary_of(strips({"requests": runs}, title="Today"))
    assert "In 0 of 9 rows they overlap. Furthest apart: requests of service-8:" in said
    assert "today 19." in said
    assert "service-4" in said
    assert "service-3" not in said


def test_a_number_that_is_missing_is_drawn_nowhere_and_told_nowhere() -> None:
    runs = {"calm": {"auth": [0.0, 0.1]}, "today": {"auth": [float("nan")]}}
    said = summary_of(strips({"errors": runs}, title="Today"))
    assert said == "Every dot is one run: calm, today. In 1 of 1 rows they overlap."


def test_two_boards_are_the_same_strips_collected_world_by_world() -> None:
    boards = {world: {what: PANELS[what][world] for what in PANELS} for world in PANELS["errors"]}
    units = {"requests": "1/s", "errors": "%"}
    looks = {"world A": "before", "world B": "after"}
    beside = two_boards(boards, title="Two worlds", units=units)
    assert beside == strips(PANELS, title="Two worlds", units=units, concepts=looks)
