"""Loops whose count depends on the numbers, as LLVM's text: functions that run until the last lane is done.

A lane whose loop is done keeps its state. Operands and results are in memory, vector after vector, in an area of
the caller's: of a loop its state, how many turns each lane took, what is outside; of the way back the signals, the
sums, the turns, what is outside. States of turns are kept on a stack that grows, one for all loops: a way back takes
off it what its loop has put there. Before its numbers there are, each of 8 bytes: where they are, how many there
are, how many there is room for, and which loop has failed: 0 for none, 1 where there is no memory, -1 where a signal
has raised, else 2 and its place in ``limits``. Behind that there is room for what was raised, and the second at which
it was last asked for. Who says from another thread that one has failed ends all loops.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.routine import Routine
from ..ir.sides import branched
from ..ir.while_loops import Back, While
from .infix import Loops
from .llvm import Native, in_every_lane, indented

__all__ = ['FAILED', 'HEAD', 'INTERRUPTED', 'SYMBOLS', 'LoopFunctions', 'limits', 'stack']

#: Where it is said which loop has failed, what it says of a signal that has raised, and how much there is in all.
FAILED, INTERRUPTED, HEAD = 3, -1, 8
#: The functions of C and of Python that are called.
SYMBOLS = ('realloc', 'free', 'time', 'PyGILState_Ensure', 'PyErr_CheckSignals', 'PyErr_Fetch', 'PyGILState_Release')
#: After so many turns, a power of two, a loop looks at the clock, and each second it asks whether there was a signal,
#: as Ctrl-C is one: not more often, as that waits for Python's lock.
OFTEN = 1 << 12
GROW = """declare ptr @realloc(ptr, i64)
declare void @free(ptr)
define internal i1 @grow(ptr %stack, i64 %more) noinline {
  %room.at = getelementptr i64, ptr %stack, i64 2
  %room = load i64, ptr %room.at
  %twice = mul i64 %room, 2
  %some = add i64 %twice, 1024
  %new = add i64 %some, %more
  %size = mul i64 %new, 8
  %before = load ptr, ptr %stack
  %after = call ptr @realloc(ptr %before, i64 %size)
  %none = icmp eq ptr %after, null
  br i1 %none, label %failed, label %grown
failed:
  %failed.at = getelementptr i64, ptr %stack, i64 3
  store i64 1, ptr %failed.at
  ret i1 false
grown:
  store ptr %after, ptr %stack
  store i64 %new, ptr %room.at
  ret i1 true
}
declare i32 @PyGILState_Ensure()
declare i32 @PyErr_CheckSignals()
declare void @PyErr_Fetch(ptr, ptr, ptr)
declare void @PyGILState_Release(i32)
declare i64 @time(ptr)
define internal void @ask(ptr %stack) noinline {
  %now = call i64 @time(ptr null)
  %last.at = getelementptr i64, ptr %stack, i64 7
  %last = load i64, ptr %last.at
  store i64 %now, ptr %last.at
  %first = icmp eq i64 %last, 0
  %same = icmp eq i64 %now, %last
  %soon = or i1 %first, %same
  br i1 %soon, label %over, label %asking
asking:
  %state = call i32 @PyGILState_Ensure()
  %raised = call i32 @PyErr_CheckSignals()
  %none = icmp eq i32 %raised, 0
  br i1 %none, label %asked, label %failed
failed:
  %failed.at = getelementptr i64, ptr %stack, i64 3
  store i64 -1, ptr %failed.at
  %type.at = getelementptr i64, ptr %stack, i64 4
  %value.at = getelementptr i64, ptr %stack, i64 5
  %traceback.at = getelementptr i64, ptr %stack, i64 6
  call void @PyErr_Fetch(ptr %type.at, ptr %value.at, ptr %traceback.at)
  br label %asked
asked:
  call void @PyGILState_Release(i32 %state)
  br label %over
over:
  ret void
}
"""


def stack(at: int) -> str:
    """Print what begins and ends with an empty stack, at a place of scratch memory; who has failed stays."""
    clear = ''.join(
        f'  %at{k} = getelementptr i64, ptr %stack, i64 {k}\n  store i64 0, ptr %at{k}\n' for k in range(FAILED)
    )
    return f"""define internal void @begin(ptr %scratch) {{
  %stack = getelementptr double, ptr %scratch, i64 {at}
{clear}  ret void
}}
define internal void @end(ptr %scratch) {{
  %stack = getelementptr double, ptr %scratch, i64 {at}
  %numbers = load ptr, ptr %stack
  call void @free(ptr %numbers)
  ret void
}}
"""


def limits(routine: Routine) -> list[While]:
    """List the loops in a routine that have a limit, those inside of others too."""
    found = []
    for thing in routine.inner:
        if isinstance(thing, While) and thing.limit is not None:
            found.append(thing)
        found += [loop for inside in thing.routines for loop in limits(inside)]
    return found


class LoopFunctions:
    """The functions of a routine's loops, each once."""

    head = HEAD

    def __init__(self, routine: Routine, lanes: int, fast: bool) -> None:
        self.lanes, self.fast, self.loops = lanes, fast, Loops()
        self.codes = {repr(loop): 2 + place for place, loop in reversed([*enumerate(limits(routine))])}

    @property
    def text(self) -> str:
        lines = [GROW, *self.loops.texts]
        if self.lanes > 1:
            lines += [f'declare i1 @llvm.vector.reduce.or.v{self.lanes}i1(<{self.lanes} x i1>)',
                      f'declare double @llvm.vector.reduce.fmax.v{self.lanes}f64(<{self.lanes} x double>)']  # fmt: skip
        return '\n'.join(lines)

    def name(self, thing: While | Back) -> str:
        """Return the name of a loop's function."""
        if isinstance(thing, While):
            return self.loops.name('loop', thing, lambda name, loop: _Function(self).loop(name, loop))
        return self.loops.name('back', thing, lambda name, back: _Function(self).back(name, back))


