"""A program: a recorded graph, frozen, and run again over rows of numbers.

>>> from microgradnet.nets.losses import half_squared_error
>>> from microgradnet.nets.net import MLP
>>> net = MLP(2, [2, 1], seed=1)
>>> x, t = [Value(0.0), Value(0.0)], Value(0.0)
>>> program = Program(half_squared_error(net(x), t), rows=[*x, t], parameters=net.parameters(), backend='python')
>>> both = [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]
>>> before = program.backward(both)  # as Value.backward, summed over the rows
>>> errors = program.descend(both, learning_rate=0.1, epochs=100)
>>> errors[0] == before, errors[-1] < before
(True, True)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from math import isfinite
from operator import attrgetter
from random import Random
from typing import Any

from .._extras import needed
from .._lazy import above
from .._processes import cached_property, uncollected
from .._progress import shown
from ..derivatives.trees import take_apart
from ..engine.checks import flag, instance, items, said, text, whole, within
from ..engine.functions import is_array
from ..engine.incoming import is_row, numbers
from ..engine.numbers import Number, real
from ..engine.value import Constant, Value, lift
from ..engine.walks import topological_order
from .batches import Batches
from .derived import Arguments, Derived, Evaluator, Step
from .guards import BranchError, Guard, branches_of
from .ir.recompute import recompute
from .ir.routine import Routine
from .ir.straight import straight
from .ir.sweeps import prepare, routine
from .printers import c, javascript
from .run.backends import best_backend, check_backend, check_way, folded_from
from .run.engines import Quick, Steps
from .run.rows import added, blocks, shuffled, stack
from .run.runner import Runner, Watch
from .run.shards import Shards, Workers
from .run.slopes import Slopes, vector
from .update import Descent, Rule, update_of

__all__ = ['Program']

#: So many steps of a descent, about, whose numbers differ, are one call.
STEPS = 1 << 16


class Program:
    """Outputs of a graph as a function of rows and of parameters; see ``compile``."""

    parameters: list[Value]
    loops: bool
    backend: str
    threads: int
    fast: bool

    def __init__(
        self,
        outputs: Any,
        rows: Sequence[Value] = (),
        parameters: Sequence[Value] | None = None,
        *,
        backend: str | None = None,
        threads: int = 1,
        fast: bool = False,
        loops: bool | None = None,
        memory: int | None = None,
    ) -> None:
        check_way(backend, threads)
        rows = items('rows', rows, 'a list of Values of the graph')
        if parameters is not None:
            parameters = items('parameters', parameters, 'a list of Values of the graph, or None')
        if loops is not None:
            flag('loops', loops)
        flag('fast', fast)
        if memory is not None:
            whole('memory', memory, 0)
        self._most = memory
        leaves, build = take_apart(outputs, 'the outputs')
        found, self._rows = [lift(leaf) for leaf in leaves], [*rows]
        self._template = build([0.0] * len(leaves))  # the graph itself is not asked for again
        self._build = take_apart(self._template)[1]
        for what, nodes in ('rows', self._rows), ('parameters', parameters or ()):
            for place, node in enumerate(nodes):
                if not isinstance(node, Value):
                    raise TypeError(f'{what}[{place}] must be a Value of the graph, not {said(node)}')
        if parameters is None:
            known = {*self._rows}
            order = topological_order(*found)
            parameters = [n for n in order if n.op is None and not isinstance(n, Constant) and n not in known]
        self.parameters = [*parameters]
        with uncollected(), shown('compiling: looking for the loops of a program'):
            self._made = made = prepare(found, self._rows, self.parameters, loops, many=folded_from(backend))
        self.loops = made.loops
        self._evaluators: dict[str, Evaluator] = {}
        #: ``value_and_gradient`` in machine code, once it has been asked for often.
        self._first: Callable[..., Any] | None = None
        self.backend, self.threads, self.fast = backend or best_backend(made.customs), threads, fast
        watched = branches_of([*rows, *self.parameters])
        routines = [branches.over(self._rows, self.parameters) for branches in watched]
        self._watch = Watch([*zip(watched, routines)], self.backend, threads, fast)
        check_backend(self.backend, made.customs)
        if not self.loops:
            _ = self._forward.engine  # printed at once, as a folded one need not be that is only asked for its gradient

    @cached_property
    def routine(self) -> Routine:
        """The instructions: straight ones, or those of a long program in loops."""
        with uncollected(), shown('compiling: writing the instructions of a program'):
            return routine(self._made)

    @property
    def memory(self) -> int:
        """How many numbers of each row are in memory while the gradient is computed; of straight code, 0.

        They are what the backward sweep asks for, and signals under way: their number grows
        with a loop's turns, by what one turn needs. What only the next turns ask for shares memory
        that does not grow, where that saves much. A ``while_loop`` keeps its state at each turn: as many turns as
        its limit are counted, none if it has none.

        >>> def steps(n):
        ...     x = Value(1.0)
        ...     y = x
        ...     for _ in range(n):
        ...         y = y.sin()
        ...     return Program(y, parameters=[x], loops=True).memory
        >>> steps(100), steps(200)  # sin needs its operand: the first is x itself
        (99, 199)

        With ``memory=`` it is at most that much, and the forward sweep is done again, block by block.
        """
        return self._gradient_routine.memory

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return len(self._rows)

    @property
    def branches(self) -> list[Guard]:
        """The comparisons that every row is checked against, if the graph was recorded under ``recording``."""
        return [guard for branches, _ in self._watch.branches for guard in branches.guards]

    @property
    def source(self) -> str:
        """The program as readable text: as Python, with the numpy backend as NumPy.

        >>> w, x = Value(3.0, 'w'), Value(2.0, 'x')
        >>> print(Program((w * x).tanh(), rows=[x]).source, end='')
        def program(row, parameters):
            x, = row
            w, = parameters
            return (tanh(w * x),)
        """
        return self._forward.engine.source

    def draw(self) -> Any:  # a Digraph; graphviz, whose class that is, has no types
        """Draw the program: its loops, both sweeps, or of several outputs the forward one, and the memory between.

        It says what its printed form in Python says, less of it the more there is.

        >>> w, x = Value(3.0, 'w'), Value(2.0, 'x')
        >>> 'v1 = w * x' in Program((w * x).tanh(), rows=[x]).draw().source
        True
        """
        return above('Program.draw')(self._gradient_routine if self._made.outputs == 1 else self.routine)

    def to_c(self, name: str = 'program', *, gradient: bool = True, float32: bool = False) -> str:
        """Print a C99 file with the outputs and, of a single output, the gradient by the parameters.

        It needs the C library only; the parameters' numbers of now are in it.

        name: what the function is called, and what the names of all else in the file begin with.
        gradient: False leaves the gradient out.
        float32: compute with ``float``, and with ``tanhf`` and its kin, where a processor has nothing wider.

        Raises BranchError if the recording branched; ValueError for a number that no ``float`` can hold.

        >>> w, x = Value(0.1), Value(2.0, 'x')
        >>> print(Program((w * x).tanh(), rows=[x]).to_c(float32=True).splitlines()[3])
        const float program_parameters[1] = {0.1f};
        """
        text('name', name)
        printer = c.Single if flag('float32', float32) else c.C
        if self.branches:
            raise BranchError(f'C code would follow one way only, and not watch {self.branches[0]}')
        return c.source(self.routine, self._sweep(gradient), [float(p.data) for p in self.parameters], name, printer)

    def cfunc(self) -> Any:
        """Return the output as a C function, ``double f(int n, double *x, void *parameters)``, in machine code.

        x: the n numbers of a row; of a program without rows, the parameters. Of another n the result is nan.
        parameters: their numbers, float64; NULL for those that the parameters held when this was asked for.

        It is a function pointer of ctypes: ``scipy.LowLevelCallable(program.cfunc())`` is an integrand for
        ``scipy.integrate.quad`` and ``nquad``, and functions that numba compiles call it as it is. Any thread may
        call it, without a lock, as long as somebody keeps it. It is native whatever the program's backend.
        Raises BranchError if the recording branched.
        """
        if self.branches:
            raise BranchError(f'a C function would follow one way only, and not watch {self.branches[0]}')
        if self._made.outputs != 1:
            raise TypeError(f'only a program of one output is a C function; this one has {self._made.outputs}')
        check_backend('native', self._made.customs)
        from .run.native import c_function

        return c_function(self.routine, self._theta(), self.fast)

    def to_js(self, *, gradient: bool = True) -> str:
        """Print a module of JavaScript: ``outputs(row)`` and ``sums(rows)``, and of a single output ``gradient(rows)``.

        All take other parameters as a second argument; without it they are those of now, ``theta``. ``trace(row)``
        lists what has a label in the graph, with its number and the error signal that reaches it; a program of
        loops has none, for there a label is of one turn. For a page or for Node; it needs nothing else.

        gradient: False leaves ``gradient`` and ``trace`` out.

        Raises BranchError if the recording branched.

        >>> w, x = Value(3.0, 'w'), Value(2.0, 'x')
        >>> y = w * x
        >>> y.label = 'y'
        >>> print(Program(y * y, rows=[x]).to_js().splitlines()[0])
        // Printed by microgradnet. Row: x. Parameters: w.
        """
        if self.branches:
            raise BranchError(f'JavaScript would follow one way only, and not watch {self.branches[0]}')
        slopes, traced = self._sweep(gradient), None
        if slopes and not self.loops and self._made.labelled:
            labels = [self._made.labels[place] for place in self._made.labelled]
            traced = straight(self._made, gradient=True, traced=True), labels
        return javascript.source(self.routine, slopes, traced, [float(p.data) for p in self.parameters])

    def __call__(self, rows: Any = ()) -> Any:
        """Return the outputs of one row, or of each of many.

        One row, a list of ``width`` numbers, gives the outputs as they were given to
        ``compile``, with numbers for nodes. Many rows, lists in a list or an array of
        shape (rows, width), give a list of that, or with NumPy an array of shape
        (rows, ...) if the outputs are a number, or lists that are as long as each other;
        other outputs, of a dict for example, come as columns, with an array for each number, and
        one of shape (rows, ...) for each array in them.
        """
        found = self._forward.quick.each(self._data(), rows)
        if found is not None:
            return self._build(found) if type(found) is list else stack(found, self._template, self._build)
        results, single = self._forward.each(rows, self._theta())
        if single:
            return self._build([float(y) for y in results[0]])
        return stack(results, self._template, self._build)

    def sum(self, rows: Any) -> Any:
        """Return the outputs summed over the rows.

        >>> x = Value(0.0)
        >>> Program({'n': 1.0, 'square': x * x}, rows=[x], backend='python').sum([[1], [2], [3]])
        {'n': 3.0, 'square': 14.0}
        """
        found = self._forward.quick.sum(self._data(), rows)
        return self._build(found or [float(y) for y in self._forward.sums(rows, self._theta())])

    def backward(
        self, rows: Any = ((),), *, executor: Workers | None = None, shards: int | None = None
    ) -> float:
        """Add dE/dp to ``p.grad`` for every parameter p, E the output summed over the rows; return E.

        The contract of ``Value.backward``: the numbers are those that p.data hold now,
        calling twice adds twice, an interrupted call changes nothing.

        rows: as for a call; or, more than memory holds: a ``numpy.memmap``, or an iterator of
            rows or of arrays of many, which are run block by block.
        executor: any ``concurrent.futures.Executor`` (of a Dask client: ``client.get_executor()``),
            whose workers share the rows; or a function that makes one, and another one should all
            workers be lost. The program and the rows are sent once: when the same rows come again,
            only the parameters travel, and one gradient of each shard.
        shards: how many parts the rows are in, by default one for each worker. They are added up
            in their order, so the same number of them gives the same bits.

        A shard whose worker dies is run again by another one. Raises WorkersLostError, and adds
        nothing, if no worker is left; FileChangedError if rows are in a file that changed meanwhile.
        """
        found = self._gradient.quick.sum(self._data(), rows) if executor is None and shards is None else None
        if found is None:
            total, slopes = self.value_and_gradient(self._theta(), rows, executor=executor, shards=shards)
            found = [total, *map(float, slopes)]
        total, *gradient = found
        grads = [p.grad + g for p, g in zip(self.parameters, gradient, strict=True)]
        deque(map(_set_grad, self.parameters, grads), maxlen=0)
        return total

    def value_and_gradient(
        self, theta: Any, rows: Any = ((),), *, executor: Workers | None = None, shards: int | None = None
    ) -> tuple[float, Any]:
        """Return the output summed over the rows, and its gradient, with the parameters theta.

        theta: as many numbers as there are parameters, in their order. The gradient is
        an array of as many, with the python backend a list. No ``Value`` is read or
        touched: it is what an optimiser calls. Rows, executor and shards are as for ``backward``.
        Machine code may read arrays where they are, while other threads run: they must not write to them meanwhile.
        """
        if self._first is not None and executor is None and shards is None:
            return self._first(theta, rows)  # type: ignore[no-any-return]
        long, own = self._slopes.value_and_gradient, Program.value_and_gradient
        found = long(theta, rows, executor=executor, shards=shards)
        if self._first is None:
            self._first = self._gradient.first(long, own)
            if self._first and type(self).value_and_gradient is own:
                self.__dict__['value_and_gradient'] = self._first  # CPython calls it from now on instead of this
        return found

    def hvp(self, theta: Any, v: Any, rows: Any = ((),)) -> Any:
        """Return the Hessian of the output summed over the rows, by the parameters at theta, times a vector v.

        Both are as many numbers as there are parameters, and so is the product: an array, with the
        python backend a list. It is the tangent of the gradient's program, as long to make whatever the number of
        turns of its loops, and takes about two gradients to run: ``hessp`` of ``scipy.optimize.minimize``.

        >>> x, y = Value(3.0), Value(5.0)
        >>> Program(x * x * y, parameters=[x, y], backend='python').hvp([3.0, 5.0], [1.0, 0.0])
        [10.0, 6.0]
        """
        given = self._floats(v, 'v')
        return self._summed('hvp', self._floats(theta, 'theta'), given, rows)

    def hessian(self, theta: Any, rows: Any = ((),)) -> Any:
        """Return the Hessian of the output summed over the rows, by the parameters at theta.

        An array of as many rows and columns as there are parameters, with the python backend lists. What ``hvp``
        computes is computed along all parameters: side by side for one row after the other, or, where there
        are more rows than parameters, over all rows for one parameter after the other.

        >>> x, y = Value(3.0), Value(5.0)
        >>> Program(x * x * y, parameters=[x, y], backend='python').hessian([3.0, 5.0])
        [[10.0, 6.0], [6.0, 0.0]]
        """
        theta = self._floats(theta, 'theta')
        found, n = self._summed('hessian', theta, [], rows), len(theta)
        return found.reshape(n, n) if is_array(found) else [found[k * n : k * n + n] for k in range(n)]

    def jacobian(self, theta: Any, rows: Any = ()) -> Any:
        """Return every derivative of every output by every parameter at theta, for one row or each of many.

        Of one row an array of shape (outputs, parameters), of many one of shape (rows, outputs, parameters); with
        the python backend lists. It is found along each parameter, or from each output, whichever are fewer.

        >>> a, x = Value(3.0), Value(2.0)
        >>> Program([a * x, a + x], rows=[x], backend='python').jacobian([3.0], [[2.0], [5.0]])
        [[[2.0], [1.0]], [[5.0], [1.0]]]
        """
        theta = self._floats(theta, 'theta')
        data, single = self._forward.engine.rows(rows, self.width)
        self._watch.check(data, theta)
        if is_array(data):
            numpy = needed('numpy', 'an array of rows')
            calls: Any = numpy.hstack([data, numpy.tile(theta, (len(data), 1))])
        else:
            calls = [[*row, *theta] for row in data]
        found, _ = self._derived('jacobian')(calls)
        m, n = self._made.outputs, len(theta)
        if is_array(found):
            shaped = found.reshape(len(calls), m, n)
        else:
            shaped = [[numbers[k * n : k * n + n] for k in range(m)] for numbers in found]
        return shaped[0] if single else shaped

    def _floats(self, given: Any, what: str) -> list[float]:
        return [*map(float, self._vector(given, what))]

    def _vector(self, given: Any, what: str = 'theta') -> Any:
        """Return as many numbers as there are parameters, checked."""
        return vector(given, len(self.parameters), what)

    def _summed(self, kind: str, theta: list[float], given: list[float], rows: Any) -> Any:
        """Return the numbers of a derivative of the second order, summed over rows, which may be many."""
        evaluator, total, first = self._derived(kind), None, 0
        for block in blocks(rows, self.width):
            data, _ = self._gradient.engine.rows(block, self.width)
            self._watch.check(data, theta, first)
            first += len(data)
            total = added(total, evaluator.total(data, [*theta, *given]))
        return total

    def _derived(self, kind: str) -> Evaluator:
        """Return what computes a derivative of the outputs by all parameters."""
        if kind not in self._evaluators:
            if kind != 'jacobian':
                _ = self._gradient_routine  # of one output
            w, n, m = self.width, len(self.parameters), self._made.outputs
            by = [*range(w, w + n)]
            given = [*range(w + n, w + 2 * n)] * (kind == 'hvp')
            step = Step(kind, None, by, list, given)
            derived = Derived(
                self._made, Arguments([*range(w), *by], list, by, [step]), [0.0] * m, memory=self._most
            )  # fmt: skip
            self._evaluators[kind] = Evaluator(derived, (), (self.backend, self.threads, self.fast))
        return self._evaluators[kind]

    @cached_property
    def batches(self) -> Batches:
        """This program over arrays of rows, with what goes back to rows and parameters: what ``interop`` asks for."""
        return Batches(self._made, self._forward, self._most, self._template)

    def bind(self, rows: Any) -> Bound:
        """Return this program with its rows: for calls, many of them, that bring new parameters only.

        They are copied, checked, and packed as the backend wants them, once: what happens to ``rows`` later is
        no matter. ``value_and_gradient(theta)`` and ``sum(theta)`` of what is returned take about a microsecond more
        than the machine code itself. Raises BranchError for a row that would take another branch than the recording;
        where that depends on parameters, too, each call checks.

        >>> x, w = Value(0.0), Value(0.0)
        >>> bound = Program((w * x).exp(), rows=[x], parameters=[w], backend='python').bind([[0.0], [1.0]])
        >>> bound.value_and_gradient([0.0])
        (2.0, [1.0])
        """
        return Bound(self, self._gradient if self._made.outputs == 1 else self._forward, rows, self._theta())

    def shards(self, rows: Any, executor: Workers, count: int | None = None) -> Shards:
        """Return rows at the workers of an executor: those that are there already, if they are the same.

        Rows in memory are known by a hash of their bytes, so a change of one of them is noticed;
        those of a mapped file by device, inode, size and time of its last change.
        """
        return self._slopes.shards(rows, executor, count)

    def descend(
        self, rows: Any, learning_rate: Any, epochs: int = 1, mode: str | int = 'batch', *, optimiser: Any = None,
        l2: Any = 0.0, clip: float | None = None, shuffle: Random | None = None,
    ) -> list[float]:  # fmt: skip
        """Do epochs of gradient descent, ``p <- p - h * dE/dp``; return the error of each.

        learning_rate: h, with 0 < h <= 1, or one for each epoch.
        mode: ``'batch'``, one update an epoch; ``'online'``, one after each row; a number,
            the size of mini-batches. Rows keep their order. The error of an epoch is the sum
            over its batches, each with the parameters it began with.
        optimiser: one that has a rule, as ``Momentum`` and ``AdamW`` have; it goes on where it was.
        l2: adds ``l2 / 2 * p ** 2`` to what is descended, once an update; a number, or one for each parameter.
        clip: the largest Euclidean norm of all slopes together.
        shuffle: a ``random.Random`` that puts the rows in a new order before each epoch.

        With the native backend all epochs are one call of machine code, whatever the options; shuffled, each is one.
        Raises ArithmeticError if a parameter becomes nan or inf, and then changes none, nor the optimiser.

        >>> from microgradnet.training.optimisers import AdamW
        >>> x, w = Value(0.0), Value(1.0)
        >>> square = Program((w * x) ** 2, rows=[x], parameters=[w], backend='python')
        >>> errors = square.descend([[1.0], [2.0]], 0.5, 2, optimiser=AdamW(weight_decay=0.0))
        >>> [round(E, 6) for E in errors], round(w.data, 3)
        ([5.0, 1.25], 0.034)
        """
        epochs = whole('epochs', epochs)
        rates = _several('the learning rate h', learning_rate, epochs, '0 < h <= 1', lambda h: 0 < h <= 1)
        engine = self._gradient.engine
        data, _ = engine.rows(rows, self.width)
        size = {'batch': len(data), 'online': 1}.get(mode, mode) if isinstance(mode, str) else mode
        if isinstance(size, bool) or not isinstance(size, int) or size < 1 <= len(data):
            raise ValueError(f"mode is 'batch', 'online', or the size of mini-batches, from 1 on, not {mode!r}")
        if not len(data):
            raise ValueError('there is no row to learn from')
        for branches, watching in self._watch.branches:
            if watching.reads_parameters:
                guard = branches.guards[0]
                raise BranchError(f'descend cannot watch {guard}: it may depend on parameters, which change')
        theta = self._theta()
        optimiser = Descent() if optimiser is None else instance('optimiser', optimiser, Rule, 'one that has a rule')
        if not optimiser.is_whole:
            raise TypeError(f'{optimiser!r} has a step of its own, which descend does not do: only rules are recorded')
        decay = _several('l2', l2, len(theta), 'at least 0', lambda x: x >= 0)
        if clip is not None:
            clip = float(within('clip', clip, 'more than 0', lambda x: x > 0))
        if shuffle is not None:
            instance('shuffle', shuffle, Random, 'a random.Random or None')
        update = update_of(optimiser, any(decay), clip)
        self._watch.check(data, theta)
        found: list[list[float]] = []
        batches, kept = -(-len(data) // size), [theta, *optimiser.remembered(theta)]
        order = [*range(len(data))] if shuffle else []
        varies = optimiser.is_paced or rates.count(rates[0]) < epochs
        block = 1 if shuffle else max(1, STEPS // batches) if varies else epochs
        for first in range(0, epochs, block):
            if shuffle:
                order = shuffled(shuffle, order)
            past, count = optimiser.steps + first * batches, min(block, epochs - first)
            paces = [
                optimiser.numbers(rates[first + step // batches], past + step + 1)
                for step in range(count * batches if varies else 1)
            ]
            steps = Steps(size, count, paces, kept[1:], decay)
            more, kept = engine.descend(_in_order(data, order) if shuffle else data, kept[0], update, steps)
            found.append(more)
        errors = found[0] if len(found) == 1 else [*chain(*found)]  # they may be many: not copied for nothing
        if not all(map(isfinite, kept[0])):
            wrong = next(number for number in kept[0] if not isfinite(number))
            epoch = next((place for place, error in enumerate(errors, 1) if not isfinite(error)), len(errors))
            raise ArithmeticError(f'a parameter became {wrong}; the error was finite before epoch {epoch}')
        deque(map(_set_data, self.parameters, kept[0]), maxlen=0)
        optimiser.memory, optimiser.steps = kept[1:], optimiser.steps + epochs * batches
        return errors

    @cached_property
    def _gradient_routine(self) -> Routine:
        if self._made.outputs != 1:
            raise TypeError(f'only a program of one output has a gradient; this one has {self._made.outputs}')
        with uncollected(), shown('compiling: writing the gradient of a program'):
            return recompute(self._made, self._most)

    def _sweep(self, gradient: bool) -> Routine | None:
        """Return the routine of the gradient that is printed beside the outputs, if there is one and it is wanted."""
        return self._gradient_routine if flag('gradient', gradient) and self._made.outputs == 1 else None

    @cached_property
    def _forward(self) -> Runner:
        return Runner(self.routine, self._watch)

    @cached_property
    def _gradient(self) -> Runner:
        return Runner(self._gradient_routine, self._watch)

    @cached_property
    def _slopes(self) -> Slopes:
        return Slopes(self._gradient)

    def _data(self) -> list[Any]:
        return [*map(_get_data, self.parameters)]

    def _theta(self) -> list[float]:
        """Return the numbers that the parameters hold now."""
        data = self._data()
        return data if {*map(type, data)} <= {float} else [float(real(x, 'the data of a parameter')) for x in data]

    def __getstate__(self) -> dict[str, Any]:
        left_out = (
            '_build', '_forward', 'routine', '_gradient', '_gradient_routine', '_evaluators', '_slopes',
            'value_and_gradient', 'batches', '_first',
        )  # fmt: skip
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _evaluators={}, _first=None)
        self._build = take_apart(self._template)[1]


class Bound:
    """A program and rows that stay with it: checked, copied and packed once; see ``Program.bind``."""

    def __init__(self, program: Program, runner: Runner, rows: Any, theta: Any) -> None:
        self.program = program
        data, _ = runner.engine.rows(rows, program.width)
        self._rows = needed('numpy').array(data) if is_array(data) else data  # neither mapped nor a matrix
        if not runner.watch.reads_parameters:
            runner.watch.check(self._rows, theta)

    def value_and_gradient(self, theta: Any) -> tuple[float, Any]:
        """Return the output summed over the rows, and its gradient, with the parameters theta.

        It is what ``Program.value_and_gradient`` gives for these rows.
        """
        return self._gradient.value_and_gradient(theta) or self.program.value_and_gradient(theta, self._rows)

    def sum(self, theta: Any) -> Any:
        """Return the outputs summed over the rows, as they were given to ``compile``, with the parameters theta."""
        program = self.program
        found = self._forward.sum(theta) or program._forward.sums(self._rows, program._vector(theta))
        return program._build([*map(float, found)])

    @cached_property
    def _forward(self) -> Quick:
        return self.program._forward.bind(self._rows)

    @cached_property
    def _gradient(self) -> Quick:
        return self.program._gradient.bind(self._rows)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ('_forward', '_gradient')}


# What is wrong about the arguments of a call is said of what was called.
Slopes.value_and_gradient.__qualname__ = Program.value_and_gradient.__qualname__


def _several(what: str, given: Any, count: int, wanted: str, fits: Callable[[Number], bool]) -> list[float]:
    """Return so many floats that fit, of one number or of so many."""
    if isinstance(given, float) or not is_row(given):
        return [float(within(what, given, wanted, fits))] * count
    found = [*map(float, numbers(given, what))]
    if len(found) != count:
        raise ValueError(f'{what} must be one number, or {count} of them, not {len(found)}')
    for number in {*found}:
        within(what, number, wanted, fits)
    return found


def _in_order(data: Any, order: list[int]) -> Any:
    """Return rows in an order."""
    return data.take(order, axis=0) if is_array(data) else [data[place] for place in order]


_get_data = attrgetter('data')
_set_grad, _set_data = Value.__dict__['grad'].__set__, Value.__dict__['data'].__set__
