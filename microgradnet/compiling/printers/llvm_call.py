"""How Python enters machine code, as LLVM's text: functions that CPython calls with its own objects.

One module serves all programs. A function finds what it needs in a context (see ``CONTEXT``), a list of 64-bit
numbers whose address is the first item of its ``self``, and there the slot (``SLOT``) of as many rows as it is
given. It reads floats and whole numbers in lists and tuples, and NumPy's arrays of float64 in place, whatever their
strides. For all else, for a number of rows that has no slot, and while another call is in the slot, it returns
None, and has changed nothing: then the caller goes the long way, which knows all kinds of rows, and all errors.

``each(theta, rows)``
    the outputs: of one row as a list of floats, of several as an array of shape (rows, outputs).
``row(theta, row)``
    those of a single row, as an array of shape (1, outputs).
``sum(theta, rows)``
    the outputs summed over the rows, a list of floats.
``value_and_gradient(theta, rows)``
    the same as a pair: the first output, and an array of the others.

Without rows, the last two are for those that are packed already, in slot 0. Only functions that CPython exports are
called, and of objects only the type is read, which the stable ABI has in its place.

``c_function`` is the door for those who call from C: it is printed for one program, into its module.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.routine import Routine
from .llvm import counters, hexadecimal, loop

__all__ = ['API', 'CONTEXT', 'SLOT', 'SLOTS', 'TYPE', 'c_function', 'entries']

#: Types, None, ``numpy.empty``, and the sizes of the routine.
CONTEXT = ('float', 'int', 'list', 'tuple', 'array', 'none', 'empty', 'width', 'parameters', 'outputs')
#: For which number of rows; whether a call is in it; then what nobody changes while one is: how many rows there are,
#: whether other threads are to run meanwhile, a function of the routine's module, its memories, what ``empty`` is
#: called with; where the rows of the call are, and how far apart.
SLOT = (
    'count', 'busy', 'number', 'long', 'function', 'theta', 'listed', 'packed', 'scratch', 'results', 'shape', 'rows',
    'down', 'across',
)  # fmt: skip
#: How many slots there are, a power of two: rows are in the one of their number's last bits.
SLOTS = 16
#: Where an object has its type.
TYPE = 8

#: What is called: the type of the result, and those of the arguments.
API = {
    'PyObject_GetBuffer': 'i32 (ptr, ptr, i32)',
    'PyBuffer_Release': 'void (ptr)',
    'PyObject_Call': 'ptr (ptr, ptr, ptr)',
    'PyFloat_AsDouble': 'double (ptr)',
    'PyFloat_FromDouble': 'ptr (double)',
    'PyLong_AsVoidPtr': 'ptr (ptr)',
    'PyList_New': 'ptr (i64)',
    'PyList_Size': 'i64 (ptr)',
    'PyList_GetItem': 'ptr (ptr, i64)',
    'PyList_SetItem': 'i32 (ptr, i64, ptr)',
    'PyTuple_New': 'ptr (i64)',
    'PyTuple_Size': 'i64 (ptr)',
    'PyTuple_GetItem': 'ptr (ptr, i64)',
    'PyTuple_SetItem': 'i32 (ptr, i64, ptr)',
    'PyErr_Occurred': 'ptr ()',
    'PyErr_Clear': 'void ()',
    'PyEval_SaveThread': 'ptr ()',
    'PyEval_RestoreThread': 'void (ptr)',
    'Py_IncRef': 'void (ptr)',
    'Py_DecRef': 'void (ptr)',
}

#: ``PyBUF_WRITABLE``, and ``PyBUF_RECORDS_RO``: strides and format.
WRITABLE, RECORDS = 0x1, 0x1C
ENTRY = '(ptr %self, ptr %args, i64 %given)'


def entries() -> str:
    """Print the module."""
    declared = [f'declare {kind.replace("(", f"@{name}(")}' for name, kind in API.items()]
    parts = [KINDS, _numbers(), _array(), _theta(), _sized(), _enter(), LEAVE, _floats(), _fresh()]
    ways = [_way('sum', SUM), _way('value_and_gradient', GRADIENT), _way('each', EACH), _way('row', ROW)]
    return '\n'.join(['%buffer = type { ptr, ptr, i64, i64, i32, i32, ptr, ptr, ptr, ptr, ptr }', *declared,
                      'declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)', *parts, *ways])  # fmt: skip


def _field(name: str, of: str, kind: str = 'i64', fields: tuple[str, ...] = SLOT) -> str:
    """Print the loading of a field: of a slot, if ``fields`` are not the context's."""
    return f"""  %{name}.at = getelementptr i64, ptr %{of}, i64 {fields.index(name)}
  %{name} = load {kind}, ptr %{name}.at"""


