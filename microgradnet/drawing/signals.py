"""What a picture of the error signal says in words and formulas, as markup for Graphviz.

What is in the pictures of an error signal: lines, arrows, neurons and words, and from when until when.

Time is counted in pictures: the first lasts from 0 to 1.

The error signal's way through a net, as the derivation's last pictures show it: y to f5, f5 to f3 and f4 ...

Every picture shows one sender: the arrows of its messages with their contributions,
what has arrived at each neuron so far (Σ, in a dashed circle), or its whole error
signal (δ), and below the formula with its numbers. In the derivation's colours the
error signal is red, g'(r) green.

``draw_error_signal``  makes the pictures
``ErrorSignal``        holds them, and writes all of them as one animated SVG or GIF
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import hypot
from pathlib import Path
from typing import Any

from .._files import FilePath, write_whole
from ..engine.checks import file_path, spec, within
from ..engine.value import Value
from ..formulas.colours import CROWDED_WAY, DERIVATIVE, FAINT, IDLE, INK, PALE, PAPER, REACHED, SIGNAL, TRAIL, WAY
from ..formulas.names import connections_of, layers_of
from ..nets.losses import error_by_name, half_squared_error
from .animation import ARRIVAL, Part, animated_gif, animated_svg
from .digraph import SMALLEST, Digraph, in_full, number_markup, plain, shown, shown_as_svg, subscript, width_of
from .layout import Layout, Text, check_names, chord, inches, look_of, new_picture, output_label
from .messages import Film, Frame, Message, messages
from .terminal import tree

__all__ = ['Caption', 'ErrorSignal', 'Scenes', 'draw_error_signal']


#: Neurons in a column of more than this are small.
SEVERAL = 9
#: How far below the middle of a neuron its error signal ends, and its activation's derivative below that.
UPPER, LOWER = 13.0, 23.0
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
        delta, result = self._red(_delta(m.receiver)), self._red(number_markup(m.contribution, self.spec))
        if targets is None:
            return f'{delta} = ∂<i>E</i>/∂{y} = {result}'
        target = targets[int(m.sender[1:] or 1) - 1]
        output = self.film.neurons[m.receiver].output.data
        t_number = self._factor(target.data if isinstance(target, Value) else target)
        numbers = f'{number_markup(output, self.spec)} − {t_number}'
        return f'{delta} = {y} − {t} = {numbers} = {result}'

    def _line(self, frame: Frame, m: Message) -> str:
        """delta_3 = delta_5 g'(r_5) w_{3,5}, and with numbers; where it is not the first, added to what was there."""
        delta, g = self._signal(frame), self._derivative(frame)
        left = self._red(_delta(m.receiver))
        before = self._before(m)
        rule = f'{delta[0]} · {g[0]} · {_weight(m.weight_name)}'
        numbers = f'{delta[1]} · {g[1]} · {self._factor(m.weight)}'
        total = self._red(number_markup(m.total, self.spec))
        end = '' if m.complete else self._faint(' &#160; so far')
        if before is None:
            return f'{left} = {rule} = {numbers} = {total}{end}'
        start = f'{left} = {self._faint("before")} + {rule} = {number_markup(before, self.spec)}'
        return f'{start} + {numbers} = {total}{end}'

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
        text = number_markup(x, self.spec)
        return f'({text})' if text.startswith('−') else text

    def _red(self, text: str) -> str:
        return f'<font color="{SIGNAL}">{text}</font>'

    def _faint(self, text: str) -> str:
        return f'<font color="{FAINT}">{text}</font>'


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


BARE = 'border="0" cellborder="0" cellspacing="0" cellpadding="0"'
#: Below a name that has an index.
STACKED = BARE.replace('cellspacing="0"', 'cellspacing="2"')


