"""microgradnet: a scalar autodiff engine, and nets whose every weight update can be checked by hand.
>>> x = Value(2.0)
>>> y = x ** 2 + x.sin()
>>> y.backward()
>>> f'{x.grad:.4f}'
'3.5839'

pytest rewrites the asserts of plugins, and warns where one was imported before; here is nothing to rewrite:
PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._extras import have
from ._lazy import later, serve
from .engine import functions
from .engine.context import no_grad
from .engine.functions import dot, mean, softmax, where, while_loop
from .engine.table import operations
from .engine.value import Value, signals
from .nets.losses import cross_entropy, half_squared_error, max_margin, mean_square_error, root_mean_square_error
from .nets.net import MLP, Layer, Neuron

if TYPE_CHECKING:  # imported when first used
    from .compiling import Program, compile, recording
    from .derivation import derive, error_signals
    from .derivatives.sparse import sparse_hessian, sparse_jacobian
    from .derivatives.transforms import grad, gradients, hessian, hvp, jacobian, jvp, value_and_grad, vjp
    from .diagnosis.nan import dead_neurons, explain_nan
    from .drawing import draw, draw_error_signal, draw_network, play
    from .engine.custom import custom
    from .engine.origins import tracing
    from .formulas.printing import latex, text
    from .nets.saving import load, restore, save
    from .training.data import TeacherSet
    from .training.estimators import NetClassifier, NetRegressor
    from .training.large import LargeTeacherSet
    from .training.train import train

__version__ = '0.2.0'

__all__ = [
    'MLP',
    'LargeTeacherSet',
    'Layer',
    'NetClassifier',
    'NetRegressor',
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
    'signals',
    'softmax',
    'sparse_hessian',
    'sparse_jacobian',
    'text',
    'tracing',
    'train',
    'value_and_grad',
    'vjp',
    'where',
    'while_loop',
]

if not have('sklearn'):  # they are classes of it: ``from microgradnet import *`` is for everyone
    __all__.remove('NetClassifier')
    __all__.remove('NetRegressor')

serve({
    'MLP.to_c': 'microgradnet.interop.take_along:to_c',
    'MLP.to_js': 'microgradnet.interop.take_along:to_js',
    'Program.draw': 'microgradnet.drawing.program:program_picture',
    'Value.__array_ufunc__': 'microgradnet.engine.functions:apply_ufunc',
    'Value.__deepcopy__': 'microgradnet.engine.copying:deepcopy_graph',
    'Value.__reduce_ex__': 'microgradnet.engine.copying:reduce_node',
})  # fmt: skip

if not TYPE_CHECKING:  # what is not there is an error to a checker
    __getattr__, __dir__ = later(__name__)
