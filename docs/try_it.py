"""A Sphinx extension: a console on a page, with Python, this package and Graphviz in the site itself.

``{console} ../README.md`` shows the programs of a file, each with a button, and a console below. Python is Pyodide and
Graphviz is viz.js, both from their npm packages; the wheel is made of the checkout, its dependencies beside it. They
are files of the site, and no other host is asked. Where one of them cannot be had when the site is built, the page
says which, and why.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[1]
#: What the wheel is made of.
SOURCES = 'microgradnet', 'pytest_microgradnet.py', 'setup.cfg', 'pyproject.toml', 'README.md', 'LICENSE'
NPM = 'pyodide@314', '@viz-js/viz@3'
#: What of them the page loads; the rest, types and pages that ask other hosts, stays away.
PARTS = {
    'pyodide': ['pyodide.mjs', 'pyodide.asm.mjs', 'pyodide.asm.wasm', 'pyodide-lock.json', 'python_stdlib.zip'],
    '@viz-js/viz/dist': ['viz.js'],
}
PROGRAM = re.compile(r'^```python\n(>>> .*?)\n*^```$', re.MULTILINE | re.DOTALL)
OURS = Path(__file__).with_name('console')


def programs(text: str) -> list[str]:
    """Return the programs of a page of Markdown.

    >>> programs('Add:\\n\\n```python\\n>>> 1 + 1\\n2\\n\\n```\\n\\n```sh\\nls\\n```\\n')
    ['>>> 1 + 1\\n2']
    """
    return PROGRAM.findall(text)


class Unavailable(Exception):
    """A part of the console cannot be had here; the message is for the page."""


def _run(command: list[str], what: str) -> None:
    """Run a command that may need a registry; raise Unavailable with what it said last."""
    program = shutil.which(command[0])
    if program is None:
        raise Unavailable(f'{what}: there is no {command[0]} here')
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        raise Unavailable(f'{what}: {command[0]} gave no answer in time') from None
    if done.returncode:
        logging.getLogger(__name__).info(done.stderr)  # which may name a host that is nobody's business on a page
        raise Unavailable(f'{what} could not be had')


def gather(folder: Path) -> None:
    """Put all that the console loads into a folder; raise Unavailable where that cannot be."""
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        _run(['npm', 'install', '--prefix', scratch, '--fetch-retries=1', '--no-audit', '--no-fund', *NPM], 'Pyodide')
        source = work / 'source'
        source.mkdir()
        for name in SOURCES:
            here = ROOT / name
            copy = shutil.copytree if here.is_dir() else shutil.copy
            copy(here, source / name)
        pip = [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--retries', '1', '--wheel-dir', str(work / 'wheels')]
        _run([*pip, str(source)], 'the wheel of this package')
        folder.mkdir(parents=True)
        for place, names in PARTS.items():
            for name in names:
                shutil.copy(work / 'node_modules' / place / name, folder)
        for wheel in sorted(work.glob('wheels/*-none-any.whl')):
            shutil.copy(wheel, folder)
    for file in OURS.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    (folder / 'wheels.txt').write_text('\n'.join(wheel.name for wheel in sorted(folder.glob('*.whl'))), 'utf-8')


CONSOLE = """<div class="console" data-from="{folder}">
<div class="log" role="log" aria-label="What Python said" tabindex="0"></div>
<div class="line"><label for="typed" class="prompt">&gt;&gt;&gt;</label>
<textarea id="typed" rows="1" spellcheck="false" autocapitalize="off" autocomplete="off"
 aria-label="Python, to be run by Enter"></textarea></div>
<div class="below"><button type="button" class="enter">Enter</button>
<button type="button" class="restart">Restart</button>
<span class="state" role="status">Python starts when you run or type something: 14 MB, from this site.</span>
</div></div>
<noscript><p>The console wants JavaScript.</p></noscript>
<script type="module" src="{folder}/page.js"></script>"""


class Console(SphinxDirective):
    """Show the programs of the file that the argument names, a button with each, and the console."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the package may have changed, of which Sphinx knows nothing
        name, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(name)
        folder = 'try-it'
        try:
            gather(Path(self.env.app.outdir) / folder)
            missing = ''
        except Unavailable as reason:
            missing = str(reason)
        return [*self._console(folder, missing), *self._programs(programs(Path(path).read_text('utf-8')), missing)]

    def _console(self, folder: str, missing: str) -> Iterator[nodes.Node]:
        if missing:
            said = f'This site was built without the console ({missing}). What it would run is here to read.'
            yield nodes.note('', nodes.paragraph('', said), classes=['no-console'])
        else:
            yield nodes.raw('', CONSOLE.format(folder=folder), format='html')

    def _programs(self, found: list[str], missing: str) -> Iterator[nodes.Node]:
        for number, program in enumerate(found, 1):
            button = f'<button type="button" class="run" aria-label="Run program {number}">Run</button>'
            inner: list[nodes.Node] = [] if missing else [nodes.raw('', button, format='html')]
            inner.append(nodes.literal_block(program, program, language='pycon'))
            yield nodes.container('', *inner, classes=['program'])


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx of all this."""
    app.add_directive('console', Console)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
