"""The node of the computation graph: a number that remembers how it was made.

>>> a, b = Value(2.0, label='a'), Value(-3.0, label='b')
>>> y = (a * b + 10.0).tanh()
>>> y.backward()
>>> print(f'{y:.4f} {a.grad:.6f} {b.grad:.6f}')
0.9993 -0.004023 0.002682

``record``    makes a node: what every operation does
``signals``   sends error signals through the graph: the chain rule
``Value``     the node; its ``backward`` commits the signals

Every operator and every other method that computes comes from the table, one row
each, and does what ``record`` does: ``fast`` prints them, and
``inspect.getsource(Value.tanh)`` shows what runs. ``sweep`` is ``signals`` at speed.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, SupportsFloat

from .._lazy import above
from . import fast, sweep
from .algebras import TROUBLE
from .checks import refuse, text
from .context import comparisons, is_ieee, is_paused, readings, watcher
from .elsewhere import Elsewhere
from .numbers import Fraction, Number, as_float, as_real, real, zero
from .table import Operation
from .walks import topological_order

__all__ = ['Constant', 'Event', 'Value', 'forgive', 'lift', 'operand', 'record', 'signals', 'vectors']


def record(op: Operation, nodes: Sequence[Value]) -> Value:
    """Apply an operation to nodes and record it: what every method of the table does, in general.

    Fractions stay exact where all operands are; beside a float they become floats.

    >>> from microgradnet.engine.table import operations
    >>> record(operations['mul'], [Value(2.0), Value(Fraction(1, 4))]).partials
    (0.25, 2.0)
    """
    data = [node._data for node in nodes]
    exact = bool(data) and all(isinstance(number, (Fraction, int)) for number in data)
    if not exact:
        data = [float(number) for number in data]
    operands, way = op.split(data), 'exact' if exact else 'python'
    try:
        y = op.value(way)(*operands)
    except TROUBLE:
        y = forgive(op, *operands)
    y = y if isinstance(y, Fraction) else float(y)
    watch = None
    if fast.is_slow():
        if is_paused():
            reading = readings.get()
            if reading:  # the signal ends here, and so would a recording
                for node in nodes:
                    reading.read(node, 'no_grad()')
            return Value(y)
        watch = watcher()
    result = Value(y)
    result.op, result.inputs, result.born = op, (*nodes,), next(births)
    try:
        result.partials = _masked(nodes, op.partials(way)(*operands, y))
    except TROUBLE:
        result.partials = limits(op, nodes, *op.split([*map(float, data)]), float(y))
    if watch is not None:
        watch(result)
    return result


def signals(y: Value, seed: Any = None, log: list[Event] | None = None) -> dict[Value, Number]:
    """Return the error signal of every node that y depends on, inputs first; no ``grad`` is touched.

    These are the signals of ``backward``, which adds them to the ``grad`` of leaves: the derivative of y
    by each node, times ``seed``, which is 1 if not given. A node that none reaches has 0; constants are left
    out, for none travels to them. Each step is appended to ``log``, if one is given. It takes O(V + E).

    It never raises, for its arithmetic is IEEE's, but TypeError for what is no Value, no number or no list.

    >>> x = Value(3.0)
    >>> y = x * x
    >>> found = signals(y)
    >>> found[x], found[y], x.grad
    (6.0, 1.0, 0.0)
    """
    if not isinstance(y, Value):
        refuse('the y of signals', 'a Value', y)
    return {node: signal for node, signal in zip(*_sent('signals', y, seed, log)) if node.__class__ is not Constant}


def _sent(asked: str, root: Value, seed: Any, log: list[Event] | None) -> tuple[list[Value], list[Number]]:
    """Return the nodes that a root depends on, inputs first, and the error signal of each."""
    if log is not None and not isinstance(log, list):
        refuse(f'the log of {asked}', 'a list', log)
    order = topological_order(root)
    start = _start(asked, root, seed)
    already = len(log or ())
    try:
        return order, _signals(root, order, start, log=log)
    except OverflowError:  # a fraction met a float, for which it is too large: an infinity
        del (log or [])[already:]
        return order, _signals(root, order, as_float(start), in_floats=True, log=log)


def _start(asked: str, root: Value, seed: Any) -> Number:
    return type(root._data)(1) if seed is None else real(seed, f'the seed of {asked}')


def _signals(
    root: Value, order: list[Value], start: Number, in_floats: bool = False, log: list[Event] | None = None
) -> list[Number]:
    """Return the error signal of every node in the order; the inner loop is the whole of backpropagation.

    While it runs, each node's signal so far is in its slot ``signal``, beside ``grad``.
    """
    # A zero of its own, new at every call, tells "no signal came" from a signal of 0.
    nothing = type(start)('0')
    for node in order:
        node.signal = nothing
    root.signal = start
    for node in reversed(order):
        inputs = node.inputs
        if inputs:
            signal = node.signal
            if signal is not nothing:
                partials = [p if p is None else as_float(p) for p in node.partials] if in_floats else node.partials
                if log is not None:
                    _send(node, partials, signal, log)
                    continue
                for source, partial in zip(inputs, partials):
                    if partial is not None:
                        source.signal += partial * signal
    # Where none came, a zero that leaves exact what it is added to.
    return [zero(node._data) if node.signal is nothing else node.signal for node in order]


def _send(node: Value, partials: Sequence[Number | None], signal: Number, log: list[Event]) -> None:
    """Do the inner loop for one node, and write down each step."""
    for place, (source, partial) in enumerate(zip(node.inputs, partials)):
        if partial is not None:
            contribution = partial * signal
            source.signal += contribution
            log.append(Event(node, source, place, signal, partial, contribution, source.signal))


class Event(NamedTuple):
    """A node sends its error signal, times the local derivative, to one of its inputs.

    ``source`` is the input, ``place`` its place among the node's inputs; ``signal`` the
    error signal of the node, ``partial`` the local derivative, ``contribution`` their
    product, and ``total`` what has arrived at the source up to and with it.

    >>> x = Value(3.0, label='x')
    >>> y = x * x
    >>> log = []
    >>> y.backward(log=log)
    >>> for event in log:
    ...     print(event.node is y, event.place, event.signal, event.partial, event.contribution, event.total)
    True 0 1.0 3.0 3.0 3.0
    True 1 1.0 3.0 3.0 6.0
    """

    node: Any
    source: Any
    place: int
    signal: Any
    partial: Any
    contribution: Any
    total: Any


class Value(fast.Operators):
    """A real number in a computation graph, with the error signal that reached it.

    ``data`` is the number, a float or a ``Fraction``; ``grad`` the derivative of the
    node that ``backward`` was called on with respect to this one, 0 before. ``op`` is
    the operation that made the node (None for a leaf), ``inputs`` its operands in
    order and ``partials`` the derivative with respect to each, computed when the node
    was made; None marks an edge that carries no signal. ``label`` names the node in
    pictures and formulas.

    Raises TypeError for anything but a real number.

    >>> x = Value(3.0, label='x')
    >>> y = x * x + 1.0
    >>> y
    Value(data=10.0, grad=0.0)
    >>> y.op.name, y.inputs[0].op.name, y.inputs[0].partials
    ('add', 'mul', (3.0, 3.0))
    """

    # ``inputs`` and ``partials`` lie in flat slots, so that a node is one object to the garbage collector: one
    # or two operands in _a and _b, which stay bare numbers until they are asked for, the partials by them in
    # _da and _db, None beside a number. More operands, and edges without a signal: tuples in _a and _da.
    __slots__ = ('__weakref__', '_a', '_b', '_da', '_db', 'born', 'data', 'grad', 'label', 'op', 'signal')

    data: Number
    grad: Number
    op: Operation | None
    label: str
    signal: Any
    _a: Any
    _b: Any
    _da: Any
    _db: Any
    born: int  # when it was computed, counted in nodes; 0 for a leaf
    # The engine reads the slots by names of its own: while a function is recorded for compiling, reading
    # ``data``, ``grad`` and ``partials`` is noticed (``compiling.readings``), and reading these is not.
    _data: Number
    _grad: Number
    _partials: tuple[Number | None, ...]

    def __init__(self, data: SupportsFloat, label: str = '') -> None:
        number = data if data.__class__ is float else real(data)
        self.data = number
        self.grad = zero(number)
        self.op = None
        self._a = self.signal = None
        self.label = text('the label of a Value', label) if label else ''
        self.born = 0

    @property
    def inputs(self) -> tuple[Value, ...]:
        a = self._a
        if a is None:
            return ()
        b = self._b
        if b is None:
            return a if type(a) is tuple else (a,)
        if type(a) is float:
            a = self._a = Constant(a)
        elif type(b) is float:
            b = self._b = Constant(b)
        return a, b

    @inputs.setter
    def inputs(self, nodes: tuple[Value, ...]) -> None:
        is_leaf = getattr(self, '_a', None) is None  # one that is being unpickled has no slots yet, a leaf no _da
        partials = getattr(self, '_da', ()) if is_leaf else self._partials
        self._a, self._da = tuple(nodes) or None, partials
        self._b = self._db = None

    @property
    def partials(self) -> tuple[Number | None, ...]:
        if self._a is None:
            return ()
        if self._b is None:
            return self._da if type(self._a) is tuple else (self._da,)
        return self._da, self._db

    @partials.setter
    def partials(self, numbers: tuple[Number | None, ...]) -> None:
        self.inputs, self._da = self.inputs, tuple(numbers)

    def backward(self, seed: SupportsFloat | None = None, log: list[Event] | None = None) -> None:
        """Send an error signal from this node to everything it depends on.

        Walks the graph in reverse topological order. Leaves add what arrives to
        their ``grad``; inner nodes hold the signal of this call. Until the end all
        signals are kept aside, so an interrupted call changes nothing. ``seed`` is the
        signal to start from, 1 if not given. It never raises: its arithmetic is IEEE's.
        Graphs that share nodes must not be sent signals by two threads at once. Each step is
        appended to ``log``, if one is given.

        The rule is that of the derivation's "Error signal": what arrives at a node is
        the sum over its consumers of their signal times the local derivative.

        >>> x = Value(3.0)
        >>> y = x * x
        >>> y.backward(); y.backward(seed=10)
        >>> x.grad, y.grad
        (66.0, 10.0)
        """
        if log is None and sweep.backward(self, _start('backward', self, seed)):
            return
        order, found = _sent('backward', self, seed, log)
        sweep.commit(order, [signal if node.inputs else node.grad + signal for node, signal in zip(order, found)])

    def step_back(self) -> None:
        """Do this node's part of ``backward`` by hand: send its ``grad`` on to its operands, and add it there.

        Where ``backward`` goes through the whole graph, this is one node of it: set the ``grad`` of the result
        to 1, then take every node once, each after all that were made from it. The grads are those of
        ``backward`` then, and ``draw`` shows each on its way. A leaf sends nothing. It takes O(operands).

        >>> a, b = Value(2.0), Value(-3.0)
        >>> c = a * b
        >>> y = c + a
        >>> y.grad = 1.0
        >>> y.step_back(); c.grad, a.grad, b.grad
        (1.0, 1.0, 0.0)
        >>> c.step_back(); c.grad, a.grad, b.grad
        (1.0, -2.0, 2.0)
        """
        sources = [(source, p) for source, p in zip(self.inputs, self.partials) if p is not None]
        try:
            sent = [p * self.grad for _, p in sources]
        except OverflowError:  # a fraction met a float, for which it is too large: an infinity
            sent = [as_float(p) * as_float(self.grad) for _, p in sources]
        for (source, _), signal in zip(sources, sent):
            source.grad += signal

    if not TYPE_CHECKING:  # micrograd's
        _prev = Elsewhere('inputs, the operands in order')
        _op = Elsewhere('op, the operation, or None for a leaf; op.name is its name')
        _backward = Elsewhere('step_back()')

    def detach(self) -> Value:
        """Return a fresh leaf with the same data: no signal passes it.

        >>> (Value(2.0) * 3.0).detach().inputs
        ()
        """
        return Value(self.data, self.label)

    def __repr__(self) -> str:
        label = f', label={self.label!r}' if self.label else ''
        return f'{type(self).__name__}(data={_shown(self)}, grad={self._grad}{label})'

    def __format__(self, spec: str) -> str:
        return format(_shown(self), spec) if spec else repr(self)

    def __bool__(self) -> bool:
        return _compare('ne', self, 0.0)

    def __eq__(self, other: object) -> bool:
        return _compare('eq', self, other)

    def __ne__(self, other: object) -> bool:
        return _compare('ne', self, other)

    def __lt__(self, other: Any) -> bool:
        return _compare('lt', self, other)

    def __le__(self, other: Any) -> bool:
        return _compare('le', self, other)

    def __gt__(self, other: Any) -> bool:
        return _compare('gt', self, other)

    def __ge__(self, other: Any) -> bool:
        return _compare('ge', self, other)

    def __pos__(self) -> Value:
        return self

    def __float__(self) -> NoReturn:
        raise TypeError(
            'float() of a Value would cut it from its graph in silence: use its methods, v.sin() '
            'for math.sin(v), or v.data for the bare number'
        )

    def __int__(self) -> NoReturn:
        raise TypeError('int() of a Value would cut it from its graph in silence: use int(v.data)')

    def __floordiv__(self, other: Any) -> NoReturn:
        raise TypeError(
            '// of a Value is not there: its derivative is 0 wherever it has one, so no signal '
            'would pass; use v.data // n for the number'
        )

    def __mod__(self, other: Any) -> NoReturn:
        raise TypeError(
            '% of a Value is not there: it jumps at every multiple of the divisor; use v.data % n '
            'for the number, or v - n * k with the whole number k that you mean'
        )

    def __round__(self, digits: int | None = None) -> NoReturn:
        raise TypeError(
            'round() of a Value is not there: its derivative is 0 wherever it has one, so no signal '
            'would pass; use round(v.data), or f"{v:.3f}" to print'
        )

    if TYPE_CHECKING:

        def __hash__(self) -> int: ...
        def __rfloordiv__(self, other: Any) -> NoReturn: ...
        def __rmod__(self, other: Any) -> NoReturn: ...
    else:
        __hash__ = object.__hash__
        __rfloordiv__, __rmod__ = __floordiv__, __mod__

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        """Let NumPy's functions reach the table, elementwise."""
        return above('Value.__array_ufunc__')(ufunc, method, operands, options)

    def __copy__(self) -> Value:
        node = new(type(self))
        node.__setstate__(((), self.data, self.grad, self.op, self.inputs, self.partials, self.label))
        return node

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return above('Value.__deepcopy__')(self, memo)  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return above('Value.__reduce_ex__')(self)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.data, self.grad, self.op, self.inputs, self.partials, self.label = state
        self.born, self.signal = next(births) if self.op else 0, None


