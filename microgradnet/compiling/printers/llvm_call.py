"""How Python enters machine code, as LLVM's text: functions that CPython calls with its own objects.

One module serves all programs. A function finds what it needs in a context, an array of 64-bit numbers that is the
first item of its ``self``. It reads floats and whole numbers in lists and tuples, and NumPy's arrays of float64, all
in place (``LAYOUT`` says where), whatever their strides. For all else, and while another call is in, it returns
None, and has changed nothing: then the caller goes the long way, which knows all kinds of rows, and all errors.

The context of a program (``CONTEXT``) has a slot (``SLOT``) for each number of rows that it has learnt:

``each(theta, rows)``
    the outputs: of one row as a list of floats, of several as an array of shape (rows, outputs).
``sum(theta, rows)``
    the outputs summed over the rows, a list of floats.
``value_and_gradient(theta, rows)``
    the same as a pair: the first output, and an array of the others.

Without rows, the last two are for those that are packed already, in slot 0.

``first(...)``
    what ``value_and_gradient`` gives, or else what a function of Python gives for the same arguments, by whatever
    names: its ``self`` is that of the short way, the function, and the rows where none are given.

The context of a compiled function (``CONTEXT``, one slot, ``CALL``) has the arguments and the result written down, as
structures of numbers (``KINDS``):

``call(*arguments)``
    what the function returns: all floats, lists, tuples and arrays are made here.

Only functions that CPython exports are called, and ``PyArray_New`` of NumPy's C API.

``c_function`` is the door for those who call from C: it is printed for one program, into its module.
"""

from __future__ import annotations

from .llvm import counters, loop

__all__ = [
    'ALIGNED', 'API', 'CALL', 'CONTEXT', 'KINDS', 'LAYOUT', 'SLOT', 'SLOTS', 'TYPE', 'VECTOR', 'entries',
]  # fmt: skip

#: Types, that of float64, None; NumPy's ``PyArray_New``; the sizes of the routine; all outputs as a list, and the first
#: and an array of the others, as structures.
CONTEXT = (
    'float', 'int', 'list', 'tuple', 'array', 'float64', 'none', 'new', 'width', 'parameters', 'all', 'pair',
)  # fmt: skip
#: For which number of rows; whether a call is in it; then what nobody changes while one is: how many rows there are,
#: whether other threads are to run meanwhile, a function of the routine's module, its memories, how many rows and
#: outputs there are; where the rows of the call are, and how far apart; where its parameters are.
SLOT = (
    'count', 'busy', 'number', 'long', 'function', 'theta', 'listed', 'packed', 'scratch', 'results', 'shape', 'rows',
    'down', 'across', 'parameters',
)  # fmt: skip
#: How many slots there are, a power of two: rows are in the one of their number's last bits.
SLOTS = 16
#: How many arguments there are, their structure, where their numbers are written; how many of these are picked (by
#: place, to where); where in the results a 0 says that all is well, or -1; how many vectors of results must not have a
#: nan; the places of the numbers of the result, and its structure.
CALL = ('given', 'reads', 'numbers', 'picked', 'picks', 'to', 'watched', 'doubts', 'places', 'builds')
#: A structure is a row of numbers: a kind; of a list or tuple then how many items, 1 if all are numbers, and if not
#: all the structures; of an array how many numbers, how many dimensions, and their lengths.
KINDS = ('number', 'list', 'tuple', 'array')
#: So many results are looked through for a nan at a time.
VECTOR = 8
#: Where an object has its type.
TYPE = 8
#: Where objects have the rest: CPython's floats, lists and tuples, and NumPy's arrays (``PyArrayObject_fields``).
#: Tuples have their items behind all else, which from Python 3.14 on is a hash, too.
LAYOUT = {
    'float': 16, 'size': 16, 'listed': 24, 'items': tuple.__basicsize__,
    'data': 16, 'dimensions': 24, 'lengths': 32, 'strides': 40, 'dtype': 56, 'flags': 64,
}  # fmt: skip
#: ``NPY_ARRAY_ALIGNED``, and ``NPY_DOUBLE``.
ALIGNED, DOUBLE = 0x100, 12

