"""``derive 2-2-2-1 w_x1,1``: the update of one weight of a net, written out with its numbers."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from ..derivation import Derivation, derive
from ..derivation.sheet import document
from ..engine.numbers import Number
from ..nets.net import MLP
from .output import colours, say
from .parsing import number, sizes_of

__all__ = ['run', 'write']

#: Inputs and targets that are not given are these, over and over.
INPUTS, TARGETS = (1.0, 0.5, -1.0, -0.5), (1.0, 0.0)


def run(options: Namespace) -> int:
    """Make the net, derive the weight's update on one sample, and print it or write it to a file."""
    inputs, *sizes = sizes_of(options.sizes, 'derive')
    sample = _numbers(options.inputs, INPUTS, inputs, 'input'), _numbers(options.targets, TARGETS, sizes[-1], 'target')
    last = options.output_activation or options.activation
    net = MLP(inputs, sizes, options.activation, last, seed=options.seed)
    h = None if options.learning_rate is None else number(options.learning_rate)
    derivation = derive(
        net, [sample], options.weight, learning_rate=h, limit=options.limit, digits=options.digits, steps=options.steps
    )
    return write(derivation, options)


def write(derivation: Derivation, options: Namespace) -> int:
    """Print a derivation, or write it to the file that was asked for."""
    if options.out is None and options.format == 'pdf':
        raise ValueError('a PDF is written to a file: say which by --out')
    if options.out is not None:
        derivation.save(options.out, options.format)
        say(f'wrote {options.out}')
    elif options.format in (None, 'text'):
        say(derivation.text(colours()), coloured=colours())
    else:
        say(document(derivation, options.format))
    return 0


def _numbers(given: Sequence[str] | None, usual: Sequence[float], wanted: int, what: str) -> list[Number]:
    """Read the inputs or targets that were given; else take the usual ones."""
    if given is None:
        return [usual[k % len(usual)] for k in range(wanted)]
    if len(given) != wanted:
        raise ValueError(f'the net has {wanted} {what}{"s" * (wanted > 1)}; --{what}s gives {len(given)}')
    return [number(text) for text in given]

