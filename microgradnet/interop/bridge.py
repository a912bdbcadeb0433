"""What every framework asks of a function: arrays of it, and of a vector times its Jacobian; for many rows at once.

>>> import numpy
>>> bridge = Bridge.of(lambda x, a: [x[0] * a, x[1]], backend='python')
>>> x, a = numpy.array([2.0, 3.0]), numpy.array(5.0)
>>> bridge(x, a)
(array([10.,  3.]),)
>>> bridge.pull(2)(x, a, numpy.array([1.0, 100.0]))  # by x, and by a
(array([  5., 100.]), array(2.))
>>> bridge.mapped()(numpy.array([x, 2 * x]), numpy.array([a, a]))
(array([[10.,  3.],
       [20.,  6.]]),)
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, TypeAlias

from .._extras import needed
from ..compiling import compile
from ..compiling.function import Function
from ..compiling.program import Program
from ..derivatives.transforms import vjp
from ..derivatives.trees import take_apart
from ..engine.checks import function
from ..engine.functions import is_array

__all__ = ['Bridge']

Shape: TypeAlias = tuple[int, ...]


class Bridge:
    """A function of arrays that returns a tuple of arrays, compiled; over ``depth`` leading axes of rows.

    A result of numbers, or of lists as long as each other, is an array; a tuple is several.
    """

    flat: _Flat
    compiled: Function
    depth: int

    def __init__(self, flat: _Flat, compiled: Function, depth: int = 0) -> None:
        self.flat, self.compiled, self.depth = flat, compiled, depth
        self._pulls: dict[int, Bridge] = {}

    @classmethod
    def of(cls, f: Callable[..., Any], *, backend: str | None = None) -> Bridge:
        """Make one of any function that ``compile`` takes, or that it has returned, whose backend it keeps."""
        if isinstance(f, Function):
            backend, f = backend or f.backend, f.f
        wanted = 'a function of numbers, or what compile has made of one'
        if isinstance(f, Program):
            raise TypeError(f'f must be {wanted}, not {f!r}: give the function that the Program was recorded from')
        flat = _Flat(function('f', f, wanted))
        return cls(flat, compile(flat, backend=backend))

    @property
    def name(self) -> str:
        return self.flat.__name__

    @property
    def is_tuple(self) -> bool:
        """Whether the function, called already, returned a tuple."""
        return self.flat.is_tuple

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        """Return the results for arrays of floats."""
        numpy = needed('numpy', self.name, extra='native')
        arrays = tuple(numpy.asarray(array, dtype=float) for array in arrays)
        if not self.depth:
            numbers = self.compiled(*(array if array.ndim else array.item() for array in arrays))
            shapes = self.flat.shapes[tuple(array.shape for array in arrays)]
            return _parted(numpy.array(numbers, dtype=float), (), shapes)
        batch = arrays[0].shape[: self.depth]
        single = tuple(array.shape[self.depth :] for array in arrays)
        if not prod(batch):
            shapes = self.results(*single)
            return tuple(numpy.zeros((*batch, *shape)) for shape in shapes)
        rows = [array.reshape((prod(batch), *shape)) for array, shape in zip(arrays, single)]
        return _parted(self.compiled.map(*rows), batch, self.flat.shapes[single])

    def results(self, *shapes: Shape) -> tuple[Shape, ...]:
        """Return the shapes of the results for arguments of some shapes; where none came yet, by a call with ones."""
        if shapes not in self.flat.shapes:
            numpy = needed('numpy', self.name, extra='native')
            self.compiled(*(numpy.ones(shape) if shape else 1.0 for shape in shapes))
        return self.flat.shapes[shapes]

    def mapped(self, axes: int = 1) -> Bridge:
        """Return the same over so many more leading axes of all arguments."""
        return Bridge(self.flat, self.compiled, self.depth + axes)

    def begun(self, arguments: tuple[Any, ...]) -> None:
        """Refuse a call without arguments: nothing of another framework would be in it."""
        if not arguments:
            raise TypeError(f'{self.name} must be called with at least one argument, and is with none')

    def pull(self, arguments: int) -> Bridge:
        """Return the vector times the Jacobian: of so many arguments and then an array for each result, by the first.

        It is a bridge, too, so that derivatives of any order follow.
        """
        if arguments not in self._pulls:
            flat = self.flat

            def pulled(*both: Any) -> Any:
                w = [leaf for part in both[arguments:] for leaf in take_apart(part)[0]]
                return vjp(lambda xs: flat(*xs), both[:arguments], w)[1]

            pulled.__name__ = f'the derivative of {self.name}'
            made = Bridge.of(pulled, backend=self.compiled.backend)
            self._pulls[arguments] = Bridge(made.flat, made.compiled, self.depth)
        return self._pulls[arguments]


class _Flat:
    """A function whose results are one list of numbers; their shapes are kept, by those of the arguments."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f, self.__name__ = f, getattr(f, '__name__', type(f).__name__)
        self.shapes: dict[tuple[Shape, ...], tuple[Shape, ...]] = {}
        self.is_tuple = False

    def __call__(self, *arguments: Any) -> list[Any]:
        returned = self.f(*arguments)
        self.is_tuple = isinstance(returned, tuple)
        parts = returned if isinstance(returned, tuple) else (returned,)
        shapes = tuple(_shape(part, self.__name__) for part in parts)
        known = self.shapes.setdefault(tuple(getattr(a, 'shape', ()) for a in arguments), shapes)
        if known != shapes:
            raise ValueError(
                f'{self.__name__} must return arrays of one shape whatever the numbers are, not {known} and {shapes}'
            )
        return [leaf for part in parts for leaf in take_apart(part)[0]]


def _shape(part: Any, name: str) -> Shape:
    """Return the shape of a number, an array, or lists that are as long as each other."""
    if is_array(part):
        return tuple(part.shape)
    if not isinstance(part, (list, tuple)):
        if isinstance(part, dict):
            raise TypeError(f'{name} must return numbers, lists or arrays of them, or a tuple of these, not {part!r}')
        return ()
    inner = {_shape(each, name) for each in part}
    if len(inner) > 1:
        raise ValueError(f'{name} must return lists as long as each other, not of the shapes {sorted(inner)}')
    return (len(part), *(inner.pop() if inner else ()))


def _parted(numbers: Any, batch: Shape, shapes: tuple[Shape, ...]) -> tuple[Any, ...]:
    """Cut numbers, those of a row in the last axis, into arrays."""
    found, first = [], 0
    for shape in shapes:
        found.append(numbers[..., first : first + prod(shape)].reshape((*batch, *shape)))
        first += prod(shape)
    return tuple(found)
