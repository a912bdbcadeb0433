"""The notebook of the derivation runs from top to bottom, and says again what is stored in it.

    python -m tests.derivation.test_notebook

executes it, and stores its outputs anew. They must not tell where or when that was.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.support import ROOT
from tests.support.examples import for_each

nbformat = pytest.importorskip('nbformat')
nbclient = pytest.importorskip('nbclient')

NOTEBOOK = ROOT / 'demos' / 'derivation.ipynb'
SVG = 'image/svg+xml'

#: The derivation's sections, and where to go on, in order.
SECTIONS = [
    'Preliminaries',
    'One neuron',
    'A net and its names',
    'Training',
    'Teacher sets and the error',
    'The update rule',
    'Deriving the formula',
    'Hidden layer – output layer',
    'Input layer – hidden layer',
    'Biases',
    'Putting it all together',
    'Why backpropagation?',
    'The last two layers',
    'Weight update for the first hidden layer',
    'Error signal',
    'Propagating the error signal',
    'Summary: why the error signal travels back',
    'Batch and on-line learning',
    'Where to go on',
]
#: Every slip of ``test_printed_slips`` that gives another number, those of notation among them, in order.
SLIPS = [
    'sum-from-zero',
    'target-first',
    'error',
    'generality',
    'output-layer',
    'half',
    'parentheses',
    'range',
    'w45',
    'w14',
    'neuron',
]
#: What others deprecate in starting a kernel is theirs; a warning within the kernel is output, and is seen.
IN_A_KERNEL = pytest.mark.filterwarnings('ignore::DeprecationWarning')
MACHINE = re.compile(r'(?<![\w.])/(?:home|root|tmp|work|usr|opt|Users|private|var)/|\b[A-Z]:\\\\|0x[0-9a-f]{6,}|file:/')


def stored() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def executed(notebook: Any, scratch: Path) -> Any:
    """Execute a notebook in a fresh kernel, from the demos folder, and leave out what only this machine says."""
    pytest.importorskip('ipykernel', reason='the kernel in which notebooks run is not installed')
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])])
    private = dict.fromkeys(['IPYTHONDIR', 'JUPYTER_RUNTIME_DIR', 'MICROGRADNET_CACHE'], str(scratch))
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name='python3', record_timing=False, coalesce_streams=True,
        resources={'metadata': {'path': str(NOTEBOOK.parent)}},
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in private.items():
            patch.setenv(name, value)
        client.execute(env=os.environ | {'PYTHONPATH': path, 'PYTHONDONTWRITEBYTECODE': '1'})
    for cell in code_cells(notebook):
        cell.outputs = [output for output in cell.outputs if not is_about_fonts(output)]
        for data in (output['data'] for output in cell.outputs if 'data' in output):
            data['text/plain'] = re.sub(r'( object)? at 0x\w+', '', data['text/plain'])
            if 'text/html' in data:  # which is what is shown
                data.pop('text/latex', None)
            if SVG in data:  # on one line, without the renderer's comments: a file has room for five pictures
                data[SVG] = re.sub(r'\s*<!--.*?-->\s*|(?<=>)\s*\n\s*(?=<)', '', data[SVG], flags=re.DOTALL)
    notebook.metadata.language_info.pop('version', None)
    return notebook


def is_about_fonts(output: Any) -> bool:
    """Tell whether an output is only of the machine's fonts, about which Graphviz may have a warning."""
    return output.get('name') == 'stderr' and all(
        line.startswith('Fontconfig ') or not line for line in output['text'].splitlines()
    )


def code_cells(notebook: Any) -> Iterator[Any]:
    return (cell for cell in notebook.cells if cell.cell_type == 'code')


def said(output: Any) -> Any:
    """What an output says: its text as it is, of a picture its parts and its words."""
    if output.output_type == 'stream':
        return output['name'], output['text']
    return {kind: parts(body) if kind == SVG else body for kind, body in output['data'].items()}


