"""First contact: a wrong argument gets an error that names the thing, what was wanted and what came.

Signature by signature, over every public function, class and method: each argument in turn is
replaced by each of some 45 wrong values, the others are good. A call that raises must raise an
error of ours, by a ``raise`` statement of the package, in words that show what came; a call that
a wrong value passes without an error, though it cannot mean anything, is as bad.
"""

from __future__ import annotations

import ast
import gc
import inspect
import linecache
import reprlib
import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import cache
from numbers import Real
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradnet
from microgradnet import compiling, custom, derivation, drawing, functions, interop, science, testing
from microgradnet.engine.table import operations
from microgradnet.engine.value import Value
from microgradnet.training.history import History

PACKAGE = Path(microgradnet.__file__).parent
SECONDS = 10  # a call that takes longer hangs

#: What people hand over by mistake, each made anew for each call.
WRONG: dict[str, Callable[[], Any]] = {
    'None': lambda: None,
    'True': lambda: True, 'False': lambda: False, 'a word': lambda: 'tanhh', 'no text': lambda: '',
    'a digit': lambda: '3', 'bytes': lambda: b'ab', 'complex': lambda: 1j, 'nan': lambda: float('nan'),
    'inf': lambda: float('inf'), '-inf': lambda: -float('inf'), '-1': lambda: -1, '0': lambda: 0,
    '10**30': lambda: 10**30, '2.5': lambda: 2.5, 'a fraction': lambda: Fraction(1, 3),
    'a Decimal': lambda: Decimal('0.5'), '[]': list, '()': lambda: (), '{}': dict,
    'a set': lambda: {1.0, 2.0}, '[[]]': lambda: [[]], '[None]': lambda: [None], "['a']": lambda: ['a'],
    '[nan, 1]': lambda: [float('nan'), 1.0], 'ragged': lambda: [[1.0, 2.0], [3.0]], 'nested': lambda: [[[1.0]]],
    'a dict': lambda: {'a': 1.0}, 'object()': lambda: object(), 'a class': lambda: int,
    'a lambda': lambda: (lambda: None),
    'a generator': lambda: (x for x in (1.0, 2.0, 3.0, 4.0)), 'range(7)': lambda: range(7), 'a module': lambda: ast,
    'strings': lambda: np.array(['a', 'b']), 'complexes': lambda: np.array([1j, 2.0]),
    'objects': lambda: np.array([None, 'a'], dtype=object), 'dates': lambda: np.array(['2020-01-01'], dtype='M8[D]'),
    'no numbers': lambda: np.zeros(0), 'a cube': lambda: np.zeros((2, 2, 2)), 'a scalar array': lambda: np.array(0.5),
    'a Value': lambda: Value(0.5), 'a net': lambda: NET(), 'a Path': lambda: Path('no', 'where'),
    'Ellipsis': lambda: ..., 'an error': lambda: ValueError('x'),
}  # fmt: skip


class Kind(NamedTuple):
    """What an argument is: how a good one is made, and what else may pass without an error."""

    good: Callable[[], Any]
    fits: Callable[[Any], bool]


def is_whole(x: Any, least: int = 1) -> bool:
    return isinstance(x, int) and not isinstance(x, bool) and x >= least


def is_number(x: Any) -> bool:
    return isinstance(x, (Real, Value)) or (isinstance(x, np.ndarray) and x.shape == ())


def is_operand(x: Any) -> bool:
    return is_number(x) or (isinstance(x, np.ndarray) and x.dtype.kind == 'f')


def is_text(x: Any) -> bool:
    return isinstance(x, str)


def is_path(x: Any) -> bool:
    return isinstance(x, (str, Path))


def is_sequence(x: Any) -> bool:
    return isinstance(x, (list, tuple, range, np.ndarray, set, dict)) or inspect.isgenerator(x)


def is_net(x: Any) -> bool:
    return isinstance(x, microgradnet.MLP)


def of(*kinds: type) -> Callable[[Any], bool]:
    return lambda x: isinstance(x, kinds)


def anything(x: Any) -> bool:
    return True


def nothing(x: Any) -> bool:
    return False


def or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda x: x is None or fits(x)


def all_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda x: is_sequence(x) and (inspect.isgenerator(x) or all(map(fits, x)))


def NET() -> Any:
    return microgradnet.MLP(2, [2, 1], 'tanh', seed=1)


