"""What the modules of the package import: read statement by statement, each file once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ['Import', 'imports_of']


class Import(NamedTuple):
    """An import statement, the modules it names, and whether it is in a function, or for checkers of types only."""

    node: ast.Import | ast.ImportFrom
    modules: list[str]
    is_late: bool
    is_for_checkers: bool


@cache
def imports_of(file: Path) -> list[Import]:
    """List the imports of a file."""
    return [*_within(ast.parse(file.read_text('utf-8')), False, False)]


def _within(node: ast.AST, is_late: bool, is_for_checkers: bool) -> Iterator[Import]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or '']
        yield Import(node, names, is_late, is_for_checkers)
    is_late = is_late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    is_for_checkers = is_for_checkers or (isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test))
    for part in ('body', 'orelse', 'finalbody', 'handlers', 'cases'):
        for statement in parts if isinstance(parts := getattr(node, part, ()), list) else ():
            yield from _within(statement, is_late, is_for_checkers)