#: What is called: the type of the result, and those of the arguments.
API = {
    'PyFloat_AsDouble': 'double (ptr)',
    'PyFloat_FromDouble': 'ptr (double)',
    'PyList_New': 'ptr (i64)',
    'PyTuple_New': 'ptr (i64)',
    'PyObject_Vectorcall': 'ptr (ptr, ptr, i64, ptr)',
    'PyErr_Occurred': 'ptr ()',
    'PyErr_Clear': 'void ()',
    'PyEval_SaveThread': 'ptr ()',
    'PyEval_RestoreThread': 'void (ptr)',
    'Py_IncRef': 'void (ptr)',
    'Py_DecRef': 'void (ptr)',
}

ENTRY = '(ptr %self, ptr %args, i64 %given)'


def entries() -> str:
    """Print the module."""
    declared = [f'declare {kind.replace("(", f"@{name}(")}' for name, kind in API.items()]
    parts = [TYPES, _numbers(), _array(), _copy(), _theta(), _sized(), _enter(), LEAVE, _read(), _build()]
    ways = [_way('sum', SUM), _way('value_and_gradient', GRADIENT), _way('each', EACH), _call(), FIRST]
    return '\n'.join([*declared, 'declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)', *parts, *ways])


def _field(name: str, of: str, kind: str = 'i64', fields: tuple[str, ...] = SLOT) -> str:
    """Print the loading of a field: of a slot, if ``fields`` are not the context's."""
    return f"""  %{name}.at = getelementptr i64, ptr %{of}, i64 {fields.index(name)}
  %{name} = load {kind}, ptr %{name}.at"""


def _known(name: str, kind: str = 'i64') -> str:
    return _field(name, 'context', kind, CONTEXT)


def _put(name: str, value: str, of: str = 'slot') -> str:
    return f"""  %{name}.to = getelementptr i64, ptr %{of}, i64 {SLOT.index(name)}
  store {value}, ptr %{name}.to"""


def _part(name: str, of: str, kind: str = 'i64', part: str = '') -> str:
    """Print the loading of a part of an object."""
    return f"""  %{name}.from = getelementptr i8, ptr %{of}, i64 {LAYOUT[part or name]}
  %{name} = load {kind}, ptr %{name}.from"""


#: What a single thing is, and where a list or tuple has its items.
TYPES = f"""
define internal i1 @is(ptr %context, i64 %field, ptr %thing) alwaysinline {{
  %kind.at = getelementptr i8, ptr %thing, i64 {TYPE}
  %kind = load ptr, ptr %kind.at
  %wanted.at = getelementptr i64, ptr %context, i64 %field
  %wanted = load ptr, ptr %wanted.at
  %is = icmp eq ptr %kind, %wanted
  ret i1 %is
}}
define internal ptr @items(ptr %things, i1 %is.list) alwaysinline {{
  %inside = getelementptr i8, ptr %things, i64 {LAYOUT['items']}
  br i1 %is.list, label %list, label %tuple
list:
{_part('listed', 'things', 'ptr')}
  ret ptr %listed
tuple:
  ret ptr %inside
}}
define internal i1 @number(ptr %context, ptr %thing, ptr %to) alwaysinline {{
  %is.float = call i1 @is(ptr %context, i64 {CONTEXT.index('float')}, ptr %thing)
  br i1 %is.float, label %float, label %other
float:
{_part('x', 'thing', 'double', 'float')}
  store double %x, ptr %to
  ret i1 true
other:
  %is.int = call i1 @is(ptr %context, i64 {CONTEXT.index('int')}, ptr %thing)
  br i1 %is.int, label %int, label %no
int:
  %whole = call double @PyFloat_AsDouble(ptr %thing)
  store double %whole, ptr %to
  %odd = fcmp oeq double %whole, -1.0
  br i1 %odd, label %asked, label %fine
asked:
  %error = call ptr @PyErr_Occurred()
  %none = icmp eq ptr %error, null
  br i1 %none, label %fine, label %raised
fine:
  ret i1 true
raised:
  call void @PyErr_Clear()
  br label %no
no:
  ret i1 false
}}
"""


