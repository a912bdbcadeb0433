"""What is called, once a call, with the numbers that come and go as their users have them."""

from __future__ import annotations

import numpy as np

__all__ = ['CALLS', 'HUNDRED', 'SCALARS']

#: How many calls are in one timing.
CALLS = 5000
#: The parameters whose squares are summed up.
HUNDRED = np.linspace(-1, 1, 100)
#: What a function of two numbers is called with.
SCALARS = 0.5, 1.25
