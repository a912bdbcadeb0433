"""The picture of a program: its loops, the two sweeps, and the memory between them, as the compiler made them.

On the left is the forward sweep, on the right the way back, each a column of what its printed form in Python says; a
loop is a plate, "× 999" with what it carries from turn to turn, one in another where they nest. Between them is the
memory: what a turn keeps on the way forward, and fetches on the way back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from ..compiling.ir.routine import Block, Loop, Routine
from ..compiling.printers.python import pieces, source
from ..formulas.colours import FAINT, INK, INPUT, LEAF, LEAF_LINE, OPERATION, OPERATION_LINE, PALE, PAPER, SIGNAL
from .digraph import FONT, Digraph, markup

__all__ = ['program_picture']

GRAPH = {
    'rankdir': 'LR', 'ranksep': '0.7', 'nodesep': '0.3', 'tooltip': 'program', 'fontname': FONT, 'fontsize': '10',
    'fontcolor': FAINT, 'splines': 'true',
}  # fmt: skip
NODE = {'shape': 'plain', 'fontname': FONT, 'fontsize': '10', 'fontcolor': INK}
EDGE = {'arrowsize': '0.6', 'penwidth': '1.4', 'fontname': FONT, 'fontsize': '9.5', 'fontcolor': FAINT}
CODE = 'Courier New,Courier,monospace'
#: A sweep has about so many lines: so many of each run of them, of loops so deep in others, the first that fit.
LINES = 42
DETAILS = [*((run, 9) for run in (40, 24, 14, 8, 5, 3, 2, 1)), (1, 2), (1, 1), (0, 1), (0, 0)]
#: With more arrows than that each sweep has but one to a memory and one from it.
ARROWS = 8
WORDS = {'kept': 'kept for the way back', 'rolling': 'kept for a while', 'signals': 'error signals under way'}


class Part(NamedTuple):
    """A run of lines, or a loop: what it is carried into, its head, and what is in it; stores and loads by memory."""

    lines: list[str]
    loop: Loop | None
    inner: list[Part]
    stores: Counter[str]
    loads: Counter[str]


def program_picture(routine: Routine) -> Digraph:
    """Draw a routine, of a program or of its gradient.

    >>> from ..compiling.ir.sweeps import lower
    >>> from ..engine.value import Value
    >>> x = Value(1.0, 'x')
    >>> 'sin(x)' in program_picture(lower([x.sin() * 2.0], [x], [])).source
    True
    """
    picture = Digraph('program', format='svg', graph_attr=GRAPH, node_attr=NODE, edge_attr=EDGE)
    picture.words = partial(source, routine)
    printed = [*pieces(routine)]
    blocks = [_parts(routine, block, lines) for block, lines in zip(routine.blocks, printed)]
    last = max((k for k, block in enumerate(routine.blocks) if _sets_output(routine, block)), default=0)
    forward = [part for parts in blocks[: last + 1] for part in parts]
    back = [part for parts in blocks[last + 1 :] for part in parts]
    fitting = (detail for detail in DETAILS if max(_height(forward, *detail), _height(back, *detail)) <= LINES)
    detail = next(fitting, DETAILS[-1])
    if routine.flat:
        title = 'straight code: the values, then the error signals' if routine.is_gradient else 'straight code'
        picture.node('forward', _sweep(title, forward, detail, INPUT), tooltip=title)
        return picture
    picture.node('forward', _sweep('the forward sweep', forward, detail, INPUT), tooltip='the forward sweep')
    if back:
        picture.node('back', _sweep('the way back', back, detail, SIGNAL), tooltip='the way back')
    for name, size in routine.sizes.items():
        if size:
            words = f'<b>{name}</b><br/>{size} numbers<br/><font color="{FAINT}" point-size="9">{WORDS[name]}</font>'
            picture.node(name, f'<{words}>', shape='cylinder', style='filled', fillcolor=LEAF, color=LEAF_LINE,
                         margin='0.12,0.08', tooltip=f'{name}: {size} numbers of each row')  # fmt: skip
    sweeps = ('forward', 'e', forward), ('back', 'w', back)
    apart = sum(len(part.stores) + len(part.loads) for *_, parts in sweeps for part in parts) <= ARROWS
    for sweep, side, parts in sweeps:
        for k, part in enumerate(parts) if apart else [(0, _all(parts))]:
            port = f'{sweep}:p{k}:{side}' if apart else sweep
            for counts, colour, is_store in (part.stores, INPUT, True), (part.loads, SIGNAL, False):
                for name, count in counts.items():
                    # Graphviz sets what an arrow leaves on the left: the forward sweep, then memory, then the way back.
                    ends, forwards = ((port, name), is_store) if side == 'e' else ((name, port), not is_store)
                    words = f'{count} numbers are {"put there" if is_store else "fetched"}'
                    picture.edge(*ends, label=f' {count} ', color=colour, tooltip=words,
                                 dir='forward' if forwards else 'back')  # fmt: skip
    return picture


def _all(parts: Sequence[Part]) -> Part:
    """Sum up what parts store and load."""
    stores, loads = Counter[str](), Counter[str]()
    for part in parts:
        stores.update(part.stores)
        loads.update(part.loads)
    return Part([], None, [], stores, loads)


def _parts(routine: Routine, block: Block, printed: Sequence[tuple[int | Loop, list[str]]]) -> list[Part]:
    """Gather the pieces of a block: runs of lines between its loops, and these."""
    parts: list[Part] = []
    for item, lines in printed:
        if isinstance(item, Loop):
            stores, loads = _memory(routine, [item])
            parts.append(Part(lines, item, _nested(lines), stores, loads))
            continue
        if not parts or parts[-1].loop is not None:
            parts.append(Part([], None, [], Counter(), Counter()))
        parts[-1].lines.extend(lines)
        for mine, more in zip((parts[-1].stores, parts[-1].loads), _memory(routine, [item])):
            mine.update(more)
    return [part for part in parts if part.lines]


def _nested(lines: Sequence[str]) -> list[Part]:
    """Take the lines of a loop apart: what is carried into it, and its body, loops in it as parts of their own."""
    parts: list[Part] = []
    head = next(k for k, line in enumerate(lines) if line.startswith('for '))
    body = [line[4:] for line in lines[head + 1 :]]
    start = 0
    while start < len(body):
        if body[start].startswith('for '):
            end = start + 1
            while end < len(body) and body[end].startswith('    '):
                end += 1
            inner = body[start:end]
            parts.append(Part(inner, Loop(0, False), _nested(inner), Counter(), Counter()))
            start = end
        else:
            if not parts or parts[-1].loop is not None:
                parts.append(Part([], None, [], Counter(), Counter()))
            parts[-1].lines.append(body[start])
            start += 1
    return parts


def _memory(routine: Routine, items: Block, turns: int = 1) -> tuple[Counter[str], Counter[str]]:
    """Count what is stored and loaded, by memory."""
    stores, loads = Counter[str](), Counter[str]()
    for item in items:
        if isinstance(item, Loop):
            for block in item.blocks:
                for mine, more in zip((stores, loads), _memory(routine, block, turns * item.count)):
                    mine.update(more)
        elif item >= 0:  # an output of straight code is below
            name, operands = routine.instructions[item]
            found = {'store': stores, 'add_to': stores, 'load': loads}.get(name)
            if found is not None and operands[0] in routine.sizes:
                found[operands[0]] += turns
    return stores, loads


def _sets_output(routine: Routine, block: Block) -> bool:
    return any(
        any(_sets_output(routine, inner) for inner in item.blocks)
        if isinstance(item, Loop)
        else routine.instructions[item].name == 'output'
        for item in block
    )


def _height(parts: Sequence[Part], run: int, depth: int) -> int:
    """How many lines are shown."""
    return sum(min(len(_before(part)), run + 1) + (_height(part.inner, run, depth - 1) if part.loop and depth else 0)
               + 2 * bool(part.loop) for part in parts)  # fmt: skip


def _before(part: Part) -> list[str]:
    """The lines of a run, or what is carried into a loop."""
    if part.loop is None:
        return part.lines
    return part.lines[: next(k for k, line in enumerate(part.lines) if line.startswith('for '))]


def _sweep(title: str, parts: Sequence[Part], detail: tuple[int, int], colour: str) -> str:
    cells = ''.join(
        f'<tr><td port="p{k}" align="left">{_shown(part, *detail)}</td></tr>' for k, part in enumerate(parts)
    )
    head = f'<tr><td align="left"><font color="{colour}" point-size="11"><b>{title}</b></font></td></tr>'
    return (f'<<table border="1" cellborder="0" cellspacing="0" cellpadding="4" style="rounded" color="{PALE}" '
            f'bgcolor="{PAPER}">{head}{cells}</table>>')  # fmt: skip


def _shown(part: Part, run: int, depth: int) -> str:
    """Set a run of lines, or a loop with what is in it."""
    before = _before(part)
    if part.loop is None:
        return _code(before, run)
    inside = part.inner if depth else []
    rows = ''.join(f'<tr><td align="left">{_shown(inner, run, depth - 1)}</td></tr>' for inner in inside)
    words = f'<font color="{OPERATION_LINE}" point-size="11">{_turns(part.lines[len(before)])}</font>'
    if not inside:
        words += f'<font color="{FAINT}" point-size="9.5"> of {len(part.lines) - len(before) - 1} lines</font>'
    frame = f'border="1" cellborder="0" cellspacing="0" cellpadding="3" style="rounded" color="{OPERATION_LINE}"'
    plate = f'<table {frame} bgcolor="{OPERATION}"><tr><td align="right">{words}</td></tr>{rows}</table>'
    if not before:
        return plate
    rows = ''.join(f'<tr><td align="left">{each}</td></tr>' for each in (_code(before, run), plate))
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="2">{rows}</table>'


def _turns(head: str) -> str:
    """Say how often a loop goes round, and which way, of its first line.

    >>> _turns('for i1 in range(499):'), _turns('for i1 in range(498, -1, -1):'), _turns('for i1 in range(1):')
    ('× 499, i1 = 0, 1 …', '× 499, i1 = 498, 497 …', '× 1')
    """
    counter, _, numbers = head.removeprefix('for ').removesuffix('):').partition(' in range(')
    first, *down = map(int, numbers.split(', '))
    count = first + 1 if down else first
    if count == 1:
        return '× 1'
    return f'× {count}, {counter} = ' + (f'{first}, {first - 1} …' if down else '0, 1 …')


def _code(lines: Sequence[str], run: int) -> str:
    shown = [*lines] if len(lines) <= run + 1 else [*lines[:run], f'… {len(lines) - run}{" more" * bool(run)} lines']
    # A space at the end of each: a browser's font may be a little wider than the one that was measured.
    breaks = ''.join(f'{markup(line, 76)}&#160;<br align="left"/>' for line in shown)
    return f'<font face="{CODE}" point-size="9.5">{breaks}</font>'
