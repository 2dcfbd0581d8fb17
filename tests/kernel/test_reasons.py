"""Why a class of a reader's own can't be compiled, in one line."""

from __future__ import annotations

from typing import Any

from meshlab.kernel.reasons import reason_of

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