def _is(name: str, thing: str) -> str:
    return f'  %is.{name} = call i1 @is(ptr %context, i64 {CONTEXT.index(name)}, ptr %{thing})'


def _numbers() -> str:
    """Print what reads a list or tuple of so many numbers."""
    read = """
  %item.at = getelementptr ptr, ptr %items, i64 %k
  %item = load ptr, ptr %item.at
  %at = getelementptr double, ptr %to, i64 %k
  %is.number = call i1 @number(ptr %context, ptr %item, ptr %at)
  br i1 %is.number, label %next, label %no
next:"""
    return f"""define internal i1 @numbers(ptr %context, ptr %things, i64 %count, ptr %to) {{
{counters('k')}
{_is('list', 'things')}
{_is('tuple', 'things')}
  %listed = or i1 %is.list, %is.tuple
  br i1 %listed, label %counted, label %no
counted:
{_part('size', 'things')}
  %same = icmp eq i64 %size, %count
  br i1 %same, label %all, label %no
all:
  %items = call ptr @items(ptr %things, i1 %is.list)
{loop('k', '%count', read)}
  ret i1 true
no:
  ret i1 false
}}
"""


def _array() -> str:
    """Print what tells whether a thing is an array of float64, not one of a subclass."""
    return f"""define internal i1 @array(ptr %context, ptr %thing) {{
{_is('array', 'thing')}
  br i1 %is.array, label %look, label %no
look:
{_known('float64', 'ptr')}
{_part('dtype', 'thing', 'ptr')}
{_part('flags', 'thing', 'i32')}
  %same = icmp eq ptr %dtype, %float64
  %aligned = and i32 %flags, {ALIGNED}
  %even = icmp ne i32 %aligned, 0
  %yes = and i1 %same, %even
  ret i1 %yes
no:
  ret i1 false
}}
"""


#: Prints the loading of what an array is like: its first number's place, its lengths, its strides.
SHAPED = '\n'.join([
    _part('start', '{0}', 'ptr', 'data'), _part('ndim', '{0}', 'i32', 'dimensions'),
    _part('shape', '{0}', 'ptr', 'lengths'), _part('strides', '{0}', 'ptr'),
])  # fmt: skip


def _copy() -> str:
    """Print what copies the numbers of an array of lengths that are wanted; how many, or -1."""
    one = """
  %skip = mul i64 %k, %stride
  %from = getelementptr i8, ptr %start, i64 %skip
  %x = load double, ptr %from
  %at = getelementptr double, ptr %to, i64 %k
  store double %x, ptr %at"""
    several = """
  %far = mul i64 %r, %stride
  %row = getelementptr i8, ptr %start, i64 %far
  %done = load i64, ptr %total
  %row.to = getelementptr double, ptr %to, i64 %done
  %copied = call i64 @copy(ptr %row, i32 %inner, ptr %shape.inner, ptr %strides.inner, ptr %wanted.inner, ptr %row.to)
  %fits = icmp sge i64 %copied, 0
  br i1 %fits, label %further, label %no
further:
  %more = add i64 %done, %copied
  store i64 %more, ptr %total"""
    return f"""define internal i64 @copy(ptr %start, i32 %ndim, ptr %shape, ptr %strides, ptr %wanted, ptr %to) {{
{counters('k', 'r')}
  %total = alloca i64
  store i64 0, ptr %total
  %alone = icmp eq i32 %ndim, 0
  br i1 %alone, label %scalar, label %deep
scalar:
  %number = load double, ptr %start
  store double %number, ptr %to
  ret i64 1
deep:
  %length = load i64, ptr %shape
  %asked = load i64, ptr %wanted
  %stride = load i64, ptr %strides
  %same = icmp eq i64 %length, %asked
  br i1 %same, label %go, label %no
go:
  %flat = icmp eq i32 %ndim, 1
  br i1 %flat, label %line, label %nested
line:
{loop('k', '%length', one)}
  ret i64 %length
nested:
  %inner = sub i32 %ndim, 1
  %shape.inner = getelementptr i64, ptr %shape, i64 1
  %strides.inner = getelementptr i64, ptr %strides, i64 1
  %wanted.inner = getelementptr i64, ptr %wanted, i64 1
{loop('r', '%length', several)}
  %all = load i64, ptr %total
  ret i64 %all
no:
  ret i64 -1
}}
"""


