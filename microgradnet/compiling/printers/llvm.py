"""Programs printed as LLVM's text: a block of rows at a time, one row in each SIMD lane.

``block`` prints the function that reads the numbers of a block of rows (number after
number, lane after lane) and the parameters, and either stores each output of each lane,
or adds it to what is there already; what goes around it is in ``llvm_driver``.

Parameters are read where they are used: a number in memory is an operand as good as a
register, and there are not registers enough. A long program is cut into parts, each a
function of its own, since LLVM takes more than twice as long for twice the length; what
one part computes and another one uses is kept in memory between them.

>>> from microgradnet.compiling.ir.sweeps import lower
>>> from microgradnet.engine.value import Value
>>> x = Value(3.0)
>>> print(block(lower([x * x + 1.0], [x], []), lanes=1, sums=False).text, end='')
define internal void @part0(ptr noalias %rows, ptr noalias %parameters, ptr noalias %outputs, ptr noalias %kept) #0 {
  %v0.at = getelementptr double, ptr %rows, i64 0
  %v0 = load double, ptr %v0.at
  %v1 = fmul double %v0, %v0
  %v3 = fadd double %v1, 0x3FF0000000000000
  %o0 = getelementptr double, ptr %outputs, i64 0
  store double %v3, ptr %o0
  ret void
}
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from ..ir.instructions import COMPARISONS, CONDITIONS, LEAVES
from ..ir.routine import Routine
from ..ir.sides import sides_of
from .llvm_sides import Branches
from .llvm_terms import hexadecimal

__all__ = ['Block', 'Native', 'Straight', 'block', 'counters', 'filled_lanes', 'in_every_lane', 'loop']

#: How many operands one part has, about.
LENGTH = 1000
BINARY = {'add': 'fadd', 'sub': 'fsub', 'mul': 'fmul', 'div': 'fdiv'}
PREDICATES = {**{name: f'o{name}' for name in COMPARISONS}, 'ne': 'une', 'came': 'une'}
#: What is not in a register: leaves, and what a loop has left in memory.
ELSEWHERE = (*LEAVES, 'item', 'while', 'back')
ARGUMENTS = 'ptr noalias %rows, ptr noalias %parameters, ptr noalias %outputs, ptr noalias %kept'


class Block(NamedTuple):
    """The text of the parts, how many there are, and how many vectors are kept between them."""

    text: str
    parts: int
    kept: int


def block(
    routine: Routine, lanes: int, sums: bool, fast: bool = False, name: str = 'part', loops: Any = None
) -> Block:
    """Print the functions that do all instructions for as many rows as there are lanes.

    ``sums`` adds the outputs up; ``fast`` lets LLVM reassociate and contract them; ``loops`` prints the functions
    of loops, if there are any whose count depends on the numbers.
    """
    printer = Straight(routine, lanes, sums, fast, loops)
    parts = printer.parts()
    text = ''
    for number, part in enumerate(parts):
        body = ''.join(f'  {line}\n' for line in part)
        text += f'define internal void @{name}{number}({ARGUMENTS}) #0 {{\n{body}  ret void\n}}\n'
    return Block(text, len(parts), printer.kept_size)


def counters(*names: str) -> str:
    return '\n'.join(f'  %{name}.at = alloca i64' for name in names)


def loop(name: str, end: str, body: str, start: str = '0') -> str:
    """Print a loop in which ``%name`` counts from the start up to the end."""
    return f"""  store i64 {start}, ptr %{name}.at
  br label %{name}.head
{name}.head:
  %{name} = load i64, ptr %{name}.at
  %{name}.more = icmp slt i64 %{name}, {end}
  br i1 %{name}.more, label %{name}.body, label %{name}.done
{name}.body:
{body}
  %{name}.next = add i64 %{name}, 1
  store i64 %{name}.next, ptr %{name}.at
  br label %{name}.head
{name}.done:"""


def in_every_lane(result: str, kind: str, value: str, lanes: int) -> list[str]:
    """Print a vector of one value, over and over.

    >>> print(*in_every_lane('%v', 'i64', '%n', 2), sep='\\n')
    %v.first = insertelement <2 x i64> poison, i64 %n, i64 0
    %v = shufflevector <2 x i64> %v.first, <2 x i64> poison, <2 x i32> zeroinitializer
    """
    vector, first = f'<{lanes} x {kind}>', f'{result}.first'
    return [f'{first} = insertelement {vector} poison, {kind} {value}, i64 0',
            f'{result} = shufflevector {vector} {first}, {vector} poison, <{lanes} x i32> zeroinitializer']  # fmt: skip


def filled_lanes(result: str, rows: str, lanes: int) -> list[str]:
    """Print which lanes have a row, of so many rows."""
    numbers = ', '.join(f'i64 {lane}' for lane in range(lanes))
    return [*in_every_lane(f'{result}.all', 'i64', rows, lanes),
            f'{result} = icmp slt <{lanes} x i64> <{numbers}>, {result}.all']  # fmt: skip


class Native:
    """Prints instructions; what a register is, and which instructions there are, its subclasses know."""

    routine: Routine
    lanes_on: str
    loops: Any

    def set_up(self, lanes: int, sums: bool, fast: bool) -> None:
        self.lanes, self.sums = lanes, sums
        self.flags = 'reassoc contract nsz arcp ' if fast else ''
        self.type, self.bools = ('double', 'i1') if lanes == 1 else (f'<{lanes} x double>', f'<{lanes} x i1>')
        self.kind = f'v{lanes}f64' if lanes > 1 else 'f64'
        self.lines: list[str] = []
        self.fresh = 0

    def put(self, line: str) -> None:
        self.lines.append(line)

    def name(self) -> str:
        self.fresh += 1
        return f'%t{self.fresh}'

    def spread(self, result: str, where: str) -> None:
        """Load a number that is the same in all lanes."""
        if self.lanes == 1:
            self.put(f'{result} = load double, ptr {where}')
            return
        value = self.name()
        self.put(f'{value} = load double, ptr {where}')
        self.lines += in_every_lane(result, 'double', value, self.lanes)

    def constant(self, number: float) -> str:
        text = hexadecimal(number)
        return text if self.lanes == 1 else f'splat (double {text})'

    def operand(self, place: int) -> str:
        raise NotImplementedError

    def instruction(self, result: str, name: str, operands: tuple[int, ...]) -> None:
        kind = self.type
        given = [self.operand(operand) for operand in operands]
        if name in BINARY:
            self.put(f'{result} = {BINARY[name]} {self.flags}{kind} {given[0]}, {given[1]}')
        elif name in COMPARISONS:
            self.put(f'{result} = fcmp {PREDICATES[name]} {kind} {given[0]}, {given[1]}')
        elif name in ('both', 'either'):
            self.put(f'{result} = {"and" if name == "both" else "or"} {self.bools} {given[0]}, {given[1]}')
        elif name == 'select':
            self.put(f'{result} = select {self.bools} {given[0]}, {kind} {given[1]}, {kind} {given[2]}')
        elif name == 'neg':
            self.put(f'{result} = fneg {kind} {given[0]}')
        elif name == 'madd':
            self.multiply_add(result, *given)
        elif name == 'sum':
            self.total(result, given)
        elif name == 'dot':
            self.dot(result, [*given[:-1], '' if self.routine.is_zero(operands[-1]) else given[-1]])
        else:
            arguments = ', '.join(f'{kind} {operand}' for operand in given)
            self.put(f'{result} = call {kind} @"{name}.{self.lanes}"({arguments})')

    def area_size(self, thing: Any) -> int:
        """Return how many vectors a loop's operands and results are, or those of the way back."""
        return int(thing.body.parameters) + 1 + (thing.sums - thing.states if hasattr(thing, 'sums') else 0)

    def in_area(self, register: int, place: int) -> str:
        """Print the address of one of them."""
        raise NotImplementedError

    def call_loop(self, register: int, name: str, thing: Any, *operands: int, stack: str = '%stack') -> None:
        """Print the call of a loop's function, or of the way back through it."""
        given = [*map(self.operand, operands[name == 'back' :])]
        if name == 'while':
            places = [*range(thing.states), *range(thing.states + 1, self.area_size(thing))]
        else:
            turns = thing.signals + thing.sums
            places = [*range(thing.signals), *range(turns, self.area_size(thing))]
            count = self.name()
            self.put(f'{count} = load {self.type}, ptr {self.in_area(operands[0], thing.states)}, align 8')
            given.insert(thing.signals, count)
        for place, operand in zip(places, given, strict=True):
            self.put(f'store {self.type} {operand}, ptr {self.in_area(register, place)}, align 8')
        area = self.in_area(register, 0)
        mask = f', {self.bools} {self.lanes_on}' if name == 'while' else ''
        self.put(f'call void @{self.loops.name(thing)}(ptr {area}{mask}, ptr {stack})')

    def total(self, result: str, terms: list[str]) -> None:
        total = self.zero
        for place, term in enumerate(terms, 1):
            name = result if place == len(terms) else self.name()
            self.put(f'{name} = fadd {self.flags}{self.type} {total}, {term}')
            total = name

    def dot(self, result: str, given: list[str]) -> None:
        """Add products up, each with one rounding where the machine can, from the last operand on.

        It is often there before the products are, as a bias is. Added to 0, it is never -0.0.
        """
        half, total = len(given) // 2, self.zero
        if given[-1] or not half:
            total = self.name() if half else result
            self.put(f'{total} = fadd {self.flags}{self.type} {given[-1] or self.zero}, {self.zero}')
        for place, (a, b) in enumerate(zip(given[:half], given[half:]), 1):
            name = result if place == half else self.name()
            self.multiply_add(name, a, b, total)
            total = name

    def multiply_add(self, result: str, a: str, b: str, c: str) -> None:
        kind = self.type
        self.put(f'{result} = call {self.flags}{kind} @llvm.fmuladd.{self.kind}({kind} {a}, {kind} {b}, {kind} {c})')

    @property
    def zero(self) -> str:
        return hexadecimal(0.0) if self.lanes == 1 else 'zeroinitializer'


