"""What goes around a printed block, as LLVM's text: loops over blocks, batches and epochs.

The functions of a module (``rows`` are float64 numbers at any strides, in bytes;
``packed`` are rows in blocks: number after number, lane after lane, the last block
filled up with copies of its last row):

``pack(rows, down, across, n, packed)``
    copies n rows into blocks.
``each(rows, down, across, n, packed, parameters, scratch, results)``
    packs rows and stores the outputs of each.
``sums(rows, down, across, n, packed, parameters, scratch, results)``
    packs rows and stores the outputs summed over them.
``batch(packed, parameters, n, scratch, results)``
    does the same with rows that are packed already: what a descent calls, too (``llvm_update``).
``blocks(packed, parameters, n, scratch, results)``
    stores the outputs of packed rows, in blocks: output after output, lane after lane.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..ir.hoist import Pieces, hoisted
from ..ir.routine import Routine
from .libm import declarations, definitions
from .llvm import Block, block, calls, counters, filled_lanes, loop
from .llvm_terms import hexadecimal
from .llvm_update import descent, stage
from .llvm_while import LoopFunctions, stack

__all__ = ['COPIES', 'INLINE', 'WAYS', 'Driver', 'c_function', 'module', 'only']

ROWS = 'ptr %rows, i64 %down, i64 %across, i64 %n, ptr %packed, ptr %parameters, ptr %scratch, ptr %results'
#: Up to so many outputs a step of gradient descent is written out, in registers.
SMALL = 64
#: And up to so many calls of functions, a copy of its formula in place of each; 50 copies take LLVM half a second.
CALLS = 16
#: The functions of a module that are called from outside.
WAYS = ('pack', 'each', 'sums', 'batch', 'blocks', 'descend')
#: The same in groups, where each has copies of the block: those of a group share theirs, or have none.
COPIES = [('each', 'pack'), ('sums', 'batch', 'pack'), ('blocks',), ('descend',)]
#: How the block is marked then.
INLINE = 'nounwind alwaysinline'
MEMCPY = 'declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)'
PACK = '  call void @pack(ptr %rows, i64 %down, i64 %across, i64 %n, ptr %packed)'


def module(
    routine: Routine, lanes: int, adding: bool, fast: bool = False, rule: Routine | None = None
) -> tuple[str, int]:
    """Print a module; return it, and how many doubles of scratch memory its functions need.

    With ``adding`` the block adds its outputs up, for sums over any number of rows.
    Without it stores them, for ``each``, and for sums and batches of one block. Of few outputs a module of
    such batches has a ``descend`` of its own, by a rule of w and its slope.
    """
    names, pieces = routine.used(), hoisted(routine) if adding else None
    inner = pieces.body if pieces else routine
    loops = LoopFunctions(routine, lanes, fast) if routine.inner else None
    body = block(inner, lanes, adding, fast, loops=loops)
    small = not adding and not loops and body.parts == 1 and 1 <= routine.count <= SMALL
    driver = Driver(inner, lanes, body, small)
    driver.loops = loops is not None
    text = [loops.text, stack(routine.count * lanes)] if loops else []
    inlined = small and sum(name in names for name, _ in inner.instructions) <= CALLS
    text += [definitions(names, lanes, inlined or None), declarations(names), body.text, driver.block(), driver.pack()]
    if pieces:
        text += [definitions(names, 1) * (lanes > 1), driver.batch(adding, 'rows'), driver.around(pieces, fast)]
    else:
        text.append(driver.batch(adding))
    text += [driver.sums(), *([] if adding else [driver.each(), driver.blocks()])]
    text += [driver.descend(rule)] if small and rule else []
    return '\n'.join([*text, f'attributes #0 = {{ {INLINE if small else "nounwind"} }}']), driver.scratch


def only(text: str, names: Sequence[str]) -> str:
    """Hide all functions of a module but some from without: what those do not call is not compiled.

    >>> only('define void @pack(ptr %rows) {', ['each'])
    'define internal void @pack(ptr %rows) {'
    """
    return re.sub(rf'^define (?=\w+ @(?!(?:{"|".join(names)})\())', 'define internal ', text, flags=re.MULTILINE)


class Driver:
    """Prints the loops; counters are in memory, from where LLVM takes them into registers.

    ``loops`` says whether there are any whose count depends on the numbers: these have a stack.
    """

    loops = False

    def __init__(self, routine: Routine, lanes: int, body: Block, small: bool) -> None:
        self.set_up(routine.width, routine.count, lanes, small)
        self.scratch = (self.count + body.kept) * lanes
        self.parts = body.parts

    def set_up(self, width: int, count: int, lanes: int, small: bool) -> None:
        self.width, self.count, self.lanes, self.small = width, count, lanes, small
        self.vector = 'double' if lanes == 1 else f'<{lanes} x double>'

    def block(self) -> str:
        """Print the function that runs the parts of the block at a place, one after the other."""
        return f"""define internal void @block(ptr %packed, i64 %number, ptr %parameters, ptr %outputs) #0 {{
  %start = mul i64 %number, {self.width * self.lanes}
  %rows = getelementptr double, ptr %packed, i64 %start
  %kept = getelementptr double, ptr %outputs, i64 {self.count * self.lanes}
  {_all('part', self.parts)}
  ret void
}}
"""

    def pack(self) -> str:
        copy = f"""
  %to0 = mul i64 %b, {self.width * self.lanes}
  %to1 = mul i64 %c, {self.lanes}
  %to2 = add i64 %to0, %to1
  %to3 = add i64 %to2, %l
  %to = getelementptr double, ptr %packed, i64 %to3
  %row0 = mul i64 %b, {self.lanes}
  %row1 = add i64 %row0, %l
  %row = call i64 @llvm.smin.i64(i64 %row1, i64 %last)
  %from0 = mul i64 %row, %down
  %from1 = mul i64 %c, %across
  %from2 = add i64 %from0, %from1
  %from = getelementptr i8, ptr %rows, i64 %from2
  %x = load double, ptr %from, align 1
  store double %x, ptr %to"""
        body = loop('b', '%blocks', loop('c', str(self.width), loop('l', str(self.lanes), copy)))
        return f"""define void @pack(ptr %rows, i64 %down, i64 %across, i64 %n, ptr %packed) {{
{counters('b', 'c', 'l')}
  %last = sub i64 %n, 1
  %up = add i64 %n, {self.lanes - 1}
  %blocks = sdiv i64 %up, {self.lanes}
{body}
  ret void
}}
"""

    @property
    def begin(self) -> str:
        return '\n  call void @begin(ptr %scratch)' * self.loops

    @property
    def end(self) -> str:
        return '\n  call void @end(ptr %scratch)' * self.loops

    def call(self, number: str) -> str:
        return f'  call void @block(ptr %packed, i64 {number}, ptr %parameters, ptr %scratch)'

    def each(self) -> str:
        copy = f"""
  %from0 = mul i64 %o, {self.lanes}
  %from1 = add i64 %from0, %l
  %from = getelementptr double, ptr %scratch, i64 %from1
  %y = load double, ptr %from
  %to0 = add i64 %first, %l
  %to1 = mul i64 %to0, {self.count}
  %to2 = add i64 %to1, %o
  %to = getelementptr double, ptr %results, i64 %to2
  store double %y, ptr %to"""
        body = f"""
  %first = mul i64 %b, {self.lanes}
  %left = sub i64 %n, %first
  %filled = call i64 @llvm.smin.i64(i64 %left, i64 {self.lanes})
{self.call('%b')}
{loop('l', '%filled', loop('o', str(self.count), copy))}"""
        return f"""define void @each({ROWS}) {{
{counters('b', 'l', 'o')}
{PACK}{self.begin}
  %up = add i64 %n, {self.lanes - 1}
  %blocks = sdiv i64 %up, {self.lanes}
{loop('b', '%blocks', body)}{self.end}
  ret void
}}
"""

    def blocks(self) -> str:
        size = self.count * self.lanes
        body = f"""
  %first = mul i64 %b, {self.lanes}
  %left = sub i64 %n, %first
  %filled = call i64 @llvm.smin.i64(i64 %left, i64 {self.lanes})
{self.call('%b')}
  %skip = mul i64 %b, {size}
  %to = getelementptr double, ptr %results, i64 %skip
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %scratch, i64 {8 * size}, i1 false)"""
        return f"""define void @blocks(ptr %packed, ptr %parameters, i64 %n, ptr %scratch, ptr %results) {{
{counters('b')}
  %up = add i64 %n, {self.lanes - 1}
  %blocks = sdiv i64 %up, {self.lanes}
{loop('b', '%blocks', body)}
  ret void
}}
{MEMCPY}
"""

    def sums(self) -> str:
        return f"""define void @sums({ROWS}) {{
{PACK}
  call void @batch(ptr %packed, ptr %parameters, i64 %n, ptr %scratch, ptr %results)
  ret void
}}
"""

    def around(self, pieces: Pieces, fast: bool) -> str:
        """Print the batch whose sums over rows have a prologue, which says what the rows share, and an epilogue."""
        before, after = (block(routine, 1, False, fast, name) for routine, name in (
            (pieces.prologue, 'prologue'), (pieces.epilogue, 'epilogue')
        ))  # fmt: skip
        given, sums = pieces.prologue.parameters, self.scratch
        shared = sums + self.count
        kept = shared + pieces.body.parameters
        self.scratch = kept + max(before.kept, after.kept)
        return f"""{before.text}{after.text}
