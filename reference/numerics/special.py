"""Special functions in NumPy's longest float type, by series, continued fractions and asymptotic expansions.

Sources: Abramowitz and Stegun, Handbook of Mathematical Functions, chapters 6 (gamma, digamma), 7 (error function);
NIST Digital Library of Mathematical Functions, 5.11, 7.6, 7.9.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Long = np.longdouble

PI = Long("3.14159265358979323846264338327950288")
_ROOT_PI = np.sqrt(PI)
# Beyond this argument the asymptotic expansions below are exact to the last bit of a 64-bit mantissa.
_ASYMPTOTIC_FROM = 24


def _bernoulli(count: int) -> list[Fraction]:
    numbers = [Fraction(1)]
    for order in range(1, 2 * count + 1):
        total = sum((math.comb(order + 1, index) * numbers[index] for index in range(order)), Fraction(0))
        numbers.append(-total / (order + 1))
    return numbers[2::2]


_BERNOULLI = _bernoulli(12)


def _ratio(value: Fraction) -> Any:
    return Long(Long(value.numerator) / Long(value.denominator))


def _floating(values: Array) -> Array:
    """Return float64 values as they are, all others in the longest float type."""
    array = np.asarray(values)
    return array if array.dtype == np.float64 else array.astype(Long)


def _terms(x: Array, double: int, longest: int) -> int:
    return double if x.dtype == np.float64 else longest


def erf(values: Array) -> Array:
    """Return the error function: its power series near 0, 1 - erfc beyond."""
    x = _floating(values)
    near = np.abs(x) < 2
    far = np.copysign(1, x) * (1 - _erfc_fraction(np.where(near, 2, np.abs(x))))
    return np.where(x == 0, x, np.where(near, _erf_series(np.where(near, x, 0)), far))


def erfc(values: Array) -> Array:
    """Return the complementary error function, accurate in its tail."""
    x = _floating(values)
    size = np.abs(x)
    near = size < 1
    # The complement of the series loses at most log2(1 / erfc(1)) < 3 bits of the 11 that longdouble has over double.
    tail = np.where(near, 1 - _erf_series(np.where(near, size, 0)), _erfc_fraction(np.where(near, 1, size)))
    return np.where(x < 0, 2 - tail, tail)


def _erf_series(x: Array) -> Array:
    term = np.array(x)
    total = term.copy()
    with np.errstate(under="ignore"):
        for index in range(1, _terms(x, 45, 70)):
            term = -term * x * x / index
            total = total + term / (2 * index + 1)
    return np.asarray(2 / _ROOT_PI.astype(x.dtype) * total)


def _erfc_fraction(x: Array) -> Array:
    """Evaluate the continued fraction of erfc for arguments from 1 on, from the far end."""
    value = np.zeros_like(x)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for index in range(_terms(x, 200, 500), 0, -1):
            value = (index / 2) / (x + value)
        result = np.exp(-x * x) / (_ROOT_PI.astype(x.dtype) * (x + value))
    return np.asarray(np.where(np.isinf(x), 0, result))


def lgamma(values: Array) -> Array:
    """Return the logarithm of the absolute value of the gamma function; infinite at its poles."""
    x = _floating(values)
    with np.errstate(all="ignore"):
        positive = _lgamma_positive(np.where(x > 0, x, 1))
        fraction = x - np.floor(x)
        reflected = np.log(
            PI.astype(x.dtype) / np.abs(np.sin(PI.astype(x.dtype) * np.minimum(fraction, 1 - fraction)))
        ) - _lgamma_positive(np.where(x > 0, 1, 1 - x))
    result = np.where(x > 0, positive, reflected)
    result = np.where((x <= 0) & (x == np.floor(x)), np.inf, result)
    return np.where(np.isnan(x), np.nan, np.where(np.isinf(x), np.inf, result))


def _lgamma_positive(x: Array) -> Array:
    shifted, product = np.array(x), np.ones_like(x)
    for _ in range(_ASYMPTOTIC_FROM):
        low = shifted < _ASYMPTOTIC_FROM
        product = np.where(low, product * shifted, product)
        shifted = np.where(low, shifted + 1, shifted)
    total = (shifted - 0.5) * np.log(shifted) - shifted + 0.5 * np.log(2 * PI.astype(x.dtype))
    power = 1 / shifted
    for order, number in enumerate(_BERNOULLI, 1):
        total = total + _ratio(number).astype(x.dtype) / (2 * order * (2 * order - 1)) * power
        power = power / (shifted * shifted)
    return np.asarray(total - np.log(product))


def digamma(values: Array) -> Array:
    """Return the derivative of the logarithm of the gamma function: -inf at +0, inf at -0, NaN at negative poles."""
    x = _floating(values)
    with np.errstate(all="ignore"):
        positive = _digamma_positive(np.where(x > 0, x, 1))
        fraction = x - np.floor(x)
        reflected = _digamma_positive(np.where(x > 0, 1, 1 - x)) - PI.astype(x.dtype) / np.tan(
            PI.astype(x.dtype) * fraction
        )
    result = np.where(x > 0, positive, reflected)
    result = np.where((x < 0) & (x == np.floor(x)), np.nan, result)
    result = np.where(x == 0, np.where(np.signbit(x), np.inf, -np.inf), result)
    return np.where(np.isposinf(x), np.inf, np.where(np.isnan(x) | np.isneginf(x), np.nan, result))


def _digamma_positive(x: Array) -> Array:
    shifted, total = np.array(x), np.zeros_like(x)
    for _ in range(_ASYMPTOTIC_FROM):
        low = shifted < _ASYMPTOTIC_FROM
        total = np.where(low, total - 1 / shifted, total)
        shifted = np.where(low, shifted + 1, shifted)
    power = 1 / (shifted * shifted)
    total = total + np.log(shifted) - 1 / (2 * shifted)
    factor = power
    for order, number in enumerate(_BERNOULLI, 1):
        total = total - _ratio(number).astype(x.dtype) / (2 * order) * factor
        factor = factor * power
    return np.asarray(total)


def trigamma(values: Array) -> Array:
    """Return the second derivative of the logarithm of the gamma function, for positive arguments."""
    shifted = _floating(values)
    total = np.zeros_like(shifted)
    for _ in range(_ASYMPTOTIC_FROM):
        low = shifted < _ASYMPTOTIC_FROM
        total = np.where(low, total + 1 / (shifted * shifted), total)
        shifted = np.where(low, shifted + 1, shifted)
    power = 1 / (shifted * shifted)
    total = total + 1 / shifted + power / 2
    factor = power / shifted
    for number in _BERNOULLI:
        total = total + _ratio(number).astype(shifted.dtype) * factor
        factor = factor * power
    return np.asarray(total)
