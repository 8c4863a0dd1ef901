"""Derivatives against finite and complex-step differences, mpmath, and cases worked by hand."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.numerics import special, tape
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops import derivatives, elementwise

Function = Callable[..., np.ndarray]
_LOW = {"acosh": 1.2, "log": 0.2, "log2": 0.2, "log10": 0.2, "sqrt": 0.2, "rsqrt": 0.2, "lgamma": 0.4, "digamma": 0.4}
_NARROW = ("asin", "acos", "atanh")


def _points(name: str) -> np.ndarray:
    if name in _NARROW:
        return np.linspace(-0.9, 0.9, 12)
    if name == "logit":
        return np.linspace(0.1, 0.9, 12)
    if name == "tan":
        return np.linspace(-1.3, 1.3, 12)
    return np.linspace(_LOW.get(name, -0.8 if name == "log1p" else -1.37), 3.3, 12)


def _slope(function: Function, x: np.ndarray) -> np.ndarray:
    """Return the derivative by central differences of two widths, extrapolated."""
    x = x.astype(np.longdouble)
    h = np.longdouble(2.0**-9)
    wide = (function(x + h) - function(x - h)) / (2 * h)
    near = (function(x + h / 2) - function(x - h / 2)) / h
    closer = (function(x + h / 4) - function(x - h / 4)) / (h / 2)
    first, second = (4 * near - wide) / 3, (4 * closer - near) / 3
    return (16 * second - first) / 15


def _gradient(function: Callable[..., Variable], *arrays: np.ndarray) -> list[Variable]:
    operands = [tape.variable(each, "float64") for each in arrays]
    result = function(*operands)
    found = tape.gradients(result, operands, tape.constant(np.ones(result.shape), result))
    return [each for each in found if each is not None]


@pytest.mark.parametrize("name", sorted(derivatives.SMOOTH))
def test_smooth_rows(name: str) -> None:
    x = _points(name)
    (slope,) = _gradient(derivatives.UNARY[name], x)
    expected = _slope(elementwise.UNARY[name], x)
    np.testing.assert_allclose(slope.data.values.astype(float), expected.astype(float), rtol=2e-10, atol=1e-11)
    assert np.all(slope.data.bound < 1e-8)


@pytest.mark.parametrize("name", ["exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "reciprocal", "square"])
def test_complex_steps(name: str) -> None:
    x = np.linspace(0.3, 1.2, 7)
    (slope,) = _gradient(derivatives.UNARY[name], x)
    step = elementwise.UNARY[name](x + 1e-30j).imag / 1e-30
    np.testing.assert_allclose(slope.data.values.astype(float), step, rtol=1e-14)


@pytest.mark.parametrize("name", sorted(derivatives.PIECEWISE))
def test_straight_rows_between_their_corners(name: str) -> None:
    x = np.array([-2.3, -0.7, 0.4, 1.6])
    (slope,) = _gradient(derivatives.UNARY[name], x)
    function = (lambda v: np.maximum(v, 0)) if name == "relu" else elementwise.UNARY[name]
    np.testing.assert_allclose(slope.data.values.astype(float), _slope(function, x).astype(float), atol=1e-12)
    assert not slope.data.bound.any()


@pytest.mark.parametrize("name", sorted(derivatives.BINARY))
def test_pairs(name: str) -> None:
    a, b = np.array([0.7, 1.3, 2.2, 0.4]), np.array([1.1, 0.6, -1.7, 2.9])
    if name == "xlogy":
        b = np.abs(b)
    first, second = _gradient(derivatives.BINARY[name], a, b)
    function = elementwise.BINARY[name]
    wide = b.astype(np.longdouble)
    expected = _slope(lambda x: function(x, wide), a), _slope(lambda y: function(a.astype(np.longdouble), y), b)
    for observed, wanted in zip((first, second), expected, strict=True):
        np.testing.assert_allclose(observed.data.values.astype(float), wanted.astype(float), rtol=2e-9, atol=1e-10)


@pytest.mark.parametrize("name", sorted(set(derivatives.SMOOTH) - {"digamma"}))
def test_second_derivatives(name: str) -> None:
    x = _points(name)
    operand = tape.variable(x, "float64")
    (first,) = tape.gradients(derivatives.UNARY[name](operand), [operand], tape.constant(np.ones(x.shape), operand))
    assert first is not None
    (second,) = tape.gradients(first, [operand], tape.constant(np.ones(x.shape), operand))
    expected = _slope(lambda v: np.asarray(_wide_slope(name, v)), x)
    observed = np.zeros(x.shape) if second is None else second.data.values.astype(float)
    np.testing.assert_allclose(observed, expected.astype(float), rtol=2e-9, atol=1e-10)


def _wide_slope(name: str, x: np.ndarray) -> np.ndarray:
    return derivatives.SMOOTH[name](x, elementwise.UNARY[name](x))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["mul", "div", *sorted(derivatives.SMOOTH_PAIRS)])
def test_second_derivatives_of_pairs(name: str) -> None:
    a, b = np.array([0.7, 1.3, 2.2, 0.4]), np.array([1.1, 0.6, 1.7, 2.9])

    def firsts(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack([each.data.values for each in _gradient(derivatives.BINARY[name], x, y)])

    operands = [tape.variable(each, "float64") for each in (a, b)]
    one = tape.constant(np.ones(a.shape), operands[0])
    by_operand = tape.gradients(derivatives.BINARY[name](*operands), operands, one)
    along_a = _slope(lambda x: firsts(x, b), a)
    along_b = _slope(lambda y: firsts(a, y), b)
    for place, first in enumerate(by_operand):
        assert first is not None
        for second, wanted in zip(tape.gradients(first, operands, one), (along_a, along_b), strict=True):
            observed = np.zeros(a.shape) if second is None else second.data.values.astype(float)
            np.testing.assert_allclose(observed, wanted[place].astype(float), rtol=2e-8, atol=1e-9)


def test_kinks_by_hand() -> None:
    x = np.array([0.0, -0.0, 2.0, -3.0])
    assert _gradient(derivatives.UNARY["abs"], x)[0].data.values.tolist() == [0, 0, 1, -1]
    assert _gradient(derivatives.UNARY["relu"], x)[0].data.values.tolist() == [0, 0, 1, 0]
    first, second = _gradient(derivatives.BINARY["maximum"], x, np.array([0.0, 1.0, 2.0, -4.0]))
    assert first.data.values.tolist() == [0.5, 0, 0.5, 1]
    assert second.data.values.tolist() == [0.5, 1, 0.5, 0]
    base, exponent = _gradient(derivatives.BINARY["pow"], np.array([0.0, 0.0, 2.0]), np.array([0.0, 2.0, 0.0]))
    assert base.data.values.tolist() == [0, 0, 0]
    assert exponent.data.values[:2].tolist() == [0, 0]


def test_trigamma() -> None:
    points = np.array([0.3, 0.5, 1.0, 1.5, 3.25, 7.5, 20.0])
    expected = [float(mpmath.psi(1, mpmath.mpf(each))) for each in points.tolist()]
    np.testing.assert_allclose(special.trigamma(points.astype(np.longdouble)).astype(float), expected, rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_bounds_hold_for_the_formulas_in_the_dtype(dtype: str) -> None:
    kind = numpy_dtype(dtype)
    x = np.linspace(0.2, 2.7, 60).astype(kind)
    one = kind.type(1)
    formulas = {
        "tanh": lambda v: one - np.tanh(v.astype(np.float64)).astype(kind) ** 2,
        "reciprocal": lambda v: -(one / v) * (one / v),
        "atan": lambda v: one / (one + v * v),
        "log": lambda v: one / v,
    }
    for name, formula in formulas.items():
        operand = tape.variable(x, dtype)
        result = derivatives.UNARY[name](operand)
        (slope,) = tape.gradients(result, [operand], tape.constant(np.ones(x.shape), operand))
        assert slope is not None
        distance = np.abs(formula(x).astype(np.float64) - slope.data.values.astype(np.float64))
        assert np.all(distance <= slope.data.bound), name
        assert np.all(np.abs(0.01 * slope.data.values) > slope.data.bound) or dtype != "float32", name
