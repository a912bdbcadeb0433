"""``play 2-3-1 xor.csv``: a net and a teacher set as one page that computes, in the browser or in a file."""

from __future__ import annotations

import tempfile
import webbrowser
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ..nets.losses import cross_entropy, half_squared_error
from ..nets.net import MLP
from ..training.csv import Table, is_number, read_table
from ..training.data import TeacherSet, told_by
from .output import say
from .parsing import number, sizes_of

__all__ = ['run']

#: The endings of a page's file.
ENDINGS = ('.html', '.htm')


def run(options: Namespace) -> int:
    """Make the net and its page; write it where it is wanted, or open it in the browser."""
    if options.out is not None and Path(options.out).suffix.lower() not in ENDINGS:
        raise ValueError(f'a page is written as {", ".join(ENDINGS)}, not as {options.out!r}')
    inputs, *sizes = sizes_of(options.sizes, 'play')
    samples = read(options, inputs, sizes[-1])
    net = MLP(inputs, sizes, options.activation, options.output_activation, seed=options.seed)

    from ..drawing.player import play

    page = play(
        net, samples, error=cross_entropy if samples.classes else half_squared_error,
        mode=options.batch or options.mode, learning_rate=number(options.learning_rate),
    )  # fmt: skip
    if options.out is not None:
        say(f'wrote {page.save(options.out)}')
        return 0
    file = page.save(Path(tempfile.mkdtemp(prefix='microgradnet-')) / f'{options.sizes}.html')
    say(f'the page is {file}')
    webbrowser.open(file.as_uri())
    return 0


def read(options: Namespace, inputs: int, outputs: int) -> TeacherSet:
    """Read the samples for a net of so many inputs and outputs; what it does not say is in the last columns."""
    table = read_table(options.file, options.delimiter)
    targets = options.target or _last(table, outputs, options.classes)
    target = targets[0] if len(targets) == 1 else targets
    samples = TeacherSet(
        **told_by(table, target, options.inputs, True if options.classes else None), standardise=options.standardise
    )
    names = samples.input_names or ()
    if len(names) != inputs:
        raise ValueError(f'{_counts(options, inputs, "input")}, not {", ".join(names)}: --inputs names others')
    count, what = (len(samples.classes), 'classes') if samples.classes else (samples.width, 'targets')
    if count != outputs:
        raise ValueError(f'{_counts(options, outputs, "output")}, not {count} {what}: --target names others')
    return samples


def _counts(options: Namespace, count: int, what: str) -> str:
    return f'{options.file}: a net of {options.sizes} takes {count} {what}{"s" * (count > 1)}'


def _last(table: Table, outputs: int, classes: bool) -> Sequence[str]:
    """Take the last column for the target, or as many as there are outputs, if they are numbers."""
    last = table.header[-1]
    named = classes or not is_number(table.cells(last)[0][1])
    return [last] if named else table.header[-outputs:]
