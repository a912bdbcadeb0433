"""How engines differ at the edges of more than one operation: derivatives in float64, as a table for comparison.md.

    python docs/edges.py

Each engine is asked as its users would ask it, by the adapters of the testing kit, which have its single operations
(``tests/benchmarks/conformance.py``). Engines that are not installed are left out.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from microgradnet.testing import engines
from microgradnet.testing.engines import Functions

#: What is differentiated, where, what the derivative is (or, at a kink, what is chosen here), and its steps.
EDGES: list[tuple[str, float, str, list[tuple[str, ...]]]] = [
    ('log(sigmoid x)', -800.0, '1', [('u', 'sigmoid', 'x'), ('y', 'log', 'u')]),
    ('log x if x > 0, else 0', 0.0, '0', [('y', 'safe_log', 'x')]),
    ('hypot(x, 0 * x)', 0.0, '0 (a kink)', [('u', 'mul', '0', 'x'), ('y', 'hypot', 'x', 'u')]),
    ('max(x, x)', 3.0, '1', [('y', 'max', 'x', 'x')]),
    ('(x - 2) ** x', 2.0, '0', [('u', 'sub', 'x', '2'), ('y', 'pow', 'u', 'x')]),
]

ours = Functions(
    'microgradnet',
    'from microgradnet import functions as F, grad, where',
    'y, gradients = f(*point), [grad(f)(*point)]',
    {'sigmoid': 'F.sigmoid({})', 'log': 'F.log({})', 'hypot': 'F.hypot({}, {})', 'max': 'F.max({}, {})',
     'safe_log': 'where({0} > 0, lambda: F.log({0}), 0.0)'},
)  # fmt: skip


def more(engine: Functions, **operations: str) -> Functions:
    """Let an adapter have operations that the kit does not ask for."""
    return replace(engine, operations={**operations, **engine.operations})


ENGINES = {
    'microgradnet': ours,
    'autograd': more(
        engines.autograd, sigmoid='1 / (1 + np.exp(-{}))', hypot='np.hypot({}, {})', max='np.maximum({}, {})',
        safe_log='np.where({0} > 0, np.log({0}), 0 * {0})',
    ),
    'JAX': more(
        engines.jax, hypot='np.hypot({}, {})', max='np.maximum({}, {})',
        safe_log='np.where({0} > 0, np.log({0}), 0 * {0})',
    ),
    'PyTorch': more(
        engines.torch, hypot='torch.hypot({}, {})', max='torch.maximum({}, {})',
        safe_log='torch.where({0} > 0, torch.log({0}), 0 * {0})',
    ),
    'CasADi': more(
        engines.casadi, sigmoid='1 / (1 + casadi.exp(-{}))', hypot='casadi.hypot({}, {})', max='casadi.fmax({}, {})',
        safe_log='casadi.if_else({0} > 0, casadi.log({0}), 0)',
    ),
}  # fmt: skip


def answer(engine: Functions, steps: list[tuple[str, ...]], x: float) -> str:
    """Differentiate, and print the number."""
    shown: list[float] = []
    lines = [f'{name} = {(engine.spelled(op) or op).format(*operands)}' for name, op, *operands in steps]
    try:
        exec(engine.program({'x': x}, lines, value=False), {**engine.namespace(), 'print': shown.append})
    except ValueError:
        return 'raises'
    return f'{shown[0]:.2g}'


def table() -> Iterator[str]:
    """Print the table, line by line."""
    here = {name: engine for name, engine in ENGINES.items() if find_spec(engine.name)}
    yield '| | at | derivative | ' + ' | '.join(here) + ' |'
    yield '|' + '---|' * (3 + len(here))
    for name, x, right, steps in EDGES:
        cells = [answer(engine, steps, x) for engine in here.values()]
        yield f'| `{name}` | {x:g} | {right} | ' + ' | '.join(cells) + ' |'


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    print(*table(), sep='\n')
