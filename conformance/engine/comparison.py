"""Compare what torch answered with what the reference says, by named rules.

A rule turns an expected array into an acceptance interval per element; an element is accepted when it lies
inside. NaN is accepted exactly where NaN is expected, whatever its payload. Infinity is accepted where the
interval reaches the value at which rounding overflows. The sign of zero counts unless the rule says not.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model import dtypes

Array = npt.NDArray[Any]

_COMPLEX_PARTS = {"complex64": "float32", "complex128": "float64"}


@dataclasses.dataclass(frozen=True)
class Rule:
    """How far an element may lie from the expected one.

    Attributes:
        ulps: Units in the last place of the result's dtype, at the infinitely precise result.
        absolute: Absolute distance, a number or an array that broadcasts to the result.
        signed_zero: Whether -0.0 and 0.0 are different answers.
    """

    ulps: float = 0.0
    absolute: float | Array = 0.0
    signed_zero: bool = True

    @functools.cached_property
    def is_exact(self) -> bool:
        """True when only the expected bits (any NaN for NaN) are accepted."""
        return self.ulps == 0 and not np.ndim(self.absolute) and not self.absolute

    def describe(self) -> str:
        """Return the rule in words, for reports."""
        parts = []
        if self.ulps:
            parts.append(f"within {self.ulps:g} ULP")
        if np.ndim(self.absolute):
            parts.append("within an absolute bound per element")
        elif self.absolute:
            parts.append(f"within {self.absolute:.3g}")
        parts = parts or ["exact"]
        if not self.signed_zero:
            parts.append("sign of zero free")
        return ", ".join(parts)


EXACT = Rule()
UNSIGNED_ZERO = Rule(signed_zero=False)


def ulp(count: float, *, signed_zero: bool = True) -> Rule:
    """Accept results within `count` units in the last place of the infinitely precise result."""
    return Rule(ulps=count, signed_zero=signed_zero)


def absolute(bound: float | Array, *, signed_zero: bool = False) -> Rule:
    """Accept results within `bound` of the expected ones; the sign of zero is free unless asked for."""
    return Rule(absolute=bound, signed_zero=signed_zero)


@dataclasses.dataclass(frozen=True)
class Interval:
    """Accepted values per element, both ends included, in a type at least as wide as the result's."""

    low: Array
    high: Array


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """Where and by how much an answer lies outside its acceptance interval."""

    first_index: tuple[int, ...]
    mismatches: int
    elements: int
    ulp: float | None
    mask: Array


# Every power of two that float64 has, so that the distance to a neighbour is a look-up.
_BIAS = 1074
_POWERS = np.ldexp(1.0, np.arange(-_BIAS, 1024))


@functools.cache
def _format_of(dtype: str) -> tuple[int, int, float]:
    """Return (mantissa bits without the hidden one, exponent of the smallest normal, largest finite value)."""
    facts = dtypes.finfo(dtype)
    mantissa = round(-math.log2(float(facts.eps)))
    return mantissa, round(math.log2(float(facts.tiny))), float(facts.max)


def ulp_size(exact: Array, dtype: str) -> Array:
    """Return the distance between neighbouring values of a floating `dtype` at each exact value.

    Args:
        exact: Real values of any float type.
        dtype: A floating dtype name.

    Returns:
        An array of the type of `exact`; at infinities and beyond the largest finite value, the distance there.
    """
    mantissa, smallest, largest = _format_of(dtype)
    magnitude = np.abs(exact)
    with np.errstate(over="ignore"):
        _, exponent = np.frexp(magnitude.astype(np.float64))
    exponent = np.where(np.isfinite(magnitude) & (magnitude < largest), exponent, math.frexp(largest)[1]) - 1
    # float64 may have rounded up to the power of two above.
    exponent = np.where(magnitude < _POWERS[exponent + _BIAS], exponent - 1, exponent)
    exponent = np.where(magnitude < math.ldexp(1.0, smallest), smallest, exponent)
    return np.asarray(_POWERS[exponent - mantissa + _BIAS].astype(exact.dtype))


