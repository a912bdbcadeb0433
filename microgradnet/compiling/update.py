"""Updates: how parameters follow their slopes, one rule for all of them, recorded as a program of its own.

An optimiser's rule is written once, in Python, for one parameter. On numbers it is the step that Python does;
on nodes it is recorded, and becomes the update of every backend, in machine code too.

>>> update = update_of(Descent())
>>> print(update.rule)
0: parameter 0
1: row 1
2: mul 0 1
3: row 0
4: sub 3 2
5: output 0 4
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cache
from typing import Any, ClassVar

from ..engine.functions import where
from ..engine.numbers import Fraction, Number
from ..engine.table import Operation
from ..engine.value import Value
from .guards import branches_of, recording
from .ir.routine import Routine
from .ir.sweeps import lower

__all__ = ['Descent', 'Rule', 'Update', 'decayed', 'norm', 'scaled', 'squares', 'update_of']


class Rule:
    """An optimiser with one rule for all parameters, each by itself: what it is, its subclasses say.

    ``kept`` is how many numbers it remembers of each parameter; ``memory`` has a list for each of these,
    none before the first step; ``steps`` counts the steps that were done. Its settings are attributes of the object.
    """

    kept: ClassVar[int] = 0
    memory: list[list[Number]]
    steps: int

    def __init__(self) -> None:
        self.memory, self.steps = [], 0

    def numbers(self, h: Number, step: int) -> tuple[Number, ...]:
        """Return what the rule takes that is the same for all parameters: h, and what depends on which step it is."""
        return (h,)

    def rule(self, w: Any, slope: Any, *more: Any) -> tuple[Any, ...]:
        """Return the new w and what is to be remembered of it, from what is remembered and the step's numbers.

        It is called with numbers, and with Values to be recorded; it may not branch on them.
        """
        raise NotImplementedError

    def step(self, weights: Sequence[Number], gradients: Sequence[Number], h: Number) -> list[Number]:
        """Return the new weights; what is remembered of them moves on."""
        numbers = self.numbers(h, self.steps + 1)
        rows = zip(weights, gradients, *self.remembered(weights), strict=True)
        found, *self.memory = map(list, zip(*[self.rule(*row, *numbers) for row in rows]))
        self.steps += 1
        return found

    def remembered(self, weights: Sequence[Number]) -> list[list[Number]]:
        """Return the memory, of zeros if there is none; raise ValueError if it is of other weights."""
        for kept in self.memory:
            if len(kept) != len(weights):
                raise ValueError(f'{self!r} remembers {len(kept)} weights and is given {len(weights)}: make a new one')
        return self.memory or [[0] * len(weights) for _ in range(self.kept)]

    @property
    def is_whole(self) -> bool:
        """Whether a step does what ``rule`` says and no more, so that others than Python may do it."""
        return type(self).step is Rule.step and 'step' not in vars(self)

    @property
    def is_paced(self) -> bool:
        """Whether the numbers of a step depend on which one it is."""
        return type(self).numbers is not Rule.numbers or 'numbers' in vars(self)


class Descent(Rule):
    """Gradient descent, exact on fractions: ``w <- w - h * slope``."""

    def rule(self, w: Any, slope: Any, h: Any) -> tuple[Any]:
        return (w - h * slope,)

    def __repr__(self) -> str:
        return 'Descent()'


class Update:
    """A rule as routines that are run over the parameters, each being a row.

    ``rule`` has rows of w, its slope and what is remembered of it, and the step's numbers as parameters, the last
    one, with ``clip``, the norm of all slopes; its outputs are the new w and what is to be remembered.
    ``decay`` makes of w, slope and l2 the slope that is to be followed; None where nothing decays.
    """

    rule: Routine
    decay: Routine | None
    clip: float | None
    is_plain: bool  #: whether it is gradient descent and no more

    def __init__(self, optimiser: Rule, decays: bool = False, clip: float | None = None) -> None:
        w, slope, l2, length = (Value(1.0) for _ in range(4))
        memory = [Value(1.0) for _ in range(optimiser.kept)]
        numbers = [Value(1.0) for _ in optimiser.numbers(1.0, 1)]
        with recording():
            followed = slope if clip is None else where(length.greater(clip), scaled(slope, length, clip), slope)
            try:
                results = _without_state(optimiser).rule(w, followed, *memory, *numbers)
            except AttributeError as trouble:
                if trouble.name not in STATE:
                    raise
                raise ValueError(
                    f'the rule of {optimiser!r} reads its {trouble.name}, which other steps change: what depends on '
                    'the step is for numbers() to say, and what is remembered is an argument'
                ) from trouble
        if len(results) != 1 + optimiser.kept:
            raise ValueError(
                f'the rule of {optimiser!r} must return the new weight and the {optimiser.kept} numbers it remembers '
                f'of it, and returned {len(results)} numbers'
            )
        row = [w, slope, *memory]
        if branches_of([*row, *numbers]):
            raise ValueError(f'the rule of {optimiser!r} branches: use where() or max() there')
        shared = numbers if clip is None else [*numbers, length]
        self.rule, self.clip = lower([*results], row, shared), clip
        self.is_plain = _is_descent(optimiser) and not decays and clip is None
        self.decay = lower([where(l2, decayed(w, slope, l2), slope)], [w, slope, l2], []) if decays else None

    @property
    def customs(self) -> dict[str, Operation]:
        """The users' own operations in it, by name."""
        return self.rule.customs

    def used(self) -> list[str]:
        """Return the names of the functions that are called."""
        return [name for routine in (self.rule, self.decay) if routine for name in routine.used()]


