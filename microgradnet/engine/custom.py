"""Operations of one's own: what the table cannot say, because only Python can compute it.

>>> from microgradnet import functions as F
>>> wave = custom(lambda x: math.sin(math.tau * x), lambda x: math.tau * F.cos(math.tau * x), name='wave')
>>> y = wave(x := Value(0.0)) * 3.0
>>> y.backward()
>>> x.grad == 3 * math.tau, wave(0.25), y.inputs[0].op
(True, 1.0, <custom operation wave(a)>)

How many operands a user's function takes: as many as its signature says, or any number.

>>> operands_of(lambda x, slope=0.01: 0.0), operands_of(lambda *terms: 0.0)
(Operands(letters='ab', default={'b': 0.01}, several=False), Operands(letters='a', default={}, several=True))
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from string import ascii_lowercase
from typing import Any, NamedTuple, NoReturn
from weakref import WeakKeyDictionary

from .._escapes import tex_text
from .algebras import TROUBLE
from .checks import said, text
from .context import ieee_arithmetic, no_grad
from .functions import elementwise, is_array
from .numbers import Fraction, Number, real
from .operation import CALL, Operation, Table
from .table import operations
from .value import Constant, Value, record, vectors

__all__ = ['Custom', 'Operands', 'Unknown', 'custom', 'operands_of']


Function = Callable[..., Any]


def custom(
    value: Function, partials: Function | Sequence[Function], *, name: str | None = None, latex: str | None = None
) -> Custom:
    """Make an operation of a function and its partial derivatives; return what applies it.

    ``value`` is any function of numbers that returns a number: of as many as it has
    parameters (those with a default may be left out), or, written ``value(*terms)``, of
    any number of them. ``partials`` takes the same operands and returns the partial
    derivative, or a tuple with one for each operand, None where no signal travels; or it
    is a list of functions, one for each operand.

    The result is used as the functions of the table are: on numbers it gives a number,
    on a ``Value`` it records one node, on arrays it works element by element. For second
    and higher derivatives the partials are called with ``Value``s: write them with
    ``microgradnet.functions``, not ``math``; otherwise a second derivative is a TypeError.
    Whatever the partials raise of ArithmeticError and ValueError, or return that is complex,
    becomes nan; a value that is complex is a ValueError.

    ``name`` (that of ``value``, if not given) and ``latex``, a template such as
    ``r'\\operatorname{li} {a}'`` with the operands ``{a}``, ``{b}`` and so on, are how it is
    printed. Nodes can be pickled if the functions can: those of a module, not lambdas.

    Raises ValueError for a name that is no identifier or an operation's already, or where
    the number of partials does not fit; TypeError for what is no function.

    >>> from microgradnet import functions as F

    >>> from microgradnet import grad
    >>> root = custom(lambda x, n: x ** (1 / n), [
    ...     lambda x, n: root(x, n) / (n * x),
    ...     lambda x, n: -root(x, n) * F.log(x) / (n * n),
    ... ], name='root')
    >>> slope = grad(lambda x: root(x, 3))
    >>> f'{slope(8.0):.6f} {grad(slope)(8.0):.6f}'  # 1 / 12 and -1 / 144
    '0.083333 -0.006944'
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f'the name of a custom operation must be a string, not {said(name)}')
    if latex is not None:
        text('latex of a custom operation', latex)
    name = name if name is not None else getattr(value, '__name__', '')
    name = 'custom' if name in ('', '<lambda>') else name
    if name in operations:
        raise ValueError(f'custom operation {name}: the table has an operation of this name; give it another by name=')
    return Custom(value, partials, name, latex)


