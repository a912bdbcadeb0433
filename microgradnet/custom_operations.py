"""Operations of one's own: what the table cannot say, because only Python can compute it.

>>> from microgradnet import functions as F
>>> from microgradnet.value import Value
>>> def turns(x):
...     return math.sin(math.tau * x)
>>> def turns_partial(x):
...     return math.tau * F.cos(math.tau * x)
>>> wave = custom(turns, turns_partial)
>>> wave(0.25)
1.0
>>> x = Value(0.0, label='x')
>>> y = wave(x) * 3.0
>>> y.backward()
>>> x.grad == 3 * math.tau, y.inputs[0].op
(True, <custom operation turns(a)>)
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from .arithmetic import ieee_arithmetic, no_grad
from .arrays import elementwise, is_array
from .ieee import TROUBLE
from .operations import operations
from .reals import Fraction, Number, real
from .recording import record, vectors
from .rows import Operation
from .signatures import operands_of
from .value import Constant, Value

__all__ = ['Custom', 'custom']

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
    Whatever the partials raise of ArithmeticError and ValueError becomes nan.

    ``name`` (that of ``value``, if not given) and ``latex``, a template such as
    ``r'\\operatorname{li} {a}'`` with the operands ``{a}``, ``{b}`` and so on, are how it is
    printed. Nodes can be pickled if the functions can: those of a module, not lambdas.

    Raises ValueError for a name that is no identifier or an operation's already, or where
    the number of partials does not fit; TypeError for what is no function.

    >>> from microgradnet import functions as F
    >>> root = custom(lambda x, n: x ** (1 / n), [
    ...     lambda x, n: root(x, n) / (n * x),
    ...     lambda x, n: -root(x, n) * F.log(x) / (n * n),
    ... ], name='root')
    >>> from microgradnet.adjoints import gradients
    >>> x = Value(8.0)
    >>> [slope] = gradients(root(x, 3), [x])
    >>> [curvature] = gradients(slope, [x])
    >>> f'{slope.data:.6f} {curvature.data:.6f}'  # 1 / 12 and -1 / 144
    '0.083333 -0.006944'
    """
    name = name if name is not None else getattr(value, '__name__', '')
    name = 'custom' if name in ('', '<lambda>') else name
    if name in operations:
        raise ValueError(f'custom operation {name}: the table has an operation of this name; give it another by name=')
    return Custom(value, partials, name, latex)


