"""What a check has found: a list of findings, the worst first, that reads as a report: as text, a page or JSON.

``Finding``  one thing that is wrong, with the program that shows it
``Report``   all of them
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from textwrap import indent
from typing import Any, Literal, TypeAlias

from ..drawing.player import Page
from ..formulas.colours import variables

__all__ = ['SEVERITIES', 'Finding', 'Report', 'Severity', 'in_a_line']

Severity: TypeAlias = Literal['wrong', 'edge', 'convention', 'missing']
#: What each severity means, the worst first.
SEVERITIES: dict[Severity, str] = {
    'wrong': 'A wrong number, or none, at ordinary points: whoever uses the engine meets it.',
    'edge': 'A wrong limit where a domain, or the range of floats, ends; elsewhere the rule holds.',
    'convention': 'Not as this project has it, and legal: another choice where the calculus leaves one.',
    'missing': 'Not there.',
}


#: What is wrong is marked, what is so at an edge less so; each says in words what it is.
STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, Helvetica, Arial, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 0; font-size: 1.15rem; text-transform: capitalize; }
h2 + p { margin: 0; color: var(--faint); }
h3 { margin: 0; font-size: 1rem; }
h3 a { color: var(--faint); text-decoration: none; }
article { margin: 1rem 0; padding: .7rem 1rem; border: 1px solid var(--pale); border-left: 4px solid var(--line); }
article:target { background: var(--raised); }
.wrong article { border-left-color: var(--mark); }
.edge article { border-left: 4px dashed var(--mark); }
.missing article { border-left-style: dotted; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 .8rem; margin: .4rem 0; }
dt { color: var(--faint); }
dd { margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
p { margin: .3rem 0; }
pre { margin: .6rem 0 0; padding: .6rem .8rem; overflow-x: auto; background: var(--operation); font-size: .85rem; }
"""


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

    def html(self, number: int) -> str:
        """Write it as an article, whose address on the page is its number."""
        numbers = f'<dl><dt>wanted</dt><dd>{escape(self.wanted)}</dd><dt>came</dt><dd>{escape(self.came)}</dd></dl>'
        return (
            f'<article id="{number}"><h3><a href="#{number}">{number}.</a> {escape(self.title)}</h3>{numbers}'
            f'<p>{escape(self.why)}</p><pre tabindex="0">{escape(self.source)}</pre></article>'
        )


class Report(list[Finding]):
    """The findings about one engine, the worst first; ``tried`` are the titles of all that was tried.

    >>> print(Report('some.Value'))
    some.Value: nothing found
    """

    engine: str
    tried: tuple[str, ...]

    def __init__(self, engine: str, findings: Sequence[Finding] = (), tried: Sequence[str] = ()) -> None:
        order = [*SEVERITIES]
        super().__init__(sorted(findings, key=lambda finding: order.index(finding.severity)))
        self.engine, self.tried = engine, tuple(tried)

    def of(self, severity: Severity) -> list[Finding]:
        """List the findings of one severity."""
        return [finding for finding in self if finding.severity == severity]

    @property
    def summary(self) -> str:
        """How many findings there are of each severity, in words."""
        counts = [f'{len(self.of(severity))} {severity}' for severity in SEVERITIES if self.of(severity)]
        return ', '.join(counts) or 'nothing found'

    def json(self) -> str:
        """Write it for machines: the engine's name, and a dict of each finding's attributes.

        >>> Report('some.Value').json()
        '{"engine": "some.Value", "findings": []}'
        """
        return json.dumps({'engine': self.engine, 'findings': [*map(asdict, self)]}, ensure_ascii=False)

    def page(self) -> Page:
        """Write it for people, as a page that needs nothing else: ``save`` it, or look at it in a notebook.

        >>> '<h1>some.Value: nothing found</h1>' in Report('some.Value').page().html
        True
        """
        title, parts, number = f'{self.engine}: {self.summary}', [], 0
        for severity, meaning in SEVERITIES.items():
            if self.of(severity):
                parts.append(f'<section class="{severity}"><h2>{severity}</h2><p>{escape(meaning)}</p>')
                for finding in self.of(severity):
                    number += 1
                    parts.append(finding.html(number))
                parts.append('</section>')
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        style = f'<title>{escape(title)}</title><style>{variables()}{STYLE}</style>'
        body = f'<main><h1>{escape(title)}</h1>{"".join(parts)}</main>'
        return Page(f'<!doctype html><html lang="en"><head>{head}{style}</head><body>{body}</body></html>', title=title)

    def __str__(self) -> str:
        texts, number = [], 0
        for severity, meaning in SEVERITIES.items():
            for place, finding in enumerate(self.of(severity)):
                number += 1
                texts += [f'{severity.upper()}. {meaning}'] * (place == 0) + [f'{number}. {finding}']
        return '\n\n'.join([f'{self.engine}: {self.summary}', *texts])


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