def parts(picture: str) -> list[tuple[str, str]]:
    """List the titles and the words of a picture, wherever they stand in it."""
    return sorted(
        (element.tag.rpartition('}')[2], ''.join(element.itertext()).strip())
        for element in ElementTree.fromstring(picture).iter()
        if element.tag.endswith(('}title', '}text'))
    )


def test_the_file_is_in_good_health() -> None:
    notebook = stored()
    nbformat.validate(notebook)
    assert NOTEBOOK.stat().st_size < 300_000
    assert notebook.metadata.kernelspec.name == 'python3'
    ids = [cell.id for cell in notebook.cells]
    assert len({*ids}) == len(ids)
    assert all(re.fullmatch(r'[a-z][a-z0-9]*(-[a-z0-9]+)*', each) for each in ids)
    assert not any(cell.metadata for cell in notebook.cells), 'no timings, nor what an editor leaves'
    assert max(len(cell.source) for cell in notebook.cells if cell.cell_type == 'markdown') < 1200


def test_it_says_nothing_of_the_machine() -> None:
    found = MACHINE.search(json.dumps(stored(), ensure_ascii=False))
    assert not found, found


@for_each('text', ['"/home/me/x"', 'at 0x7f3a91b2c0d0', 'C:\\\\Users', '"file:///x"', ' /tmp/a'])
def test_that_would_be_seen(text: str) -> None:
    assert MACHINE.search(text)


def test_every_cell_was_run_in_order_and_has_its_outputs() -> None:
    for count, cell in enumerate(code_cells(stored()), 1):
        assert cell.execution_count == count, cell.id
        assert not any(o.output_type == 'error' or o.get('name') == 'stderr' for o in cell.outputs), cell.id
        silent = all(
            isinstance(part, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.Assign)
            for part in ast.parse(cell.source).body
        )
        assert cell.outputs or silent, cell.id


def test_it_goes_through_all_sections() -> None:
    text = '\n'.join(cell.source for cell in stored().cells if cell.cell_type == 'markdown')
    assert re.findall(r'^##+ (.+)$', text, re.MULTILINE) == SECTIONS


def test_every_formula_and_slip_has_its_numbers() -> None:
    cells = stored().cells
    slips = [
        (before.id, after.id)
        for before, after in pairwise(cells)
        if before.source.startswith('> **') and 'slip(' in after.source
    ]
    assert slips == [(f'slip-{name}', f'slip-{name}-numbers') for name in SLIPS]
    for cell in code_cells(stored()):
        if cell.id.endswith('-numbers'):
            assert re.search(r'\b(equal|slip)\(|\bassert ', cell.source), cell.id


@pytest.mark.slow
@IN_A_KERNEL
def test_it_says_again_what_is_stored(tmp_path: Path) -> None:
    before, after = stored(), executed(stored(), tmp_path)
    for old, new in zip(code_cells(before), code_cells(after), strict=True):
        assert [*map(said, new.outputs)] == [*map(said, old.outputs)], old.id
        assert new.execution_count == old.execution_count


@pytest.mark.slow
@IN_A_KERNEL
@pytest.mark.parametrize(
    ('right', 'wrong'),
    [('(1 + abs(r)) ** 2', '(1 + abs(r)) ** 3'), ('delta[4] * g_prime(r[4]) * w[1, 4]', 'delta[4] * g_prime(r[4])')],
)
def test_a_wrong_formula_stops_it(right: str, wrong: str, tmp_path: Path) -> None:
    notebook = stored()
    (cell,) = (cell for cell in code_cells(notebook) if right in cell.source)
    cell.source = cell.source.replace(right, wrong)
    with pytest.raises(nbclient.exceptions.CellExecutionError, match='AssertionError'):
        executed(notebook, tmp_path)


def remake() -> None:
    """Execute the notebook and store its outputs."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as scratch:
        notebook = executed(stored(), Path(scratch))
    nbformat.write(notebook, NOTEBOOK)


if __name__ == '__main__':
    remake()
