"""A kit for testing gradients, one's own and other people's; it needs the extra ``microgradnet[testing]``.

==================  ======================================================================
points              Hypothesis: numbers of every size, and those where rules go wrong
expressions         Hypothesis: an ``Expression``, a straight-line program over the table
nets, teacher_sets  Hypothesis: small nets, and sets to teach them
check_gradient      forward against reverse against differences, at a point
check_function      a function and its gradient, both written by hand, at points
check_operation     a row, or an operation of one's own, against many digits
check_custom        the same for an operation of one's own, with a shrunk counterexample
check_engine        another engine, held against the calculus; ``engines`` has adapters
why_order           the smallest graph on which a naive order of backpropagation goes wrong
==================  ======================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import later
from . import engines  # noqa: F401  # text only: light

if TYPE_CHECKING:  # imported when first used
    from .foreign.check import check_engine
    from .foreign.order import why_order
    from .gradients import GradientError, GradientReport, check_gradient
    from .pairs import check_function
    from .program import Expression
    from .report import Finding, Report
    from .rows import OperationError, OperationReport, check_custom, check_operation
    from .strategies import expressions, nets, points, small_points, teacher_sets

__all__ = [
    'Expression',
    'Finding',
    'GradientError',
    'GradientReport',
    'OperationError',
    'OperationReport',
    'Report',
    'check_custom',
    'check_engine',
    'check_function',
    'check_gradient',
    'check_operation',
    'expressions',
    'nets',
    'points',
    'small_points',
    'teacher_sets',
    'why_order',
]

if not TYPE_CHECKING:  # what is not there is an error to a checker
    __getattr__, __dir__ = later(__name__)
