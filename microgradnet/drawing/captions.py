"""What a picture of the error signal says in words and formulas, as markup for Graphviz."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from ..value import Value
from .digraph import DERIVATIVE, FAINT, SIGNAL, markup, number, subscript
from .layout import Layout
from .messages import Film, Frame, Message

__all__ = ['Caption', 'digits']

#: More messages than this are described together.
MOST = 4


class Caption:
    """The words of one picture: a ``title`` as plain text, the same as ``heading``, and ``lines`` with formulas."""

    def __init__(
        self, film: Film, step: Sequence[Frame], layout: Layout, targets: Sequence[Any] | None, spec: str
    ) -> None:
        self.spec, self.film = spec, film
        drawn = [frame for frame in step if frame.sender in layout.places or frame.sender[0] == 'y']
        if not drawn:
            first, last, count = step[0].sender, step[-1].sender, len(step)
            self.title = f'{count} more, {first} to {last}, send theirs'
            self.heading = f'{count} more, {_part(first)} to {_part(last)}, send theirs'
            self.lines = [self._faint('Neurons that are not drawn: the sums grow by what they send.')]
            return
        (frame,) = drawn
        receivers = frame.receivers
        self.title = f'{frame.sender} to {_listed(receivers, str)}'
        self.heading = f'<b>{_part(frame.sender)}</b> to {_listed(receivers, _part)}'
        if frame.sender == 'y':
            self.lines = [self._introduced(m, targets) for m in frame.messages[:MOST]]
        elif len(receivers) <= MOST:
            self.lines = [self._line(frame, m) for m in frame.messages]
        else:
            delta, g = self._signal(frame), self._derivative(frame)
            weights = _listed([m.weight_name for m in frame.messages], _weight)
            self.lines = [f'{delta[0]} · {g[0]} = {delta[1]} · {g[1]}, times the weight: {weights}']

    @property
    def width(self) -> float:
        """About how wide the longest line is, in points."""
        return 7.0 * max(len(html.unescape(re.sub('<[^>]*>', '', line))) for line in [self.heading, *self.lines])

    def _introduced(self, m: Message, targets: Sequence[Any] | None) -> str:
        """delta = y - t, or what the error's derivative is."""
        y, t = (f'<i>{letter}</i>' if m.sender == 'y' else subscript(letter, m.sender[1:], 13) for letter in 'yt')
        delta, result = self._red(_delta(m.receiver)), self._red(digits(m.contribution, self.spec))
        if targets is None:
            return f'{delta} = ∂<i>E</i>/∂{y} = {result}'
        target = targets[int(m.sender[1:] or 1) - 1]
        output = self.film.neurons[m.receiver].output.data
        numbers = f'{digits(output, self.spec)} − {self._factor(target.data if isinstance(target, Value) else target)}'
        return f'{delta} = {y} − {t} = {numbers} = {result}'

    def _line(self, frame: Frame, m: Message) -> str:
        """delta_3 = delta_5 g'(r_5) w_{3,5}, and with numbers; where it is not the first, added to what was there."""
        delta, g = self._signal(frame), self._derivative(frame)
        left = self._red(_delta(m.receiver))
        before = self._before(m)
        rule = f'{delta[0]} · {g[0]} · {_weight(m.weight_name)}'
        numbers = f'{delta[1]} · {g[1]} · {self._factor(m.weight)}'
        total = self._red(digits(m.total, self.spec))
        end = '' if m.complete else self._faint(' &#160; so far')
        if before is None:
            return f'{left} = {rule} = {numbers} = {total}{end}'
        return f'{left} = {self._faint("before")} + {rule} = {digits(before, self.spec)} + {numbers} = {total}{end}'

    def _before(self, m: Message) -> Any:
        """What had arrived at the receiver before a message; None before the first."""
        earlier = None
        for event in self.film.events:
            if event is m.events[-1]:
                return earlier
            if event.source is m.events[-1].source:
                earlier = event.total
        return earlier

    def _signal(self, frame: Frame) -> tuple[str, str]:
        return self._red(_delta(frame.sender)), self._red(self._factor(frame.signal))

    def _derivative(self, frame: Frame) -> tuple[str, str]:
        rule = f'<i>g</i>′({subscript("r", frame.sender[1:], 13)})'
        return (f'<font color="{DERIVATIVE}">{rule}</font>',
                f'<font color="{DERIVATIVE}">{self._factor(frame.derivative)}</font>')  # fmt: skip

    def _factor(self, x: Any) -> str:
        """A number in a product: in parentheses if it has a sign."""
        text = digits(x, self.spec)
        return f'({text})' if text.startswith('−') else text

    def _red(self, text: str) -> str:
        return f'<font color="{SIGNAL}">{text}</font>'

    def _faint(self, text: str) -> str:
        return f'<font color="{FAINT}">{text}</font>'


def digits(x: Any, spec: str) -> str:
    """A number as markup, with a minus sign.

    >>> digits(-0.5, '.3g')
    '−0.5'
    """
    text = number(x, spec)
    return markup(f'−{text[1:]}' if text.startswith('-') else text)


def _part(name: str) -> str:
    """A neuron, input or output as it is set: f with its number below."""
    return subscript(name[0], name[1:], 13) if name[1:] else f'<i>{name}</i>'


def _delta(name: str) -> str:
    """The error signal of a neuron, or of an input: the derivative of the error by it."""
    return subscript('δ', name.removeprefix('f'), 13)


def _weight(name: str) -> str:
    """A weight, whose name is w_{1,3}."""
    return subscript('w', name[3:-1], 13)


def _listed(names: Sequence[str], how: Any) -> str:
    """'f1', 'f1 and f2', 'f1, f2 and f3', 'f1 to f9'.

    >>> _listed(['f1', 'f2', 'f3'], str), _listed([f'f{i}' for i in range(1, 10)], str)
    ('f1, f2 and f3', 'f1 ... f9')
    """
    if len(names) > MOST:
        return f'{how(names[0])} ... {how(names[-1])}'
    return ' and '.join(filter(None, [', '.join(map(how, names[:-1])), how(names[-1])]))
