"""What a program remembers, as bytes, and back: numbers, text, and containers of them. No pickle: it cannot run code.

One line of JSON describes all; the numbers of long lists and arrays stand behind it, 8 bytes each, the least first.
An object is what its attributes are: it is not made from bytes, but put back into one of the same class that is
there already.

>>> unpack(pack({'weights': [0.1, -0.0], 'step': 3, 'third': Fraction(1, 3)}))
{'weights': [0.1, -0.0], 'step': 3, 'third': Fraction(1, 3)}
>>> pack([print])
Traceback (most recent call last):
    ...
TypeError: the state[0] is <built-in function print>, which cannot be kept: there is room for numbers, text, \
lists, tuples, dictionaries, arrays, random.Random, and objects whose attributes are such
"""

from __future__ import annotations

import json
import reprlib
import sys
from array import array
from collections.abc import Callable
from math import isfinite
from random import Random
from typing import Any

from .._extras import needed
from ..engine.functions import is_array
from ..engine.numbers import Fraction

__all__ = ['is_plain', 'pack', 'unpack']

#: A list of so many numbers is written as numbers, not as text.
MANY = 8
#: Classes that Python code does not define have this flag; not all of their objects is in attributes.
IMMUTABLE_TYPE = 1 << 8


def pack(thing: Any, what: str = 'the state') -> bytes:
    """Return what ``unpack`` makes the thing of again. Raises TypeError, naming the place, for what cannot be kept."""
    packer = _Packer()
    try:
        form = packer.form(thing, what)
    except RecursionError:
        raise TypeError(f'{what} holds itself, or is too deep to be kept') from None
    return json.dumps(form, separators=(',', ':')).encode() + b'\n' + packer.numbers


def unpack(data: bytes, like: Any = None, check: Callable[[Any], None] = lambda thing: None) -> Any:
    """Return what was packed; objects within are put into those that are at their places in ``like``.

    Raises ValueError for other bytes, for objects of other classes, and if ``check`` does for the whole; then
    nothing is put anywhere.
    """
    text, _, numbers = data.partition(b'\n')
    unpacker = _Unpacker(numbers)
    try:
        thing = unpacker.thing(json.loads(text), like)
        check(thing)
        for put in unpacker.later:
            put()
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as trouble:
        raise ValueError(f'it does not hold what it should: {trouble}') from trouble
    return thing


def is_plain(thing: Any) -> bool:
    """Tell whether all there is to an object is in its attributes, or in what its class says is its state."""
    kind = type(thing)
    if any(getattr(kind, name) is not getattr(object, name) for name in ('__reduce__', '__reduce_ex__')):
        return False
    return not isinstance(thing, type) and not any(base.__flags__ & IMMUTABLE_TYPE for base in kind.__mro__[:-1])


class _Packer:
    """Says what things are in JSON's terms, and gathers their numbers."""

    def __init__(self) -> None:
        self.numbers = bytearray()

    def form(self, thing: Any, where: str) -> Any:
        if thing is None or type(thing) in (bool, str):
            return thing
        if is_array(thing) or (type(thing).__module__ == 'numpy' and hasattr(thing, 'dtype')):
            return self._numpy(thing, where)
        if isinstance(thing, Fraction):
            return {'fraction': [hex(thing.numerator), hex(thing.denominator)]}
        if type(thing) is int:
            return thing if abs(thing) < 1 << 63 else {'int': hex(thing)}
        if type(thing) is float:
            return thing if isfinite(thing) else {'float': str(thing)}
        if type(thing) in (list, tuple):
            return self._listed(thing, where)
        if type(thing) is dict:
            return {'dict': [[self.form(key, f'a key of {where}'), self.form(value, f'{where}[{key!r}]')]
                             for key, value in thing.items()]}  # fmt: skip
        if isinstance(thing, array) and thing.typecode in 'dq':
            return {'array': [thing.typecode, *self._put(thing)]}
        if type(thing) is Random:
            return {'random': self.form(thing.getstate(), where)}
        if is_plain(thing) and not callable(getattr(thing, '__qualname__', None)):
            return {'object': [_class(thing), self.form(thing.__getstate__(), f'the attributes of {where}')]}
        raise TypeError(
            f'{where} is {reprlib.repr(thing)}, which cannot be kept: there is room for numbers, text, lists, '
            'tuples, dictionaries, arrays, random.Random, and objects whose attributes are such'
        )

    def _listed(self, things: Any, where: str) -> Any:
        """Write many numbers, or many pairs of them and the like, as numbers."""
        is_tuple = type(things) is tuple
        if len(things) >= MANY:
            kinds = {*map(type, things)}
            if kinds == {float}:
                return {'numbers': ['d', is_tuple, *self._put(array('d', things))]}
            if kinds == {int} and all(-(1 << 63) <= n < 1 << 63 for n in things):
                return {'numbers': ['q', is_tuple, *self._put(array('q', things))]}
            if kinds == {tuple} and len({*map(len, things)}) == 1 and things[0]:
                columns = [self.form([row[k] for row in things], where) for k in range(len(things[0]))]
                return {'rows': [is_tuple, columns]}
        forms = [self.form(thing, f'{where}[{place}]') for place, thing in enumerate(things)]
        return {'tuple': forms} if is_tuple else forms

    def _numpy(self, thing: Any, where: str) -> Any:
        numpy = needed('numpy', 'an array in a checkpoint')
        known = type(thing) in (numpy.ndarray, thing.dtype.type)
        if not known or thing.dtype.kind not in 'biuf' or not thing.dtype.isnative:
            raise TypeError(f'{where} is an array of dtype {thing.dtype}, which cannot be kept: only numbers can')
        content = numpy.asarray(thing)
        start = len(self.numbers)
        self.numbers += content.astype(content.dtype.newbyteorder('<')).tobytes()
        return {'numpy': [content.dtype.str[1:], [*content.shape], type(thing) is not numpy.ndarray, start]}

    def _put(self, numbers: array[Any]) -> tuple[int, int]:
        start = len(self.numbers)
        self.numbers += _least_first(numbers).tobytes()
        return start, len(numbers)


