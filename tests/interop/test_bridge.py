"""What all frameworks share: which functions there are bridges of."""

from __future__ import annotations

import pytest

from microgradnet import Value, compile
from microgradnet.interop.bridge import Bridge

np = pytest.importorskip('numpy')


def test_a_program_is_refused_for_it_takes_rows_and_reads_its_parameters() -> None:
    x, w = Value(1.0), Value(2.0)
    program = compile(w * x, rows=[x], parameters=[w], backend='python')
    with pytest.raises(TypeError, match=r'not <.*Program.*: give the function that the Program was recorded from'):
        Bridge.of(program)


def test_no_rows_at_all_have_results_of_the_right_shape() -> None:
    bridge = Bridge.of(lambda x: ([x[0], x[1]], x[0]), backend='python').mapped()
    assert [array.shape for array in bridge(np.zeros((0, 3)))] == [(0, 2), (0,)]


def test_the_backend_of_a_compiled_function_is_kept() -> None:
    assert Bridge.of(compile(abs, backend='python')).pull(1).compiled.backend == 'python'