class Constant(Value):
    """A number that was an operand: no signal travels to it.

    >>> (Value(2.0) * 3.0).inputs[1]
    Constant(3.0)
    """

    __slots__ = ()
    grad: Number = 0.0
    born: int = 0
    op: Operation | None = None
    inputs: tuple[Value, ...] = ()
    partials: tuple[Number | None, ...] = ()
    label: str = ''
    _a = _da = ()  # no leaf, to whose grad is added
    _b = _db = None

    def __init__(self, data: Any) -> None:
        self._data = data if data.__class__ is float else real(data)
        self.signal = None

    def __repr__(self) -> str:
        return f'Constant({self._data})'

    def __copy__(self) -> Constant:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Constant:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Constant, (self._data,)


for _name in 'data', 'grad', 'partials':
    setattr(Value, f'_{_name}', Value.__dict__[_name])  # the same slot: reading it is as fast
new = object.__new__
births = itertools.count(1)


def forgive(op: Operation, *operands: Any) -> float:
    """Go on in IEEE arithmetic, if that is what holds here; else raise again what was raised."""
    if not is_ieee():
        raise
    if op.vectors:
        operands = tuple([*map(float, o)] if isinstance(o, Sequence) else float(o) for o in operands)
    else:
        operands = tuple(map(float, operands))
    return op.value('ieee')(*operands)  # type: ignore[no-any-return]


