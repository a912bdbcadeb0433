"""The picture of a folded graph: each operation once, in plates that say how often, and what goes around in them.

A plate is a loop: "x 999" stands for as many turns of what is in it. A box is all the nodes that were recorded
there; its tooltip names them. A yellow box outside of a plate is there once, for all turns; inside, once for each.
What a turn hands to the next comes back as an arc to a dashed box at the plate's left edge, in which sparklines show
the number from turn to turn, and, in the colour of the error signal, its signal.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf, isfinite, log10, prod
from operator import attrgetter
from typing import Any, NamedTuple

from ..engine.numbers import as_float
from ..engine.value import Constant, Value
from ..formulas.colours import (
    FAINT,
    INK,
    INPUT,
    LEAF,
    LEAF_LINE,
    MARK,
    OPERATION,
    OPERATION_LINE,
    PALE,
    PAPER,
    SIGNAL,
)  # fmt: skip
from ..formulas.names import known_names
from ..formulas.of_graph import applied
from ..formulas.terms import Function, Name, Number, Symbol, Term
from ..formulas.text import text
from . import diagram
from .diagram import BARE, COMMUTATIVE, EMPTY, MARKED, as_room, as_row, as_table, symbol, words
from .digraph import (
    FONT,
    SMALLEST,
    Digraph,
    in_full,
    markup,
    name_markup,
    number,
    number_markup,
    plain,
    short,
    width_of,
)
from .plates import Folded, Item, Plate, Site, Source, folded_graph

__all__ = ['folded_picture']

#: How it looks where it does not look as a graph that is not folded: smaller.
GRAPH = diagram.GRAPH | {
    'ranksep': '0.22', 'nodesep': '0.14', 'tooltip': 'computation graph, folded', 'compound': 'true',
}  # fmt: skip
NODE = diagram.NODE | {'fillcolor': PAPER, 'margin': '0.04,0.02', 'width': '0.2', 'fontsize': '10'}
EDGE = diagram.EDGE | {'fontsize': '9'}
PLATE = {
    'style': 'rounded', 'color': OPERATION_LINE, 'penwidth': '1.3', 'margin': '8', 'labelloc': 't', 'labeljust': 'r',
    'fontname': FONT, 'fontsize': '12', 'fontcolor': OPERATION_LINE,
}  # fmt: skip
SMALL = f'{SMALLEST:g}'
#: A sparkline has so many bars, so wide, and is so high.
BARS, THICK, HIGH = 40, 2, 18
#: Numbers whose sizes are further apart than this are compared by their logarithms.
FAR = 1e3
#: A graph of fewer nodes is not folded if nobody asks, and a picture has at most so many boxes.
FEW, MOST = 40, 150
#: A picture may be so wide, in points, 1,600 pixels, and boxes are so far apart, about.
WIDE, GAP = 1140.0, 32.0
#: However many operations a box may tell.
ALL = 12
#: A formula may be so long, about, and local derivatives are looked at in so many turns.
LONG, SOME = 34, 50
TAG = re.compile('<[^>]*>')
LINE_END = re.compile('</tr>|<br[^>]*>')
LETTERS = 'abcdefghijklmnopqrstuvwxyz'
ARC = {
    'color': OPERATION_LINE, 'penwidth': '1.8', 'arrowsize': '0.7', 'tooltip': 'handed on to the next turn',
}  # fmt: skip
#: Of longer lists the tooltip names only the first and the last nodes.
NAMED = 6
_born = attrgetter('born')


def folded_picture(
    roots: Sequence[Value],
    labels: Mapping[Value, str] = EMPTY,
    marked: Collection[Value] = (),
    signals: Mapping[Value, Any] | None = None,
    limit: int | None = None,
    number_format: str = '.4g',
    much: bool = True,
) -> Digraph | None:
    """Draw a graph as ``draw`` does, folded; None where it has no loop, or, if ``much``, that would not save much.

    Where it would be too wide, what is used once stands in the formula of what uses it: functions first, then all;
    then a range is written in two digits, and in two lines. The tooltips have the numbers in full.
    """
    if any(root.op is None for root in roots):
        return None
    folded = folded_graph(roots)
    nodes = len(folded.order) + sum(map(len, folded.leaves))
    if len(folded.sites) == len(folded.order) or (much and nodes < FEW) or len(folded.sites) > MOST:
        return None
    leaves = [leaf for kind in folded.leaves for leaf in kind if isinstance(leaf, Value)]
    labels = known_names(leaves) | dict(labels)
    facts = _Facts(folded, roots, labels, marked, signals)
    short = '.2g' if number_format == '.4g' else number_format
    for told, spec, stacked in [(1, number_format, False), (2, number_format, False), (ALL, number_format, False),
                                (ALL, short, False), (ALL, short, True)]:  # fmt: skip
        picture = _Picture(facts, spec, told, stacked)
        if picture.width() <= WIDE:
            break
    boxes = len(picture.nodes)
    if boxes > MOST or (limit is not None and boxes > limit) or (much and 2 * boxes > nodes):
        return None
    result = picture.finished()
    result.words = partial(words, roots, labels, signals, limit, number_format)
    return result


class _Numbers(NamedTuple):
    """The data of nodes, the error signals of those that have one, and the range of each, if there are any."""

    nodes: Sequence[Any]
    data: list[Any]
    sent: list[Any]
    ranges: list[_Range]


class _Facts:
    """What is to be told of a folded graph, however it is drawn."""

    def __init__(
        self,
        folded: Folded,
        roots: Collection[Value],
        labels: Mapping[Value, str],
        marked: Collection[Value],
        signals: Mapping[Value, Any] | None,
    ) -> None:
        self.folded, self.labels, self.signals = folded, labels, signals
        self.roots, self.marked = self._sites_of(roots), self._sites_of(marked)
        self.marked_leaves = {id(node) for node in marked}
        self.sources = {(site, position): folded.sources(site, position)
                        for site in folded.sites for position in range(len(site.operands))}  # fmt: skip
        self.nodes = {site: folded.nodes(site) for site in folded.sites}
        #: Where each site is used, as which operand.
        self.users: dict[Site, list[tuple[Site, int]]] = {}
        for use, sources in self.sources.items():
            for source in sources:
                if source.site is not None:
                    self.users.setdefault(source.site, []).append(use)
        self._known: dict[int, _Numbers] = {}
        self._lines: dict[tuple[Site, int], list[str]] = {}
        #: The number that an operand is at every turn, None if it is none.
        self.constants = {use: _constant(source) for use, [source, *_] in self.sources.items()}

    def _sites_of(self, nodes: Iterable[Value]) -> dict[Site, list[tuple[int, ...]]]:
        """Return the sites of some nodes, each with the turns of these."""
        found: dict[Site, list[tuple[int, ...]]] = {}
        for place in sorted(place for node in nodes if (place := self._place(node)) is not None):
            site, turns = self.folded.site_of(place)
            found.setdefault(site, []).append(turns)
        return found

    def _place(self, node: Any) -> int | None:
        """Return where a node is in the order, in which nodes were recorded; None for leaves, numbers and others."""
        order = self.folded.order
        place = bisect_left(order, node.born, key=_born) if isinstance(node, Value) else len(order)
        return place if place < len(order) and order[place] is node else None

    def title(self, nodes: Sequence[Any]) -> str:
        """What nodes are called: by their label, or their first and their last."""
        ends = [self.label(nodes[0]), self.label(nodes[-1])] if nodes else []
        return ' … '.join(dict.fromkeys(filter(None, ends)))

    def label(self, node: Any) -> str:
        return str(self.labels.get(node, node.label)) if isinstance(node, Value) else ''

    def numbers(self, nodes: Sequence[Any]) -> _Numbers:
        """List the data of nodes, and the error signals of those that have one, and say in which ranges they are."""
        key = id(nodes)
        if key not in self._known:
            plain = isinstance(nodes[0], Constant) or not isinstance(nodes[0], Value)
            sent = [] if plain else [signal for node in nodes if (signal := self._signal(node)) is not None]
            numbers = [*map(_data, nodes)], sent
            # With the nodes, so that no others are where they are as long as this is kept.
            self._known[key] = _Numbers(nodes, *numbers, [_Range.of(each) for each in numbers if each])
        return self._known[key]

    def lines(self, site: Site, within: int) -> list[str]:
        """Draw sparklines of the numbers of a site, of which so many are of one turn."""
        use = site, within
        if use not in self._lines:
            numbers = self.numbers(self.nodes[site])
            kinds = (numbers.data, INPUT), (numbers.sent, SIGNAL)
            self._lines[use] = [_sparkline(_by_turns(each, within), colour) for each, colour in kinds if each]
        return self._lines[use]

    def _signal(self, node: Value) -> Any:
        return node.grad if self.signals is None else self.signals.get(node)

    def told(self, nodes: Sequence[Any]) -> str:
        """What a tooltip says of nodes: which they are, and their numbers."""
        which, (data, *sent) = '', self.numbers(nodes).ranges
        if len(nodes) > 1:
            named = [self._name(node) for node in (*nodes[:NAMED], nodes[-1])]
            which = f'{len(nodes)} nodes, {", ".join(filter(None, named[:-1]))} … {named[-1]}; '
        return f'{which}data = {data.written(in_full)}' + ''.join(f', grad = {each.written(in_full)}' for each in sent)

    def _name(self, node: Any) -> str:
        place = self._place(node)
        return short(self.label(node)) or ('' if place is None else f'#{place + 1}')


@dataclass
class _Edge:
    """What goes from one box to another: along which operands, how it is said, from which turns."""

    operands: list[tuple[Site, int]] = field(default_factory=list)
    words: str = ''
    turns: set[tuple[int, ...]] = field(default_factory=set)
    source: Source | None = None


class _Picture:
    """A picture while it is being drawn.

    ``told`` is how many operations a box may tell, 2 if one is a function's; ``spec`` how ranges are written,
    ``stacked`` whether their ends stand in a line each.
    """

    def __init__(self, facts: _Facts, spec: str, told: int, stacked: bool = False) -> None:
        self.facts, self.spec, self.stacked = facts, spec, stacked
        sites = facts.folded.sites
        self.names = {site: f'v{number}' for number, site in enumerate(sites)}
        #: The boxes of each plate, None for outside, in their order: names and looks.
        self.boxes: dict[Plate | None, list[tuple[str, dict[str, str]]]] = {}
        self.edges: dict[tuple[Any, ...], _Edge] = {}
        self.leaves: dict[tuple[Any, ...], str] = {}
        self.carries: dict[tuple[Site, Plate, int], str] = {}
        self.titles: dict[str, str] = {}
        self.arcs: list[tuple[str, str]] = []
        #: The nodes of each box.
        self.nodes: dict[str, Sequence[Value]] = {}
        #: The site in whose formula another one stands.
        self.into = self._chosen(told)
        members: dict[Site, list[Site]] = {}
        for site in sites:
            members.setdefault(self._home(site), []).append(site)
        for site in sites:
            if site in members:
                self._add(site, members[site])

    def _chosen(self, told: int) -> dict[Site, Site]:
        """Choose the sites that stand in the formula of the only one that uses them."""
        facts, into = self.facts, dict[Site, Site]()
        counts = dict.fromkeys(facts.folded.sites, 1)
        lengths = {site: 3 * len(site.operands) + len(site.op.name) * (not site.op.sign) for site in counts}
        for site in counts:
            users = facts.users.get(site, ())
            if len(users) != 1 or site.op.name == 'where' or site in facts.roots or site in facts.marked:
                continue
            [(user, _)] = users
            one, count, length = len(user.operands) == 1, counts[site] + counts[user], lengths[site] + lengths[user]
            if site.op.vectors:
                length = len(self._sum(site)) + lengths[user]
            fits = count <= told and length <= LONG and (one or told > 2)
            if user.path != site.path or user.op.vectors or not fits or facts.title(facts.nodes[site]):
                continue
            if site.op.vectors and (not one or user.op.sign):  # its sum would stand without brackets
                continue
            into[site], counts[user], lengths[user] = user, count, length
        return into

    def _home(self, site: Site) -> Site:
        while site in self.into:
            site = self.into[site]
        return site

    def width(self) -> float:
        """How wide the picture will be, about, in points: the longest way through it."""
        widths = {name: _width(look['label']) for boxes in self.boxes.values() for name, look in boxes}
        heads: dict[str, list[str]] = {name: [] for name in widths}
        for tail, head, *_ in self.edges:
            heads[tail].append(head)
        reach: dict[str, float] = {}
        stack = [*widths]
        while stack:
            name = stack[-1]
            missing = [head for head in heads[name] if head not in reach]
            if name not in reach and missing:
                stack += missing
                continue
            stack.pop()
            reach[name] = widths[name] + max((reach[head] + GAP for head in heads[name]), default=0.0)
        return max(reach.values())

    def finished(self) -> Digraph:
        """Return the picture."""
        picture = Digraph('graph', format='svg', graph_attr=GRAPH, node_attr=NODE, edge_attr=EDGE)
        self._fill(picture, self.facts.folded.body, None, 'cluster')
        for (tail, head, way, *_), edge in self.edges.items():
            picture.edge(tail, head, **self._edge(edge, way, head))
        for tail, head in self.arcs:
            # As an edge to the right that points back, Graphviz leads it around the boxes between.
            picture.edge(head, tail, dir='back', **ARC)
        picture.boxes = self.nodes
        return picture

    def _fill(self, picture: Digraph, body: Sequence[Item], plate: Plate | None, name: str) -> None:
        """Add the boxes of a body, plates within it as clusters."""
        for box, look in self.boxes.get(plate, ()):
            picture.node(box, **look)
        for place, item in enumerate(body):
            if isinstance(item, Plate):
                with picture.subgraph(name=f'{name}_{place}') as inner:
                    inner.attr(label=f'× {item.times}', tooltip=f'{item.times} turns', **PLATE)
                    self._fill(inner, item.body, item, f'{name}_{place}')

    def _put(self, plate: Plate | None, name: str, look: dict[str, str], nodes: Sequence[Any]) -> None:
        self.boxes.setdefault(plate, []).append((name, look))
        self.nodes[name] = nodes if isinstance(nodes[0], Value) else []

    def _add(self, home: Site, sites: Sequence[Site]) -> None:
        """Add the box of a site, with those that stand in its formula, and what leads to it."""
        name, facts = self.names[home], self.facts
        terms, letters = dict[Site, Term](), dict[tuple[Any, ...], str]()
        is_formula = len(sites) > 1 or (not home.op.vectors and any(
            facts.constants[home, position] is not None for position in range(len(home.operands))
        ))  # fmt: skip
        for site in sites:
            operands: list[Term] = []
            for parameter, positions in zip(site.op.parameters, site.op.split(range(len(site.operands)))):
                if site.op.vectors:
                    for group in self._groups(site, positions if parameter in site.op.vectors else [positions]):
                        if parameter in site.op.vectors or facts.constants[site, group[0]] is None:
                            self._lead(name, site, group, '' if is_formula else parameter)
                    continue
                source, constant = self.sources(site, positions)[0], facts.constants[site, positions]
                if source.site in terms and source.site in self.into:
                    operands.append(terms[source.site])
                elif constant is not None:
                    operands.append(Number(constant))
                else:
                    key = self._lead(name, site, [positions], '' if is_formula else parameter, source.turns)
                    known = self.titles.get(key[0], '')
                    free = (letter for letter in LETTERS if letter not in letters.values())
                    alone = known.isidentifier() and known not in letters.values()
                    letters.setdefault(key, known if alone else next(free))
                    operands.append(Symbol(Name(letters[key]), (0.0,)))
            terms[site] = Symbol(Name(self._sum(site)), (0.0,)) if site.op.vectors else applied(site.op, operands)
        header = self._sum(home) if home.op.vectors else symbol(home.op)
        if is_formula and isinstance(terms[home], Symbol):  # it leaves its number as it is, as a - 0 does
            header = text(Function(home.op, tuple(operands)))
        elif is_formula:
            header = text(terms[home])
            for key, letter in letters.items():
                self.edges[key].words = letter if letter != self.titles.get(key[0]) and len(letters) > 1 else ''
        document = ', '.join(dict.fromkeys(f'{site.op.name}: {site.op.document}' for site in sites))
        look = self._box(facts.nodes[home], header, document, OPERATION, OPERATION_LINE, home)
        if home in facts.roots:
            look |= {'color': INK, 'penwidth': '2'}
        if not facts.marked.keys().isdisjoint(sites):
            look |= MARKED
        self._put(home.path[-1] if home.path else None, name, look, facts.nodes[home])

    def _groups(self, site: Site, positions: Sequence[int]) -> Iterable[list[int]]:
        """Put together the operands of a vector that come from one place."""
        found: dict[tuple[Any, ...], list[int]] = {}
        for position in positions:
            source = self.sources(site, position)[0]
            found.setdefault((_way(source), source.depth, source.site, source.ago), []).append(position)
        return found.values()

    def sources(self, site: Site, position: int) -> Sequence[Source]:
        return self.facts.sources[site, position]

    def _sum(self, site: Site) -> str:
        """Write an operation over vectors; a dot with its bias where that is a number."""
        bias = self.facts.constants[site, len(site.operands) - 1] if site.op.name == 'dot' else None
        if bias is None:
            return symbol(site.op)
        return 'Σ w·x' if bias == 0 else f'Σ w·x + {number(bias, self.spec)}'

    def _lead(
        self, head: str, site: Site, positions: Sequence[int], parameter: str, turns: tuple[int, ...] = ()
    ) -> tuple[Any, ...]:
        """Lead some operands to a box, by one edge from each, and if told, from each of their turns; return its key."""
        source, *begins = self.sources(site, positions[0])
        tail = self._tail(site, positions, 0)
        named = parameter if len(site.op.scalars) > 1 and site.op.name not in COMMUTATIVE else ''
        key = tail, head, _way(source), named, turns
        edge = self.edges.setdefault(key, _Edge(words=named, source=source))
        edge.operands += [(site, position) for position in positions]
        edge.turns |= {self.sources(site, position)[0].turns for position in positions}
        entry = tail
        for place in range(1, len(begins) + 1):
            start = self._tail(site, positions, place)
            self.edges.setdefault((start, entry, 'first'), _Edge())
            entry = start
        return key

    def _tail(self, site: Site, positions: Sequence[int], place: int) -> str:
        """Return the box that some operands come from, by their source at a place, those where it begins behind it."""
        several = [self.sources(site, position) for position in positions]
        source, begin = several[0][place], several[0][-1]
        if source.way == 'leaf':
            leaves = [leaf for found in several if place < len(found) for leaf in found[place].leaves]
            return self._leaf(site, leaves, source.depth)
        assert source.site is not None
        if source.way not in ('carried', 'earlier'):
            return self.names[self._home(source.site)]
        first = [leaf for found in several for leaf in found[-1].leaves] if begin.way == 'leaf' else []
        plate = source.site.path[source.depth - 1]
        return self._carry(source.site, plate, source.ago, self.facts.title(first))

    def _leaf(self, site: Site, leaves: Sequence[Any], depth: int) -> str:
        unique = [*{id(leaf): leaf for leaf in leaves}.values()]
        key = (depth and site.path[depth - 1], *sorted(map(id, unique)))
        if key not in self.leaves:
            self.leaves[key] = name = f'leaf{len(self.leaves)}'
            self.titles[name] = self.facts.title(unique)
            look = self._box(unique, '', 'leaf' if len(unique) == 1 else f'{len(unique)} leaves', LEAF, LEAF_LINE)
            if not self.facts.marked_leaves.isdisjoint(map(id, unique)):
                look |= MARKED
            self._put(site.path[depth - 1] if depth else None, name, look, unique)
        return self.leaves[key]

    def _carry(self, site: Site, plate: Plate, ago: int, begin: str) -> str:
        """Return the box at the left edge of a plate of what its turns hand on."""
        key = site, plate, ago
        if key not in self.carries:
            self.carries[key] = name = f'carry{len(self.carries)}'
            nodes = self.facts.nodes[site]
            title = self.facts.title(nodes) or begin
            self.titles[name] = title
            rows = [f'<tr><td><b>{_titled(title)}</b></td></tr>'] if title else []
            if ago > 1:
                rows.append(f'<tr><td><font point-size="{SMALL}" color="{FAINT}">{ago} turns before</font></td></tr>')
            within = prod(inner.times for inner in site.path[len(plate.path) + 1 :])
            rows += self.facts.lines(site, within)
            what = 'from the turn before' if ago == 1 else f'from {ago} turns before'
            look = {'style': 'rounded,filled,dashed', 'color': OPERATION_LINE, 'label': as_table(rows),
                    'tooltip': plain(f'{title} {what}: {self.facts.told(nodes)}'.strip())}  # fmt: skip
            self._put(plate, name, look, nodes)
            self.arcs.append((self.names[self._home(site)], name))
        return self.carries[key]

    def _edge(self, edge: _Edge, way: str, head: str) -> dict[str, str]:
        """How an edge looks."""
        if way == 'first':
            return {'tooltip': 'in the first turn'}
        partials = [partial for site, position in edge.operands for partial in self._partials(site, position)]
        words = [f'<font color="{FAINT}"><i>{edge.words}</i></font>'] if edge.words else []
        if edge.source is not None and way in ('turn', 'each'):
            words.append(f'<font color="{FAINT}">{self._which(edge, edge.source)}</font>')
        look = {'style': 'dashed', 'color': PALE, 'tooltip': 'no signal travels'}
        if partials:
            ends = _Range.of(partials)
            if ends.least == ends.largest and all(self.names[site] == head for site, _ in edge.operands):
                words.append(number_markup(ends.least, self.spec))
            said = f'local derivative {ends.written(in_full)}'
            look = {'tooltip': said, 'labeltooltip': said}
        if self._is_marked(edge):
            look |= MARKED
        return look | ({'label': f'<{" ".join(words)}>'} if words else {})

    def _is_marked(self, edge: _Edge) -> bool:
        facts, source = self.facts, edge.source
        if source is None or facts.marked.keys().isdisjoint(site for site, _ in edge.operands):
            return False
        return source.site in facts.marked or not facts.marked_leaves.isdisjoint(map(id, source.leaves))

    def _partials(self, site: Site, position: int) -> Iterable[Any]:
        """Yield local derivatives along which a signal travels, of many turns some."""
        nodes = self.facts.nodes[site]
        for node in nodes[:: max(1, len(nodes) // SOME)]:
            if node.partials[position] is not None and not isinstance(node.inputs[position], Constant):
                yield node.partials[position]

    @staticmethod
    def _which(edge: _Edge, source: Source) -> str:
        """Say which turns of a finished plate an operand comes from."""
        assert source.site is not None
        times, words = [plate.times for plate in source.site.path[source.depth :]], []
        levels = [{*level} for level in zip(*edge.turns)]
        if prod(map(len, levels)) != len(edge.turns):
            return f'{len(edge.turns)} of {prod(times)}'
        for count, level in zip(times, levels):
            word = f'all {count}' if len(level) == count else f'{len(level)} of {count}'
            if len(level) == 1:
                word = 'each' if level == {-1} else 'last' if level == {count - 1} else f'turn {min(level) + 1}'
            words.append(word)
        return ', '.join(words[:1] if {*words} == {'last'} else words)

    def _box(
        self, nodes: Sequence[Any], header: str, tooltip: str, colour: str, line: str, site: Site | None = None
    ) -> dict[str, str]:
        title = self.facts.title(nodes)
        head = [f'<font color="{INK}">{markup(header).replace("-", "−")}</font>'] if header else []
        if title:
            head.append(f'<b>{_titled(title)}</b>')
        if len(nodes) > 1 and colour == LEAF:
            head.append(f'<font point-size="{SMALL}" color="{FAINT}">{len(nodes)}</font>')
        rows = [f'<tr><td colspan="2">{" ".join(head)}</td></tr>'] if head else []
        if turns := self.facts.marked.get(site) if site is not None and site.path else None:
            ends = dict.fromkeys('.'.join(str(turn + 1) for turn in end) for end in (turns[0], turns[-1]))
            words = f'marked in turn {" … ".join(ends)}'
            rows.append(f'<tr><td colspan="2"><font point-size="{SMALL}" color="{MARK}">{words}</font></td></tr>')
        kinds = ('data', INPUT), ('grad', SIGNAL)
        rows += [self._row(name, ends, shade) for (name, shade), ends in zip(kinds, self.facts.numbers(nodes).ranges)]
        return {'label': as_table(rows), 'tooltip': plain(f'{tooltip}: {self.facts.told(nodes)}'),
                'fillcolor': colour, 'color': line}  # fmt: skip

    def _row(self, name: str, ends: _Range, colour: str) -> str:
        shown = ends.written(self._number)
        width = width_of(shown, 10)
        if self.stacked and APART in shown:
            first, last = shown.split(APART)
            width = max(width_of(first + ' …', 10), width_of(last, 10))
            shown = f'{first} …<br align="left"/>{last}<br align="left"/>'
        return as_row(name, shown, colour, as_room(width))

    def _number(self, x: Any) -> str:
        return number_markup(x, self.spec)


def _way(source: Source) -> str:
    """How an operand comes, the last turn as any other."""
    return 'turn' if source.way == 'last' else source.way


def _constant(source: Source) -> Any:
    """Return the number that an operand is wherever it comes from there, None if it is none."""
    plain = [_data(leaf) for leaf in source.leaves if not isinstance(leaf, Value) or isinstance(leaf, Constant)]
    same = source.way == 'leaf' and len(plain) == len(source.leaves) and len({*map(repr, plain)}) == 1
    return plain[0] if same else None


def _data(leaf: Any) -> Any:
    return leaf.data if isinstance(leaf, Value) else leaf


#: What stands between the ends of a range.
APART = ' … '


class _Range(NamedTuple):
    """The least and the largest of some numbers, and whether a nan is among them."""

    least: Any
    largest: Any
    has_nan: bool

    @classmethod
    def of(cls, numbers: Sequence[Any]) -> _Range:
        known = [x for x in numbers if x == x]
        ends = (min(known), max(known)) if known else (numbers[0], numbers[0])
        return cls(*ends, len(known) < len(numbers))

    def written(self, write: Callable[[Any], str]) -> str:
        """Write from where to where they go.

        >>> _Range.of([1.0, 3.0, 2.0]).written(str), _Range.of([1.0, float('nan'), 1.0]).written(str)
        ('1.0 … 3.0', '1.0, nan')
        """
        span = APART.join(dict.fromkeys(map(write, self[:2])))
        return span + ', nan' * (self.has_nan and span != 'nan')


def _width(label: str) -> float:
    """How wide a box is, about."""
    lines = [TAG.sub('', row) for row in LINE_END.split(label)]
    return max(max(width_of(line, 10) for line in lines), BARS * THICK if 'fixedsize' in label else 0) + 16


def _sparkline(numbers: Sequence[Any], colour: str) -> str:
    """Draw numbers as a row of bars, from the first to the last: up what is above 0, down what is below."""
    heights = [*_heights(numbers)]
    up = max(0.0, *(height for height in heights if height is not None), 0.0)
    down = max(0.0, *(-height for height in heights if height is not None), 0.0)
    scale = HIGH / ((up + down) or 1.0)
    bars = []
    for height in heights:
        above, size = (0, HIGH) if height is None else (
            round((up - max(height, 0.0)) * scale), max(1, round(abs(height) * scale)))  # fmt: skip
        fill = f' bgcolor="{MARK if height is None else colour}"'
        parts = [(above, ''), (size, fill), (HIGH + 1 - above - size, '')]
        cells = ''.join(f'<tr><td{look} fixedsize="true" width="{THICK}" height="{part}"></td></tr>'
                        for part, look in parts if part > 0)  # fmt: skip
        bars.append(f'<td><table {BARE}>{cells}</table></td>')
    return f'<tr><td><table {BARE}><tr>{"".join(bars)}</tr></table></td></tr>'


def _titled(title: str) -> str:
    """Set what nodes are called, the first and the last, as markup."""
    return ' … '.join(map(name_markup, title.split(' … ')))


def _by_turns(numbers: Sequence[Any], within: int) -> Sequence[Any]:
    """Pick of so many numbers of each turn the largest."""
    if within == 1:
        return numbers
    return [max(numbers[start : start + within], key=_size) for start in range(0, len(numbers), within)]


def _heights(numbers: Sequence[Any]) -> Iterable[float | None]:
    """How high each bar is, from -1 to 1: of many numbers each bar is of the largest of some; None where one is none.

    Far different ones are compared by decades.

    >>> [*_heights([1.0, -0.5, float('nan')])], [*_heights([1.0, 1e-4])]
    ([1.0, -0.5, None], [1.0, 0.2])
    """
    step = max(1.0, len(numbers) / BARS)
    picked = [as_float(max(numbers[int(k * step) : max(int(k * step) + 1, int((k + 1) * step))], key=_size))
              for k in range(min(len(numbers), BARS))]  # fmt: skip
    sizes = [abs(x) for x in picked if x and isfinite(x)]
    least, most = min(sizes, default=1.0), max(sizes, default=1.0)
    decades = log10(most) - log10(least) + 1
    for x in picked:
        if not isfinite(x):
            yield None
        elif most <= FAR * least or not x:
            yield x / most
        else:
            yield (log10(abs(x)) - log10(least) + 1) / decades * (1 if x > 0 else -1)


def _size(x: Any) -> Any:
    return abs(x) if x == x else inf
