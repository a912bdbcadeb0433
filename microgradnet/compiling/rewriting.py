"""A function's own source, rewritten so that both sides of an ``if`` can be asked, where they only compute.

What is rewritten calls helpers, whose names no source can have; ``joining`` has them, and says what they do. A side
is a function of the names it assigns. It is strict: it has nothing but assignments to local names, ``if``, ``for`` and
expressions, and each call, attribute and operand in it goes through a helper, which may say no before anything is done.

The source is taken only if it compiles to the very code of the function: so it is not what an editor has changed since,
or what another tool made of it. Positions stay, so that lines and errors are those of the user.

>>> from ast import parse, unparse
>>> [f] = parse('def f(x):\\n    y = 0.0\\n    if x > y:\\n        y = x\\n    return y').body
>>> print(unparse(_Rewriter(f).function(f)))
def f(x):
    y = 0.0
<BLANKLINE>
    def $yes(y=$unbound):
        if y is $unbound:
            del y
        y = x
        return $locals()
<BLANKLINE>
    def $no(y=$unbound):
        if y is $unbound:
            del y
        return $locals()
    y, = $joined(lambda *$: True if $number(x) > $number(y) else False, $yes, $no, $locals(), ('y',))
    if y is $unbound:
        del y
    return y
"""

from __future__ import annotations

import ast
import linecache
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from types import CodeType, FunctionType
from typing import Any, TypeAlias

from ..engine.origins import PACKAGE

__all__ = ['rewritten']

#: What helpers add to a name.
HELPING = re.compile(r'\.<locals>\.\$\w+')
Function: TypeAlias = 'ast.FunctionDef | ast.Lambda'
#: Names by which a function looks at itself, or is no function of its own.
SELF = {'locals', 'vars', 'eval', 'exec', 'dir', 'super', '__class__', 'globals'}
#: What is not looked into: scopes of their own, which are rewritten when they are called, if at all.
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
REFUSED = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Match)
#: What may catch an error that only joining has, as of a name that one side alone binds.
CATCHING = (ast.ExceptHandler, ast.With)
COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp)


#: Where functions are nobody's to rewrite: here, in Python's library, and where packages are installed.
LIBRARIES = PACKAGE, '<microgradnet ', os.path.dirname(os.__file__) + os.sep
INSTALLED = f'{os.sep}site-packages{os.sep}', f'{os.sep}dist-packages{os.sep}'


class _NotStrict(Exception):
    """Something more than computing is done here."""


#: So much is kept in mind of codes, and of files.
MOST, FILES = 10_000, 10
#: What became of a code: by its identity, with the code itself, so that the identity stays its own.
_known: dict[tuple[int, bool], tuple[CodeType, CodeType | None]] = {}
#: Of each file its lines as they were, what its tree is, and the codes of its statements.
_files: dict[str, tuple[list[str], ast.Module, dict[int, set[CodeType]]]] = {}


def rewritten(f: FunctionType, helpers: dict[str, Any], strict: bool = False) -> FunctionType | None:
    """Return the same function with helpers in it; None where there is nothing to rewrite, or it cannot be done.

    helpers: their cells, by what they are called: names with a ``$``, which no source has.
    strict: all of it is a side.
    """
    code = f.__code__
    key = id(code), strict
    found = _known.get(key)
    if found is None:
        if len(_known) > MOST:
            _known.clear()
        found = _known[key] = code, _rewritten(code, helpers, strict)
    made = found[1]
    if made is None:
        return None
    cells = dict(zip(code.co_freevars, f.__closure__ or ()))
    closure = tuple(helpers[name] if name.startswith('$') else cells[name] for name in made.co_freevars)
    new = FunctionType(made, f.__globals__, f.__name__, f.__defaults__, closure)
    new.__kwdefaults__ = f.__kwdefaults__
    return new