def classifier() -> Any:
    net = NET()
    net.classes = ['no', 'yes']
    return net


def neuron() -> Any:
    return microgradnet.Neuron(2, 'tanh', seed=1)


def layer() -> Any:
    return microgradnet.Layer(2, 1, 'tanh', seed=1)


def teacher_set() -> Any:
    return microgradnet.TeacherSet([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0])


def fruit() -> Any:
    return microgradnet.TeacherSet([[0.0], [1.0], [2.0], [3.0]], ['a', 'b', 'a', 'b'])


def graph() -> Value:
    x = Value(2.0, label='x')
    return x * x + 1.0


X = Value(2.0, label='x')


def graph_of_x() -> Value:
    return (X * X).sin()


def program() -> Any:
    w, x = Value(3.0, 'w'), Value(2.0, 'x')
    return compiling.Program((w * x - 1) ** 2, rows=[x], parameters=[w], backend='python')


def csv() -> str:
    Path('table.csv').write_text('a,b,c\n1,2,0\n3,4,1\n5,6,1\n')
    return 'table.csv'


def mapped() -> str:
    np.save('rows.npy', np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 1.0]]))
    return 'rows.npy'


def saved() -> str:
    microgradnet.save(NET(), 'net.json')
    return 'net.json'


def square(x: Any) -> Any:
    return x * x


def function(*good: Any) -> Kind:
    return Kind(lambda: good[0] if good else square, callable)


flag = Kind(lambda: False, anything)
optional = Kind(lambda: None, or_none(is_whole))
net = Kind(NET, is_net)
parts = Kind(NET, of(microgradnet.MLP, microgradnet.Layer, microgradnet.Neuron))
value = Kind(graph, of(Value))
row = Kind(lambda: [0.5, -1.0], all_of(is_number))
structure = Kind(lambda: 2.0, lambda x: is_number(x) or is_sequence(x))
error_kind = Kind(lambda: 'half_squared_error', lambda x: callable(x) or x == '')
activation = Kind(lambda: 'tanh', lambda x: callable(x))
seed = Kind(lambda: 1, lambda x: x is None or is_whole(x, -10) or isinstance(x, Random))
path = Kind(lambda: 'made.json', is_path)
names = Kind(lambda: None, or_none(all_of(is_text)))
places = Kind(lambda: [0, 1], all_of(lambda x: isinstance(x, int)))
size = Kind(lambda: 2, is_whole)
backend = Kind(lambda: 'python', or_none(nothing))
threads = Kind(lambda: 1, is_whole)
rate = Kind(lambda: 0.1, lambda x: is_number(x) and 0 < x <= 1)
number = Kind(lambda: 0.5, is_number)
positive = Kind(lambda: 0.5, lambda x: is_number(x) and not x < 0)
spec = Kind(lambda: '.3g', is_text)
limit = Kind(lambda: 20, or_none(is_whole))
executor = Kind(lambda: None, or_none(callable))
argument = Kind(lambda: 0, lambda x: isinstance(x, int) and not isinstance(x, bool))
numbers = Kind(lambda: [1.0, 2.0], lambda x: all_of(is_number)(x))
node_list = Kind(lambda: [X], all_of(of(Value)))
texts = Kind(lambda: ('a', 'b'), lambda x: is_sequence(x) or x is None)
names_of_ends = Kind(tuple, all_of(is_text))
targets = Kind(lambda: 1.0, lambda x: is_number(x) or is_sequence(x))
classes = Kind(lambda: None, lambda x: x is None or isinstance(x, bool) or is_sequence(x))
fraction = Kind(lambda: 0.5, lambda x: is_number(x) and 0 < x < 1)
rows_of_numbers = Kind(lambda: [[1.0], [2.0]], is_sequence)
operation = Kind(lambda: 'sin', lambda x: isinstance(x, str) and x in operations)

