"""Text from anywhere is shown as it is: what becomes of it, and that every figure asks for it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

import meshlab
from meshlab.figures.page import drawn
from meshlab.literal import literal
from tests.hostile import BROKEN, HOSTILE, drawings

OWN = re.compile(r"<br>|</?b>|<extra></extra>|%\{(?:text|x:\.1f|base:\.1f)\}")
"""What meshlab's figures write on purpose."""

SIGN = re.compile(r'[<"\\`*|$~\[\]]|%\{|&(?!#\d+;)')
PACKAGE = Path(meshlab.__file__).parent


@given(st.text())
def test_what_is_written_reads_as_what_was_meant(text: str) -> None:
    assert unescape(literal(text)) == " ".join(text.splitlines())


@given(st.text())
def test_no_sign_of_markdown_html_or_plotly_is_left(text: str) -> None:
    assert not SIGN.search(literal(text))


@pytest.mark.parametrize("text", ["auth", "gateway->auth", "mesh_calls_total, 5 %", "it's 14:20"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert literal(text) == text


def test_a_text_stays_in_its_line() -> None:
    assert literal(BROKEN) == "two lines or three"


@pytest.mark.parametrize(("kind", "figure"), drawings().items())
def test_a_figure_takes_no_name_for_a_sign(kind: str, figure: go.Figure) -> None:
    found = [text for text in texts(json.loads(figure.to_json())) if SIGN.search(OWN.sub("", text))]
    assert found == []


@pytest.mark.parametrize("name", HOSTILE)
def test_every_name_is_still_drawn_in_some_figure(name: str) -> None:
    written = {
        text for figure in drawings().values() for text in texts(json.loads(figure.to_json()))
    }
    assert literal(name) in written


def test_a_figure_of_a_page_ends_no_attribute() -> None:
    figure = go.Figure(layout={"meta": {"summary": '" onmouseover="window.hacked=1'}})
    assert drawn("one", figure).count('"') % 2 == 0
    assert 'aria-label="&#34; onmouseover=&#34;window.hacked=1"' in drawn("one", figure)


def test_nothing_else_in_the_package_escapes_html() -> None:
    """One function, so that no two places differ in what they think harmless."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "html":
                assert [alias.name for alias in node.names] == ["unescape"], path
            elif isinstance(node, ast.Import):
                assert "html" not in {alias.name for alias in node.names}, path


def texts(part: Any, name: str = "") -> Iterator[str]:
    """All that plotly may write: every text but those that it takes for settings."""
    if isinstance(part, str) and name not in ("shape", "tickformat", "uid"):
        yield part
    elif isinstance(part, list):
        for each in part:
            yield from texts(each, name)
    elif isinstance(part, dict):
        for key, each in part.items():
            if key not in ("meta", "template"):
                yield from texts(each, key)