def _theta() -> str:
    """Print what says where the parameters are: in their array if it has no gaps, else copied; or null."""
    return f"""define internal ptr @theta(ptr %context, ptr %thing, ptr %to) {{
{_known('parameters')}
  %is.array = call i1 @array(ptr %context, ptr %thing)
  br i1 %is.array, label %held, label %listed
listed:
  %read = call i1 @numbers(ptr %context, ptr %thing, i64 %parameters, ptr %to)
  br i1 %read, label %copied, label %no
held:
{SHAPED.format('thing')}
  %flat = icmp eq i32 %ndim, 1
  br i1 %flat, label %measured, label %no
measured:
  %length = load i64, ptr %shape
  %same = icmp eq i64 %length, %parameters
  br i1 %same, label %look, label %no
look:
  %stride = load i64, ptr %strides
  %dense = icmp eq i64 %stride, 8
  br i1 %dense, label %there, label %copy
there:
  ret ptr %start
copy:
  %count = call i64 @copy(ptr %start, i32 1, ptr %shape, ptr %strides, ptr %parameters.at, ptr %to)
  br label %copied
copied:
  ret ptr %to
no:
  ret ptr null
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
{_part('size', 'rows')}
  %some = icmp sgt i64 %size, 0
  br i1 %some, label %look, label %empty
look:
  %items = call ptr @items(ptr %rows, i1 %is.list)
  %first = load ptr, ptr %items
{_is('float', 'first')}
{_is('int', 'first')}
  %number = or i1 %is.float, %is.int
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
  %row.at = getelementptr ptr, ptr %items, i64 %r
  %row = load ptr, ptr %row.at
  %skip = mul i64 %r, %width
  %row.to = getelementptr double, ptr %listed, i64 %skip
  %row.read = call i1 @numbers(ptr %context, ptr %row, i64 %width, ptr %row.to)
  br i1 %row.read, label %row.fine, label %out
row.fine:"""
    slots, size = len(CONTEXT), len(SLOT)
    return f"""define internal i1 @take(ptr %slot) alwaysinline {{
{_field('busy', 'slot')}
  %free = icmp eq i64 %busy, 0
  br i1 %free, label %yes, label %no
yes:
  store i64 1, ptr %busy.at
  ret i1 true
no:
  ret i1 false
}}
define internal ptr @slot(ptr %context, i64 %n) {{
  %last = and i64 %n, {SLOTS - 1}
  %skip = mul i64 %last, {size}
  %place = add i64 %skip, {slots}
  %slot = getelementptr i64, ptr %context, i64 %place
{_field('count', 'slot')}
  %same = icmp eq i64 %count, %n
  %rows = icmp sge i64 %n, 0
  %known = and i1 %same, %rows
  br i1 %known, label %ask, label %no
ask:
  %taken = call i1 @take(ptr %slot)
  br i1 %taken, label %yes, label %no
yes:
  ret ptr %slot
no:
  ret ptr null
}}
define internal ptr @enter(ptr %context, ptr %args, i64 %given, ptr %single) {{
{counters('r')}
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
  %is.array = call i1 @array(ptr %context, ptr %rows)
  br i1 %is.array, label %held, label %lists
held:
{SHAPED.format('rows')}
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
  %items = call ptr @items(ptr %rows, i1 %is.list)
{loop('r', '%n2', row)}
  br label %parameters
parameters:
  %slot = phi ptr [ %slot0, %bound ], [ %slot1, %lies ], [ %slot2, %one ], [ %slot2, %r.done ]
{_field('theta', 'slot', 'ptr')}
  %given.theta = call ptr @theta(ptr %context, ptr %thing, ptr %theta)
{_put('parameters', 'ptr %given.theta')}
  %ready = icmp ne ptr %given.theta, null
  br i1 %ready, label %yes, label %out
out:
  %taken = phi ptr [ %slot2, %one ], [ %slot2, %r.body ], [ %slot, %parameters ]
{_put('busy', 'i64 0', 'taken')}
  br label %drop
drop:
  ret ptr null
yes:
  ret ptr %slot
}}
"""


