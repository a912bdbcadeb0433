"""What goes to the terminal: all of it through ``say``, in signs that the terminal has, and none that command it."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from typing import TextIO

from .._escapes import visible

__all__ = ['Closed', 'colours', 'say', 'shows']

#: The colours that derivations and trees are printed in.
COLOUR = re.compile('(\033\\[(?:0|3[0-7])m)')


class Closed(Exception):
    """Whoever reads what is printed has read enough, and closed it."""


def say(text: str, *, coloured: bool = False, to_stderr: bool = False) -> None:
    """Print text; control characters in it can be seen, and do nothing.

    Where the encoding of the output has not all of its signs, a ? stands for those. ``coloured`` lets
    through the colours that we print in. Raises Closed where nobody reads any more; OSError if it cannot
    be written for another reason.
    """
    stream = sys.stderr if to_stderr else sys.stdout
    if stream is None:  # it was closed before we began
        return
    # What is between the colours, and they, in turns.
    pieces = COLOUR.split(text) if coloured else [text]
    text = ''.join(piece if k % 2 else visible(piece) for k, piece in enumerate(pieces))
    encoding = _encoding(stream)
    try:
        print(text.encode(encoding, 'replace').decode(encoding), file=stream, flush=True)
    except OSError as trouble:
        _discard(stream)
        if isinstance(trouble, BrokenPipeError):
            raise Closed from None
        raise OSError(f'what is printed cannot be written: {trouble.strerror}') from None


def shows(signs: str) -> bool:
    """Tell whether the output's encoding has these signs."""
    try:
        signs.encode(_encoding(sys.stdout))
    except UnicodeEncodeError:
        return False
    return True


def colours() -> bool:
    """Tell whether to print in colours: to a terminal, unless NO_COLOR is set or it is a dumb one."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return is_terminal and not os.environ.get('NO_COLOR') and os.environ.get('TERM') != 'dumb'


def _encoding(stream: TextIO | None) -> str:
    return getattr(stream, 'encoding', None) or 'utf-8'


def _discard(stream: TextIO) -> None:
    """Send what is still to be written nowhere: at its end Python would try again, and complain."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
