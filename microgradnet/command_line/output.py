"""What goes to the terminal, in signs that it has."""

from __future__ import annotations

import os
import sys

__all__ = ['colours', 'say', 'shows']


def say(text: str) -> None:
    """Print text; where the encoding of the output has not all of its signs, a ? stands for those."""
    encoding = sys.stdout.encoding or 'utf-8'
    print(text.encode(encoding, 'replace').decode(encoding), flush=True)


def shows(signs: str) -> bool:
    """Tell whether the output's encoding has these signs."""
    try:
        signs.encode(sys.stdout.encoding or 'utf-8')
    except UnicodeEncodeError:
        return False
    return True


def colours() -> bool:
    """Tell whether to print in colours: to a terminal, unless NO_COLOR is set or it is a dumb one."""
    return sys.stdout.isatty() and not os.environ.get('NO_COLOR') and os.environ.get('TERM') != 'dumb'