class Custom(Operation):
    """An operation that a user has defined: what ``custom`` returns, and the ``op`` of its nodes."""

    def __init__(
        self, function: Function, derivative: Function | Sequence[Function], name: str, latex: str | None
    ) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f'custom operation {name!r}: the name must be a Python identifier; give one by name=')
        self.name = self.numpy = self.__name__ = name
        self.function, self.derivative, self.given_latex = function, derivative, latex
        self.method = self.reflected = self.domain = self.kink = ''
        self.ulps, self.table = 2, operations
        if not callable(function):
            self._refuse(TypeError, f'the value must be a function, not {function!r}')
        try:
            self.parameters, default, several = operands_of(function)
        except (TypeError, ValueError) as error:
            self._refuse(type(error), str(error))
        self.default = default
        self.vectors, self.scalars = (self.parameters, '') if several else ('', self.parameters)
        if not callable(derivative):
            self._check_list(derivative)
        operands = r',\,'.join(f'{{{p}}}' for p in self.parameters)
        said = name.replace('_', r'\_')
        self.latex = latex if latex is not None else rf'\operatorname{{{said}}}\left({operands}\right)'
        self.__doc__ = getattr(function, '__doc__', None)
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
        numbers = [operand for operand in operands if not isinstance(operand, Value)]
        for number in numbers:
            real(number, f'an operand of {self.name}')
        nodes = vectors(self, *([operands] if self.vectors else operands))
        if len(numbers) < len(operands):
            return record(self, nodes)
        with no_grad():
            return record(self, nodes).data

    def value(self, arithmetic: str) -> Function:
        return partial(self._value, arithmetic)

    def partials(self, arithmetic: str) -> Function:
        return partial(self._partials, arithmetic)

    def partial_graph(self, parameter: str) -> Function:
        return partial(self._partial_graph, parameter)

    @property
    def is_kernel(self) -> bool:
        return False

    @property
    def document(self) -> str:
        return (self.__doc__ or f'Return {self.name}({", ".join(self.parameters)}).').strip()

    def source(self, what: str, arithmetic: str) -> NoReturn:
        self._refuse(TypeError, 'it has no cells to print from; see its functions')

    def __repr__(self) -> str:
        return f'<custom operation {self.name}({"*" * bool(self.vectors)}{", ".join(self.parameters)})>'

    def __reduce__(self) -> Any:
        """Pickle by name where the module of ``value`` has this very object under its name."""
        module = sys.modules.get(getattr(self.function, '__module__', None) or '')
        if getattr(module, self.name, None) is self:
            return _find, (self.function.__module__, self.name)
        return Custom, (self.function, self.derivative, self.name, self.given_latex)

    def _check_list(self, functions: Any) -> None:
        if not isinstance(functions, (list, tuple)) or not all(map(callable, functions)):
            self._refuse(TypeError, f'the partials must be a function or a list of functions, not {functions!r}')
        if self.vectors:
            self._refuse(ValueError, 'of any number of operands: its partials must be one function that returns all')
        if len(functions) != len(self.parameters):
            said = f'{_count(len(self.parameters), "operand")} and {_count(len(functions), "partial")}'
            self._refuse(ValueError, f'it has {said}; each operand needs one')

    def _refuse(self, kind: type[Exception], what: str, cause: Exception | None = None) -> NoReturn:
        raise kind(f'custom operation {self.name}: {what}') from cause

    def _number(self, thing: Any, what: str, exact: bool) -> Number:
        return Fraction(thing) if exact and isinstance(thing, int) else real(thing, f'{what} of {self.name}')

    def _value(self, arithmetic: str, *groups: Any) -> Number:
        operands = groups[0] if self.vectors else groups
        if arithmetic != 'ieee':
            return self._number(self.function(*operands), 'the value', arithmetic == 'exact')
        with ieee_arithmetic():
            try:
                return self._number(self.function(*operands), 'the value', exact=False)
            except TROUBLE:
                return math.nan

    def _partials(self, arithmetic: str, *groups_and_y: Any) -> tuple[Number | None, ...]:
        *groups, _ = groups_and_y
        with ieee_arithmetic():
            found = self._derive(groups[0] if self.vectors else groups)
        return tuple(p if p is None else self._number(p, f'the partial {what}', arithmetic == 'exact')
                     for p, what in zip(found, self._names(len(found))))  # fmt: skip

    def _derive(self, operands: Sequence[Any]) -> list[Any]:
        """Call the partials, whatever the operands are; one for each, nan where they raise."""
        if not callable(self.derivative):
            return [_or_nan(function, operands) for function in self.derivative]
        found = _or_nan(self.derivative, operands)
        if found is math.nan:
            return [math.nan] * len(operands)
        single = found is None or isinstance(found, Value) or not isinstance(found, Iterable)
        result = [found] if single or (is_array(found) and not found.shape) else [*found]
        if len(result) != len(operands):
            said = f'{_count(len(result), "partial")} for {_count(len(operands), "operand")}'
            self._refuse(TypeError, f'its partials returned {said}')
        return result

    def _names(self, count: int) -> list[str]:
        return [f'd/da[{i}]' for i in range(count)] if self.vectors else [f'd/d{p}' for p in self.parameters]

    def _partial_graph(self, parameter: str, g: Any, *groups_and_y: Any) -> Any:
        """Record the partials of a node, all at once, the first time that a builder asks for one."""
        *groups, y = groups_and_y
        recorded = self._recorded.setdefault(g, {})
        if y not in recorded:
            recorded[y] = self._record_partials([*groups[0]] if self.vectors else groups, y)
        return recorded[y] if self.vectors else recorded[y][self.parameters.index(parameter)]

    def _record_partials(self, operands: Sequence[Value], y: Value) -> list[Any]:
        bare = [operand.data if isinstance(operand, Constant) else operand for operand in operands]
        try:
            found = self._derive(bare)
        except (TypeError, AttributeError) as error:  # on numbers they ran, when the node was recorded
            return [None if p is None else _OnlyNumbers(self, place, error).record(operands)
                    for place, p in enumerate(y.partials)]  # fmt: skip
        exact = any(isinstance(operand.data, Fraction) for operand in operands)
        return [p if p is None or isinstance(p, Value) else self._number(p, f'the partial {what}', exact)
                for p, what in zip(found, self._names(len(found)))]  # fmt: skip


class _OnlyNumbers(Custom):
    """One partial of a custom operation whose partials cannot be recorded: the last derivative there is."""

    def __init__(self, whole: Custom, place: int, error: Exception | None = None) -> None:
        self.whole, self.place, self.error = whole, place, error
        letter = f'a{place}' if whole.vectors else whole.parameters[place]
        super().__init__(whole.function, self._no_more, f'{whole.name}_d{letter}', None)
        self.function = self._one

    def record(self, operands: Sequence[Value]) -> Value:
        """Record the partial, as a node whose own partials nothing can use."""
        with no_grad():
            result = record(self, operands)
        result.op, result.inputs = self, (*operands,)
        result.partials = _Unknown((math.nan,) * len(operands))
        result.partials.op = self
        return result

    def _one(self, *operands: Any) -> Any:
        with ieee_arithmetic():
            found = self.whole._derive(operands)[self.place]
        return 0.0 if found is None else found

    def _no_more(self, *operands: Any) -> NoReturn:
        self.whole._refuse(
            TypeError,
            'its partials can be computed with numbers only, so there is no derivative of them; '
            f'write them with microgradnet.functions ({self.error})',
            self.error,
        )

    def _record_partials(self, operands: Sequence[Value], y: Value) -> list[Any]:
        self._no_more()

    def __reduce__(self) -> Any:
        return _OnlyNumbers, (self.whole, self.place)


class _Unknown(tuple[Any, ...]):
    """Partials that are not known: pictures show nan, and ``backward`` says why it cannot go on."""

    op: _OnlyNumbers

    def __iter__(self) -> Any:
        self.op._no_more()


def _find(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _or_nan(function: Function, operands: Sequence[Any]) -> Any:
    try:
        return function(*operands)
    except TROUBLE:
        return math.nan


def _count(number: int, what: str) -> str:
    return f'{number} {what}{"s" * (number != 1)}'
