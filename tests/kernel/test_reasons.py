"""Why a class of a reader's own can't be compiled, in one line."""

from __future__ import annotations

from typing import Any

import pytest

from meshlab.kernel import entries, layout
from meshlab.kernel.reasons import reason_of
from tests.kernel.parts import Item

CELL = """
class Mine:
    def pick(self):
        return {}
"""

NUMBA = """Failed in nopython mode pipeline (step: nopython frontend)
Unsupported dict

File "../cells/ipykernel_7/42.py", line 4:
    def pick(self):
        return {}
        ^
"""


def test_a_class_that_was_defined_in_a_notebook_has_its_line_in_the_reason() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(CELL, "/cells/ipykernel_7/42.py", "exec"), names)
    reason = reason_of(TypeError(NUMBA), names["Mine"])
    assert reason == "Mine: Unsupported dict (line 4: return {})"


def test_there_are_no_more_classes_behind_interfaces_than_the_table_has_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layout, "KIND_NUMBERS", {str(n): n for n in range(1, layout.MOST_KINDS)})
    assert layout.kind_number("1") == 1
    with pytest.raises(TypeError, match="at most 63 classes may implement interfaces"):
        layout.kind_number("one more")


def test_there_are_no_more_entries_than_a_plan_has_numbers_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entries, "MOST_ENTRIES", entries.FIRST)
    monkeypatch.setattr(entries, "ENTRIES", {})
    with pytest.raises(TypeError, match="at most 0 methods may be entries"):
        entries.collect([Item.__name__])
