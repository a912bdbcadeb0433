"""Models and data: parameters that fit best, how well they are known, and roots as operations.

=============  =========================================================================
minimise       where a function is least: of minus a log-likelihood, the best parameters
least_squares  where the sum of squares of residuals is least
Fit            what both return: parameters, standard errors, intervals, as a table
sample         parameters drawn from a density, by nutpie, as ArviZ data
implicit       a root of equations, with the derivatives of the implicit function theorem
checkpoint     a function as one step, of which no graph is kept
=============  =========================================================================

The first two need the extra ``microgradnet[science]``, samples ``microgradnet[sampling]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import later

if TYPE_CHECKING:  # imported when first used
    from .fits import Fit, least_squares, minimise
    from .roots import implicit
    from .sampling import sample
    from .segments import checkpoint

__all__ = ['Fit', 'checkpoint', 'implicit', 'least_squares', 'minimise', 'sample']

if not TYPE_CHECKING:  # what is not there is an error to a checker
    __getattr__, __dir__ = later(__name__)
