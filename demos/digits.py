"""Handwritten digits: a net of 64-32-10 neurons reads them, pixel by pixel.

    python demos/digits.py [--out FOLDER] [--epochs N] [--seeds N] [--steps N]

The 1,797 digits of 8 by 8 pixels that scikit-learn ships. 80 % of them are the teacher
set; the rest are held out, and only measured. The same is done from several seeds, each
with digits held out and weights of its own, since one accuracy alone may be luck. Leaves
three pictures of the first net: the digits it reads wrongly, what each hidden neuron looks
for, and the error over the epochs. Last, it takes the first steps of the same training in
micrograd, too, and compares weights and times.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from math import ceil, exp, hypot, log
from pathlib import Path
from statistics import mean, pstdev
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from microgradnet import MLP, TeacherSet, Value, compile, cross_entropy, softmax, train
from microgradnet.formulas.colours import INK, NEGATIVE, POSITIVE
from microgradnet.training.history import History

RATE, BATCH = 0.03, 16
PAPER = LinearSegmentedColormap.from_list('ink on paper', ['#FBF7EC', INK])
SIGNS = LinearSegmentedColormap.from_list('against and for', [NEGATIVE, '#FFFFFF', POSITIVE])


class Reading(NamedTuple):
    """A digit: its 64 pixels, what it is, and the probability the net gives to each of ten digits."""

    pixels: Sequence[float]
    is_: int
    probabilities: list[float]

    @property
    def read(self) -> int:
        """What the net takes it for."""
        return self.probabilities.index(max(self.probabilities))


class Lesson(NamedTuple):
    """A net that was taught, by which digits, which were held out, and how long it took."""

    net: MLP
    history: History
    teacher_set: TeacherSet
    held_out: TeacherSet
    seconds: float

    @property
    def accuracy(self) -> float:
        """The share of the digits held out that it reads rightly."""
        return float(self.history[-1]['validation accuracy'])


class Comparison(NamedTuple):
    """Processor seconds a step, by engine, and the largest difference between the weights after the last."""

    seconds: dict[str, float]
    difference: float


class Result(NamedTuple):
    """What the demo found; no comparison without micrograd."""

    lessons: list[Lesson]
    mistakes: list[Reading]
    pictures: list[Path]
    comparison: Comparison | None


def main(argv: Sequence[str] | None = None) -> Result:
    """Run the demo, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description='Teach a net to read handwritten digits.')
    folder = Path('pictures/digits')
    parser.add_argument('--out', type=Path, default=folder, help='folder for the pictures (%(default)s)')
    parser.add_argument('--epochs', type=int, default=40, help='times through the teacher set (%(default)s)')
    parser.add_argument('--seeds', type=int, default=3, help='how many nets to teach (%(default)s)')
    parser.add_argument('--steps', type=int, default=2, help='how many to take in micrograd (%(default)s)')
    arguments = parser.parse_args(argv)
    if min(arguments.seeds, arguments.steps) < 1:
        parser.error('--seeds and --steps must be at least 1')
    arguments.out.mkdir(parents=True, exist_ok=True)  # better to fail now than after training

    every = digits()
    print(f'Handwritten digits: {len(every)}, of 8 by 8 pixels; a fifth of them is held out.')
    print(f'The net: 64-32-10, with {len(new_net(1).parameters())} weights and biases.')
    if not importlib.util.find_spec('llvmlite'):
        print("Without machine code an epoch takes seconds: pip install 'microgradnet[native]'")
    print('\nseed  held out  read rightly  seconds', flush=True)
    lessons = [teach(every, seed, arguments.epochs) for seed in range(1, arguments.seeds + 1)]
    print(f'\nOn average {mean(lesson.accuracy for lesson in lessons):.1%}.')

    first = lessons[0]
    wrong = mistakes(first.net, first.held_out)
    paths = write_pictures(first, wrong, arguments.out)
    print(f'\nPictures of the first net, in {arguments.out}:')
    print(f'  mistakes.png   the {len(wrong)} digits it reads wrongly, the surest first')
    print('  neurons.png    what each hidden neuron looks for')
    print('  error.png      the error, and the share of digits read rightly, epoch by epoch')
    return Result(lessons, wrong, paths, show_comparison(every, arguments.steps))


def digits() -> TeacherSet:
    """Return the digits, with pixels from 0, paper, to 1, ink."""
    data = load_digits()
    return TeacherSet(data.data / 16, data.target, classes=range(10))


def new_net(seed: int) -> MLP:
    """Return a net that has learned nothing yet."""
    return MLP(64, [32, 10], activation='relu', seed=seed)


def teach(every: TeacherSet, seed: int, epochs: int) -> Lesson:
    """Teach a net, with a fifth of the digits held out; print how well it reads them."""
    start = perf_counter()
    teacher_set, held_out = every.split(0.8, seed=seed, stratify=True)
    net = new_net(seed)
    history = train(
        net, teacher_set, learning_rate=RATE, epochs=epochs, error=cross_entropy, mode=BATCH,
        schedule='cosine', seed=seed, validation=held_out, metrics='accuracy',
    )  # fmt: skip
    lesson = Lesson(net, history, teacher_set, held_out, perf_counter() - start)
    print(f'{seed:4} {len(held_out):9} {lesson.accuracy:13.2%} {lesson.seconds:8.1f}', flush=True)
    return lesson


