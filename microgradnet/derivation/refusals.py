"""What cannot be written out: too many paths, steps that there are not, and numbers that are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, log10
from typing import Any

from ..engine.checks import one_of, texts
from ..formulas.text import text
from .lines import Section
from .sheet import Derivation

__all__ = ['finite', 'too_many', 'with_steps']


def too_many(paths: int, limit: int, source: str, target: str, instead: str) -> ValueError:
    """Return the error for more paths than are to be written out.

    >>> print(too_many(2 ** 100, 64, 'x', 'y', 'ask for less'))
    about 10^30 paths lead from x to y, and each is written out; the limit is 64: give a higher one, or ask for less
    """
    count = str(paths) if paths < 10**15 else f'about 10^{log10(paths):.0f}'
    lead = 'path leads' if paths == 1 else 'paths lead'
    return ValueError(
        f'{count} {lead} from {source} to {target}, and each is written out; '
        f'the limit is {limit}: give a higher one, or {instead}'
    )


def with_steps(
    title: str, sections: Mapping[str, Section], steps: str | Sequence[str] | None, digits: int, picture: Any = None
) -> Derivation:
    """Make a derivation of the sections that are wanted, all of whose numbers are finite, printed or not."""
    wanted = [*sections] if steps is None else [steps] if isinstance(steps, str) else texts('steps', steps)
    if not wanted:
        raise ValueError(f'steps must name at least one of {", ".join(sections)}, not {steps!r}')
    for step in wanted:
        one_of('step', step, [*sections])
    finite(Derivation(title, [*sections.values()], digits))
    printed = [section for name, section in sections.items() if name in wanted]
    return Derivation(title, printed, digits, picture)


def finite(derivation: Derivation) -> Derivation:
    """Return a derivation; raise ValueError if a number of it is nan or infinite, of which no line could be true.

    >>> from microgradnet.derivation.lines import Line, Section
    >>> from microgradnet.formulas.terms import Name, Symbol
    >>> r = Symbol(Name('r', '1', sample='i'), (2.0, float('inf')))
    >>> finite(Derivation('', [Section('', [Line(r, (), (2.0, float('inf')))])]))
    Traceback (most recent call last):
        ...
    ValueError: r_1^(i) is inf for sample 2: a derivation needs finite numbers; explain_nan tells where it comes from
    """
    for line in derivation:
        for sample, number in enumerate(line.numbers, 1):
            if isinstance(number, float) and not isfinite(number):
                where = f' for sample {sample}' if len(line.numbers) > 1 else ''
                raise ValueError(
                    f'{text(line.left)} is {number}{where}: a derivation needs finite numbers; '
                    'explain_nan tells where it comes from'
                )
    return derivation
