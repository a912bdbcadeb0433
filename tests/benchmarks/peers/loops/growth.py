"""How recording, differentiating and compiling grow with the graph: one that folds into loops, one that does not."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from math import exp, isclose, log
from random import Random
from statistics import linear_regression, median
from time import perf_counter
from typing import Any, NamedTuple

from microgradnet import Value, gradients
from microgradnet.compiling import compile
from microgradnet.engine.walks import topological_order

from ..report import Goal, seconds

__all__ = ['KINDS', 'Size', 'draw', 'grow', 'irregular', 'lines', 'rk4', 'slopes', 'states']

Recorded = tuple[Value, list[Value]]
#: Graphs smaller than this are left out of a slope, and graphs this small must agree with ``backward``.
SMALL, CHECKED = 1000, 20_000
#: The exponent that passes for linear; times of one size differ by more than this lets through.
LINEAR = 1.1
#: Sizes are measured as often as fits in so many seconds, but at most so many times.
ENOUGH, OFTEN = 2.0, 5


class Size(NamedTuple):
    """A graph of so many nodes, and the seconds of each stage.

    ``compile`` is from the recorded graph to the first value and gradient, so it differentiates, too.
    """

    kind: str
    nodes: int
    record: float
    gradients: float
    compile: float


def rk4(steps: int, h: float = 0.01) -> Recorded:
    """Record the end of Lotka and Volterra's equations in a plain loop; return it, and a, b, c, d."""
    parameters = [Value(number, name) for number, name in zip((1.5, 1.0, 3.0, 1.0), 'abcd')]
    x, y = states(parameters, steps, h, Value(1.0, 'x'), Value(1.0, 'y'))[-1]
    return x * x + y * y, parameters


def states(theta: Any, steps: int, h: float, x: Any = 1.0, y: Any = 1.0) -> list[tuple[Any, Any]]:
    """Return x and y after each step of a plain loop, of numbers or of whatever computes like them."""
    a, b, c, d = theta
    found = []

    def slope(x: Any, y: Any) -> tuple[Any, Any]:
        return a * x - b * x * y, d * x * y - c * y

    for _ in range(steps):
        k1, l1 = slope(x, y)
        k2, l2 = slope(x + h / 2 * k1, y + h / 2 * l1)
        k3, l3 = slope(x + h / 2 * k2, y + h / 2 * l2)
        k4, l4 = slope(x + h * k3, y + h * l3)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        y = y + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
        found.append((x, y))
    return found


def irregular(nodes: int) -> Recorded:
    """Record operations drawn by lot on values drawn by lot, near and far; return their end, and 20 parameters.

    Every value is used. Large ones are squashed, so that nothing overflows.
    """
    random = Random(nodes)
    parameters = [Value(random.uniform(-1, 1), f'p{i}') for i in range(20)]
    made, unused = [*parameters], [*parameters]
    while len(made) * 1.6 < nodes:  # more are made on the way, and constants
        place = random.randrange(len(unused))
        a, b = unused[place], random.choice(made if random.random() < 0.5 else made[-50:])
        lot = random.randrange(6)
        if abs(a.data) > 1:
            y = a.tanh() if lot < 3 else a.sin()
        else:
            y = (a * b, a + b, a - b, a * b, b * a.cos(), a / (b * b + 2))[lot]
        made.append(y)
        unused[place] = y
    total = unused[0]
    for y in unused[1:]:
        total = total + y
    return total, parameters


def spiral(nodes: int) -> Recorded:
    """Record as many Runge-Kutta steps as have so many nodes."""
    one, two = (len(topological_order(rk4(steps)[0])) for steps in (1, 2))
    return rk4(max(1, round((nodes - one) / (two - one)) + 1))


#: What grows, how it is recorded, and the seconds after which nothing larger is tried.
KINDS: dict[str, tuple[Callable[[int], Recorded], float]] = {
    'Runge-Kutta loop': (spiral, 900),
    'irregular': (irregular, 900),
}


