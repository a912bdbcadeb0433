"""Descent as LLVM's text: batch after batch, and after each the update of all parameters.

A module is of an update alone; the sums over a batch are a function that it is given the address of. Its function:

``descend(batch, packed, parameters, memory, l2, numbers, stride, n, size, epochs, count, apart, scratch, ...)``
    does epochs of steps. Of each a batch of rows, so many doubles apart from the next, gives the error and the
    slopes of so many parameters. The numbers of a step are ``stride`` doubles after those of the one before;
    ``memory`` has so many numbers, one after the other, for each that is remembered of a parameter. Last come
    memory for the sums of a batch, and where the error of each epoch goes.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.routine import Routine
from .libm import declarations, definitions
from .llvm import Straight, counters, loop

__all__ = ['descent', 'module', 'stage']

#: So many parameters are updated at a time; LLVM divides them among the registers of any processor.
LANES = 8
ARGUMENTS = """ptr %batch, ptr noalias %packed, ptr %parameters, ptr %memory, ptr %l2, ptr %numbers, i64 %stride,
  i64 %n, i64 %size, i64 %epochs, i64 %count, i64 %apart, ptr %scratch, ptr %sums, ptr noalias %errors"""


def module(rule: Routine, decay: Routine | None = None, clip: tuple[Routine, Routine] | None = None) -> str:
    """Print the module of an update: its rule, what makes the slopes decay, and what the norm is made with."""
    numbers, kept = rule.parameters - bool(clip), rule.count - 1
    names = [name for routine in (rule, decay, *(clip or ())) if routine for name in routine.used()]
    text = [definitions(names, LANES), definitions(names, 1), declarations(names)]
    memory = [f'%memory{k}' for k in range(kept)]
    lines = ['  call void %batch(ptr %rows.at, ptr %parameters, i64 %rows, ptr %scratch, ptr %sums)']
    lines += ['  %E = load double, ptr %sums']
    own = ['  %slopes = getelementptr double, ptr %sums, i64 1', f'  %full = sdiv i64 %count, {LANES}',
           f'  %done = mul i64 %full, {LANES}']  # fmt: skip
    for k, name in enumerate(memory):
        own += [f'  {name}.start = mul i64 %count, {k}',
                f'  {name} = getelementptr double, ptr %memory, i64 {name}.start']  # fmt: skip
    loops: list[str] = []

    def each(name: str, routine: Routine, rows: Sequence[str], results: Sequence[str], now: str) -> None:
        """Do a stage for all parameters: as many at a time as a vector has, then those that are left."""
        for lanes, start, end in (LANES, '0', '%full'), (1, '%done', '%count'):
            at = f'{name}.{lanes}'
            text.append(stage(name, routine, lanes))
            loops.append(at)
            places = [f'  %{at}.from = mul i64 %{at}, {lanes}']
            given = []
            for place, array in enumerate([*rows, *results]):
                places.append(f'  %{at}.{place} = getelementptr double, ptr {array}, i64 %{at}.from')
                given.append(f'ptr %{at}.{place}')
            given.insert(len(rows), f'ptr {now}')
            call = f'  call void @{name}.{lanes}({", ".join(given)})'
            lines.append(loop(at, end, '\n'.join([*places, call]), start))

    if decay:
        each('decay', decay, ['%parameters', '%slopes', '%l2'], ['%slopes'], '%now')
    now = '%now'
    if clip:
        now = '%here'
        own += [f'  %here = alloca [{numbers + 1} x double]', '  %squares = alloca [3 x double]']
        for k in range(numbers):
            lines += [f'  %from{k} = getelementptr double, ptr %now, i64 {k}',
                      f'  %number{k} = load double, ptr %from{k}',
                      f'  %to{k} = getelementptr double, ptr %here, i64 {k}',
                      f'  store double %number{k}, ptr %to{k}']  # fmt: skip
        squares, norm = clip
        text += [stage('squares', squares, 1, adding=True), stage('norm', norm, 1)]
        sums = [f'%square{k}' for k in range(3)]
        for k, name in enumerate(sums):
            own.append(f'  {name} = getelementptr double, ptr %squares, i64 {k}')
            lines.append(f'  store double 0.0, ptr {name}')
        one = ('  %slope = getelementptr double, ptr %slopes, i64 %s\n'
               f'  call void @squares.1(ptr %slope, ptr %here, {_pointers(sums)})')  # fmt: skip
        loops.append('s')
        lines.append(loop('s', '%count', one))
        lines.append(f'  %length = getelementptr double, ptr %here, i64 {numbers}')
        lines.append(f'  call void @norm.1({_pointers(sums)}, ptr %here, ptr %length)')
    each('rule', rule, ['%parameters', '%slopes', *memory], ['%parameters', *memory], now)
    text.append(descent('\n'.join(lines), '\n'.join([counters(*loops), *own])))
    return '\n'.join([*text, 'attributes #0 = { nounwind alwaysinline }'])


def descent(step: str, own: str) -> str:
    """Print ``descend`` around a step, which sets ``%E``: %rows rows of a batch are at %rows.at, numbers at %now."""
    batch = f"""
  %first = mul i64 %b, %size
  %left = sub i64 %n, %first
  %rows = call i64 @llvm.smin.i64(i64 %left, i64 %size)
  %skip = mul i64 %b, %apart
  %rows.at = getelementptr double, ptr %packed, i64 %skip
  %now0 = mul i64 %e, %batches
  %now1 = add i64 %now0, %b
  %now2 = mul i64 %now1, %stride
  %now = getelementptr double, ptr %numbers, i64 %now2
{step}
  %total0 = load double, ptr %error
  %total = fadd double %total0, %E
  store double %total, ptr %error"""
    epoch = f"""
  %error = getelementptr double, ptr %errors, i64 %e
  store double 0.0, ptr %error
{loop('b', '%batches', batch)}"""
    return f"""define void @descend({ARGUMENTS}) {{
{counters('b', 'e')}
{own}
  %up0 = add i64 %n, %size
  %up = sub i64 %up0, 1
  %batches = sdiv i64 %up, %size
{loop('e', '%epochs', epoch)}
  ret void
}}
"""


def stage(name: str, routine: Routine, lanes: int, adding: bool = False) -> str:
    """Print a function of the addresses of a row's numbers, of the parameters and of the outputs.

    There are so many of each number of a row side by side; outputs may be where the row is.
    """
    rows, results = (_pointers([f'%{what}{k}' for k in range(count)]) for what, count in (
        ('row', routine.width), ('result', routine.count)
    ))  # fmt: skip
    body = ''.join(f'  {line}\n' for line in _Stage(routine, lanes, adding, fast=False).all_lines())
    return f'define internal void @{name}.{lanes}({rows}, ptr %parameters, {results}) #0 {{\n{body}  ret void\n}}\n'


class _Stage(Straight):
    """Prints straight code of numbers that are in arrays of their own; all are read before one is written."""

    def all_lines(self) -> list[str]:
        self.bodies, self.kept = [[item for body in self.bodies for item in body]], {}
        for number in range(self.routine.width):
            self.put(f'%row{number}.x = load {self.type}, ptr %row{number}, align 8')
        loads = self.lines
        (lines,) = self.parts()
        return [*loads, *lines]

    def operand(self, place: int) -> str:
        name, operands = self.routine.instructions[place]
        return f'%row{operands[0].start}.x' if name == 'row' else super().operand(place)

    def instruction(self, result: str, name: str, operands: tuple[int, ...]) -> None:
        """Print an instruction; what a parameter is less by, h * slope, is rounded with it where the machine can."""
        given = [self.routine.instructions[operand] for operand in operands]
        if name == 'sub' and given[0].name == 'row' and given[1].name == 'mul' and self.routine.uses[operands[1]] == 1:
            less, (a, b) = self.name(), given[1].operands
            self.put(f'{less} = fneg {self.type} {self.operand(a)}')
            self.multiply_add(result, less, self.operand(b), self.operand(operands[0]))
        else:
            super().instruction(result, name, operands)

    def store(self, number: int, *factors: str) -> None:
        where, value = f'%result{number}', self.name()
        if len(factors) == 2:
            self.put(f'{value} = fmul {self.type} {factors[0]}, {factors[1]}')
            factors = (value,)
        if self.sums:
            before, value = self.name(), self.name()
            self.put(f'{before} = load {self.type}, ptr {where}, align 8')
            self.put(f'{value} = fadd {self.type} {before}, {factors[0]}')
            factors = (value,)
        self.put(f'store {self.type} {factors[0]}, ptr {where}, align 8')


def _pointers(names: Sequence[str]) -> str:
    return ', '.join(f'ptr {name}' for name in names)