def limits(op: Operation, inputs: Sequence[Value], *operands: Any) -> tuple[Any, ...]:
    """Return the partials in IEEE arithmetic, where Python's gave up."""
    return _masked(inputs, op.partials('ieee')(*operands))


def _masked(inputs: Sequence[Value], partials: Sequence[Any]) -> tuple[Any, ...]:
    """Return the partials with None for constants, to which no signal travels."""
    return tuple(None if isinstance(node, Constant) else p for node, p in zip(inputs, partials, strict=True))


def vectors(op: Operation, *groups: Any) -> tuple[Value, ...]:
    """Flatten the operands of an operation of vectors, numbers lifted, lengths checked."""
    grouped = dict(zip(op.parameters, groups, strict=True))
    lengths = {p: len(grouped[p]) for p in op.vectors}
    if len(set(lengths.values())) > 1:
        said = ', '.join(f'{p} has {length}' for p, length in lengths.items())
        raise ValueError(f'{op.name} wants vectors of the same length: {said}')
    flat = [v for p in op.vectors for v in grouped[p]] + [grouped[p] for p in op.scalars]
    exact = (isinstance(v._data if isinstance(v, Value) else v, Fraction) for v in flat)
    beside = Value(Fraction(0)) if any(exact) else None
    return tuple(lift(v, beside) for v in flat)


