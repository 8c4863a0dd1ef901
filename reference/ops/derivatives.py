"""Elementwise operators as operations of the tape: beside each forward stands its derivative.

A derivative is written once, in arithmetic that wide arrays (to pass rounding errors on) and variables (to pass
gradients on) both have. Where an operator has no derivative the rules of "Gradients for non-differentiable functions"
decide: the subgradient of least norm where it is convex or concave nearby, else continuity.

Source: PyTorch documentation, "Autograd mechanics", "torch" (pointwise ops).
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import finfo
from torch_conformance.reference.numerics import bounded, bounded_functions, special, tape
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops import elementwise

Array = npt.NDArray[Any]
# An array or a Variable: what a derivative is computed of.
Quantity = Any

_LN2, _LN10 = np.log(np.longdouble(2)), np.log(np.longdouble(10))
_ROOT_PI = np.sqrt(special.PI)
# Functions with a zero that no argument hits exactly: there the error is one of the terms that cancel, in units of 1.
_CANCELLING = {"lgamma": 16, "digamma": 16, "logaddexp": 8, "logaddexp2": 8, "xlogy": 8, "logit": 16, "log": 1}
# The trigamma function that derives digamma cuts its asymptotic series at 1/(42 x**7): at most 1/30 / 6.5**9 is lost.
TRIGAMMA_CUT = 2e-9


def of(name: str, operand: Quantity) -> Quantity:
    """Apply a function of one operand to an array or a variable."""
    return UNARY[name](operand) if isinstance(operand, Variable) else elementwise.UNARY[name](operand)


def _where(mask: Array, first: Quantity, second: Quantity) -> Quantity:
    if isinstance(first, Variable):
        return tape.selected(mask, first, tape.lifted(second, first))
    return np.where(mask, first, second)


def _values(operand: Quantity) -> Array:
    return operand.data.values if isinstance(operand, Variable) else operand


def _constant(values: Array, like: Quantity) -> Quantity:
    return tape.constant(values, like) if isinstance(like, Variable) else values


def uncertain(operand: Bounded, units: float) -> Bounded:
    """Return a result that cancellation may have put off by some units of 1."""
    if not units:
        return operand
    return bounded.like(operand, operand.values, operand.bound + units * finfo(operand.dtype).eps)


def _sinc_slope(x: Quantity) -> Quantity:
    safe = _where(_values(x) == 0, x * 0 + 1, x)
    angle = safe * special.PI
    slope = (of("cos", angle) * angle - of("sin", angle)) / (angle * safe)
    return _where(_values(x) == 0, slope * 0, slope)


def _trigamma(x: Quantity) -> Quantity:
    values = special.trigamma(_values(x))
    if not isinstance(x, Variable):
        return values
    cut = bounded.like(x.data, values, np.full(values.shape, TRIGAMMA_CUT))
    # A sum of series of about as many terms as so many elementary functions have roundings.
    return Variable(bounded.loosened(cut, 4 * bounded_functions.EXPONENTIAL))


Derivative = Callable[[Quantity, Quantity], Quantity]

# By operator, its derivative of the argument x and the result y.
SMOOTH: MappingProxyType[str, Derivative] = MappingProxyType(
    {
        "exp": lambda _, y: y,
        "exp2": lambda _, y: y * _LN2,
        "expm1": lambda _, y: y + 1,
        "log": lambda x, _: 1 / x,
        "log2": lambda x, _: 1 / (x * _LN2),
        "log10": lambda x, _: 1 / (x * _LN10),
        "log1p": lambda x, _: 1 / (x + 1),
        "sin": lambda x, _: of("cos", x),
        "cos": lambda x, _: -of("sin", x),
        "tan": lambda _, y: y * y + 1,
        "asin": lambda x, _: 1 / of("sqrt", 1 - x * x),
        "acos": lambda x, _: -(1 / of("sqrt", 1 - x * x)),
        "atan": lambda x, _: 1 / (x * x + 1),
        "sinh": lambda x, _: of("cosh", x),
        "cosh": lambda x, _: of("sinh", x),
        "tanh": lambda _, y: 1 - y * y,
        "asinh": lambda x, _: 1 / of("sqrt", x * x + 1),
        "acosh": lambda x, _: 1 / of("sqrt", x * x - 1),
        "atanh": lambda x, _: 1 / (1 - x * x),
        "erf": lambda x, _: of("exp", -(x * x)) * (2 / _ROOT_PI),
        "erfc": lambda x, _: -(of("exp", -(x * x)) * (2 / _ROOT_PI)),
        "sigmoid": lambda _, y: (1 - y) * y,
        "sinc": lambda x, _: _sinc_slope(x),
        "lgamma": lambda x, _: of("digamma", x),
        "digamma": lambda x, _: _trigamma(x),
        "logit": lambda x, _: 1 / (x * (1 - x)),
        "sqrt": lambda _, y: 1 / (y * 2),
        "rsqrt": lambda _, y: y * y * y * -0.5,
        "reciprocal": lambda _, y: -(y * y),
        "square": lambda x, _: x * 2,
        "rad2deg": lambda x, _: x * 0 + 180 / special.PI,
        "deg2rad": lambda x, _: x * 0 + special.PI / 180,
    }
)

Step = Callable[[Array], Array]
# By operator of straight pieces, its slope at wide values.
PIECEWISE: MappingProxyType[str, Step] = MappingProxyType(
    {
        "abs": np.sign,
        "neg": lambda x: -np.ones_like(x),
        "positive": np.ones_like,
        "sign": np.zeros_like,
        "ceil": np.zeros_like,
        "floor": np.zeros_like,
        "round": np.zeros_like,
        "trunc": np.zeros_like,
        "frac": np.ones_like,
        "relu": lambda x: (x > 0).astype(x.dtype),
    }
)


def _smooth(name: str) -> Callable[[Variable], Variable]:
    function = elementwise.UNARY[name]

    def apply(x: Variable) -> Variable:
        def slope(values: Array) -> Array:
            return np.asarray(SMOOTH[name](values, function(values)))

        whole = tape.elementary(x, function, slope, SMOOTH[name])
        if name not in _CANCELLING:
            return whole
        return Variable(uncertain(whole.data, _CANCELLING[name]), whole.parents)

    return apply


def _piecewise(name: str) -> Callable[[Variable], Variable]:
    function = (lambda x: np.maximum(x, 0)) if name == "relu" else elementwise.UNARY[name]

    def apply(x: Variable) -> Variable:
        factor = Variable(bounded_functions.passed_on(PIECEWISE[name], x.data))
        return tape.node(bounded_functions.passed_on(function, x.data), (x, lambda g: tape.multiply(g, factor)))

    return apply


UNARY: MappingProxyType[str, Callable[[Variable], Variable]] = MappingProxyType(
    {**{name: _smooth(name) for name in SMOOTH}, **{name: _piecewise(name) for name in PIECEWISE}}
)

Partial = Callable[[Quantity, Quantity, Quantity], Quantity]


def _pow_by_base(a: Quantity, b: Quantity, _: Quantity) -> Quantity:
    safe = _where((_values(a) == 0) & (_values(b) == 0), a * 0 + 1, a)
    return b * BINARY["pow"](safe, b - 1) if isinstance(a, Variable) else b * np.power(safe, b - 1)


def _pow_by_exponent(a: Quantity, b: Quantity, y: Quantity) -> Quantity:
    settled = (_values(a) == 0) & (_values(b) >= 0)
    return _where(settled, y * 0, y * of("log", _where(settled, a * 0 + 1, a)))


# By operator, its derivatives of the operands a and b and the result y.
SMOOTH_PAIRS: MappingProxyType[str, tuple[Partial, Partial]] = MappingProxyType(
    {
        "pow": (_pow_by_base, _pow_by_exponent),
        "atan2": (lambda a, b, _: b / (a * a + b * b), lambda a, b, _: -(a / (a * a + b * b))),
        "hypot": (lambda a, _, y: a / y, lambda _, b, y: b / y),
        "logaddexp": (lambda a, _, y: of("exp", a - y), lambda _, b, y: of("exp", b - y)),
        "logaddexp2": (lambda a, _, y: of("exp2", a - y), lambda _, b, y: of("exp2", b - y)),
        "xlogy": (lambda _, b, y: of("log", b) + y * 0, lambda a, b, _: a / b),
    }
)


def _halves(first: Array, second: Array) -> tuple[Array, Array]:
    """Return the weights 1 and 0 where one of two is chosen, and halves between equals."""
    equal = np.where(first == second, 0.5, 0.0)
    return np.where(first > second, 1.0, equal), np.where(first < second, 1.0, equal)


def _none(_a: Array, b: Array) -> Array:
    return np.zeros(b.shape)


Weights = Callable[[Array, Array], tuple[Array, Array]]
# By operator of straight pieces, its two slopes at wide values of both operands.
PIECEWISE_PAIRS: MappingProxyType[str, Weights] = MappingProxyType(
    {
        "maximum": _halves,
        "fmax": _halves,
        "minimum": lambda a, b: _halves(-a, -b),
        "fmin": lambda a, b: _halves(-a, -b),
        "copysign": lambda a, b: (np.sign(a) * np.copysign(1.0, b), _none(a, b)),
        "fmod": lambda a, b: (np.ones(a.shape), -np.trunc(a / b)),
        "remainder": lambda a, b: (np.ones(a.shape), -np.floor(a / b)),
    }
)


def _smooth_pair(name: str) -> Callable[[Variable, Variable], Variable]:
    function, partials = elementwise.BINARY[name], SMOOTH_PAIRS[name]

    def apply(a: Variable, b: Variable) -> Variable:
        shape = np.broadcast_shapes(a.shape, b.shape)
        a, b = (each if each.shape == shape else tape.expand(each, shape) for each in (a, b))
        with np.errstate(all="ignore"):
            values = np.asarray(function(a.data.values, b.data.values))
            passed = np.zeros(shape)
            for operand, partial in zip((a, b), partials, strict=True):
                if operand.data.bound.any():
                    slope = np.abs(np.asarray(partial(a.data.values, b.data.values, values)))
                    passed = passed + slope.astype(np.float64) * operand.data.bound
        data = bounded_functions.computed(values, passed, a.data)
        # The result as the graph has it: partials that are written in it have derivatives through it.
        whole = tape.node(
            uncertain(data, _CANCELLING.get(name, 0)),
            (a, lambda g: tape.multiply(g, tape.conjugate(partials[0](a, b, whole)))),
            (b, lambda g: tape.multiply(g, tape.conjugate(partials[1](a, b, whole)))),
        )
        return whole

    return apply


def _piecewise_pair(name: str) -> Callable[[Variable, Variable], Variable]:
    function, weights = elementwise.BINARY[name], PIECEWISE_PAIRS[name]

    def apply(a: Variable, b: Variable) -> Variable:
        shape = np.broadcast_shapes(a.shape, b.shape)
        a, b = (each if each.shape == shape else tape.expand(each, shape) for each in (a, b))
        with np.errstate(all="ignore"):
            values = np.asarray(function(a.data.values, b.data.values))
            slopes = weights(a.data.values, b.data.values)
        passed = sum(
            (np.abs(slope).astype(np.float64) * each.data.bound for slope, each in zip(slopes, (a, b), strict=True)),
            np.zeros(shape),
        )
        factors = [tape.constant(slope, a) for slope in slopes]
        return tape.node(
            bounded.like(a.data, values, np.asarray(passed)),
            (a, lambda g: tape.multiply(g, factors[0])),
            (b, lambda g: tape.multiply(g, factors[1])),
        )

    return apply


BINARY: MappingProxyType[str, Callable[[Variable, Variable], Variable]] = MappingProxyType(
    {
        "add": tape.add,
        "sub": lambda a, b: tape.add(a, tape.negative(b)),
        "mul": tape.multiply,
        "div": tape.divide,
        **{name: _smooth_pair(name) for name in SMOOTH_PAIRS},
        **{name: _piecewise_pair(name) for name in PIECEWISE_PAIRS},
    }
)
