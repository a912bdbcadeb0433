"""What is in the pictures of an error signal: lines, arrows, neurons and words, and from when until when.

Time is counted in pictures: the first lasts from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .animation import ARRIVAL, Part
from .captions import Caption, digits
from .digraph import DERIVATIVE, FAINT, INK, PALE, SIGNAL, in_full, plain, subscript
from .layout import Layout, Text, inches, look_of, output_label
from .messages import Film, Frame, Message
from .names import connections_of

__all__ = ['Scenes']

#: No number is set smaller than that.
SMALLEST = 8
REACHED, TRAIL = '#FFEEE3', '#E9B795'
BARE = 'border="0" cellborder="0" cellspacing="0" cellpadding="0"'


class Scenes:
    """Everything in all the pictures: what it is, from when and until when."""

    def __init__(
        self, film: Film, layout: Layout, steps: list[list[Frame]], captions: list[Caption], spec: str
    ) -> None:
        self.film, self.layout, self.steps, self.captions, self.spec = film, layout, steps, captions, spec
        self.end = float(len(steps))
        self.small = layout.diameter < 50

    def parts(self) -> Iterator[Part]:
        """List them: the lines first, then arrows, neurons, numbers and words."""
        yield from self._ground()
        for k, step in enumerate(self.steps):
            for message in (m for frame in step for m in frame.messages):
                if {message.sender, message.receiver} <= self.layout.places.keys():
                    yield from self._message(k, message)
        for name in self.layout.places:
            yield from self._states(name)
        left = min(x for x, _ in self.layout.places.values()) - 0.5 * self.layout.diameter
        for k, caption in enumerate(self.captions):
            yield from self._words(k, caption, left)

    def _ground(self) -> Iterator[Part]:
        """The connections until a message comes along them, and the columns' names."""
        places = self.layout.places
        sent = {(m.receiver, m.sender): k for k, step in enumerate(self.steps) for f in step for m in f.messages}
        colour = '#E4E8EB' if self.small else '#D5DBE0'
        for c in connections_of(self.layout.layers):
            source, target = (end if end.startswith('x') else f'f{end}' for end in c[:2])
            stop = sent.get((source, target), self.end)
            if source in places and target in places and stop:
                yield self._line(source, target, 0, stop, color=colour, penwidth='1', tooltip=c.name)
        for text in self.layout.texts:
            yield Part(0, self.end, (text.name,), look_of(text, plate=True))

    def _line(self, tail: str, head: str, start: float, stop: float, kind: str = 'line', **look: str) -> Part:
        return Part(start, stop, (tail, head), {'arrowhead': 'none', 'class': kind} | look)

    def _message(self, k: int, m: Message) -> Iterator[Part]:
        """An arrow with its contribution, and the trail that it leaves."""
        what = ' · '.join(['δ', "g'(r)", m.weight_name][: 3 if m.weight_name else 1])
        tooltip = plain(f'{m.sender} to {m.receiver}: {what} = {in_full(m.contribution)}')
        yield self._line(m.sender, m.receiver, k, k + 1, 'message', color=SIGNAL, tooltip=tooltip, arrowhead='normal',
                         arrowsize='0.8', penwidth='2.2' if self.small else '2.6', id=f'{m.sender}-{m.receiver}')
        if k + 1 < self.end:
            yield self._line(m.sender, m.receiver, k + 1, self.end, 'trail', color=TRAIL, tooltip=tooltip,
                             penwidth='0.7' if self.small else '1.3')  # fmt: skip
        (x0, y0), (x1, y1) = self.layout.places[m.sender], self.layout.places[m.receiver]
        at = 0.5 if m.weight is None else 0.7 if self.small else 0.6
        shown, size = digits(m.contribution, self.spec), 10 if self.small else 13
        # On a steep arrow, which then enters it from above and leaves it below; else above it, for the
        # arrow would go on in a minus.
        rise, half = 0.3 * size * len(shown) * abs((y1 - y0) / (x1 - x0)), 0.6 * size + 3
        above = rise + half if rise < half else 0.0
        text = Text(f'{m.sender}-{m.receiver}-value', x0 + at * (x1 - x0), y0 + at * (y1 - y0) + above,
                    f'<b>{shown}</b>', size, SIGNAL)  # fmt: skip
        look = look_of(text, plate=True, tooltip=tooltip)
        yield Part(k + ARRIVAL / 2, k + 1, (text.name,), look)

    def _states(self, name: str) -> Iterator[Part]:
        """A neuron, input or output from the first picture to the last, a part for each of its states."""
        changes: list[tuple[float, str, Any, Frame | None]] = [(0, 'idle', None, None)]
        for k, step in enumerate(self.steps):
            arrived = [m for frame in step for m in frame.messages if m.receiver == name]
            if arrived:
                m = arrived[-1]
                changes.append((k + ARRIVAL, 'reached' if m.complete else 'part', m.total, None))
            for frame in step:
                if name == frame.sender or (frame.sender == 'y' and name[0] == 'y'):
                    signal = None if name[0] == 'y' else frame.signal
                    changes += [(k, 'sending', signal, frame), (k + 1, 'reached', signal, None)]
        for (start, state, total, sent), after in zip(changes, [*(c[0] for c in changes[1:]), self.end]):
            if start < after:
                yield self._node(name, start, after, state, total, sent)

    def _node(self, name: str, start: float, stop: float, state: str, total: Any, sent: Frame | None) -> Part:
        x, y = self.layout.places[name]
        index, size = name[1:], 12 if self.small else 15
        label = output_label(name) if name[0] == 'y' else subscript(name[0], index, size)
        ink = FAINT if state == 'idle' else INK
        lines = [f'<font point-size="{size}" color="{ink}">{label}</font>']
        tooltip = name
        if total is not None:
            mark = 'Σ' if state == 'part' else 'δ'
            tooltip = f'{name}: {mark} = {in_full(total)}'
            shown = digits(total, '.2g') if self.small else f'{mark} {digits(total, self.spec)}'
            most = 10 if self.layout.diameter < 60 else 11
            # Within the circle, but to be read.
            room = SMALLEST if self.small else max(SMALLEST, min(most, 1.6 * self.layout.diameter / len(shown)))
            lines.append(f'<font point-size="{room:.3g}" color="{SIGNAL}">{shown}</font>')
        if sent is not None and sent.derivative is not None:
            tooltip += f", g'(r) = {in_full(sent.derivative)}"
            if not self.small:
                line = f'<i>g</i>′ {digits(sent.derivative, self.spec)}'
                lines.append(f'<font point-size="10" color="{DERIVATIVE}">{line}</font>')
        rows = ''.join(f'<tr><td>{line}</td></tr>' for line in lines)
        look = {
            'idle': {'fillcolor': '#F6F8FA', 'color': PALE},
            'part': {'fillcolor': 'white', 'color': SIGNAL, 'style': 'filled,dashed', 'penwidth': '1.3'},
            'reached': {'fillcolor': REACHED, 'color': SIGNAL, 'penwidth': '1.3'},
            'sending': {'fillcolor': REACHED, 'color': SIGNAL, 'penwidth': '3.4'},
        }[state]
        if name[0] == 'y':
            look = {'fillcolor': 'white', 'penwidth': '0', 'width': inches(26)}
        label = f'<<table {BARE}>{rows}</table>>'
        place = {'pos': f'{x:.5g},{y:.5g}!', 'id': name, 'tooltip': plain(tooltip), 'class': state,
                 'fixedsize': 'shape'}
        return Part(start, stop, (name,), {'label': label} | place | look)

    def _words(self, k: int, caption: Caption, left: float) -> Iterator[Part]:
        """The title above and the formula below, in a table that starts at the left."""
        top = (self.layout.tallest - 1) / 2 * self.layout.spacing + self.layout.diameter / 2
        rows = max(len(c.lines) for c in self.captions)
        step = f'<font color="{FAINT}">{k + 1} of {len(self.steps)}</font>'
        width = max(max(x for x, _ in self.layout.places.values()) - left + 26, *(c.width for c in self.captions))
        lines = [f'<font point-size="15">{caption.heading}</font> &#160; {step}', *caption.lines]
        for name, y, height, texts in [('title', top + 34, 22, lines[:1]), ('formula', 0, 22 * rows, lines[1:])]:
            place = y or self.layout.floor - 20 - height / 2
            cells = ''.join(f'<tr><td align="left" height="22">{text}</td></tr>' for text in texts)
            cells += f'<tr><td height="22" width="{width:.0f}"></td></tr>' * (rows - len(texts) if not y else 0)
            table = f'<table {BARE} width="{width:.0f}">{cells}</table>'
            text = Text(name, left + width / 2, place, table, 13, INK)
            yield Part(k, k + 1, (name,), look_of(text, id=name))