define internal void @before(ptr %rows, ptr %parameters, ptr %outputs, ptr %kept) {{
  {_all('prologue', before.parts)}
  ret void
}}
define internal void @after(ptr %rows, ptr %parameters, ptr %outputs, ptr %kept) {{
  {_all('epilogue', after.parts)}
  ret void
}}
define void @batch(ptr %packed, ptr %parameters, i64 %n, ptr %scratch, ptr %results) {{
  %sums = getelementptr double, ptr %scratch, i64 {sums}
  %shared = getelementptr double, ptr %scratch, i64 {shared}
  %made = getelementptr double, ptr %shared, i64 {given}
  %kept = getelementptr double, ptr %scratch, i64 {kept}
  call void @llvm.memcpy.p0.p0.i64(ptr %shared, ptr %parameters, i64 {8 * given}, i1 false)
  call void @before(ptr %packed, ptr %parameters, ptr %made, ptr %kept)
  call void @rows(ptr %packed, ptr %shared, i64 %n, ptr %scratch, ptr %sums)
  call void @after(ptr %sums, ptr %shared, ptr %results, ptr %kept)
  ret void
}}
{MEMCPY}
"""

    def batch(self, adding: bool, name: str = 'batch') -> str:
        """Print the sums over the rows of a batch: the block that is not full, the full ones, and the lanes.

        The block that is not full comes first and alone, so that the sums of its idle lanes
        can be put back to 0.
        """
        clear = f"""
  %at = getelementptr {self.vector}, ptr %scratch, i64 %z
  store {self.vector} {self._zero}, ptr %at"""
        zeros = loop('z', str(self.count), clear)
        idle = loop('i', str(self.count), loop('l', str(self.lanes), f"""
  %idle0 = mul i64 %i, {self.lanes}
  %idle1 = add i64 %idle0, %l
  %idle = getelementptr double, ptr %scratch, i64 %idle1
  store double 0.0, ptr %idle""", start='%rest'))  # fmt: skip
        first = f"""
  call void @block(ptr %packed, i64 %full, ptr %parameters, ptr %scratch)
{idle}"""
        more = loop('b', '%full', '  call void @block(ptr %packed, i64 %b, ptr %parameters, ptr %scratch)')
        only = '  call void @block(ptr %packed, i64 0, ptr %parameters, ptr %scratch)'
        if self.lanes == 1:
            run = f'{zeros}\n{more}' if adding else only
        elif adding:
            run = f'{zeros}\n{loop("f", "%partly", first)}\n{more}'
        else:
            run = f"{only}\n{loop('f', '%partly', idle)}"
        add = f"""
  %vector.at = getelementptr {self.vector}, ptr %scratch, i64 %o
  %vector = load {self.vector}, ptr %vector.at
{self._add_lanes('%vector', '%sum')}
  %to = getelementptr double, ptr %results, i64 %o
  store double %sum, ptr %to"""
        return f"""define void @{name}(ptr %packed, ptr %parameters, i64 %n, ptr %scratch, ptr %results) {{
{counters('b', 'f', 'i', 'l', 'o', 'z')}{self.begin}
  %full = sdiv i64 %n, {self.lanes}
  %rest = srem i64 %n, {self.lanes}
  %partly = call i64 @llvm.smin.i64(i64 %rest, i64 1)
{run}
{loop('o', str(self.count), add)}{self.end}
  ret void
}}
"""

    def descend(self, rule: Routine) -> str:
        """Print gradient descent by a rule of w and its slope alone, with all slopes in registers."""
        own = f'  %own = alloca [{self.scratch} x double], align 64\n  %slopes = alloca [{self.count} x double]'
        return stage('rule', rule, 1) + descent(self._small_step(), own)

    def _small_step(self) -> str:
        """Print the same written out, of one block, with all outputs in registers."""
        lines = ['  call void @block(ptr %rows.at, i64 0, ptr %parameters, ptr %own)']
        if self.lanes > 1:
            lines += [f'  {line}' for line in filled_lanes('%filled', '%rows', self.lanes)]
        for o in range(self.count):
            lines += [f'  %y{o}.at = getelementptr {self.vector}, ptr %own, i64 {o}',
                      f'  %y{o} = load {self.vector}, ptr %y{o}.at']  # fmt: skip
            value = f'%y{o}'
            if self.lanes > 1:
                value = f'%filled{o}'
                lines.append(f'  {value} = select <{self.lanes} x i1> %filled, {self.vector} %y{o}, '
                             f'{self.vector} zeroinitializer')  # fmt: skip
            lines.append(self._add_lanes(value, f'%sum{o}'))
        slope = 'sum' if self.lanes > 1 else 'y'  # a row alone is not added to 0, for which the next one would wait
        for j in range(self.count - 1):
            lines += [f'  %w{j} = getelementptr double, ptr %parameters, i64 {j}',
                      f'  %slope{j} = getelementptr double, ptr %slopes, i64 {j}',
                      f'  store double %{slope}{j + 1}, ptr %slope{j}',
                      f'  call void @rule.1(ptr %w{j}, ptr %slope{j}, ptr %now, ptr %w{j})']  # fmt: skip
        return '\n'.join([*lines, '  %E = fadd double %sum0, 0.0'])

    @property
    def _zero(self) -> str:
        return '0.0' if self.lanes == 1 else 'zeroinitializer'

    def _add_lanes(self, name: str, result: str) -> str:
        """Print the sum of a vector's lanes, half by half."""
        if self.lanes == 1:
            return f'  {result} = fadd double {name}, 0.0'
        lines, lanes = [], self.lanes
        while lanes > 1:
            half = lanes // 2
            for side, places in ('low', range(half)), ('high', range(half, lanes)):
                mask = ', '.join(f'i32 {place}' for place in places)
                lines.append(f'  {result}.{side}{half} = shufflevector <{lanes} x double> {name}, '
                             f'<{lanes} x double> poison, <{half} x i32> <{mask}>')  # fmt: skip
            name, lanes = f'{result}.{half}', half
            lines.append(f'  {name} = fadd <{half} x double> {result}.low{half}, {result}.high{half}')
        return '\n'.join([*lines, f'  {result} = extractelement <1 x double> {name}, i64 0'])


