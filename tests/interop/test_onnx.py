"""``to_onnx`` and ``from_onnx``: onnxruntime computes what the net does, and the net comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from microgradnet import MLP, Value
from microgradnet.interop import from_onnx, to_onnx
from microgradnet.interop.onnx import OPERATIONS
from microgradnet.nets.net import Standardisation
from microgradnet.nets.saving import as_json

onnx = pytest.importorskip('onnx')
np = pytest.importorskip('numpy')
helper = onnx.helper

#: Of these, rows are drawn from where they have a value.
NARROW = {'log': (0.2, 3.0), 'sqrt': (0.2, 3.0), 'asin': (0.0, 0.3), 'acos': (0.0, 0.3), 'atanh': (0.0, 0.3),
          'acosh': (2.0, 4.0)}  # fmt: skip
#: Of these onnxruntime has no kernel for 64 bits.
ONLY_32 = {'erf', 'softplus', 'leaky_relu', 'elu', 'gelu', 'softsign', 'asinh', 'acosh', 'atanh', 'sinh', 'cosh',
           'tan', 'asin', 'acos', 'atan'}  # fmt: skip


def net_of(activation: str) -> MLP:
    """A net whose hidden neurons get their net inputs from where the activation has a value."""
    low, high = NARROW.get(activation, (-2.0, 2.0))
    rng = np.random.default_rng(1)
    net = MLP(2, [5, 3], activation, 'identity', seed=2)
    for neuron in net.layers[0].neurons:
        for weight in neuron.weights:
            weight.data = rng.uniform(0, (high - low) / 4)
        neuron.bias.data = rng.uniform(low, (low + high) / 2)
    return net


def run(path: Path, rows: Any) -> Any:
    runtime = pytest.importorskip('onnxruntime')
    session = runtime.InferenceSession(path, providers=['CPUExecutionProvider'])
    kind = np.float32 if 'float)' in session.get_inputs()[0].type else np.float64
    return session.run(None, {session.get_inputs()[0].name: np.array(rows, dtype=kind)})[0]


@pytest.mark.parametrize('activation', [*OPERATIONS, 'silu', 'linear'])
def test_onnxruntime_computes_the_same(activation: str, tmp_path: Path) -> None:
    net, path, rows = net_of(activation), tmp_path / 'net.onnx', np.random.default_rng(0).uniform(0, 1, (20, 2))
    to_onnx(net, path)
    assert run(path, rows) == pytest.approx(np.array(net.predict(rows)), rel=2e-5, abs=2e-6)
    if activation not in ONLY_32:
        to_onnx(net, path, float32=False)
        assert run(path, rows) == pytest.approx(np.array(net.predict(rows)), rel=1e-13, abs=1e-14)


@pytest.mark.parametrize('activation', ['tanh', 'silu', 'gelu', 'leaky_relu', 'elu'])
def test_a_net_comes_back_to_the_bit(activation: str, tmp_path: Path) -> None:
    net = MLP(2, [3, 2], activation, 'sigmoid', seed=1)
    net.standardisation = Standardisation((1.0, 10.0), (0.5, 3.0))
    net.input_names, net.target_names, net.classes = ['a', 'b'], ['kind'], ['yes', 'no']
    to_onnx(net, tmp_path / 'net.onnx', float32=False)
    assert as_json(from_onnx(tmp_path / 'net.onnx')) == as_json(net)
    assert run(tmp_path / 'net.onnx', [[3.0, 4.0]]).shape == (1, 2) if activation == 'tanh' else True


def test_a_net_that_learned_to_infinity_comes_back_too(tmp_path: Path) -> None:
    net = MLP.from_weights([[[float('nan'), float('inf')]]], [[-float('inf')]])
    to_onnx(net, tmp_path / 'net.onnx')
    assert as_json(from_onnx(tmp_path / 'net.onnx')) == as_json(net)


def written(path: Path, nodes: list[Any], **constants: Any) -> Path:
    """Write a graph of somebody else's."""
    floats = onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, floats, ['N', None]) for name in ('x', 'y')]
    tensors = [onnx.numpy_helper.from_array(np.array(c, dtype=np.float32), name) for name, c in constants.items()]
    graph = helper.make_graph(nodes, 'g', ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 20)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