def _known(name: str, kind: str = 'i64') -> str:
    return _field(name, 'context', kind, CONTEXT)


def _put(name: str, value: str, of: str = 'slot') -> str:
    return f"""  %{name}.to = getelementptr i64, ptr %{of}, i64 {SLOT.index(name)}
  store {value}, ptr %{name}.to"""


KINDS = f"""
define internal i1 @is_number(ptr %context, ptr %thing) alwaysinline {{
  %kind.at = getelementptr i8, ptr %thing, i64 {TYPE}
  %kind = load ptr, ptr %kind.at
{_known('float', 'ptr')}
{_known('int', 'ptr')}
  %is.float = icmp eq ptr %kind, %float
  %is.int = icmp eq ptr %kind, %int
  %is = or i1 %is.float, %is.int
  ret i1 %is
}}
define internal i1 @is(ptr %context, i64 %field, ptr %thing) alwaysinline {{
  %kind.at = getelementptr i8, ptr %thing, i64 {TYPE}
  %kind = load ptr, ptr %kind.at
  %wanted.at = getelementptr i64, ptr %context, i64 %field
  %wanted = load ptr, ptr %wanted.at
  %is = icmp eq ptr %kind, %wanted
  ret i1 %is
}}
"""


def _is(name: str, thing: str) -> str:
    return f'  %is.{name} = call i1 @is(ptr %context, i64 {CONTEXT.index(name)}, ptr %{thing})'


def _numbers() -> str:
    """Print what reads a list or tuple of so many numbers."""
    read = """
  %item = call ptr %get(ptr %things, i64 %k)
  %number = call i1 @is_number(ptr %context, ptr %item)
  br i1 %number, label %read, label %no
read:
  %x = call double @PyFloat_AsDouble(ptr %item)
  %odd = fcmp oeq double %x, -1.0
  br i1 %odd, label %asked, label %fine
asked:
  %error = call ptr @PyErr_Occurred()
  %none = icmp eq ptr %error, null
  br i1 %none, label %fine, label %raised
fine:
  %at = getelementptr double, ptr %to, i64 %k
  store double %x, ptr %at"""
    return f"""define internal i1 @numbers(ptr %context, ptr %things, i64 %count, ptr %to) {{
{counters('k')}
{_is('list', 'things')}
{_is('tuple', 'things')}
  %listed = or i1 %is.list, %is.tuple
  br i1 %listed, label %counted, label %no
counted:
  %size.of = select i1 %is.list, ptr @PyList_Size, ptr @PyTuple_Size
  %get = select i1 %is.list, ptr @PyList_GetItem, ptr @PyTuple_GetItem
  %size = call i64 %size.of(ptr %things)
  %same = icmp eq i64 %size, %count
  br i1 %same, label %all, label %no
all:
{loop('k', '%count', read)}
  ret i1 true
raised:
  call void @PyErr_Clear()
  br label %no
no:
  ret i1 false
}}
"""