#: The call itself, and what comes after it.
LEAVE = f"""
define internal void @run(ptr %slot, i64 %given, ptr %results) {{
entry:
{_field('number', 'slot')}
{_field('long', 'slot')}
{_field('function', 'slot', 'ptr')}
{_field('parameters', 'slot', 'ptr')}
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
  call void %function(ptr %rows, i64 %down, i64 %across, i64 %number, ptr %packed, ptr %parameters, ptr %scratch,
                      ptr %results)
  br label %end
batch:
  call void %function(ptr %packed, ptr %parameters, i64 %number, ptr %scratch, ptr %results)
  br label %end
end:
  br i1 %lets, label %back, label %done
back:
  call void @PyEval_RestoreThread(ptr %state)
  br label %done
done:
  ret void
}}
define internal void @leave(ptr %slot) alwaysinline {{
{_put('busy', 'i64 0')}
  ret void
}}
define internal ptr @none(ptr %context) {{
{_known('none', 'ptr')}
  call void @Py_IncRef(ptr %none)
  ret ptr %none
}}
define internal ptr @context(ptr %self) alwaysinline {{
  %holder.at = call ptr @items(ptr %self, i1 false)
  %holder = load ptr, ptr %holder.at
{_part('data', 'holder', 'ptr')}
  ret ptr %data
}}
"""

#: How the kinds of a structure are told apart.
BY_KIND = ' '.join(f'i64 {number}, label %{kind}' for number, kind in enumerate(KINDS))


def _structure() -> str:
    """Print the beginning of what goes along a structure, whose place is at ``%code.at``: a branch for each kind."""
    return f"""  %code = load ptr, ptr %code.at
  %kind = load i64, ptr %code
  %first = getelementptr i64, ptr %code, i64 1
  %count = load i64, ptr %first
  %second = getelementptr i64, ptr %code, i64 2
  %more = load i64, ptr %second
  %are.numbers = icmp ne i64 %more, 0
  %third = getelementptr i64, ptr %code, i64 3
  switch i64 %kind, label %number [ {BY_KIND} ]"""


def _read() -> str:
    """Print what reads an argument of a structure, and goes on behind it; whether it is of that structure."""
    item = """
  %item.at = getelementptr ptr, ptr %items, i64 %k
  %item = load ptr, ptr %item.at
  %item.read = call i1 @read(ptr %context, ptr %item, ptr %code.at, ptr %to.at)
  br i1 %item.read, label %next, label %no
next:"""
    return f"""define internal i1 @read(ptr %context, ptr %thing, ptr %code.at, ptr %to.at) {{
{counters('k')}
  %to = load ptr, ptr %to.at
{_structure()}
number:
  store ptr %first, ptr %code.at
  %to.next = getelementptr double, ptr %to, i64 1
  store ptr %to.next, ptr %to.at
  %is.number = call i1 @number(ptr %context, ptr %thing, ptr %to)
  ret i1 %is.number
list:
{_is('list', 'thing')}
  br i1 %is.list, label %sized, label %no
tuple:
{_is('tuple', 'thing')}
  br i1 %is.tuple, label %sized, label %no
sized:
  store ptr %third, ptr %code.at
  br i1 %are.numbers, label %row, label %parts
row:
  %to.behind = getelementptr double, ptr %to, i64 %count
  store ptr %to.behind, ptr %to.at
  %row.read = call i1 @numbers(ptr %context, ptr %thing, i64 %count, ptr %to)
  ret i1 %row.read
parts:
{_part('size', 'thing')}
  %same = icmp eq i64 %size, %count
  br i1 %same, label %all, label %no
all:
  %listed = icmp eq i64 %kind, {KINDS.index('list')}
  %items = call ptr @items(ptr %thing, i1 %listed)
{loop('k', '%count', item)}
  ret i1 true
array:
  %is.array = call i1 @array(ptr %context, ptr %thing)
  br i1 %is.array, label %held, label %no
held:
{SHAPED.format('thing')}
  %deep = zext i32 %ndim to i64
  %alike = icmp eq i64 %deep, %more
  br i1 %alike, label %copy, label %no
copy:
  %behind = getelementptr i64, ptr %third, i64 %more
  store ptr %behind, ptr %code.at
  %to.far = getelementptr double, ptr %to, i64 %count
  store ptr %to.far, ptr %to.at
  %copied = call i64 @copy(ptr %start, i32 %ndim, ptr %shape, ptr %strides, ptr %third, ptr %to)
  %fits = icmp sge i64 %copied, 0
  ret i1 %fits
no:
  ret i1 false
}}
"""