def lift(number: Any, beside: Value | None = None) -> Value:
    """Return a Value as it is and a number as a constant; raise TypeError for the rest.

    >>> lift(2), lift(True)
    (Constant(2.0), Constant(1.0))
    """
    if isinstance(number, Value):
        return number
    exact = beside is not None and beside._data.__class__ is Fraction and isinstance(number, int)
    return Constant(Fraction(number) if exact else number)


def _shown(node: Value) -> Number:
    """Return the number of a node for people to read, which a recording may watch."""
    watch = readings.get()
    return node._data if watch is None else watch.shown(node)


def _compare(relation: str, one: Value, other: Any) -> bool:
    """Compare data, with a whole number as it is, which Python compares exactly; a watcher has the last word."""
    number = other._data if isinstance(other, Value) else other if isinstance(other, int) else as_real(other)
    if number is None:
        return NotImplemented  # type: ignore[no-any-return]
    holds: bool = getattr(operator, relation)(one._data, number)
    tell = comparisons.get()
    return tell(relation, one, other, holds) if tell else holds


def operand(number: Any, beside: Value) -> Value | None:
    """Return a Value as it is and a number as a constant; beside a Fraction an int stays exact.

    None is for something that may know what to do with a Value.
    """
    if isinstance(number, Value):
        return number
    if beside._data.__class__ is Fraction and isinstance(number, int):
        return Constant(Fraction(number))
    known = as_real(number)
    if known is not None:
        return Constant(known)
    if type(number).__module__ == 'builtins':
        real(number, 'an operand')  # raises, and names it
    return None


fast.provide(
    Value=Value, Constant=Constant, new=new, births=births, operand=operand, lift=lift, record=record,
    vectors=vectors,
)  # fmt: skip
