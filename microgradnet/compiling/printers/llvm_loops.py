"""Routines printed as LLVM's text: loops around the instructions of ``llvm``.

A block of rows is computed at a time, one row in each SIMD lane, as in straight
programs; sums over rows are added up over the lanes as soon as they are there, since
there is no room for a sum of each lane of each parameter. What a loop carries is in
registers; other numbers that are kept are in memory, vector after vector.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.nests import Affine
from ..ir.products import Product, taken_apart
from ..ir.routine import Block, Loop, Routine
from ..ir.sides import branched
from ..ir.unroll import jam
from . import llvm_products
from .libm import declarations, definitions
from .llvm import Native, counters, filled_lanes, indented, loop
from .llvm_driver import Driver
from .llvm_terms import hexadecimal

__all__ = ['module']

#: Products are of so many rows at a time at least, if what is kept of them is no more than so many numbers.
ROWS, NEAR = 128, 1 << 19
#: So many neurons are done together where there are products; with rows in two registers sixteen are in use.
TOGETHER = 6
POINTERS = ('rows', 'parameters', 'outputs', 'kept', 'rolling', 'signals')
ARGUMENTS = ', '.join(f'ptr noalias %{name}' for name in POINTERS) + ', i64 %filled'
GIVEN = ', '.join(f'ptr %{name}' for name in POINTERS) + ', i64 %filled'


def module(
    routine: Routine, lanes: int, adding: bool, fast: bool = False, full: bool = False, register: int = 4
) -> tuple[str, int]:
    """Print a module, as ``llvm_driver.module`` does for straight programs.

    With ``full`` the rows fill all lanes, and sums need not leave any out. ``register`` is how many lanes are in a
    register: of rows in several of them, products of matrices are done apart.
    """
    routine, products = taken_apart(routine) if adding and lanes > register else (routine, [])
    routine = jam(routine, TOGETHER if products else None)
    printer = _Loops(branched(routine) if lanes == 1 else routine, lanes, adding, fast)
    printer.full = full
    calls = printer.functions()
    driver = _LoopDriver(routine, lanes, adding, calls, products)
    names = routine.used()
    text = [definitions(names, lanes, False), declarations(names), printer.table(), *printer.done]
    text += [printer.reduction, driver.block(), driver.pack(), driver.batch(adding), driver.sums()]
    text += [] if adding else [driver.each(), driver.blocks()]
    text += [llvm_products.declaration(lanes, register), driver.later(register)] if products else []
    text.append('declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)')
    return '\n'.join([*text, 'attributes #0 = { nounwind }']), driver.scratch


class _Loops(Native):
    def __init__(self, routine: Routine, lanes: int, sums: bool, fast: bool) -> None:
        self.routine = routine
        self.set_up(lanes, sums, fast)
        self.done: list[str] = []
        self.counters: list[str] = []
        self.loops = 0
        self.full = False

    @property
    def align(self) -> str:
        return f', align {min(64, 8 * self.lanes)}'

    @property
    def reduction(self) -> str:
        if self.lanes == 1:
            return ''
        return f'declare double @llvm.vector.reduce.fadd.{self.kind}(double, {self.type})'

    def table(self) -> str:
        """Print the constants that are looked up."""
        if not any(name == 'table' for name, _ in self.routine.instructions):
            return ''
        numbers = self.routine.table
        items = ', '.join(f'double {hexadecimal(number)}' for number in numbers)
        return f'@table = internal constant [{len(numbers)} x double] [{items}]'

    def functions(self) -> list[str]:
        """Print each block as a function; return the calls."""
        return [self.function(block) for block in self.routine.blocks]

    def function(self, block: Block) -> str:
        """Print a function of a block and of the counters around it; return the call."""
        before = self.lines, self.label, self.names
        self.lines, self.label, self.names = [], 'entry', {}
        self.block(block)
        name = f'part{len(self.done)}'
        counters = ''.join(f', i64 {counter}' for counter in self.counters)
        mask = [] if self.lanes == 1 or self.full else filled_lanes('%mask', '%filled', self.lanes)
        body = indented(mask + self.lines)
        self.done.append(f'define internal void @{name}({ARGUMENTS}{counters}) #0 {{\nentry:\n{body}  ret void\n}}\n')
        self.lines, self.label, self.names = before
        return f'call void @{name}({GIVEN}{counters})'

    def item(self, item: int | Loop) -> None:
        if isinstance(item, Loop):
            self.loop(item)
        else:
            self.statement(item)

    def loop(self, loop: Loop) -> None:
        self.loops += 1
        name, before = f'loop{self.loops}', self.label
        start, step = (loop.count - 1, -1) if loop.backwards else (0, 1)
        more = 'sge i64 {}, 0' if loop.backwards else f'slt i64 {{}}, {loop.count}'
        self.put(f'br label %{name}')
        self.begin(name)
        self.put(f'%i.{name} = phi i64 [ {start}, %{before} ], [ %next.{name}, %end.{name} ]')
        for carry in loop.carries:
            first, after = self.operand(carry.start), self.operand(carry.after)
            self.put(f'%v{carry.register} = phi {self.type} [ {first}, %{before} ], [ {after}, %end.{name} ]')
        self.counters.append(f'%i.{name}')
        for block in loop.blocks:
            if len(loop.blocks) > 1:
                self.put(self.function(block))
            else:
                self.block(block)
        self.counters.pop()
        self.put(f'br label %end.{name}')
        self.put(f'end.{name}:')
        self.put(f'%next.{name} = add i64 %i.{name}, {step}')
        self.put(f'%more.{name} = icmp {more.format(f"%next.{name}")}')
        self.put(f'br i1 %more.{name}, label %{name}, label %done.{name}')
        self.begin(f'done.{name}')

    def statement(self, register: int) -> None:
        name, operands = self.routine.instructions[register]
        if name in ('row', 'load'):
            memory = 'rows' if name == 'row' else operands[0]
            self.put(f'%v{register} = load {self.type}, ptr {self.address(memory, operands[-1])}{self.align}')
        elif name == 'parameter':
            self.spread(f'%v{register}', self.address('parameters', operands[0], 'double'))
        elif name == 'table':
            self.spread(f'%v{register}', self.address('table', operands[0], 'double', '@'))
        elif name == 'store':
            where = self.address(*operands[:2])
            self.put(f'store {self.type} {self.operand(operands[2])}, ptr {where}{self.align}')
        elif name == 'branch':
            self.branch(*operands)
        elif name == 'output':
            self.give('outputs', operands[0], operands[1:], adding=self.sums)
        elif name == 'add_to':
            self.give(operands[0], operands[1], operands[2:], adding=True)
        else:
            self.instruction(f'%v{register}', name, operands)

    def give(self, memory: str, number: Affine, factors: tuple[int, ...], adding: bool) -> None:
        """Store a number, or add it, or the product it is of two, to what is there."""
        given = [self.operand(factor) for factor in factors]
        reduced = memory == 'outputs' and self.sums and self.lanes > 1
        kind = 'double' if reduced else self.type
        where = self.address(memory, number, kind)
        align = '' if reduced else self.align
        if not adding:
            self.put(f'store {kind} {given[0]}, ptr {where}{align}')
            return
        before, after = self.name(), self.name()
        self.put(f'{before} = load {kind}, ptr {where}{align}')
        if reduced:
            if len(given) == 2:
                product = self.name()
                self.put(f'{product} = fmul {self.flags}{self.type} {given[0]}, {given[1]}')
                given = [product]
            filled = given[0] if self.full else self.name()
            zero = f'{self.type} zeroinitializer'
            if not self.full:
                self.put(f'{filled} = select <{self.lanes} x i1> %mask, {self.type} {given[0]}, {zero}')
            reduce = f'@llvm.vector.reduce.fadd.{self.kind}(double {before}, {self.type} {filled})'
            self.put(f'{after} = call reassoc double {reduce}')
        elif len(given) == 2:
            self.multiply_add(after, given[0], given[1], before)
        else:
            self.put(f'{after} = fadd {self.flags}{kind} {before}, {given[0]}')
        self.put(f'store {kind} {after}, ptr {where}{align}')

    def address(self, memory: str, number: Affine, kind: str = '', sign: str = '%') -> str:
        """Print the address of a number at an affine place."""
        at = str(number.start)
        for counter, step in zip(self.counters, number.steps):
            if step:
                product, total = self.name(), self.name()
                self.put(f'{product} = mul i64 {counter}, {step}')
                self.put(f'{total} = add i64 {at}, {product}')
                at = total
        if memory == 'rolling':
            at, logical = self.name(), at
            self.put(f'{at} = and i64 {logical}, {self.routine.rolling - 1}')
        where = self.name()
        self.put(f'{where} = getelementptr {kind or self.type}, ptr {sign}{memory}, i64 {at}')
        return where

    def operand(self, place: int) -> str:
        name, operands = self.routine.instructions[place]
        return self.constant(operands[0]) if name == 'number' else self.names.get(place, f'%v{place}')


class _LoopDriver(Driver):
    """What goes around a routine: sums are numbers, not vectors of them, and added up where they are wanted."""

    def __init__(
        self, routine: Routine, lanes: int, adding: bool, calls: list[str], products: Sequence[Product]
    ) -> None:
        self.set_up(routine.width, routine.count, lanes, small=False)
        self.calls, self.adding, self.products = calls, adding, products
        #: The outputs of each row begin at 0 where something is added to them.
        self.clears = not adding and routine.adds
        self.kept, self.rolling, self.signals = (size * lanes for size in routine.sizes.values())
        self.results = 0 if adding else -(-self.count * lanes // 8) * 8
        #: So many blocks have what is kept beside each other, until their products are added up.
        self.panel = 1
        if products:
            self.kept += lanes * (1 - routine.kept % 2)  # so that blocks do not share the same few lines of a cache
            while self.panel * lanes < ROWS and 2 * self.panel * self.kept <= NEAR:
                self.panel *= 2
        self.scratch = self.results + self.panel * self.kept + self.rolling + self.signals

    def block(self) -> str:
        calls = '\n'.join(f'  {call}' for call in self.calls)
        size = 8 * self.signals
        clear = f'  call void @llvm.memset.p0.i64(ptr %signals, i8 0, i64 {size}, i1 false)\n' * bool(size)
        if self.clears:
            size = 8 * self.results
            clear += f'  call void @llvm.memset.p0.i64(ptr %outputs, i8 0, i64 {size}, i1 false)\n'
        return f"""define internal void @block(
  ptr %packed, i64 %number, ptr %parameters, ptr %outputs, ptr %scratch, i64 %filled
) #0 {{
  %start = mul i64 %number, {self.width * self.lanes}
  %rows = getelementptr double, ptr %packed, i64 %start
  %slot = and i64 %number, {self.panel - 1}
  %skip0 = mul i64 %slot, {self.kept}
  %skip = add i64 %skip0, {self.results}
  %kept = getelementptr double, ptr %scratch, i64 %skip
  %rolling = getelementptr double, ptr %scratch, i64 {self.results + self.panel * self.kept}
  %signals = getelementptr double, ptr %rolling, i64 {self.rolling}
{clear}{calls}
  ret void
}}
"""

    def call(self, number: str, outputs: str = '%scratch') -> str:
        to = f'ptr {outputs}, ptr %scratch'
        return f'  call void @block(ptr %packed, i64 {number}, ptr %parameters, {to}, i64 %filled)'

    def batch(self, adding: bool, name: str = 'batch') -> str:
        given = 'ptr %packed, i64 %b, i64 %left, ptr %results, ptr %scratch, i64 %filled'
        later = f'\n  call void @later({given})' * bool(self.products)
        run = f"""
  %first = mul i64 %b, {self.lanes}
  %left = sub i64 %n, %first
  %filled = call i64 @llvm.smin.i64(i64 %left, i64 {self.lanes})
{self.call('%b', '%results')}{later}"""
        return f"""define void @{name}(ptr %packed, ptr %parameters, i64 %n, ptr %scratch, ptr %results) {{
{counters('b')}
  %up = add i64 %n, {self.lanes - 1}
  %blocks = sdiv i64 %up, {self.lanes}
  call void @llvm.memset.p0.i64(ptr %results, i8 0, i64 {8 * self.count}, i1 false)
{loop('b', '%blocks', run)}
  ret void
}}
"""

    def later(self, register: int) -> str:
        """Print the function that does the products of all blocks that are kept, when they are many or the last."""
        sizes = {'kept': self.kept, 'rows': self.width * self.lanes}
        calls = llvm_products.calls(self.products, self.lanes, register, sizes)
        return f"""define internal void @later(
  ptr %packed, i64 %number, i64 %left, ptr %outputs, ptr %scratch, i64 %filled
) #0 {{
  %slot = and i64 %number, {self.panel - 1}
  %full = icmp eq i64 %slot, {self.panel - 1}
  %last = icmp sle i64 %left, {self.lanes}
  %due = or i1 %full, %last
  br i1 %due, label %now, label %done
now:
  %blocks = add i64 %slot, 1
  %first = sub i64 %number, %slot
  %start = mul i64 %first, {self.width * self.lanes}
  %rows = getelementptr double, ptr %packed, i64 %start
  %kept = getelementptr double, ptr %scratch, i64 {self.results}
{calls}  br label %done
done:
  ret void
}}
"""
