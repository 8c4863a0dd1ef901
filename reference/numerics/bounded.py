"""Values with a bound: exact results, and how far any correct computation in a dtype may lie from them.

The argument, which everything here and in `bounded_sums`, `bounded_functions` and `tape` rests on. Values are worked
out wider than the dtype (at least 11 bits more) and count as exact. Beside each stands an absolute bound that contains
the result of every correct computation. The model is the standard one (N. J. Higham, "Accuracy and Stability of
Numerical Algorithms", section 2.2): with u the unit roundoff and s the smallest subnormal,

    |fl(x op y) - (x op y)| <= u |x op y| + s/2,     op one of + - * / sqrt.

Bounds are carried along as in running error analysis (section 3.3): operands that lie within a of x and b of y give

    x + y within a + b,    x y within |x| b + |y| a + a b,    x / y within (a + |x/y| b) / (|y| - b),

and a function within what its values at both ends of the operand's interval, x - a and x + a, differ from the value
at x: exactly so where it is monotone between them, and with room where it has one turning point there. Derivatives of
complex functions and of functions of two operands pass bounds on to first order. To that each operation adds its own
roundings.

- *ROUNDINGS for one elementwise operation.* One is its own. The other is for what no documentation settles: which of
  two equal formulas is evaluated (a factor that is regrouped, an interpolation in place of two products and a sum, a
  fused multiply-add, a reciprocal and a product in place of a quotient), and the reference's own arithmetic.
- *Nothing for what is exact.* A sum, difference, product or root of operands without error whose result the dtype
  holds is that result, whatever the formula; a quotient only by a power of two. Negation, maximum, selections and
  rearrangements round nothing.
- *Sums in any order.* |fl(sum x) - sum x| <= gamma(n - 1) sum |x|, gamma(n) = n u / (1 - n u), whatever the order, the
  blocking or the number of threads (section 4.2), with u that of the dtype in which is accumulated: the element type,
  or float32 for the 16-bit ones, whose result is rounded once more. Products summed, as in a matrix product, have
  gamma(n) for n terms, one rounding more (section 3.5). Where all terms are whole multiples of a power of two, and the
  sum of their magnitudes a number of them that the dtype holds exactly, every partial sum is exact and the bound is 0.
- *Elementary functions*: ELEMENTARY units in the last place of the result. CUDA's documentation states at most 4 for
  the functions in use here, SLEEF's u10 functions and the vector mathematics library 1.
- *Products and quotients of complex numbers* count COMPLEX times: the error of a product is sqrt(8) u at most (section
  3.6), that of a quotient more. Sums count once, since the parts are summed apart, and so do real factors.
- *Factors that hardware shortens* (TF32) have its unit roundoff in place of the dtype's.

Operands of two precisions meet in the coarser one, where the finer is rounded first.

Source: IEEE 754; PyTorch documentation, "Numerical accuracy"; CUDA Math API, "Single Precision Mathematical
Functions".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import finfo, is_complex, numpy_dtype
from torch_conformance.reference.numerics.roundoff import held, moduli, spacing, unit_roundoff, wide, wider

Array = npt.NDArray[Any]

ROUNDINGS = 2
ELEMENTARY = 4
COMPLEX = 4


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """What a correct computation in a dtype may give.

    Attributes:
        values: The exact result, in a type wider than the dtype (or in the dtype, where it is an exact answer).
        bound: How far a computed element may lie from it, as float64 that broadcasts to the values; 0 where it is
            exact, infinite or NaN where nothing is known.
        dtype: The dtype's name.
        shortened: Unit roundoff of factors that hardware shortens, where coarser than the dtype's; 0 where it does not.
    """

    values: Array
    bound: Array
    dtype: str
    shortened: float = 0.0
    __array_ufunc__ = None  # NumPy leaves arithmetic with arrays to this class

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return tuple(self.values.shape)

    @property
    def unit(self) -> float:
        """The unit roundoff of one operation."""
        return max(unit_roundoff(self.dtype), self.shortened)

    @property
    def reach(self) -> Array:
        """The largest magnitude that a correct computation may give, float64."""
        return np.asarray(moduli(self.values) + self.bound)

    def __add__(self, other: Operand) -> Bounded:
        """Return the sum."""
        left, right = met(self, other)
        return rounded(left.values + right.values, left.bound + right.bound, left)

    def __neg__(self) -> Bounded:
        """Return the negative, which rounds nothing."""
        return like(self, -self.values, self.bound)

    def __sub__(self, other: Operand) -> Bounded:
        """Return the difference."""
        left, right = met(self, other)
        return left + -right

    def __rsub__(self, other: Array | complex) -> Bounded:
        """Return an exact number less this."""
        return lifted(other, self) + -self

    def __mul__(self, other: Operand) -> Bounded:
        """Return the product; 0 times infinity is NaN."""
        left, right = met(self, other)
        with np.errstate(invalid="ignore", over="ignore"):
            inherited = moduli(left.values) * right.bound + moduli(right.values) * left.bound + left.bound * right.bound
            return rounded(left.values * right.values, inherited, left, _roundings(left, right))

    __radd__ = __add__
    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Bounded:
        """Return the quotient; nothing is known where the divisor's bound reaches 0."""
        left, right = met(self, other)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            values = np.asarray(left.values / right.values)
            room = moduli(right.values) - right.bound
            inherited = (left.bound + moduli(values) * right.bound) / np.where(room > 0, room, np.nan)
            # An exact divisor of 0 gives what IEEE 754 says.
            inherited = np.where((right.bound == 0) & (left.bound == 0), 0.0, inherited)
        quotient = rounded(values, inherited, left, _roundings(left, right), may_be_exact=False)
        # Division by a power of two is exact, by reciprocal too, and so is that of 0.
        mantissa, _ = np.frexp(moduli(right.values))
        certain = (mantissa == 0.5) | (values == 0)
        exact = (inherited == 0) & certain & held(values, left.dtype, left.shortened)
        return like(left, values, np.where(exact, 0.0, quotient.bound))

    def __rtruediv__(self, other: Array | complex) -> Bounded:
        """Return an exact number divided by this."""
        return lifted(other, self) / self

    def __abs__(self) -> Bounded:
        """Return the absolute value, which rounds nothing of a real number."""
        values = np.abs(self.values)
        if not is_complex(self.dtype):
            return like(self, values, self.bound)
        return rounded(values, self.bound, self)

    def __getitem__(self, index: Any) -> Bounded:
        """Return a part."""
        return like(self, np.asarray(self.values[index]), np.asarray(np.broadcast_to(self.bound, self.shape)[index]))

    def reshape(self, *size: int) -> Bounded:
        """Return the same elements in another shape."""
        return like(self, self.values.reshape(size), np.broadcast_to(self.bound, self.shape).reshape(size))

    def conjugate(self) -> Bounded:
        """Return the complex conjugate."""
        return like(self, np.conjugate(self.values), self.bound)

    def sqrt(self) -> Bounded:
        """Return the square root of real values, of which none may be below 0."""
        if is_complex(self.dtype):
            raise TypeError("the square root of complex values is an elementary function")
        return rounded(_root(self.values), inherited(_root, self), self)

    def maximum(self, other: Operand) -> Bounded:
        """Return the larger of two, which rounds nothing."""
        left, right = met(self, other)
        values = np.maximum(left.values, right.values)
        return like(left, values, np.maximum(left.bound, right.bound) + np.zeros(values.shape))

    def clipped(self, low: float, high: float) -> Bounded:
        """Return the values kept within limits, which are rounded to the dtype."""
        limits = [lifted(each, self) for each in (low, high)]
        values = np.clip(self.values, limits[0].values, limits[1].values)
        return like(self, values, np.maximum(self.bound, np.maximum(limits[0].bound, limits[1].bound)))

    def where(self, mask: Array, other: Operand) -> Bounded:
        """Return these values where a mask is true, and the others elsewhere."""
        left, right = met(self, other)
        return like(left, np.where(mask, left.values, right.values), np.where(mask, left.bound, right.bound))


