"""Bounds per element for floating arange, linspace and logspace, whatever order of evaluation a device chooses.

Source: PyTorch documentation, torch.arange, torch.linspace, torch.logspace; error analysis with the standard model of
floating arithmetic, fl(a op b) = (a op b)(1 + d), |d| <= u, plus half the smallest subnormal where results underflow.
Terms of second order in u are covered by the slack that each count of roundings leaves.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import finfo

Array = npt.NDArray[Any]

# Rounding of the values that stand for the exact ones here; far below a bound except where longdouble is double.
_REFERENCE_EPS = float(np.finfo(np.longdouble).eps)


def arange_bounds(start: float, step: float, count: int, dtype: str, roundings: float) -> Array:
    """Return how far each of `count` elements of a floating arange may lie from start + i * step.

    Roundings of element i when everything happens in the result's dtype: start (u |start|), step (u i |step|), the
    index (u i |step|), the product (u i |step|), the sum and the result (2 u (|start| + i |step|)), and for a kernel
    that splits i into a vector's base and a lane, one product and one sum more. At most 8 u (|start| + i |step|), and
    a subnormal step is off by half the smallest subnormal, i times. `arange_values`, against which the element is held,
    adds two roundings of longdouble.
    """
    index = np.arange(count, dtype=np.float64)
    facts = finfo(dtype)
    relative = roundings * (facts.eps / 2) + _REFERENCE_EPS
    return relative * (abs(start) + index * abs(step)) + (index + 2) * facts.smallest_subnormal


def linspace_bounds(start: complex, end: complex, steps: int, dtype: str, roundings: float) -> float:
    """Return how far an element of a floating or complex linspace may lie from the exact one.

    With M = |start| + |end| and everything in the result's dtype: both ends (u M), their difference, steps - 1, the
    quotient, the index and the product (5 u M, the last three again for complex operands, whose error is bounded by
    modulus), base and lane of a vector (2 u M), the sum (u M): at most 16 u M. A subnormal step is off by half the
    smallest subnormal, up to steps times. `linspace_values` adds at most six roundings of longdouble.
    """
    facts = finfo(dtype)
    relative = roundings * (facts.eps / 2) + 3 * _REFERENCE_EPS
    return relative * (abs(start) + abs(end)) + (steps + 2) * facts.smallest_subnormal


def arange_values(start: float, step: float, count: int) -> Array:
    """Return start + i * step as longdouble, whose own roundings are far below any bound."""
    return np.asarray(np.longdouble(start) + np.arange(count).astype(np.longdouble) * np.longdouble(step))


def linspace_values(start: float, end: float, steps: int) -> Array:
    """Return the elements of a linspace as longdouble, measured from the nearer end, which is exact."""
    index = np.arange(steps)
    first, last = np.longdouble(start), np.longdouble(end)
    near = index * 2 < steps
    away = np.where(near, index, steps - 1 - index).astype(np.longdouble) / max(steps - 1, 1)
    return np.asarray(np.where(near, first + (last - first) * away, last - (last - first) * away))


def complex_linspace(start: complex, end: complex, steps: int) -> Array:
    """Return the elements of a complex linspace, whose parts are evenly spaced, as clongdouble."""
    values = np.zeros(steps, dtype=np.clongdouble)
    values.real = linspace_values(complex(start).real, complex(end).real, steps)
    values.imag = linspace_values(complex(start).imag, complex(end).imag, steps)
    return values


def logspace(start: float, end: float, steps: int, base: float) -> Array:
    """Return base ** linspace(start, end, steps) as longdouble."""
    return np.asarray(np.power(np.longdouble(base), linspace_values(start, end, steps)))


def logspace_bounds(
    ends: tuple[float, float], steps: int, base: float, dtype: str, *, exponents: float, powers: float
) -> Array:
    """Return how far each element of a floating logspace may lie from the exact one; base is a value of the dtype.

    An exponent that is off by d makes the power off by a factor of at most exp(d |ln base|), and the power function
    and the last rounding add roundings of their own.

    Args:
        ends: Exponents of the first and the last element.
        steps: How many elements.
        base: What is raised to them.
        dtype: The result's dtype.
        exponents: Roundings of an exponent, as those of a linspace.
        powers: Roundings of a power; two for each unit in the last place.
    """
    facts = finfo(dtype)
    values = np.abs(logspace(*ends, steps, base))
    drift = math.expm1(linspace_bounds(*ends, steps, dtype, exponents) * abs(math.log(base)))
    relative = drift + (1 + drift) * (powers * (facts.eps / 2))
    return np.asarray(values * relative + powers / 2 * facts.smallest_subnormal)


def integer_linspace_interval(start: int, end: int, steps: int) -> tuple[list[int], list[int]]:
    """Return the least and the greatest value of each element of a linspace of an integral dtype.

    The documentation gives the real value start + i (end - start) / (steps - 1) and no rule for making it whole. What
    is well-defined: both ends are whole and included exactly, and an element, truncated, floored or rounded, is one
    of the whole numbers less than 1 away, or the value itself where that is whole. A quotient that is a rounding off
    may make a whole value the one below: 1 away is therefore allowed too.

    Returns:
        Two lists of `steps` ints.

    Raises:
        ValueError: For negative steps.
    """
    if steps < 0:
        raise ValueError("steps are not negative")
    if steps == 1:
        return [start], [start]
    lows, highs = [], []
    for index in range(steps):
        scaled = start * (steps - 1) + (end - start) * index
        lows.append(-((steps - 1 - scaled) // (steps - 1)))
        highs.append((scaled + steps - 1) // (steps - 1))
    if steps:
        lows[0] = highs[0] = start
        lows[-1] = highs[-1] = end
    return lows, highs


def is_exact_grid(start: Fraction, step: Fraction, count: int, dtype: str) -> bool:
    """Return whether every sum of the start and a multiple of the step up to `count` is a value of a floating dtype.

    True when start and step are multiples of one power of two, the grid's unit, which is 1 or a normal value of the
    dtype, and no value is more than 2**p units, p the bits of the significand: then no order of evaluation rounds.
    """
    facts = finfo(dtype)
    denominator = math.lcm(start.denominator, step.denominator)
    largest = (abs(start) + count * abs(step)) * denominator
    is_unit = denominator & (denominator - 1) == 0 and Fraction(1, denominator) >= Fraction(facts.tiny)
    return is_unit and largest <= Fraction(2 / facts.eps) and largest <= facts.max
