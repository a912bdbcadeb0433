"""Nets in whole numbers, for processors without floating point: where the binary points are, and what that costs.

A whole number q with n fraction bits stands for q / 2 ** n. In ``q3.12`` there are a sign, 3 bits before the point
and 12 behind it, so numbers from -8 up to 8, 1/4096 apart. Weights and what goes from layer to layer have 8 or 16
bits, sums 32. Activations are looked up in a table, between whose nodes they go straight.

>>> net = MLP.from_weights([[[0.5, -1.25]], [[2.0]]], [[0.25], [0.0]], 'tanh')
>>> made = FixedPoint(net, 'q3.12')
>>> [y / 2 ** made.output for y in made([4096, 8192])], net([1.0, 2.0]).data  # whole numbers in, and out
([-1.8828125], -1.8827510769945748)
>>> made.bound < 0.002
True
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import floor, inf, isfinite
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from ..compiling.guards import recording
from ..compiling.ir.instructions import Instruction
from ..compiling.ir.nests import Affine
from ..compiling.ir.routine import Carry, Loop, Routine
from ..compiling.printers.c_fixed import Applied, Lookup, Narrow
from ..compiling.program import Program
from ..compiling.readings import Readings, installed
from ..engine.checks import items, refuse, text
from ..engine.context import ieee_arithmetic
from ..engine.incoming import numbers as as_floats
from ..engine.table import operations
from ..engine.value import Value
from ..nets.net import MLP, Activation, Layer
from ..nets.tables import is_frame

__all__ = ['FixedPoint']

#: All numbers that the argument of a table may be.
ALL = range(-(1 << 15), 1 << 15)
#: What a sum has room for; the rest is for what rounds it.
ROOM = (1 << 31) - (1 << 29)
#: Activations that need no table.
STRAIGHT = ('identity', 'linear', 'relu')
#: Tables have from 2 ** 4 up to 2 ** 9 steps: as many as it takes to be exact to one unit, if that can be had.
STEPS = range(4, 10)
#: A table that is off by more, and by more units than these, is refused.
WORST, UNITS = 1 / 16, 4


_Function: TypeAlias = Callable[[list[float]], list[float]]


class _Data(NamedTuple):
    """What goes into a layer: the examples, within which ends each number is, how far off it may be; its point.

    ``most`` is the largest whole number that comes, whatever the row.
    """

    rows: list[list[float]]
    box: list[tuple[float, float]]
    errors: list[float]
    point: int
    most: int


class _Stage(NamedTuple):
    """A layer: whole weights and biases, and what is done to each sum, one after the other."""

    weights: list[list[int]]
    biases: list[int]
    then: list[Applied]


class FixedPoint:
    """A net whose numbers are whole; ``inputs`` and ``output`` say how many fraction bits those have."""

    net: MLP
    numbers: str
    inputs: list[int]
    output: int
    bits: int
    #: How many fraction bits all numbers have, or None where each layer has its own.
    fraction: int | None
    #: The ends of what is kept.
    least: int
    top: int
    #: What is subtracted from each number of a row, what that is multiplied by, and what is done to the product.
    scales: list[tuple[int, int, Narrow]]
    stages: list[_Stage]
    names: Sequence[str]
    count: int
    #: How far an output may be from the net's, for any row within what ``box`` says; as long as nothing saturates.
    bound: float
    #: How far it is at most for the examples, or None without any.
    measured: float | None = None
    box: list[tuple[float, float]]

    def __init__(self, net: MLP, numbers: str, examples: Iterable[Sequence[Any]] | None = None) -> None:
        self.net, self.numbers = net, numbers
        self.bits, self.fraction = _parsed(numbers)
        self.least, self.top = -1 << self.bits - 1, (1 << self.bits - 1) - 1
        given: Any = examples.to_numpy() if is_frame(examples) else () if examples is None else examples
        rows = []
        for place, each in enumerate(items('examples', given, 'a list of rows')):
            rows.append([float(x) for x in as_floats(each, f'examples[{place}]')])
            if len(row := rows[-1]) != net.inputs or not all(map(isfinite, row)):
                raise ValueError(f'examples[{place}] must be {net.inputs} finite numbers, not {row!r}')
        if self.fraction is None and not rows:
            raise ValueError(f'{numbers} finds where the points are by examples=, and there are none')
        self.count = len(rows)
        self.names = net.input_names or [f'x{k}' for k in range(1, net.inputs + 1)]
        self.scales, self.stages = [], []
        data = self._rows_in(rows)
        self.box = data.box
        data = self._standardised(data)
        for number, layer in enumerate(net.layers, 1):
            data = self._layer(f'layer {number}', layer, data)
        self.output, self.bound = data.point, max(data.errors)
        if rows:
            found = [[y / 2.0**self.output for y in self(self.quantised(row))] for row in rows]
            self.measured = max(abs(y - t) for ys, ts in zip(found, data.rows) for y, t in zip(ys, ts))

    # What it computes.
    def quantised(self, row: Sequence[float]) -> list[int]:
        """Return a row of raw numbers as whole ones: the nearest that there are."""
        return [max(-self.top - 1, min(self.top, floor(x * 2.0**n + 0.5))) for x, n in zip(row, self.inputs)]

    def __call__(self, row: Sequence[int]) -> list[int]:
        """Return the outputs for a row of whole numbers, as the printed program computes them."""
        data = [*row]
        if self.scales:
            data = [then((x - mean) * scale) for x, (mean, scale, then) in zip(data, self.scales)]
        for weights, biases, then in self.stages:
            data = [sum(w * x for w, x in zip(ws, data)) + b for ws, b in zip(weights, biases)]
            for step in then:
                data = [*map(step, data)]
        return data

    @property
    def parameters(self) -> list[int]:
        return [w for stage in self.stages for row in stage.weights for w in row]

    @property
    def about(self) -> str:
        """Say in lines what stands for what, and how exact it is."""
        given = ', '.join(f'row[{k}] / 2^{n}' for k, n in enumerate(self.inputs))
        least, most = (', '.join(f'{end:.6g}' for end in ends) for ends in zip(*self.box))
        found = f', for the {self.count} examples by {self.measured:.3g}' if self.measured is not None else ''
        return (
            f'Numbers are {self.numbers}: the row stands for {given}; the outputs for outputs[k] / 2^{self.output}.\n'
            f"   They are off the net's by at most {self.bound:.3g}{found}, for rows from {least}\n"
            f'   up to {most}, unless a neuron leaves its range, and saturates.'
        )

    def routine(self) -> Routine:
        """Write it in loops: the weights are its parameters, the biases its table; two layers are in memory."""
        made = _Writer(len(self.inputs), max([len(self.inputs), *(len(stage.biases) for stage in self.stages)]))
        if self.scales:
            made.scale(self.scales)
        for stage in self.stages:
            made.layer(stage, last=stage is self.stages[-1])
        return made.routine()

    # How it is made.
    def _rows_in(self, rows: list[list[float]]) -> _Data:
        """Choose the inputs' points."""
        columns = [*zip(*rows)] or [()] * len(self.names)
        if self.fraction is not None:
            self.inputs = [self.fraction] * len(columns)
        else:
            self.inputs = [_point(max(map(abs, column)), self.top) for column in columns]
            if self.net.standardisation is None:  # they are added up
                self.inputs = [min(self.inputs)] * len(columns)
        box = []
        for name, column, n in zip(self.names, columns, self.inputs):
            low, high = self.least / 2.0**n, self.top / 2.0**n
            for place, x in enumerate(column):
                self._fits(f'the input {name} of examples[{place}]', x, n)
            box.append((min(column), max(column)) if column else (low, high))
        return _Data(rows, box, [0.5 / 2.0**n for n in self.inputs], min(self.inputs), self.top + 1)

    def _fits(self, what: str, number: float, n: int) -> None:
        """Refuse a number that is beyond the ends of what has n fraction bits, by more than a rounding."""
        if not self.least - 0.5 <= number * 2.0**n < self.top + 0.5:
            raise ValueError(f'{self.numbers} ends at {self.top / 2.0**n:.6g}; {what} is {number:.6g}')

    def _standardised(self, data: _Data) -> _Data:
        """Make what standardises a row, if it is: its numbers minus whole ones, times whole ones, rounded."""
        how = self.net.standardisation
        if how is None:
            return data
        rows = [how(row) for row in data.rows]
        n = _point(max(abs(z) for row in rows for z in row), self.top) if self.fraction is None else self.fraction
        end, box, errors = self.top / 2.0**n, [], []
        for k, (name, point, mean, deviation) in enumerate(zip(self.names, self.inputs, how.means, how.deviations)):
            for place, row in enumerate(rows):
                self._fits(f'the input {name} of examples[{place}], standardised,', row[k], n)
            if self.fraction is not None:
                self._fits(f'the mean of the input {name}', mean, n)
            less = _nearest(mean, point)
            far = max(abs(self.least - less), abs(self.top - less))  # that a number may be from the mean
            factor = 2.0 ** (n - point) / deviation
            shift = _point(factor, (1 << 30) // (far + 1))
            if not 0 <= shift <= 30:
                raise ValueError(
                    f'{self.numbers} cannot standardise the input {name}: its mean is {mean:.6g}, '
                    f'its deviation {deviation:.6g}'
                )
            scale = _nearest(factor, shift)
            self.scales.append((less, scale, Narrow(shift, self.least, self.top)))
            low, high = ((x - mean) / deviation for x in data.box[k])
            box.append((max(low, -end), min(high, end)))
            off = data.errors[k] + abs(mean - less / 2.0**point)
            wrong = abs(scale / 2.0**shift / factor - 1) * max(map(abs, box[k]))
            errors.append(off / deviation + wrong + 0.5 / 2.0**n)
        return _Data(rows, box, errors, n, self.top + 1)

    def _layer(self, where: str, layer: Layer, data: _Data) -> _Data:
        """Choose a layer's points, and make its whole numbers; return what it gives."""
        if any(neuron.activation.g != layer.activation.g for neuron in layer.neurons):
            raise ValueError(f'the neurons of {where} have several activations: in fixed point a layer has one')
        weights = [[float(w.data) for w in neuron.weights] for neuron in layer.neurons]
        biases = [float(neuron.bias.data) for neuron in layer.neurons]
        for i, b in enumerate(biases, 1):
            if not isfinite(b):
                raise ValueError(f'{self.numbers} has finite numbers only; the bias of neuron {i} of {where} is {b}')
        n = self._weights_point(where, weights, biases, data)
        point = n + data.point
        whole = [[_nearest(w, n) for w in ws] for ws in weights]
        offsets = [_nearest(b, point) for b in biases]
        rows = [[sum(w * x for w, x in zip(ws, row)) + b for ws, b in zip(weights, biases)] for row in data.rows]
        box, errors = [], []
        for ws, qs, b, q in zip(weights, whole, biases, offsets):
            parts = [sorted((w * low, w * high)) for w, (low, high) in zip(ws, data.box)]
            box.append((sum(low for low, _ in parts) + b, sum(high for _, high in parts) + b))
            errors.append(abs(q / 2.0**point - b) + sum(
                abs(q) / 2.0**n * error + abs(q / 2.0**n - w) * max(map(abs, ends))
                for w, q, error, ends in zip(ws, qs, data.errors, data.box)
            ))  # fmt: skip
        sums = _Data(rows, box, errors, point, ROOM)
        g = layer.activation
        then, given = self._straight(where, g, sums) if g.g in STRAIGHT else self._looked_up(where, g, sums)
        self.stages.append(_Stage(whole, offsets, then))
        return given

    def _weights_point(self, where: str, weights: list[list[float]], biases: list[float], data: _Data) -> int:
        """Choose the weights' point: they must have room, and each sum, whatever the row."""
        #: The largest sum, of weights that are not yet times 2 ** n.
        worst = [sum(map(abs, ws)) * data.most + abs(b) * 2.0**data.point for ws, b in zip(weights, biases)]
        rounded = len(weights[0]) * data.most / 2
        n = self.fraction
        if n is None:
            n = min(_point(max(abs(w) for ws in weights for w in ws), self.top), _point(max(worst), ROOM - rounded))
        for i, (ws, most) in enumerate(zip(weights, worst), 1):
            for k, w in enumerate(ws, 1):
                self._fits(f'weight {k} of neuron {i} of {where}', w, n)
            if most * 2.0**n + rounded > ROOM:
                raise ValueError(
                    f'neuron {i} of {where} may need more than 32 bits for its sum in {self.numbers}: its weights '
                    f'are {sum(map(abs, ws)):.6g} in all. A format with fewer fraction bits has room'
                )
        return n

    def _output_point(self, where: str, rows: list[list[float]], most: int) -> int:
        """Choose the point of what a layer gives; an error names the neuron that leaves the format."""
        n = self.fraction
        if n is None:
            n = min(most, _point(max(abs(y) for row in rows for y in row), self.top))
        for place, row in enumerate(rows):
            for i, y in enumerate(row, 1):
                self._fits(f'the output of neuron {i} of {where} for examples[{place}]', y, n)
        return n

    def _straight(self, where: str, g: Activation, sums: _Data) -> tuple[list[Applied], _Data]:
        """Serve relu and the identity, which need no table: a sum is rounded, and cut off."""
        low = 0.0 if g.g == 'relu' else -inf
        rows = [[max(low, r) for r in row] for row in sums.rows]
        n = self._output_point(where, rows, sums.point)
        end = self.top / 2.0**n
        box = [(max(low, -end, min(a, end)), max(low, min(end, b))) for a, b in sums.box]
        errors = [error + 0.5 / 2.0**n * (sums.point > n) for error in sums.errors]
        then: list[Applied] = [Narrow(sums.point - n, 0 if g.g == 'relu' else self.least, self.top)]
        return then, _Data(rows, box, errors, n, self.top + 1)

    def _argument_point(self, value: _Function, sums: list[list[float]], rest: float) -> int:
        """Choose a table's point: it goes twice as far as the examples, or to where g has come to rest."""
        far = 2 * max(abs(r) for row in sums for r in row)
        n = _point(far, ALL[-1])
        while n < 30:
            end = ALL[-1] / 2.0 ** (n + 1)
            beyond = [end + (far - end) * k / 32 for k in range(33)]
            for side in 1, -1:
                first, *others = value([side * r for r in beyond])
                if not all(abs(y - first) <= rest for y in others):
                    return n
            n += 1
        return n

    def _looked_up(self, where: str, g: Activation, sums: _Data) -> tuple[list[Applied], _Data]:
        """Serve any other activation, by a table: its argument has 16 bits, whatever the others have."""
        value, n = _compiled(self.net, g), self.fraction
        rows = [value(row) for row in sums.rows]
        m = self._output_point(where, rows, 30)
        if n is None:
            n = min(sums.point, self._argument_point(value, sums.rows, 0.25 / 2.0**m))
        unit = 2.0**-n
        exact = value([x * unit for x in (*ALL, len(ALL) // 2)])
        for place, (row, ys) in enumerate(zip(sums.rows, rows)):
            for i, (r, y) in enumerate(zip(row, ys), 1):
                if abs(y - exact[_place(r, n)]) > unit and not ALL[0] <= r / unit <= ALL[-1]:
                    raise ValueError(
                        f'{self.numbers} ends at {ALL[-1] * unit:.6g}; the net input of neuron {i} of {where} for '
                        f'examples[{place}] is {r:.6g}'
                    )
        # What is near the sums, and so of interest: how far g goes there, and how steep it is between neighbours.
        first, last = (_place(pick(pick(a - e, b + e) for (a, b), e in zip(sums.box, sums.errors)), n)
                       for pick in (min, max))  # fmt: skip
        near = exact[first : last + 2]
        if any(y != y for y in near):
            x = ALL[first + next(k for k, y in enumerate(near) if y != y)] * unit
            raise ValueError(f'{g.name}, the activation of {where}, has no value at {x:.6g}, where net inputs may be')
        table, wrong, most = _table([y * 2.0**m for y in exact], self.least, self.top)
        if not wrong <= max(WORST * 2.0**m, UNITS):
            raise ValueError(
                f'{g.name}, the activation of {where}, is too steep for a table in {self.numbers}: '
                f'it would be off by {wrong / 2.0**m:.3g}'
            )
        steepest = max((abs(b - a) for a, b in pairwise(near)), default=0.0)
        low, high = (max(self.least, min(self.top, y * 2.0**m)) / 2.0**m for y in (min(near), max(near)))
        units = [e / unit + (sums.point > n) / 2 + 1 for e in sums.errors]
        errors = [min(steepest * e, high - low) + wrong / 2.0**m for e in units]
        then: list[Applied] = [Narrow(sums.point - n, ALL[0], ALL[-1]), table]
        return then, _Data(rows, [(low, high)] * len(errors), errors, m, most)


def _parsed(numbers: str) -> tuple[int, int | None]:
    """Return how many bits a number has, and how many of them are a fraction, if that is said."""
    text('fixed_point', numbers)
    found = re.fullmatch(r'(?:int(8|16))|q(?:(\d+)\.)?(\d+)', numbers)
    if found and found[1]:
        return int(found[1]), None
    bits = 1 + int(found[2] or 0) + int(found[3]) if found else 0
    if found is None or bits not in (8, 16):
        wanted = "'int8' or 'int16', or 'qm.n' with 7 or 15 bits beside the sign, as 'q3.12' and 'q15' have"
        refuse('fixed_point', wanted, numbers, ValueError)
    return bits, int(found[3])


def _point(most: float, top: float) -> int:
    """Return how many fraction bits there can be, from -30 to 30, for a number to be no more than ``top``."""
    n = 30
    while n > -30 and most * 2.0**n > top:
        n -= 1
    return n


def _nearest(x: float, n: int) -> int:
    return floor(x * 2.0**n + 0.5)


def _place(r: float, n: int) -> int:
    """Return which of all arguments of a table is below r."""
    return max(0, min(len(ALL) - 1, floor(r * 2.0**n) - ALL[0]))


def _compiled(net: MLP, g: Activation) -> _Function:
    """Return an activation over many numbers. Raises ReadingError and BranchError for what a program would not do."""
    if g.g in operations:
        op = operations[str(g.g)]
        number, more = op.value('ieee'), op.default.values()
        return lambda numbers: [number(x, *more) for x in numbers]
    r = Value(0.0)
    with ieee_arithmetic(), recording(), installed(), Readings(repr(net), [r]):
        y = g(r)
    program = Program(y, [r], [])
    return lambda numbers: [float(y) for y in program([[x] for x in numbers])]


def _table(exact: list[float], low: int, high: int) -> tuple[Lookup, float, int]:
    """Return the table that is nearest to a function, of as few steps as it takes; how far off it is, and its largest.

    Where the function has no value, any will do.
    """
    wanted = [low if y < low else high if y > high else y for y in exact]
    some = [x for x in sorted({*ALL[::331], *range(-300, 300, 13)}) if wanted[x - ALL[0]] == wanted[x - ALL[0]]]

    def node(y: float) -> int:
        return floor(min(max(y, 4.0 * low), 4.0 * high) + 0.5) if y == y else 0

    best: tuple[float, Lookup] | None = None
    for bits in STEPS:
        for size in range(bits, 17):
            start, step = -(1 << size - 1), size - bits
            nodes = tuple(map(node, exact[start - ALL[0] :: 1 << step][: (1 << bits) + 1]))
            table = Lookup(nodes, start, step, low, high)
            if table.fits:
                off = max(abs(table(x) - wanted[x - ALL[0]]) for x in some)
                best = min(best or (inf, table), (off, table), key=itemgetter(0))
        if best and best[0] <= 1:
            break
    assert best is not None
    values = best[1].every()
    return best[1], max(abs(y - t) for y, t in zip(values, wanted) if t == t), max(map(abs, values))


class _Writer:
    """Writes layers as loops over neurons of loops over inputs."""

    def __init__(self, inputs: int, widest: int) -> None:
        self.inputs, self.widest = inputs, widest
        self.instructions: list[Instruction] = []
        self.blocks: list[int | Loop] = []
        self.table: list[int] = []
        self.weights = self.count = 0
        #: Where the numbers are that the next layer takes: in the row, or from a place in memory on.
        self.source: tuple[str, int] = ('row', 0)

    def make(self, name: str, *operands: Any) -> int:
        self.instructions.append(Instruction(name, operands))
        return len(self.instructions) - 1

    def applied(self, register: int, then: Sequence[Applied], block: list[int | Loop]) -> int:
        for each in then:
            register = self.make('apply', register, each)
            block.append(register)
        return register

    def target(self) -> int:
        """Return where the next numbers go in memory: one layer's are on the one side, the next one's on the other."""
        return self.widest if self.source == ('kept', 0) else 0

    def scale(self, scales: Sequence[tuple[int, int, Narrow]]) -> None:
        for k, (less, scale, then) in enumerate(scales):
            x = self.make('row', Affine(k))
            moved = self.make('sub', x, self.make('number', less))
            times = self.make('mul', moved, self.make('number', scale))
            self.blocks += [x, moved, times]
            found = self.applied(times, [then], self.blocks)
            self.blocks.append(self.make('store', 'kept', Affine(k), found))
        self.source = ('kept', 0)

    def layer(self, stage: _Stage, last: bool) -> None:
        neurons, inputs = len(stage.biases), len(stage.weights[0])
        outer: list[int | Loop] = [self.make('table', Affine(len(self.table), (1,), (neurons,)))]
        total, counts = self.make('carry'), (neurons, inputs)
        w = self.make('parameter', Affine(self.weights, (inputs, 1), counts))
        kind, start = self.source
        place = Affine(start, (0, 1), counts)
        x = self.make('row', place) if kind == 'row' else self.make('load', 'kept', place)
        after = self.make('madd', w, x, total)
        outer.append(Loop(inputs, False, [[w, x, after]], [Carry(total, outer[0], after)]))  # type: ignore[arg-type]
        found = self.applied(after, stage.then, outer)
        if last:
            outer.append(self.make('output', Affine(0, (1,), (neurons,)), found))
            self.count = neurons
        else:
            target = self.target()
            outer.append(self.make('store', 'kept', Affine(target, (1,), (neurons,)), found))
            self.source = ('kept', target)
        self.blocks.append(Loop(neurons, False, [outer]))
        self.weights += neurons * inputs
        self.table += stage.biases

    def routine(self) -> Routine:
        places = [operands[1].extent()[1] for name, operands in self.instructions if name == 'store']
        return Routine(
            self.instructions, [self.blocks], self.count, self.inputs, self.weights, max(places, default=-1) + 1, 0, 0,
            self.table, {},
        )  # fmt: skip
