"""What compiled code depends on is in its fingerprint, and it is compiled once."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from meshlab.compiled import jit
from meshlab.compiled.loop import advance

from meshlab.engines.run import run
from meshlab.faults import Errors, Outage
from meshlab.shop import shop

PACKAGE = Path(jit.__file__).parent


def taken(module: str) -> set[tuple[str, str]]:
    """What a module of the compiled engine imports from meshlab: (module, name)."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    return {
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("meshlab")
        for alias in node.names
    }


@pytest.mark.parametrize("module", [name for name in jit.RULES if name != "jit"])
def test_every_source_and_constant_of_a_rule_is_in_the_fingerprint(module: str) -> None:
    constants = taken("jit")
    for source, name in taken(module):
        if source == "meshlab.compiled":
            assert name in jit.RULES
        elif source.startswith("meshlab.compiled."):
            assert source.removeprefix("meshlab.compiled.") in jit.RULES
        else:
            assert (source, name) in constants


def test_a_run_compiles_its_rules_once_whatever_happens_in_it() -> None:
    """An enum or a whole number as an argument would make numba compile everything again."""
    faults = (
        Outage(service="auth", instance="auth-1", start=1, end=3),
        Errors(service="user", rate=0.5, start=1, end=4),
    )
    run(replace(shop(rate=5.0, duration=6.0), faults=faults), engine="compiled")
    rule: Any = advance
    assert len(rule.signatures) == 1
