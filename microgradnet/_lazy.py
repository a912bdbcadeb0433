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
from importlib.util import resolve_name
from typing import Any

from ._extras import needed

__all__ = ['homes', 'later']


@cache
def homes(package: str) -> dict[str, str]:
    """Return the module that each name is from which a package's code imports from its own modules.

    >>> homes('microgradnet.drawing')['draw']
    '.graph'
    """
    spec = sys.modules[package].__spec__
    assert spec is not None and spec.loader is not None, 'a package that has been imported'
    found, home, before = {}, '', [0, 0]  # what is loaded before an import: how many dots, and the names
    for step in dis.get_instructions(spec.loader.get_code(package)):  # type: ignore[attr-defined]
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