class _Function(Native):
    """Prints one function: its routines are written into it one after the other."""

    def __init__(self, functions: LoopFunctions) -> None:
        self.set_up(functions.lanes, False, functions.fast)
        self.loops, self.lanes_on = functions, '%now'
        self.areas: list[str] = []
        self.parameters: list[str] = []
        self.letter = ''

    def inside(self, routine: Routine, letter: str) -> list[str]:
        """Print a routine, whose registers begin with a letter; return its outputs."""
        self.routine, self.letter, self.names = branched(routine) if self.lanes == 1 else routine, letter, {}
        self.block(self.routine.blocks[0])
        return [*map(self.operand, routine.results)]

    def item(self, register: int) -> None:
        name, operands = self.routine.instructions[register]
        if name == 'branch':
            self.branch(*operands)
        elif name in ('while', 'back'):
            size = self.area_size(operands[0])
            self.areas.append(f'{self.area(register)} = alloca [{size} x {self.type}], align 64')
            self.call_loop(register, name, *operands)
        elif name == 'item':
            self.load(self.register(register), self.in_area(operands[0], operands[1].place))
        elif name not in ('parameter', 'output'):
            self.instruction(self.register(register), name, operands)

    def register(self, place: int) -> str:
        return f'%{self.letter}{place}'

    def area(self, register: int) -> str:
        return f'%{self.letter}{register}.area'

    def in_area(self, register: int, place: int) -> str:
        return self.at(self.area(register), place)

    def at(self, pointer: str, place: int, kind: str = '') -> str:
        where = self.name()
        self.put(f'{where} = getelementptr {kind or self.type}, ptr {pointer}, i64 {place}')
        return where

    def load(self, result: str, where: str) -> None:
        self.put(f'{result} = load {self.type}, ptr {where}, align 8')

    def operand(self, place: int) -> str:
        name, operands = self.routine.instructions[place]
        if name == 'number':
            return self.constant(operands[0])
        if name == 'parameter':
            return str(self.parameters[operands[0].start])
        return self.names.get(place, self.register(place))

    def given(self, names: Sequence[str], first: int) -> None:
        """Load operands from the area, from a place on."""
        for place, name in enumerate(names, first):
            self.load(name, self.at('%area', place))

    def turns(self, names: Sequence[str], end: str) -> None:
        """Begin what is done again: names for numbers of this turn, those of the next end with ``.next``."""
        for name in names:
            self.put(f'{name} = phi {self.type} [ {name}.start, %entry ], [ {name}.next, %{end} ]')

    def choose(self, result: str, mask: str, yes: str, no: str) -> None:
        self.put(f'{result} = select {self.bools} {mask}, {self.type} {yes}, {self.type} {no}')

    def reduced(self, result: str, kind: str, how: str, vector: str) -> None:
        """Print what all lanes are together."""
        short = 'i1' if kind == 'i1' else 'f64'
        call = f'call {kind} @llvm.vector.reduce.{how}.v{self.lanes}{short}(<{self.lanes} x {kind}> {vector})'
        self.put(f'{result} = ' + (call if self.lanes > 1 else f'select i1 true, {kind} {vector}, {kind} {vector}'))

    def loop(self, name: str, loop: While) -> str:
        n = loop.states
        state, outside = [f'%s{k}' for k in range(n)], [f'%o{k}' for k in range(loop.outside)]
        self.parameters = state + outside
        self.given([f'{s}.start' for s in state], 0)
        self.given(outside, n + 1)
        self.put('%failed.at = getelementptr i64, ptr %stack, i64 3')
        self.put('br label %head')
        self.put('head:')
        self.turns(state, 'end')
        self.put(f'%count = phi {self.type} [ {self.zero}, %entry ], [ %count.next, %end ]')
        self.put(f'%active = phi {self.bools} [ %mask, %entry ], [ %now, %end ]')
        self.put('%turn = phi i64 [ 0, %entry ], [ %turn.next, %end ]')
        self.lanes_on = '%active'
        (holds,) = self.inside(loop.condition, 'c')
        self.put(f'%now = and {self.bools} %active, {holds}')
        self.reduced('%some', 'i1', 'or', '%now')
        self.put('%failed = load i64, ptr %failed.at')
        self.put('%well = icmp eq i64 %failed, 0')
        self.put('%more = and i1 %some, %well')
        self.put('br i1 %more, label %go, label %done')
        self.put('go:')
        if loop.limit is not None:
            self.put(f'%over = icmp sge i64 %turn, {loop.bound}')
            self.put('br i1 %over, label %limited, label %within')
            self.put('limited:')
            self.put(f'store i64 {self.loops.codes[repr(loop)]}, ptr %failed.at')
            self.put('br label %done')
            self.put('within:')
        if loop.keeps:
            self.push(state)
        self.lanes_on = '%now'
        for s, new in zip(state, self.inside(loop.body, 'b')):
            self.choose(f'{s}.next', '%now', new, s)
        self.put(f'%one = uitofp {self.bools} %now to {self.type}')
        self.put(f'%count.next = fadd {self.type} %count, %one')
        self.put('%turn.next = add i64 %turn, 1')
        self.put(f'%since = and i64 %turn.next, {OFTEN - 1}')
        self.put('%long = icmp eq i64 %since, 0')
        self.put('br i1 %long, label %asking, label %end')
        self.put('asking:')
        self.put('call void @ask(ptr %stack)')
        self.put('br label %end')
        self.put('end:')
        self.put('br label %head')
        self.put('done:')
        for place, result in enumerate([*state, '%count']):
            self.put(f'store {self.type} {result}, ptr {self.at("%area", place)}, align 8')
        return self.defined(name, f'ptr %area, {self.bools} %mask, ptr %stack')

    def push(self, state: Sequence[str]) -> None:
        """Put a state on the stack."""
        size = len(state) * self.lanes
        self.put('%used.at = getelementptr i64, ptr %stack, i64 1')
        self.put('%room.at = getelementptr i64, ptr %stack, i64 2')
        self.put('%used = load i64, ptr %used.at')
        self.put('%room = load i64, ptr %room.at')
        self.put(f'%after = add i64 %used, {size}')
        self.put('%fits = icmp sle i64 %after, %room')
        self.put('br i1 %fits, label %push, label %full')
        self.put('full:')
        self.put(f'%grown = call i1 @grow(ptr %stack, i64 {size})')
        self.put('br i1 %grown, label %push, label %done')
        self.put('push:')
        self.put('%numbers = load ptr, ptr %stack')
        self.put('%top = getelementptr double, ptr %numbers, i64 %used')
        for place, s in enumerate(state):
            self.put(f'store {self.type} {s}, ptr {self.at("%top", place)}, align 8')
        self.put('store i64 %after, ptr %used.at')

    def back(self, name: str, back: Back) -> str:
        n, a, b = back.states, back.signals, back.sums
        state, outside = [f'%s{k}' for k in range(n)], [f'%o{k}' for k in range(back.outside)]
        signals, sums = [f'%g{k}' for k in range(a)], [f'%c{k}' for k in range(b)]
        self.parameters = state + outside + signals
        self.given([f'{g}.start' for g in signals], 0)
        self.given(['%count'], a + b)
        self.given(outside, a + b + 1)
        self.reduced('%most', 'double', 'fmax', '%count')
        self.put('%turns = fptosi double %most to i64')
        self.put('%used.at = getelementptr i64, ptr %stack, i64 1')
        self.put('br label %head')
        self.put('head:')
        self.turns(signals, 'end')
        for c in sums:
            self.put(f'{c} = phi {self.type} [ {self.zero}, %entry ], [ {c}.next, %end ]')
        self.put('%left = phi i64 [ %turns, %entry ], [ %turn, %end ]')
        self.put('%more = icmp sgt i64 %left, 0')
        self.put('br i1 %more, label %body, label %done')
        self.put('body:')
        self.put('%turn = sub i64 %left, 1')
        self.put('%number = sitofp i64 %turn to double')
        every = '%number'
        if self.lanes > 1:
            every = '%number.all'
            self.lines += in_every_lane(every, 'double', '%number', self.lanes)
        self.put(f'%now = fcmp olt {self.type} {every}, %count')
        self.put('%used = load i64, ptr %used.at')
        self.put(f'%before = sub i64 %used, {n * self.lanes}')
        self.put('store i64 %before, ptr %used.at')
        self.put('%all = load ptr, ptr %stack')
        self.put('%top = getelementptr double, ptr %all, i64 %before')
        for place, s in enumerate(state):
            self.load(s, self.at('%top', place))
        new = self.inside(back.body, 'b')
        for g, signal in zip(signals, new):
            self.choose(f'{g}.next', '%now', signal, g)
        for c, signal in zip(sums, new[a:]):
            self.choose(f'{c}.more', '%now', signal, self.zero)
            self.put(f'{c}.next = fadd {self.flags}{self.type} {c}, {c}.more')
        self.put('br label %end')
        self.put('end:')
        self.put('br label %head')
        self.put('done:')
        for place, result in enumerate(signals + sums):
            self.put(f'store {self.type} {result}, ptr {self.at("%area", place)}, align 8')
        return self.defined(name, 'ptr %area, ptr %stack')

    def defined(self, name: str, parameters: str) -> str:
        body = indented(self.areas + self.lines)
        return f'define internal void @{name}({parameters}) nounwind {{\nentry:\n{body}  ret void\n}}\n'
