"""Elementwise functions: a row each, the value beside the derivative.

Values are computed in a type wider than the one that is judged: callers pass operands in float64 where results of at
most 32 bits are judged, in longdouble for float64, in complex longdouble for complex results, and in the dtype itself
for integers (see `widened`).

A derivative is written once, in arithmetic that wide arrays (to pass rounding errors on) and variables of the tape (to
pass gradients on) both have; what else it needs of them it is given as a `Calculus`. Where an operator has no
derivative the rules of "Gradients for non-differentiable functions" decide: the subgradient of least norm where it is
convex or concave nearby, else continuity.

Source: PyTorch documentation, "torch" (pointwise ops), "Autograd mechanics"; IEEE 754 for special values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import is_complex, is_floating
from torch_conformance.reference.numerics import special

Array = npt.NDArray[Any]
Function = Callable[..., Array]
# An array or a variable of the tape: what a derivative is computed of.
Quantity = Any

_LN2, _LN10 = np.log(np.longdouble(2)), np.log(np.longdouble(10))
_ROOT_PI = np.sqrt(special.PI)


@dataclasses.dataclass(frozen=True)
class Calculus:
    """What derivatives need of arrays and of variables, beside arithmetic.

    Attributes:
        of: Applies a row, by name, to one or two quantities.
        where: Chooses, by a mask, between a quantity and another or a number.
        values: The numbers of a quantity.
        trigamma: The derivative of digamma.
    """

    of: Callable[..., Quantity]
    where: Callable[[Array, Quantity, Quantity], Quantity]
    values: Callable[[Quantity], Array]
    trigamma: Callable[[Quantity], Quantity]


Slope = Callable[[Calculus, Quantity, Quantity], Quantity]
Partial = Callable[[Calculus, Quantity, Quantity, Quantity], Quantity]
Weights = Callable[[Array, Array], tuple[Array, Array]]


@dataclasses.dataclass(frozen=True)
class Row:
    """A function of one operand.

    Attributes:
        value: The function.
        slope: Its derivative, of the argument x and the result y, where it is smooth.
        pieces: Its slope at wide values, where it is of straight pieces.
        cancels: Units of 1 by which terms that cancel may put the result off: the function has a zero that no argument
            hits exactly.
    """

    value: Function
    slope: Slope | None = None
    pieces: Function | None = None
    cancels: float = 0


@dataclasses.dataclass(frozen=True)
class Pair:
    """A function of two operands.

    Attributes:
        value: The function.
        partials: Its derivatives by a and by b, of a, b and the result y, where it is smooth.
        pieces: Its two slopes at wide values, where it is of straight pieces.
        cancels: As of a row.
    """

    value: Function
    partials: tuple[Partial, Partial] | None = None
    pieces: Weights | None = None
    cancels: float = 0


def widened(array: Array, dtype: str) -> Array:
    """Return the operands of a floating or complex dtype in the type in which the reference computes."""
    if is_complex(dtype):
        return array.astype(np.clongdouble if dtype == "complex128" else np.complex128)
    if is_floating(dtype):
        return array.astype(np.longdouble if dtype == "float64" else np.float64)
    return array


def rsqrt(x: Array) -> Array:
    """Return 1 / sqrt(x); of -0.0 it is -inf, as IEEE 754 rSqrt has it."""
    return np.asarray(1 / np.sqrt(x))


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + e^-x) without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def logit(x: Array) -> Array:
    """Return log(x / (1 - x))."""
    return np.asarray(np.log(x) - np.log1p(-x))


def sinc(x: Array) -> Array:
    """Return sin(pi x) / (pi x), 1 at 0."""
    angle = special.PI.astype(x.dtype) * x
    return np.where(x == 0, 1, np.sin(angle) / np.where(x == 0, 1, angle))


def _of_fractions(function: Function) -> Function:
    """Return a rounding function that leaves integers as they are; NumPy before 2.1 takes them through float64."""
    return lambda x: x.copy() if x.dtype.kind in "iu" else function(x)


def frac(x: Array) -> Array:
    """Return the part after the point, with the sign of x."""
    return np.asarray(x - np.trunc(x))


def sign(x: Array) -> Array:
    """Return -1, 0 or 1; NaN has sign 0 (torch.sign documents sgn of the value; NaN compares false both ways)."""
    return ((x > 0).astype(np.int8) - (x < 0).astype(np.int8)).astype(x.dtype)


def sgn(x: Array) -> Array:
    """Return x / |x| for complex x, 0 at 0."""
    size = np.abs(x)
    return np.where(size == 0, 0, x / np.where(size == 0, 1, size))


def heaviside(x: Array, values: Array) -> Array:
    """Return 0 below zero, `values` at zero, 1 above."""
    return np.where(x == 0, values, (x > 0).astype(values.dtype))


def xlogy(x: Array, y: Array) -> Array:
    """Return x log y, NaN where y is NaN and else 0 where x is 0."""
    return np.where(np.isnan(y), np.nan, np.where(x == 0, 0, x * np.log(y)))


def logaddexp(x: Array, y: Array) -> Array:
    """Return log(e^x + e^y) without overflow."""
    top = np.maximum(x, y)
    return np.where(np.isinf(top) & (x == y), top, top + np.log1p(np.exp(-np.abs(x - y))))


def logaddexp2(x: Array, y: Array) -> Array:
    """Return log2(2^x + 2^y) without overflow."""
    top = np.maximum(x, y)
    low = np.log1p(np.exp2(-np.abs(x - y))) / np.log(np.asarray(2, dtype=x.dtype))
    return np.where(np.isinf(top) & (x == y), top, top + low)


def remainder(x: Array, y: Array) -> Array:
    """Return x - floor(x / y) y, with the sign of y."""
    return np.remainder(x, y)


def floor_divide(x: Array, y: Array) -> Array:
    """Return the floor of the exact quotient."""
    return np.floor_divide(x, y)


def trunc_divide(x: Array, y: Array) -> Array:
    """Return the quotient rounded toward zero."""
    if x.dtype.kind in "iu":
        quotient = np.abs(x.astype(object)) // np.abs(y.astype(object))
        return np.asarray(np.where((x < 0) != (y < 0), -quotient, quotient), dtype=x.dtype)
    return np.trunc(x / y)


def _sinc_slope(c: Calculus, x: Quantity, _: Quantity) -> Quantity:
    safe = c.where(c.values(x) == 0, x * 0 + 1, x)
    angle = safe * special.PI
    slope = (c.of("cos", angle) * angle - c.of("sin", angle)) / (angle * safe)
    return c.where(c.values(x) == 0, slope * 0, slope)


def _pow_by_base(c: Calculus, a: Quantity, b: Quantity, _: Quantity) -> Quantity:
    safe = c.where((c.values(a) == 0) & (c.values(b) == 0), a * 0 + 1, a)
    return b * c.of("pow", safe, b - 1)


def _pow_by_exponent(c: Calculus, a: Quantity, b: Quantity, y: Quantity) -> Quantity:
    settled = (c.values(a) == 0) & (c.values(b) >= 0)
    return c.where(settled, y * 0, y * c.of("log", c.where(settled, a * 0 + 1, a)))


def _halves(first: Array, second: Array) -> tuple[Array, Array]:
    """Return the weights 1 and 0 where one of two is chosen, and halves between equals."""
    equal = np.where(first == second, 0.5, 0.0)
    return np.where(first > second, 1.0, equal), np.where(first < second, 1.0, equal)


def _none(_a: Array, b: Array) -> Array:
    return np.zeros(b.shape)


ROWS: MappingProxyType[str, Row] = MappingProxyType(
    {
        "exp": Row(np.exp, lambda _c, _x, y: y),
        "exp2": Row(np.exp2, lambda _c, _x, y: y * _LN2),
        "expm1": Row(np.expm1, lambda _c, _x, y: y + 1),
        "log": Row(np.log, lambda _c, x, _y: 1 / x, cancels=1),
        "log2": Row(np.log2, lambda _c, x, _y: 1 / (x * _LN2)),
        "log10": Row(np.log10, lambda _c, x, _y: 1 / (x * _LN10)),
        "log1p": Row(np.log1p, lambda _c, x, _y: 1 / (x + 1)),
        "sin": Row(np.sin, lambda c, x, _y: c.of("cos", x)),
        "cos": Row(np.cos, lambda c, x, _y: -c.of("sin", x)),
        "tan": Row(np.tan, lambda _c, _x, y: y * y + 1),
        "asin": Row(np.arcsin, lambda c, x, _y: 1 / c.of("sqrt", 1 - x * x)),
        "acos": Row(np.arccos, lambda c, x, _y: -(1 / c.of("sqrt", 1 - x * x))),
        "atan": Row(np.arctan, lambda _c, x, _y: 1 / (x * x + 1)),
        "sinh": Row(np.sinh, lambda c, x, _y: c.of("cosh", x)),
        "cosh": Row(np.cosh, lambda c, x, _y: c.of("sinh", x)),
        "tanh": Row(np.tanh, lambda _c, _x, y: 1 - y * y),
        "asinh": Row(np.arcsinh, lambda c, x, _y: 1 / c.of("sqrt", x * x + 1)),
        "acosh": Row(np.arccosh, lambda c, x, _y: 1 / c.of("sqrt", x * x - 1)),
        "atanh": Row(np.arctanh, lambda _c, x, _y: 1 / (1 - x * x)),
        "erf": Row(special.erf, lambda c, x, _y: c.of("exp", -(x * x)) * (2 / _ROOT_PI)),
        "erfc": Row(special.erfc, lambda c, x, _y: -(c.of("exp", -(x * x)) * (2 / _ROOT_PI))),
        "sigmoid": Row(sigmoid, lambda _c, _x, y: (1 - y) * y),
        "sinc": Row(sinc, _sinc_slope),
        "lgamma": Row(special.lgamma, lambda c, x, _y: c.of("digamma", x), cancels=16),
        "digamma": Row(special.digamma, lambda c, x, _y: c.trigamma(x), cancels=16),
        "logit": Row(logit, lambda _c, x, _y: 1 / (x * (1 - x)), cancels=16),
        "sqrt": Row(np.sqrt, lambda _c, _x, y: 1 / (y * 2)),
        "rsqrt": Row(rsqrt, lambda _c, _x, y: y * y * y * -0.5),
        "reciprocal": Row(lambda x: 1 / x, lambda _c, _x, y: -(y * y)),
        "square": Row(np.square, lambda _c, x, _y: x * 2),
        "rad2deg": Row(np.rad2deg, lambda _c, x, _y: x * 0 + 180 / special.PI),
        "deg2rad": Row(np.deg2rad, lambda _c, x, _y: x * 0 + special.PI / 180),
        "abs": Row(np.abs, pieces=np.sign),
        "neg": Row(np.negative, pieces=lambda x: -np.ones_like(x)),
        "positive": Row(np.positive, pieces=np.ones_like),
        "sign": Row(sign, pieces=np.zeros_like),
        "ceil": Row(_of_fractions(np.ceil), pieces=np.zeros_like),
        "floor": Row(_of_fractions(np.floor), pieces=np.zeros_like),
        "round": Row(np.round, pieces=np.zeros_like),
        "trunc": Row(_of_fractions(np.trunc), pieces=np.zeros_like),
        "frac": Row(frac, pieces=np.ones_like),
        "relu": Row(lambda x: np.maximum(x, 0), pieces=lambda x: (x > 0).astype(x.dtype)),
        "sgn": Row(sgn),
        "isnan": Row(np.isnan),
        "isinf": Row(np.isinf),
        "isfinite": Row(np.isfinite),
        "isposinf": Row(np.isposinf),
        "isneginf": Row(np.isneginf),
        "signbit": Row(np.signbit),
        "logical_not": Row(np.logical_not),
        "bitwise_not": Row(np.bitwise_not),
        "conj_physical": Row(np.conjugate),
        "angle": Row(np.angle),
    }
)

# The tape has add, sub, mul and div itself.
PAIRS: MappingProxyType[str, Pair] = MappingProxyType(
    {
        "add": Pair(np.add),
        "sub": Pair(np.subtract),
        "mul": Pair(np.multiply),
        "div": Pair(np.true_divide),
        "pow": Pair(np.power, (_pow_by_base, _pow_by_exponent)),
        "atan2": Pair(
            np.arctan2, (lambda _c, a, b, _y: b / (a * a + b * b), lambda _c, a, b, _y: -(a / (a * a + b * b)))
        ),
        "hypot": Pair(np.hypot, (lambda _c, a, _b, y: a / y, lambda _c, _a, b, y: b / y)),
        "logaddexp": Pair(
            logaddexp, (lambda c, a, _b, y: c.of("exp", a - y), lambda c, _a, b, y: c.of("exp", b - y)), cancels=8
        ),
        "logaddexp2": Pair(
            logaddexp2, (lambda c, a, _b, y: c.of("exp2", a - y), lambda c, _a, b, y: c.of("exp2", b - y)), cancels=8
        ),
        "xlogy": Pair(xlogy, (lambda c, _a, b, y: c.of("log", b) + y * 0, lambda _c, a, b, _y: a / b), cancels=8),
        "maximum": Pair(np.maximum, pieces=_halves),
        "fmax": Pair(np.fmax, pieces=_halves),
        "minimum": Pair(np.minimum, pieces=lambda a, b: _halves(-a, -b)),
        "fmin": Pair(np.fmin, pieces=lambda a, b: _halves(-a, -b)),
        "copysign": Pair(np.copysign, pieces=lambda a, b: (np.sign(a) * np.copysign(1.0, b), _none(a, b))),
        "fmod": Pair(np.fmod, pieces=lambda a, b: (np.ones(a.shape), -np.trunc(a / b))),
        "remainder": Pair(remainder, pieces=lambda a, b: (np.ones(a.shape), -np.floor(a / b))),
        "floor_divide": Pair(floor_divide),
        "trunc_divide": Pair(trunc_divide),
        "heaviside": Pair(heaviside),
        "gcd": Pair(np.gcd),
        "lcm": Pair(np.lcm),
        "eq": Pair(np.equal),
        "ne": Pair(np.not_equal),
        "lt": Pair(np.less),
        "le": Pair(np.less_equal),
        "gt": Pair(np.greater),
        "ge": Pair(np.greater_equal),
        "logical_and": Pair(np.logical_and),
        "logical_or": Pair(np.logical_or),
        "logical_xor": Pair(np.logical_xor),
        "bitwise_and": Pair(np.bitwise_and),
        "bitwise_or": Pair(np.bitwise_or),
        "bitwise_xor": Pair(np.bitwise_xor),
        "bitwise_left_shift": Pair(np.left_shift),
        "bitwise_right_shift": Pair(np.right_shift),
    }
)

UNARY: MappingProxyType[str, Function] = MappingProxyType({name: row.value for name, row in ROWS.items()})
BINARY: MappingProxyType[str, Function] = MappingProxyType({name: pair.value for name, pair in PAIRS.items()})

# Functions of the complex plane, off every branch cut and pole; "abs" and "angle" are real.
COMPLEX: MappingProxyType[str, Function] = MappingProxyType(
    {
        **{name: UNARY[name] for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
        **{name: UNARY[name] for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "reciprocal", "square")},
        "log2": lambda z: np.log(z) / np.log(z.real.dtype.type(2)),
        "log10": lambda z: np.log(z) / np.log(z.real.dtype.type(10)),
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        **{name: UNARY[name] for name in ("rsqrt", "sgn", "neg", "conj_physical", "abs", "angle")},
    }
)
