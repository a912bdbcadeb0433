"""Record once, replay over any number of rows: graphs as programs.

A recorded graph is frozen into one list of instructions (``lowering``), printed as
Python, NumPy, LLVM or C, and run.

>>> from microgradnet.engine.value import Value
>>> w, x = Value(3.0, label='w'), Value(2.0, label='x')
>>> program = compile((w * x + 1).tanh(), rows=[x], backend='python')
>>> [f'{y:.4f}' for y in program([[0.0], [0.1]])]
['0.7616', '0.8617']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from ..engine.value import Value
from .function import Function
from .guards import BranchError, BranchWarning, recording
from .program import Program

if TYPE_CHECKING:
    from ..engine.methods import Array, Operand

__all__ = ['BranchError', 'BranchWarning', 'Function', 'Program', 'compile', 'recording']


@overload
def compile(
    what: Callable[..., Any],
    *,
    backend: str | None = None,
    threads: int = 1,
    fast: bool = False,
    most_paths: int = 100,
) -> Function: ...
@overload
def compile(
    what: Operand | Sequence[Any] | Mapping[Any, Any] | Array,
    rows: Sequence[Value] | None = None,
    parameters: Sequence[Value] | None = None,
    *,
    backend: str | None = None,
    threads: int = 1,
    fast: bool = False,
    loops: bool | None = None,
    memory: int | None = None,
) -> Program: ...
def compile(
    what: Any, rows: Sequence[Value] | None = None, parameters: Sequence[Value] | None = None, **options: Any
) -> Program | Function:
    """Compile recorded values into a ``Program``, or a function into one that replays itself.

    what: a ``Value``, nested lists, tuples, dicts or arrays of them; or a function of
        numbers, or of such structures of numbers.
    rows: the leaves whose numbers come with each row, in the order they have there.
    parameters: the leaves whose numbers may change between calls, and to which there are
        gradients; by default every leaf that is not in ``rows``. Others are constants.
    backend: ``'native'`` (machine code by llvmlite: ``pip install 'microgradnet[native]'``),
        ``'numpy'`` or ``'python'`` (which needs nothing, and gives the bits of the
        recording); by default the first of them that is installed.
    threads: how many threads share the rows (native). The same number gives the same bits.
    fast: let LLVM reassociate sums and products (native): faster at times, not the same bits.
    loops: of recorded values: whether to look for the loops that Python unrolled and to print
        them as loops; by default in programs of more than 2,000 operands, of which loops
        leave less than half; in machine code of more than 500, if not much of the work is
        functions of parameters alone. What a loop's backward sweep asks for is kept in memory: see
        ``Program.memory``.
    memory: of recorded values: the most numbers of each row that may be kept in memory for the gradient. Where
        loops keep more, blocks of their turns are done forwards again on the way back; the numbers stay the
        same, but for the last digits of sums over the turns of a ``while_loop``, which must have a limit.
        ValueError, when a gradient is asked for, says how little is possible. Second derivatives, made of that
        gradient, keep some times as much.
    most_paths: of a function: how many different ways through its branches are compiled; rows that take
        another one are computed as without ``compile``.

    Compiled code computes in IEEE arithmetic: where Python raises, at a pole or an
    overflow, it goes on with an infinity or nan. A function is recorded when first called,
    for each structure of its arguments. An ``if`` whose sides only compute, as the source says, becomes a choice
    between them; else it is recorded again when branches go another way; all ways are one program, and
    a row that takes one that is not in it is never guessed. Where ways are too many, or too seldom come
    again, to be worth compiling, such rows are plain calls, of floats at last, and a ``BranchWarning`` says so
    once, with the line. A long function that branches is plain at first: its first way is compiled when it comes again.
    Reading ``.data``, ``.grad`` or ``.partials``, or ``detach()``, of what may change is refused
    meanwhile, with its line: a replay would not read again. It is recorded once more, for
    other numbers along the same branches: what then differs (a random number) has left the graph
    and is refused, too. One of more than 200,000 operations is begun once more, and recorded as a tape,
    without a graph. Of what ``grad``, ``hessian`` and the other transforms return, the function inside is
    recorded, and the derivative made of its program. A ``Value`` from outside is read anew at each call; a plain
    number stays what it was at the recording.

    >>> f = compile(lambda x, n: x ** n if n > 0 else 0 * x, backend='python')
    >>> f(2.0, 3.0), f(2.0, -1.0)
    (8.0, 0.0)
    """
    if callable(what) and not isinstance(what, Value):
        if rows is not None or parameters is not None:
            raise TypeError('rows= and parameters= are for recorded values; a function has arguments')
        if not options.keys().isdisjoint(('loops', 'memory')):
            raise TypeError('loops= and memory= are for recorded values, and not for a function')
        return Function(what, **options)
    if 'most_paths' in options:
        raise TypeError('most_paths= is for a function, and not for recorded values')
    return Program(what, rows or (), parameters, **options)


