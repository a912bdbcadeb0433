"""What checkers must know of the public interface, to the letter; read by mypy and pyright, and run by nobody."""

from fractions import Fraction
from typing import Any, assert_type

import numpy
from numpy.typing import NDArray

from microgradnet import Program, Value, compile, functions, grad, half_squared_error, hessian, hvp, value_and_grad, vjp
from microgradnet.compiling import Function

x, y = Value(2.0), Value(Fraction(1, 3))
third = Fraction(1, 3)
array: NDArray[numpy.float64] = numpy.array([1.0, 2.0])

# A node: its numbers, its methods and operators.
assert_type(x.data, float | Fraction)
assert_type(x.grad, float | Fraction)
assert_type(x * 2 + third, Value)
assert_type(2.0 - x, Value)
assert_type((-abs(x) ** 2).tanh().atan2(1), Value)
assert_type(x.detach(), Value)
assert_type(x > 1.0, bool)
assert_type(x * array, NDArray[Any])
x.backward(seed=2)

# A function gives what it was given.
assert_type(functions.sin(0.5), float)
assert_type(functions.sin(1), float)
assert_type(functions.sin(third), float)
assert_type(functions.sin(x), Value)
assert_type(functions.sin(array), NDArray[Any])
assert_type(functions.relu(third), Fraction)
assert_type(functions.pow(third, third), float | Fraction)
assert_type(functions.atan2(1.0, 2.0), float)
assert_type(functions.atan2(1.0, x), Value)
assert_type(functions.atan2(x, third), Value)
assert_type(functions.atan2(1.0, array), NDArray[Any])
assert_type(functions.leaky_relu(x), Value)
assert_type(functions.leaky_relu(-1.0), float)
assert_type(functions.clip(0.5, 0, x), Value)
assert_type(functions.add(third, third), Fraction)
assert_type(functions.max(x, 1.0, 2), Value)
assert_type(functions.max(1.0, 2.0), float)
assert_type(functions.min([x, y]), Value)
assert_type(functions.where(x.greater(1), 1.0, x), Value)
assert_type(functions.where(x > 1, 1.0, 2.0), float)
assert_type(functions.sum([x, y]), Value)
assert_type(functions.sum([1.0, 2.0]), float)
assert_type(functions.sum([third, third]), Fraction)
assert_type(functions.dot([x, y], [1.0, 2.0]), Value)
assert_type(functions.dot([1.0], [x], 2), Value)
assert_type(functions.dot([1.0], [2.0]), float)
assert_type(functions.logsumexp([x, y]), Value)
assert_type(functions.mean([1.0, 2.0]), float)
assert_type(functions.softmax([x, y]), list[Value])
assert_type(half_squared_error([x, y], [1.0, 2.0]), Value)
assert_type(half_squared_error([1.0], [2.0]), float)


# Compiled: recorded values become a program, a function another function.
def product(a: Value, b: Value) -> Value:
    return a * b


assert_type(compile(x * y, rows=[x], parameters=[y], backend='python', loops=True), Program)
assert_type(compile([x, {'y': y}]), Program)
assert_type(compile(x).to_c(), str)
assert_type(compile(x).to_js(gradient=False), str)
assert_type(compile(x).bind([[2.0]]).value_and_gradient([3.0])[0], float)
assert_type(compile(product, most_paths=3), Function)
assert_type(compile(lambda a: a * 2), Function)

# A gradient has the structure of what it is taken by.
assert_type(grad(product)(2.0, 3.0), float)
assert_type(grad(lambda a: a)(2), float)
assert_type(grad(lambda a: a[0] * a[1])([1.0, 2.0]), list[float])
assert_type(grad(lambda p: p['a'] ** 2)({'a': 2.0}), dict[str, float])
assert_type(grad(lambda a: a.sum())(array), NDArray[numpy.float64])
assert_type(value_and_grad(product)(2.0, 3.0), tuple[float, float])
assert_type(hessian(lambda a: a[0] * a[1])([1.0, 2.0]), list[list[float]])
assert_type(hvp(lambda a: a[0] * a[1])([1.0, 2.0], [1.0, 0.0]), list[float])
assert_type(vjp(product, array)[1](1.0), NDArray[numpy.float64])
assert_type(vjp(product, array, 1.0)[1], NDArray[numpy.float64])