def decayed(w: Any, slope: Any, l2: Any) -> Any:
    """Return the slope of an error by w when ``l2 / 2 * w ** 2`` is added to it."""
    return slope + l2 * w


def scaled(slope: Any, length: Any, largest: Any) -> Any:
    """Return a slope when all are scaled from their norm down to a largest one."""
    return largest * (slope / length)


#: The factor that keeps squares of large numbers from becoming infinite, and its inverse, those of small ones from
#: becoming 0. Both are powers of 2, so that nothing is rounded.
LARGE, SMALL = 2.0**-600, 2.0**600


@cache
def squares() -> Routine:
    """Return the square of a row's number, and those of it made smaller and greater, to be summed for ``norm``."""
    g = Value(1.0)
    return lower([(g * k) * (g * k) for k in (1.0, LARGE, SMALL)], [g], [])


@cache
def norm() -> Routine:
    """Return the Euclidean norm, of the sums of ``squares``: of the plain one where that was not out of range."""
    plain, large, small = sums = [Value(1.0) for _ in range(3)]
    low = where(plain.less(2.0**-900), small.sqrt() * LARGE, plain.sqrt())
    return lower([where(plain.greater(2.0**1000), large.sqrt() * SMALL, low)], sums, [])


#: What moves on with the steps, beside the settings.
STATE = ('memory', 'steps')


def _without_state(optimiser: Rule) -> Rule:
    """Return an optimiser with the same settings, which does not say how far it is."""
    bare = copy(optimiser)
    for name in STATE:
        vars(bare).pop(name, None)
    return bare


def _trial(optimiser: Rule) -> str | None:
    """Return what the rule makes of some numbers, exactly, which says what settings do not: what else it reads.

    None if that cannot be said.
    """
    given = (0.3 + 0.7 / k for k in range(1, 3 + optimiser.kept + len(optimiser.numbers(1.0, 1))))
    try:
        return repr([*map(float, _without_state(optimiser).rule(*given))])
    except Exception:  # which recording it will say
        return None


def _is_descent(optimiser: Rule) -> bool:
    return type(optimiser) is Descent and 'rule' not in vars(optimiser)


_made: dict[Any, Update] = {}
#: What says all that it is in its ``repr``.
PLAIN = (int, float, str, Fraction, type(None))


def update_of(optimiser: Rule, decays: bool = False, clip: float | None = None) -> Update:
    """Return the update of an optimiser; the same one for another with the same settings, all plain, and the same rule.

    A rule may read more than settings, the class or a global say, so it is tried each time; our ``Descent`` does not.
    """
    settings: dict[str, Any] = {}
    trial: str | None = ''
    if not _is_descent(optimiser):
        settings = vars(_without_state(optimiser))
        trial = _trial(optimiser) if all(isinstance(setting, PLAIN) for setting in settings.values()) else None
    if trial is None:
        return Update(optimiser, decays, clip)
    key = type(optimiser), repr(settings), trial, decays, clip
    if key not in _made:
        if len(_made) >= 64:
            _made.clear()
        _made[key] = Update(optimiser, decays, clip)
    return _made[key]