class Scenes:
    """Everything in all the pictures: what it is, from when and until when."""

    def __init__(
        self, film: Film, layout: Layout, steps: list[list[Frame]], captions: list[Caption], spec: str
    ) -> None:
        self.film, self.layout, self.steps, self.captions, self.spec = film, layout, steps, captions, spec
        self.end = float(len(steps))
        self.small = layout.tallest > SEVERAL

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
        colour = CROWDED_WAY if self.small else WAY
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
        shown, size = number_markup(m.contribution, self.spec), 10 if self.small else 13
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
            shown = _signal_of(total, self.spec, self.small, mark)
            room = min(11.0, chord(self.layout.diameter, UPPER) / width_of(shown, 1))  # within the circle
            room = SMALLEST if self.small else max(SMALLEST, room)
            lines.append(f'<font point-size="{room:.3g}" color="{SIGNAL}">{shown}</font>')
        if sent is not None and sent.derivative is not None:
            tooltip += f", g'(r) = {in_full(sent.derivative)}"
            if not self.small:
                line = f'<i>g</i>′ {number_markup(sent.derivative, self.spec)}'
                lines.append(f'<font point-size="{SMALLEST:g}" color="{DERIVATIVE}">{line}</font>')
        rows = ''.join(f'<tr><td>{line}</td></tr>' for line in lines)
        looks: dict[str, dict[str, str]] = {
            'idle': {'fillcolor': IDLE, 'color': PALE},
            'part': {'fillcolor': PAPER, 'color': SIGNAL, 'style': 'filled,dashed', 'penwidth': '1.3'},
            'reached': {'fillcolor': REACHED, 'color': SIGNAL, 'penwidth': '1.3'},
            'sending': {'fillcolor': REACHED, 'color': SIGNAL, 'penwidth': '3.4'},
        }
        look = looks[state]
        if name[0] == 'y':
            look = {'fillcolor': PAPER, 'penwidth': '0', 'width': inches(26)}
        label = f'<<table {STACKED}>{rows}</table>>'
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


LEGEND = (
    f"<<font color=\"{FAINT}\">δ error signal &#160;&#160; Σ its sum so far, with more to come &#160;&#160; "
    '<i>g</i>′ derivative of the activation function</font>>'
)


