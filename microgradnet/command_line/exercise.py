"""``exercise 2-2-1 --students 30``: the update of a weight to be worked out by hand, on a sheet for each student."""

from __future__ import annotations

from argparse import Namespace

from .._files import write_whole
from ..derivation import exercise
from .derive import write
from .parsing import sizes_of

__all__ = ['run']


def run(options: Namespace) -> int:
    """Make the exercises, and print them or write them to a file, the key to another."""
    made = exercise(
        sizes_of(options.sizes, 'exercise'), options.weight, seed=options.seed, fractions=not options.decimals,
        solution=options.solution, students=options.students, digits=options.digits,
    )  # fmt: skip
    if options.key is not None:
        write_whole(options.key, f'{made.title}\n\n{made.key}\n')
    return write(made, options)
