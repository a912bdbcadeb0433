"""What ``check_engine`` returns: a list of findings that reads as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Any

__all__ = ['Finding', 'Report', 'in_a_line']


@dataclass(frozen=True)
class Finding:
    """One thing that an engine gets wrong, or has not: ``kind`` is 'missing' then.

    ``source`` is a whole program to paste: what it prints or raises is ``came``, and it
    should print ``wanted``. ``why`` is one sentence.

    >>> print(Finding('edge', 'x ** 0 at 0', '0.0', 'nan', 'x = Value(0.0)', 'It is flat.'))
    x ** 0 at 0: wanted 0.0, came nan
    It is flat.
        x = Value(0.0)
    """

    kind: str
    title: str
    wanted: str
    came: str
    source: str
    why: str

    def __str__(self) -> str:
        return f'{self.title}: wanted {self.wanted}, came {self.came}\n{self.why}\n{indent(self.source, "    ")}'


class Report(list[Finding]):
    """The findings about one engine, what is wrong before what is only missing.

    >>> print(Report('some.Value'))
    some.Value: nothing found
    """

    def __init__(self, engine: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(sorted(findings, key=lambda finding: finding.kind == 'missing'))
        self.engine = engine

    def __str__(self) -> str:
        missing = sum(finding.kind == 'missing' for finding in self)
        counts = [f'{n} {what}' for n, what in [(len(self) - missing, 'wrong'), (missing, 'missing')] if n]
        texts = [f'{number}. {finding}' for number, finding in enumerate(self, 1)]
        return '\n\n'.join([f'{self.engine}: {", ".join(counts) or "nothing found"}', *texts])


def in_a_line(came: list[Any] | Exception) -> str:
    """Write what a program has printed or raised, cut where it is long.

    >>> in_a_line([1.0, 2.0]), in_a_line(ValueError('no'))
    ('1.0, 2.0', 'ValueError: no')
    """
    if isinstance(came, Exception):
        text = f'{type(came).__name__}: {came}'.splitlines()[0]
    else:
        try:
            text = ' '.join(', '.join(map(repr, came)).split())
        except Exception as error:
            text = f'what cannot be printed ({type(error).__name__})'
    return text if len(text) <= 90 else f'{text[:89]}…'
