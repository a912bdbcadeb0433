"""Pictures, made from the graph that ran: the computation graph and the network.

``draw``              a ``Value`` and all it depends on, with data, gradients and local derivatives; loops folded
``draw_network``      a net's neurons and weighted connections, in columns
``draw_error_signal`` the way of the error signal through a net, picture by picture, or moving
``play``              a page that plays the forward run and the backward, step by step
``tree``              the graph for a terminal: lines of text
``parameter_names``   a net's weights and biases as the derivation names them
``Digraph``           what is drawn: a ``graphviz.Digraph`` that also renders without ``dot``
``RendererNotFound``  the error where it cannot; it still holds the picture's source

Graphviz is imported when one of them is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import later

if TYPE_CHECKING:  # imported when first used
    from ..formulas.names import parameter_names
    from .digraph import Digraph, RendererNotFound
    from .graph import draw
    from .network import draw_network
    from .player import Page, play
    from .signals import ErrorSignal, draw_error_signal
    from .terminal import tree

__all__ = [
    'Digraph',
    'ErrorSignal',
    'Page',
    'RendererNotFound',
    'draw',
    'draw_error_signal',
    'draw_network',
    'parameter_names',
    'play',
    'tree',
]

if not TYPE_CHECKING:  # what is not there is an error to a checker
    __getattr__, __dir__ = later(__name__)
