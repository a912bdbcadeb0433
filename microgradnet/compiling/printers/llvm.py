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
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..ir.instructions import COMPARISONS, CONDITIONS, LEAVES
from ..ir.routine import Branch, Routine
from ..ir.sides import branched
from .llvm_terms import hexadecimal

__all__ = [
    'Block', 'Native', 'Straight', 'block', 'calls', 'counters', 'filled_lanes', 'in_every_lane', 'indented', 'loop',
]  # fmt: skip

#: How many operands one part has, about.
LENGTH = 1000
BINARY = {'add': 'fadd', 'sub': 'fsub', 'mul': 'fmul', 'div': 'fdiv'}
PREDICATES = {**{name: f'o{name}' for name in COMPARISONS}, 'ne': 'une', 'came': 'une'}
#: What is not in a register: leaves, and what a loop has left in memory.
ELSEWHERE = (*LEAVES, 'item', 'while', 'back')
NONE: Mapping[bool, Sequence[int]] = {}
ARGUMENTS = 'ptr noalias %rows, ptr noalias %parameters, ptr noalias %outputs, ptr noalias %kept'


class Block(NamedTuple):
    """The text of the parts, how many are to be called, and how many vectors are kept between them."""

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
    if lanes == 1 and not sums:
        routine = branched(routine)
    printer, text = Straight(routine, lanes, sums, fast, name, loops), ''
    for number, part in enumerate(printer.parts()):
        text += f'define internal void @{name}{number}({ARGUMENTS}) #0 {{\n{indented(part)}  ret void\n}}\n'
    return Block(text, printer.count, printer.kept_size)


def indented(lines: Iterable[str]) -> str:
    """Print the lines of a function's body; labels stand out."""
    return ''.join(f'{line}\n' if line.endswith(':') else f'  {line}\n' for line in lines)


def calls(name: str, parts: Iterable[int]) -> list[str]:
    """Print the calls of parts of a block, with the arguments that are there under their names."""
    words = (word.rstrip(',') for word in ARGUMENTS.split() if word.startswith('%'))
    given = ', '.join(f'ptr {word}' for word in words)
    return [f'call void @{name}{part}({given})' for part in parts]


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
        #: What registers are called that are at hand; the basic block, and in how many branches it is.
        self.names: dict[int, str] = {}
        self.label, self.depth = 'entry', 0

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

    def block(self, block: Sequence[Any]) -> None:
        for item in block:
            self.item(item)

    def item(self, item: Any) -> None:
        """Print what is in a block."""
        raise NotImplementedError

    def side(self, block: Sequence[Any], parts: Sequence[int]) -> None:
        """Print a side of a branch, or the calls of the functions that it was made into."""
        self.block(block)

    def branch(self, condition: int, branch: Branch, apart: Mapping[bool, Sequence[int]] = NONE) -> None:
        """Print a branch; what comes out of it is of one of its sides by a ``phi``."""
        holds, name, before = self.operand(condition), self.name()[1:], self.names
        ends: list[tuple[str, list[str], dict[int, str]]] = []
        self.put(f'br i1 {holds}, label %{name}.yes, label %{name}.no')
        self.depth += 1
        for side, block in branch.sides:
            self.names = {**before}
            self.begin(f'{name}.{"yes" if side else "no"}')
            self.side(block, apart.get(side, ()))
            chosen = [self.operand(self.routine.instructions[one].operands[2 - side]) for one in branch.joined]
            left = {one: self.names.get(one, self.register(one)) for one, where in branch.left.items() if where is side}
            ends.append((self.label, chosen, left))
            self.put(f'br label %{name}.end')
        self.depth -= 1
        self.names = before
        self.begin(f'{name}.end')
        (yes, given, left), (no, others, right) = ends
        for one, a, b in zip(branch.joined, given, others):
            self.names[one] = self.register(one)
            self.put(f'{self.register(one)} = phi double [ {a}, %{yes} ], [ {b}, %{no} ]')
        for one in branch.left if not apart else ():  # what functions of their own have set is in memory
            is_condition = self.routine.instructions[one].name in CONDITIONS
            kind, none = ('i1', 'false') if is_condition else ('double', self.zero)
            a, b = left.get(one, none), right.get(one, none)
            self.names[one] = self.name()
            self.put(f'{self.names[one]} = phi {kind} [ {a}, %{yes} ], [ {b}, %{no} ]')

    def begin(self, label: str) -> None:
        """Begin a basic block."""
        self.label = label
        self.put(f'{label}:')

    def register(self, place: int) -> str:
        """Return what an instruction's result is called where it is set."""
        return f'%v{place}'

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


