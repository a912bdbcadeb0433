"""What every framework asks of a function: arrays of it, and of a vector times its Jacobian; for many rows at once.

>>> import numpy
>>> bridge = bridge_of(lambda x, a: [x[0] * a, x[1]], backend='python')
>>> x, a = numpy.array([2.0, 3.0]), numpy.array(5.0)
>>> bridge(x, a)
(array([10.,  3.]),)
>>> bridge.pull(2)(x, a, numpy.array([1.0, 100.0]))  # by x, and by a
(array([  5., 100.]), array(2.))
>>> bridge.mapped()(numpy.array([x, 2 * x]), numpy.array([a, a]))
(array([[10.,  3.],
       [20.,  6.]]),)

Of a Program the arguments are its rows, in leading axes, and its parameters, which all rows share:

>>> from microgradnet import Value
>>> x, w = Value(1.0), Value(2.0)
>>> bridge = bridge_of(Program(w * x, rows=[x], parameters=[w], backend='python'))
>>> rows, theta = numpy.array([[1.0], [2.0], [3.0]]), numpy.array([10.0])
>>> bridge(rows, theta)
(array([10., 20., 30.]),)
>>> bridge.pull(2)(rows, theta, numpy.ones(3))[1]  # by the parameter: summed over the rows
array([6.])
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any, NoReturn, TypeAlias

from .._extras import needed
from ..compiling import compile
from ..compiling.function import Function
from ..compiling.program import Program
from ..derivatives.transforms import hvp, jvp, vjp
from ..derivatives.trees import take_apart
from ..engine.checks import function
from ..engine.functions import dot, is_array

__all__ = ['Bridge', 'Bridged', 'bridge_of']

Shape: TypeAlias = tuple[int, ...]
WANTED = 'a function of numbers, or what compile has made of one or of a graph'


class Bridge(ABC):
    """Arrays in, a tuple of arrays out, and ``pull``, which is a bridge, too; over ``depth`` axes before all others.

    A result of numbers, or of lists as long as each other, is an array; a tuple is several.
    """

    name: str
    depth: int
    #: Whether the function, called already, returned a tuple.
    is_tuple: bool

    @abstractmethod
    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        """Return the results for arrays of floats."""

    @abstractmethod
    def results(self, *shapes: Shape) -> tuple[Shape, ...]:
        """Return the shapes of the results for arguments of some shapes, without the axes of ``depth``."""

    @abstractmethod
    def mapped(self, axes: int = 1) -> Bridge:
        """Return the same over so many more leading axes of all arguments."""

    @abstractmethod
    def pull(self, arguments: int) -> Bridge:
        """Return the vector times the Jacobian: of so many arguments and then an array for each result, by the first.

        It is compiled as the sweep back through the program of the function, and its own ``pull`` as the tangent of
        that sweep.
        """

    @abstractmethod
    def push(self, arguments: int) -> Bridge:
        """Return the Jacobian times a vector: of so many arguments and then how each of them moves.

        It is compiled as the tangent of the program, and that of a ``pull`` as the tangent of the sweep.
        """


def bridge_of(f: Any, *, backend: str | None = None) -> Bridge:
    """Make one of any function that ``compile`` takes, or of what it has returned, which keeps how it is compiled."""
    if isinstance(f, Program):
        return _OfProgram(f)
    options: dict[str, Any] = {'backend': backend}
    if isinstance(f, Function):
        options = {'backend': backend or f.backend, 'threads': f.threads, 'fast': f.fast, 'most_paths': f.most_paths}
        f = f.f
    return _OfFunction(_Flat(function('f', f, WANTED)), options)


class Bridged:
    """What a framework calls: made of f by one of the ``to_...``, and, pickled, made anew by it."""

    make: Callable[[Any], Any]
    f: Any
    bridge: Bridge
    call: Callable[..., Any]
    __name__: str

    def __init__(self, make: Callable[[Any], Any], f: Any, bridge: Bridge, call: Callable[..., Any]) -> None:
        self.make, self.f, self.bridge, self.call = make, f, bridge, call
        self.__name__ = self.__qualname__ = bridge.name

    def __call__(self, *arguments: Any) -> Any:
        if not arguments:  # nothing of another framework would be in it
            raise TypeError(f'{self.__name__} must be called with at least one argument, and is with none')
        found = self.call(*arguments)
        return tuple(found) if self.bridge.is_tuple else found[0]

    def __repr__(self) -> str:
        return f'<{self.make.__name__} of {self.__name__}>'

    def __reduce__(self) -> Any:
        return self.make, (self.f,)


class _OfFunction(Bridge):
    """A function or what is pulled back of it, compiled for each tuple of shapes as one of vectors."""

    def __init__(self, flat: _Flat | _Derived, options: dict[str, Any], depth: int = 0) -> None:
        self.flat, self.options, self.depth, self.name = flat, options, depth, flat.__name__
        self._compiled: dict[tuple[Shape, ...], Function] = {}
        self._derived: dict[tuple[type[_Derived], int], _OfFunction] = {}

    @property
    def is_tuple(self) -> bool:  # type: ignore[override]
        return self.flat.is_tuple

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        numpy = needed('numpy', self.name, extra='native')
        arrays = tuple(numpy.asarray(array, dtype=float) for array in arrays)
        batch = arrays[0].shape[: self.depth]
        shapes = tuple(array.shape[self.depth :] for array in arrays)
        count = prod(batch)
        if not count:
            return tuple(numpy.zeros((*batch, *shape)) for shape in self.results(*shapes))
        rows = numpy.concatenate([array.reshape(count, prod(shape)) for array, shape in zip(arrays, shapes)], axis=1)
        numbers = numpy.asarray(self._run(shapes, rows if self.depth else rows[0]), dtype=float)
        return _parted(numbers, batch, self.results(*shapes))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {'_compiled': {}, '_derived': {}}  # of which there is more with every call

    def _run(self, shapes: tuple[Shape, ...], rows: Any) -> Any:
        """Return the numbers of the results for one vector of all arguments, or for each of many."""
        if shapes not in self._compiled:
            self._compiled[shapes] = compile(self.flat.to_compile(shapes), **self.options)
        compiled = self._compiled[shapes]
        return self.flat.run(compiled if rows.ndim == 1 else compiled.map, shapes, rows)

    def results(self, *shapes: Shape) -> tuple[Shape, ...]:
        found = self.flat.results(shapes)
        if found is None:  # where none came yet, it is found out by a call with ones
            numpy = needed('numpy', self.name, extra='native')
            self._run(shapes, numpy.ones(_size(shapes)))
            found = self.flat.results(shapes)
        assert found is not None
        return found

    def mapped(self, axes: int = 1) -> Bridge:
        made = _OfFunction(self.flat, self.options, self.depth + axes)
        made._compiled, made._derived = self._compiled, self._derived  # compiled once, for any number of axes
        return made

    def pull(self, arguments: int) -> Bridge:
        return self._of(_Pulled, arguments)

    def push(self, arguments: int) -> Bridge:
        return self._of(_Pushed, arguments)

    def _of(self, kind: type[_Derived], arguments: int) -> Bridge:
        key = kind, arguments
        if key not in self._derived:
            self._derived[key] = _OfFunction(kind(self.flat, arguments), self.options)
        return self._derived[key].mapped(self.depth)


class _Flat:
    """A function whose results are one list of numbers; their shapes are kept, by those of the arguments."""

    __name__: str
    is_tuple = False

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f, self.__name__ = f, getattr(f, '__name__', type(f).__name__)
        self._shapes: dict[tuple[Shape, ...], tuple[Shape, ...]] = {}

    def results(self, shapes: tuple[Shape, ...]) -> tuple[Shape, ...] | None:
        return self._shapes.get(shapes)

    def vector(self, shapes: tuple[Shape, ...]) -> Callable[[Any], list[Any]]:
        """Return it as a function of one vector."""

        def flat(v: Any) -> list[Any]:
            arguments = [part if part.ndim else part.item() for part in _parted(v, (), shapes)]
            returned = self.f(*arguments)
            self.is_tuple = isinstance(returned, tuple)
            parts = returned if isinstance(returned, tuple) else (returned,)
            found = tuple(_shape(part, self.__name__) for part in parts)
            known = self._shapes.setdefault(shapes, found)
            if known != found:
                raise ValueError(
                    f'{self.__name__} must return arrays of one shape whatever the numbers are, not {known} and {found}'
                )
            return [leaf for part in parts for leaf in take_apart(part)[0]]

        flat.__name__ = self.__name__
        return flat

    to_compile = vector

    def run(self, compiled: Callable[..., Any], shapes: tuple[Shape, ...], rows: Any) -> Any:
        return compiled(rows)


class _Derived(ABC):
    """A derivative of another one, of its arguments and behind them of a vector; that is compiled.

    Of a function it is the sweep back through its program, or the tangent of that program. Of v J(x), the sweep, it is
    what the Hessian of v f(x) by x and v says, the tangent of the sweep; and so it is of J(x) u, pulled back by v. Only
    further on the derivative is recorded.
    """

    __name__: str
    is_tuple = True
    transform: Callable[..., Any]

    def __init__(self, of: _Flat | _Derived, arguments: int) -> None:
        self.of, self.arguments, self.__name__ = of, arguments, f'the derivative of {of.__name__}'

    @abstractmethod
    def results(self, shapes: tuple[Shape, ...]) -> tuple[Shape, ...] | None:
        """Return the shapes of the results, if they are known."""

    @abstractmethod
    def by_hessian(self, product: Callable[[Any, Any], Any], x: Any, v: Any, size: int) -> Any:
        """Return it by the Hessian times a vector, where it is the second derivative by so many numbers."""

    @property
    @abstractmethod
    def is_second(self) -> bool:
        """Whether it is what a Hessian says."""

    def to_compile(self, shapes: tuple[Shape, ...]) -> Callable[..., Any]:
        if not isinstance(self.of, _Derived) or not self.is_second:
            return partial(self.transform, self.of.vector(shapes[: self.arguments]))
        size, inner = _size(shapes[: self.of.arguments]), self.of.of.vector(shapes[: self.of.arguments])
        return hvp(lambda both: dot(inner(both[:size]), both[size:]))

    def vector(self, shapes: tuple[Shape, ...]) -> Callable[[Any], Any]:
        of = self.to_compile(shapes)
        return lambda v: self.run(of, shapes, v)

    def run(self, compiled: Callable[..., Any], shapes: tuple[Shape, ...], rows: Any) -> Any:
        size = _size(shapes[: self.arguments])
        x, v = rows[..., :size], rows[..., size:]
        if isinstance(self.of, _Derived) and self.is_second:
            return self.by_hessian(compiled, x, v, _size(shapes[: self.of.arguments]))
        found = compiled(x, v)
        return found[:, 1] if is_array(found) else found[1]


class _Pulled(_Derived):
    """A vector times the Jacobian: by the first arguments, of an array for each result."""

    transform = staticmethod(vjp)

    @property
    def is_second(self) -> bool:
        return isinstance(self.of, _Derived) and isinstance(self.of.of, _Flat)

    def results(self, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return shapes[: self.arguments]

    def by_hessian(self, product: Callable[[Any, Any], Any], x: Any, v: Any, size: int) -> Any:
        numpy = needed('numpy', self.__name__, extra='native')
        if isinstance(self.of, _Pushed):  # v J(x) u, by x and by u
            x, u = x[..., :size], x[..., size:]
            at = numpy.concatenate([x, v], axis=-1)
            by_x = product(at, numpy.concatenate([u, numpy.zeros(v.shape)], axis=-1))
            by_u = product(at, numpy.concatenate([numpy.zeros(x.shape), v], axis=-1))
            return numpy.concatenate([by_x[..., :size], by_u[..., :size]], axis=-1)
        still = numpy.zeros((*x.shape[:-1], x.shape[-1] - size))
        return product(x, numpy.concatenate([v, still], axis=-1))


class _Pushed(_Derived):
    """The Jacobian times a vector, which is an array for each argument."""

    transform = staticmethod(jvp)

    @property
    def is_second(self) -> bool:
        return isinstance(self.of, _Pulled) and isinstance(self.of.of, _Flat)

    def results(self, shapes: tuple[Shape, ...]) -> tuple[Shape, ...] | None:
        return self.of.results(shapes[: self.arguments])

    def by_hessian(self, product: Callable[[Any, Any], Any], x: Any, v: Any, size: int) -> Any:
        return product(x, v)[..., :size]


class _OfProgram(Bridge):
    """Rows, of a program that has any, in whatever axes; and parameters, which may be left out: those of now, constant.

    ``order``: so many times it was pulled; behind the arguments are an array for each result, and then, of the second
    order, one for each argument. Each place in the axes of ``depth`` is a call.
    """

    def __init__(self, program: Program, order: int = 0, arguments: int = 0, depth: int = 0) -> None:
        self.program, self.order, self.arguments, self.depth = program, order, arguments, depth
        self.name, template = 'the Program', program.batches.template
        self.is_tuple = isinstance(template, tuple)
        self.shapes = tuple(_shape(part, self.name) for part in (template if self.is_tuple else [template]))

    def results(self, *shapes: Shape) -> tuple[Shape, ...]:
        width, parameters = self.program.width, len(self.program.parameters)
        if self.order:
            return shapes[: self.arguments + len(self.shapes) * (self.order - 1)]
        wanted = [f'rows, of shape (..., {width})'] * bool(width) + [f'parameters, of shape ({parameters},)']
        if len(shapes) > len(wanted):
            raise TypeError(
                f'{self.name} must be called with its {" and its ".join(wanted)}, not {len(shapes)} arguments'
            )
        for place, (shape, what) in enumerate(zip(shapes, wanted)):
            if shape[-1:] != (width,) if width and not place else shape != (parameters,):
                raise ValueError(f'argument {place} of {self.name} must be its {what}, not of shape {shape}')
        return tuple((*self._batch(shapes), *shape) for shape in self.shapes)

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        numpy = needed('numpy', self.name, extra='native')
        arrays = tuple(numpy.asarray(array, dtype=float) for array in arrays)
        if not self.depth:
            return self._call(arrays)
        batch = arrays[0].shape[: self.depth]
        calls = [self._call(tuple(array[place] for array in arrays)) for place in numpy.ndindex(batch)]
        shapes = self.results(*(array.shape[self.depth :] for array in arrays))
        return tuple(
            numpy.array([found[k] for found in calls]).reshape((*batch, *shape)) for k, shape in enumerate(shapes)
        )

    def mapped(self, axes: int = 1) -> Bridge:
        return _OfProgram(self.program, self.order, self.arguments, self.depth + axes)

    def pull(self, arguments: int) -> _OfProgram:
        if self.order == 2:
            _no_third()
        count = self.arguments if self.order else arguments
        return _OfProgram(self.program, self.order + 1, count, self.depth)

    def push(self, arguments: int) -> Bridge:
        return _PushOfProgram(self, arguments) if self.order < 2 else _no_third()

    def _call(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        batches, shapes, count = self.program.batches, [array.shape for array in arrays], self.arguments or len(arrays)
        results, end = self.results(*shapes), count + len(self.shapes)
        rows, theta = self._sorted(arrays[:count])
        if not self.order:
            return _parted(batches(rows, theta), self._batch(shapes), self.shapes)
        numpy = needed('numpy', self.name, extra='native')
        parts = [part.reshape(len(rows), prod(shape)) for part, shape in zip(arrays[count:end], self.shapes)]
        weights = numpy.concatenate(parts, axis=1)
        if self.order == 1:
            by_rows, by_theta = batches.pull(rows, theta, weights)
            more: tuple[Any, ...] = ()
        else:
            of_rows, of_theta = self._sorted(arrays[end:], still=True)
            by_rows, by_theta, by_weights = batches.moved(rows, theta, weights, of_rows, of_theta)
            more = _parted(by_weights, self._batch(shapes), self.shapes)
        found = [by_rows, by_theta] if self.program.width else [by_theta]
        return tuple(part.reshape(shape) for part, shape in zip(found[:count], results)) + more

    def _batch(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0][:-1] if self.program.width else ()

    def _sorted(self, arrays: tuple[Any, ...], still: bool = False) -> tuple[Any, Any]:
        """Return the rows, one after the other, and the parameters: of those left out the numbers of now, or 0."""
        numpy, width = needed('numpy', self.name, extra='native'), self.program.width
        rows, *left = (arrays[0].reshape(-1, width), *arrays[1:]) if width else (numpy.zeros((1, 0)), *arrays)
        now = [0.0 if still else float(p.data) for p in self.program.parameters]
        return rows, left[0] if left else numpy.array(now)


class _PushOfProgram(Bridge):
    """How the results of a program, or of what is pulled back of it, move with the arguments: by what is pulled next.

    That of y by w J(x) u is the same number J(x) u whatever w is; and w J(x) moves with w, too.
    """

    is_tuple = True

    def __init__(self, of: _OfProgram, arguments: int) -> None:
        self.of, self.arguments, self.name, self.depth = of, arguments, of.name, of.depth

    def results(self, *shapes: Shape) -> tuple[Shape, ...]:
        return self.of.results(*shapes[: self.arguments])

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        numpy = needed('numpy', self.name, extra='native')
        given, moves, count = arrays[: self.arguments], arrays[self.arguments :], self.of.arguments
        if self.of.order:
            found = self.of.pull(self.arguments)(*given, *moves[:count])
            return tuple(a + b for a, b in zip(self.of(*given[:count], *moves[count:]), found))
        batch = given[0].shape[: self.depth]
        shapes = self.results(*(array.shape[self.depth :] for array in given))
        still = [numpy.zeros((*batch, *shape)) for shape in shapes]
        twice = self.of.pull(self.arguments).pull(self.arguments + len(still))
        return twice(*given, *still, *moves)[self.arguments :]

    def mapped(self, axes: int = 1) -> Bridge:
        of = _OfProgram(self.of.program, self.of.order, self.of.arguments, self.depth + axes)
        return _PushOfProgram(of, self.arguments)

    def pull(self, arguments: int) -> Bridge:
        _no_third()

    def push(self, arguments: int) -> Bridge:
        _no_third()


def _no_third() -> NoReturn:
    raise TypeError('the Program has derivatives of two orders, the second of a gradient: for others give a function')


def _size(shapes: Sequence[Shape]) -> int:
    return sum(map(prod, shapes))


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
