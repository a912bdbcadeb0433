"""Nets as ONNX files, and back: ``to_onnx``, ``from_onnx``.

A layer is a ``Gemm`` and its activation, the standardisation a ``Sub`` and a ``Div`` before them. Names and classes
are in the file's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from .._extras import needed
from .._files import FilePath, write_whole
from ..engine.checks import file_path, flag
from ..nets.net import MLP
from ..nets.saving import as_json, as_term, from_json

__all__ = ['from_onnx', 'to_onnx']

#: What each activation is called there, where it is one node; what it takes beside its operand is their default.
OPERATIONS: dict[str, str] = {
    'neg': 'Neg', 'abs': 'Abs', 'exp': 'Exp', 'log': 'Log', 'sqrt': 'Sqrt', 'sin': 'Sin', 'cos': 'Cos', 'tan': 'Tan',
    'asin': 'Asin', 'acos': 'Acos', 'atan': 'Atan', 'sinh': 'Sinh', 'cosh': 'Cosh', 'tanh': 'Tanh', 'asinh': 'Asinh',
    'acosh': 'Acosh', 'atanh': 'Atanh', 'erf': 'Erf', 'sigmoid': 'Sigmoid', 'softplus': 'Softplus', 'relu': 'Relu',
    'leaky_relu': 'LeakyRelu', 'elu': 'Elu', 'gelu': 'Gelu', 'softsign': 'Softsign', 'sign': 'Sign',
    'identity': 'Identity',
}  # fmt: skip
NAMES: dict[str, str] = {operation: name for name, operation in OPERATIONS.items()}
#: The attributes that the activations are made with.
ATTRIBUTES: dict[str, dict[str, Any]] = {
    'LeakyRelu': {'alpha': 0.01}, 'Elu': {'alpha': 1.0}, 'Gelu': {'approximate': b'none'},
}  # fmt: skip
#: Versions of the operations and of the files: the first that have all of them.
OPSET, FORM = 20, 9
KEY = 'microgradnet'


def to_onnx(net: MLP, path: FilePath, *, float32: bool = True) -> None:
    """Write a net as an ONNX file, with its standardisation: rows ``x`` of shape (N, inputs) in, ``y`` out.

    float32: whether numbers are of 32 bits; in 64, as a net itself computes, runtimes have fewer activations.

    ``from_onnx`` gives the net back, with its names and classes. Raises ValueError for an activation that is no
    operation of ONNX, for layers whose neurons differ in it, and for a number that no float32 can hold.
    It needs ``pip install 'microgradnet[onnx]'``.
    """
    described = json.loads(as_json(net))
    file_path('path', path)
    flag('float32', float32)
    onnx, numpy = needed('onnx', 'to_onnx'), needed('numpy', 'to_onnx', extra='onnx')
    make, kind = onnx.helper.make_node, onnx.TensorProto.FLOAT if float32 else onnx.TensorProto.DOUBLE
    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, numbers: Any) -> str:
        wide = numpy.array(numbers, dtype=float)
        with numpy.errstate(over='ignore'):
            kept = wide.astype('float32' if float32 else 'float64')
        if (numpy.isinf(kept) & ~numpy.isinf(wide)).any():
            wrong = wide[numpy.isinf(kept) & ~numpy.isinf(wide)][0]
            raise ValueError(f'{name} has a number that no float32 can hold, {wrong}: write it with float32=False')
        constants.append(onnx.numpy_helper.from_array(kept, name))
        return name

    def node(operation: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(make(operation, [*inputs], [f'v{len(nodes) + 1}'], **attributes))
        return str(nodes[-1].output[0])

    at = 'x'
    if net.standardisation:
        at = node('Sub', at, constant('means', net.standardisation.means))
        at = node('Div', at, constant('deviations', net.standardisation.deviations))
    for place, (layer, activation) in enumerate(zip(net.layers, described['activations']), 1):
        w = constant(f'weights{place}', [[weight.data for weight in neuron.weights] for neuron in layer.neurons])
        at = node('Gemm', at, w, constant(f'biases{place}', [n.bias.data for n in layer.neurons]), transB=1)
        if activation == 'silu':
            at = node('Mul', at, node('Sigmoid', at))
        elif activation not in ('identity', 'linear', 'stop_gradient'):
            if not isinstance(activation, str) or activation not in OPERATIONS:
                name = activation if isinstance(activation, str) else activation['custom']
                raise ValueError(
                    f'the activation of layer {place} must be one that ONNX has ({", ".join(OPERATIONS)}, silu), '
                    f'not {name!r}'
                )
            at = node(OPERATIONS[activation], at, **ATTRIBUTES.get(OPERATIONS[activation], {}))
    nodes[-1].output[0] = 'y'
    ends = (('x', net.inputs), ('y', net.sizes[-1]))
    row, result = (onnx.helper.make_tensor_value_info(name, kind, ['N', size]) for name, size in ends)
    graph = onnx.helper.make_graph(nodes, 'net', [row], [result], constants)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid('', OPSET)], producer_name='microgradnet', ir_version=FORM
    )
    onnx.helper.set_model_props(model, {KEY: json.dumps(described['names'])})
    onnx.checker.check_model(model, full_check=True)
    write_whole(path, model.SerializeToString())


def from_onnx(path: FilePath) -> MLP:
    """Make a net from an ONNX file: one that ``to_onnx`` wrote, or any that is a chain of layers.

    A layer is a ``Gemm``, or a ``MatMul`` and an ``Add``, and an activation; before them there may be a
    ``Sub`` and a ``Div``, a standardisation. Raises ValueError, with the node, for a file that is no such chain.
    It needs ``pip install 'microgradnet[onnx]'``.
    """
    file_path('path', path)
    onnx = needed('onnx', 'from_onnx')
    content = Path(path).read_bytes()
    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
    except Exception as trouble:  # protobuf's and the checker's have no class in common
        raise ValueError(f'{path} is not an ONNX file: {trouble}') from None
    chain = _Chain(onnx, model.graph, path)
    layers, standardisation = [*chain.layers()], chain.standardisation
    sizes = [len(b) for _, b, _ in layers]
    names = {prop.key: prop.value for prop in model.metadata_props}.get(KEY)
    described = {
        'format': 'microgradnet net', 'version': 1,
        'inputs': len(layers[0][0][0]), 'sizes': sizes, 'activations': [g for *_, g in layers],
        'weights': [[[*map(as_term, row)] for row in w] for w, *_ in layers],
        'biases': [[*map(as_term, b)] for _, b, _ in layers],
        'frozen': [[[False] * (len(w[0]) + 1)] * len(w) for w, *_ in layers],
        'standardisation': standardisation,
    }  # fmt: skip
    if names is not None:
        described['names'] = json.loads(names)
    return from_json(json.dumps(described), path)


class _Chain:
    """The nodes of a graph, each of which takes what the one before it made, and constants."""

    standardisation: dict[str, list[float]] | None = None

    def __init__(self, onnx: Any, graph: Any, path: FilePath) -> None:
        self.onnx, self.path, self.place = onnx, path, 0
        self.nodes = [node for node in graph.node if node.op_type != 'Constant']
        tensors = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == 'Constant' and 'value' in (given := self.attributes(node)):
                tensors[node.output[0]] = given['value']
        self.constants = {name: onnx.numpy_helper.to_array(tensor) for name, tensor in tensors.items()}
        self.none = needed('numpy', 'from_onnx', extra='onnx').zeros(1)
        rows = [each.name for each in graph.input if each.name not in self.constants]
        if len(rows) != 1 or len(graph.output) != 1:
            self.refuse(f'it must have one input and one output, and has {len(rows)} and {len(graph.output)}')
        self.at, self.end = rows[0], graph.output[0].name

    def layers(self) -> Iterator[tuple[list[list[float]], list[float], str]]:
        """Iterate over the layers: their weights, their biases, and the name of the activation."""
        if self.next('Sub'):
            means = self.take()
            deviations = self.take() if self.next('Div') else means * 0 + 1
            self.standardisation = {'means': means.ravel().tolist(), 'deviations': deviations.ravel().tolist()}
        while self.at != self.end or not self.place:
            if self.next('Gemm'):
                given = self.attributes(self.nodes[self.place])
                if (given.get('alpha', 1.0), given.get('beta', 1.0), given.get('transA', 0)) != (1.0, 1.0, 0):
                    self.wrong('a Gemm of x with alpha=1, beta=1 and transA=0')
                w, *more = self.operands()
                w, b = (w if given.get('transB') else w.T), (more[0] if more else self.none)
                self.go_on()
            elif self.next('MatMul'):
                w = self.take().T
                b = self.take() if self.next('Add') else self.none
            else:
                self.wrong('a Gemm, or a MatMul and an Add')
            if w.ndim != 2 or b.size not in (1, len(w)):
                self.refuse(f'weights and biases must be of shapes (n, m) and (n,), not {w.shape} and {b.shape}')
            yield w.tolist(), (b.ravel().tolist() if b.size == len(w) else [b.item()] * len(w)), self.activation()

    def activation(self) -> str:
        """Return the activation that comes next, and go on behind it."""
        if self.at == self.end or self.nodes[self.place].op_type in ('Gemm', 'MatMul'):
            return 'identity'
        node, r = self.nodes[self.place], self.at
        if node.op_type not in NAMES or [*node.input] != [r]:
            self.wrong(f'an activation, one of {", ".join(NAMES)}')
        for name, wanted in ATTRIBUTES.get(node.op_type, {}).items():
            defaults = {'Gelu': b'none', 'LeakyRelu': 0.01, 'Elu': 1.0}
            given = self.attributes(node).get(name, defaults[node.op_type])
            if given != wanted and not (isinstance(given, float) and abs(given - wanted) < 1e-8):
                self.wrong(f'{node.op_type} with {name}={wanted}')
        self.go_on()
        if node.op_type == 'Sigmoid' and self.next('Mul', r):
            self.go_on()
            return 'silu'
        return NAMES[node.op_type]

    def next(self, operation: str, other: str | None = None) -> bool:
        """Tell whether the next node is this operation of what there is, and a constant, or another node."""
        if self.place == len(self.nodes) or self.nodes[self.place].op_type != operation:
            return False
        given = [*self.nodes[self.place].input]
        if other is not None:
            return sorted(given) == sorted([self.at, other])
        in_order = given[0] == self.at or (operation == 'Add' and given[1] == self.at)
        return in_order and all(name == self.at or name in self.constants for name in given)

    def operands(self) -> list[Any]:
        """Return the constants of the next node."""
        return [self.constants[name] for name in self.nodes[self.place].input if name != self.at]

    def take(self) -> Any:
        """Return the constant of the next node, and go on behind it."""
        [found] = self.operands()
        self.go_on()
        return found

    def go_on(self) -> None:
        self.at = self.nodes[self.place].output[0]
        self.place += 1

    def attributes(self, node: Any) -> dict[str, Any]:
        return {given.name: self.onnx.helper.get_attribute_value(given) for given in node.attribute}

    def wrong(self, wanted: str) -> NoReturn:
        if self.place == len(self.nodes):
            self.refuse(f'it ends where {wanted} must come')
        node = self.nodes[self.place]
        given = ''.join(f', {name}={value}' for name, value in self.attributes(node).items())
        self.refuse(f'node {self.place + 1} must be {wanted}, not {node.op_type}({", ".join(node.input)}{given})')

    def refuse(self, why: str) -> NoReturn:
        raise ValueError(f'{self.path} is not a chain of layers: {why}')
