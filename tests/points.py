"""Where operations are tried; public in ``microgradnet.testing``."""

from __future__ import annotations

from microgradnet.testing.places import LARGEST, SMALLEST_NORMAL, Operands, flat, is_defined, is_kink, operand_sets

__all__ = ['LARGEST', 'SMALLEST_NORMAL', 'Operands', 'flat', 'is_defined', 'is_kink', 'operand_sets']