def _all(name: str, parts: int) -> str:
    """Print the calls of all parts of a block, one after the other."""
    return '\n  '.join(calls(name, range(parts)))


def c_function(routine: Routine, scratch: int, parameters: Sequence[float]) -> str:
    """Print ``double function(int n, double *x, void *parameters)`` for a module of one lane, which has ``each``.

    It gives the first output of a row of n numbers; of a program without rows x is the parameters. Without the
    others (NULL) the parameters are those of now. All its memory is on the stack, so any thread may call it at any
    time. What is not of n numbers is nan.
    """
    sizes = [-(-size // 8) * 8 for size in (routine.width, scratch, routine.count)]
    given = ', '.join(f'double {hexadecimal(number)}' for number in parameters)
    wanted = routine.width or routine.parameters
    theta = '%theta' if routine.width else '%x'
    return f"""
@given = internal constant [{len(parameters)} x double] [{given}]
define double @function(i32 %n, ptr %x, ptr %parameters) {{
  %packed = alloca [{sizes[0]} x double], align 64
  %scratch = alloca [{sizes[1]} x double], align 64
  %results = alloca [{sizes[2]} x double], align 64
  %fits = icmp eq i32 %n, {wanted}
  br i1 %fits, label %go, label %no
go:
  %own = icmp eq ptr %parameters, null
  %theta = select i1 %own, ptr @given, ptr %parameters
  call void @each(ptr %x, i64 0, i64 8, i64 1, ptr %packed, ptr {theta}, ptr %scratch, ptr %results)
  %y = load double, ptr %results
  ret double %y
no:
  ret double {hexadecimal(float('nan'))}
}}
"""