#: What an argument of a name is, wherever that name is used ...
ARGUMENTS: dict[str, Kind] = {
    'net': net, 'x': row, 'activation': activation, 'output_activation': activation, 'seed': seed, 'path': path,
    'sizes': Kind(lambda: [2, 1], all_of(is_whole)), 'backend': backend, 'threads': threads, 'fast': flag,
    'learning_rate': rate, 'epochs': size, 'number_format': spec, 'limit': limit, 'executor': executor,
    'shards': optional, 'error': error_kind, 'parameters': Kind(lambda: None, or_none(all_of(of(Value)))),
    'loops': flag, 'f': function(), 'argument': argument, 'argnums': Kind(lambda: None, or_none(argument.fits)),
    'input_names': names_of_ends, 'output_names': names_of_ends, 'standardise': flag, 'classes': classes,
    'places': places, 'delimiter': Kind(lambda: ',', is_text), 'value': value, 'whole': flag, 'y': value,
    'values': numbers, 'exact': flag, 'samples': Kind(teacher_set, is_sequence), 'colour': flag, 'ascii': flag,
    'outputs': Kind(lambda: 1.0, lambda x: is_number(x) or is_sequence(x)), 'targets': targets,
    'mode': Kind(lambda: 'batch', is_whole), 'inputs': size, 'validation': Kind(teacher_set, or_none(nothing)),
    'attributes': Kind(lambda: 'x', is_text), 'fraction': fraction, 'stratify': flag,
}  # fmt: skip
operands = dict.fromkeys('abc', Kind(lambda: 0.5, is_operand))
vectors = dict.fromkeys('ab', Kind(lambda: [1.0, 2.0], all_of(is_number))) | {'c': number}
drawn = Kind(graph, lambda x: isinstance(x, Value))

estimator = {
    'hidden_layers': Kind(lambda: (2,), all_of(is_whole)),
    'optimiser': Kind(lambda: 'adam', nothing),
    'schedule': Kind(lambda: 'constant', callable),
    'epochs': Kind(lambda: 1, is_whole),
    'l2': positive,
    'clip': Kind(lambda: None, or_none(positive.fits)),
    'early_stopping': flag,
    'validation_fraction': fraction,
    'patience': Kind(lambda: 3, is_whole),
    'compiled': flag,
    'random_state': Kind(lambda: 1, or_none(is_number)),
    'output': Kind(lambda: 'numpy', nothing),
}

fit = {
    'x0': structure,
    'bounds': Kind(lambda: None, or_none(is_sequence)),
    'options': Kind(lambda: None, or_none(of(dict))),
}

