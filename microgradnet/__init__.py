"""microgradnet: a scalar autodiff engine, and nets whose every weight update can be checked by hand.

>>> from microgradnet import MLP, Value
>>> x = Value(2.0)
>>> y = x ** 2 + x.sin()
>>> y.backward()
>>> f'{x.grad:.4f}'
'3.5839'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import functions
from .arithmetic import no_grad
from .functions import dot, mean, softmax, where
from .later import later
from .losses import cross_entropy, half_squared_error, max_margin, mean_square_error, root_mean_square_error
from .nn import MLP, Layer, Neuron
from .operations import operations
from .value import Value

if TYPE_CHECKING:
    from .compiling import Program, compile, recording
    from .custom_operations import custom
    from .derivation import derive, error_signals
    from .diagnose import dead_neurons, explain_nan
    from .differentiate import grad, gradients, hessian, hvp, jacobian, jvp, value_and_grad, vjp
    from .drawing import draw, draw_error_signal, draw_network, play
    from .large_set import LargeTeacherSet
    from .origins import tracing
    from .printing import latex, text
    from .saving import load, restore, save
    from .sparse import sparse_hessian, sparse_jacobian
    from .teacher_set import TeacherSet
    from .training import train

__version__ = '0.1.0'

__all__ = [
    'MLP',
    'LargeTeacherSet',
    'Layer',
    'Neuron',
    'Program',
    'TeacherSet',
    'Value',
    'compile',
    'cross_entropy',
    'custom',
    'dead_neurons',
    'derive',
    'dot',
    'draw',
    'draw_error_signal',
    'draw_network',
    'error_signals',
    'explain_nan',
    'functions',
    'grad',
    'gradients',
    'half_squared_error',
    'hessian',
    'hvp',
    'jacobian',
    'jvp',
    'latex',
    'load',
    'max_margin',
    'mean',
    'mean_square_error',
    'no_grad',
    'operations',
    'play',
    'recording',
    'restore',
    'root_mean_square_error',
    'save',
    'softmax',
    'sparse_hessian',
    'sparse_jacobian',
    'text',
    'tracing',
    'train',
    'value_and_grad',
    'vjp',
    'where',
]

#: Names that are imported when first used, and the module each is from.
_LATER = {
    'LargeTeacherSet': 'large_set',
    'Program': 'compiling',
    'TeacherSet': 'teacher_set',
    'compile': 'compiling',
    'recording': 'compiling',
    'custom': 'custom_operations',
    'dead_neurons': 'diagnose',
    'derive': 'derivation',
    'error_signals': 'derivation',
    'play': 'drawing',
    'explain_nan': 'diagnose',
    'grad': 'differentiate',
    'hessian': 'differentiate',
    'hvp': 'differentiate',
    'jacobian': 'differentiate',
    'jvp': 'differentiate',
    'sparse_hessian': 'sparse',
    'sparse_jacobian': 'sparse',
    'value_and_grad': 'differentiate',
    'vjp': 'differentiate',
    'draw': 'drawing',
    'draw_error_signal': 'drawing',
    'draw_network': 'drawing',
    'gradients': 'differentiate',
    'latex': 'printing',
    'load': 'saving',
    'restore': 'saving',
    'save': 'saving',
    'text': 'printing',
    'tracing': 'origins',
    'train': 'training',
}

__getattr__, __dir__ = later(__name__, _LATER)