def _build() -> str:
    """Print what makes a result of a structure, and goes on behind it: of results at places, or one after the other."""
    one = """
  %at = call ptr @pick(ptr %from, ptr %places, i64 %j)
  %x = load double, ptr %at
  %float = call ptr @PyFloat_FromDouble(double %x)
  %made = icmp ne ptr %float, null
  br i1 %made, label %set, label %failed
set:
  %item.at = getelementptr ptr, ptr %items, i64 %j
  store ptr %float, ptr %item.at"""
    several = """
  %part = call ptr @build(ptr %context, ptr %code.at, ptr %places.at, ptr %from.at)
  %part.made = icmp ne ptr %part, null
  br i1 %part.made, label %put, label %failed
put:
  %part.at = getelementptr ptr, ptr %items, i64 %k
  store ptr %part, ptr %part.at"""
    gather = """
  %cell.from = call ptr @pick(ptr %from, ptr %places, i64 %i)
  %cell = load double, ptr %cell.from
  %cell.to = getelementptr double, ptr %data, i64 %i
  store double %cell, ptr %cell.to"""
    return f"""define internal ptr @pick(ptr %from, ptr %places, i64 %k) alwaysinline {{
  %next = getelementptr double, ptr %from, i64 %k
  %consecutive = icmp eq ptr %places, null
  br i1 %consecutive, label %yes, label %no
yes:
  ret ptr %next
no:
  %place.at = getelementptr i64, ptr %places, i64 %k
  %place = load i64, ptr %place.at
  %there = getelementptr double, ptr %from, i64 %place
  ret ptr %there
}}
define internal void @pass(i64 %count, ptr %places.at, ptr %from.at) alwaysinline {{
  %places = load ptr, ptr %places.at
  %consecutive = icmp eq ptr %places, null
  %moved.at = select i1 %consecutive, ptr %from.at, ptr %places.at
  %moved = load ptr, ptr %moved.at
  %behind = getelementptr i64, ptr %moved, i64 %count
  store ptr %behind, ptr %moved.at
  ret void
}}
define internal ptr @build(ptr %context, ptr %code.at, ptr %places.at, ptr %from.at) {{
{counters('i', 'j', 'k')}
  %places = load ptr, ptr %places.at
  %from = load ptr, ptr %from.at
{_structure()}
number:
  store ptr %first, ptr %code.at
  call void @pass(i64 1, ptr %places.at, ptr %from.at)
  %number.at = call ptr @pick(ptr %from, ptr %places, i64 0)
  %y = load double, ptr %number.at
  %only = call ptr @PyFloat_FromDouble(double %y)
  ret ptr %only
list:
  %list.new = call ptr @PyList_New(i64 %count)
  br label %begun
tuple:
  %tuple.new = call ptr @PyTuple_New(i64 %count)
  br label %begun
begun:
  %whole = phi ptr [ %list.new, %list ], [ %tuple.new, %tuple ]
  store ptr %third, ptr %code.at
  %is.there = icmp ne ptr %whole, null
  br i1 %is.there, label %fill, label %no
fill:
  %listed = icmp eq i64 %kind, {KINDS.index('list')}
  %items = call ptr @items(ptr %whole, i1 %listed)
  br i1 %are.numbers, label %row, label %parts
row:
  call void @pass(i64 %count, ptr %places.at, ptr %from.at)
{loop('j', '%count', one)}
  ret ptr %whole
parts:
{loop('k', '%count', several)}
  ret ptr %whole
failed:
  call void @Py_DecRef(ptr %whole)
  br label %no
array:
  %behind = getelementptr i64, ptr %third, i64 %more
  store ptr %behind, ptr %code.at
  call void @pass(i64 %count, ptr %places.at, ptr %from.at)
  %new = call ptr @fresh(ptr %context, i64 %more, ptr %third)
  %is.new = icmp ne ptr %new, null
  br i1 %is.new, label %copy, label %no
copy:
{_part('data', 'new', 'ptr')}
  %consecutive = icmp eq ptr %places, null
  br i1 %consecutive, label %together, label %gather
together:
  %bytes = mul i64 %count, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %data, ptr %from, i64 %bytes, i1 false)
  ret ptr %new
gather:
{loop('i', '%count', gather)}
  ret ptr %new
no:
  ret ptr null
}}
define internal ptr @fresh(ptr %context, i64 %ndim, ptr %lengths) alwaysinline {{
{_known('new', 'ptr')}
{_known('array', 'ptr')}
  %deep = trunc i64 %ndim to i32
  %made = call ptr %new(ptr %array, i32 %deep, ptr %lengths, i32 {DOUBLE}, ptr null, ptr null, i32 0, i32 0, ptr null)
  ret ptr %made
}}
"""