#: ... and what it is at some doors, where that differs.
backward = {'seed': Kind(lambda: None, or_none(is_number)), 'log': Kind(lambda: None, or_none(of(list)))}
SPECIAL: dict[str, dict[str, Kind]] = {
    'Neuron': {'outputs': size},
    'Layer': {'outputs': size},
    'Value': {'data': number, 'label': Kind(lambda: 'x', lambda x: is_text(x) or not x)},
    'Value.backward': backward,
    'MLP.from_weights': {
        'weights': Kind(lambda: [[[1.0, 2.0]]], is_sequence),
        'biases': Kind(lambda: [[1.0]], is_sequence),
    },
    'MLP.set_weights': {
        'weights': Kind(lambda: [[[1.0, 2.0], [1.0, 2.0]], [[1.0, 2.0]]], is_sequence),
        'biases': Kind(lambda: [[1.0, 1.0], [0.0]], is_sequence),
    },
    'MLP.classify': {'rows': Kind(lambda: [[1.0, 2.0]], is_sequence)},
    'MLP.take_over': {'teacher_set': Kind(teacher_set, nothing)},
    'MLP.predict': {'rows': Kind(lambda: [[1.0, 2.0]], is_sequence)},
    'Neuron.fire': {'x': Kind(lambda: [Value(1.0), Value(2.0)], all_of(of(Value)))},
    'Layer.fire': {'x': Kind(lambda: [Value(1.0), Value(2.0)], all_of(of(Value)))},
    'Layer.outputs': {'x': Kind(lambda: [Value(1.0), Value(2.0)], all_of(of(Value)))},
    'LargeTeacherSet': {
        'input_names': names,
        'target_names': names,
        'rows': Kind(mapped, nothing),
        'targets': Kind(lambda: 1, is_whole),
    },
    'LargeTeacherSet.from_csv': {
        'path': Kind(csv, is_path),
        'target': Kind(lambda: 'c', nothing),
        'to': Kind(lambda: 'out.npy', is_path),
        'inputs': Kind(lambda: ['a'], or_none(all_of(lambda name: name == 'a'))),
    },
    'LargeTeacherSet.written': {
        'samples': Kind(lambda: iter([[1.0, 2.0], [3.0, 4.0]]), is_sequence),
        'path': Kind(lambda: 'out.npy', is_path),
        'targets': Kind(lambda: 1, lambda x: x == 1),
        'options': flag,
    },
    'LargeTeacherSet.rows_of': {'outputs': Kind(lambda: None, or_none(is_whole))},
    'TeacherSet': {
        'inputs': Kind(lambda: [[1.0, 2.0], [3.0, 4.0]], is_sequence),
        'targets': Kind(lambda: [0.0, 1.0], is_sequence),
        'input_names': names,
        'target_names': names,
        'weights': Kind(lambda: [1.0, 2.0], or_none(all_of(is_number))),
    },
    'NetClassifier': estimator,
    'NetRegressor': estimator,
    'TeacherSet.from_csv': {
        'path': Kind(csv, is_path),
        'target': Kind(lambda: 'c', all_of(is_text)),
        'inputs': Kind(lambda: ['a'], or_none(all_of(lambda name: name == 'a'))),
    },
    'Program': {
        'outputs': Kind(graph_of_x, lambda x: is_number(x) or is_sequence(x)), 'rows': node_list, 'memory': optional,
    },
    'Program.__call__': {'rows': rows_of_numbers},
    'Program.bind': {'rows': rows_of_numbers},
    'Program.backward': {'rows': rows_of_numbers},
    'Program.descend': {
        'rows': rows_of_numbers, 'optimiser': Kind(lambda: None, or_none(nothing)),
        'l2': Kind(lambda: 0.5, lambda x: positive.fits(x) or all_of(positive.fits)(x)),
        'clip': Kind(lambda: None, or_none(lambda x: is_number(x) and x > 0)),
        'shuffle': Kind(lambda: None, or_none(of(Random))),
        'learning_rate': Kind(lambda: 0.1, lambda x: rate.fits(x) or all_of(rate.fits)(x)),
    },
    'Program.sum': {'rows': rows_of_numbers},
    'Program.shards': {'rows': rows_of_numbers, 'count': optional, 'executor': Kind(lambda: thread_pool, callable)},
    'Program.to_c': {
        'name': Kind(lambda: 'program', lambda x: is_text(x) and x.isidentifier()), 'gradient': flag, 'float32': flag,
    },
    'Program.to_js': {'gradient': flag},
    'MLP.to_c': {
        'name': Kind(lambda: 'net', lambda x: is_text(x) and x.isidentifier()), 'float32': flag,
        'fixed_point': Kind(lambda: None, or_none(nothing)), 'examples': Kind(lambda: None, or_none(nothing)),
    },
    'Program.hessian': {'rows': rows_of_numbers, 'theta': Kind(lambda: [1.0], all_of(is_number))},
    'Program.jacobian': {'rows': rows_of_numbers, 'theta': Kind(lambda: [1.0], all_of(is_number))},
    'Program.hvp': {
        'rows': rows_of_numbers, 'theta': Kind(lambda: [1.0], all_of(is_number)),
        'v': Kind(lambda: [1.0], all_of(is_number)),
    },
    'Program.value_and_gradient': {'rows': rows_of_numbers, 'theta': Kind(lambda: [1.0], all_of(is_number))},
    'compile': {
        'what': Kind(graph_of_x, lambda x: is_number(x) or is_sequence(x) or callable(x)),
        'rows': node_list,
        'options': backend,
    },
    'cross_entropy': {
        'outputs': Kind(lambda: [0.0, 1.0], is_sequence),
        'targets': Kind(lambda: 1, lambda x: is_sequence(x) or x in (0, 1)),
    },
    'custom': {
        'value': function(square),
        'partials': function(lambda x: 2 * x),
        'name': Kind(lambda: 'squared', or_none(is_text)),
        'latex': Kind(lambda: r'{a}^2', or_none(is_text)),
    },
    'dead_neurons': {'net': parts, 'threshold': positive},
    'derive': {
        'subject': Kind(graph_of_x, of(Value)),
        'teacher_set': Kind(lambda: X, of(Value)),
        'weight': Kind(lambda: None, lambda x: x is None),
        'wrt': Kind(lambda: None, or_none(of(Value))),
        'learning_rate': Kind(lambda: None, lambda x: x is None),
        'limit': size,
        'hats': Kind(lambda: None, lambda x: x is None),
        'digits': Kind(lambda: 6, lambda x: is_whole(x) and x < 18),
        'samples': Kind(lambda: None, lambda x: x is None),
        'steps': Kind(lambda: 'paths', or_none(nothing)),
    },
    'exercise': {
        'net_or_sizes': Kind(lambda: [1, 1], lambda x: is_net(x) or all_of(is_whole)(x)),
        'weight': Kind(lambda: 'b_1', or_none(nothing)),
        'seed': Kind(lambda: 1, lambda x: is_whole(x, 0)),
        'fractions': flag,
        'solution': flag,
        'students': size,
        'digits': Kind(lambda: 6, lambda x: is_whole(x) and x < 18),
    },
    'dot': vectors,
    'sum': {'a': numbers},
    'logsumexp': {'a': numbers},
    'mean': {'values': Kind(lambda: [1.0, 2.0], is_sequence)},
    'signals': {'y': Kind(graph_of_x, of(Value)), **backward},
    'softmax': {'values': Kind(lambda: [1.0, 2.0], is_sequence)},
    'draw': {
        'values': drawn,
        'expanded': flag,
        'folded': flag,
        'labels': Kind(lambda: None, or_none(of(dict))),
        'marked': Kind(tuple, all_of(of(Value))),
        'signals': Kind(lambda: None, or_none(of(dict))),
    },
    'draw_error_signal': {'t': targets, 'net': net},
    'draw_network': {'net': parts},
    'error_signals': {'t': targets},
    'gradients': {'xs': node_list, 'y': Kind(graph_of_x, of(Value))},
    'jacobian': {'mode': Kind(lambda: None, or_none(nothing))},
    'jvp': {'x': structure, 'v': structure},
    'vjp': {'x': structure, 'w': Kind(lambda: None, or_none(structure.fits))},
    'load': {'path': Kind(saved, is_path), 'activations': Kind(dict, or_none(of(dict)))},
    'restore': {'path': Kind(saved, is_path)},
    'to_onnx': {'float32': flag},
    'write_csv': {'history': Kind(History, of(History))},
    'write_tensorboard': {'history': Kind(History, of(History)), 'folder': Kind(lambda: 'run', is_path)},
    'play': {
        'thing': net, 't': targets, 'heading': Kind(lambda: None, or_none(is_text)),
        'weights': Kind(lambda: None, lambda x: x is None or is_sequence(x)),
    },
    'sparse_hessian': {},
    'sparse_jacobian': {},
    'tree': {
        'labels': Kind(lambda: None, or_none(of(dict))),
        'signals': Kind(lambda: None, or_none(of(dict))),
    },
    'text': {},
    'latex': {},
    'train': {
        'teacher_set': Kind(teacher_set, nothing),
        'targets': Kind(lambda: None, or_none(nothing)),
        'optimiser': Kind(lambda: 'descent', nothing),
        'schedule': Kind(lambda: 'constant', callable),
        'l2': positive,
        'clip': Kind(lambda: None, or_none(is_number)),
        'shuffle': flag,
        'compiled': flag,
        'checkpoint': Kind(lambda: None, or_none(is_path)),
        'checkpoint_every': optional,
        'patience': optional,
        'metrics': Kind(tuple, is_sequence),
        'callback': Kind(lambda: lambda epoch: True, or_none(callable)),
        'bar': flag,
        'epochs': Kind(lambda: 1, is_whole),
    },
    'where': {
        'condition': Kind(lambda: True, is_operand),
        'yes': Kind(lambda: 1.0, lambda x: is_operand(x) or callable(x)),
        'no': Kind(lambda: 2.0, lambda x: is_operand(x) or callable(x)),
    },
    'while_loop': {
        'condition': Kind(lambda: lambda x: x < 0.0, callable),
        'body': Kind(lambda: lambda x: x, callable),
        'state': Kind(lambda: 1.0, lambda x: is_operand(x) or is_sequence(x) or isinstance(x, dict)),
        'limit': optional,
    },
    'apply': {'op': Kind(lambda: operations['sin'], nothing), 'operands': Kind(lambda: 0.5, is_operand)},
    'max': {'operands': Kind(lambda: 0.5, lambda x: is_operand(x) or is_sequence(x))},
    'min': {'operands': Kind(lambda: 0.5, lambda x: is_operand(x) or is_sequence(x))},
    'Value.where': dict.fromkeys('bc', Kind(lambda: 0.5, is_number)),
    'parameter_names': {'net': parts},
    'Function': {'most_paths': size},
    'Function.__call__': {'arguments': structure},
    'Function.map': {'arguments': Kind(lambda: [1.0, 2.0], all_of(is_number))},
    'check_custom': {
        'op': Kind(lambda: custom(square, lambda x: 2 * x, name='squared'), nothing),
        'ulps': Kind(lambda: 2.0**20, positive.fits),
        'examples': Kind(lambda: 2, is_whole),
    },
    'check_engine': {'engine': Kind(lambda: Value, inspect.isclass)},
    'check_function': {
        'gradient': function(),
        'points': Kind(lambda: [1.0, 2.0], all_of(is_number)),
        'tolerance': Kind(lambda: 1e-6, positive.fits),
        'examples': Kind(lambda: 2, is_whole),
    },
    'check_gradient': {
        'point': structure,
        'order': Kind(lambda: 1, is_whole),
        'ulps': Kind(lambda: None, or_none(positive.fits)),
    },
    'check_operation': {
        'op': operation,
        'ulps': Kind(lambda: None, or_none(positive.fits)),
        'seed': Kind(lambda: 1, is_number),
    },
    'expressions': {
        'operations': Kind(lambda: ['sin'], or_none(all_of(lambda x: x in operations))),
        'leaves': Kind(lambda: None, or_none(nothing)),
        'steps': size,
        'constants': flag,
        'fewest': Kind(lambda: 1, lambda x: is_whole(x, 0)),
        'allowed': Kind(lambda: None, or_none(callable)),
    },
    'nets': {'activations': Kind(lambda: ['tanh'], or_none(all_of(nothing)))},
    'points': {'operation': Kind(lambda: None, lambda x: x is None or operation.fits(x))},
    'teacher_sets': {'inputs': optional, 'targets': optional, 'samples': size},
    'why_order': {'order': Kind(lambda: 'depth-first', or_none(nothing))},
    'minimise': fit | {
        'method': Kind(lambda: None, or_none(nothing)),
        'information': Kind(lambda: 'hessian', nothing),
    },
    'implicit': {
        'residual': function(lambda x, a: x - a),
        'x0': structure,
        'parameters': structure,
        'order': Kind(lambda: 1, is_whole),
        'limit': size,
    },
    'sample': fit | {
        'log_density': function(lambda x: -x * x),
        'draws': Kind(lambda: 1, is_whole),
        'warmup': Kind(lambda: 1, is_whole),
        'chains': Kind(lambda: 1, is_whole),
        'bar': flag,
    },
    'least_squares': fit | {
        'residuals': function(lambda x: [x, x - 1.0]),
        'sigma': Kind(lambda: None, or_none(positive.fits)),
        'method': Kind(lambda: 'trf', nothing),
    },
    'Page.save': {'path': Kind(lambda: 'page.html', is_path)},
    'ErrorSignal.save': {'path': Kind(lambda: 'signal.svg', is_path), 'seconds': number},
    'ErrorSignal.animation': {'seconds': number},
}

