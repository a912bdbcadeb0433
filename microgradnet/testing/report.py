"""What a check has found: a list of findings, the worst first, that reads as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Any, Literal, TypeAlias

__all__ = ['SEVERITIES', 'Finding', 'Report', 'Severity', 'in_a_line']

Severity: TypeAlias = Literal['wrong', 'edge', 'convention', 'missing']
#: What each severity means, the worst first.
SEVERITIES: dict[Severity, str] = {
    'wrong': 'A wrong number, or none, at ordinary points: whoever uses the engine meets it.',
    'edge': 'A wrong limit where a domain, or the range of floats, ends; elsewhere the rule holds.',
    'convention': 'Not as this project has it, and legal: another choice where the calculus leaves one.',
    'missing': 'Not there.',
}


@dataclass(frozen=True)
class Finding:
    """One thing that an engine gets wrong, does in its own way, or has not.

    ``severity`` is 'wrong', 'edge', 'convention' or 'missing', as ``SEVERITIES`` explains;
    ``kind`` says which check found it.
    ``source`` is a whole program to paste: what it prints or raises is ``came``, and it
    should print ``wanted``. ``why`` is one sentence.

    >>> print(Finding('edge', 'x ** 0 at 0', '0.0', 'nan', 'x = Value(0.0)', 'It is flat.', 'edge'))
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
    severity: Severity = 'wrong'

    def __str__(self) -> str:
        return f'{self.title}: wanted {self.wanted}, came {self.came}\n{self.why}\n{indent(self.source, "    ")}'


class Report(list[Finding]):
    """The findings about one engine, the worst first.

    >>> print(Report('some.Value'))
    some.Value: nothing found
    """

    def __init__(self, engine: str, findings: Sequence[Finding] = ()) -> None:
        order = [*SEVERITIES]
        super().__init__(sorted(findings, key=lambda finding: order.index(finding.severity)))
        self.engine = engine

    def of(self, severity: Severity) -> list[Finding]:
        """List the findings of one severity."""
        return [finding for finding in self if finding.severity == severity]

    def __str__(self) -> str:
        counts = [f'{len(self.of(severity))} {severity}' for severity in SEVERITIES if self.of(severity)]
        texts, number = [], 0
        for severity, meaning in SEVERITIES.items():
            for place, finding in enumerate(self.of(severity)):
                number += 1
                texts += [f'{severity.upper()}. {meaning}'] * (place == 0) + [f'{number}. {finding}']
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
