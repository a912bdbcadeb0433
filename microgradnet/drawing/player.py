"""A page that computes: a net and its learning, or any value, forward, backward and live, in a browser or a notebook.

The page needs no network and no Python. Its arithmetic is the table's, printed as JavaScript;
its numbers are those of the engine, and stay so when a weight is dragged.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from .._extras import have, needed
from .._files import FilePath, write_whole
from ..engine.checks import file_path, items, refuse, said, spec, text, whole, within
from ..engine.numbers import Number
from ..engine.value import Value
from ..formulas.colours import PAINTS, repainted, variables
from ..formulas.mathml import font_face
from ..nets.losses import error_by_name, half_squared_error
from .diagram import graph_picture
from .digraph import INDEXED
from .live import Live, written
from .script import written_once
from .svg import graph_svg

__all__ = ['Page', 'play']

#: The page's scripts, in the order in which they are joined.
SCRIPTS = {
    'net': ('numbers', 'random', 'graph', 'state', 'formulas', 'curves', 'network', 'teacher', 'notebook', 'bench'),
    'value': ('numbers', 'random', 'graph', 'state', 'formulas', 'curves', 'picture', 'notebook', 'bench'),
}
SUBSCRIPTS = str.maketrans('0123456789', '₀₁₂₃₄₅₆₇₈₉')
#: For how many characters a number of a value's graph has room, whatever it becomes.
ROOM = 10


class Page:
    """One HTML page that needs nothing else; ``html`` is its text. In a notebook it shows itself.

    There the page of a net is a ``widget``, if anywidget is installed (extra ``notebook``): the weights on it are
    the net's, both ways. Any other page is a frame of its own. In marimo the last line of a cell is ``page.widget``.
    """

    def __init__(self, text: str, net: Any = None, title: str = 'Forward, backward and update, live') -> None:
        self.html = text
        self.title = title
        self._net = net

    def save(self, path: FilePath) -> Path:
        """Write the page to a file, and return the file's path."""
        write_whole(file_path('path', path), self.html)
        return Path(path)

    @cached_property
    def widget(self) -> Any:  # a type of which checkers without anywidget know nothing
        """The page as a widget; ``page.widget.update()`` shows the weights that the net has at that time.

        Raises TypeError for the page of a value, and ModuleNotFoundError without anywidget.
        """
        if self._net is None:
            raise TypeError('only the page of a net is a widget; that of a value is a frame of its own')
        needed('anywidget', 'a page as a widget')
        from .widget import Widget

        return Widget(self._repr_html_(), self._net)

    def _repr_mimebundle_(self, *arguments: Any, **options: Any) -> Any:
        if self._net is None or not have('anywidget'):
            return None
        data, about = self.widget._repr_mimebundle_()
        return data | {'text/plain': repr(self)}, about

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{html.escape(self.title)}" sandbox="allow-scripts" loading="lazy" '
            f'style="width: 100%; height: 50rem; border: 0" srcdoc="{html.escape(self.html)}"></iframe>'
        )

    def __repr__(self) -> str:
        return f'<Page of {len(self.html.encode()) / 1000:.0f} kB; page.save(path) writes it>'