#: What is made by the package and handed to users, who do not make it: no doors.
MADE_BY_US = {
    'GradientError', 'GradientReport', 'OperationError', 'OperationReport', 'BranchError', 'BranchWarning',
    'RendererNotFound',
    'Digraph', 'Derivation', 'ErrorSignals', 'Line', 'Section', 'Expression', 'functions', 'operations', 'Page',
    'ErrorSignal', 'Exercise', 'Finding', 'Fit', 'Report',
}  # fmt: skip
#: Objects whose methods are doors.
OBJECTS: dict[str, Callable[[], Any]] = {
    'Value': graph, 'Neuron': neuron, 'Layer': layer, 'MLP': classifier, 'TeacherSet': fruit, 'Program': program,
    'LargeTeacherSet': lambda: microgradnet.LargeTeacherSet(mapped()),
    'Function': lambda: compiling.Function(square, backend='python'),
    'Page': lambda: drawing.play(graph()),
    'ErrorSignal': lambda: drawing.draw_error_signal(NET(), [0.5, -1.0], 1.0),
}  # fmt: skip
#: What is returned is used once, as the error may come then.
USED: dict[str, Callable[[Any], Any]] = {
    'grad': lambda f: f(2.0), 'value_and_grad': lambda f: f(2.0), 'jacobian': lambda f: f(2.0),
    'hessian': lambda f: f(2.0), 'hvp': lambda f: f(2.0, 1.0), 'vjp': lambda pair: callable(pair[1]) and pair[1](1.0),
    'sparse_jacobian': lambda f: f(2.0), 'sparse_hessian': lambda f: f(2.0),
    'custom': lambda f: f(2.0), 'Function': lambda f: f(2.0), 'compile': lambda f: f(*[[2.0]][: not callable(f) or 1]),
    'NetClassifier': lambda made: made.fit([[1.0], [2.0], [1.5], [2.5]], [0, 1, 0, 1]),
    'NetRegressor': lambda made: made.fit([[1.0], [2.0], [1.5], [2.5]], [0.0, 1.0, 0.5, 1.5]),
    'check_engine': str, 'TeacherSet.from_csv': str, 'Program.shards': str,
    'expressions': lambda s: s.validate(), 'nets': lambda s: s.validate(), 'points': lambda s: s.validate(),
    'teacher_sets': lambda s: s.validate(), 'Value': microgradnet.text,
}  # fmt: skip
#: Mathematical trouble of these is Python's own, on purpose (for real numbers).
ARITHMETIC = (ArithmeticError, ValueError)


