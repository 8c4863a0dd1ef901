"""Ball arithmetic: an exact value with a bound on how far any correct floating computation may lie from it.

A ball holds the exact result of the operations so far, computed wider than the element type, and a radius that
contains every result of the same operations in the element type, whatever the order of summation, with or without
fused multiply-add. Each operation adds its own rounding to what it inherits (running error analysis; N. J. Higham,
"Accuracy and Stability of Numerical Algorithms", sections 3.1 to 3.3): the computed result of an elementwise
operation is allowed ROUNDINGS roundings, so that regrouped factors (2 / n * r, r / n * 2) stay inside.

Source: PyTorch documentation, "Numerical accuracy".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import finfo, numpy_dtype
from torch_conformance.reference.numerics.roundoff import gamma, unit_roundoff, wide

Array = npt.NDArray[Any]

ROUNDINGS = 4
# Units in the last place of one exp, log or tanh: 20 is the loosest that a vector library in use states (SLEEF's u20
# functions); the rest covers the operations around it.
ELEMENTARY = 32


@dataclasses.dataclass(frozen=True)
class Ball:
    """Real values with a radius per element.

    Attributes:
        mid: The exact values, in a type wider than the element type.
        rad: How far a computed value may lie from them, float64.
        dtype: The element type that computes.
    """

    mid: Array
    rad: Array
    dtype: str
    __array_ufunc__ = None  # NumPy leaves arithmetic with arrays to this class

    @classmethod
    def exact(cls, array: Array, dtype: str) -> Ball:
        """Return values, which are rounded to the element type first."""
        mid = wide(np.asarray(array).astype(numpy_dtype(dtype)))
        return cls(mid, np.zeros(mid.shape), dtype)

    @property
    def unit(self) -> float:
        """Unit roundoff of the element type and of the reference's own arithmetic together."""
        return unit_roundoff(self.dtype) + float(np.finfo(self.mid.dtype).eps) / 2

    @property
    def magnitude(self) -> Array:
        """The largest modulus in each ball, float64."""
        return np.abs(self.mid).astype(np.float64) + self.rad

    @property
    def T(self) -> Ball:  # noqa: N802 (as NumPy spells it)
        """The transpose, which rounds nothing."""
        return Ball(self.mid.T, self.rad.T, self.dtype)

    def __getitem__(self, index: Any) -> Ball:
        """Return a part, which rounds nothing."""
        return Ball(np.asarray(self.mid[index]), np.asarray(self.rad[index]), self.dtype)

    def reshape(self, *size: int) -> Ball:
        """Return the same elements in another shape."""
        return Ball(self.mid.reshape(size), self.rad.reshape(size), self.dtype)

    def _other(self, value: Ball | Array | float) -> Ball:
        """Return an operand: a number is rounded to the element type, which ROUNDINGS covers."""
        if isinstance(value, Ball):
            return value
        array = np.asarray(value, dtype=self.mid.dtype)
        return Ball(array, np.zeros(array.shape), self.dtype)

    def _rounded(self, mid: Array, inherited: Array, roundings: float = ROUNDINGS) -> Ball:
        inherited = np.where(np.isnan(inherited), np.inf, inherited)
        own = roundings * self.unit * (np.abs(mid).astype(np.float64) + inherited)
        # Results below the normal range are rounded to a multiple of the smallest subnormal.
        floor = roundings * finfo(self.dtype).smallest_subnormal
        return Ball(mid, inherited + own + np.where(own > 0, floor, 0), self.dtype)

    def __neg__(self) -> Ball:
        """Return the negative, which rounds nothing."""
        return Ball(-self.mid, self.rad, self.dtype)

    def __add__(self, value: Ball | Array | float) -> Ball:
        """Return the sum."""
        other = self._other(value)
        # Regrouped sums round the parts, which may be larger than the whole.
        parts = self.unit * (self.magnitude + other.magnitude)
        return self._rounded(self.mid + other.mid, self.rad + other.rad + parts)

    def __sub__(self, value: Ball | Array | float) -> Ball:
        """Return the difference."""
        return self + (-self._other(value))

    def __rsub__(self, value: Array | float) -> Ball:
        """Return a number less this."""
        return self._other(value) + (-self)

    def __mul__(self, value: Ball | Array | float) -> Ball:
        """Return the product."""
        other = self._other(value)
        with np.errstate(invalid="ignore"):  # a radius without end, of a zero
            inherited = self.magnitude * other.rad + np.abs(other.mid).astype(np.float64) * self.rad
        return self._rounded(self.mid * other.mid, inherited)

    __radd__ = __add__
    __rmul__ = __mul__

    def __truediv__(self, value: Ball | Array | float) -> Ball:
        """Return the quotient; infinite radius where the divisor's ball reaches 0."""
        other = self._other(value)
        nearest = np.abs(other.mid).astype(np.float64) - other.rad
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = self.mid / other.mid
            inherited = (self.rad + np.abs(quotient).astype(np.float64) * other.rad) / nearest
        return self._rounded(quotient, np.where(nearest > 0, inherited, np.inf))

    def __matmul__(self, other: Ball) -> Ball:
        """Return the product of matrices."""
        depth = self.mid.shape[-1]
        total = self.magnitude @ other.magnitude
        modulus = np.abs(self.mid).astype(np.float64) @ np.abs(other.mid).astype(np.float64)
        inherited = np.maximum(total - modulus, 0) + self.magnitude @ other.rad
        bound = gamma(depth + ROUNDINGS, self.unit) * total
        return Ball(self.mid @ other.mid, inherited + bound, self.dtype)

    def sum(self, axis: int | None = None, *, keepdims: bool = False) -> Ball:
        """Return the sum over an axis, or all."""
        count = self.mid.size if axis is None else self.mid.shape[axis]
        total = np.asarray(np.sum(self.magnitude, axis=axis, keepdims=keepdims))
        inherited = np.asarray(np.sum(self.rad, axis=axis, keepdims=keepdims))
        bound = gamma(count + ROUNDINGS, self.unit) * total
        return Ball(np.asarray(np.sum(self.mid, axis=axis, keepdims=keepdims)), inherited + bound, self.dtype)

    def mean(self) -> Ball:
        """Return the mean of all elements."""
        return self.sum() / float(self.mid.size)

    def _monotone(self, function: Callable[[Array], Array], roundings: float = ELEMENTARY) -> Ball:
        """Return a non-decreasing elementary function; its ball spans the values at both ends."""
        mid = np.asarray(function(self.mid))
        radius = self.rad.astype(self.mid.dtype)
        low, high = function(self.mid - radius), function(self.mid + radius)
        inherited = np.maximum(mid - low, high - mid).astype(np.float64)
        return self._rounded(mid, np.asarray(inherited), roundings)

    def tanh(self) -> Ball:
        """Return the hyperbolic tangent."""
        return self._monotone(np.tanh)

    def exp(self) -> Ball:
        """Return the exponential."""
        return self._monotone(np.exp)

    def log(self) -> Ball:
        """Return the logarithm; an absolute error of the argument near 1 is an absolute error of the result."""
        return self._monotone(np.log)

    def sqrt(self) -> Ball:
        """Return the square root of balls at or above 0."""
        return self._monotone(lambda array: np.sqrt(np.maximum(array, 0)), ROUNDINGS)

    def sigmoid(self) -> Ball:
        """Return 1 / (1 + exp(-x))."""
        return self._monotone(lambda array: 1 / (1 + np.exp(-array)))

    def softplus(self) -> Ball:
        """Return log(1 + exp(x)); a formula that rounds the sum errs by a unit of 1 in small results."""
        value = self._monotone(lambda array: np.maximum(array, 0) + np.log1p(np.exp(-np.abs(array))))
        return Ball(value.mid, value.rad + ELEMENTARY * self.unit, self.dtype)

    def relu(self) -> Ball:
        """Return max(x, 0), which rounds nothing."""
        mid = np.maximum(self.mid, 0)
        return Ball(mid, np.where(self.mid + self.rad > 0, self.rad, 0), self.dtype)

    def step(self) -> Ball:
        """Return 1 where positive and else 0; where the ball reaches 0, either may be computed."""
        unsure = (np.abs(self.mid) <= self.rad) & (self.rad > 0)
        mid = (self.mid > 0).astype(self.mid.dtype)
        return Ball(mid, unsure.astype(np.float64), self.dtype)


def stacked(balls: list[Ball]) -> Ball:
    """Return balls of equal shape along a new first axis."""
    mid, rad = np.stack([each.mid for each in balls]), np.stack([each.rad for each in balls])
    return Ball(mid, rad, balls[0].dtype)
