"""``draw "tanh(a*b + c)" a=2 b=-3 c=10``: the graph of an expression, in the terminal or in a file."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from .._files import write_whole
from ..engine.numbers import Fraction, Number
from ..engine.value import Value
from .output import colours, say, shows
from .parsing import CONSTANTS, Expression, function_names, number, parse

__all__ = ['numbers_of', 'recorded', 'run']

PICTURES = ('.svg', '.png', '.pdf')
TEXTS = ('.dot', '.txt')


def run(options: Namespace) -> int:
    """Record the expression, send an error signal back, and show the graph."""
    file = None if options.out is None else Path(options.out)
    if file is not None and file.suffix.lower() not in PICTURES + TEXTS:
        raise ValueError(f'a graph is drawn as {", ".join(PICTURES + TEXTS)}, not as {file.name!r}')
    expression = parse(options.expression)
    value = recorded(expression, numbers_of(options.numbers))
    value.backward()
    if file is None or file.suffix.lower() == '.txt':
        from ..drawing.terminal import tree

        if file is None:
            say(f'{expression.text}\n')
            ascii, colour = not shows('├└│─·∂↑…≈∞'), colours()
            say(tree(value, limit=options.limit, ascii=ascii, colour=colour), coloured=colour)
            return 0
        write_whole(file, f'{expression.text}\n\n{tree(value, limit=options.limit)}\n')
    else:
        _render(value, expression, file, options.limit)
    say(f'wrote {file}')
    return 0


def numbers_of(arguments: Sequence[str]) -> dict[str, Number]:
    """Read arguments such as a=2 and b=1/3; where one is a fraction whole numbers are exact, too.

    >>> numbers_of(['a=2', 'b=0.5']), numbers_of(['a=2', 'b=1/3'])
    ({'a': 2.0, 'b': 0.5}, {'a': Fraction(2, 1), 'b': Fraction(1, 3)})
    """
    numbers: dict[str, Number] = {}
    for argument in arguments:
        name, equals, text = (part.strip() for part in argument.partition('='))
        if not equals or not name.isidentifier() or not name.isascii():
            raise ValueError(f'{argument!r} gives no number to a name; it should be like a=2')
        if name in numbers:
            raise ValueError(f'{name} is given twice: {numbers[name]} and {text}')
        try:
            numbers[name] = number(text)
        except ValueError as trouble:
            raise ValueError(f'{name}: {trouble}') from None
    exact = any(isinstance(x, Fraction) and x.denominator > 1 for x in numbers.values())
    return numbers if exact else {name: _as_float(name, x) for name, x in numbers.items()}


def recorded(expression: Expression, numbers: dict[str, Number]) -> Value:
    """Record an expression on labelled leaves; raise ValueError for names without a number, or the reverse."""
    missing = [name for name in expression.names if name not in numbers and name not in CONSTANTS]
    if functions := [name for name in missing if name in function_names()]:
        raise ValueError(f'{functions[0]} is a function, and has operands: {functions[0]}(...)')
    if missing:
        wanted = ' '.join(f'{name}=...' for name in missing)
        raise ValueError(f'the expression has no number for {_listed(missing)}: add {wanted}')
    if unused := [name for name in numbers if name not in expression.names]:
        has = f'it has {_listed(expression.names)}' if expression.names else 'it has no names'
        raise ValueError(f'{_listed(unused)} {"is" if len(unused) == 1 else "are"} not in the expression; {has}')
    leaves = {name: Value(x, label=name) for name, x in numbers.items()}
    value = expression(leaves)
    return value if isinstance(value, Value) else Value(value)


def _render(value: Value, expression: Expression, file: Path, limit: int) -> None:
    from ..drawing import RendererNotFound, draw
    from ..drawing.digraph import plain

    value.label = value.label or ('y' if 'y' not in expression.names else '')
    picture = draw(value, limit=limit, number_format='.6g')
    if not picture.left_out:
        picture.attr(label=plain(f'{value.label} = {expression.text}'.removeprefix(' = ')), labelloc='t', fontsize='13')
    if file.suffix.lower() == '.dot':
        write_whole(file, picture.source)
    else:
        try:
            write_whole(file, picture.pipe(file.suffix[1:].lower()))
        except RendererNotFound as trouble:
            raise ImportError(f'{file} cannot be drawn: {trouble.advice}') from None


def _as_float(name: str, x: Number) -> float:
    try:
        return float(x)
    except OverflowError:
        raise ValueError(f'{name}: the number is too large for a float') from None


def _listed(names: Iterable[str]) -> str:
    """Join names as a sentence does.

    >>> _listed('abc')
    'a, b and c'
    """
    *first, last = names
    return f'{", ".join(first)} and {last}' if first else last
