"""Python's side of the console: it runs what was typed, and tells the page what was said and what is to be shown.

Nothing here knows of a browser but ``pygraphviz``, by which pictures are drawn there.
"""

from __future__ import annotations

import ast
import builtins
import codeop
import io
import linecache
import sys
import time
from code import InteractiveInterpreter
from collections.abc import Callable
from doctest import DocTestParser
from types import ModuleType
from typing import Any

#: So much is said at once, or so often, in seconds: a loop that prints must not drown the page in messages.
MOST, OFTEN = 4096, 0.05


class Stream(io.TextIOBase):
    """A stream whose text goes to the console, as its kind."""

    def __init__(self, kind: str, say: Callable[[str, str], object]) -> None:
        self.kind, self.say = kind, say

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.say(self.kind, text)
        return len(text)


class Console(InteractiveInterpreter):
    r"""A console; ``tell`` gets the kind of what is to be shown (in, out, err, svg, html), and what it is.

    >>> console = Console(lambda kind, text: told.append((kind, text)))
    >>> told = []
    >>> console.enter('>>> x = 6\n>>> 7 * x\n42\n')
    True
    >>> console.enter('for i in range(2):')     # a block ends with an empty line
    False
    >>> told
    [('in', 'x = 6\n'), ('in', '7 * x\n'), ('out', '42\n')]
    """

    def __init__(self, tell: Callable[[str, str], object]) -> None:
        super().__init__({'__name__': '__main__', '__doc__': None, '__builtins__': builtins})
        self.tell = tell
        self.kept: list[str] = []
        self.kind, self.length, self.told = '', 0, 0.0
        self.failed = False
        self.entered = 0

    def say(self, kind: str, text: str) -> None:
        """Keep what is said until it is much, or old, or of another kind."""
        if kind != self.kind:
            self.flush()
        self.kind = kind
        self.kept.append(text)
        self.length += len(text)
        if self.length > MOST or time.monotonic() - self.told > OFTEN:
            self.flush()

    def flush(self) -> None:
        """Tell what was kept."""
        if self.kept:
            text, self.kept, self.length, self.told = ''.join(self.kept), [], 0, time.monotonic()
            self.tell(self.kind, text)

    def _shown(self, kind: str, text: str) -> None:
        self.flush()
        self.tell(kind, text)

    def enter(self, text: str) -> bool:
        """Run what was typed, examples with their prompts, too; False if it is only begun."""
        pasted = text.lstrip().startswith('>>>')
        sources = [example.source for example in DocTestParser().get_examples(text)] if pasted else [text]
        self.failed = False
        before = sys.stdout, sys.stderr, sys.displayhook
        sys.stdout, sys.stderr, sys.displayhook = Stream('out', self.say), Stream('err', self.say), self.show
        try:
            for source in sources:
                if not self.failed and source.strip():
                    if is_begun(source):
                        return False
                    self._run(source)
        finally:
            self.flush()
            sys.stdout, sys.stderr, sys.displayhook = before
        return True

    def _run(self, source: str) -> None:
        self._shown('in', source)
        self.entered += 1
        name = f'<typed-{self.entered}>'
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name  # for tracebacks
        try:
            statements = ast.parse(source, name).body
            codes = [compile(ast.Interactive([statement]), name, 'single') for statement in statements]
        except (SyntaxError, ValueError, OverflowError):
            self.showsyntaxerror(name)
            self.failed = True
            return
        for code in codes:
            if not self.failed:
                try:
                    self.runcode(code)
                except SystemExit:
                    self.write('The console stays; Restart begins anew.\n')
                    self.failed = True

    def showtraceback(self, *arguments: Any, **options: Any) -> None:
        self.failed = True
        super().showtraceback(*arguments, **options)

    def write(self, data: str) -> None:
        self.say('err', data)

    def show(self, value: Any) -> None:
        """Show a value as a notebook would: as a picture, as a page, or in words."""
        if value is None:
            return
        self.locals['_'] = value
        for kind, method in (('svg', '_repr_svg_'), ('html', '_repr_html_')):
            text = getattr(value, method, lambda: None)()
            if text is not None:
                self._shown(kind, text)
                return
        self.say('out', f'{value!r}\n')


def is_begun(source: str) -> bool:
    """Say whether Python waits for more: a bracket is open, or a block without the empty line that ends it."""
    try:
        if codeop.compile_command(source, symbol='exec') is None:
            return True
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, OverflowError):
        return False
    return bool(statements) and hasattr(statements[-1], 'body') and not source.endswith('\n')


def pygraphviz(draw: Callable[[str, str, str], str]) -> ModuleType:
    """Make the module that a picture asks for where there is no ``dot``, of a function of source, format and engine."""

    class AGraph:
        def __init__(self, string: str) -> None:
            self.string = string

        def draw(self, format: str, prog: str) -> bytes:
            return draw(self.string, format, prog).encode()

    module = ModuleType('pygraphviz')
    module.AGraph = AGraph  # type: ignore[attr-defined]
    return module
