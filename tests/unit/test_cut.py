"""What a lesson in the browser is cut down to: the cells that its panel needs, and no others."""

from tests.browser.cut import needed


def test_a_cell_that_binds_what_a_later_one_reads_is_kept() -> None:
    assert needed(["a = 1", "b = 2"], "a") == ["a = 1", "a"]


def test_what_a_kept_cell_reads_in_turn_is_kept() -> None:
    cells = ["import m", "def f():\n    return m.g(x)", "x = 1", "y = f()"]  # x after f
    assert needed(cells, "print(y)") == [*cells, "print(y)"]


def test_of_two_cells_that_bind_a_name_only_the_later_is_kept() -> None:
    assert needed(["a = 1", "a = 2"], "a") == ["a = 2", "a"]
    assert needed(["a = 1", "a += 2"], "a") == ["a = 1", "a += 2", "a"]


def test_a_cell_that_changes_what_a_later_one_reads_is_kept() -> None:
    changes = ["d['k'] = 1", "d.k.l = 1", "d.update(k=1)"]
    assert needed(["d = {}", *changes, "e = d"], "d") == ["d = {}", *changes, "d"]


def test_a_name_of_a_function_alone_is_not_the_notebooks() -> None:
    assert needed(["a = 1"], "def f(a):\n    return a") == ["def f(a):\n    return a"]
