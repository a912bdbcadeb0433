"""LLVM text written as formulas: Python's operators on a ``Term`` print instructions.

The same formula prints arithmetic on one double, or on a vector of doubles.

>>> body = Body(lanes=4)
>>> x = body.operand('double', 'x')
>>> y = where(x > 1.0, x * x, x)
>>> print('\\n'.join(body.lines))
%t1 = fcmp ogt <4 x double> %x, splat (double 0x3FF0000000000000)
%t2 = fmul <4 x double> %x, %x
%t3 = select <4 x i1> %t1, <4 x double> %t2, <4 x double> %x
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ['Body', 'Operand', 'Term', 'hexadecimal', 'intrinsic', 'muladd', 'polynomial', 'real_bits', 'where']


def hexadecimal(number: float) -> str:
    """Print a double exactly, as LLVM reads it.

    >>> hexadecimal(1.0)
    '0x3FF0000000000000'
    """
    return '0x' + struct.pack('>d', number).hex().upper()


def real_bits(number: float) -> int:
    """Return a double's 64 bits.

    >>> hex(real_bits(1.0))
    '0x3ff0000000000000'
    """
    return int(struct.unpack('<q', struct.pack('<d', number))[0])


@dataclass
class Body:
    """The lines of one function being printed, which computes so many lanes at once."""

    lanes: int
    lines: list[str] = field(default_factory=list)
    count: int = 0

    def type(self, kind: str) -> str:
        """Return the type of all lanes: ``double`` or ``<8 x double>``."""
        return kind if self.lanes == 1 else f'<{self.lanes} x {kind}>'

    def operand(self, kind: str, name: str) -> Term:
        """Return the function's operand of a name."""
        return Term(self, kind, f'%{name}')

    def line(self, kind: str, text: str) -> Term:
        """Add a line that computes something, and return that."""
        self.count += 1
        self.lines.append(f'%t{self.count} = {text}')
        return Term(self, kind, f'%t{self.count}')

    def constant(self, kind: str, number: float) -> Term:
        """Return a Python number, the same in all lanes."""
        text = hexadecimal(number) if kind == 'double' else str(number)
        return Term(self, kind, text if self.lanes == 1 else f'splat ({kind} {text})')

    def calls(self, name: str, *operands: Term, attributes: str = '') -> Term:
        """Call a function of C for each lane. LLVM shall not replace it by another (``nobuiltin``)."""
        if self.lanes == 1:
            return self.line('double', f'call double @{name}({", ".join(map(str, operands))}) nobuiltin{attributes}')
        result = Term(self, 'double', 'poison')
        for lane in range(self.lanes):
            parts = [self.line('double', f'extractelement {term}, i32 {lane}').name for term in operands]
            arguments = ', '.join(f'double {part}' for part in parts)
            part = self.line('double', f'call double @{name}({arguments}) nobuiltin{attributes}').name
            result = self.line('double', f'insertelement {result}, double {part}, i32 {lane}')
        return result

    def unless(self, far: Term, near: Term, beyond: Callable[[], Term]) -> Term:
        """Return ``near``; for lanes that are ``far``, which is rare, what ``beyond`` prints. Once in a function."""
        some = far
        if self.lanes > 1:
            some = self.line('i1', f'call i1 @llvm.vector.reduce.or.v{self.lanes}i1({far})')
        some = self.line('i1', f'call i1 @llvm.expect.i1(i1 {some.name}, i1 false)')
        self.lines += ['br label %near', 'near:', f'br i1 {some.name}, label %far, label %done', 'far:']
        other = where(far, beyond(), near)
        self.lines += ['br label %done', 'done:']
        return self.line('double', f'phi {self.type("double")} [{near.name}, %near], [{other.name}, %far]')