#: Of those that hand options on, one that stands for all.
OPTIONS = {'compile': 'backend', 'LargeTeacherSet.written': 'classes'}
METHODS = {name for op in operations.values() for name in (op.name, op.numpy)}


def thread_pool() -> Any:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1)


class Door(NamedTuple):
    """A callable and its arguments: the place, the name and the kind of each."""

    name: str
    call: Callable[..., Any]
    parameters: dict[str, inspect.Parameter]
    kinds: dict[str, Kind]
    computes: bool


def doors() -> Iterator[Door]:
    seen: set[int] = set()
    modules: list[ModuleType] = [
        microgradnet, functions, testing, drawing, compiling, derivation, science, interop,
    ]  # fmt: skip
    for module in modules:
        for name in module.__all__:
            thing = getattr(module, name)
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            if name not in MADE_BY_US:
                computes = name in operations
                yield door(name, thing, computes)
            if inspect.isclass(thing) and name in OBJECTS:
                yield from methods(name, thing)


def methods(name: str, kind: type) -> Iterator[Door]:
    done = set()
    for attribute in dir(kind):
        static = inspect.getattr_static(kind, attribute)
        public = attribute == '__call__' or not attribute.startswith('_')
        if not public or isinstance(static, property) or not callable(getattr(kind, attribute)) or id(static) in done:
            continue
        done.add(id(static))
        if isinstance(static, classmethod):
            yield door(f'{name}.{attribute}', getattr(kind, attribute), False)
        else:
            yield door(f'{name}.{attribute}', getattr(kind, attribute), attribute in METHODS, OBJECTS[name])


