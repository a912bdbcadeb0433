"""Show why backpropagation needs an order: the smallest graphs on which naive ones go wrong.

    python demos/why_order.py [--out FOLDER]

The graphs are found by shrinking. Each is told in a few lines, and drawn beside the
right order as a picture in the folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from microgradnet.testing import why_order

ORDERS = ('recursion', 'breadth first')


def main(argv: Sequence[str] | None = None) -> list[Path]:
    """Tell and draw; return the pictures, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description='Show why backpropagation needs an order.')
    folder = Path('pictures/why_order')
    parser.add_argument('--out', type=Path, default=folder, help='folder for the pictures (%(default)s)')
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    pictures = []
    for order in ORDERS:
        why = why_order(order)
        pictures.append(arguments.out / f'{order.replace(" ", "_")}.svg')
        why.draw().render(outfile=pictures[-1], cleanup=True)
        print(f'{why}\nPicture: {pictures[-1]}\n')
    return pictures


if __name__ == '__main__':
    main()