class Custom(Operation):
    """An operation that a user has defined: what ``custom`` returns, and the ``op`` of its nodes."""

    __name__: str
    name: str
    numpy: str
    latex: str
    parameters: str
    vectors: str
    scalars: str
    default: dict[str, float]
    function: Function
    derivative: Any

    document: str = ''
    sign = method = reflected = domain = kink = ''
    binds = CALL
    ulps: float = 2
    table: Table = operations

    def __init__(self, function: Function, derivative: Any, name: str, latex: str | None) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f'custom operation {name!r}: the name must be a Python identifier; give one by name=')
        self.name = self.numpy = self.__name__ = name
        self.function, self.derivative = function, derivative
        if not callable(function):
            self._refuse(TypeError, f'the value must be a function, not {function!r}')
        try:
            self.parameters, self.default, several = operands_of(function)
        except (TypeError, ValueError) as error:
            self._refuse(type(error), str(error))
        self.vectors, self.scalars = (self.parameters, '') if several else ('', self.parameters)
        if not callable(derivative):
            self._check_list(derivative)
        operands = r',\,'.join(f'{{{p}}}' for p in self.parameters)
        self.latex = latex if latex is not None else rf'\operatorname{{{tex_text(name)}}}\left({operands}\right)'
        self.__doc__, self.__module__ = function.__doc__, getattr(function, '__module__', None) or __name__
        self.document = (self.__doc__ or f'Return {name}({", ".join(self.parameters)}).').strip()
        self._slopes: dict[int, Custom] = {}
        self._recorded: WeakKeyDictionary[Any, dict[Value, list[Any]]] = WeakKeyDictionary()

    def __call__(self, *operands: Any) -> Any:
        """Apply the operation to numbers, Values or arrays of either."""
        if self.vectors and len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = (*operands[0],)
        if any(is_array(operand) for operand in operands):
            return elementwise(self, *operands)
        if not self.vectors:
            missing = self.parameters[len(operands) :]
            if len(operands) > len(self.parameters) or any(p not in self.default for p in missing):
                wanted = len(self.parameters)
                least = f'{wanted - len(self.default)} to ' if self.default else ''
                self._refuse(TypeError, f'it takes {least}{_count(wanted, "operand")}, not {len(operands)}')
            operands += tuple(self.default[p] for p in missing)
        numbers = [real(number, f'an operand of {self.name}') for number in operands if not isinstance(number, Value)]
        nodes = vectors(self, *([operands] if self.vectors else operands))
        if len(numbers) < len(operands):
            return record(self, nodes)
        with no_grad():
            return record(self, nodes)._data

    def value(self, arithmetic: str) -> Function:
        def compute(*groups: Any) -> Number:
            operands = groups[0] if self.vectors else groups
            if arithmetic == 'ieee':
                with ieee_arithmetic():
                    found = _or_nan(self.function, operands)
            elif isinstance(found := self.function(*operands), complex):
                self._refuse(ValueError, f'math domain error: its value is not real but {found}')
            return self._number(found, 'the value', arithmetic)

        return compute

    def partials(self, arithmetic: str) -> Function:
        def compute(*groups_and_y: Any) -> tuple[Number | None, ...]:
            with ieee_arithmetic():
                found = self._derive(groups_and_y[0] if self.vectors else groups_and_y[:-1])
                return tuple(self._checked(found, arithmetic, Unknown))

        return compute

    def partial_graph(self, parameter: str) -> Function:
        def build(g: Any, *groups_and_y: Any) -> Any:
            """Record the partials of a node, all at once, the first time that a builder asks for one."""
            recorded, y = self._recorded.setdefault(g, {}), groups_and_y[-1]
            if y not in recorded:
                recorded[y] = self._record_partials(y)
            return recorded[y] if self.vectors else recorded[y][self.parameters.index(parameter)]

        return build

    @property
    def has_cells(self) -> bool:
        return False

    @property
    def has_partials(self) -> bool:
        """Whether its own partials can be had; those of a ``slope`` cannot."""
        return not (isinstance(self.derivative, partial) and self.derivative.func is _unknown)

    def slope(self, place: int) -> Custom:
        """Return the operation that is one partial, of the operand at a place, as numbers compute it."""
        if place not in self._slopes:
            self._slopes[place] = self._of_numbers(place, TypeError('compiled'))
        return self._slopes[place]

    def source(self, what: str, arithmetic: str) -> NoReturn:
        self._refuse(TypeError, 'it has no cells to print from; see its functions')

    def __repr__(self) -> str:
        return f'<custom operation {self.name}({"*" * bool(self.vectors)}{", ".join(self.parameters)})>'

    def __reduce__(self) -> Any:
        """Pickle by name where the module of ``value`` has this very object under its name."""
        if getattr(sys.modules.get(self.__module__), self.name, None) is self:
            return self.name
        return Custom, (self.function, self.derivative, self.name, self.latex)

    def _check_list(self, functions: Any) -> None:
        if not isinstance(functions, (list, tuple)) or not all(map(callable, functions)):
            self._refuse(TypeError, f'the partials must be a function or a list of functions, not {functions!r}')
        if self.vectors:
            self._refuse(ValueError, 'of any number of operands: its partials must be one function that returns all')
        if len(functions) != len(self.parameters):
            said = f'{_count(len(self.parameters), "operand")} and {_count(len(functions), "partial")}'
            self._refuse(ValueError, f'it has {said}; each operand needs one')

    def _refuse(self, kind: type[Exception], what: str) -> NoReturn:
        raise kind(f'custom operation {self.name}: {what}')

    def _number(self, thing: Any, what: str, arithmetic: str) -> Number:
        whole = arithmetic == 'exact' and isinstance(thing, int)
        return Fraction(thing) if whole else real(thing, f'{what} of {self.name}')

    def _derive(self, operands: Sequence[Any]) -> list[Any]:
        """Call the partials, whatever the operands are; one for each, nan where they raise."""
        if not callable(self.derivative):
            return [_or_nan(function, operands) for function in self.derivative]
        found = _or_nan(self.derivative, operands)
        if found is math.nan:
            return [math.nan] * len(operands)
        several = isinstance(found, Iterable) and not isinstance(found, Value) and getattr(found, 'shape', True)
        result = [*found] if several else [found]
        if len(result) != len(operands):
            said = f'{_count(len(result), "partial")} for {_count(len(operands), "operand")}'
            self._refuse(TypeError, f'its partials returned {said}')
        return [math.nan if isinstance(p, complex) else p for p in result]

    def _checked(self, partials: Sequence[Any], arithmetic: str, *kept: type) -> list[Any]:
        """Make numbers of partials, except of None and the kinds kept; say which of them is none."""
        names = [f'a[{i}]' for i in range(len(partials))] if self.vectors else self.parameters
        return [p if p is None or isinstance(p, kept) else self._number(p, f'the partial d/d{name}', arithmetic)
                for p, name in zip(partials, names)]  # fmt: skip

    def _record_partials(self, y: Value) -> list[Any]:
        for p in y._partials:
            if isinstance(p, Unknown):
                p.refuse()
        try:
            found = self._derive([node._data if isinstance(node, Constant) else node for node in y.inputs])
        except (TypeError, AttributeError) as error:  # on numbers they ran, when the node was recorded
            numbers = enumerate(y._partials)
            return [p if p is None else self._of_numbers(place, error)(*y.inputs) for place, p in numbers]
        exact = any(isinstance(node._data, Fraction) for node in y.inputs)
        return self._checked(found, 'exact' if exact else 'python', Value)

    def _of_numbers(self, place: int, error: Exception) -> Custom:
        """Make an operation of one partial, which only numbers can compute; its own partials are unknown."""
        letter = f'a{place}' if self.vectors else self.parameters[place]
        said = f'custom operation {self.name}: its partials can be computed with numbers only, so there is no '
        said += f'derivative of them; write them with microgradnet.functions ({error})'
        return Custom(partial(self._one, place), partial(_unknown, said), f'{self.name}_d{letter}', None)

    def _one(self, place: int, *operands: Any) -> Any:
        with ieee_arithmetic():
            return 0.0 if (found := self._derive(operands)[place]) is None else found


