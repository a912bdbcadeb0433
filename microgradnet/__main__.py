"""The command line: ``python -m microgradnet``, or ``microgradnet``; what it does is in ``command_line``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from .command_line.output import Closed, say

__all__ = ['main']

EXAMPLES = """
examples:
  microgradnet train iris.csv --target species --layers 8 8 --out runs/1
  microgradnet predict runs/1 new.csv
  microgradnet draw "tanh(a*b + c)" a=2 b=-3 c=10
  microgradnet draw "x**2 / (1 + x)" x=1/3 --out graph.svg
  microgradnet derive 2-2-2-1 w_x1,1
  microgradnet play 2-3-1 xor.csv --out xor.html
"""


class Parser(ArgumentParser):
    """A parser whose help and errors take the way that all output takes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.color = False  # Python 3.14 has colours here, in signs that would be shown

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            say(message.removesuffix('\n'), to_stderr=file is not sys.stdout)


def parser() -> ArgumentParser:
    """Return the parser of all commands; what they need is imported when they run."""
    top = Parser('microgradnet', description='Train nets, draw graphs, derive weight updates, play.', epilog=EXAMPLES,
                 formatter_class=RawDescriptionHelpFormatter)  # fmt: skip
    top.add_argument('--version', action='store_true', help='print the version')
    commands = top.add_subparsers(dest='command', metavar='COMMAND')
    for name, what, fill in [
        ('train', 'teach a net one column of a CSV file', _train), ('predict', 'ask a trained net', _predict),
        ('draw', 'draw the graph of an expression', _draw), ('derive', "derive one weight's update", _derive),
        ('play', 'make a page of a net and its samples, to learn and to look into', _play),
        ('exercise', 'make exercises of it, to be worked out by hand', _exercise),
        ('doctor', 'say what is installed, and what each extra would add', _doctor),
    ]:  # fmt: skip
        fill(commands.add_parser(name, help=what, description=fill.__doc__))
    return top


def _train(command: ArgumentParser) -> None:
    """Teach a net one column of a CSV file from the others: classes by cross-entropy, numbers by least squares."""
    add = command.add_argument
    add('file', help='CSV file whose first line names the columns')
    add('--target', action='append', required=True, metavar='COLUMN', help='what to learn; again for several numbers')
    add('--inputs', nargs='+', metavar='COLUMN', help='what to learn from; all other columns, if not given')
    ways = ['mean', 'median', 'most-frequent']
    add('--missing', choices=ways, help='what fills empty cells; of words it is the most frequent')
    add('--classes', action='store_true', help='take targets that are numbers as names of classes')
    add('--layers', nargs='*', type=_whole, default=[8], metavar='N', help='neurons of the hidden layers (8)')
    add('--activation', default='tanh', metavar='NAME', help='activation function of the hidden layers (%(default)s)')
    add('--epochs', type=_whole, default=100, metavar='N', help='times through the samples (%(default)s)')
    add('--optimiser', default='adamw', metavar='NAME', help='descent, momentum, nesterov, adam or adamw (%(default)s)')
    add('--learning-rate', type=float, metavar='H', help='0.01 for adam(w), else by the size of a batch, if not given')
    pace = command.add_mutually_exclusive_group()
    pace.add_argument('--mode', choices=['batch', 'online'], help='update after all samples, or after each')
    pace.add_argument('--batch', type=_whole, metavar='N', help='update after so many samples; 32, if not given')
    add('--validation', type=float, metavar='FRACTION', help='held out; 0.2, if not given, and 0 of less than 20')
    add('--patience', type=_whole, metavar='N', help='stop when the error was no smaller for so many epochs')
    add('--seed', type=int, default=1, metavar='N', help='determines weights, order, what is held out (%(default)s)')
    add('--delimiter', type=_delimiter, default=',', metavar='SIGN', help='between the cells; tab, too (%(default)s)')
    add('--checkpoint', metavar='FILE', help='keep the state of training there; if it is there, go on from it')
    add('--out', metavar='FOLDER', help='for net, report and pictures; runs/1, or the next, if not given')
    add('--force', action='store_true', help='replace the run that is in the folder')


def _predict(command: ArgumentParser) -> None:
    """Print a CSV file with a trained net's answers behind every row."""
    add = command.add_argument
    add('net', help='folder of a run, or its net.json')
    add('file', help='CSV file with the columns that the net learned from')
    add('--delimiter', type=_delimiter, default=',', metavar='SIGN', help='between the cells; tab, too (%(default)s)')
    add('--out', metavar='FILE', help='write it there')


def _draw(command: ArgumentParser) -> None:
    """Compute an expression and its gradient, and draw the graph: in the terminal, or in a file."""
    add = command.add_argument
    add('expression', help='such as "tanh(a*b + c)": numbers, names, pi, e, + - * / **, functions')
    add('numbers', nargs='*', metavar='name=number', help='a number for each name; with 1/3 all is exact')
    add('--out', metavar='FILE', help='.svg, .png, .pdf, .dot or .txt')
    add('--limit', type=_whole, default=100, metavar='N', help='draw so many nodes at most (%(default)s)')


