"""Names of a package that are imported when first used, so that importing the package stays light.

>>> import microgradnet
>>> microgradnet.train.__module__
'microgradnet.training.train'
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.util import resolve_name
from typing import Any

from ._extras import needed

__all__ = ['later']


def later(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package, given the module that each name is from.

    Where a package that an extra brings is missing, the error says which.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        thing = getattr(needed(resolve_name(f'.{homes[name]}', package), f'{package}.{name}'), name)
        setattr(sys.modules[package], name, thing)
        return thing

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names
