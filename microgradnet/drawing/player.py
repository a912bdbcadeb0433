"""A page that plays a forward and a backward run step by step: in a browser, in a notebook, without a network.

Numbers are those of the recorded graph and of the log of one real backward; the page's
script shows them and computes none.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

from .._files import FilePath, write_whole
from ..engine.checks import file_path, items, said, spec, whole
from ..engine.value import Value, signals
from ..engine.walks import topological_order
from ..formulas.colours import PAINTS, repainted, variables
from ..nets.losses import error_by_name, half_squared_error
from .digraph import INDEXED, Digraph
from .graph import graph_picture
from .messages import messages
from .network import network_picture
from .script import Room, Script
from .svg import BETWEEN, BIAS, graph_svg, network_svg

__all__ = ['Page', 'play']

#: Of a larger graph a page would have more steps than anyone takes.
LARGEST = 5000
SUBSCRIPTS = str.maketrans('0123456789', '₀₁₂₃₄₅₆₇₈₉')


class Page:
    """One HTML page that needs nothing else; ``html`` is its text. In a notebook it shows itself."""

    def __init__(self, text: str) -> None:
        self.html = text

    def save(self, path: FilePath) -> Path:
        """Write the page to a file, and return the file's path."""
        write_whole(file_path('path', path), self.html)
        return Path(path)

    def _repr_html_(self) -> str:
        return (
            '<iframe title="Forward and backward, step by step" sandbox="allow-scripts" loading="lazy" '
            f'style="width: 100%; height: 46rem; border: 0" srcdoc="{html.escape(self.html)}"></iframe>'
        )

    def __repr__(self) -> str:
        return f'<Page of {len(self.html.encode()) / 1000:.0f} kB; page.save(path) writes it>'


def play(
    thing: Any,
    x: Iterable[Any] | None = None,
    t: Any = None,
    *,
    weights: Mapping[Any, Sequence[Any]] | Iterable[Sequence[Any]] | None = None,
    error: str | Callable[[Any, Any], Any] = half_squared_error,
    limit: int = 100,
    number_format: str = '.4g',
) -> Page:
    """Make a page that plays a run step by step: ``play(net, x, t)``, or ``play(value)`` for any graph.

    It shows the network and the graph of every operation, a step for each operation
    forward and for each event (for a net: each message between neurons) backward, and
    the step's formula with its numbers. Its own instructions are on it.

    ``weights`` are snapshots of a net while it learned, each a list of numbers in the
    order of ``net.parameters()``; the page then has a second slider, through the
    epochs. A mapping gives each snapshot its name, otherwise they count from 0. A
    ``History`` holds no weights; collect them in a callback, as below. ``error`` takes
    the outputs and ``t``, as in ``train``. Of a graph with more than ``limit`` nodes
    the picture shows those nearest to the result. Net and value are left as they were.

    Raises TypeError for what is neither a Value nor a net, a net without its sample, or
    snapshots that are no lists; ValueError for a row or snapshots that do not fit the net,
    and for graphs of more than 5,000 nodes.

    >>> from microgradnet import MLP, TeacherSet, train
    >>> net, snapshots = MLP(2, [2, 1], activation='tanh', seed=1), []
    >>> teacher_set = TeacherSet([[0.5, -1.0]], [1.0])
    >>> history = train(net, teacher_set, learning_rate=0.1, epochs=3,
    ...                 callback=lambda epoch: snapshots.append([p.data for p in net.parameters()]))
    >>> play(net, [0.5, -1.0], 1.0, weights=snapshots).html[:15]
    '<!DOCTYPE html>'
    """
    error = error_by_name(error)
    whole('the limit of play', limit)
    spec('number_format', number_format)
    if isinstance(thing, Value):
        if x is not None or t is not None or weights is not None:
            belong = 'these belong to a net, play(net, x, t)'
            raise TypeError(f'play(value) takes no x, t or weights beside {thing!r}: {belong}')
        runs, title = _recorded(thing), 'A value, forward and backward'
    elif hasattr(thing, 'parameters'):
        if x is None or t is None:
            raise TypeError(f'to play {thing!r} takes a sample, play(net, x, t): x is {said(x)}, t is {said(t)}')
        x, t = ([*part] if isinstance(part, Iterator) else part for part in (x, t))  # each epoch takes them anew
        runs, title = _runs(thing, x, t, weights, error), _cut(repr(thing))
    else:
        raise TypeError(f'play wants a Value, or a net and a sample, not {thing!r} ({type(thing).__name__})')
    scenes: list[dict[str, Any]] = []
    scripts, networks, epochs = list[Script](), list[Digraph](), list[dict[str, Any]]()
    with closing(runs):
        for name, script in runs:
            scene = script.scene()
            if scene not in scenes:
                scenes.append(scene)
                scripts.append(script)
                if script.film is not None:  # now, while the net has the weights of this epoch
                    networks.append(network_picture(thing, between=BETWEEN, room=BIAS))
            epochs.append({'name': name, 'scene': scenes.index(scene), **script.numbers(number_format)})
    graphs, drawn = list[str](), list[str]()
    for k, script in enumerate(scripts):
        room = Room(script.scene()['events'], [epoch for epoch in epochs if epoch['scene'] == k])
        graphs.append(_graph(script, limit, number_format, room))
        if script.film is not None:
            drawn.append(network_svg(networks[k], script.place, script.film, room))
    return Page(_page(title, drawn, graphs, {'scenes': scenes, 'epochs': epochs}))