def grow(kind: str, largest: int) -> Iterator[Size]:
    """Measure graphs of 100 nodes, and always sqrt(10) times as many, until it would take too long."""
    record, limit = KINDS[kind]
    sizes = [round(10 ** (exponent / 2)) for exponent in range(4, 13)]
    for nodes in (size for size in sizes if size <= largest):
        start = perf_counter()
        found = [stages(kind, record, nodes)]
        while len(found) < OFTEN and (perf_counter() - start) * (1 + 1 / len(found)) < ENOUGH:
            found.append(stages(kind, record, nodes))
        middle = (median(column) for column in [*zip(*found)][2:])
        yield Size(kind, found[0].nodes, *middle)
        if (longest := perf_counter() - start) / len(found) * 10**0.5 > limit:
            print(f'{kind}: nothing larger than {nodes:,} nodes is tried, which took {seconds(longest)}')
            return


def stages(kind: str, record: Callable[[int], Recorded], nodes: int) -> Size:
    """Record, differentiate, compile and run once, each timed."""
    gc.collect()
    times = [perf_counter()]
    y, parameters = record(nodes)
    times.append(perf_counter())
    slopes = gradients(y, parameters)
    times.append(perf_counter())
    theta = [float(p.data) for p in parameters]
    del slopes
    times.append(perf_counter())
    program: Any = compile(y, parameters=parameters, backend='native')
    value, gradient = program.value_and_gradient(theta)
    times.append(perf_counter())
    found = len(topological_order(y))
    if found <= CHECKED:
        y.backward()
        scale = max(abs(float(p.grad)) for p in parameters)
        pairs = [(value, float(y.data)), *((g, float(p.grad)) for g, p in zip(gradient, parameters, strict=True))]
        if not all(isclose(a, b, rel_tol=1e-9, abs_tol=1e-9 * scale) for a, b in pairs):
            raise AssertionError(f'{kind}, {found:,} nodes: compiled, the numbers are not those of backward')
    return Size(kind, found, times[1] - times[0], times[2] - times[1], times[4] - times[3])


def slopes(sizes: list[Size]) -> Iterator[Goal]:
    """Tell the slope of each kind's line, both axes logarithmic: 1 is linear."""
    for kind in KINDS:
        points = [size for size in sizes if size.kind == kind and size.nodes >= SMALL / 2]
        if len(points) > 1:
            compiling, all_three = (
                linear_regression([log(size.nodes) for size in points], [log(t(size)) for size in points]).slope
                for t in (lambda size: size.compile, lambda size: sum(size[2:]))
            )
            yield Goal(f'{kind}, slope of log compile', compiling, LINEAR)
            yield Goal(f'{kind}, slope of log (record + gradients + compile)', all_three, LINEAR)


def lines(size: Size | None = None) -> str:
    """Write the line of a size, or the head of them all."""
    if size is None:
        return f'{"graph":18} {"nodes":>10} {"record":>10} {"gradients":>10} {"compile":>10}  compile, a node'
    times = ' '.join(f'{seconds(t):>10}' for t in size[2:])
    return f'{size.kind:18} {size.nodes:>10,} {times}  {seconds(size.compile / size.nodes)}'


def draw(sizes: list[Size], panel: Any) -> None:
    """Draw the seconds of each stage against the nodes, both logarithmic, with a linear line beside them."""
    for kind, colour in zip(KINDS, ('C1', 'C0')):
        points = [size for size in sizes if size.kind == kind]
        nodes = [size.nodes for size in points]
        for stage, style in ('record', ':'), ('gradients', '--'), ('compile', '-'):
            times = [getattr(size, stage) for size in points]
            panel.plot(nodes, times, style, marker='.', color=colour, label=f'{kind}, {stage}')
    ends = [min(size.nodes for size in sizes), max(size.nodes for size in sizes)]
    level = exp(median(log(size.compile / size.nodes) for size in sizes))
    panel.plot(ends, [level * nodes for nodes in ends], color='0.8', linewidth=3, zorder=0, label='linear')
    panel.set(xscale='log', yscale='log', xlabel='nodes', ylabel='seconds')
    panel.legend(fontsize=7)
    panel.tick_params(labelsize=8)
    panel.set_title('Seconds against the size of the graph', fontsize=9, loc='left')