class _Unpacker:
    """Makes things of what a packer said; objects that are there get theirs when all else is done."""

    def __init__(self, numbers: bytes) -> None:
        self.numbers = numbers
        self.later: list[Callable[[], None]] = []

    def thing(self, form: Any, like: Any) -> Any:
        if isinstance(form, list):
            return [self.thing(part, _at(like, place)) for place, part in enumerate(form)]
        if not isinstance(form, dict):
            return form
        ((kind, content),) = form.items()
        made: Any = getattr(self, f'_{kind}')(content, like)
        return made

    def _int(self, content: str, like: Any) -> int:
        return int(content, 16)

    def _float(self, content: str, like: Any) -> float:
        return {'nan': float('nan'), 'inf': float('inf'), '-inf': float('-inf')}[content]

    def _fraction(self, content: list[str], like: Any) -> Fraction:
        above, below = content
        return Fraction(int(above, 16), int(below, 16))

    def _tuple(self, content: list[Any], like: Any) -> tuple[Any, ...]:
        return tuple(self.thing(content, like))

    def _dict(self, content: list[Any], like: Any) -> dict[Any, Any]:
        pairs = ((self.thing(key, None), value) for key, value in content)
        return {key: self.thing(value, _at(like, key)) for key, value in pairs}

    def _array(self, content: list[Any], like: Any) -> array[Any]:
        return self._take(*content)

    def _numbers(self, content: list[Any], like: Any) -> Any:
        typecode, is_tuple, start, count = content
        numbers = self._take(typecode, start, count).tolist()
        return tuple(numbers) if is_tuple else numbers

    def _rows(self, content: list[Any], like: Any) -> Any:
        is_tuple, columns = content
        rows = zip(*(self.thing(column, None) for column in columns), strict=True)
        return tuple(rows) if is_tuple else [*rows]

    def _numpy(self, content: list[Any], like: Any) -> Any:
        numpy = needed('numpy', 'an array in a checkpoint')
        kind, shape, is_number, start = content
        if kind[:1] not in ('b', 'i', 'u', 'f'):
            raise ValueError(f'there are no numbers of kind {kind!r}')
        dtype = numpy.dtype(f'<{kind}')
        size = dtype.itemsize
        for length in shape:
            size *= length
        made = numpy.frombuffer(self._bytes(start, size), dtype).reshape(shape).astype(dtype.newbyteorder('='))
        return made[()] if is_number else made

    def _random(self, content: Any, like: Any) -> Random:
        state, given = self.thing(content, None), like if type(like) is Random else Random()
        Random().setstate(state)  # refuses what is none
        self.later.append(lambda: given.setstate(state))
        return given

    def _object(self, content: list[Any], like: Any) -> Any:
        name, form = content
        if not is_plain(like) or _class(like) != name:
            raise ValueError(f'it is of an object of class {name}, and there is {like!r}')
        state = self.thing(form, like.__getstate__())
        self.later.append(lambda: _set_state(like, state))
        return like

    def _take(self, typecode: str, start: int, count: int) -> array[Any]:
        if typecode not in ('d', 'q'):
            raise ValueError(f'there are no numbers of kind {typecode!r}')
        numbers = array(typecode)
        numbers.frombytes(self._bytes(start, 8 * count))
        return _least_first(numbers)

    def _bytes(self, start: int, size: int) -> bytes:
        if not 0 <= start <= start + size <= len(self.numbers):
            raise ValueError('there are too few numbers')
        return self.numbers[start : start + size]


def _set_state(thing: Any, state: Any) -> None:
    if hasattr(thing, '__setstate__'):
        thing.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if hasattr(thing, '__dict__'):
        vars(thing).clear()
        vars(thing).update(attributes or {})
    for name, value in (slots or {}).items():
        object.__setattr__(thing, name, value)


def _at(like: Any, place: Any) -> Any:
    """Return what is at a place of a container, None if there is nothing."""
    try:
        return like[place]
    except (LookupError, TypeError):
        return None


def _class(thing: Any) -> str:
    return f'{type(thing).__module__}.{type(thing).__qualname__}'


def _least_first(numbers: array[Any]) -> array[Any]:
    """Turn numbers' bytes around where the machine has the greatest first."""
    if sys.byteorder == 'big':
        numbers = numbers[:]
        numbers.byteswap()
    return numbers