def _recorded(value: Value) -> Generator[tuple[str, Script], None, None]:
    """Send signals back from a value, and keep the log."""
    _of_moderate_size(value)
    log: list[Any] = []
    signals(value, log=log)
    yield '', Script(value, log)


def _runs(
    net: Any, x: Iterable[Any], t: Any, weights: Any, error: Callable[[Any, Any], Any]
) -> Generator[tuple[str, Script], None, None]:
    """Run a net on one sample, with each snapshot of its weights in turn, and leave it as it was."""
    parameters = net.parameters()
    snapshots = weights if isinstance(weights, Mapping) else dict(
        enumerate(() if weights is None else items('weights', weights, 'a list or a dictionary of snapshots'))
    )
    for name, snapshot in snapshots.items():
        if not hasattr(snapshot, '__len__'):
            raise TypeError(f'weights {name!r} of play must be a list of numbers, one snapshot, not {said(snapshot)}')
        if len(snapshot) != len(parameters):
            raise ValueError(f'{net!r} has {len(parameters)} parameters; weights {name!r} are {len(snapshot)} numbers')
    if weights is not None and not snapshots:
        raise ValueError('weights has no snapshot to show; leave it out to show the net as it is')
    before = [p.data for p in parameters]
    try:
        for name, snapshot in (snapshots or {'': before}).items():
            for p, data in zip(parameters, snapshot):
                p.data = Value(data).data
            film = messages(net, x, t, error)
            _of_moderate_size(film.error)
            yield str(name), Script(film.error, film.events, film)
    finally:
        for p, data in zip(parameters, before):
            p.data = data


def _of_moderate_size(root: Value) -> None:
    size = len(topological_order(root))
    if size > LARGEST:
        raise ValueError(
            f'play shows every step of a graph, up to {LARGEST} nodes; this one has {size}. '
            'Of a larger net draw_error_signal(net, x, t) shows the way of the error signal, summarised'
        )


def _graph(script: Script, limit: int, spec: str, room: Room) -> str:
    """Draw the graph with the script's names, and signals at every node that gets one."""
    # A name that is one letter and its index is set as such; those within y_{1} − t_{1} must be small digits.
    labels = {node: name if INDEXED.fullmatch(name) else re.sub(r'_\{(\d+)\}', _subscripted, name)
              for node, name in script.names.items()}  # fmt: skip
    sent = dict.fromkeys(script.order, type(script.root.data)(0))
    sent |= {node: script.events[arrived[-1]].total for node, arrived in script.formulas.arrivals.items()}
    widths = room.of(script.order, script.events)
    picture = graph_picture([script.root], labels=labels, signals=sent, limit=limit, number_format=spec, room=widths)
    missing, all_nodes = picture.left_out, len(script.order)
    note = (
        f'<p class="note">The {all_nodes - missing} of {all_nodes} nodes nearest to the result'
        '<span hidden>; those of this step are not among them</span>.</p>'
    )
    return note * bool(missing) + graph_svg(picture, script.order, script.events)


def _subscripted(match: re.Match[str]) -> str:
    return match[1].translate(SUBSCRIPTS)


def _page(title: str, networks: Sequence[str], graphs: Sequence[str], film: dict[str, Any]) -> str:
    folder = files(__package__) / 'page'
    script = (folder / 'player.js').read_text(encoding='utf-8')
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        'title': html.escape(title),
        'digest': f'sha256-{digest}',
        'style': _filled((folder / 'player.css').read_text(encoding='utf-8'), {
            'palette': variables(), 'repainted': repainted('svg', PAINTS, 'var(--{})'.format),
        }),
        'script': script,
        'kind': 'net' if networks else 'value',
        'networks': _scenes(networks),
        'graphs': _scenes(graphs),
        'film': _json(film),
    }
    return _filled((folder / 'player.html').read_text(encoding='utf-8'), parts)


def _filled(template: str, parts: Mapping[str, str]) -> str:
    return re.sub(r'\{\{(\w+)\}\}', lambda match: parts[match[1]], template)


def _cut(text: str, longest: int = 120) -> str:
    return text if len(text) <= longest else f'{text[: longest - 1]}…'


def _scenes(pictures: Iterable[str]) -> str:
    """One of these is shown at a time, by the page's script."""
    return ''.join(f'<div class="scene"{" hidden" * (k > 0)}>{svg}</div>' for k, svg in enumerate(pictures))


def _json(film: Any) -> str:
    """Write JSON that no script element ends in and no line of it breaks: ASCII, without < > &."""
    text = json.dumps(film, separators=(',', ':'))
    return text.replace('&', r'\u0026').replace('<', r'\u003c').replace('>', r'\u003e')