def mistakes(net: MLP, held_out: TeacherSet) -> list[Reading]:
    """Return the digits that the net reads wrongly, those first of which it is surest."""
    readings = [
        Reading(pixels, digit, softmax(logits))
        for pixels, digit, logits in zip(held_out.inputs, held_out.targets, net.predict(held_out.inputs))
    ]
    wrong = [reading for reading in readings if reading.read != reading.is_]
    return sorted(wrong, key=lambda reading: -max(reading.probabilities))


def write_pictures(lesson: Lesson, wrong: Sequence[Reading], folder: Path) -> list[Path]:
    """Write the gallery of mistakes, what neurons look for, and the error curve."""
    figures = {
        'mistakes': gallery(wrong),
        'neurons': neurons_picture(lesson.net, lesson.held_out),
        'error': error_picture(lesson),
    }
    for name, figure in figures.items():
        figure.savefig(folder / f'{name}.png', dpi=110)
    return [folder / f'{name}.png' for name in figures]


def error_picture(lesson: Lesson) -> Figure:
    """Draw the error per digit, so that sets of different sizes can be compared, and the share read rightly."""
    learned, held_out = len(lesson.teacher_set), len(lesson.held_out)
    epochs = (replace(e, error=e.error / learned, validation=e.validation / held_out) for e in lesson.history)
    figure: Figure = History(epochs).plot()
    for axes, label in zip(figure.axes, ['cross-entropy per digit', 'share of digits read rightly']):
        axes.set_ylabel(label)
        axes.legend(['teacher set', 'held out'])
    return figure


def gallery(wrong: Sequence[Reading], most: int = 24) -> Figure:
    """Draw digits that were read wrongly, each over the probabilities that the net gives."""
    shown = wrong[:most]
    rows = max(1, ceil(len(shown) / 6))
    columns = max(4, ceil(len(shown) / rows))
    width, height = 1.75 * columns, 2.95 * rows + 0.45
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(0.15 / width, 0.1 / height, 1 - 0.15 / width, 1 - 0.75 / height, hspace=0.12, wspace=0.12)
    which = f'{len(wrong)}' if len(shown) == len(wrong) else f'{most} of {len(wrong)}'
    title = f'{which} digits read wrongly, with the probability of each digit'
    figure.suptitle(title, color=INK, y=1 - 0.15 / height)
    tiles: Any = figure.subplots(rows, columns, squeeze=False)
    for axes in tiles.flat:
        axes.set_axis_off()
    for axes, reading in zip(tiles.flat, shown):
        reading_picture(axes, reading)
    return figure


def reading_picture(axes: Any, reading: Reading) -> None:
    """Draw a digit, and under it ten bars: ochre for what it was read as, violet for what it is."""
    axes.set_title(f'read {reading.read}', color=NEGATIVE, loc='left', fontsize='medium', fontweight='bold')
    axes.set_title(f'is {reading.is_}', color=POSITIVE, loc='right', fontsize='medium', fontweight='bold')
    picture = [reading.pixels[8 * k : 8 * k + 8] for k in range(8)]
    axes.imshow(picture, cmap=PAPER, vmin=0, vmax=1, extent=(0, 8, 0, 8))
    colours = ['#AEB5BC'] * 10
    colours[reading.read], colours[reading.is_] = NEGATIVE, POSITIVE
    for digit, (probability, colour) in enumerate(zip(reading.probabilities, colours)):
        x, ground, top = 0.8 * digit + 0.4, -3.4, 2.4 * probability
        axes.bar(x, top, 0.62, bottom=ground, color=colour)
        axes.text(x, ground - 0.15, f'{digit}', ha='center', va='top', fontsize=7.5, color=colour)
        if digit in (reading.read, reading.is_):
            axes.text(x, ground + top + 0.12, f'{probability:.0%}', ha='center', fontsize=7, color=colour)
    axes.set(xlim=(0, 8), ylim=(-4.4, 8))


def neurons_picture(net: MLP, digits: TeacherSet, columns: int = 8) -> Figure:
    """Draw each hidden neuron's weights where their pixels are, those first that tell digits apart most.

    A weight is shown by how much it makes of its pixel: times the pixel's standard deviation.
    """
    hidden, output = (layer.neurons for layer in net.layers)
    spread = [pstdev(pixel) for pixel in zip(*digits.inputs)]
    pictures = [[w.data * s for w, s in zip(neuron.weights, spread)] for neuron in hidden]
    votes = [[digit.weights[n].data for digit in output] for n in range(len(hidden))]
    order = sorted(range(len(hidden)), key=lambda n: -hypot(*pictures[n]) * hypot(*votes[n]))
    rows = ceil(len(hidden) / columns)
    figure = Figure(figsize=(1.2 * columns, 1.45 * rows + 0.8))
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.88, hspace=0.1, wspace=0.08)
    title = 'What each hidden neuron looks for: ink on violet, paper on ochre;'
    figure.suptitle(f'{title}\nwhich digit it then speaks for most (+), and against (−)', color=INK)
    tiles: Any = figure.subplots(rows, columns, squeeze=False)
    for axes in tiles.flat:
        axes.set_axis_off()
    for axes, n in zip(tiles.flat, order):
        most = max(map(abs, pictures[n]))
        axes.imshow([pictures[n][8 * k : 8 * k + 8] for k in range(8)], cmap=SIGNS, vmin=-most, vmax=most)
        sides = ('left', '+', max(votes[n]), POSITIVE), ('right', '−', min(votes[n]), NEGATIVE)
        for where, sign, vote, colour in sides:
            axes.set_title(f'{sign}{votes[n].index(vote)}', loc=where, color=colour, fontsize='medium', pad=3)
    return figure


