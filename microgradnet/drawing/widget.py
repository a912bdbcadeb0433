"""The page of a net as a widget of a notebook: the weights on it are the net's, both ways.

JupyterLab, VS Code, Colab and marimo show it, for it is an anywidget. What it shows is the page in its
frame; only weights go between the page and Python.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

from ..engine.checks import said
from ..engine.numbers import Fraction, Number
from .live import parameters_of, written

__all__ = ['Widget']


class Widget(anywidget.AnyWidget):
    """A page of a net in a notebook. After each cell of Jupyter the page has the net's weights; ``update`` sends them
    at any time, from a callback of ``train``, say. What is changed on the page is the net's before the next cell runs.

    >>> from microgradnet import MLP, play
    >>> net = MLP(1, [1], 'identity', seed=1)
    >>> widget = play(net, [2.0], 1.0).widget
    >>> net.layers[0].neurons[0].bias.data = 0.25
    >>> widget.update()
    >>> widget.weights[1]
    0.25
    >>> widget.weights = [0.5, 0.125]       # as a page does that is dragged
    >>> [p.data for p in net.parameters()]
    [0.5, 0.125]
    """

    _esm = (files(__package__) / 'page' / 'widget.js').read_text(encoding='utf-8')
    frame = traitlets.Unicode().tag(sync=True)
    weights: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(self, frame: str, net: Any) -> None:
        self._parameters = parameters_of(net)
        super().__init__(frame=frame, weights=self._now())
        self.observe(lambda change: self._take(change.new), 'weights')
        shell = sys.modules['IPython'].get_ipython() if 'IPython' in sys.modules else None
        self._events = shell and shell.events
        if self._events:
            self._events.register('post_run_cell', self.update)

    def update(self, *_: Any) -> None:
        """Show the weights that the net has now."""
        self.weights = self._now()

    def close(self) -> None:
        """Take it off the page; the net is a net as before."""
        if self._events:
            self._events.unregister('post_run_cell', self.update)
            self._events = None
        super().close()

    def _now(self) -> list[Any]:
        return [written(p.data) for p in self._parameters]

    def _take(self, weights: Sequence[Any]) -> None:
        for p, weight in zip(self._parameters, weights):
            if weight is not None:  # of a parameter that the page does not show
                p.data = _read(weight)

    @traitlets.validate('weights')
    def _checked(self, proposal: Any) -> Any:
        weights = proposal['value']
        wanted = f'weights of the page are {len(self._parameters)} numbers'
        if len(weights) != len(self._parameters):
            raise traitlets.TraitError(f'{wanted}, not {len(weights)}')
        for weight in weights:
            try:
                if weight is not None:
                    _read(weight)
            except (TypeError, ValueError):
                raise traitlets.TraitError(f'{wanted}; one of them is {said(weight)}') from None
        return weights


def _read(weight: Any) -> Number:
    """Read a number that the page wrote: text is a fraction, or what is not finite.

    >>> _read(1), _read('1/3'), _read('inf')
    (1.0, Fraction(1, 3), inf)
    """
    if not isinstance(weight, str):
        return float(weight)
    try:
        return Fraction(weight)
    except ValueError:
        return float(weight)