@dataclass(frozen=True)
class Term:
    """A number of each lane: a ``double``, an ``i64`` or, of a comparison, an ``i1``."""

    body: Body
    kind: str
    name: str

    def __str__(self) -> str:
        return f'{self.body.type(self.kind)} {self.name}'

    def like(self, operand: Operand) -> Term:
        """Return an operand beside this one: a Python number becomes a constant of its kind."""
        return operand if isinstance(operand, Term) else self.body.constant(self.kind, operand)

    def print(self, instruction: str, other: Operand, kind: str = '') -> Term:
        """Print an instruction of this and another one."""
        return self.body.line(kind or self.kind, f'{instruction} {self}, {self.like(other).name}')

    def __add__(self, other: Operand) -> Term:
        return self.print('fadd' if self.kind == 'double' else 'add', other)

    def __sub__(self, other: Operand) -> Term:
        return self.print('fsub' if self.kind == 'double' else 'sub', other)

    def __mul__(self, other: Operand) -> Term:
        return self.print('fmul', other)

    def __truediv__(self, other: Operand) -> Term:
        return self.print('fdiv', other)

    def __radd__(self, other: float) -> Term:
        return self.like(other) + self

    def __rsub__(self, other: float) -> Term:
        return self.like(other) - self

    def __rmul__(self, other: float) -> Term:
        return self * other

    def __rtruediv__(self, other: float) -> Term:
        return self.like(other) / self

    def __and__(self, other: Operand) -> Term:
        return self.print('and', other)

    def __or__(self, other: Operand) -> Term:
        return self.print('or', other)

    def __xor__(self, other: Operand) -> Term:
        return self.print('xor', other)

    def __lshift__(self, other: int) -> Term:
        return self.print('shl', other)

    def __rshift__(self, other: int) -> Term:
        return self.print('lshr', other)

    def __lt__(self, other: Operand) -> Term:
        return self.print('fcmp olt', other, 'i1')

    def __gt__(self, other: Operand) -> Term:
        return self.print('fcmp ogt', other, 'i1')

    def beyond(self, size: float) -> Term:
        """Tell whether this is larger than a size, in either direction, or nan."""
        return intrinsic('fabs', self).print('fcmp ugt', size, 'i1')

    def equals(self, other: Operand) -> Term:
        return self.print('fcmp oeq' if self.kind == 'double' else 'icmp eq', other, 'i1')

    def bits(self) -> Term:
        """The bits of a double, as a whole number."""
        return self.body.line('i64', f'bitcast {self} to {self.body.type("i64")}')

    def real(self) -> Term:
        """The double of such bits."""
        return self.body.line('double', f'bitcast {self} to {self.body.type("double")}')


Operand: TypeAlias = Term | float


def where(condition: Term, a: Operand, b: Operand) -> Term:
    """Choose a where a condition holds, else b."""
    body = condition.body
    one, other = (term if isinstance(term, Term) else body.constant('double', term) for term in (a, b))
    return body.line('double', f'select {condition}, {one}, {other}')


def intrinsic(name: str, *operands: Operand) -> Term:
    """Call a function of LLVM's own, ``fmuladd``, ``fabs``, ``copysign``, ``sqrt``."""
    body = next(term.body for term in operands if isinstance(term, Term))
    terms = [term if isinstance(term, Term) else body.constant('double', term) for term in operands]
    suffix = 'f64' if body.lanes == 1 else f'v{body.lanes}f64'
    return body.line('double', f'call {body.type("double")} @llvm.{name}.{suffix}({", ".join(map(str, terms))})')


def muladd(a: Operand, b: Operand, c: Operand) -> Term:
    """Return a * b + c, rounded once or twice, whichever is faster."""
    return intrinsic('fmuladd', a, b, c)


def polynomial(x: Term, coefficients: Sequence[float]) -> Term:
    """Evaluate a polynomial by Estrin's scheme: pairs side by side, then pairs of those by x^2, x^4, ..."""
    level: list[Operand] = list(coefficients)
    while True:
        pairs = [muladd(high, x, low) if high != 1.0 else x + low for low, high in zip(level[::2], level[1::2])]
        level = [*pairs, *level[2 * len(pairs) :]]
        if len(level) == 1:
            return pairs[0]
        x = x * x