def door(name: str, call: Callable[..., Any], computes: bool, owner: Callable[[], Any] | None = None) -> Door:
    parameters = dict(inspect.signature(call).parameters)
    if owner is not None:
        unbound, made = call, owner
        parameters.pop('self')

        def call(*arguments: Any, **options: Any) -> Any:
            return unbound(made(), *arguments, **options)

    kinds = {}
    for parameter in parameters:
        known = SPECIAL.get(name, {}).get(parameter)
        if known is None and computes:
            known = operands.get(parameter)
        known = known or ARGUMENTS.get(parameter)
        assert known, f'{name}: say in SPECIAL or ARGUMENTS what its {parameter} is'
        kinds[parameter] = known
    return Door(name, call, parameters, kinds, computes)


def called(door: Door, name: str, wrong: Any) -> Any:
    """Call with one argument replaced, the others good, and use what is returned."""
    ordered: list[Any] = []
    named: dict[str, Any] = {}
    for parameter, about in door.parameters.items():
        thing = wrong if parameter == name else door.kinds[parameter].good()
        if about.kind is about.VAR_KEYWORD:
            if parameter == name:
                named[OPTIONS.get(door.name, 'rankdir')] = thing
        elif about.kind in (about.POSITIONAL_ONLY, about.VAR_POSITIONAL) or any(
            p.kind is p.VAR_POSITIONAL for p in door.parameters.values() if about.kind is about.POSITIONAL_OR_KEYWORD
        ):
            ordered.append(thing)
        else:
            named[parameter] = thing
    result = door.call(*ordered, **named)
    return USED[door.name](result) if door.name in USED else result


