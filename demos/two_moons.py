"""Two moons: a net bends its decision boundary between two interleaved half-circles.

    python demos/two_moons.py [--out FOLDER] [--epochs N]

No straight line parts the moons, so one neuron cannot; a net with two hidden layers
can. It answers with one number, whose sign is the moon, and the max-margin error asks
for at least 1 on the right side. The picture shows that number all over the plane.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from sklearn.datasets import make_moons

from microgradnet import MLP, TeacherSet, max_margin, train
from microgradnet.formulas.colours import INK, NEGATIVE, POSITIVE
from microgradnet.training.history import History, accuracy


class Result(NamedTuple):
    """What the demo found."""

    net: MLP
    history: History
    learned: float
    held_out: float
    pictures: list[Path]


def main(argv: Sequence[str] | None = None) -> Result:
    """Run the demo, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description='Teach a net to tell two moons apart.')
    folder = Path('pictures/two_moons')
    parser.add_argument('--out', type=Path, default=folder, help='folder for the picture (%(default)s)')
    parser.add_argument('--epochs', type=int, default=40, help='times through the teacher set (%(default)s)')
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)

    points, moons = make_moons(200, noise=0.15, random_state=1)
    teacher_set, held_out = TeacherSet(points, 2 * moons - 1).split(0.5, seed=1, stratify=True)
    net = MLP(2, [16, 16, 1], activation='tanh', seed=1)
    print(f'Two moons: {len(teacher_set)} points to learn from, {len(held_out)} held out.')
    print(f'The net: 2-16-16-1, with {len(net.parameters())} weights and biases.\n', flush=True)

    history = train(
        net, teacher_set, learning_rate=0.005, epochs=arguments.epochs, error=max_margin,
        mode=20, optimiser='momentum', schedule='cosine', bar=True,
    )  # fmt: skip

    learned, new = (accuracy(net.predict(part.inputs), part.targets) for part in (teacher_set, held_out))
    picture = arguments.out / 'boundary.png'
    boundary(net, teacher_set, held_out).savefig(picture, dpi=100)
    print(f'\nIt knows {learned:.1%} of the points it learned from, and {new:.1%} of those held out.')
    print(f'The boundary is drawn in {picture}')
    return Result(net, history, learned, new, [picture])


def boundary(net: MLP, teacher_set: TeacherSet, held_out: TeacherSet, steps: int = 60) -> Figure:
    """Draw what the net answers all over the plane, and the points it should part."""
    points = np.array(teacher_set.inputs + held_out.inputs)
    low, high = points.min(axis=0) - 0.3, points.max(axis=0) + 0.3
    x, y = (np.linspace(*ends, steps) for ends in zip(low, high))
    answers = np.array(net.predict([[a, b] for b in y for a in x])).reshape(steps, steps)

    figure = Figure(figsize=(7, 4.6), layout='constrained')
    axes: Any = figure.subplots()
    shades = LinearSegmentedColormap.from_list('moons', ['#E0CE96', 'white', '#B9AEE2'])
    filled = axes.contourf(x, y, answers.clip(-2, 2), levels=np.linspace(-2, 2, 9), cmap=shades)
    lines = dict(levels=[-1, 0, 1], linewidths=[0.8, 2, 0.8], linestyles=['--', '-', '--'])
    axes.contour(x, y, answers, colors=INK, **lines)
    for samples, name in [(teacher_set, 'teacher set'), (held_out, 'held out')]:
        for target, colour, marker in [(-1, NEGATIVE, 'o'), (1, POSITIVE, '^')]:
            moon = [point for point, t in samples if t == target]
            inside = colour if samples is teacher_set else 'white'
            look = dict(s=28, marker=marker, color=inside, edgecolors=colour)
            axes.scatter(*zip(*moon), label=f'{target:+}, {name}', **look)
    axes.set(xlabel='$x_1$', ylabel='$x_2$', aspect='equal')
    axes.set_title('What the net answers: 0 on the thick line, ±1 on the dashed ones', fontsize='medium')
    figure.legend(loc='outside lower center', ncols=4, fontsize='small', frameon=False)
    figure.colorbar(filled, ticks=[-2, -1, 0, 1, 2], label="the net's output")
    return figure


if __name__ == '__main__':
    main()
