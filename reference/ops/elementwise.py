"""Elementwise functions: a row each, computed in a type wider than the one that is judged.

Callers pass operands in float64 where results of at most 32 bits are judged, in longdouble for float64, in complex
longdouble for complex results, and in the dtype itself for integers (see `widened`).

Source: PyTorch documentation, "torch" (pointwise ops); IEEE 754 for special values.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import is_complex, is_floating
from torch_conformance.reference.numerics import special

Array = npt.NDArray[Any]
Function = Callable[..., Array]


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


UNARY: MappingProxyType[str, Function] = MappingProxyType(
    {
        "exp": np.exp,
        "exp2": np.exp2,
        "expm1": np.expm1,
        "log": np.log,
        "log2": np.log2,
        "log10": np.log10,
        "log1p": np.log1p,
        "sqrt": np.sqrt,
        "rsqrt": rsqrt,
        "sin": np.sin,
        "cos": np.cos,
        "tan": np.tan,
        "asin": np.arcsin,
        "acos": np.arccos,
        "atan": np.arctan,
        "sinh": np.sinh,
        "cosh": np.cosh,
        "tanh": np.tanh,
        "asinh": np.arcsinh,
        "acosh": np.arccosh,
        "atanh": np.arctanh,
        "sinc": sinc,
        "erf": special.erf,
        "erfc": special.erfc,
        "lgamma": special.lgamma,
        "digamma": special.digamma,
        "sigmoid": sigmoid,
        "logit": logit,
        "reciprocal": lambda x: 1 / x,
        "square": np.square,
        "ceil": _of_fractions(np.ceil),
        "floor": _of_fractions(np.floor),
        "round": np.round,
        "trunc": _of_fractions(np.trunc),
        "frac": frac,
        "abs": np.abs,
        "neg": np.negative,
        "positive": np.positive,
        "sign": sign,
        "sgn": sgn,
        "rad2deg": np.rad2deg,
        "deg2rad": np.deg2rad,
        "isnan": np.isnan,
        "isinf": np.isinf,
        "isfinite": np.isfinite,
        "isposinf": np.isposinf,
        "isneginf": np.isneginf,
        "signbit": np.signbit,
        "logical_not": np.logical_not,
        "bitwise_not": np.bitwise_not,
        "conj_physical": np.conjugate,
        "angle": np.angle,
    }
)

BINARY: MappingProxyType[str, Function] = MappingProxyType(
    {
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "div": np.true_divide,
        "floor_divide": floor_divide,
        "trunc_divide": trunc_divide,
        "remainder": remainder,
        "fmod": np.fmod,
        "pow": np.power,
        "atan2": np.arctan2,
        "hypot": np.hypot,
        "logaddexp": logaddexp,
        "logaddexp2": logaddexp2,
        "xlogy": xlogy,
        "maximum": np.maximum,
        "minimum": np.minimum,
        "fmax": np.fmax,
        "fmin": np.fmin,
        "copysign": np.copysign,
        "heaviside": heaviside,
        "gcd": np.gcd,
        "lcm": np.lcm,
        "eq": np.equal,
        "ne": np.not_equal,
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
        "logical_and": np.logical_and,
        "logical_or": np.logical_or,
        "logical_xor": np.logical_xor,
        "bitwise_and": np.bitwise_and,
        "bitwise_or": np.bitwise_or,
        "bitwise_xor": np.bitwise_xor,
        "bitwise_left_shift": np.left_shift,
        "bitwise_right_shift": np.right_shift,
    }
)