Operand: TypeAlias = Bounded | Array | complex


def exact(array: Array, dtype: str, shortened: float = 0.0) -> Bounded:
    """Return elements of a dtype (in its own NumPy type, or in a type that holds them) as operands without error."""
    values = wide(np.asarray(array).astype(numpy_dtype(dtype)))
    return Bounded(values, np.zeros(values.shape), dtype, shortened)


def number(value: float) -> Bounded:
    """Return a Python float, which is computed with in double precision."""
    return Bounded(np.asarray(value, dtype=np.longdouble), np.zeros(()), "float64")


def power(base: float, exponent: float) -> Bounded:
    """Return a power of Python floats, which the mathematical library gets right but for a unit in the last place."""
    value = np.power(np.longdouble(base), np.longdouble(exponent))
    bound = 0.0 if exponent == 1 else spacing(moduli(value), "float64", unit_roundoff("float64"))
    return Bounded(np.asarray(value), np.asarray(bound), "float64")


def like(operand: Bounded, values: Array, bound: Array) -> Bounded:
    """Return other values and bounds in the precision of an operand."""
    return Bounded(np.asarray(values), np.asarray(bound), operand.dtype, operand.shortened)


def stacked(parts: Sequence[Bounded]) -> Bounded:
    """Return parts of one shape along a new first axis, in the precision of the first."""
    return joined([like(each, each.values[None], np.broadcast_to(each.bound, each.shape)[None]) for each in parts], 0)