class Unknown(float):
    """A partial that cannot be had: a nan to look at, a TypeError to go on with."""

    said = ''

    def refuse(self, *_: Any) -> NoReturn:
        raise TypeError(self.said)

    __mul__ = __rmul__ = __float__ = refuse


def _unknown(said: str, *operands: Any) -> list[Unknown]:
    unknown = Unknown('nan')
    unknown.said = said
    return [unknown] * len(operands)


def _or_nan(function: Function, operands: Sequence[Any]) -> Any:
    try:
        found = function(*operands)
        return math.nan if isinstance(found, complex) else found
    except TROUBLE:
        return math.nan


def _count(number: int, what: str) -> str:
    return f'{number} {what}{"s" * (number != 1)}'


class Operands(NamedTuple):
    """A letter for each operand, what those have that may be left out, whether it stands for many."""

    letters: str
    default: dict[str, Any]
    several: bool


def operands_of(function: Callable[..., Any]) -> Operands:
    """Read a signature; parameters that are keywords only, and have a default, are no operands.

    Raises ValueError where there is none to read, or not of operands by place.

    >>> operands_of(lambda x, *others: 0.0)
    Traceback (most recent call last):
        ...
    ValueError: it must take operands by place, or *terms alone, not (x, *others)
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise ValueError(f'{function!r} does not say how many operands it takes; wrap it in one that does') from None
    named = [*signature.parameters.values()]
    several = any(p.kind is p.VAR_POSITIONAL for p in named)
    scalars = [p for p in named if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in named)
    if several == bool(scalars) or needed or len(scalars) > len(ascii_lowercase):
        raise ValueError(f'it must take operands by place, or *terms alone, not {signature}')
    for p in scalars:
        if p.default is not p.empty:
            real(p.default, f'the default of {p.name}')
    default = {letter: p.default for letter, p in zip(ascii_lowercase, scalars) if p.default is not p.empty}
    return Operands(ascii_lowercase[: len(scalars) or 1], default, several)