def _way(name: str, body: str) -> str:
    """Print an entry: what its body makes between entering a slot and leaving it."""
    return f"""define ptr @{name}{ENTRY} {{
  %single = alloca i1
  %code.at = alloca ptr
  %places.at = alloca ptr
  %from.at = alloca ptr
  %context = call ptr @context(ptr %self)
  %slot = call ptr @enter(ptr %context, ptr %args, i64 %given, ptr %single)
  %entered = icmp ne ptr %slot, null
  br i1 %entered, label %ours, label %not
not:
  %none = call ptr @none(ptr %context)
  ret ptr %none
ours:
{_field('results', 'slot', 'ptr')}
{body}
}}
"""


def _made(structure: str) -> str:
    """Print what runs, and makes a structure of the results."""
    return f"""
  call void @run(ptr %slot, i64 %given, ptr %results)
{_known(structure, 'ptr')}
  store ptr %{structure}, ptr %code.at
  store ptr null, ptr %places.at
  store ptr %results, ptr %from.at
  %result = call ptr @build(ptr %context, ptr %code.at, ptr %places.at, ptr %from.at)
  call void @leave(ptr %slot)
  ret ptr %result"""


SUM, GRADIENT = map(_made, ('all', 'pair'))

#: Many rows fill an array of their own.
EACH = f"""
  %alone = load i1, ptr %single
  br i1 %alone, label %one, label %several
one:{_made('all')}
several:
{_field('shape', 'slot', 'ptr')}
  %array = call ptr @fresh(ptr %context, i64 2, ptr %shape)
  %has.array = icmp ne ptr %array, null
  br i1 %has.array, label %fill, label %failed
fill:
{_part('data', 'array', 'ptr')}
  call void @run(ptr %slot, i64 %given, ptr %data)
  call void @leave(ptr %slot)
  ret ptr %array
failed:
  call void @leave(ptr %slot)
  ret ptr null"""


