"""What type checkers say of programs that use the package: mypy, strictly, and pyright.

``typed_program.py`` says to the letter what they must know; the programs of the README and
of the pages of ``docs`` must check as they are printed.
"""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]
#: Wrong lines, and what each checker says of it: of mypy and pyright the codes.
WRONG = [
    ("Value('2')", 'arg-type', 'reportArgumentType'),
    ('Value(1j)', 'arg-type', 'reportArgumentType'),
    ("Value(1.0) + 'a'", 'operator', 'reportOperatorIssue'),
    ('Value(1.0).nosuch()', 'attr-defined', 'reportAttributeAccessIssue'),
    ("functions.sin('a')", 'call-overload', 'reportCallIssue'),
    ('functions.atan2(1.0)', 'call-overload', 'reportCallIssue'),
    ('functions.nosuch(1.0)', 'attr-defined', 'reportAttributeAccessIssue'),
    ('compile(abs, rows=[Value(1.0)])', 'call-overload', 'reportArgumentType'),
    ('compile(Value(1.0), most_paths=3)', 'call-overload', 'reportArgumentType'),
    ("compile(abs, bakend='python')", 'call-overload', 'reportCallIssue'),
    ('grad(3.0)', 'call-overload', 'reportCallIssue'),
]
#: Pages that show a session, in which a name stands for one thing and later for another, or what a checker would
#: want asked first: ``op``, which is None of a leaf; a class of one's own that is called Value. Or a
#: package, SciPy, that does not say its types.
SESSIONS = {
    'docs_how_to_compile', 'docs_how_to_give_it_to_scipy', 'docs_how_to_test_your_own_engine', 'docs_tutorial_neuron',
    'docs_tutorial_whole_net', 'docs_how_to_with_scikit_learn', 'docs_how_to_with_other_frameworks',
    'docs_how_to_with_pytensor', 'docs_how_to_keep_the_history',
}  # fmt: skip
#: Public names that return a ``graphviz.Digraph``, or are classes of scikit-learn: those do not say their types.
FOREIGN = {f'microgradnet.{name}' for name in ('draw', 'draw_network', 'explain_nan', 'NetClassifier', 'NetRegressor')}
#: How much of the interface has a type that is whole and written out, in hundredths, by pyright's count.
COMPLETE = 90


def program(page: Path) -> str:
    """Return what a page shows after >>>, but for what is to raise, as one program."""
    examples = doctest.DocTestParser().get_examples(page.read_text('utf-8'))
    return ''.join(example.source for example in examples if example.exc_msg is None)


@pytest.fixture(scope='module')
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the programs to check into a folder of their own, beside which the package is a library."""
    folder = tmp_path_factory.mktemp('programs')
    texts = {'_'.join(page.relative_to(ROOT).with_suffix('').parts).replace('-', '_'): program(page) for page in PAGES}
    texts = {name: text for name, text in texts.items() if text and name not in SESSIONS}
    texts['typed_program'] = (HERE / 'support' / 'typed_program.py').read_text('utf-8')
    lines = ['from microgradnet import Value, compile, functions, grad', *(line for line, *_ in WRONG)]
    texts['wrong'] = '\n'.join(lines) + '\n'
    for name, text in texts.items():
        (folder / f'{name}.py').write_text(text, 'utf-8')
    return {name: folder / f'{name}.py' for name in texts}


def found_by_mypy(folder: Path, *options: str) -> dict[str, list[tuple[int, str, str]]]:
    """Return for each program the line, the code and the text of what mypy says."""
    command = [sys.executable, '-m', 'mypy', '--strict', '--config-file=', '--follow-imports=silent', '--output=json']
    done = subprocess.run(
        [*command, *options, '.'], cwd=folder, env={**os.environ, 'MYPYPATH': str(ROOT)},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode in (0, 1) and not done.stderr, done.stdout + done.stderr
    found: dict[str, list[tuple[int, str, str]]] = {}
    for line in done.stdout.splitlines():
        said = json.loads(line)
        if said['severity'] == 'error':
            found.setdefault(Path(said['file']).stem, []).append((said['line'], said['code'], said['message']))
    return found


def pyright(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run pyright, which sees the package as a library, and return its report; skip where it cannot run."""
    if find_spec('pyright') is None:
        pytest.skip('pyright is not installed: pip install .[test]')
    command = [sys.executable, '-m', 'pyright']
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYRIGHT_PYTHON_IGNORE_WARNINGS': '1'}
    options: dict[str, Any] = dict(cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    if (there := subprocess.run([*command, '--version'], **options)).returncode:  # it gets itself by npm
        pytest.skip(f'pyright cannot run here: {(there.stderr or there.stdout).strip()[-200:]}')
    done = subprocess.run([*command, '--pythonpath', sys.executable, '--outputjson', *arguments], **options)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def found_by_pyright(folder: Path) -> dict[str, list[tuple[int, str, str]]]:
    found: dict[str, list[tuple[int, str, str]]] = {}
    for said in pyright(folder)['generalDiagnostics']:
        if said['severity'] == 'error':
            line = said['range']['start']['line'] + 1
            found.setdefault(Path(said['file']).stem, []).append((line, said.get('rule', ''), said['message']))
    return found


def refused(found: dict[str, list[tuple[int, str, str]]], place: int) -> list[bool]:
    """Tell of each wrong line whether it was refused with the code that is at a place of ``WRONG``."""
    said = {(line, code) for line, code, _ in found.pop('wrong')}
    return [(number, wrong[place]) in said for number, wrong in enumerate(WRONG, 2)]


def test_the_readmes_programs_are_seen(programs: dict[str, Path]) -> None:
    assert {'README', 'docs_tour', 'docs_tutorial_training', 'typed_program', 'wrong'} <= {*programs}
    assert programs['README'].read_text('utf-8').count('compile(') == 1
    assert programs['docs_tour'].read_text('utf-8').count('compile(') == 3


@pytest.mark.slow
def test_mypy_strictly(programs: dict[str, Path]) -> None:
    """The README to the letter; a page's own functions need no types, as they are there to be read."""
    folder = programs['README'].parent
    found = found_by_mypy(folder)
    assert all(refused(found, 1)), refused(found, 1)
    missing = {'no-untyped-def', 'no-untyped-call'}
    kept = {name: [said for said in of if name == 'README' or said[1] not in missing] for name, of in found.items()}
    assert {name: of for name, of in kept.items() if of} == {}


@pytest.mark.slow
def test_pyright(programs: dict[str, Path]) -> None:
    found = found_by_pyright(programs['README'].parent)
    assert all(refused(found, 2)), refused(found, 2)
    assert found == {}


@pytest.mark.slow
def test_the_public_interface_is_typed(tmp_path: Path) -> None:
    """No public name has a type of which a part is unknown or is left to be inferred, few names below have."""
    found = pyright(tmp_path, '--verifytypes', 'microgradnet', '--ignoreexternal')['typeCompleteness']
    assert found['completenessScore'] * 100 >= COMPLETE, found['completenessScore']
    vague = {s['name'] for s in found['symbols'] if s['isExported'] and not s['isTypeKnown']}
    assert {name for name in vague if name.count('.') == 1} <= FOREIGN