class ErrorSignal:
    """The pictures of one backward through a net, in the derivation's order.

    ``frames`` are the pictures, ``titles`` says what is in each; ``film`` holds the
    messages, all their numbers and the run. In a notebook it shows itself, moving.
    """

    film: Film
    titles: list[str]
    frames: list[Digraph]

    def __init__(self, film: Film, layout: Layout, titles: list[str], parts: list[Part]) -> None:
        self.film, self.titles, self._layout, self._parts = film, titles, layout, parts
        self.frames = [_frame(layout, parts, k, title) for k, title in enumerate(titles)]
        for frame in self.frames:
            frame.words = self._words

    @property
    def left_out(self) -> int:
        """How many inputs and neurons the pictures do not show."""
        return self.frames[0].left_out

    def animation(self, seconds: float = 2.5) -> str:
        """Return all pictures as one SVG that moves, each for so many seconds and the last for twice as long.

        It has no script. It stops while the pointer is on it, and shows the last
        picture where less motion is asked for or nothing moves, as in print.
        """
        ground = new_picture(self._layout, label=LEGEND, tooltip=' ')
        ground.words = self._words
        return animated_svg(self._parts, self.titles, ground, _positive(seconds))

    def save(self, path: FilePath, seconds: float = 2.5) -> Path:
        """Write the moving picture, as SVG or GIF by the path's suffix, and return its path.

        Raises ValueError for another suffix; a GIF needs Pillow, and ImportError says so.
        """
        file = Path(file_path('path', path))
        if file.suffix.lower() == '.svg':
            write_whole(file, self.animation(seconds))
        elif file.suffix.lower() == '.gif':
            write_whole(file, animated_gif(self.frames, _positive(seconds)))
        else:
            raise ValueError(
                f'the error signal is saved as .svg or .gif, not as {file.name!r}; '
                'frames[i].render(outfile=...) writes one picture, also as PNG or PDF'
            )
        return file

    def _repr_mimebundle_(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return shown(lambda: {'image/svg+xml': self.animation()})

    def _repr_svg_(self) -> str | None:
        return shown_as_svg(self.animation)

    def _words(self) -> str:
        """Print the graph of the error, with the error signals that were sent."""
        film = self.film
        sent = {film.error: type(film.error.data)(1)} | {event.source: event.total for event in film.events}
        return tree(film.error, labels=film.labels, signals=sent)

    def __repr__(self) -> str:
        titles = [*self.titles[:3], '...'] if len(self.titles) > 4 else self.titles
        return f'<ErrorSignal in {len(self.frames)} pictures: {"; ".join(titles)}>'


def draw_error_signal(
    net: Any,
    x: Iterable[Any],
    t: Any,
    error: str | Callable[[Any, Any], Any] = half_squared_error,
    *,
    input_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    limit: int = 16,
    number_format: str = '.3g',
) -> ErrorSignal:
    """Draw how the error of a net on one sample, inputs ``x`` and targets ``t``, travels back to the inputs.

    One real backward is drawn, of ``error(outputs, t)``; the net is left as it was. Of a large
    net as much is drawn as ``draw_network`` would; what neurons that are not drawn
    send is counted in the sums, and shown in one picture a layer. Raises TypeError for
    what is no net, ValueError for a row or names that do not match it.

    >>> from microgradnet.nets.net import MLP
    >>> signal = draw_error_signal(MLP(2, [2, 2, 1], activation='tanh', seed=1), [0.5, -1.0], [1.0])
    >>> signal.titles
    ['y to f5', 'f5 to f3 and f4', 'f3 to f1 and f2', 'f4 to f1 and f2', 'f1 to x1 and x2', 'f2 to x1 and x2']
    >>> signal.animation().count('<svg')
    1
    """
    layers = layers_of(net)
    input_names, output_names = check_names('draw_error_signal', layers, limit, input_names, output_names)
    error = error_by_name(error)
    spec('number_format', number_format)
    t = [*t] if isinstance(t, Iterator) else t
    film = messages(net, x, t, error)
    layout = _layout(layers, limit, film, number_format)
    layout.name_ends(input_names, output_names, 0.5 * layout.diameter)
    steps = [*_steps(film, layout)]
    targets = [*t] if isinstance(t, Iterable) else [t]
    squared = targets if error is half_squared_error else None
    captions = [Caption(film, frames, layout, squared, number_format) for frames in steps]
    parts = [*Scenes(film, layout, steps, captions, number_format).parts()]
    titles = [caption.title for caption in captions]
    return ErrorSignal(film, layout, titles, parts)


def _layout(layers: list[Any], limit: int, film: Film, spec: str) -> Layout:
    """Place the parts, with neurons so large that every number has room in them, not smaller than can be read."""

    def gap(layout: Layout, sources: int, targets: int) -> float:
        return 200.0 + 5.0 * max(sources, targets)

    small = Layout(layers, limit, gap).tallest > SEVERAL
    totals = [total for frame in film.frames for total in (frame.signal, *(m.total for m in frame.messages))]
    slopes = [frame.derivative for frame in film.frames if frame.derivative is not None and not small]
    wide = max(width_of(_signal_of(total, spec, small, 'Σ'), SMALLEST) for total in totals)
    narrowest = max(46.0 if small else 64.0, hypot(wide, 2 * UPPER))
    if slopes:
        wide = max(width_of(f'g′ {number_markup(slope, spec)}', SMALLEST) for slope in slopes)
        narrowest = max(narrowest, hypot(wide, 2 * LOWER))
    return Layout(layers, limit, gap, narrowest, 120.0, narrowest=narrowest)


def _signal_of(total: Any, spec: str, small: bool, mark: str) -> str:
    """What is written in a neuron of the error signal that arrived there: of many neurons, two digits."""
    return number_markup(total, '.2g') if small else f'{mark} {number_markup(total, spec)}'


def _positive(seconds: float) -> float:
    wanted = 'more than 0 seconds and less than an hour'
    return float(within('the time a picture is shown', seconds, wanted, lambda s: 0 < s < 3600))


def _steps(film: Film, layout: Layout) -> Iterator[list[Frame]]:
    """What each picture shows: one frame of the film, or those of all neurons that an ellipsis stands for."""
    hidden: list[Frame] = []
    for frame in film.frames:
        if frame.sender[0] == 'f' and frame.sender not in layout.places:
            hidden.append(frame)
            continue
        if hidden:
            yield hidden
        hidden = []
        if frame.messages:
            yield [frame]
    if hidden:
        yield hidden


def _frame(layout: Layout, parts: list[Part], step: int, title: str) -> Digraph:
    """Make the picture of one step, once its messages have arrived."""
    picture = new_picture(layout, label=LEGEND, tooltip=plain(title))
    for part in parts:
        if part.start <= step + 0.9 < part.stop:
            part.add(picture)
    return picture
