"""Packages that only an extra brings: one way to ask for them, and one way to say that they are not there.

``needed``   imports one; where it is missing, the error says what needs it and how to install it
``missing``  that error, for an import that failed elsewhere
``have``     tells whether it is installed
``install``  the command that installs an extra

>>> have('math'), install('native')
(True, "pip install 'microgradnet[native]'")
>>> needed('mpmath.there_is_no_such_part')
Traceback (most recent call last):
    ...
ModuleNotFoundError: this needs mpmath: pip install 'microgradnet[testing]'
"""

from __future__ import annotations

import importlib.util
from importlib import import_module
from typing import Any

__all__ = ['EXTRAS', 'have', 'install', 'missing', 'needed']

#: The extra that brings each package; setup.cfg says what else it brings.
EXTRAS = {
    'PIL': 'plot',
    'anywidget': 'notebook',
    'hypothesis': 'testing',
    'jax': 'jax',
    'llvmlite': 'native',
    'matplotlib': 'plot',
    'mpmath': 'testing',
    'networkx': 'sparse',
    'numpy': 'numpy',
    'nutpie': 'sampling',
    'onnx': 'onnx',
    'pygraphviz': 'draw',
    'pytensor': 'pytensor',
    'scipy': 'sparse',
    'sklearn': 'sklearn',
    'tensorboard': 'tensorboard',
    'torch': 'torch',
}
#: What people call a package, where that is not its name in Python.
CALLED = {
    'PIL': 'Pillow', 'jax': 'JAX', 'networkx': 'NetworkX', 'numpy': 'NumPy', 'scipy': 'SciPy',
    'onnx': 'ONNX', 'pytensor': 'PyTensor', 'sklearn': 'scikit-learn',
    'tensorboard': 'TensorBoard', 'torch': 'PyTorch',
}


def needed(module: str, what: str = 'this', *, extra: str = '', instead: str = '') -> Any:
    """Import a module of an extra's package, and return it.

    Raises ModuleNotFoundError where it is missing, saying what needs it, the extra (``extra``, if another
    one than the package's own fits better), and what would do ``instead``.
    """
    try:
        import_module(module.partition('.')[0])  # a part may be there still where the whole is hidden
        return import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or '').partition('.')[0]
        if package not in EXTRAS:
            raise
        raise missing(package, what, extra=extra, instead=instead) from None


def missing(package: str, what: str = 'this', *, extra: str = '', instead: str = '') -> ModuleNotFoundError:
    """Return the error for a package that is not there."""
    said = f'{what} needs {CALLED.get(package, package)}: {install(extra or EXTRAS[package])}'
    return ModuleNotFoundError(said + f', or {instead}' * bool(instead), name=package)


def have(package: str) -> bool:
    """Tell whether a package is installed, without importing it."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # hidden by who wants to see what happens without it
        return False


def install(extra: str) -> str:
    return f"pip install 'microgradnet[{extra}]'"