def play(
    thing: Any,
    x: Any = None,
    t: Any = None,
    *,
    weights: Mapping[Any, Sequence[Any]] | Iterable[Sequence[Any]] | None = None,
    error: str | Callable[[Any, Any], Any] = half_squared_error,
    learning_rate: Number = 0.1,
    mode: str | int = 'batch',
    heading: str | None = None,
    limit: int = 100,
    number_format: str = '.4g',
) -> Page:
    """Make a page that computes: ``play(net, teacher_set)``, ``play(net, x, t)``, or ``play(value)`` for any graph.

    Of a net it shows the teacher set, the net, the formula of what is chosen, and E over the updates. Weights,
    biases, inputs and targets can be dragged, typed or moved by the arrow keys, and all numbers follow; a slider
    goes through forward, backward and update, and the net learns as ``train`` teaches it. Of a value the leaves
    are sliders. Its own instructions are on it.

    weights: snapshots of a net while it learned, each a list of numbers in the order of ``net.parameters()``;
        they are the first points of E over the updates. A mapping gives each its name, otherwise they count from
        0. A ``History`` holds no weights; collect them in a callback, as below.
    error: takes the outputs and ``t``, as in ``train``. Of several samples E is the sum or the mean of theirs; an
        error that is neither is shown, and learned, one sample at a time.
    learning_rate: what the page begins with, as in ``train``.
    mode: likewise.
    heading: what stands above it; by default, what net it is.
    limit: of a value's graph with more nodes the page draws the surroundings of each step, and an overview.
    number_format: how many digits its numbers have, ``'.4g'`` or another number of them.

    A graph whose recording branched on a number, in an activation or inside ``recording()``, cannot be changed
    beyond that branch; one with a custom operation, which only Python knows, not at all. The page says so. Net
    and value are left as they were. The graph of a value is drawn by Graphviz, as by ``draw``.

    Raises TypeError for what is neither a Value nor a net, a net without samples, or
    snapshots that are no lists; ValueError for a row or snapshots that do not fit the net,
    and for graphs of more than 5,000 nodes.

    >>> from microgradnet import MLP, TeacherSet, train
    >>> net, snapshots = MLP(2, [2, 1], activation='tanh', seed=1), []
    >>> teacher_set = TeacherSet([[0.5, -1.0]], [1.0])
    >>> history = train(net, teacher_set, learning_rate=0.1, epochs=3,
    ...                 callback=lambda epoch: snapshots.append([p.data for p in net.parameters()]))
    >>> play(net, teacher_set, weights=snapshots).html[:15]
    '<!DOCTYPE html>'
    """
    error = error_by_name(error)
    whole('the limit of play', limit)
    film: dict[str, Any] = {'digits': _digits(number_format), 'mode': mode}
    within('the learning rate h', learning_rate, '0 < h <= 1', lambda h: 0 < h <= 1)
    if not isinstance(mode, str) or mode not in ('batch', 'online'):
        whole("mode, 'batch', 'online' or the size of mini-batches,", mode)
    film['h'] = written(learning_rate)
    heading = None if heading is None else text('heading', heading)
    if isinstance(thing, Value):
        if x is not None or t is not None or weights is not None:
            belong = 'these belong to a net, play(net, x, t)'
            raise TypeError(f'play(value) takes no x, t or weights beside {thing!r}: {belong}')
        live = Live.of_value(thing)
        picture, title = _graph(live, limit), 'A value, forward and backward'
        film |= {'kind': 'value'}
    elif hasattr(thing, 'parameters'):
        live = Live.of_net(thing, _samples(thing, x, t), error, x if t is None else None)
        picture, title = '', _cut(_named(thing))
        film |= {'kind': 'net', 'snapshots': _snapshots(thing, weights)}
    else:
        raise TypeError(f'play wants a Value, or a net and a sample, not {thing!r} ({type(thing).__name__})')
    scene = live.script.scene()
    # A target is given: what reaches it is a number, and no step.
    targets = {*live.graph.get('targets', ())}
    steps = live.script.steps()
    scene |= written_once([s for s in steps if s['stage'] != 'backward' or not targets >= {*s['nodes']}])
    return Page(_page(heading or title, picture, live, film | scene), None if isinstance(thing, Value) else thing)


def _named(net: Any) -> str:
    """Name a net by the sizes of its layers; anything else by its repr."""
    sizes = getattr(net, 'sizes', None)
    return f'A net of {"-".join(map(str, [net.inputs, *sizes]))}' if sizes else repr(net)


def _samples(net: Any, x: Any, t: Any) -> list[tuple[Any, Any]]:
    """List the samples: of a teacher set, or the one of a row and its target."""
    if t is None and hasattr(x, 'inputs') and hasattr(x, 'targets'):
        return [*zip(x.inputs, x.targets)]
    if x is None or t is None:
        raise TypeError(
            f'to play {net!r} takes a teacher set, play(net, teacher_set), or a sample, play(net, x, t): '
            f'x is {said(x)}, t is {said(t)}'
        )
    return [tuple([*part] if isinstance(part, Iterator) else part for part in (x, t))]  # type: ignore[list-item]


def _snapshots(net: Any, weights: Any) -> list[dict[str, Any]]:
    """Check snapshots of a net's weights, and write them with their names."""
    if weights is None:
        return []
    parameters = net.parameters()
    wanted = 'a list or a dictionary of snapshots'
    snapshots = weights if isinstance(weights, Mapping) else dict(enumerate(items('weights', weights, wanted)))
    for name, snapshot in snapshots.items():
        if not hasattr(snapshot, '__len__'):
            raise TypeError(f'weights {name!r} of play must be a list of numbers, one snapshot, not {said(snapshot)}')
        if len(snapshot) != len(parameters):
            raise ValueError(f'{net!r} has {len(parameters)} parameters; weights {name!r} are {len(snapshot)} numbers')
    if not snapshots:
        raise ValueError('weights has no snapshot to show; leave it out to show the net as it is')
    first = {p: k for k, p in reversed([*enumerate(parameters)])}  # a parameter that neurons share is one
    return [{'name': f'epoch {name}' if isinstance(name, int) else str(name),
             'theta': [written(Value(snapshot[k]).data) for k in sorted(first.values())]}
            for name, snapshot in snapshots.items()]  # fmt: skip


