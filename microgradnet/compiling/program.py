"""A program: a recorded graph, frozen, and run again over rows of numbers.

>>> from microgradnet.losses import half_squared_error
>>> from microgradnet.nn import MLP
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
from functools import cached_property
from math import isfinite
from operator import attrgetter
from typing import Any

from ..adjoints import gradients
from ..graph import topological_order
from ..reals import real
from ..recorders import lift
from ..structures import take_apart
from ..value import Constant, Value
from . import c_printer
from .engines import BACKENDS, Engine, best_backend, check_backend, engine
from .guards import BranchError, Guard, Path, paths_of
from .instructions import Listing
from .results import first_failing, stack
from .routine import Routine
from .sweeps import has_gates, lower, prepare, routine
from .tape import Tape

__all__ = ['Program']


class Program:
    """Outputs of a graph as a function of rows and of parameters; see ``compile``."""

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
    ) -> None:
        leaves, self._build = take_apart(outputs, 'the outputs')
        self._template, self._outputs, self._rows = outputs, [lift(leaf) for leaf in leaves], [*rows]
        for what, nodes in ('rows', self._rows), ('parameters', parameters or ()):
            for place, node in enumerate(nodes):
                if not isinstance(node, Value):
                    raise TypeError(f'{what}[{place}] must be a Value of the graph, not {node!r}')
        if parameters is None:
            known = {*self._rows}
            order = topological_order(*self._outputs)
            parameters = [n for n in order if n.op is None and not isinstance(n, Constant) and n not in known]
        self.parameters = [*parameters]
        self._made = made = prepare(self._outputs, self._rows, self.parameters, loops)
        self.loops = isinstance(made, Tape)
        if backend is not None and backend not in BACKENDS:
            raise ValueError(f'backend must be one of {BACKENDS}, or None for the fastest there is, not {backend!r}')
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise ValueError(f'threads must be a whole number of at least 1, not {threads!r}')
        self.backend, self.threads, self.fast = backend or best_backend(made.customs), threads, fast
        self._paths = [(path, path.over(self._rows, self.parameters)) for path in paths_of([*rows, *self.parameters])]
        check_backend(self.backend, made.customs)
        if not self.loops:
            _ = self._engine  # printed at once, as a folded one need not be that is only asked for its gradient

    @cached_property
    def listing(self) -> Listing | Routine:
        """The instructions: straight ones, or those of a long program in loops."""
        return routine(self._made) if isinstance(self._made, Tape) else self._made

    @property
    def memory(self) -> int:
        """How many numbers of each row are in memory while the gradient is computed; of straight code, 0.

        They are what the backward sweep asks for, and signals under way: their number grows
        with a loop's turns, by what one turn needs.

        >>> def steps(n):
        ...     x = Value(1.0)
        ...     y = x
        ...     for _ in range(n):
        ...         y = y.sin()
        ...     return Program(y, parameters=[x], loops=True).memory
        >>> steps(100), steps(200)  # sin needs its operand: the first is x itself
        (99, 199)
        """
        listing = self._gradient_listing
        return listing.kept + listing.signals if isinstance(listing, Routine) else 0

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return len(self._rows)

    @property
    def branches(self) -> list[Guard]:
        """The comparisons that every row is checked against, if the graph was recorded under ``recording``."""
        return [guard for path, _ in self._paths for guard in path.guards]

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
        return self._engine.source

    def to_c(self, name: str = 'program') -> str:
        """Print a C99 file with the outputs and, of a single output, the gradient by the parameters.

        It needs the C library only; the parameters' numbers of now are in it. Raises
        BranchError if the recording branched.
        """
        if self.branches:
            raise BranchError(f'C code would follow one way only, and not watch {self.branches[0]}')
        gradient = self._gradient_listing if len(self._outputs) == 1 else None
        return c_printer.source(self.listing, gradient, [float(p.data) for p in self.parameters], name)

    def __call__(self, rows: Any = ()) -> Any:
        """Return the outputs of one row, or of each of many.

        One row, a list of ``width`` numbers, gives the outputs as they were given to
        ``compile``, with numbers for nodes. Many rows, lists in a list or an array of
        shape (rows, width), give a list of that, or with NumPy an array of shape
        (rows, ...) if the outputs are a number, or lists that are as long as each other;
        other outputs, of a dict for example, come as columns, with an array for each number.
        """
        data, single = self._engine.rows(rows, self.width)
        results = self._run(self._engine.each, data)
        if single:
            return self._build([float(y) for y in results[0]])
        return stack(results, self._template, self._build)

    def sum(self, rows: Any) -> Any:
        """Return the outputs summed over the rows.

        >>> x = Value(0.0)
        >>> Program({'n': 1.0, 'square': x * x}, rows=[x], backend='python').sum([[1], [2], [3]])
        {'n': 3.0, 'square': 14.0}
        """
        data, _ = self._engine.rows(rows, self.width)
        return self._build([float(y) for y in self._run(self._engine.sums, data)])

    def backward(self, rows: Any = ((),)) -> float:
        """Add dE/dp to ``p.grad`` for every parameter p, E the output summed over the rows; return E.

        The contract of ``Value.backward``: the numbers are those that p.data hold now,
        calling twice adds twice, an interrupted call changes nothing.
        """
        total, gradient = self.value_and_gradient(self._theta(), rows)
        grads = [p.grad + float(g) for p, g in zip(self.parameters, gradient, strict=True)]
        deque(map(_set_grad, self.parameters, grads), maxlen=0)
        return total

    def value_and_gradient(self, theta: Any, rows: Any = ((),)) -> tuple[float, Any]:
        """Return the output summed over the rows, and its gradient, with the parameters theta.

        theta: as many numbers as there are parameters, in their order. The gradient is
        an array of as many, with the python backend a list. No ``Value`` is read or
        touched: it is what an optimiser calls.
        """
        runner = self._gradient
        if getattr(theta, 'ndim', 1) != 1:
            raise ValueError(f'theta must be a list of numbers, not an array of shape {theta.shape}')
        if len(theta) != len(self.parameters):
            raise ValueError(f'theta has {len(theta)} numbers; the program has {len(self.parameters)} parameters')
        data, _ = runner.rows(rows, self.width)
        result = self._run(runner.sums, data, theta)
        return float(result[0]), result[1:]

    def descend(self, rows: Any, learning_rate: float, epochs: int = 1, mode: str | int = 'batch') -> list[float]:
        """Do epochs of gradient descent, ``p <- p - h * dE/dp``; return the error of each.

        mode: ``'batch'``, one update an epoch; ``'online'``, one after each row; a number,
        the size of mini-batches. Rows keep their order. The error of an epoch is the sum
        over its batches, each with the parameters it began with. With the native backend
        all epochs are one call of machine code.

        Raises ArithmeticError if a parameter becomes nan or inf, and then changes none.
        """
        h = float(real(learning_rate, 'the learning rate h'))
        if not 0 < h <= 1:
            raise ValueError(f'the learning rate h must be 0 < h <= 1, not {learning_rate!r}')
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise ValueError(f'epochs must be a whole number of at least 1, not {epochs!r}')
        runner = self._gradient
        data, _ = runner.rows(rows, self.width)
        size = {'batch': len(data), 'online': 1}.get(mode, mode) if isinstance(mode, str) else mode
        if isinstance(size, bool) or not isinstance(size, int) or size < 1 <= len(data):
            raise ValueError(f"mode is 'batch', 'online', or the size of mini-batches, from 1 on, not {mode!r}")
        if not len(data):
            raise ValueError('there is no row to learn from')
        for path, listing in self._paths:
            if listing.reads_parameters:
                raise BranchError(f'descend cannot watch {path.guards[0]}: it may depend on parameters, which change')
        theta = self._theta()
        self._check_branches(data, theta)
        errors, theta = runner.descend(data, theta, size, h, epochs)
        if not all(map(isfinite, theta)):
            wrong = next(number for number in theta if not isfinite(number))
            epoch = next((place for place, error in enumerate(errors, 1) if not isfinite(error)), len(errors))
            raise ArithmeticError(f'a parameter became {wrong}; the error was finite before epoch {epoch}')
        deque(map(_set_data, self.parameters, theta), maxlen=0)
        return errors

    def _run_by(self, listing: Listing | Routine) -> Engine:
        return engine(listing, self.backend, self.threads, self.fast)

    @cached_property
    def _gradient_listing(self) -> Listing | Routine:
        if len(self._outputs) != 1:
            raise TypeError(f'only a program of one output has a gradient; this one has {len(self._outputs)}')
        if isinstance(self._made, Tape) and not has_gates(self._made):
            return routine(self._made, gradient=True)
        outputs = [*self._outputs, *gradients(self._outputs[0], self.parameters)]
        return lower(outputs, self._rows, self.parameters, self.loops)

    @cached_property
    def _engine(self) -> Engine:
        return self._run_by(self.listing)

    @cached_property
    def _gradient(self) -> Engine:
        return self._run_by(self._gradient_listing)

    @cached_property
    def _watchers(self) -> list[tuple[Path, Engine]]:
        """What computes the two sides of every comparison, for each recording."""
        return [(path, self._run_by(listing)) for path, listing in self._paths]

    def _theta(self) -> list[float]:
        """Return the numbers that the parameters hold now."""
        return [*map(float, map(_get_data, self.parameters))]

    def _run(self, way: Callable[[Any, Any], Any], data: Any, theta: Any = None) -> Any:
        theta = self._theta() if theta is None else theta
        self._check_branches(data, theta)
        return way(data, theta)

    def _check_branches(self, data: Any, theta: Any) -> None:
        """Raise BranchError for the first row that would go another way than a recording."""
        for path, watcher in self._watchers:
            for row, guard in first_failing(path, watcher.each(data, theta)):
                raise BranchError(
                    f'row {row} would take another branch than the recording: {guard}. '
                    'Record it for such rows too, or compile the function, which records each path it meets'
                )

    def __getstate__(self) -> dict[str, Any]:
        left_out = ('_build', '_engine', 'listing', '_gradient', '_gradient_listing', '_watchers')
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._build = take_apart(self._template)[1]


_get_data = attrgetter('data')
_set_grad, _set_data = Value.__dict__['grad'].__set__, Value.__dict__['data'].__set__
