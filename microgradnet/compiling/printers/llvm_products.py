"""Products of matrices as LLVM's text: sums over many rows, a tile of them in registers.

The numbers of the rows are in blocks, as ``llvm_driver`` packs them: number after number, lane after lane. A tile is
so many numbers of the left factor by so many of the right one; each of its sums is a vector until all rows are done.
The function is a module of its own, the same for all programs, which call it by its name.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.products import Product
from .llvm import counters, filled_lanes, loop

__all__ = ['calls', 'declaration', 'module', 'name']

#: A tile: with a number of the right factor, and all of the left one, it fills sixteen registers.
DOWN, ACROSS = 3, 4
SIDES = ('left', 'i', 'height', DOWN), ('right', 'j', 'width', ACROSS)
TILE = [(i, j) for i in range(DOWN) for j in range(ACROSS)]
#: So many tiles side by side have their right factors in the nearest cache.
GROUP = 4
#: Where the outputs are and how far apart, by both counters, and how many; where the factors are, how far apart, and
#: how far from one block to the next; how many blocks, and how many rows the last one has.
ARGUMENTS = ', '.join([
    'ptr noalias %outputs', 'i64 %down', 'i64 %across', 'i64 %height', 'i64 %width',
    'ptr %left', 'i64 %left.step', 'i64 %left.block', 'ptr %right', 'i64 %right.step', 'i64 %right.block',
    'i64 %blocks', 'i64 %filled',
])  # fmt: skip


def name(lanes: int, register: int) -> str:
    """Return the name of the function for so many lanes, so many of them in a register."""
    return f'microgradnet.product.{lanes}.{register}'


def declaration(lanes: int, register: int) -> str:
    types = ', '.join(argument.rsplit(maxsplit=1)[0] for argument in ARGUMENTS.split(', '))
    return f'declare void @{name(lanes, register)}({types})'


def calls(products: Sequence[Product], lanes: int, register: int, sizes: dict[str, int]) -> str:
    """Print the calls for some products: their factors begin at %rows and %kept, blocks have so many numbers there."""
    lines: list[str] = []
    for number, (memory, (place, left, right)) in enumerate(products):
        given: list[str] = []
        for side, kind, where in ('left', 'kept', left), ('right', memory, right):
            at = f'%{side}{number}'
            lines.append(f'{at} = getelementptr double, ptr %{kind}, i64 {where.start * lanes}')
            given += [f'ptr {at}', f'i64 {where.steps[0] * lanes}', f'i64 {sizes[kind]}']
        to, counts = f'%to{number}', [f'i64 {number}' for number in (*place.steps, *place.counts)]
        lines.append(f'{to} = getelementptr double, ptr %outputs, i64 {place.start}')
        arguments = ', '.join([f'ptr {to}', *counts, *given])
        lines.append(f'call void @{name(lanes, register)}({arguments}, i64 %blocks, i64 %filled)')
    return _lines(lines)


def module(lanes: int, register: int) -> str:
    """Print the function that adds a product to the outputs."""
    vector = f'<{register} x double>'
    own: list[str] = []
    for side, count, size, tile in SIDES:
        own += [f'%{count}.up = add i64 %{size}, {tile - 1}',
                f'%{count}.tiles = sdiv i64 %{count}.up, {tile}',
                f'%{count}.final = sub i64 %{count}.tiles, 1',
                f'%{count}.but = mul i64 %{count}.final, {tile}',
                f'%{count}.rest = sub i64 %{size}, %{count}.but',
                f'%{count}.most = sub i64 %{count}.rest, 1']  # fmt: skip
        for k in range(1, tile):  # of the last tile there may be less: some is done twice, and not added
            own += [f'%{side}.far{k} = mul i64 %{side}.step, {k}',
                    f'%{side}.least{k} = call i64 @llvm.smin.i64(i64 %{count}.most, i64 {k})',
                    f'%{side}.near{k} = mul i64 %{side}.step, %{side}.least{k}']  # fmt: skip
    own += [f'%sum{i}.{j} = alloca {vector}' for i, j in TILE]
    own += [f'%tile = alloca [{DOWN * ACROSS} x double], align 64', '%dense = icmp eq i64 %across, 1',
            '%blocks.last = sub i64 %blocks, 1', f'%groups.up = add i64 %j.tiles, {GROUP - 1}',
            f'%groups = sdiv i64 %groups.up, {GROUP}', f'%filled.whole = sdiv i64 %filled, {register}',
            f'%filled.at = mul i64 %filled.whole, {register}', '%filled.rest = sub i64 %filled, %filled.at',
            '%filled.more = call i64 @llvm.smin.i64(i64 %filled.rest, i64 1)',
            *filled_lanes('%mask', '%filled.rest', register)]  # fmt: skip
    group = [f'%group = mul i64 %g, {GROUP}', f'%group.after = add i64 %group, {GROUP}',
             '%group.end = call i64 @llvm.smin.i64(i64 %group.after, i64 %j.tiles)']  # fmt: skip
    sums = [f'store {vector} zeroinitializer, ptr %sum{i}.{j}' for i, j in TILE]
    one = f'{_factors(*SIDES[1])}{_lines(sums)}{_over_rows(lanes, register)}\n{_added(register)}'
    tiles = loop('j', '%group.end', one, '%group')
    body = loop('g', '%groups', _lines(group) + loop('i', '%i.tiles', _factors(*SIDES[0]) + tiles))
    return f"""define void @{name(lanes, register)}({ARGUMENTS}) nounwind {{
{counters('g', 'i', 'j', 'b', 'p', 'q', 'v', 'r')}
{_lines(own)}{body}
  ret void
}}
"""


def _factors(side: str, count: str, size: str, tile: int) -> str:
    """Print where the factors of a tile are."""
    lines = [f'%{count}0 = mul i64 %{count}, {tile}',
             f'%{side}.from = mul i64 %{count}0, %{side}.step',
             f'%{side}0 = getelementptr double, ptr %{side}, i64 %{side}.from',
             f'%{count}.is.last = icmp eq i64 %{count}, %{count}.final',
             f'%{count}.count = select i1 %{count}.is.last, i64 %{count}.rest, i64 {tile}',
             f'%{count}.whole = icmp eq i64 %{count}.count, {tile}']  # fmt: skip
    for k in range(1, tile):
        lines += [f'%{side}.off{k} = select i1 %{count}.is.last, i64 %{side}.near{k}, i64 %{side}.far{k}',
                  f'%{side}{k} = getelementptr double, ptr %{side}0, i64 %{side}.off{k}']  # fmt: skip
    return _lines(lines)


def _over_rows(lanes: int, register: int) -> str:
    """Print the sums over the rows of all blocks: full ones, of the last one full registers, and what is left."""
    vector = f'<{register} x double>'

    def fetch(lines: list[str], side: str, at: str, k: int, masked: bool) -> str:
        found = f'%{side}{k}.{at}'
        lines.append(f'{found}.at = getelementptr double, ptr %{side}{k}, i64 %{side}.{at}')
        lines.append(f'{found} = load {vector}, ptr {found}.at, align 8')
        if masked:
            zero = f'{vector} zeroinitializer'
            lines.append(f'{found}.on = select <{register} x i1> %mask, {vector} {found}, {zero}')
        return found + '.on' * masked

    def step(tag: str, block: str, places: Sequence[str], masked: bool = False) -> str:
        """Print what adds the products of the rows at some places of a block, of as many as a register has at each."""
        lines = [f'%{side}.{tag} = mul i64 {block}, %{side}.block' for side, *_ in SIDES]
        for number, place in enumerate(places):
            at = f'{tag}{number}'
            lines += [f'%{side}.{at} = add i64 %{side}.{tag}, {place}' for side, *_ in SIDES]
            left = [fetch(lines, 'left', at, i, masked) for i in range(DOWN)]
            for j in range(ACROSS):  # in this order, for which there are registers
                right = fetch(lines, 'right', at, j, masked)
                for i in range(DOWN):
                    total = f'%sum{i}.{j}.{at}'
                    given = f'{vector} {left[i]}, {vector} {right}, {vector} {total}.before'
                    lines += [f'{total}.before = load {vector}, ptr %sum{i}.{j}',
                              f'{total} = call {vector} @llvm.fmuladd.v{register}f64({given})',
                              f'store {vector} {total}, ptr %sum{i}.{j}']  # fmt: skip
        return _lines(lines)

    full = loop('b', '%blocks.last', step('full', '%b', [str(lane) for lane in range(0, lanes, register)]))
    place = f'  %v.from = mul i64 %v, {register}\n'
    whole = loop('v', '%filled.whole', place + step('whole', '%blocks.last', ['%v.from']))
    return '\n'.join([full, whole, loop('r', '%filled.more', step('rest', '%blocks.last', ['%filled.at'], True))])


def _added(register: int) -> str:
    """Print the addition of a tile to the outputs: at once, if it is a whole one and its numbers are side by side."""
    vector, row = f'<{register} x double>', f'<{ACROSS} x double>'
    lines: list[str] = []
    for i in range(DOWN):
        several = [f'%all{i}.{j}' for j in range(ACROSS)]
        lines += [f'{one} = load {vector}, ptr %sum{i}.{j}' for j, one in enumerate(several)]
        lines += _added_across(several, register, f'%row{i}')
    lines += ['%whole = and i1 %i.whole, %j.whole', '%quick = and i1 %whole, %dense',
              'br i1 %quick, label %at.once, label %one.by.one',
              'at.once:', '%line0.at = mul i64 %i0, %down']  # fmt: skip
    for i in range(DOWN):
        lines += [f'%line{i + 1}.at = add i64 %line{i}.at, %down', f'%line{i}.from = add i64 %line{i}.at, %j0',
                  f'%line{i} = getelementptr double, ptr %outputs, i64 %line{i}.from',
                  f'%before{i} = load {row}, ptr %line{i}, align 8', f'%after{i} = fadd {row} %before{i}, %row{i}',
                  f'store {row} %after{i}, ptr %line{i}, align 8']  # fmt: skip
    lines += ['br label %added', 'one.by.one:']
    for i in range(DOWN):
        lines += [f'%row{i}.to = getelementptr double, ptr %tile, i64 {ACROSS * i}',
                  f'store {row} %row{i}, ptr %row{i}.to, align 8']  # fmt: skip
    one = [f'%p0 = mul i64 %p, {ACROSS}', '%p1 = add i64 %p0, %q',
           '%one.from = getelementptr double, ptr %tile, i64 %p1',
           '%one = load double, ptr %one.from', '%one.i = add i64 %i0, %p', '%one.j = add i64 %j0, %q',
           '%one.down = mul i64 %one.i, %down', '%one.across = mul i64 %one.j, %across',
           '%one.place = add i64 %one.down, %one.across',
           '%one.at = getelementptr double, ptr %outputs, i64 %one.place',
           '%one.before = load double, ptr %one.at', '%one.after = fadd double %one.before, %one',
           'store double %one.after, ptr %one.at']  # fmt: skip
    return f'{_lines(lines)}{loop("p", "%i.count", loop("q", "%j.count", _lines(one)))}\n  br label %added\nadded:'


def _added_across(names: Sequence[str], lanes: int, result: str) -> list[str]:
    """Print the vector of the sums of four vectors' lanes: of neighbours first, which many processors do at once."""
    lines: list[str] = []

    def take(name: str, a: str, b: str, width: int, places: Sequence[int]) -> None:
        mask = ', '.join(f'i32 {place}' for place in places)
        lines.append(f'{name} = shufflevector <{width} x double> {a}, <{width} x double> {b}, '
                     f'<{len(places)} x i32> <{mask}>')  # fmt: skip

    def add(name: str, a: str, b: str, width: int, low: Sequence[int], high: Sequence[int]) -> str:
        take(f'{name}.low', a, b, width, low)
        take(f'{name}.high', a, b, width, high)
        lines.append(f'{name} = fadd <{len(low)} x double> {name}.low, {name}.high')
        return name

    pairs: list[str] = []
    low, high = ([k + side * lanes for k in range(odd, lanes, 2) for side in (0, 1)] for odd in (0, 1))
    for a, b in zip(names[::2], names[1::2]):
        pair, width = add(f'{a}.pair', a, b, lanes, low, high), lanes
        while width > 4:
            half = width // 2
            pair, width = add(f'{pair}.{half}', pair, pair, width, range(half), range(half, width)), half
        pairs.append(pair)
    first, second = pairs
    if lanes == 2:
        take(result, first, second, 2, range(4))
    else:
        add(result, first, second, 4, (0, 1, 4, 5), (2, 3, 6, 7))
    return lines


def _lines(lines: Sequence[str]) -> str:
    return ''.join(f'{line}\n' if line.endswith(':') else f'  {line}\n' for line in lines)