def frames_of(trouble: Exception) -> traceback.StackSummary:
    return traceback.extract_tb(trouble.__traceback__)


@cache
def raises(file: str) -> set[int]:
    """The lines of a file that are within a ``raise`` statement."""
    tree = ast.parse(''.join(linecache.getlines(file)))
    return {k for n in ast.walk(tree) if isinstance(n, ast.Raise) for k in range(n.lineno, (n.end_lineno or 0) + 1)}


def shown(wrong: Any, said: str) -> bool:
    """Whether words show what came: the thing itself, its type, its length, or what is in it."""
    if type(wrong).__name__ in said or repr(wrong)[:12] in said or str(wrong)[:12] in said:
        return True
    if reprlib.repr(wrong)[:12] in said:
        return True
    is_long = hasattr(wrong, '__len__') and getattr(wrong, 'shape', True)
    if is_long and any(word in said for word in (str(len(wrong)), ' no ', 'empty', 'none')):
        return True
    if hasattr(wrong, 'shape'):
        return str(wrong.shape) in said or any(shown(x, said) for x in wrong.ravel().tolist())
    if isinstance(wrong, (list, tuple, set, dict, range)):
        return any(shown(x, said) for x in wrong)
    return inspect.isgenerator(wrong)  # spent: its items are no longer to be had


def verdict(door: Door, name: str, make: Callable[[], Any]) -> tuple[str, str]:
    """Return what a call came to: 'works', 'clear', or what is bad about it; and what was said."""
    wrong = make()

    def late(number: int, frame: Any) -> None:
        if frame is not None and frame.f_code in {getattr(call, '__code__', None) for call in gc.callbacks}:
            signal.setitimer(signal.ITIMER_REAL, 0.01)  # what is raised in there is lost
        else:
            raise Late

    fits = door.kinds[name].fits
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            called(door, name, wrong)
    except Late:
        return ('works' if fitting(fits, wrong) else 'hangs'), 'no end'
    except Exception as trouble:
        signal.setitimer(signal.ITIMER_REAL, 0)
        said = f'{type(trouble).__name__}: {trouble}'
        if fitting(fits, wrong) and (callable(wrong) or frames_of(trouble)[-1].filename == __file__):
            return 'works', said  # what is theirs was called, and raised
        if door.computes and fitting(fits, wrong) and isinstance(trouble, ARITHMETIC):
            return 'clear', said
        if isinstance(trouble, OSError) and trouble.filename is not None and is_path(wrong):
            return 'clear', said
        last = frames_of(trouble)[-1]
        if not last.filename.startswith(str(PACKAGE)) or last.lineno not in raises(last.filename):
            return "Python's own", f'{said}  [{Path(last.filename).name}:{last.lineno}]'
        if not shown(wrong, str(trouble)):
            return 'does not show what came', said
        return 'clear', said
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return ('works', '') if fitting(fits, wrong) else ('silent', 'no error')


def fitting(fits: Callable[[Any], bool], wrong: Any) -> bool:
    try:
        return bool(fits(wrong))
    except Exception:
        return False


class Late(BaseException):
    """A call takes too long."""


DOORS = [*doors()]


@pytest.mark.slow
def test_wrong_arguments_get_clear_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    counts: Counter[str] = Counter()
    bad: dict[str, list[str]] = {}
    calls = 0
    for door in DOORS:
        for name in door.parameters:
            for what, make in WRONG.items():
                result, said = verdict(door, name, make)
                counts[result] += 1
                calls += 1
                if result not in ('works', 'clear'):
                    bad.setdefault(door.name, []).append(f'{name}={what}: {result}: {said[:140]}')
    total = sum(map(len, bad.values()))
    print(f'{calls} calls: {dict(counts)}; {total} bad')
    for name, lines in sorted(bad.items(), key=lambda item: -len(item[1])):
        print(f'{name}: {len(lines)}', *lines, sep='\n    ')
    assert total < calls / 20, f'{total} of {calls} wrong calls got no clear error'