class Straight(Native):
    #: Which lanes are computed at all.
    lanes_on = 'splat (i1 true)'

    def __init__(
        self, routine: Routine, lanes: int, sums: bool, fast: bool, name: str = 'part', loops: Any = None
    ) -> None:
        self.routine, self.loops, self.function = routine, loops, name
        self.set_up(lanes, sums, fast)
        if lanes == 1:
            self.lanes_on = 'true'
        self.outputs: dict[int, list[int]] = defaultdict(list)
        for number, place in enumerate(routine.results):
            self.outputs[place].append(number)
        #: What each function does, those first that are called one after the other; in which one a register is set.
        self.bodies: list[list[int]] = []
        self.part: dict[int, int] = {}
        #: The functions that do both sides of a long branch.
        self.apart: dict[int, dict[bool, list[int]]] = {}
        self.count = self._cut()
        self.kept_size = 0
        self.areas = self._areas()
        self.kept = self._crossing()

    def parts(self) -> list[list[str]]:
        """Print the lines of every part."""
        parts = []
        for body in self.bodies:
            self.lines, self.names, self.label = [], {}, 'entry'
            self.block(body)
            parts.append(self.lines)
        return parts

    def item(self, place: int) -> None:
        name, operands = self.routine.instructions[place]
        if name == 'branch':
            condition, branch = operands
            self.branch(condition, branch, self.apart.get(place, NONE))
            for joined in branch.joined:
                self.done(joined)
        elif name in ('while', 'back'):
            self.put(f'%v{place}.stack = getelementptr {self.type}, ptr %kept, i64 0')
            self.call_loop(place, name, *operands, stack=f'%v{place}.stack')
        elif name == 'output':
            number, result = operands
            if self.routine.instructions[result].name in LEAVES:
                self.store(number.start, self.operand(result))
        elif name == 'mul' and self.sums and len(self.outputs[place]) == self.routine.uses[place] == 1:
            self.store(self.outputs[place][0], *map(self.operand, operands))
        elif name not in LEAVES:
            if name != 'item':
                self.instruction(f'%v{place}', name, operands)
                self.names[place] = f'%v{place}'
            self.done(place)

    def done(self, place: int) -> None:
        """Store what is set for whom it is for elsewhere."""
        if place in self.kept:
            where = self.name() if self.depth else f'%v{place}.at'
            self.put(f'{where} = getelementptr {self.type}, ptr %kept, i64 {self.kept[place]}')
            self.put(f'store {self.type} {self.operand(place)}, ptr {where}')
        for number in self.outputs[place]:
            self.store(number, self.operand(place))

    def side(self, block: Sequence[Any], parts: Sequence[int]) -> None:
        if parts:
            self.lines += calls(self.function, parts)
        else:
            self.block(block)

    def _cut(self) -> int:
        """Give each function what it does, about as much as is not too much; return how many are for the whole."""
        routine = self.routine

        def length(block: Sequence[Any]) -> int:
            total = 0
            for item in block:
                name, operands = routine.instructions[item]
                total += 0 if name in LEAVES or name == 'output' else len(operands)
                if name == 'branch':
                    total += length(operands[1].yes) + length(operands[1].no) + 3 * len(operands[1].joined)
            return total

        def set_in(part: int, block: Sequence[Any]) -> None:
            for item in block:
                self.part[item] = part
                if branch := routine.branches.get(item):
                    for inner in branch.yes, branch.no, branch.joined:
                        set_in(part, inner)

        def cut(block: Sequence[Any]) -> list[int]:
            parts, left, long = list[int](), 0, list[int]()
            for item in block:
                if left <= 0:
                    parts.append(len(self.bodies))
                    self.bodies.append([])
                    left = LENGTH + 1
                self.bodies[-1].append(item)
                size = length([item])
                set_in(parts[-1], [item])
                if item in routine.branches and size > LENGTH:
                    long.append(item)
                    size = 3 * len(routine.branches[item].joined)
                left -= size
            for item in long:
                self.apart[item] = {side: cut(inner) for side, inner in routine.branches[item].sides}
            return parts

        return len(cut(routine.blocks[0]))

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
                if name in ELSEWHERE or self.part[operand] == part:
                    continue
                if name in CONDITIONS:
                    need(self.routine.operands(operand), part)
                elif operand not in kept:
                    kept[operand] = self.kept_size
                    self.kept_size += 1

        for place, part in self.part.items():
            if instructions[place].name not in (*LEAVES, 'item', 'output'):
                need(self.routine.operands(place), part)
        return kept

    def operand(self, place: int) -> str:
        """Return what stands for an operand; a parameter is read anew at each use."""
        name, operands = self.routine.instructions[place]
        if name == 'number':
            return self.constant(operands[0])
        if name == 'parameter':
            return self.parameter(operands[0].start)
        if place not in self.names:
            result = self.names[place] = self.name() if self.depth else f'%v{place}'
            if name in CONDITIONS:  # made anew: a vector of bits is not kept
                self.instruction(result, name, operands)
                return result
            memory, number = ('rows', operands[0].start) if name == 'row' else ('kept', self._home(place))
            self.put(f'{result}.at = getelementptr {self.type}, ptr %{memory}, i64 {number}')
            self.put(f'{result} = load {self.type}, ptr {result}.at')
        return self.names[place]

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
