"""Tests that run over drawn functions and points: what the marker ``gradients`` of the pytest plugin does.

>>> def test_value(f, point, value):
...     assert f(*point) == value
>>> drawn(test_value, examples=10)()
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache, wraps
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from ..engine.checks import items, whole
from .engines import Engine, adapted, by_method, defined
from .foreign.straight import FORMS, OPS, Program, forward, programs

__all__ = ['drawn', 'offered']

#: What a test may ask for, beside its fixtures.
GIVEN = 'f', 'point', 'value', 'gradient'
#: The operations of functions for no engine that is known: Python's own signs.
PLAIN = 'add', 'sub', 'mul', 'div', 'neg'
DRAWN = 'program'
#: The program says all that Hypothesis would. Fixtures are set up once for all programs.
PHASES = [phase for phase in Phase if phase is not Phase.explain]
FINE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def offered(test: Callable[..., Any]) -> list[str]:
    """Return what a test takes of what is drawn.

    >>> offered(lambda self, f, point, fixture: None)
    ['f', 'point']
    """
    return [name for name in GIVEN if name in inspect.signature(test).parameters]


def drawn(
    test: Callable[..., Any],
    *,
    engine: Engine | type[Any] | None = None,
    operations: Sequence[str] | None = None,
    steps: int = 5,
    leaves: int = 2,
    examples: int | None = None,
) -> Callable[..., Any]:
    """Return a test that runs over functions, each at a point; what fails is shrunk, and noted as a program.

    The test may take ``f``, a function of up to ``leaves`` numbers in up to ``steps`` steps that shares
    what it has computed, ``point``, a tuple of as many floats, and its ``value`` and ``gradient`` there,
    from the calculus book, in floats; nothing is near a kink or a pole, and no number is large. f is
    written as ``engine`` has it, an adapter or a class of nodes; without one, with operators and methods.
    ``operations`` are some of 'add', 'sub', 'mul', 'div', 'neg', 'pow', 'abs', 'relu', 'tanh', 'sigmoid',
    'exp', 'log', 'sqrt', 'sin' and 'cos'; if not given, those that the engine has, or the first five.
    ``examples`` is how many are tried, Hypothesis' own number if not given. The test's other parameters are
    fixtures, set up once for all.
    """
    adapter = None if engine is None else adapted(engine)
    spelled = adapter.spelled if adapter else by_method
    for name, number in ('steps', steps), ('leaves', leaves), ('examples', examples):
        if number is not None:
            whole(name, number)
    names = PLAIN if operations is None and adapter is None else operations
    names = [op for op in OPS if spelled(op)] if names is None else items('operations', names, 'a list of names')
    for name in names:
        if name not in OPS or not spelled(name):
            raise ValueError(f'operations must be some of {", ".join(op for op in OPS if spelled(op))}, not {name!r}')
    signature = inspect.signature(test)
    wanted = offered(test)
    if not wanted:
        raise TypeError(f'a test of gradients must take one at least of {", ".join(GIVEN)}; it takes {signature}')
    if inspect.iscoroutinefunction(test) or inspect.isasyncgenfunction(test) or inspect.isgeneratorfunction(test):
        raise TypeError('a test of gradients must not be async nor yield: a call of it would run, and find, nothing')

    @cache
    def namespace() -> dict[str, Any]:  # an engine is imported when the first test runs, not when it is collected
        return adapter.namespace() if adapter else {}

    @wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        __tracebackhide__ = True
        program: Program = fixtures.pop(DRAWN)
        tape, known = program.tape(), {**namespace()}
        assert tape is not None
        exec(defined(program.point, program.lines(spelled)), known)
        slopes = [forward(tape, leaf)[0] for leaf in range(tape.leaves)]
        here = {'f': known['f'], 'point': known['point'], 'value': tape.data[-1], 'gradient': slopes}
        try:
            test(**dict(zip(kept, arguments)), **fixtures, **{name: here[name] for name in wanted})
        except Exception as error:
            error.add_note(f'\n{_pasted(program, adapter)}  # wanted {tape.data[-1]!r}, {", ".join(map(repr, slopes))}')
            raise

    kept = [name for name in signature.parameters if name not in wanted]
    added = inspect.Parameter(DRAWN, inspect.Parameter.KEYWORD_ONLY)
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*(signature.parameters[name] for name in kept), added]
    )
    forms = [form for form in FORMS if form[0] in names]
    # We say what is to be pasted: Hypothesis would add a blob in CI, which means nothing for a test of this kind.
    chosen = settings(
        max_examples=examples or settings().max_examples, deadline=None, phases=PHASES, verbosity=Verbosity.quiet,
        suppress_health_check=FINE, print_blob=False,
    )  # fmt: skip
    return chosen(given(**{DRAWN: programs(forms, steps=steps, leaves=leaves)})(run))


def _pasted(program: Program, engine: Engine | None) -> str:
    """Write what is to be pasted; all of it, if the engine is known."""
    if engine is None:
        return defined(program.point, program.lines())
    return f'{engine.opening.rstrip()}\n{engine.program(program.point, program.lines(engine.spelled))}'.lstrip('\n')
