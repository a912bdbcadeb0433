"""How engines differ at the edges: derivatives in float64, as a table for comparison.md.

    python docs/edges.py

Each engine is asked as its users would ask it. Engines that are not installed are left out.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

nan, inf = float('nan'), float('inf')
#: What is differentiated, where, what the derivative is (or, at a kink, what is chosen here), and how it is written.
EDGES: list[tuple[str, float, str, Callable[[Any, Any], Any]]] = [
    ('tanh x', 20.0, '1.7e-17', lambda F, x: F.tanh(x)),
    ('sigmoid x', 40.0, '4.2e-18', lambda F, x: F.sigmoid(x)),
    ('log(sigmoid x)', -800.0, '1', lambda F, x: F.log(F.sigmoid(x))),
    ('log x if x > 0, else 0', 0.0, '0', lambda F, x: F.safe_log(x)),
    ('hypot(x, 0 * x)', 0.0, '0 (a kink)', lambda F, x: F.hypot(x, 0 * x)),
    ('abs x', 0.0, '0 (a kink)', lambda F, x: F.abs(x)),
    ('relu x', 0.0, '0 (a kink)', lambda F, x: F.relu(x)),
    ('relu x', nan, 'nan', lambda F, x: F.relu(x)),
    ('max(x, x)', 3.0, '1', lambda F, x: F.maximum(x, x)),
    ('sqrt x', 0.0, 'inf', lambda F, x: F.sqrt(x)),
    ('(x - 2) ** x', 2.0, '0', lambda F, x: (x - 2) ** x),
]


def ours() -> tuple[Any, Any]:
    from microgradnet import functions as F
    from microgradnet import grad, where

    space = SimpleNamespace(
        tanh=F.tanh, sigmoid=F.sigmoid, hypot=F.hypot, abs=F.abs, relu=F.relu, maximum=F.max, sqrt=F.sqrt, log=F.log,
        safe_log=lambda x: where(x > 0, lambda: F.log(x), 0.0),
    )  # fmt: skip
    return space, grad


def with_arrays(np: Any, grad: Any, relu: Any, sigmoid: Any) -> tuple[Any, Any]:
    """Describe an engine that has NumPy's names."""
    space = SimpleNamespace(
        tanh=np.tanh, sigmoid=sigmoid, hypot=np.hypot, abs=np.abs, relu=relu, maximum=np.maximum, sqrt=np.sqrt,
        log=np.log, safe_log=lambda x: np.where(x > 0, np.log(x), 0 * x),
    )  # fmt: skip
    return space, grad


def autograd() -> tuple[Any, Any]:
    import autograd
    import autograd.numpy as np

    def grad(f: Any) -> Any:
        return lambda x: autograd.grad(f)(np.float64(x))

    return with_arrays(np, grad, lambda x: np.maximum(x, 0.0), lambda x: 1 / (1 + np.exp(-x)))


def jax() -> tuple[Any, Any]:
    import jax
    import jax.numpy as np

    jax.config.update('jax_enable_x64', True)
    return with_arrays(np, jax.grad, jax.nn.relu, jax.nn.sigmoid)


def torch() -> tuple[Any, Any]:
    import torch

    def grad(f: Any) -> Any:
        def derivative(x: float) -> float:
            leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
            f(leaf).backward()
            return float(leaf.grad)

        return derivative

    return with_arrays(torch, grad, torch.relu, torch.sigmoid)


def casadi() -> tuple[Any, Any]:
    import casadi

    def grad(f: Any) -> Any:
        x = casadi.SX.sym('x')
        return casadi.Function('d', [x], [casadi.gradient(f(x), x)])

    space = SimpleNamespace(
        tanh=casadi.tanh, sigmoid=lambda x: 1 / (1 + casadi.exp(-x)), hypot=casadi.hypot, abs=casadi.fabs,
        relu=lambda x: casadi.fmax(x, 0), maximum=casadi.fmax, sqrt=casadi.sqrt, log=casadi.log,
        safe_log=lambda x: casadi.if_else(x > 0, casadi.log(x), 0),
    )  # fmt: skip
    return space, grad


def micrograd() -> tuple[Any, Any]:
    from micrograd.engine import Value

    def grad(f: Any) -> Any:
        def derivative(x: float) -> float:
            leaf = Value(x)
            f(leaf).backward()
            return leaf.grad

        return derivative

    return SimpleNamespace(relu=Value.relu), grad


ENGINES = {
    'microgradnet': ours, 'autograd': autograd, 'JAX': jax, 'PyTorch': torch, 'CasADi': casadi, 'micrograd': micrograd
}  # fmt: skip


def answer(space: Any, grad: Any, f: Any, x: float) -> str:
    """Differentiate, and print the number; what the engine does not have is a dash."""
    try:
        return f'{float(grad(lambda v: f(space, v))(x)):.2g}'
    except (AttributeError, AssertionError, NotImplementedError):
        return '–'
    except ValueError:
        return 'raises'


def table() -> Iterator[str]:
    """Print the table, line by line."""
    engines = {name: make() for name, make in ENGINES.items() if find_spec(make.__name__) or make is ours}
    yield '| | at | derivative | ' + ' | '.join(engines) + ' |'
    yield '|' + '---|' * (3 + len(engines))
    for name, x, right, f in EDGES:
        cells = [answer(space, grad, f, x) for space, grad in engines.values()]
        yield f'| `{name}` | {x:g} | {right} | ' + ' | '.join(cells) + ' |'


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    print(*table(), sep='\n')