def _cost(name: str, operands: tuple[Any, ...]) -> int:
    """Return about how many additions an instruction takes as long as."""
    cheap = name in (*BINARY, *CONDITIONS, 'select', 'neg', 'madd', 'abs', 'sum', 'dot')
    return len(operands) * (5 if name == 'div' else 1) if cheap else 20


class Straight(Native):
    #: Which lanes are computed at all.
    lanes_on = 'splat (i1 true)'

    def __init__(self, routine: Routine, lanes: int, sums: bool, fast: bool, loops: Any = None) -> None:
        self.routine, self.loops = routine, loops
        self.set_up(lanes, sums, fast)
        if lanes == 1:
            self.lanes_on = 'true'
        self.outputs: dict[int, list[int]] = defaultdict(list)
        for number, place in enumerate(routine.results):
            self.outputs[place].append(number)
        self.part = self._cut()
        self.kept_size = 0
        self.areas = self._areas()
        self.kept = self._crossing()
        self.here: set[int] = set()
        #: What a register is called that was set on a side.
        self.names: dict[int, str] = {}
        single = lanes == 1 and not (sums or self.areas or any(self.part))
        sides = {place: side for place, side in sides_of(routine, _cost).items() if side} if single else {}
        self.branches = Branches(self, routine, sides) if sides else None

    def parts(self) -> list[list[str]]:
        """Print the lines of every part."""
        parts: list[list[str]] = []
        for place, (name, operands) in enumerate(self.routine.instructions):
            if self.part[place] == len(parts):
                self.lines, self.here = [], set()
                parts.append(self.lines)
                for leaf in range(len(self.routine.instructions)) if self.branches else ():
                    if self.routine.instructions[leaf].name == 'row':
                        self.operand(leaf)  # before any branch
            if name == 'output' or (self.branches and place in self.branches.sides):
                continue
            if name in ('while', 'back'):
                self.put(f'%v{place}.stack = getelementptr {self.type}, ptr %kept, i64 0')
                self.call_loop(place, name, *operands, stack=f'%v{place}.stack')
                continue
            numbers = self.outputs[place]
            if name == 'mul' and self.sums and len(numbers) == self.routine.uses[place] == 1:
                self.store(numbers[0], *map(self.operand, operands))
                continue
            if name not in ELSEWHERE:
                if self.branches:
                    self.branches.compute(place, range(len(self.routine.instructions)))
                else:
                    self.compute(place)
                if place in self.kept:
                    self.put(f'%v{place}.at = getelementptr {self.type}, ptr %kept, i64 {self.kept[place]}')
                    self.put(f'store {self.type} %v{place}, ptr %v{place}.at')
            for number in numbers:
                self.store(number, self.operand(place))
        return parts

    def compute(self, place: int) -> None:
        self.instruction(f'%v{place}', *self.routine.instructions[place])
        self.here.add(place)

    def _cut(self) -> list[int]:
        """Number the part of each instruction."""
        part, length, result = 0, 0, []
        for name, operands in self.routine.instructions:
            length += 0 if name in LEAVES or name == 'output' else len(operands)
            result.append(part)
            if length > LENGTH:
                part, length = part + 1, 0
        return result

    def _areas(self) -> dict[int, int]:
        """Give memory to the operands and results of each loop, behind the beginning of their stack."""
        areas: dict[int, int] = {}
        for place, (name, operands) in enumerate(self.routine.instructions):
            if name in ('while', 'back'):
                self.kept_size = self.kept_size or -(-self.loops.head // self.lanes)
                areas[place] = self.kept_size
                self.kept_size += self.area_size(operands[0])
        return areas

    def in_area(self, register: int, place: int) -> str:
        where = self.name()
        self.put(f'{where} = getelementptr {self.type}, ptr %kept, i64 {self.areas[register] + place}')
        return where

    def _crossing(self) -> dict[int, int]:
        """Give a place in memory to each value that another part needs."""
        kept: dict[int, int] = {}
        instructions = self.routine.instructions

        def need(operands: list[int], part: int) -> None:
            for operand in operands:
                name = instructions[operand].name
                if self.part[operand] == part or name in ELSEWHERE:
                    continue
                if name in CONDITIONS:
                    need(self.routine.operands(operand), part)
                elif operand not in kept:
                    kept[operand] = self.kept_size
                    self.kept_size += 1

        for place, (name, _) in enumerate(instructions):
            if name not in (*LEAVES, 'item', 'output'):
                need(self.routine.operands(place), self.part[place])
        return kept

    def operand(self, place: int) -> str:
        """Return what stands for an operand; a parameter is read anew at each use."""
        name, operands = self.routine.instructions[place]
        if name == 'number':
            return self.constant(operands[0])
        if name == 'parameter':
            return self.parameter(operands[0].start)
        if place not in self.here:
            self.here.add(place)
            if name in CONDITIONS:  # made anew: a vector of bits is not kept
                self.instruction(f'%v{place}', name, operands)
                return f'%v{place}'
            memory, number = ('rows', operands[0].start) if name == 'row' else ('kept', self._home(place))
            self.put(f'%v{place}.at = getelementptr {self.type}, ptr %{memory}, i64 {number}')
            self.put(f'%v{place} = load {self.type}, ptr %v{place}.at')
        return self.names.get(place, f'%v{place}')

    def _home(self, place: int) -> int:
        """Return where in memory a number is that is not in a register."""
        name, operands = self.routine.instructions[place]
        return self.areas[operands[0]] + operands[1].place if name == 'item' else self.kept[place]

    def parameter(self, number: int) -> str:
        where, value = self.name(), self.name()
        self.put(f'{where} = getelementptr double, ptr %parameters, i64 {number}')
        self.spread(value, where)
        return value

    def store(self, number: int, *factors: str) -> None:
        """Store an output, or add it, or the product it is, to the sum that is there."""
        where, value = f'%o{number}', factors[0]
        self.put(f'{where} = getelementptr {self.type}, ptr %outputs, i64 {number}')
        if self.sums:
            before, value = self.name(), self.name()
            self.put(f'{before} = load {self.type}, ptr {where}')
            if len(factors) == 2:
                self.multiply_add(value, *factors, before)
            else:
                self.put(f'{value} = fadd {self.flags}{self.type} {before}, {factors[0]}')
        self.put(f'store {self.type} {value}, ptr {where}')
