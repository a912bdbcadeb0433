"""Derivations written out, with the numbers of the graph that ran.

``derive``          a weight's update, or the derivative of any expression, step by step
``exercise``        the same with blanks, of numbers that work out by hand
``error_signals``   r, g(r), g'(r), delta and gradients of every neuron, as a table

>>> from microgradnet.engine.value import Value
>>> x = Value(3.0, label='x')
>>> print(derive(x * x + 1.0, x))
The derivative of y by x
<BLANKLINE>
What is given
    x = 3
<BLANKLINE>
The expression, step by step
    v_1 = x^2 = 3^2 = 9  (1)
    y = v_1 + 1 = 9 + 1 = 10  (2)
<BLANKLINE>
Each step by what goes into it
    ∂v_1/∂x = 2 · x = 2 · 3 = 6  (3)
    ∂y/∂v_1 = 1
<BLANKLINE>
The chain rule along each path
Path 1, y ← v_1 ← x:
    P_1 = ∂y/∂v_1 · ∂v_1/∂x = 1 · 6 = 6  (4)
    P_1 = 2 · x = 6  (5)
All paths together:
    dy/dx = P_1 = 6  (6)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from ..engine.checks import said, whole
from ..engine.value import Value
from .every import sections_of_all
from .exercise import Exercise, exercise
from .lines import Line, Section
from .paths import derive_value
from .refusals import with_steps
from .sheet import Derivation
from .signals import ErrorSignals, error_signals
from .steps import sections_of

__all__ = ['Derivation', 'ErrorSignals', 'Exercise', 'Line', 'Section', 'derive', 'error_signals', 'exercise']


@overload
def derive(
    value: Value, wrt: Value, /, *,
    limit: int = 64, digits: int = 6, steps: str | Sequence[str] | None = None,
) -> Derivation: ...  # fmt: skip


@overload
def derive(
    value: Value, /, *, wrt: Value,
    limit: int = 64, digits: int = 6, steps: str | Sequence[str] | None = None,
) -> Derivation: ...  # fmt: skip


@overload
def derive(
    net: Any, /, teacher_set: Any, weight: str | Value | None = None, *,
    learning_rate: Any = None, limit: int = 64, hats: bool | None = None,
    digits: int = 6, samples: int | None = None, steps: str | Sequence[str] | None = None,
) -> Derivation: ...  # fmt: skip


def derive(
    subject: Any,
    /,
    teacher_set: Any = None,
    weight: Any = None,
    *,
    wrt: Any = None,
    learning_rate: Any = None,
    limit: int = 64,
    hats: bool | None = None,
    digits: int = 6,
    samples: int | None = None,
    steps: str | Sequence[str] | None = None,
) -> Derivation:
    """Write ``derive(net, teacher_set, weight)`` or ``derive(value, wrt)`` out, with numbers.

    Of a net: how E, half the sum of squares over a teacher set, makes one step of
    gradient descent change one weight or bias. The steps are those of the derivation:
    the update rule, the error, the chain rule, the terms that vanish, the paths that
    remain, the error signals, a table of every neuron, and the update in numbers, each new
    one on a line with what it was made of, the new weight last. The weight is given as the
    parameter itself or by its name, source first, target second: ``'w_{1,3}'``,
    ``'w_{x1,1}'``, ``'b_5'``. In a net of two layers the derivation's names with hats
    are known too, ``'w_{1,1}'``, ``'ŵ_1'`` or ``'w_hat_1'``; then, or with
    ``hats=True``, they are those printed. The teacher set is a ``TeacherSet`` or any
    list of pairs of inputs and targets. Of one sample the sums over samples are left
    out; of more than five the first three are written out, unless ``samples`` says how many,
    and the others added up.
    ``learning_rate`` is 0.5 unless given, or 1/2 where all parameters are fractions.

    Without a weight: the update of every weight and bias, by the error signals, with the sums over the samples;
    and beside each other what all samples together make of them, in one step of batch learning, and what each after
    the other makes, on-line. Its steps are ``'given'``, ``'forward'``, ``'error'``, ``'signals'``, ``'weights'`` and
    ``'compared'``, and ``limit`` is for the weights.

    Of a node: its derivative by another one, ``wrt``, as the chain rule along each path
    between them.

    The numbers are those of a forward run and a real ``backward``; gradients stay as
    they were. They are printed in ``digits`` digits, what is given in full; of ``samples``
    samples everything is written out. ``steps`` prints some of the steps only, one or a
    list of ``'given'``, ``'forward'``, ``'rule'``, ``'error'``, ``'chain'``, ``'vanishing'``,
    ``'paths'``, ``'signals'``, ``'both'`` and ``'numbers'``, and of a node's derivative
    ``'given'``, ``'expression'``, ``'partials'`` and ``'paths'``. Raises ValueError if there
    is no such weight, node or step, if a weight is shared, if there are more paths than
    ``limit`` (64), or if a number is nan or infinite.

    >>> from microgradnet.nets.net import MLP
    >>> net = MLP.from_weights([[[2.0]], [[3.0]]], [[1.0], [0.0]], 'identity')
    >>> derivation = derive(net, [([1.0], 8.0)], 'w_{x1,1}')
    >>> for line in derivation.sections[7].body:
    ...     print(line)
    δ = y - t = 9 - 8 = 1
    δ_1 = δ · g'(r_2) · w_{1,2} = 1 · 1 · 3 = 3
    Error introduced, times gradient of the activation, times input:
    ∂E/∂w_{x1,1} = [error introduced: δ_1] · [gradient: g'(r_1)] · [input: x_1]
    Substituted, back to the outputs:
    ∂E/∂w_{x1,1} = δ · g'(r_2) · w_{1,2} · g'(r_1) · x_1
    >>> print(derivation.lines[-1])
    w_{x1,1}^(l+1) = w_{x1,1}^(l) - h · ∂E/∂w_{x1,1} = 2 - 0.5 · 3 = 0.5
    """
    whole('limit', limit)
    whole('digits', digits, 1, 17)
    of_a_net = {'weight': weight, 'learning_rate': learning_rate, 'hats': hats, 'samples': samples}
    if isinstance(subject, Value):
        if needless := [name for name, given in of_a_net.items() if given is not None]:
            came = ', '.join(f'{name}={said(of_a_net[name])}' for name in needless)
            raise TypeError(f'derive(value, wrt) takes no {" and no ".join(needless)}, which is for nets; {came} came')
        by = teacher_set if wrt is None else wrt
        return derive_value(subject, by, limit=limit, digits=digits, steps=steps)
    if not hasattr(subject, 'parameters'):
        wanted = 'derive(value, wrt) or derive(net, teacher_set, weight)'
        raise TypeError(f'there is {wanted}, and what came first is {said(subject)}')
    if wrt is not None:
        wanted = 'derive(net, teacher_set, weight) takes no wrt: what to derive by is its weight'
        raise TypeError(f'{wanted}, not {said(wrt)}')
    if teacher_set is None:
        raise TypeError("derive(net, teacher_set, weight) is missing its 'teacher_set'")
    if samples is not None:
        whole('samples', samples)
    options: dict[str, Any] = {'learning_rate': learning_rate, 'limit': limit, 'hats': hats, 'digits': digits}
    if weight is None:
        title, sections, picture = sections_of_all(subject, teacher_set, samples=samples, **options)
    else:
        title, sections, picture = sections_of(subject, teacher_set, weight, samples=samples, **options)
    return with_steps(title, sections, steps, digits, picture)
