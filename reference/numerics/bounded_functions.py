"""Elementary functions, softmax and its logarithm of values with a bound (see `bounded`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import finfo, is_complex
from torch_conformance.reference.numerics.bounded import COMPLEX, ELEMENTARY, Bounded, inherited, like
from torch_conformance.reference.numerics.bounded_sums import stored
from torch_conformance.reference.numerics.roundoff import HALF, accumulation_unit, moduli, spacing, unit_roundoff

Array = npt.NDArray[Any]

# Units in the last place are up to twice the unit roundoff, relative to the value.
EXPONENTIAL = 2 * ELEMENTARY


def elementary(
    function: Callable[[Array], Array],
    operand: Bounded,
    *,
    slope: Callable[[Array], Array] | None = None,
    units: float = ELEMENTARY,
) -> Bounded:
    """Return a function of an operand that a library computes to a few units in the last place.

    Args:
        function: Takes wide values.
        operand: Its argument.
        slope: Its derivative, which passes the bounds of complex arguments on, to first order.
        units: Units in the last place.
    """
    with np.errstate(all="ignore"):
        values = np.asarray(function(operand.values))
        if slope is None or not is_complex(operand.dtype):
            passed = inherited(function, operand)
        else:
            passed = moduli(slope(operand.values)) * operand.bound if operand.bound.any() else np.zeros(operand.shape)
        return computed(values, passed, operand, units)


def computed(values: Array, passed: Array, operand: Bounded, units: float = ELEMENTARY) -> Bounded:
    """Return the result of an elementary function, which bounds of arguments put off by `passed`."""
    scale = COMPLEX if is_complex(operand.dtype) else 1
    own = scale * units * spacing(moduli(values) + passed, operand.dtype, operand.unit)
    return like(operand, values, passed + own)


def passed_on(function: Callable[[Array], Array], operand: Bounded) -> Bounded:
    """Return a real function made of straight pieces that rounds nothing: the absolute value, a step."""
    with np.errstate(all="ignore"):
        return like(operand, np.asarray(function(operand.values)), inherited(function, operand))


def _largest(values: Array, along: tuple[int, ...]) -> Array:
    """Return the maximum that exponentials are taken relative to, kept in shape; 0 where it is infinite."""
    if not values.size:
        shape = tuple(1 if each in along else extent for each, extent in enumerate(values.shape))
        return np.zeros(shape, values.dtype)
    top = np.max(values, axis=along, keepdims=True)
    return np.where(np.isfinite(top), top, np.zeros((), values.dtype))


def _count(operand: Bounded, along: tuple[int, ...]) -> int:
    return int(np.prod([operand.shape[each] for each in along], dtype=np.int64))


class _Weights:
    """Exponentials relative to the largest, their sum, and how the bounds of their arguments come through.

    Attributes:
        top: The largest argument, kept in shape.
        weights: exp(x - top).
        total: The sum of the weights, kept in shape.
        distance: |x - top|, 0 where the weight is.
        spread: The mean of the distances by weight.
        passed: Bound on the change of log(total) that the bounds of the arguments let through.
    """

    def __init__(self, operand: Bounded, along: tuple[int, ...]) -> None:
        """Work them out."""
        values = operand.values
        self.top = _largest(values, along)
        self.weights = np.exp(values - self.top)
        self.total = np.sum(self.weights, axis=along, keepdims=True)
        self.distance = moduli(np.where(self.weights > 0, values - self.top, 0))
        spread = np.sum(self.weights * self.distance, axis=along, keepdims=True) / self.total
        self.spread = np.where(np.isfinite(spread), spread, 0).astype(np.float64)
        self.passed = np.zeros(self.total.shape)
        if operand.bound.any():
            moved = np.sum(self.weights * np.expm1(operand.bound), axis=along, keepdims=True)
            self.passed = np.log1p(moved / self.total).astype(np.float64)


def softmax(operand: Bounded, along: tuple[int, ...]) -> Bounded:
    """Return exp(x) over its sum over dimensions; -inf among the arguments has no weight.

    The weights err by the rounding of x - max, which exp makes |x - max| relative to the weight, and by that of exp;
    their sum by the mean of that and by its own roundings. Arguments moved by e change y by a factor of at most
    exp(e) times the mean of exp(e) by weight.
    """
    dtype, own = operand.dtype, max(accumulation_unit(operand.dtype), operand.shortened)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        w = _Weights(operand, along)
        values = w.weights / w.total
        relative = own * (_count(operand, along) + 2 * EXPONENTIAL + w.distance + w.spread)
        if dtype in HALF:
            # The differences, the exponentials and their sum may each be stored in the element type.
            relative = relative + unit_roundoff(dtype) * (4 + w.distance + w.spread)
        relative = np.expm1(relative + operand.bound + w.passed) if operand.bound.any() else relative
        bound = np.where(operand.values == -np.inf, 0.0, relative * moduli(values) + finfo(dtype).tiny)
    result = stored(values, np.asarray(bound), dtype)
    return like(operand, result.values, result.bound)


def logsumexp(operand: Bounded, along: tuple[int, ...]) -> Bounded:
    """Return log(sum(exp(x))) over dimensions, kept with size 1, relative to the largest: nothing overflows."""
    dtype, own = operand.dtype, max(accumulation_unit(operand.dtype), operand.shortened)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        w = _Weights(operand, along)
        logarithm = moduli(np.log(w.total))
        values = np.log(w.total) + w.top
        bound = own * (_count(operand, along) + EXPONENTIAL + w.spread + 2 * logarithm + 2 * moduli(values))
        if dtype in HALF:
            # The exponentials, their sum and its logarithm may each be stored in the element type.
            bound = bound + unit_roundoff(dtype) * (4 + w.spread + 2 * logarithm + moduli(values))
    result = stored(values, np.asarray(bound + w.passed), dtype)
    return like(operand, result.values, result.bound)


def log_softmax(operand: Bounded, along: tuple[int, ...]) -> Bounded:
    """Return x - logsumexp(x) over dimensions."""
    dtype, own = operand.dtype, max(accumulation_unit(operand.dtype), operand.shortened)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        w = _Weights(operand, along)
        logarithm, away = np.log(w.total), moduli(operand.values - w.top)
        values = operand.values - w.top - logarithm
        scale = _count(operand, along) + EXPONENTIAL + w.spread
        scale = scale + 2 * moduli(logarithm) + 2 * moduli(w.top + logarithm)
        bound = own * (scale + 2 * away + moduli(values))
        if dtype in HALF:
            # The differences, the sum of exponentials and its logarithm may each be stored in the element type.
            bound = bound + unit_roundoff(dtype) * (away + 2 * moduli(logarithm) + moduli(values) + w.spread + 4)
    result = stored(values, np.asarray(bound + operand.bound + w.passed), dtype)
    return like(operand, result.values, result.bound)
