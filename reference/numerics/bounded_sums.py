"""Sums, products of matrices and scattered sums of values with a bound, in any order (see `bounded`)."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import finfo, is_complex
from torch_conformance.reference.numerics.bounded import Bounded, like
from torch_conformance.reference.numerics.roundoff import (
    HALF,
    accumulation_unit,
    gamma,
    held,
    moduli,
    own_unit,
    quantum,
    unit_roundoff,
    whole_limit,
)

Array = npt.NDArray[Any]

# From this many elements on, threads each reduce a share, and the shares meet in the result's dtype.
SHARED = 32_768


def stored(values: Array, bound: Array, dtype: str, magnitude: Array | float = 1.0) -> Bounded:
    """Return a sum that is rounded once more into a 16-bit dtype after accumulation; sums of zeros are exact."""
    if dtype in HALF:
        bound = bound + unit_roundoff(dtype) * (moduli(values) + bound) + finfo(dtype).smallest_subnormal / 2
    return Bounded(np.asarray(values), np.where(np.equal(magnitude, 0), 0.0, bound), dtype)


def _is_exact(magnitude: Array, passed: Array, step: float | None, dtype: str) -> bool:
    """Tell whether every partial sum of terms, all whole multiples of a step, is a number that the dtype holds."""
    if step is None or bool(np.any(passed)):
        return False
    return float(np.max(magnitude, initial=0)) <= whole_limit(dtype) * step


def _summed(
    operand: Bounded, values: Array, magnitude: Array, passed: Array, count: int, *, extra: float = 0.0
) -> Bounded:
    """Return sums of `count` elements of an operand, given those of its values, their magnitudes and its bound."""
    values, dtype = np.asarray(values), operand.dtype
    if _is_exact(magnitude, passed, quantum(operand.values), dtype):
        return like(operand, values, np.zeros(values.shape))
    factor = gamma(max(count - 1, 0), accumulation_unit(dtype)) + gamma(count, own_unit(values)) + extra
    result = stored(values, passed + factor * (magnitude + passed), dtype, magnitude + passed)
    return like(operand, result.values, result.bound)


def total(operand: Bounded, along: tuple[int, ...], *, keepdim: bool = False) -> Bounded:
    """Return the sum over some dimensions, all counted from 0."""
    with np.errstate(invalid="ignore", over="ignore"):
        values, magnitude, passed = (
            np.asarray(np.sum(each, axis=along, keepdims=keepdim))
            for each in (operand.values, moduli(operand.values), operand.bound)
        )
    count = int(np.prod([operand.shape[dim] for dim in along], dtype=np.int64))
    shared = operand.dtype in HALF and operand.values.size >= SHARED and len(along) == operand.values.ndim
    return _summed(operand, values, magnitude, passed, count, extra=operand.unit if shared else 0.0)


def running_total(operand: Bounded, dim: int) -> Bounded:
    """Return the running sum along a dimension."""
    with np.errstate(invalid="ignore", over="ignore"):
        values, magnitude, passed = (
            np.cumsum(each, axis=dim) for each in (operand.values, moduli(operand.values), operand.bound)
        )
    return _summed(operand, values, magnitude, passed, operand.shape[dim])


def accumulated(terms: Sequence[Bounded]) -> Bounded:
    """Return the sum of terms of one shape, each partial sum of which is stored in the dtype, in any order."""
    if len(terms) == 1:
        return terms[0]
    stacked = like(terms[0], np.stack([each.values for each in terms]), np.stack([each.bound for each in terms]))
    plain = total(stacked, (0,))
    if not plain.bound.any():
        return plain
    magnitude, passed = np.sum(moduli(stacked.values), axis=0), np.sum(stacked.bound, axis=0)
    factor = gamma(len(terms) - 1, terms[0].unit)
    return like(plain, plain.values, np.maximum(plain.bound, passed + factor * (magnitude + passed)))


def contracted(
    values: Array, magnitude: Array, depth: int, dtype: str, *, step: float | None, passed: Array | float = 0.0
) -> Bounded:
    """Return a sum of `depth` products with its bound.

    Args:
        values: The sum, computed wider.
        magnitude: The sum of the magnitudes of the products.
        depth: How many roundings a term may go through.
        dtype: The result's dtype.
        step: What every product is a whole multiple of; None where that is unknown.
        passed: What the bounds of the factors let through.
    """
    passed = np.asarray(passed)
    if _is_exact(magnitude, passed, step, dtype):
        return Bounded(values, np.zeros(values.shape), dtype)
    # A complex product is four real ones and two sums, each rounded, or three with larger factors.
    roundings = 4 * (depth + 1) if is_complex(dtype) else depth
    factor = gamma(roundings, accumulation_unit(dtype)) + gamma(roundings, own_unit(values))
    with np.errstate(invalid="ignore", over="ignore"):
        bound = passed + factor * (magnitude + passed) + depth * finfo(dtype).smallest_subnormal
    return stored(values, bound, dtype, magnitude + passed)


@dataclasses.dataclass(frozen=True)
class _Products:
    """Sums of products.

    Attributes:
        values: The sums.
        magnitude: The sums of magnitudes.
        passed: What the bounds of the factors let through.
        step: What all products are whole multiples of; None where that is unknown.
    """

    values: Array
    magnitude: Array
    passed: Array
    step: float | None

    def __add__(self, other: _Products) -> _Products:
        """Return the sums of both."""
        step = None if self.step is None or other.step is None else min(self.step, other.step)
        return _Products(self.values + other.values, self.magnitude + other.magnitude, self.passed + other.passed, step)

    def contracted(self, depth: int, operand: Bounded) -> Bounded:
        """Return the sums with their bound, in the precision of an operand."""
        result = contracted(self.values, self.magnitude, depth, operand.dtype, step=self.step, passed=self.passed)
        # Hardware may have shortened both factors.
        more = gamma(2, operand.shortened) * (self.magnitude + self.passed) if result.bound.any() else 0.0
        return like(operand, result.values, result.bound + more)


def _products(left: Bounded, right: Bounded) -> _Products:
    values = np.matmul(left.values, right.values)
    first, second = moduli(left.values), moduli(right.values)
    with np.errstate(invalid="ignore", over="ignore"):
        passed = np.matmul(first + left.bound, right.bound) + np.matmul(left.bound, second)
    steps = [quantum(each.values) if _unshortened(each) else None for each in (left, right)]
    step = None if steps[0] is None or steps[1] is None else steps[0] * steps[1]
    return _Products(values, np.matmul(first, second), passed, step)


def _unshortened(operand: Bounded) -> bool:
    """Tell whether hardware that shortens factors leaves all elements as they are."""
    return not operand.shortened or bool(held(operand.values, operand.dtype, operand.shortened).all())


def matmul(left: Bounded, right: Bounded) -> Bounded:
    """Return the product of matrices, or of batches of them that are broadcast."""
    return _products(left, right).contracted(left.shape[-1], left)


def linear(pairs: Sequence[tuple[Bounded, Bounded]], terms: Sequence[Bounded]) -> Bounded:
    """Return the sum of x weight^T over pairs, and of further terms that broadcast, all added in any order."""
    first = pairs[0][0]
    found = [_products(x, like(weight, weight.values.T, weight.bound.T)) for x, weight in pairs]
    found += [_Products(each.values, moduli(each.values), each.bound, quantum(each.values)) for each in terms]
    whole = functools.reduce(operator.add, found)
    result = whole.contracted(sum(x.shape[-1] for x, _ in pairs) + len(terms), first)
    if first.dtype not in HALF or not result.bound.any():
        return result
    # Each product and each sum of them may be stored in the element type.
    more = gamma(len(found) - 1, unit_roundoff(first.dtype)) * (whole.magnitude + whole.passed)
    return like(result, result.values, result.bound + more)


def taken(operand: Bounded, places: Array) -> Bounded:
    """Return the elements at places of the flattened operand, in the shape of `places`."""
    return like(operand, operand.values.reshape(-1)[places], operand.bound.reshape(-1)[places])


def put(operand: Bounded, places: Array, shape: tuple[int, ...]) -> Bounded:
    """Return zeros of a shape with every element of the operand added at its place."""
    length = int(np.prod(shape, dtype=np.int64))
    sums = [np.zeros(length, kind) for kind in (operand.values.dtype, np.float64, np.float64)]
    for target, terms in zip(sums, (operand.values, moduli(operand.values), operand.bound), strict=True):
        np.add.at(target, places.reshape(-1), terms.reshape(-1))
    values, magnitude, passed = (each.reshape(shape) for each in sums)
    count = int(np.bincount(places.reshape(-1), minlength=1).max()) if places.size else 0
    if count <= 1:
        return like(operand, values, passed)
    result = _summed(operand, values, magnitude, passed, count)
    if operand.dtype not in HALF or not result.bound.any():
        return result
    # Sums of 16-bit elements may be kept in 16 bits there.
    return like(result, result.values, result.bound + gamma(count, operand.unit) * magnitude)
