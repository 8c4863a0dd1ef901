"""Numbers that carry a bound on the rounding errors of a computation in a narrower precision.

The value is worked out in extended precision. Beside it runs a bound on how far the same computation strays when each
of its operations rounds, however the operations are arranged: a forward error analysis done while computing.

Source: Higham (2002), "Accuracy and Stability of Numerical Algorithms", section 3.3, "Running error analysis".
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model import dtypes

Array = npt.NDArray[Any]

# An operation of a formula takes at most four roundings in any arrangement: of a scalar operand, of a product split in
# two, of the interpolation in place of two products and a sum, and its own.
ROUNDINGS = 4
_DOUBLE = 2.0**-53


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """Real numbers, as they are without rounding, and how far a computed one may lie from them.

    Attributes:
        value: longdouble array, or a longdouble.
        error: Likewise, not negative; NaN where nothing is known.
        unit: Relative error of one rounding in the working precision.
        least: Smallest positive number of the working precision, which bounds the error of a result that underflows.
    """

    value: Any
    error: Any
    unit: float
    least: float

    def _rounded(self, other: Tracked, value: Any, error: Any, magnitude: Any) -> Tracked:
        """Return a result in the coarser of two precisions, charged for the roundings of one operation."""
        unit, least = max(self.unit, other.unit), max(self.least, other.least)
        charged = error + ROUNDINGS * (unit * (magnitude + error) + least * (value != 0))
        return Tracked(value, charged, unit, least)

    def __add__(self, other: Tracked) -> Tracked:
        """Return the sum; cancellation is charged by the size of what cancels."""
        magnitude = abs(self.value) + abs(other.value)
        return self._rounded(other, self.value + other.value, self.error + other.error, magnitude)

    def __neg__(self) -> Tracked:
        """Return the negation, which is exact."""
        return dataclasses.replace(self, value=-self.value)

    def __sub__(self, other: Tracked) -> Tracked:
        """Return the difference."""
        return self + -other

    def __mul__(self, other: Tracked) -> Tracked:
        """Return the product."""
        value = self.value * other.value
        error = abs(self.value) * other.error + abs(other.value) * self.error + self.error * other.error
        return self._rounded(other, value, error, abs(value))

    def __truediv__(self, other: Tracked) -> Tracked:
        """Return the quotient; nothing is known where the divisor may be zero."""
        room = abs(other.value) - other.error
        if not np.all(room > 0):
            room = np.where(room > 0, room, np.nan)
        value = self.value / other.value
        size = abs(value)
        return self._rounded(other, value, (self.error + size * other.error) / room, size)

    def sqrt(self) -> Tracked:
        """Return the square root of numbers that are not negative."""
        value = np.sqrt(self.value)
        low = np.sqrt(np.maximum(self.value - self.error, 0))
        error = np.maximum(np.sqrt(self.value + self.error) - value, value - low)
        return self._rounded(self, value, error, value)

    def __abs__(self) -> Tracked:
        """Return the absolute value, which is exact."""
        return dataclasses.replace(self, value=abs(self.value))

    def maximum(self, other: Tracked) -> Tracked:
        """Return the larger of two, which rounds nothing."""
        error = np.maximum(self.error, other.error)
        unit, least = max(self.unit, other.unit), max(self.least, other.least)
        return Tracked(np.maximum(self.value, other.value), error + 0 * self.value, unit, least)

    def where(self, mask: Array, other: Tracked) -> Tracked:
        """Return these numbers where the mask is true, and the others elsewhere."""
        value = np.where(mask, self.value, other.value)
        return dataclasses.replace(self, value=value, error=np.where(mask, self.error, other.error))


def tensor(values: Array, dtype: str) -> Tracked:
    """Return numbers that a real floating `dtype` holds exactly, computed with in that dtype."""
    facts = dtypes.finfo(dtype)
    value = np.asarray(values).astype(np.longdouble)
    return Tracked(value, np.zeros_like(value), float(facts.eps) / 2, float(facts.smallest_subnormal))


def number(value: float, *, error: float = 0.0, unit: float = _DOUBLE) -> Tracked:
    """Return a Python float, computed with in double precision."""
    return Tracked(np.longdouble(value), np.longdouble(error), unit, 0.0)


def power(base: float, exponent: float) -> Tracked:
    """Return a power of Python floats, which the mathematical library gets right but for a unit in the last place."""
    value = np.power(np.longdouble(base), np.longdouble(exponent))
    return Tracked(value, ROUNDINGS * _DOUBLE * abs(value), _DOUBLE, 0.0)