def _array() -> str:
    """Print what asks an array of float64, not one of a subclass, for its buffer."""
    return f"""define internal i1 @array(ptr %context, ptr %thing, ptr %buffer) {{
{_is('array', 'thing')}
  br i1 %is.array, label %ask, label %no
ask:
  %failed = call i32 @PyObject_GetBuffer(ptr %thing, ptr %buffer, i32 {RECORDS})
  %got = icmp eq i32 %failed, 0
  br i1 %got, label %look, label %raised
raised:
  call void @PyErr_Clear()
  br label %no
look:
  %format.at = getelementptr %buffer, ptr %buffer, i64 0, i32 6
  %format = load ptr, ptr %format.at
  %letters = load i16, ptr %format, align 1
  %float64 = icmp eq i16 %letters, {int.from_bytes(b'd', 'little')}
  br i1 %float64, label %yes, label %other
other:
  call void @PyBuffer_Release(ptr %buffer)
  br label %no
yes:
  ret i1 true
no:
  ret i1 false
}}
"""


#: Prints the loading of what a buffer is like: its first number's place, its lengths, its strides.
SHAPED = """
  %start = load ptr, ptr %buffer
  %ndim.at = getelementptr %buffer, ptr %buffer, i64 0, i32 5
  %ndim = load i32, ptr %ndim.at
  %shape.at = getelementptr %buffer, ptr %buffer, i64 0, i32 7
  %shape = load ptr, ptr %shape.at
  %strides.at = getelementptr %buffer, ptr %buffer, i64 0, i32 8
  %strides = load ptr, ptr %strides.at"""


def _theta() -> str:
    copy = """
  %skip = mul i64 %k, %stride
  %from = getelementptr i8, ptr %start, i64 %skip
  %x = load double, ptr %from, align 1
  %at = getelementptr double, ptr %to, i64 %k
  store double %x, ptr %at"""
    return f"""define internal i1 @theta(ptr %context, ptr %thing, ptr %to) {{
{counters('k')}
  %buffer = alloca %buffer
{_known('parameters')}
  %is.array = call i1 @array(ptr %context, ptr %thing, ptr %buffer)
  br i1 %is.array, label %held, label %listed
listed:
  %read = call i1 @numbers(ptr %context, ptr %thing, i64 %parameters, ptr %to)
  ret i1 %read
held:
{SHAPED}
  %flat = icmp eq i32 %ndim, 1
  br i1 %flat, label %long, label %no
long:
  %length = load i64, ptr %shape
  %same = icmp eq i64 %length, %parameters
  br i1 %same, label %copy, label %no
copy:
  %stride = load i64, ptr %strides
{loop('k', '%parameters', copy)}
  call void @PyBuffer_Release(ptr %buffer)
  ret i1 true
no:
  call void @PyBuffer_Release(ptr %buffer)
  ret i1 false
}}
"""


def _sized() -> str:
    """Print what says how many rows a list or tuple has, -1 if it is none; 1 if it is a single row."""
    return f"""define internal i64 @sized(ptr %context, ptr %rows, ptr %single) {{
{_known('width')}
{_is('list', 'rows')}
{_is('tuple', 'rows')}
  %listed = or i1 %is.list, %is.tuple
  br i1 %listed, label %counted, label %no
counted:
  %size.of = select i1 %is.list, ptr @PyList_Size, ptr @PyTuple_Size
  %get = select i1 %is.list, ptr @PyList_GetItem, ptr @PyTuple_GetItem
  %size = call i64 %size.of(ptr %rows)
  %some = icmp sgt i64 %size, 0
  br i1 %some, label %look, label %empty
look:
  %first = call ptr %get(ptr %rows, i64 0)
  %number = call i1 @is_number(ptr %context, ptr %first)
  br i1 %number, label %alone, label %many
empty:
  %narrow = icmp eq i64 %width, 0
  br i1 %narrow, label %alone, label %no
alone:
  store i1 true, ptr %single
  ret i64 1
many:
  store i1 false, ptr %single
  ret i64 %size
no:
  ret i64 -1
}}
"""