W, B = [[1.0, 2.0], [3.0, 4.0], [0.5, -1.0]], [0.5, -0.5]  # 3 inputs, 2 neurons


def test_others_chains_are_nets(tmp_path: Path) -> None:
    path = written(tmp_path / 'net.onnx', [
        helper.make_node('MatMul', ['x', 'W'], ['a']), helper.make_node('Add', ['B', 'a'], ['b']),
        helper.make_node('Relu', ['b'], ['c']), helper.make_node('Gemm', ['c', 'V'], ['y']),
    ], W=W, B=B, V=[[2.0], [1.0]])  # fmt: skip
    net = from_onnx(path)
    assert (net.inputs, net.sizes, net.layers[0].activation.name) == (3, [2, 1], 'relu')
    rows = [[1.0, 2.0, 3.0], [-1.0, 0.25, 2.0]]
    assert run(path, rows).ravel() == pytest.approx(net.predict(rows), rel=1e-6)


@pytest.mark.parametrize(('nodes', 'said'), [
    ([('Gemm', ['x', 'W', 'B'], {'alpha': 2.0})], r'node 1 must be a Gemm of x .* not Gemm\(x, W, B, alpha=2.0'),
    ([('Gemm', ['x', 'W', 'B'], {}), ('Elu', ['v0'], {'alpha': 0.5})], 'node 2 must be Elu with alpha=1.0, not Elu'),
    ([('Gemm', ['x', 'W', 'B'], {}), ('Softmax', ['v0'], {})], r'node 2 must be an activation, .* not Softmax\(v0'),
    ([('Relu', ['x'], {})], r'node 1 must be a Gemm, or a MatMul and an Add, not Relu\(x\)'),
    ([('Gemm', ['x', 'W', 'B'], {}), ('Relu', ['v0'], {}), ('Add', ['v1', 'v0'], {})], 'node 3 must be a Gemm'),
    ([('MatMul', ['W', 'x'], {})], r'node 1 must be a Gemm, or a MatMul and an Add, not MatMul\(W, x'),
])  # fmt: skip
def test_what_is_no_chain_is_refused_with_its_node(
    nodes: list[tuple[str, list[str], dict[str, Any]]], said: str, tmp_path: Path
) -> None:
    made = [helper.make_node(op, given, [f'v{k}'], **more) for k, (op, given, more) in enumerate(nodes)]
    made[-1].output[0] = 'y'
    with pytest.raises(ValueError, match=said):
        from_onnx(written(tmp_path / 'net.onnx', made, W=W, B=B))


@pytest.mark.parametrize(('make', 'said'), [
    (lambda: MLP(1, [1], output_activation='step'), "the activation of layer 1 must be one .* not 'step'"),
    (lambda: MLP(1, [1], output_activation=lambda r: r * r), "not '<lambda>'"),
    (lambda: MLP.from_weights([[[1e300]]], [[0.0]]), r'weights1 has a number that no float32 can hold, 1e\+300'),
], ids=['step', 'lambda', 'large'])  # fmt: skip
def test_what_onnx_cannot_say_is_refused(make: Callable[[], MLP], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        to_onnx(make(), tmp_path / 'net.onnx')
    assert not [*tmp_path.iterdir()]


def test_other_files_and_things_are_refused(tmp_path: Path) -> None:
    (tmp_path / 'net.onnx').write_text('{}')
    with pytest.raises(ValueError, match=r'net.onnx is not an ONNX file'):
        from_onnx(tmp_path / 'net.onnx')
    with pytest.raises(TypeError, match='only an MLP can be saved, not'):
        to_onnx(Value(1.0), tmp_path / 'net.onnx')  # type: ignore[arg-type]