def show_comparison(every: TeacherSet, steps: int) -> Comparison | None:
    """Print what a step takes in micrograd, recorded anew, and compiled; None without micrograd."""
    if not importlib.util.find_spec('micrograd'):
        print('\nmicrograd is not installed, so there is nothing to compare with: pip install micrograd')
        return None
    found = compare(every, steps)
    slowest = found.seconds['micrograd']
    print(f'\nA step of training, a mini-batch of {BATCH} digits; the first {steps} of them, from the same weights:')
    for engine, seconds in found.seconds.items():
        ratio = '' if engine == 'micrograd' else f' {slowest / seconds:8,.0f} times as fast'
        print(f'  {engine:24} {1e3 * seconds:10.3f} ms{ratio}')
    print(f'The weights differ by at most {found.difference:.1g}.')
    return found


def compare(every: TeacherSet, steps: int) -> Comparison:
    """Take the same first steps three ways, each from the same weights."""
    samples = every.select(range(BATCH * steps))
    ways = {'micrograd': in_micrograd, 'microgradnet, recorded': recorded, 'microgradnet, compiled': compiled}
    seconds, weights = {}, []
    for engine, go in ways.items():
        net = new_net(1)
        seconds[engine] = go(net, samples) / steps
        weights.append([p.data for p in net.parameters()])
    return Comparison(seconds, max(abs(w - v) for other in weights[1:] for w, v in zip(weights[0], other)))


def batches(samples: TeacherSet) -> list[tuple[Any, Any]]:
    """Return inputs and targets in mini-batches."""
    starts = range(0, len(samples), BATCH)
    return [(samples.inputs[k : k + BATCH], samples.targets[k : k + BATCH]) for k in starts]


def recorded(net: MLP, samples: TeacherSet) -> float:
    """Teach a net as one does in micrograd, every graph recorded anew; return the seconds."""
    start = process_time()
    for inputs, targets in batches(samples):
        error = cross_entropy([net(x) for x in inputs], targets)
        net.zero_grad()
        error.backward()
        for p in net.parameters():
            p.data -= RATE * p.grad
    return process_time() - start


def compiled(net: MLP, samples: TeacherSet) -> float:
    """Teach a net by one sample's graph, compiled; return the seconds, as an epoch of such steps takes them."""
    x, t = ([Value(0.0) for _ in range(size)] for size in (64, 10))
    program = compile(cross_entropy([net(x)], [t]), rows=[*x, *t], parameters=net.parameters())
    rows = np.array([[*pixels, *target] for pixels, target in samples.one_hot()], dtype=float)
    weights = [p.data for p in net.parameters()]
    program.descend(rows, RATE, epochs=30, mode=BATCH)
    start = process_time()
    program.descend(rows, RATE, epochs=30, mode=BATCH)
    seconds = (process_time() - start) / 30
    for p, w in zip(net.parameters(), weights):
        p.data = w
    program.descend(rows, RATE, mode=BATCH)
    return seconds


def in_micrograd(net: MLP, samples: TeacherSet) -> float:
    """Teach micrograd's own net with the same weights, and give them back; return the seconds."""
    import micrograd.nn

    theirs = micrograd.nn.MLP(64, [32, 10])
    for p, q in zip(theirs.parameters(), net.parameters(), strict=True):
        p.data = q.data
    start = process_time()
    for inputs, targets in batches(samples):
        error = sum(surprise(theirs(x), t) for x, t in zip(inputs, targets))
        theirs.zero_grad()
        error.backward()
        for p in theirs.parameters():
            p.data -= RATE * p.grad
    seconds = process_time() - start
    for p, q in zip(theirs.parameters(), net.parameters(), strict=True):
        q.data = p.data
    return seconds


def surprise(logits: Sequence[Any], target: int) -> Any:
    """Return the cross-entropy of one sample in micrograd, which has neither exp nor log."""
    powers = [operation(z, exp(z.data), exp(z.data)) for z in logits]
    total = sum(powers)
    return operation(total, log(total.data), 1 / total.data) - logits[target]


def operation(x: Any, y: float, slope: float) -> Any:
    """Add an operation to a graph of micrograd's, as its own are written."""
    out = type(x)(y, (x,))

    def backward() -> None:
        x.grad += slope * out.grad

    out._backward = backward
    return out


if __name__ == '__main__':
    main()
