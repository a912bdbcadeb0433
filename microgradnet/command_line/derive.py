"""``derive 2-2-2-1 w_x1,1``: the update of one weight of a net, written out with its numbers."""

from __future__ import annotations

import html
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from .._files import write_whole
from ..derivation import Derivation, derive
from ..engine.numbers import Number
from ..nets.net import MLP
from .output import colours, say
from .parsing import number, sizes_of

__all__ = ['run']

#: The formats of files, by their endings.
FORMATS = {'.txt': 'text', '.tex': 'latex', '.html': 'html', '.htm': 'html'}
#: Inputs and targets that are not given are these, over and over.
INPUTS, TARGETS = (1.0, 0.5, -1.0, -0.5), (1.0, 0.0)


def run(options: Namespace) -> int:
    """Make the net, derive the weight's update on one sample, and print it or write it to a file."""
    form = options.format or 'text'
    if options.out is not None:
        suffix = Path(options.out).suffix.lower()
        if options.format is None and suffix not in FORMATS:
            known = ', '.join(FORMATS)
            raise ValueError(f'a derivation is written as {known}, not as {options.out!r}; or say --format')
        form = options.format or FORMATS[suffix]
    inputs, *sizes = sizes_of(options.sizes, 'derive')
    sample = _numbers(options.inputs, INPUTS, inputs, 'input'), _numbers(options.targets, TARGETS, sizes[-1], 'target')
    last = options.output_activation or options.activation
    net = MLP(inputs, sizes, options.activation, last, seed=options.seed)
    h = None if options.learning_rate is None else number(options.learning_rate)
    derivation = derive(net, [sample], options.weight, learning_rate=h, limit=options.limit)
    if options.out is None:
        say(derivation.text(colours()) if form == 'text' else _document(derivation, form), coloured=colours())
    else:
        write_whole(options.out, _document(derivation, form) + '\n')
        say(f'wrote {options.out}')
    return 0


def _numbers(given: Sequence[str] | None, usual: Sequence[float], wanted: int, what: str) -> list[Number]:
    """Read the inputs or targets that were given; else take the usual ones."""
    if given is None:
        return [usual[k % len(usual)] for k in range(wanted)]
    if len(given) != wanted:
        raise ValueError(f'the net has {wanted} {what}{"s" * (wanted > 1)}; --{what}s gives {len(given)}')
    return [number(text) for text in given]


def _document(derivation: Derivation, form: str) -> str:
    """Return the derivation as text, or as a whole document in LaTeX or HTML."""
    if form == 'text':
        return derivation.text()
    if form == 'latex':
        head = '\\documentclass{article}\n\\usepackage{amsmath}\n\\usepackage{xcolor}\n\\begin{document}\n'
        return f'{head}\n{derivation.latex()}\n\n\\end{{document}}'
    title = html.escape(derivation.title)
    style = 'max-width: 60em; margin: 2em auto; padding: 0 1em; font-family: sans-serif; line-height: 1.5'
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">\n<title>{title}</title></head>\n'
        f'<body style="{style}">\n{derivation.html()}\n</body>\n</html>'
    )
