"""Names of a package that are imported when first used, so that importing the package stays light.

>>> import microgradnet
>>> microgradnet.train.__module__
'microgradnet.training'
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any

__all__ = ['later']


def later(
    package: str, homes: Mapping[str, str], extra: str = '', needs: Collection[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package, given the module that each name is from.

    Where one of the packages in ``needs`` is missing, an ImportError says which ``extra`` brings it.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        try:
            module = import_module(f'{package}.{homes[name]}')
        except ModuleNotFoundError as error:
            if error.name not in needs:
                raise
            raise ImportError(f"{package}.{name} needs {error.name}: install '{extra}'", name=error.name) from error
        thing = getattr(module, name)
        setattr(sys.modules[package], name, thing)
        return thing

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names
