"""Pictures, made from the graph that ran: the computation graph and the network.

``draw``              a ``Value`` and all it depends on, with data, gradients and local derivatives
``draw_network``      a net's neurons and weighted connections, in columns
``parameter_names``   a net's weights and biases as the derivation names them
``Digraph``           what is drawn: a ``graphviz.Digraph`` that also renders without ``dot``
``RendererNotFound``  the error where it cannot; it still holds the picture's source

Graphviz is imported when one of them is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..later import later

if TYPE_CHECKING:
    from .digraph import Digraph, RendererNotFound
    from .graph import draw
    from .network import draw_network, parameter_names

__all__ = ['Digraph', 'RendererNotFound', 'draw', 'draw_network', 'parameter_names']

_HOMES = {
    'Digraph': 'digraph',
    'RendererNotFound': 'digraph',
    'draw': 'graph',
    'draw_network': 'network',
    'parameter_names': 'network',
}

__getattr__, __dir__ = later(__name__, _HOMES)
