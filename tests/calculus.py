"""The table's calculus once more, by hand and in mpmath; public in ``microgradnet.testing``."""

from __future__ import annotations

from microgradnet.testing.calculus import INHERITS, KERNELS, SLACK, TINIEST, TRUTH, VALUES, Function, mp, sign

__all__ = ['INHERITS', 'KERNELS', 'SLACK', 'TINIEST', 'TRUTH', 'VALUES', 'Function', 'mp', 'sign']