def _enter() -> str:
    """Print what takes a slot, and has it know the rows and theta; null if that cannot be."""
    row = """
  %row = call ptr %get(ptr %rows, i64 %r)
  %skip = mul i64 %r, %width
  %row.to = getelementptr double, ptr %listed, i64 %skip
  %row.read = call i1 @numbers(ptr %context, ptr %row, i64 %width, ptr %row.to)
  br i1 %row.read, label %row.fine, label %out
row.fine:"""
    slots, size = len(CONTEXT), len(SLOT)
    return f"""define internal ptr @slot(ptr %context, i64 %n) {{
  %last = and i64 %n, {SLOTS - 1}
  %skip = mul i64 %last, {size}
  %place = add i64 %skip, {slots}
  %slot = getelementptr i64, ptr %context, i64 %place
{_field('count', 'slot')}
{_field('busy', 'slot')}
  %same = icmp eq i64 %count, %n
  %free = icmp eq i64 %busy, 0
  %rows = icmp sge i64 %n, 0
  %known = and i1 %same, %rows
  %fits = and i1 %known, %free
  br i1 %fits, label %yes, label %no
yes:
  store i64 1, ptr %busy.at
  ret ptr %slot
no:
  ret ptr null
}}
define internal ptr @enter(ptr %context, ptr %args, i64 %given, ptr %buffer, ptr %single) {{
{counters('r')}
  %obj.at = getelementptr %buffer, ptr %buffer, i64 0, i32 1
  store ptr null, ptr %obj.at
  %thing = load ptr, ptr %args
{_known('width')}
  %with.rows = icmp eq i64 %given, 2
  br i1 %with.rows, label %look, label %bound
bound:
  %slot0 = call ptr @slot(ptr %context, i64 0)
  %is.there0 = icmp ne ptr %slot0, null
  br i1 %is.there0, label %parameters, label %drop
look:
  %rows.arg = getelementptr ptr, ptr %args, i64 1
  %rows = load ptr, ptr %rows.arg
  %is.array = call i1 @array(ptr %context, ptr %rows, ptr %buffer)
  br i1 %is.array, label %held, label %lists
held:
{SHAPED}
  %last = sub i32 %ndim, 1
  %flat = icmp eq i32 %last, 0
  %square = icmp eq i32 %last, 1
  %plain = or i1 %flat, %square
  br i1 %plain, label %measured, label %drop
measured:
  store i1 %flat, ptr %single
  %wide.at = getelementptr i64, ptr %shape, i32 %last
  %wide = load i64, ptr %wide.at
  %fits = icmp eq i64 %wide, %width
  br i1 %fits, label %found, label %drop
found:
  %high = load i64, ptr %shape
  %n1 = select i1 %flat, i64 1, i64 %high
  %down = load i64, ptr %strides
  %across.from = getelementptr i64, ptr %strides, i32 %last
  %across = load i64, ptr %across.from
  %slot1 = call ptr @slot(ptr %context, i64 %n1)
  %is.there1 = icmp ne ptr %slot1, null
  br i1 %is.there1, label %lies, label %drop
lies:
{_put('rows', 'ptr %start', 'slot1')}
{_put('down', 'i64 %down', 'slot1')}
{_put('across', 'i64 %across', 'slot1')}
  br label %parameters
lists:
  %n2 = call i64 @sized(ptr %context, ptr %rows, ptr %single)
  %slot2 = call ptr @slot(ptr %context, i64 %n2)
  %is.there2 = icmp ne ptr %slot2, null
  br i1 %is.there2, label %read, label %drop
read:
{_field('listed', 'slot2', 'ptr')}
  %bytes = mul i64 %width, 8
  %rows.to2 = getelementptr i64, ptr %slot2, i64 {SLOT.index('rows')}
  store ptr %listed, ptr %rows.to2
  %down.to2 = getelementptr i64, ptr %slot2, i64 {SLOT.index('down')}
  store i64 %bytes, ptr %down.to2
  %across.to2 = getelementptr i64, ptr %slot2, i64 {SLOT.index('across')}
  store i64 8, ptr %across.to2
  %alone = load i1, ptr %single
  br i1 %alone, label %one, label %several
one:
  %one.read = call i1 @numbers(ptr %context, ptr %rows, i64 %width, ptr %listed)
  br i1 %one.read, label %parameters, label %out
several:
{_is('list', 'rows')}
  %get = select i1 %is.list, ptr @PyList_GetItem, ptr @PyTuple_GetItem
{loop('r', '%n2', row)}
  br label %parameters
parameters:
  %slot = phi ptr [ %slot0, %bound ], [ %slot1, %lies ], [ %slot2, %one ], [ %slot2, %r.done ]
{_field('theta', 'slot', 'ptr')}
  %ready = call i1 @theta(ptr %context, ptr %thing, ptr %theta)
  br i1 %ready, label %yes, label %out
out:
  %taken = phi ptr [ %slot2, %one ], [ %slot2, %r.body ], [ %slot, %parameters ]
{_put('busy', 'i64 0', 'taken')}
  br label %drop
drop:
  call void @PyBuffer_Release(ptr %buffer)
  ret ptr null
yes:
  ret ptr %slot
}}
"""