def _call() -> str:
    """Print what calls a compiled function."""

    def field(name: str, kind: str = 'i64') -> str:
        return _field(name, 'call', kind, CALL)

    read = """
  %arg.at = getelementptr ptr, ptr %args, i64 %a
  %arg = load ptr, ptr %arg.at
  %arg.read = call i1 @read(ptr %context, ptr %arg, ptr %code.at, ptr %cursor)
  br i1 %arg.read, label %next, label %out
next:"""
    pick = """
  %x.from = call ptr @pick(ptr %numbers, ptr %picks, i64 %p)
  %x = load double, ptr %x.from
  %x.to = getelementptr double, ptr %to, i64 %p
  store double %x, ptr %x.to"""
    doubt = f"""
  %vector.at = getelementptr <{VECTOR} x double>, ptr %results, i64 %d
  %vector = load <{VECTOR} x double>, ptr %vector.at
  %are.nan = fcmp uno <{VECTOR} x double> %vector, zeroinitializer
  %lanes = bitcast <{VECTOR} x i1> %are.nan to i{VECTOR}
  %some = icmp ne i{VECTOR} %lanes, 0
  br i1 %some, label %out, label %fine
fine:"""
    return f"""define ptr @call{ENTRY} {{
{counters('a', 'p', 'd')}
  %code.at = alloca ptr
  %cursor = alloca ptr
  %place = alloca ptr
  %from = alloca ptr
  %context = call ptr @context(ptr %self)
  %slot = getelementptr i64, ptr %context, i64 {len(CONTEXT)}
  %call = getelementptr i64, ptr %slot, i64 {len(SLOT)}
  %wanted = load i64, ptr %call
  %same = icmp eq i64 %given, %wanted
  br i1 %same, label %ask, label %not
ask:
  %taken = call i1 @take(ptr %slot)
  br i1 %taken, label %ours, label %not
ours:
{field('reads', 'ptr')}
{field('numbers', 'ptr')}
  store ptr %reads, ptr %code.at
  store ptr %numbers, ptr %cursor
{loop('a', '%given', read)}
{field('picked')}
{field('picks', 'ptr')}
{field('to', 'ptr')}
{loop('p', '%picked', pick)}
{_field('results', 'slot', 'ptr')}
  call void @run(ptr %slot, i64 1, ptr %results)
{field('watched')}
  %branches = icmp sge i64 %watched, 0
  br i1 %branches, label %watch, label %look
watch:
  %missing.at = getelementptr double, ptr %results, i64 %watched
  %missing = load double, ptr %missing.at
  %on.path = fcmp oeq double %missing, 0.0
  br i1 %on.path, label %look, label %out
look:
{field('doubts')}
{loop('d', '%doubts', doubt)}
{field('places', 'ptr')}
{field('builds', 'ptr')}
  store ptr %builds, ptr %code.at
  store ptr %places, ptr %place
  store ptr %results, ptr %from
  %result = call ptr @build(ptr %context, ptr %code.at, ptr %place, ptr %from)
  call void @leave(ptr %slot)
  ret ptr %result
out:
  call void @leave(ptr %slot)
  br label %not
not:
  %none = call ptr @none(ptr %context)
  ret ptr %none
}}
"""


#: A way that is never at a loss: the short one if it is given positions alone, then the long one.
FIRST = f"""
define ptr @first(ptr %self, ptr %args, i64 %given, ptr %names) {{
  %two = alloca [2 x ptr]
  %both = call ptr @items(ptr %self, i1 false)
  %long.at = getelementptr ptr, ptr %both, i64 1
  %long = load ptr, ptr %long.at
  %named = icmp ne ptr %names, null
  br i1 %named, label %slow, label %count
count:
  %more = sub i64 %given, 1
  %fits = icmp ult i64 %more, 2
  br i1 %fits, label %quick, label %slow
quick:
  %alone = icmp eq i64 %given, 1
  %default.at = getelementptr ptr, ptr %both, i64 2
  %second.at = getelementptr ptr, ptr %args, i64 1
  %rows.from = select i1 %alone, ptr %default.at, ptr %second.at
  %theta = load ptr, ptr %args
  %rows = load ptr, ptr %rows.from
  %rows.at = getelementptr ptr, ptr %two, i64 1
  store ptr %theta, ptr %two
  store ptr %rows, ptr %rows.at
  %short = load ptr, ptr %both
  %found = call ptr @value_and_gradient(ptr %short, ptr %two, i64 2)
  %context = call ptr @context(ptr %short)
{_known('none', 'ptr')}
  %lost = icmp eq ptr %found, %none
  br i1 %lost, label %again, label %done
done:
  ret ptr %found
again:
  call void @Py_DecRef(ptr %found)
  br label %slow
slow:
  %result = call ptr @PyObject_Vectorcall(ptr %long, ptr %args, i64 %given, ptr %names)
  ret ptr %result
}}
"""
