"""``doctor``: what is installed beside the package, and what each extra would add."""

from __future__ import annotations

import platform
import re
import shutil
from argparse import Namespace
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from .._extras import install
from ..compiling.run.code_cache import cache_folder
from .output import say

__all__ = ['ADDS', 'extras', 'run']

#: What each extra adds. Those for who works on the package itself are left out.
ADDS = {
    'draw': 'pictures of graphs, where Graphviz itself is not installed',
    'native': 'compile: machine code',
    'notebook': 'play: the page of a net as a widget, with its weights',
    'numpy': 'compile: programs in NumPy; arrays of Values',
    'plot': 'plots of a training, animations',
    'sampling': 'samples from a posterior, over nutpie',
    'science': 'fits of models with standard errors, over SciPy',
    'sklearn': 'nets as estimators of scikit-learn; train: --missing, columns of words',
    'sparse': 'sparse Jacobians and Hessians by colouring',
    'testing': 'check_engine, and drawn expressions for Hypothesis',
    'jax': 'functions in programs of JAX',
    'onnx': 'nets as ONNX files, and back',
    'pytensor': 'functions as operations of PyTensor, for PyMC',
    'tensorboard': 'the history of a training for TensorBoard',
    'torch': 'functions as operations of PyTorch',
    'distributed': 'training by the workers of a Dask cluster',
}
REQUIREMENT = re.compile(r'([\w.-]+)[^;]*;\s*extra\s*==\s*["\']([\w.-]+)["\']')


def extras(requirements: list[str]) -> dict[str, list[str]]:
    """Return the packages of each extra, as the metadata of an installation lists them.

    >>> extras(['tqdm>=4', 'numpy; extra == "native"', 'llvmlite>=0.45; extra == "native"'])
    {'native': ['numpy', 'llvmlite']}
    """
    found: dict[str, list[str]] = {}
    for package, extra in (match.groups() for match in map(REQUIREMENT.match, requirements) if match):
        found.setdefault(extra, []).append(package)
    return found


def installed(package: str) -> str:
    """Return the version of a package, or nothing where it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ''


def line(sign: str, what: str, adds: str) -> str:
    return f'{sign} {what:<12} {adds}'


def lines() -> Iterator[str]:
    """Iterate over the lines of the report."""
    yield f'{platform.python_implementation()} {platform.python_version()}, {platform.platform()}\n'
    try:
        packages = extras(requires('microgradnet') or [])
    except PackageNotFoundError:
        packages = {}
        yield '  it is not installed, but run from its folder: what its extras bring is not known'
    for extra in (extra for extra in ADDS if extra in packages):
        versions = {package: installed(package) for package in packages[extra]}
        is_there = all(versions.values())
        yield line('+' if is_there else '-', extra, ADDS[extra])
        found = ', '.join(f'{package} {number}' if number else f'no {package}' for package, number in versions.items())
        yield line(' ', '', found if is_there else f'{found}: {install(extra)}')
    dot = shutil.which('dot')
    yield line('+' if dot else '-', 'Graphviz', f'pictures of graphs: {dot or "its program dot is not on the path"}')
    yield f'\ncache of machine code: {cache_folder() or "none"}'


def run(options: Namespace) -> int:
    """Say what is there. It imports nothing that it finds."""
    for line in lines():
        say(line)
    return 0
