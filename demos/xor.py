"""XOR: batch against on-line learning, from the same weights.

    python demos/xor.py [--out FOLDER] [--epochs N] [--rate H] [--seed N]

Batch learning adds up the gradients of all four samples and then takes one step;
on-line learning takes a step after each sample, with the gradient at the weights that
the step before has left. For a small learning rate h an epoch comes to nearly the same
in both: try ``--rate 0.1``. Which of them is ahead depends on the weights to begin
with: try ``--seed 13``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from matplotlib.figure import Figure

from microgradnet import MLP, TeacherSet, train
from microgradnet.formulas.colours import NEGATIVE, POSITIVE
from microgradnet.training.history import History

XOR = TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
#: The ways to learn, and the mark of each in the table.
MODES: dict[Literal['batch', 'online'], str] = {'batch': 'B', 'online': 'o'}


class Result(NamedTuple):
    """What the demo found: by mode, the history and the answers to the four samples."""

    histories: dict[str, History]
    answers: dict[str, list[float]]
    pictures: list[Path]


def main(argv: Sequence[str] | None = None) -> Result:
    """Run the demo, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description='Teach a net XOR twice, by batch and by on-line learning.')
    folder = Path('pictures/xor')
    parser.add_argument('--out', type=Path, default=folder, help='folder for the picture (%(default)s)')
    parser.add_argument('--epochs', type=int, default=200, help='times through the samples (%(default)s)')
    parser.add_argument('--rate', type=float, default=1.0, help='learning rate h, 0 < h <= 1 (%(default)s)')
    parser.add_argument('--seed', type=int, default=3, help='seed of the weights (%(default)s)')
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)

    histories: dict[str, History] = {}
    answers: dict[str, list[float]] = {}
    for mode in MODES:
        net = MLP(2, [3, 1], activation='tanh', output_activation='sigmoid', seed=arguments.seed)
        # On-line, the weights move while the error is summed up; as validation it is taken after the epoch.
        histories[mode] = train(
            net, XOR, learning_rate=arguments.rate, epochs=arguments.epochs, mode=mode, validation=XOR
        )
        answers[mode] = net.predict(XOR.inputs)

    print(f'XOR, learned by a 2-3-1 net from the same weights; h = {arguments.rate}.\n')
    print('Batch learning takes one step an epoch, along the sum of the gradients of all samples.')
    print('On-line learning takes one after each sample, from where the last one has led.\n')
    print(table(histories))
    print('\nx1 x2  t    batch  on-line')
    for (x, t), batch, online in zip(XOR, answers['batch'], answers['online'], strict=True):
        print(f' {x[0]}  {x[1]}  {t}    {batch:5.3f}    {online:5.3f}')
    picture = arguments.out / 'errors.png'
    curves(histories).savefig(picture, dpi=120)
    print(f'\nThe errors are drawn in {picture}')
    return Result(histories, answers, [picture])


def table(histories: dict[str, History], width: int = 40) -> str:
    """Write the errors at some epochs, and where they stand between 0 and the largest."""
    errors = {mode: history.column('validation') for mode, history in histories.items()}
    largest = max(map(max, errors.values()))
    last = len(errors['batch'])
    lines = [f'epoch    E batch  E on-line  0{"B batch   o on-line   # both":^{width - 4}}{largest:4.2f}']
    for epoch in sorted({n for n in (1, 2, 5, 10, 20, 30, 40, 50, 75, 100, 150) if n < last} | {last}):
        scale = ['.'] * (width + 1)
        for mode, mark in MODES.items():
            place = round(errors[mode][epoch - 1] / largest * width)
            scale[place] = mark if scale[place] == '.' else '#'
        batch, online = (errors[mode][epoch - 1] for mode in MODES)
        lines.append(f'{epoch:5}  {batch:9.5f}  {online:9.5f}  {"".join(scale)}')
    return '\n'.join(lines)


def curves(histories: dict[str, History]) -> Figure:
    """Draw the errors after each epoch."""
    figure = Figure(figsize=(7, 3.6), layout='constrained')
    axes: Any = figure.subplots()
    looks = [('batch', 'batch', POSITIVE, '-'), ('online', 'on-line', NEGATIVE, '--')]
    for mode, label, colour, style in looks:
        epochs, errors = (histories[mode].column(name) for name in ('epoch', 'validation'))
        axes.plot(epochs, errors, style, color=colour, label=f'{label} learning')
    axes.set(xlabel='epoch', ylabel='$E$, half the sum of squares', yscale='log')
    axes.set_title('XOR from the same weights, by batch and by on-line learning', fontsize='medium')
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


if __name__ == '__main__':
    main()