#: The call itself, and what comes after it. A buffer that holds nothing may be released.
LEAVE = f"""
define internal void @run(ptr %slot, i64 %given, ptr %results) {{
entry:
{_field('number', 'slot')}
{_field('long', 'slot')}
{_field('function', 'slot', 'ptr')}
{_field('theta', 'slot', 'ptr')}
{_field('packed', 'slot', 'ptr')}
{_field('scratch', 'slot', 'ptr')}
{_field('rows', 'slot', 'ptr')}
{_field('down', 'slot')}
{_field('across', 'slot')}
  %lets = icmp ne i64 %long, 0
  br i1 %lets, label %let, label %go
let:
  %thread = call ptr @PyEval_SaveThread()
  br label %go
go:
  %state = phi ptr [ null, %entry ], [ %thread, %let ]
  %with.rows = icmp eq i64 %given, 2
  br i1 %with.rows, label %over, label %batch
over:
  call void %function(ptr %rows, i64 %down, i64 %across, i64 %number, ptr %packed, ptr %theta, ptr %scratch,
                      ptr %results)
  br label %end
batch:
  call void %function(ptr %packed, ptr %theta, i64 %number, ptr %scratch, ptr %results)
  br label %end
end:
  br i1 %lets, label %back, label %done
back:
  call void @PyEval_RestoreThread(ptr %state)
  br label %done
done:
  ret void
}}
define internal void @leave(ptr %slot, ptr %buffer) {{
{_put('busy', 'i64 0')}
  call void @PyBuffer_Release(ptr %buffer)
  ret void
}}
define internal ptr @none(ptr %context) {{
{_known('none', 'ptr')}
  call void @Py_IncRef(ptr %none)
  ret ptr %none
}}
"""


def _floats() -> str:
    """Print what makes a list of floats."""
    item = """
  %at = getelementptr double, ptr %from, i64 %k
  %x = load double, ptr %at
  %float = call ptr @PyFloat_FromDouble(double %x)
  %made = icmp ne ptr %float, null
  br i1 %made, label %set, label %failed
set:
  %ignored = call i32 @PyList_SetItem(ptr %list, i64 %k, ptr %float)"""
    return f"""define internal ptr @floats(ptr %from, i64 %count) {{
{counters('k')}
  %list = call ptr @PyList_New(i64 %count)
  %is.there = icmp ne ptr %list, null
  br i1 %is.there, label %fill, label %no
fill:
{loop('k', '%count', item)}
  ret ptr %list
failed:
  call void @Py_DecRef(ptr %list)
  br label %no
no:
  ret ptr null
}}
"""


def _fresh() -> str:
    """Print what makes an array, and opens its buffer to be written to."""
    return f"""define internal ptr @fresh(ptr %context, ptr %slot, ptr %buffer) {{
{_known('empty', 'ptr')}
{_field('shape', 'slot', 'ptr')}
  %array = call ptr @PyObject_Call(ptr %empty, ptr %shape, ptr null)
  %is.there = icmp ne ptr %array, null
  br i1 %is.there, label %open, label %no
open:
  %failed = call i32 @PyObject_GetBuffer(ptr %array, ptr %buffer, i32 {WRITABLE})
  %got = icmp eq i32 %failed, 0
  br i1 %got, label %yes, label %closed
closed:
  call void @Py_DecRef(ptr %array)
  br label %no
yes:
  ret ptr %array
no:
  ret ptr null
}}
"""


