"""Names that other libraries have for what is called otherwise here: they are answered with ours.

``Elsewhere``   an attribute that is not there, and says what is
``elsewhere``   keyword arguments that are not there, and say what is

>>> class Node:
...     _prev = Elsewhere('inputs')
>>> Node()._prev
Traceback (most recent call last):
    ...
AttributeError: a Node has no _prev; here that is inputs
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

__all__ = ['Elsewhere', 'elsewhere']

Options = ParamSpec('Options')
T = TypeVar('T')


class Elsewhere:
    """An attribute that is not there. It costs nothing, as ``__getattr__`` would: that slows every attribute."""

    def __init__(self, here: str) -> None:
        self.here = here

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, thing: Any, kind: type) -> Elsewhere:
        if thing is None:  # the class is looked through
            return self
        said = f'a {kind.__name__} has no {self.name}; here that is {self.here}'
        raise AttributeError(said)  # without ``name`` and ``obj``: Python would suggest names of its own


Init: TypeAlias = Callable[Concatenate[T, Options], None]


def elsewhere(**here: str) -> Callable[[Init[T, Options]], Init[T, Options]]:
    """Return a decorator for ``__init__`` that refuses some keyword arguments, and says what does their work.

    >>> class Cell:
    ...     @elsewhere(nonlin="activation='relu' or 'identity'")
    ...     def __init__(self, inputs: int, activation: str = 'relu') -> None: ...
    >>> Cell(2, nonlin=False)
    Traceback (most recent call last):
        ...
    TypeError: a Cell has no nonlin=False; here that is activation='relu' or 'identity'
    """

    def decorated(init: Init[T, Options]) -> Init[T, Options]:
        @wraps(init)
        def __init__(self: T, /, *arguments: Options.args, **options: Options.kwargs) -> None:
            for name in here.keys() & options:
                said = f'a {type(self).__name__} has no {name}={options[name]!r}; here that is {here[name]}'
                raise TypeError(said)
            init(self, *arguments, **options)

        return __init__

    return decorated
