"""The source distribution has all that a checkout has; ``.ci/run`` unpacks it, too, and collects its tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import microgradnet

ROOT = Path(microgradnet.__file__).parents[1]
FOLDERS = ('.ci', 'demos', 'docs', 'microgradnet', 'tests')
FILES = ('*.md', 'LICENSE', 'MANIFEST.in', 'pyproject.toml', 'pytest_microgradnet.py', 'setup.cfg')
PASSED_OVER = shutil.ignore_patterns('__pycache__', '*.py[cod]', '.*_cache')


@pytest.mark.slow
def test_the_sdist_has_tests_docs_and_demos(tmp_path: Path) -> None:
    pytest.importorskip('setuptools', reason='setuptools builds it')
    source = tmp_path / 'source'
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=PASSED_OVER)
    for file in (file for pattern in FILES for file in ROOT.glob(pattern)):
        shutil.copy(file, source)
    wanted = {str(path.relative_to(source)) for path in source.rglob('*') if path.is_file()}
    build = f'from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})'
    subprocess.run([sys.executable, '-c', build], cwd=source, check=True, capture_output=True)
    (archive,) = tmp_path.glob('*.tar.gz')
    with tarfile.open(archive) as tar:
        found = {name.partition('/')[2] for name in tar.getnames()}
    assert wanted <= found, sorted(wanted - found)
