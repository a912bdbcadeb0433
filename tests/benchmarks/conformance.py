"""What the testing kit finds in every engine that is installed: the same expressions, points and judge for all.

    python tests/benchmarks/conformance.py [--only ENGINE ...] [--markdown FILE] [--reports FOLDER]

prints a table: a line for all that some engine does otherwise, a column for each. ``--markdown`` writes it between
two marks of a page, ``--reports`` writes each engine's whole report, with a program to paste for every cell, as HTML
and JSON. Engines that are not installed are left out, and named. Nothing is timed; it takes some seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

from peers.report import insert  # noqa: E402

import microgradnet  # noqa: E402
from microgradnet.testing import Report, check_engine, engines  # noqa: E402
from microgradnet.testing.report import SEVERITIES  # noqa: E402

__all__ = ['main', 'reports', 'table']

ENGINES = ['microgradnet', 'autograd', 'jax', 'torch', 'casadi', 'micrograd']
CALLED = {'jax': 'JAX', 'torch': 'PyTorch', 'casadi': 'CasADi'}


def engine_of(name: str) -> Any:
    """Return what ``check_engine`` takes: an adapter, or a class of nodes."""
    if name == 'microgradnet':
        return microgradnet.Value
    if name == 'micrograd':
        from micrograd.engine import Value  # type: ignore[import-not-found, import-untyped, unused-ignore]

        return Value
    return getattr(engines, name)


def reports(names: Sequence[str] = ENGINES) -> dict[str, Report]:
    """Check each engine that is installed."""
    return {name: check_engine(engine_of(name)) for name in names if find_spec(name)}


def table(found: Mapping[str, Report]) -> Iterator[str]:
    """Write a line for each severity and for each thing that some engine does otherwise, in Markdown."""
    yield f'Versions: {", ".join(f"{CALLED.get(name, name)} {version_of(name)}" for name in found)}.'
    absent = [CALLED.get(name, name) for name in ENGINES if name not in found]
    if absent:
        yield f'Not installed: {", ".join(absent)}.'
    yield ''
    yield f'| | wanted | {" | ".join(CALLED.get(name, name) for name in found)} |'
    yield f'|{"---|" * (len(found) + 2)}'
    yield f'| *tried* | | {" | ".join(str(len(report.tried)) for report in found.values())} |'
    for severity in SEVERITIES:
        yield f'| *{severity}* | | {" | ".join(str(len(report.of(severity))) for report in found.values())} |'
    for severity in SEVERITIES:
        for title, wanted in rows(found, severity).items():
            yield f'| `{title}` | {short(wanted)} | {" | ".join(cell(report, title) for report in found.values())} |'


def rows(found: Mapping[str, Report], severity: str) -> dict[str, str]:
    """Return what is of a severity, and no worse, in some engine, with what is wanted."""
    order = [*SEVERITIES]
    worst: dict[str, tuple[int, str]] = {}
    for report in found.values():
        for finding in report:
            here = order.index(finding.severity), finding.wanted
            worst[finding.title] = min(worst.get(finding.title, here), here)
    return {title: wanted for title, (place, wanted) in worst.items() if order[place] == severity}


def cell(report: Report, title: str) -> str:
    """Write what came of one thing: nothing if it is right, a dash if it was not tried."""
    finding = next((finding for finding in report if finding.title == title), None)
    if finding is None:
        return '' if title in report.tried else '–'
    if finding.severity == 'missing':
        return 'missing'
    return f'{short(finding.came)} ({finding.severity})'


def short(numbers: str) -> str:
    """Write numbers with four digits, and an error by its name.

    >>> short('1.0, 1.6993417021166355e-17'), short('RecursionError: too deep')
    ('1, 1.699e-17', 'RecursionError')
    """
    try:
        return ', '.join(f'{float(number):.4g}' for number in numbers.split(', '))
    except ValueError:
        return numbers.partition(':')[0]


def version_of(name: str) -> str:
    return microgradnet.__version__ if name == 'microgradnet' else version(name)


def main(argv: Sequence[str] | None = None) -> dict[str, Report]:
    """Check all engines, and print or write what was found."""
    parser = argparse.ArgumentParser(description='Print what the testing kit finds in every engine installed.')
    parser.add_argument('--only', nargs='+', choices=ENGINES, default=ENGINES, metavar='ENGINE')
    parser.add_argument('--markdown', type=Path, metavar='FILE')
    parser.add_argument('--reports', type=Path, metavar='FOLDER')
    arguments = parser.parse_args(argv)
    found = reports(arguments.only)
    lines = [*table(found)]
    print(*lines, sep='\n')
    if arguments.markdown:
        insert(iter(lines), arguments.markdown, 'conformance.py')
    if arguments.reports:
        arguments.reports.mkdir(parents=True, exist_ok=True)
        for name, report in found.items():
            report.page().save(arguments.reports / f'{name}.html')
            (arguments.reports / f'{name}.json').write_text(report.json(), 'utf-8')
    return found


if __name__ == '__main__':
    main()
