"""The truth in many digits, of any operation; public in ``microgradnet.testing``."""

from __future__ import annotations

from microgradnet.testing.oracles import Truth, evaluate, numeric_partials, true_partials, true_value

__all__ = ['Truth', 'evaluate', 'numeric_partials', 'true_partials', 'true_value']
