"""Names of a package that are imported when first used, so that importing the package stays light.

A package says them once, as imports ``if TYPE_CHECKING``: checkers read these, and here they are read off its code.

>>> import microgradnet
>>> microgradnet.train.__module__
'microgradnet.training.train'
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import resolve_name
from os.path import dirname
from typing import Any

from ._extras import needed

__all__ = ['above', 'homes', 'later', 'serve']

#: What does the work of a method, as 'module:name', by the method's name: what stands above its own module.
_above: dict[str, str] = {}


def _code(package: str) -> Any:
    """Return the code of a package that has been imported, whoever did it: pytest's loader does not give it away."""
    spec = sys.modules[package].__spec__
    assert spec is not None and spec.submodule_search_locations, 'a package'
    if not hasattr(spec.loader, 'get_code'):
        spec = PathFinder.find_spec(package, [dirname(spec.submodule_search_locations[0])])
    return spec.loader.get_code(package)  # type: ignore[union-attr]


@cache
def homes(package: str) -> dict[str, str]:
    """Return the module that each name is from which a package's code imports from its own modules.

    >>> homes('microgradnet.drawing')['draw']
    '.graph'
    """
    found, home, before = {}, '', [0, 0]  # what is loaded before an import: how many dots, and the names
    for step in dis.get_instructions(_code(package)):
        if step.opname == 'IMPORT_NAME':
            home = '.' * before[0] + step.argval
        elif step.opname == 'IMPORT_FROM' and home.startswith('.'):
            found[step.argval] = home
        before = [before[1], step.argval]
    return found


def later(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package.

    Where a package that an extra brings is missing, the error says which.
    """

    def get(name: str) -> Any:
        if name not in homes(package):
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        thing = getattr(needed(resolve_name(homes(package)[name], package), f'{package}.{name}'), name)
        setattr(sys.modules[package], name, thing)
        return thing

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes(package)})

    return get, names


def serve(methods: dict[str, str]) -> None:
    """Say what does the work of methods above their own module; only the front of the package knows all of them."""
    _above.update(methods)


@cache
def above(method: str) -> Callable[..., Any]:
    """Return what does the work of a method above its own module, which need not know what stands on it.

    >>> above('MLP.to_c').__module__
    'microgradnet.interop.take_along'
    """
    module, name = _above[method].split(':')
    return getattr(needed(module, method), name)  # type: ignore[no-any-return]