def _digits(number_format: str) -> int:
    """Read how many digits a format asks for."""
    spec('number_format', number_format)
    match = re.fullmatch(r'\.?(\d{1,2})g', number_format)
    if not match or not 1 <= int(match[1]) <= 17:
        refuse('number_format', "a number of digits for the page to write, '.1g' to '.17g'", number_format, ValueError)
    return int(match[1])


def _graph(live: Live, limit: int) -> str:
    """Draw the graph with the script's names, signals at every node that gets one, and room for other numbers.

    Of one with more nodes than the limit the page itself draws the surroundings of each step.
    """
    script = live.script
    if len(script.order) > limit:
        return f'<p class="note">{len(script.order)} operations and numbers: each with its neighbours</p>'
    # A name that is one letter and its index is set as such; those within y_{1} − t_{1} must be small digits.
    labels = {node: name if INDEXED.fullmatch(name) else re.sub(r'_\{(\d+)\}', _subscripted, name)
              for node, name in script.names.items()}  # fmt: skip
    sent = dict.fromkeys(script.order, type(script.root.data)(0))
    sent |= {node: script.events[arrived[-1]].total for node, arrived in script.formulas.arrivals.items()}
    picture = graph_picture([script.root], labels=labels, signals=sent, limit=None, room=lambda *_: ROOM)
    return graph_svg(picture, script.order, script.events)


def _subscripted(match: re.Match[str]) -> str:
    return match[1].translate(SUBSCRIPTS)


def lean(line: str) -> str:
    """Leave out the blanks beside the signs of a line; of one with a template, a quotient or a pattern, none.

    >>> lean("const a = (b, c) => d ? 'e = f' : b - c;")
    "const a=(b,c)=>d?'e = f':b - c;"
    """
    if re.search('[`/"]', line):
        return line
    parts = re.split(r"('(?:[^'\\]|\\.)*')", line)
    parts[::2] = [re.sub(r' ?([{}()\[\];,:?=<>*&|!]+) ?', r'\1', part) for part in parts[::2]]
    return ''.join(parts)


def script_of(live: Live, names: Sequence[str]) -> str:
    """Join the page's scripts, after the rows that they compute with."""
    folder = files(__package__) / 'page'
    own = [(folder / f'{name}.js').read_text(encoding='utf-8').removeprefix("'use strict';\n") for name in names]
    # Without remarks and indentation, for a page is sent to people; no text of the scripts goes over a line's end.
    text = re.sub(r'^(\s*//.*\n|[ \n]+)|  // .*$', '', ''.join([live.code, *own]), flags=re.MULTILINE)
    return "'use strict';\n{\n" + '\n'.join(map(lean, text.split('\n'))) + '}\n'


def lean_style(style: str) -> str:
    """Leave out the remarks of a style sheet, and the blanks beside its signs.

    >>> lean_style('/* Lines. */\\na :is(b, i) { margin: 0 1px; }\\n')
    'a :is(b,i){margin:0 1px}'
    """
    style = re.sub(r'(?s)/\*.*?\*/', '', style)
    return re.sub(r'\s*([{};,])\s*|(:) ', r'\1\2', style).replace(';}', '}').strip()


def _page(title: str, picture: str, live: Live, film: dict[str, Any]) -> str:
    folder = files(__package__) / 'page'
    script, is_net = script_of(live, SCRIPTS[film['kind']]), film['kind'] == 'net'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = (folder / f'{"network" if is_net else "picture"}.css').read_text(encoding='utf-8')
    style = (folder / 'bench.css').read_text(encoding='utf-8').replace('{{own}}', own)
    parts = {
        'title': html.escape(title),
        'digest': f'sha256-{digest}',
        'style': lean_style(_filled(style, {
            'palette': variables(), 'repainted': repainted('.value svg', PAINTS, 'var(--{})'.format),
            'font': font_face('bench'),
        })),
        'script': script,
        'kind': film['kind'],
        'given': 'Teacher set' if is_net else 'Leaves',
        'middle': 'Network' if is_net else 'Graph of operations',
        'scrolls': '' if is_net else 'class="scrolls" tabindex="0"',
        'picture': picture,
        'film': _json(film | {'graph': live.graph | {'names': film['names']}}),
    }  # fmt: skip
    return _filled((folder / 'bench.html').read_text(encoding='utf-8'), parts)


def _filled(template: str, parts: Mapping[str, str]) -> str:
    return re.sub(r'\{\{(\w+)\}\}', lambda match: parts[match[1]], template)


def _cut(words: str, longest: int = 120) -> str:
    return words if len(words) <= longest else f'{words[: longest - 1]}…'


def _json(film: Any) -> str:
    """Write JSON that no script element ends in and no line of it breaks: ASCII, without < > &."""
    written_out = json.dumps(film, separators=(',', ':'))
    return written_out.replace('&', r'\u0026').replace('<', r'\u003c').replace('>', r'\u003e')
