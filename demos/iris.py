"""Fisher's iris: a net learns to tell three species by four measurements.

    python demos/iris.py [--out FOLDER] [--epochs N]

70 % of the 150 flowers are the teacher set; the rest are held out, to see whether the
net has learned the species or only the flowers. Prints how many it knows, and which
species it takes for which; leaves three pictures: the error over the epochs, the net,
and the graph of one hidden neuron with the gradients of one flower's error.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sklearn.datasets import load_iris

from microgradnet import MLP, TeacherSet, Value, cross_entropy, draw, draw_network, train
from microgradnet.drawing import parameter_names
from microgradnet.training.history import History


class Result(NamedTuple):
    """What the demo found; ``confusion[is_][said]`` counts held-out flowers."""

    net: MLP
    history: History
    learned: float
    held_out: float
    confusion: list[list[int]]
    pictures: list[Path]


def main(argv: Sequence[str] | None = None) -> Result:
    """Run the demo, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description='Teach a net to tell three species of iris.')
    folder = Path('pictures/iris')
    parser.add_argument('--out', type=Path, default=folder, help='folder for the pictures (%(default)s)')
    parser.add_argument('--epochs', type=int, default=100, help='times through the teacher set (%(default)s)')
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)  # better to fail now than after training

    flowers = iris()
    teacher_set, held_out = flowers.split(0.7, seed=1, stratify=True)
    net = MLP(4, [3, 3], activation='tanh', seed=1)
    print(f"Fisher's iris: {len(teacher_set)} flowers to learn from, {len(held_out)} held out.")
    print('The net: 4 measurements, 3 hidden neurons, 3 species;', end=' ')
    print(f'{len(net.parameters())} weights and biases.\n', flush=True)

    history = train(
        net, teacher_set, learning_rate=1.0, epochs=arguments.epochs,
        error=mean_cross_entropy, validation=held_out, metrics='accuracy', bar=True,
    )  # fmt: skip

    last = history[-1]
    counts = confusion(net.predict(held_out.inputs), held_out)
    print(f'\nIt knows {last["accuracy"]:.1%} of the flowers it learned from,', end=' ')
    print(f'and {last["validation accuracy"]:.1%} of those held out:\n')
    print(table(counts, flowers.classes or ()))

    pictures = write_pictures(net, history, held_out, arguments.out)
    print(f'\nPictures, in {arguments.out}:')
    print('  error.png            the error, and the share of flowers known, epoch by epoch')
    print('  network.svg, .png    the net that was learned')
    print("  neuron.svg, .png     a neuron's graph; a weight's gradient is error signal * g'(r) * input")
    return Result(net, history, last['accuracy'], last['validation accuracy'], counts, pictures)


def iris() -> TeacherSet:
    """Return the flowers, as Fisher's paper of 1936 has them and scikit-learn ships them."""
    data = load_iris()
    return TeacherSet(
        data.data, data.target, classes=data.target_names,
        input_names=[name.removesuffix(' (cm)') for name in data.feature_names], standardise=True,
    )  # fmt: skip


def mean_cross_entropy(outputs: Any, targets: Any) -> Any:
    """Return the cross-entropy per flower, so that sets of different sizes can be compared."""
    return cross_entropy(outputs, targets) / len(targets)


def confusion(answers: Sequence[Sequence[float]], flowers: TeacherSet) -> list[list[int]]:
    """Count, for each species, how many of its flowers the net takes for which."""
    counts = [[0] * len(flowers.classes or ()) for _ in flowers.classes or ()]
    for answer, species in zip(answers, flowers.targets, strict=True):
        counts[species][answer.index(max(answer))] += 1
    return counts


def table(counts: list[list[int]], names: Sequence[str]) -> str:
    """Write a confusion table with a row for each true species."""
    width = max(map(len, names)) + 2
    lines = ['it is \\ the net says'.ljust(22) + ''.join(name.rjust(width) for name in names)]
    for name, row in zip(names, counts, strict=True):
        lines.append(name.ljust(22) + ''.join((str(count) if count else '.').rjust(width) for count in row))
    return '\n'.join(lines)


def write_pictures(net: MLP, history: History, held_out: TeacherSet, folder: Path) -> list[Path]:
    """Write the error curve as PNG, and the net and one neuron's graph as SVG and PNG."""
    figure = history.plot()
    errors, known = figure.axes
    for axes, label in [(errors, 'cross-entropy per flower'), (known, 'share of flowers known')]:
        axes.set_ylabel(label)
        axes.legend(['teacher set', 'held out'])
    figure.savefig(folder / 'error.png', dpi=100)

    paths = [folder / 'error.png']
    drawn = {'network': network_picture(net, held_out), 'neuron': neuron_picture(net, held_out)}
    for name, picture in drawn.items():
        for ending in ['svg', 'png']:
            paths.append(folder / f'{name}.{ending}')
            picture.render(outfile=paths[-1], cleanup=True)
    return paths


def network_picture(net: MLP, flowers: TeacherSet) -> Any:
    """Draw the net, with the measurements going in and the species coming out."""
    return draw_network(net, input_names=flowers.input_names or (), output_names=flowers.classes or ())


def neuron_picture(net: MLP, flowers: TeacherSet) -> Any:
    """Draw one hidden neuron with the gradients of the error of one flower.

    It is the flower that the net knows least about, and the neuron with the largest
    error signal. The graph goes on to the error, which is not shown; its gradients are.
    """
    species, names = flowers.classes or (), flowers.input_names or ()
    answers = net.predict(flowers.inputs)
    errors = [*map(cross_entropy, answers, flowers.targets)]
    hardest = errors.index(max(errors))
    is_, said = flowers.targets[hardest], answers[hardest].index(max(answers[hardest]))

    run = net.run([Value(x, label=name) for x, name in zip(flowers.inputs[hardest], names, strict=True)])
    net.zero_grad()
    cross_entropy(run.outputs, is_).backward()

    signals = [abs(float(firing.error_signal)) for firing in run.layers[0]]
    chosen = signals.index(max(signals))
    firing, n = run.layers[0][chosen], chosen + 1
    labels = {**parameter_names(net), firing.r: f'r_{n}', firing.output: f'f_{n}'}
    standardised = firing.r.inputs[len(names) : -1]  # r is a dot of weights, inputs and bias, in this order
    labels |= {x: f'x_{i}' for i, x in enumerate(standardised, 1)}
    caption = (
        f'Hidden neuron {n} and a {species[is_]} that the net takes for a {species[said]}; '
        "each grad is a derivative of this flower's error\n "
    )
    return draw(firing.output, labels=labels, label=caption, labelloc='t', fontsize='13')


if __name__ == '__main__':
    main()
