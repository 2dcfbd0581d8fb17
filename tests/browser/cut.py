"""A lesson cut down to one of its cells and those before it that this one needs.

A lesson runs in full elsewhere (nbval). In the browser only its panel is looked at, so only what
leads to the panel has to run: the cells that bind or change a name that a later one of them reads.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from typing import Any

import nbformat


def cut(lesson: Any, word: str) -> Any:
    """A notebook of the last cell that holds ``word``, and of what it needs, without outputs."""
    sources = [cell.source for cell in lesson.cells if cell.cell_type == "code"]
    (*before, last) = sources[: max(n for n, text in enumerate(sources) if word in text) + 1]
    return of_cells(*needed(before, last))


def of_cells(*sources: str) -> Any:
    """A notebook of these cells."""
    return nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(source.strip()) for source in sources],  # type: ignore[no-untyped-call]
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )


def needed(before: list[str], last: str) -> list[str]:
    """``last``, and those of the cells ``before`` it without which it would not run as it does."""
    late: set[str] = set()
    while True:
        kept, wanted = [last], reads(last) | late
        for source in reversed(before):
            if wanted & (binds(source) | changes(source)):
                kept.append(source)
                wanted = (wanted - binds(source)) | reads(source)
        called = set().union(*map(reads_when_called, kept))
        if called <= late:
            return kept[::-1]
        late |= called  # bound after the function, perhaps


def binds(source: str) -> set[str]:
    """The names that a cell assigns, defines or imports."""
    table = symtable.symtable(source, "cell", "exec")
    return {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}


def changes(source: str) -> set[str]:
    """The names whose objects a cell changes: ``d[k] = v``, ``a.b = c``, or a bare ``x.do()``."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        part: ast.AST = node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            part = node.value.func
        elif not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            continue
        while isinstance(part, ast.Attribute | ast.Subscript):
            part = part.value
            if isinstance(part, ast.Name):
                found.add(part.id)
    return found


def reads(source: str) -> set[str]:
    """The names that a cell reads from the notebook, also within its functions."""
    table = symtable.symtable(source, "cell", "exec")
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    added = {
        node.target.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
    }
    return own | added | reads_when_called(source)


def reads_when_called(source: str) -> set[str]:
    """The names that functions of a cell read from the notebook."""
    tables = inner(symtable.symtable(source, "cell", "exec"))
    return {s.get_name() for table in tables for s in table.get_symbols() if s.is_global()}


def inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """All scopes within a scope."""
    for child in table.get_children():
        yield child
        yield from inner(child)
