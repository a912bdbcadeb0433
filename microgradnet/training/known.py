"""How functions and objects are known again, in another process, another day.

What Python code says is known by that: a hash of the function's code, its constants and names, its defaults, and what
it takes from around it. So two lambdas are told apart, and one that was edited is another.

>>> known_as(print), known_as(0.5)
('builtins.print', '0.5')
>>> known_as(lambda y, t: y - t) == known_as(lambda y, t: t - y), known_as(lambda r: r) == known_as(lambda r: r)
(False, True)
"""

from __future__ import annotations

import dis
import reprlib
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import blake2b
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from ..engine.functions import is_array
from ..engine.numbers import Fraction
from ..engine.value import Value
from ..nets.net import Activation
from .packing import is_plain

__all__ = ['hash_of', 'known_as']

OURS = __name__.partition('.')[0]


def known_as(thing: Any, what: str = 'it', learned: Sequence[Value] = ()) -> str:
    """Return what a function or an object is known by. Of nodes that are ``learned`` it is not the number.

    Raises ValueError, naming it and ``what`` it is, if what it takes from around it cannot be known again.
    """
    return _Known(thing, what, learned).text(thing, '')


class _Known:
    """What a thing is known by; what it refers to again and again is looked at once."""

    def __init__(self, root: Any, what: str, learned: Sequence[Value]) -> None:
        self.root, self.what = root, what
        self.learned = {id(node): f'learned {place}' for place, node in enumerate(learned)}
        self.module = getattr(root, '__module__', None)
        self.known: dict[int, tuple[Any, str]] = {}  # with the thing, so that its id stays its own

    def text(self, thing: Any, place: str, strict: bool = True) -> str:
        """Return it as text; ``place`` is how the root refers to it. Not strict: what cannot be known is its class."""
        if thing is None or isinstance(thing, (bool, int, float, complex, str, bytes, Fraction)):
            return repr(thing)
        if type(thing).__name__ == 'ufunc':  # of NumPy or SciPy
            return repr(thing)
        if isinstance(thing, ModuleType):
            return f'module {thing.__name__}'
        of_a_module = isinstance(thing, BuiltinFunctionType) and isinstance(thing.__self__, ModuleType)
        if isinstance(thing, type) or of_a_module:
            return f'{thing.__module__}.{thing.__qualname__}'
        if is_array(thing) or (type(thing).__module__ == 'numpy' and hasattr(thing, 'dtype')):
            if thing.dtype.kind != 'O':
                return f'{type(thing).__qualname__} {thing.dtype.str} {thing.shape} {hash_of(thing.tobytes())}'
            return f'array {thing.shape} {self.text(thing.tolist(), place, strict)}'
        if id(thing) not in self.known:
            self.known[id(thing)] = thing, 'what it is part of'
            self.known[id(thing)] = thing, self._composed(thing, place, strict)
        return self.known[id(thing)][1]

    def _composed(self, thing: Any, place: str, strict: bool) -> str:
        if isinstance(thing, (tuple, list, dict, set, frozenset)):
            return self._container(thing, place, strict)
        if isinstance(thing, FunctionType):
            return self._function(thing, place)
        if isinstance(thing, (MethodType, BuiltinFunctionType)):
            owner = self.text(thing.__self__, f'{place} of', strict)
            return f'{thing.__qualname__} {owner} {self.text(getattr(thing, "__func__", None), place, strict)}'
        if isinstance(thing, partial):
            return f'partial {self.text((thing.func, thing.args, thing.keywords), place, strict)}'
        if isinstance(thing, Value):
            return self.learned.get(id(thing)) or f'Value({self.text(thing.data, place, strict)})'
        if isinstance(thing, Activation):
            return self.text(thing.g, place, strict)
        return self._object(thing, place, strict)

    def _container(self, thing: Any, place: str, strict: bool) -> str:
        name = type(thing).__qualname__
        if isinstance(thing, dict):
            pairs = ((self.text(key, place, strict), self.text(value, place, strict)) for key, value in thing.items())
            return f'{name}({", ".join(f"{key}: {value}" for key, value in pairs)})'
        parts = [self.text(part, place, strict) for part in thing]
        return f'{name}({", ".join(sorted(parts) if isinstance(thing, (set, frozenset)) else parts)})'

    def _function(self, f: FunctionType, place: str) -> str:
        name = f'{f.__module__}.{f.__qualname__}'
        if (f.__module__ or '').partition('.')[0] == OURS and _is_found(f):
            return name
        if f is not self.root and f.__module__ not in (self.module, '__main__') and _is_found(f):
            return name
        code = f.__code__
        around = [self.text(default, f'a default of {name}') for default in (f.__defaults__ or ())]
        around += [f'{key}={self.text(value, f"the default of {key} in {name}")}'
                   for key, value in (f.__kwdefaults__ or {}).items()]  # fmt: skip
        for variable, cell in zip(code.co_freevars, f.__closure__ or ()):
            try:
                content = cell.cell_contents
            except ValueError:  # not set yet
                continue
            around.append(f'{variable}: {self.text(content, f"{variable!r} in {name}")}')
        around += [f'{variable}: {self.text(f.__globals__[variable], variable, strict=False)}'
                   for variable in sorted({*_globals(code)}) if variable in f.__globals__]  # fmt: skip
        return f'{name} of code {hash_of((_code(code), around))}'

    def _object(self, thing: Any, place: str, strict: bool) -> str:
        name = type(thing).__qualname__
        if is_plain(thing):
            inside = self.text(thing.__getstate__(), f'{place or name}', strict)
            call = getattr(type(thing), '__call__', None)  # noqa: B004
            does = self.text(call, f'{name}.__call__', strict) if isinstance(call, FunctionType) else ''
            return f'{name} {hash_of((inside, does))}'
        shown = repr(thing)
        if not shown.startswith('<') and f'{id(thing):x}' not in shown.lower():
            return shown  # such as Decimal('0.1')
        if strict:
            root = getattr(self.root, '__qualname__', None) or reprlib.repr(self.root)
            refers = f'refers to {reprlib.repr(thing)}' + (f' by {place}' if place else '')
            raise ValueError(
                f'{self.what}, {root}, cannot be known again in another process: it {refers}. '
                'Give a function that takes numbers, text, arrays and functions only from around it'
            )
        return name


def _code(code: CodeType) -> Any:
    """Return what code does: not where it stands, nor how its own variables are called."""
    constants = [_code(c) if isinstance(c, CodeType) else _constant(c) for c in code.co_consts]
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    shape = counts, code.co_flags & (CO_VARARGS | CO_VARKEYWORDS)
    return code.co_code, constants, code.co_names, code.co_freevars, shape


def _constant(thing: Any) -> str:
    return f'{{{", ".join(sorted(map(repr, thing)))}}}' if isinstance(thing, frozenset) else repr(thing)


def _globals(code: CodeType) -> Iterator[str]:
    """List the names that code looks up in its module."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ('LOAD_GLOBAL', 'LOAD_NAME'):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals(constant)


def _is_found(f: FunctionType) -> bool:
    """Tell whether a function is what its module has under its name."""
    thing: Any = sys.modules.get(f.__module__)
    for name in f.__qualname__.split('.'):
        thing = getattr(thing, name, None)
    return thing is f


def hash_of(thing: Any) -> str:
    """Return a hash of bytes, or of what a thing is as text."""
    return blake2b(thing if isinstance(thing, bytes) else repr(thing).encode(), digest_size=16).hexdigest()
