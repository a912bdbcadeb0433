"""Turn the testing kit on micrograd, and print what it finds.

    python demos/check_micrograd.py

Each finding has a program to paste, and says what it should print. What is wrong at
ordinary points comes first, then what is wrong at edges only, then what is legal and
merely another convention, then what is missing. Nothing here is known beforehand: the
programs are drawn at random and shrunk by Hypothesis.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from microgradnet.testing import check_engine
from microgradnet.testing.report import Report


def main(argv: Sequence[str] | None = None) -> Report | None:
    """Check micrograd and print the report; return it, or None if micrograd is not installed."""
    argparse.ArgumentParser(description='Print what the testing kit finds in micrograd.').parse_args(argv)
    try:
        from micrograd.engine import Value  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        print('micrograd is not installed: pip install micrograd')
        return None
    report = check_engine(Value)
    print(report)
    return report


if __name__ == '__main__':
    main()