def joined(parts: Sequence[Bounded], axis: int) -> Bounded:
    """Return parts one after the other along an axis, in the precision of the first."""
    values = np.concatenate([each.values for each in parts], axis)
    return like(parts[0], values, np.concatenate([each.bound for each in parts], axis))


def lifted(value: Operand, operand: Bounded) -> Bounded:
    """Return exact numbers as an operand beside another: without error where its dtype holds them, else rounded."""
    if isinstance(value, Bounded):
        return value
    values = np.asarray(value).astype(wider(operand.dtype))
    with np.errstate(invalid="ignore", over="ignore"):
        bound = np.where(held(values, operand.dtype), 0.0, unit_roundoff(operand.dtype) * moduli(values))
    return Bounded(values, bound, operand.dtype, operand.shortened)


def met(left: Bounded, other: Operand) -> tuple[Bounded, Bounded]:
    """Return two operands in the coarser of their precisions."""
    right = lifted(other, left)
    if left.dtype == right.dtype and left.shortened == right.shortened:
        return left, right
    if left.unit < right.unit:
        return _coarsened(left, right), right
    return left, _coarsened(right, left)


def _coarsened(operand: Bounded, target: Bounded) -> Bounded:
    """Return an operand rounded to the precision of another."""
    lost = np.where(held(operand.values, target.dtype), 0.0, unit_roundoff(target.dtype) * operand.reach)
    return like(target, operand.values, operand.bound + lost)


def rounded(
    values: Array, inherited: Array, operand: Bounded, roundings: float = ROUNDINGS, *, may_be_exact: bool = True
) -> Bounded:
    """Return the result of an operation.

    Args:
        values: The exact result.
        inherited: How far off the bounds of the operands put it.
        operand: One of the operands, for its precision.
        roundings: How many the operation is charged.
        may_be_exact: Whether a result is taken for exact where the operands are and the dtype holds it.
    """
    values = np.asarray(values)
    with np.errstate(invalid="ignore", over="ignore"):
        own = operand.unit * (moduli(values) + inherited) + finfo(operand.dtype).smallest_subnormal / 2
        bound = inherited + roundings * own
        if may_be_exact:
            bound = np.where((inherited == 0) & held(values, operand.dtype, operand.shortened), 0.0, bound)
    return like(operand, values, bound)


def loosened(operand: Bounded, roundings: float) -> Bounded:
    """Return an operand that may have been rounded some times more, exact or not."""
    scale = COMPLEX if is_complex(operand.dtype) else 1
    return rounded(operand.values, operand.bound, operand, scale * roundings, may_be_exact=False)


def _roundings(left: Bounded, right: Bounded) -> float:
    """Return how many a product or quotient is charged: one with a real factor is rounded part by part."""
    both = all(is_complex(each.dtype) and (each.bound.any() or each.values.imag.any()) for each in (left, right))
    return ROUNDINGS * (COMPLEX if both else 1)


def inherited(function: Callable[[Array], Array], operand: Bounded) -> Array:
    """Return how far a real function may carry the bound of its operand, from its values at both ends.

    Args:
        function: Takes wide values; monotone between the ends.
        operand: Its real argument.
    """
    if not operand.bound.any():
        return np.zeros(operand.shape)
    radius = np.asarray(operand.bound, dtype=operand.values.dtype)
    with np.errstate(all="ignore"):
        middle, low, high = (function(each) for each in _ends(operand.values, radius))
        away = np.maximum(np.abs(middle - low), np.abs(high - middle)).astype(np.float64)
    return np.where(np.isnan(away), np.inf, away)


def _ends(values: Array, radius: Array) -> tuple[Array, Array, Array]:
    return values, values - radius, values + radius


def _root(values: Array) -> Array:
    return np.sqrt(np.maximum(values, 0))