def _derive(command: ArgumentParser) -> None:
    """Write the update of one weight of a net out, step by step, each line with its number."""
    add = command.add_argument
    add('sizes', help='inputs, layers and outputs, such as 2-2-2-1')
    add('weight', help='source and target, such as w_x1,1 or w_1,3; or a bias, b_5')
    add('--inputs', nargs='+', metavar='X', help='the inputs of the sample')
    add('--targets', nargs='+', metavar='T', help='the targets of the sample')
    add('--activation', default='sigmoid', metavar='NAME', help='activation function (%(default)s)')
    add('--output-activation', metavar='NAME', help='that of the outputs; the same, if not given')
    add('--seed', type=int, default=1, metavar='N', help='determines the weights (%(default)s)')
    add('--learning-rate', metavar='H', help='h of the update; 0.5, if not given')
    add('--limit', type=_whole, default=64, metavar='N', help='write so many paths out at most (%(default)s)')
    add('--digits', type=_whole, default=6, metavar='N', help='in how many digits numbers are printed (%(default)s)')
    add('--steps', nargs='+', metavar='STEP', help='print these steps only, such as forward and signals')
    add('--format', choices=['text', 'latex', 'beamer', 'html', 'pdf'], help='text, or what the file is called')
    add('--out', metavar='FILE', help='.txt, .tex, .html or .pdf')


def _play(command: ArgumentParser) -> None:
    """Make one page of a net and a CSV file: its samples, the net, every formula, and the net learns there."""
    add = command.add_argument
    add('sizes', help='inputs, layers and outputs, such as 2-3-1')
    add('file', help='CSV file whose first line names the columns')
    add('--target', action='append', metavar='COLUMN', help='what to learn; again for several; the last, if not given')
    add('--inputs', nargs='+', metavar='COLUMN', help='what to learn from; all other columns, if not given')
    add('--classes', action='store_true', help='take targets that are numbers as names of classes')
    add('--standardise', action='store_true', help='the net standardises its inputs')
    add('--activation', default='tanh', metavar='NAME', help='activation function of the hidden layers (%(default)s)')
    add('--output-activation', default='identity', metavar='NAME', help='that of the outputs (%(default)s)')
    pace = command.add_mutually_exclusive_group()
    pace.add_argument('--mode', choices=['batch', 'online'], default='batch', help='update after all samples, or each')
    pace.add_argument('--batch', type=_whole, metavar='N', help='update after so many samples')
    add('--learning-rate', default='0.1', metavar='H', help='h to begin with (%(default)s)')
    add('--seed', type=int, default=1, metavar='N', help='determines the weights (%(default)s)')
    add('--delimiter', type=_delimiter, default=',', metavar='SIGN', help='between the cells; tab, too (%(default)s)')
    add('--out', metavar='FILE', help='.html; without it the browser shows the page')


def _exercise(command: ArgumentParser) -> None:
    """Make an exercise of one weight's update: numbers that work out by hand, and blanks for all that follow."""
    add = command.add_argument
    add('sizes', help='inputs, layers and outputs, such as 2-2-1')
    add('weight', nargs='?', help='source and target, such as w_x1,1; the first, if not given')
    add('--seed', type=int, default=1, metavar='N', help='determines the numbers (%(default)s)')
    add('--decimals', action='store_true', help='sigmoid and decimals in place of softsign and fractions')
    add('--digits', type=_whole, default=4, metavar='N', help='digits of the answers in decimals (%(default)s)')
    add('--students', type=_whole, default=1, metavar='N', help='so many sheets, each with other numbers')
    add('--solution', action='store_true', help='the derivation after the exercise, or the key of all answers')
    add('--key', metavar='FILE', help='the answers of all students, as text')
    add('--format', choices=['text', 'latex', 'beamer', 'html', 'pdf'], help='text, or what the file is called')
    add('--out', metavar='FILE', help='.txt, .tex, .html (checks the answers) or .pdf')


def _doctor(command: ArgumentParser) -> None:
    """Say what is installed beside microgradnet, and what each extra would add."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command: 0 if it went well, 2 for what it cannot work with, 130 after Ctrl-C.

    141 if whoever reads the output closed it before its end, as ``head`` does: what a shell says of any
    program then.
    """
    try:
        return _run(arguments)
    except Closed:
        return 141


def _run(arguments: Sequence[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    try:
        return _command(given)
    except OSError as trouble:  # of help, too, and of what is wrong with the options
        with suppress(OSError):
            say(f'microgradnet: {_told(trouble)}', to_stderr=True)
        return 2


def _command(given: Sequence[str]) -> int:
    # No option has one minus, but for -h: what begins with one is an expression, or a number.
    options = parser().parse_args([f' {a}' if a[:1] == '-' and a[1:2] not in ('', '-', 'h') else a for a in given])
    if options.version or options.command == 'doctor':
        from . import __version__

        say(f'microgradnet {__version__}')
        if options.version:
            return 0
    if options.command is None:
        parser().print_help()
        return 2
    try:
        status: int = import_module(f'.command_line.{options.command}', 'microgradnet').run(options)
        return status
    except KeyboardInterrupt:
        say('stopped', to_stderr=True)
        return 130
    except (ValueError, ArithmeticError, OSError, ImportError) as trouble:
        say(f'microgradnet {options.command}: {_told(trouble)}', to_stderr=True)
        return 2


def _told(trouble: Exception) -> str:
    if isinstance(trouble, OSError) and trouble.filename is not None:
        return f'{trouble.filename}: {trouble.strerror}'
    return str(trouble)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ArgumentTypeError(f'{text.strip()!r} should be a whole number, from 1 on')
    return int(text)


def _delimiter(text: str) -> str:
    sign = '\t' if text in ('tab', '\\t') else text
    if len(sign) != 1 or sign in '"\r\n':
        raise ArgumentTypeError(f'{text!r} should be one sign, or the word tab')
    return sign


if __name__ == '__main__':
    sys.exit(main())