def _widen(values: Array) -> Array:
    """Return real values in a type in which differences of neighbours are exact enough to judge them."""
    if values.dtype.kind in "iub":
        return values.astype(np.longdouble)
    if values.dtype.itemsize < 8:
        return values.astype(np.float64)
    return values.astype(np.longdouble)


def interval(expected: Array, dtype: str, rule: Rule) -> Interval:
    """Return the accepted values for real expected values of a result `dtype`."""
    exact = _widen(expected)
    slack = np.asarray(rule.absolute, dtype=exact.dtype)
    if rule.ulps:
        slack = slack + exact.dtype.type(rule.ulps) * ulp_size(exact, dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        return Interval(np.asarray(exact - slack), np.asarray(exact + slack))


def _overflow_threshold(dtype: str) -> float:
    """Return the magnitude from which round to nearest gives infinity, as an exact float64 or infinity."""
    mantissa, _, largest = _format_of(dtype)
    exponent = math.frexp(largest)[1] - 1
    if dtype == "float64":
        return largest
    return largest + math.ldexp(1.0, exponent - mantissa - 1)


def _outside(observed: Array, expected: Array, dtype: str, rule: Rule) -> Array:
    """Return the mask of real elements that the rule does not accept."""
    if observed.dtype.kind in "iub" and rule.is_exact:
        return np.asarray(observed != expected)
    if rule.is_exact and observed.dtype == expected.dtype:
        same = np.asarray(observed == expected)
        if rule.signed_zero:
            same &= np.signbit(observed) == np.signbit(expected)
        same |= np.isnan(observed) & np.isnan(expected)
        return ~same
    seen = _widen(observed)
    accepted = interval(expected, dtype, rule)
    inside = np.asarray((accepted.low <= seen) & (seen <= accepted.high))
    inside |= seen == expected
    if dtypes.is_floating(dtype):
        threshold = _overflow_threshold(dtype)
        inside |= np.isposinf(seen) & (accepted.high >= threshold)
        inside |= np.isneginf(seen) & (accepted.low <= -threshold)
        if rule.signed_zero:
            # A result that vanished within its bound has no documented sign; an exact zero has one.
            wanted = np.asarray(expected)
            inside &= (seen != 0) | (wanted != 0) | (np.signbit(seen) == np.signbit(wanted))
    inside |= np.isnan(seen) & np.isnan(np.asarray(expected))
    return ~inside


def ulp_distance(observed: Array, expected: Array, dtype: str) -> Array:
    """Return |observed - expected| in units in the last place of `dtype`, for real values.

    Equal infinities and NaN for NaN are 0; a NaN or an infinity on one side only is infinite.
    """
    seen, exact = _widen(observed), _widen(np.asarray(expected))
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(seen - exact) / ulp_size(exact, dtype)
    same = (seen == exact) | (np.isnan(seen) & np.isnan(exact))
    return np.where(same, 0, np.where(np.isnan(distance), np.inf, distance))


def compare(observed: Array, expected: Array, dtype: str, rule: Rule = EXACT) -> Mismatch | None:
    """Return the first mismatch of an answer, or None when every element is accepted.

    Args:
        observed: What torch answered, in the NumPy or ml_dtypes form of `dtype`.
        expected: The reference's values, of the same shape; wider than `dtype` where the rule is a bound.
        dtype: The result's dtype name.
        rule: What distance is accepted.
    """
    if rule.is_exact and observed.dtype == expected.dtype and observed.tobytes() == expected.tobytes():
        return None
    if dtypes.is_complex(dtype):
        part = _COMPLEX_PARTS[dtype]
        outside = _outside(observed.real, expected.real, part, rule)
        outside = outside | _outside(observed.imag, expected.imag, part, rule)
    else:
        outside = _outside(observed, expected, dtype, rule)
    if not outside.any():
        return None
    first = int(np.argmax(outside))
    index = tuple(int(i) for i in np.unravel_index(first, outside.shape)) if outside.ndim else ()
    worst: float | None = None
    if dtypes.is_floating(dtype):
        worst = float(np.max(ulp_distance(observed, expected, dtype)[outside]))
    return Mismatch(index, int(outside.sum()), int(outside.size), worst, outside)