def _way(name: str, body: str) -> str:
    """Print an entry: what its body makes between entering a slot and leaving it."""
    return f"""define ptr @{name}{ENTRY} {{
  %buffer = alloca %buffer
  %made = alloca %buffer
  %single = alloca i1
  %holder = call ptr @PyTuple_GetItem(ptr %self, i64 0)
  %context = call ptr @PyLong_AsVoidPtr(ptr %holder)
  %slot = call ptr @enter(ptr %context, ptr %args, i64 %given, ptr %buffer, ptr %single)
  %entered = icmp ne ptr %slot, null
  br i1 %entered, label %ours, label %not
not:
  %none = call ptr @none(ptr %context)
  ret ptr %none
ours:
{_known('outputs')}
{_field('results', 'slot', 'ptr')}
{body}
}}
"""


SUM = """
  call void @run(ptr %slot, i64 %given, ptr %results)
  %list = call ptr @floats(ptr %results, i64 %outputs)
  call void @leave(ptr %slot, ptr %buffer)
  ret ptr %list"""

GRADIENT = """
  call void @run(ptr %slot, i64 %given, ptr %results)
  %array = call ptr @fresh(ptr %context, ptr %slot, ptr %made)
  %has.array = icmp ne ptr %array, null
  br i1 %has.array, label %fill, label %failed
fill:
  %to = load ptr, ptr %made
  %from = getelementptr double, ptr %results, i64 1
  %others = sub i64 %outputs, 1
  %bytes = mul i64 %others, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  call void @PyBuffer_Release(ptr %made)
  %value = load double, ptr %results
  %float = call ptr @PyFloat_FromDouble(double %value)
  %has.float = icmp ne ptr %float, null
  br i1 %has.float, label %join, label %lost
join:
  %pair = call ptr @PyTuple_New(i64 2)
  %has.pair = icmp ne ptr %pair, null
  br i1 %has.pair, label %put, label %both.lost
put:
  %ignored0 = call i32 @PyTuple_SetItem(ptr %pair, i64 0, ptr %float)
  %ignored1 = call i32 @PyTuple_SetItem(ptr %pair, i64 1, ptr %array)
  call void @leave(ptr %slot, ptr %buffer)
  ret ptr %pair
both.lost:
  call void @Py_DecRef(ptr %float)
  br label %lost
lost:
  call void @Py_DecRef(ptr %array)
  br label %failed
failed:
  call void @leave(ptr %slot, ptr %buffer)
  ret ptr null"""

#: What fills an array of its own.
TABLE = """
  %array = call ptr @fresh(ptr %context, ptr %slot, ptr %made)
  %has.array = icmp ne ptr %array, null
  br i1 %has.array, label %fill, label %failed
fill:
  %to = load ptr, ptr %made
  call void @run(ptr %slot, i64 %given, ptr %to)
  call void @PyBuffer_Release(ptr %made)
  call void @leave(ptr %slot, ptr %buffer)
  ret ptr %array
failed:
  call void @leave(ptr %slot, ptr %buffer)
  ret ptr null"""

EACH = f"""
  %alone = load i1, ptr %single
  br i1 %alone, label %one, label %several
one:
  call void @run(ptr %slot, i64 %given, ptr %results)
  %list = call ptr @floats(ptr %results, i64 %outputs)
  call void @leave(ptr %slot, ptr %buffer)
  ret ptr %list
several:{TABLE}"""

ROW = f"""
  %alone = load i1, ptr %single
  br i1 %alone, label %one, label %several
several:
  call void @leave(ptr %slot, ptr %buffer)
  br label %not
one:{TABLE}"""


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