def _rewritten(code: CodeType, helpers: Iterable[str], strict: bool) -> CodeType | None:
    file = code.co_filename
    ours = file.startswith(LIBRARIES) or any(part in file for part in INSTALLED)
    node = None if ours else _source(code)
    if node is None:
        return None
    try:
        rewriter = _Rewriter(node)
        new = rewriter.strict(node) if strict else rewriter.function(node)
    except (_NotStrict, RecursionError):
        return None
    if not rewriter.changes:
        return None
    if isinstance(new, ast.Lambda):
        body: ast.stmt = ast.Return(new)
    else:
        body = new
        body.name = '$function'  # its own name is not its own
    whole = ast.FunctionDef('$factory', _arguments([*code.co_freevars, *helpers]), [body], [], None)
    if 'type_params' in ast.FunctionDef._fields:
        whole.type_params = []  # type: ignore[attr-defined]
    module = ast.Module([ast.fix_missing_locations(ast.copy_location(whole, node))], [])
    try:
        made = compile(module, code.co_filename, 'exec', _flags(code), dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return None
    factory = next(const for const in made.co_consts if isinstance(const, CodeType))
    found = next(const for const in factory.co_consts if isinstance(const, CodeType))
    return _named_as(found, code, found.co_qualname)


def _named_as(code: CodeType, like: CodeType, made: str) -> CodeType:
    """Name a code as another one, and what helps it, too: what is said of a line is said of the user's function."""
    consts = tuple(_named_as(const, like, made) if isinstance(const, CodeType) else const for const in code.co_consts)
    if '$' in code.co_varnames[:1] or code.co_name.startswith('$'):
        return code.replace(co_name=like.co_name, co_qualname=like.co_qualname, co_consts=consts)
    return code.replace(co_qualname=like.co_qualname + HELPING.sub('', code.co_qualname.removeprefix(made)),
                        co_consts=consts)  # fmt: skip


def _flags(code: CodeType) -> int:
    """Return what ``from __future__`` said."""
    import __future__

    known = (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
    return sum(flag for flag in known if code.co_flags & flag)


def _codes(code: CodeType) -> Iterator[CodeType]:
    stack = [code]
    while stack:
        one = stack.pop()
        yield one
        stack += [const for const in one.co_consts if isinstance(const, CodeType)]


def _source(code: CodeType) -> Function | None:
    """Return the tree that a code was compiled from; None if that is not known for certain."""
    lines = linecache.getlines(code.co_filename)
    known = _files.get(code.co_filename)
    if known is None or known[0] != lines:
        try:
            known = lines, ast.parse(''.join(lines)), {}
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            known = lines, ast.Module([], []), {}
        if len(_files) > FILES:
            _files.clear()
        _files[code.co_filename] = known
    _, tree, compiled = known
    for statement in tree.body:
        first = min([statement.lineno, *(part.lineno for part in getattr(statement, 'decorator_list', ()))])
        if not first <= code.co_firstlineno <= (statement.end_lineno or 0):
            continue
        if id(statement) not in compiled:
            # A name that a module imports is called in another way.
            alone = ast.Module([*_imports(tree), statement], [])
            made = compile(alone, code.co_filename, 'exec', _flags(code), dont_inherit=True)
            compiled[id(statement)] = {*_codes(made)}
        if code in compiled[id(statement)]:
            return _node(code, statement)
    return None


def _imports(tree: ast.Module) -> list[ast.stmt]:
    """Return what a module imports, in whatever block."""
    found: list[ast.stmt] = []
    stack: list[ast.AST] = [*tree.body]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != '__future__'):
            found.append(node)
        elif not isinstance(node, (*SCOPES, ast.expr)):
            stack += ast.iter_child_nodes(node)
    return found


def _node(code: CodeType, statement: ast.stmt) -> Function | None:
    """Return the innermost function that has all instructions of a code in it."""
    if code.co_name != '<lambda>':
        found = [
            node for node in ast.walk(statement)
            if isinstance(node, ast.FunctionDef) and node.name == code.co_name
            and code.co_firstlineno == min([node.lineno, *(part.lineno for part in node.decorator_list)])
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None
    spans = [(a, c, b, d) for a, b, c, d in code.co_positions() if None not in (a, b, c, d) and d]
    best: list[ast.Lambda] = []
    for node in ast.walk(statement):  # outer ones come before what is inside of them
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
            body = node.body
            begin, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
            if all((a, c) >= begin and (b, d) <= end for a, c, b, d in spans):
                best.append(node)
    return best[-1] if best and (spans or len(best) == 1) else None  # Python may have been told to keep no columns


def _arguments(names: Iterable[str], default: bool = False) -> ast.arguments:
    args = [ast.arg(name) for name in names]
    defaults: list[ast.expr] = [_name('$unbound') for _ in args] if default else []
    return ast.arguments([], args, None, [], [], None, defaults)


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _call(helper: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(_name(f'${helper}'), [*arguments], [])


def _thunk(body: ast.expr) -> ast.Lambda:
    return ast.Lambda(ast.arguments([], [], ast.arg('$'), [], [], None, []), body)


def _returns(statements: Sequence[ast.stmt]) -> bool:
    """Tell whether a block ends in a return, whichever way it goes."""
    last = statements[-1] if statements else None
    if isinstance(last, ast.If):
        return _returns(last.body) and _returns(last.orelse)
    return isinstance(last, ast.Return)


class _Rewriter(ast.NodeTransformer):
    """Rewrites one function."""

    def __init__(self, function: Function) -> None:
        self.changes = 0
        #: How many places in strict code are not to be reached, and how many sides what is rewritten is in.
        self.leaves = self.inside = 0
        #: The ends of blocks that are not strict, by their first statement and how many there are: not tried again.
        self.refused: set[tuple[int, int]] = set()
        body = function.body if isinstance(function.body, list) else [function.body]
        inside = [node for part in body for node in ast.walk(part)]
        for node in inside:
            name = getattr(node, 'id', '') or getattr(node, 'attr', '') or getattr(node, 'name', '') or ''
            if isinstance(node, (*REFUSED, *CATCHING)) or name in SELF:
                raise _NotStrict
            if isinstance(name, str) and name.startswith('__') and not name.endswith('__'):
                raise _NotStrict  # in a class it is another name
        for arg in ast.walk(function.args):
            if isinstance(arg, ast.arg) and arg.arg.startswith('__'):
                raise _NotStrict
        #: Names that are not this function's alone: others may look at them, or change them.
        self.shared = {name for node in inside if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names}
        for node in inside:
            if isinstance(node, SCOPES):
                self.shared |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}

    def function(self, node: Function) -> Function:
        """Return it with joined ``if``s, wherever both sides are strict."""
        if isinstance(node, ast.Lambda):
            return ast.copy_location(ast.Lambda(_bare(node.args), self.visit(node.body)), node)
        return self._like(node, self._tail(node.body))

    def strict(self, node: Function) -> Function:
        """Return it as a side as a whole. Raises _NotStrict."""
        self.changes += 1
        self.inside += 1
        if isinstance(node, ast.Lambda):
            return ast.copy_location(ast.Lambda(_bare(node.args), self._pure(node.body)), node)
        return self._like(node, self._strict_tail(node.body))

    def _like(self, node: ast.FunctionDef, body: list[ast.stmt]) -> ast.FunctionDef:
        made = ast.FunctionDef(node.name, _bare(node.args), body, [], None)
        if 'type_params' in ast.FunctionDef._fields:
            made.type_params = []  # type: ignore[attr-defined]
        return ast.copy_location(made, node)

    # Statements, of which any may be there.

    def _tail(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Rewrite the statements that a function ends with."""
        made: list[ast.stmt] = []
        for place, statement in enumerate(statements):
            joined = self._joined_return(statement, statements[place + 1 :])
            if joined is not None:
                return [*made, *joined]
            found = self._statement(statement)
            if isinstance(statement, ast.If) and place + 1 == len(statements) and isinstance(found[0], ast.If):
                sides = self._tail(statement.body), self._tail(statement.orelse)
                found = [ast.copy_location(ast.If(self.visit(statement.test), *sides), statement)]
            made += found
        return made

    def _statement(self, statement: ast.stmt) -> list[ast.stmt]:
        found = self.visit(statement)
        return found if isinstance(found, list) else [found]

    def _attempt(self, make: Any) -> Any:
        before = self.changes, self.leaves
        try:
            return make()
        except _NotStrict:
            self.changes, self.leaves = before
            raise

    def _joined_return(self, statement: ast.stmt, rest: Sequence[ast.stmt]) -> list[ast.stmt] | None:
        try:
            return self._attempt(lambda: self._return_of(statement, rest))  # type: ignore[no-any-return]
        except _NotStrict:
            return None

    def _return_of(self, statement: ast.stmt, rest: Sequence[ast.stmt]) -> list[ast.stmt]:
        if not isinstance(statement, ast.If):
            raise _NotStrict
        yes, no = [*statement.body], [*statement.orelse]
        if not _returns(yes):
            yes += rest
        elif not _returns(no):
            no += rest
        if not (_returns(yes) and _returns(no)) or (not _returns(statement.body) and not _returns(statement.orelse)):
            raise _NotStrict
        names = sorted(self._assigned([*yes, *no]))
        before = self.leaves
        self.inside += 1
        try:
            sides = [self._side(name, names, self._strict_tail(part)) for name, part in (('$yes', yes), ('$no', no))]
        finally:
            self.inside -= 1
        if self.leaves > before and not self.inside:
            raise _NotStrict
        self.changes += 1
        value = self._test(statement.test), _name('$yes'), _name('$no'), _call('locals'), _tuple(names)
        return self._placed([*sides, ast.Return(_call('returned', *value))], statement)

    def visit_If(self, node: ast.If) -> Any:
        try:
            return self._attempt(lambda: self._if(node))
        except _NotStrict:
            return self._plain(node)

    def _plain(self, node: ast.stmt) -> ast.stmt:
        return self.generic_visit(node)  # type: ignore[return-value]

    def _if(self, node: ast.If) -> list[ast.stmt]:
        """Return what stands for an ``if`` whose sides are strict; if they are that but for some places, it stays."""
        names = sorted(self._assigned([*node.body, *node.orelse]))
        if not names and not self.inside:
            raise _NotStrict
        before = self.leaves
        sides = [
            self._side(name, names, [*self._strict_block(part), ast.Return(_call('locals'))])
            for name, part in (('$yes', node.body), ('$no', node.orelse))
        ]
        value = self._test(node.test), _name('$yes'), _name('$no'), _call('locals'), _tuple(names)
        self.changes += 1
        targets = ast.Tuple([ast.Name(name, ast.Store()) for name in names], ast.Store())
        if self.leaves == before or self.inside:
            bound: list[ast.stmt] = [ast.Assign([targets], _call('joined', *value)), *self._unbinding(names)]
            return self._placed([*sides, *bound], node)
        joined = ast.NamedExpr(ast.Name('$after', ast.Store()), _call('tried', *value))
        is_joined = ast.Compare(ast.Attribute(joined, '__class__', ast.Load()), [ast.IsNot()], [_name('$bool')])
        body, orelse = ([*chain.from_iterable(map(self._statement, part))] for part in (node.body, node.orelse))
        stays = ast.copy_location(ast.If(_name('$after'), body, orelse), node)
        bound = [ast.Assign([targets], _name('$after')), *self._unbinding(names)]
        return self._placed([*sides, ast.If(is_joined, self._placed(bound, node), [stays])], node)

    def _placed(self, statements: list[ast.stmt], like: ast.stmt) -> list[ast.stmt]:
        """Give what was made the place of the line that it was made of."""
        line = ast.Pass(lineno=like.lineno, col_offset=like.col_offset, end_lineno=like.lineno,
                        end_col_offset=like.col_offset)  # fmt: skip
        for statement in statements:
            ast.copy_location(statement, line)
        return statements

    def _side(self, name: str, names: list[str], body: list[ast.stmt]) -> ast.FunctionDef:
        made = ast.FunctionDef(name, _arguments(names, True), [*self._unbinding(names), *body], [], None)
        if 'type_params' in ast.FunctionDef._fields:
            made.type_params = []  # type: ignore[attr-defined]
        return made

    def _unbinding(self, names: list[str]) -> list[ast.stmt]:
        tests = [ast.Compare(_name(name), [ast.Is()], [_name('$unbound')]) for name in names]
        return [ast.If(test, [ast.Delete([ast.Name(name, ast.Del())])], []) for name, test in zip(names, tests)]

    def _test(self, node: ast.expr) -> ast.Lambda:
        sides: list[ast.expr] = [ast.Constant(True), ast.Constant(False)]
        return ast.copy_location(_thunk(ast.copy_location(ast.IfExp(self._true(node), *sides), node)), node)

    def _assigned(self, statements: Sequence[ast.stmt]) -> set[str]:
        found: set[str] = set()
        for statement in statements:
            stack: list[ast.AST] = [statement]
            while stack:
                node = stack.pop()
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    found.add(node.id)
                if not isinstance(node, (*COMPREHENSIONS, *SCOPES)):
                    stack += ast.iter_child_nodes(node)
        if found & self.shared:
            raise _NotStrict
        return found

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        try:
            return ast.copy_location(self._attempt(lambda: self._either(node)), node)
        except _NotStrict:
            return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> Any:
        new: Any = self.generic_visit(node)
        self.changes += 1
        return ast.copy_location(ast.Call(self._wrapped('called', new.func), new.args, new.keywords), node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        new: Any = self.generic_visit(node)
        new.value = self._kept(node.targets, new.value)
        return new

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        new: Any = self.generic_visit(node)
        new.value = self._kept([node.target], new.value)
        return new

    def _kept(self, targets: list[ast.expr], value: ast.expr) -> ast.expr:
        """Return what some targets are given, of which objects may ask what it is."""
        owners = [part.value for target in targets for part in ast.walk(target) if isinstance(part, ast.Attribute)
                  and isinstance(part.ctx, ast.Store)]  # fmt: skip
        if not owners:
            return value
        names = [_name(owner.id) for owner in owners if isinstance(owner, ast.Name)]
        return ast.copy_location(_call('kept', value, *names * (len(names) == len(owners))), value)

    def visit_Compare(self, node: ast.Compare) -> Any:
        new: Any = self.generic_visit(node)
        if _asks_identity(node):
            new = ast.copy_location(ast.Compare(*self._known(new.left, new.ops, new.comparators)), node)
        return new

    def _known(self, left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr]) -> Any:
        return self._wrapped('known', left), ops, [self._wrapped('known', other) for other in others]

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        new: Any = self.generic_visit(node)
        return ast.copy_location(ast.Subscript(new.value, self._asked(new.slice), new.ctx), node)

    def visit_Dict(self, node: ast.Dict) -> Any:
        new: Any = self.generic_visit(node)
        return ast.copy_location(ast.Dict([key and self._asked(key) for key in new.keys], new.values), node)

    def visit_DictComp(self, node: ast.DictComp) -> Any:
        new: Any = self.generic_visit(node)
        return ast.copy_location(ast.DictComp(self._asked(new.key), new.value, new.generators), node)

    def visit_Set(self, node: ast.Set) -> Any:
        new: Any = self.generic_visit(node)
        return ast.copy_location(ast.Set([*map(self._asked, new.elts)]), node)

    def visit_SetComp(self, node: ast.SetComp) -> Any:
        new: Any = self.generic_visit(node)
        return ast.copy_location(ast.SetComp(self._asked(new.elt), new.generators), node)

    def _asked(self, key: ast.expr) -> ast.expr:
        """Return a key, of which is asked what it is."""
        if isinstance(key, ast.Tuple):
            return ast.copy_location(ast.Tuple([*map(self._asked, key.elts)], ast.Load()), key)
        return key if isinstance(key, (ast.Slice, ast.Constant, ast.Starred)) else self._wrapped('known', key)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit what is inside, into a copy: the tree stays as it was."""
        if isinstance(node, SCOPES):
            return node
        fields: dict[str, Any] = {}
        for name, value in ast.iter_fields(node):
            if name == 'annotation':
                fields[name] = value
            elif isinstance(value, list):
                fields[name] = [*chain.from_iterable(map(self._visited, value))]
            else:
                fields[name] = self.visit(value) if isinstance(value, ast.AST) else value
        return ast.copy_location(type(node)(**fields), node)

    def _visited(self, item: Any) -> list[Any]:
        found = self.visit(item) if isinstance(item, ast.AST) else item
        return found if isinstance(found, list) else [found]

    # Sides: statements and expressions that only compute.

    def _strict_tail(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        key = id(statements[0]) if statements else 0, len(statements)
        if key not in self.refused:
            with suppress(_NotStrict):
                return self._strict_end(statements)
            self.refused.add(key)
        raise _NotStrict

    def _strict_end(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for place, statement in enumerate(statements):
            if isinstance(statement, ast.Return):
                if statement.value is None:
                    raise _NotStrict
                return [*made, ast.copy_location(ast.Return(self._result(statement.value)), statement)]
            joined = self._joined_return(statement, statements[place + 1 :])
            if joined is not None:
                return [*made, *joined]
            made += self._strict_statement(statement)
        raise _NotStrict

    def _result(self, node: ast.expr) -> ast.expr:
        """Return what a side returns; a list that is made there is nobody else's."""
        if isinstance(node, ast.List):
            return ast.copy_location(_call('fresh', *map(self._result, node.elts)), node)
        if isinstance(node, ast.Tuple):
            return ast.copy_location(ast.Tuple([*map(self._result, node.elts)], ast.Load()), node)
        return self._pure(node)

    def _strict_block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Rewrite what is in a side; what does more, in an ``if`` or a loop in there, is not to be reached."""
        made: list[ast.stmt] = []
        self.inside += 1
        try:
            for statement in statements:
                try:
                    made += self._attempt(partial(self._strict_statement, statement))
                except _NotStrict:
                    if self.inside == 1:
                        raise
                    self.leaves += 1
                    return [*made, ast.copy_location(ast.Expr(_call('leave')), statement)]
        finally:
            self.inside -= 1
        return made

    def _strict_statement(self, node: ast.stmt) -> list[ast.stmt]:
        made: list[ast.stmt]
        if isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            return [node]
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._local(target)
            made = [ast.Assign(node.targets, self._unpacked(node.targets, node.value))]
        elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
            made = [ast.Assign([node.target], self._pure(node.value))]
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            check = _call('immutable', _name(node.target.id))
            made = [ast.Expr(check), ast.AugAssign(node.target, node.op, self._operand(node.value))]
        elif isinstance(node, ast.If):
            return self._if(node)
        elif isinstance(node, ast.For) and not node.orelse:
            self._local(node.target)
            items = self._wrapped('items', self._pure(node.iter))
            made = [ast.For(node.target, items, self._strict_block(node.body), [])]
        else:
            raise _NotStrict
        return [ast.copy_location(one, node) for one in made]

    def _unpacked(self, targets: list[ast.expr], value: ast.expr) -> ast.expr:
        made = self._pure(value)
        if any(isinstance(target, ast.Tuple) for target in targets) and not isinstance(value, ast.Tuple):
            return self._wrapped('container', made)
        return made

    def _local(self, target: ast.expr) -> None:
        """Refuse what is no local name, or some of them."""
        parts = target.elts if isinstance(target, ast.Tuple) else [target]
        if not all(isinstance(part, ast.Name) for part in parts):
            raise _NotStrict

    def _wrapped(self, helper: str, node: ast.expr) -> ast.expr:
        return ast.copy_location(_call(helper, node), node)

    def _operand(self, node: ast.expr) -> ast.expr:
        """Return an expression whose value arithmetic is done with."""
        made = self._pure(node)
        return made if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Constant)) else self._wrapped('number', made)

    def _true(self, node: ast.expr) -> ast.expr:
        """Return an expression whose truth is asked for."""
        if isinstance(node, ast.BoolOp):
            return ast.copy_location(ast.BoolOp(node.op, [*map(self._true, node.values)]), node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ast.copy_location(ast.UnaryOp(node.op, self._true(node.operand)), node)
        made = self._pure(node)
        return made if isinstance(node, (ast.Compare, ast.BinOp, ast.Constant)) else self._wrapped('truth', made)

    def _pure(self, node: ast.expr) -> ast.expr:
        return ast.copy_location(self._expression(node), node)

    def _expression(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Constant():
                return node
            case ast.Name(ctx=ast.Load()):
                return ast.Name(node.id, node.ctx)
            case ast.BinOp():
                return ast.BinOp(self._operand(node.left), node.op, self._operand(node.right))
            case ast.UnaryOp(op=ast.Not()) | ast.BoolOp():
                return self._true(node)
            case ast.UnaryOp():
                return ast.UnaryOp(node.op, self._operand(node.operand))
            case ast.Compare():
                return self._comparison(node)
            case ast.Attribute(ctx=ast.Load()):
                return _call('attribute', self._pure(node.value), ast.copy_location(ast.Constant(node.attr), node))
            case ast.Subscript(ctx=ast.Load()):
                items = self._wrapped('container', self._pure(node.value))
                return ast.Subscript(items, self._key(node.slice), node.ctx)
            case ast.Call():
                called = self._wrapped('called', self._pure(node.func))
                keywords = [
                    ast.copy_location(ast.keyword(one.arg, self._pure(one.value)), one)
                    for one in node.keywords if one.arg is not None
                ]  # fmt: skip
                if len(keywords) != len(node.keywords):
                    raise _NotStrict
                return ast.Call(called, [*map(self._argument, node.args)], keywords)
            case ast.IfExp():
                return self._either(node)
            case ast.Tuple(ctx=ast.Load()):
                return ast.Tuple([*map(self._item, node.elts)], node.ctx)
            case ast.List(ctx=ast.Load()):
                return ast.List([*map(self._item, node.elts)], node.ctx)
            case ast.ListComp():
                return ast.ListComp(self._pure(node.elt), [*map(self._generator, node.generators)])
        raise _NotStrict

    def _comparison(self, node: ast.Compare) -> ast.expr:
        if all(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            parts = self._pure(node.left), node.ops, [*map(self._pure, node.comparators)]
            return ast.Compare(*(self._known(*parts) if _asks_identity(node) else parts))
        if any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in node.ops):
            raise _NotStrict
        return ast.Compare(self._operand(node.left), node.ops, [*map(self._operand, node.comparators)])

    def _argument(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.GeneratorExp):  # elsewhere what it is made of may change before it is
            each = ast.GeneratorExp(self._pure(node.elt), [*map(self._generator, node.generators)])
            return ast.copy_location(_call('lazy', ast.copy_location(each, node)), node)
        return self._item(node)

    def _item(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Starred):
            items = self._wrapped('container', self._pure(node.value))
            return ast.copy_location(ast.Starred(items, node.ctx), node)
        return self._pure(node)

    def _key(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Slice):
            parts = [None if part is None else self._operand(part) for part in (node.lower, node.upper, node.step)]
            return ast.copy_location(ast.Slice(*parts), node)
        if isinstance(node, ast.Tuple):
            return ast.copy_location(ast.Tuple([*map(self._key, node.elts)], node.ctx), node)
        return node if isinstance(node, ast.Constant) else self._wrapped('key', self._asked(self._pure(node)))

    def _generator(self, node: ast.comprehension) -> ast.comprehension:
        self._local(node.target)
        if node.is_async:
            raise _NotStrict
        items = self._wrapped('items', self._pure(node.iter))
        return ast.comprehension(node.target, items, [*map(self._true, node.ifs)], 0)

    def _either(self, node: ast.IfExp) -> ast.expr:
        sides = (ast.copy_location(_thunk(self._pure(side)), side) for side in (node.body, node.orelse))
        self.changes += 1
        return _call('either', self._test(node.test), *sides)


def _asks_identity(node: ast.Compare) -> bool:
    """Tell whether it matters to a comparison what its numbers are, beside their values."""
    asks = any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in node.ops)
    return asks and not any(isinstance(part, ast.Constant) for part in (node.left, *node.comparators))


def _tuple(names: Sequence[str]) -> ast.expr:
    return ast.Tuple([ast.Constant(name) for name in names], ast.Load())


def _bare(arguments: ast.arguments) -> ast.arguments:
    """Return arguments without their defaults and annotations, which a function has already."""

    def plain(arg: ast.arg | None) -> ast.arg | None:
        return arg and ast.copy_location(ast.arg(arg.arg), arg)

    return ast.arguments(
        [*map(plain, arguments.posonlyargs)], [*map(plain, arguments.args)], plain(arguments.vararg),  # type: ignore
        [*map(plain, arguments.kwonlyargs)], [None] * len(arguments.kwonlyargs), plain(arguments.kwarg), [],  # type: ignore
    )  # fmt: skip
