"""Sums, products, moments and norms over dimensions, each with a bound on the rounding error of any correct order.

The bounds of sums, quotients and exponentials are those of `numerics.bounded`; of moments, norms and scans they are
argued where they are computed. Where every partial result is a number that the result's dtype holds, the bound is 0.

Source: PyTorch documentation, torch.sum, torch.prod, torch.mean, torch.nansum, torch.var, torch.linalg.vector_norm,
torch.logsumexp, torch.softmax, torch.cumsum, torch.cumprod, torch.logcumsumexp, "Numerical accuracy"; N. J. Higham,
"Accuracy and Stability of Numerical Algorithms", chapters 1, 3 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import COMPLEX, FLOATING, category, finfo, name_of, numpy_dtype, real_of
from torch_conformance.reference.numerics import bounded, bounded_functions, bounded_sums
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.numerics.bounded_functions import EXPONENTIAL
from torch_conformance.reference.numerics.bounded_sums import SHARED, stored
from torch_conformance.reference.numerics.roundoff import (
    HALF,
    accumulation_unit,
    all_whole,
    gamma,
    own_unit,
    unit_roundoff,
    whole_limit,
    wide,
)

Array = npt.NDArray[Any]
Dims = int | tuple[int, ...] | None


def axes(ndim: int, dim: Dims) -> tuple[int, ...]:
    """Return the dimensions that a `dim` argument names, counted from 0; all of them for None and (); none of 0-d."""
    if dim is None or dim == () or not ndim:
        return tuple(range(ndim))
    return tuple(each % ndim for each in ((dim,) if isinstance(dim, int) else dim))


def _exact(values: Array, dtype: str) -> Bounded:
    """Return a result of exact arithmetic, rounded once where the dtype does not hold it."""
    target = numpy_dtype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return Bounded(np.asarray(values).astype(target), np.zeros(np.shape(values)), dtype)


def _count(shape: tuple[int, ...], along: tuple[int, ...]) -> int:
    return math.prod(shape[each] for each in along)


def sum(array: Array, dim: Dims = None, *, keepdim: bool = False, dtype: str | None = None) -> Bounded:  # noqa: A001
    """Return the sum over dimensions: int64 for bool and integers, else the element type, or the asked `dtype`."""
    name = name_of(array.dtype)
    exact = category(name) not in (FLOATING, COMPLEX)
    target = dtype or ("int64" if exact else name)
    along = axes(array.ndim, dim)
    if exact and category(target) not in (FLOATING, COMPLEX):
        total: Array = np.asarray(np.sum(array.astype(np.int64), axis=along, keepdims=keepdim, dtype=np.int64))
        return _exact(total, target)
    return _settled(bounded_sums.total(bounded.exact(array, target), along, keepdim=keepdim))


def _settled(answer: Bounded) -> Bounded:
    """Return an answer, in its own dtype where it is exact."""
    return answer if answer.bound.any() else _exact(answer.values, answer.dtype)


def nansum(array: Array, dim: Dims = None, *, keepdim: bool = False, dtype: str | None = None) -> Bounded:
    """Return the sum of what is not NaN."""
    if category(name_of(array.dtype)) == FLOATING:
        array = np.where(np.isnan(array), np.zeros((), array.dtype), array)
    return sum(array, dim, keepdim=keepdim, dtype=dtype)


def _quotient(total: Bounded, count: Array | int) -> Bounded:
    """Return a sum divided by how many were summed; 0 / 0 is NaN."""
    values = wide(total.values) if total.values.dtype == numpy_dtype(total.dtype) else total.values
    divisor = np.asarray(count, dtype=values.real.dtype)
    return _settled(bounded.like(total, values, total.bound) / bounded.like(total, divisor, np.zeros(divisor.shape)))


def mean(array: Array, dim: Dims = None, *, keepdim: bool = False, dtype: str | None = None) -> Bounded:
    """Return the mean over dimensions; NaN over no elements."""
    total = sum(array, dim, keepdim=keepdim, dtype=dtype)
    return _quotient(total, _count(array.shape, axes(array.ndim, dim)))


def nanmean(array: Array, dim: Dims = None, *, keepdim: bool = False, dtype: str | None = None) -> Bounded:
    """Return the mean of what is not NaN; NaN where nothing else is."""
    along = axes(array.ndim, dim)
    return _quotient(
        nansum(array, dim, keepdim=keepdim, dtype=dtype), np.sum(~np.isnan(array), axis=along, keepdims=keepdim)
    )


def prod(array: Array, dim: int | None = None, *, keepdim: bool = False, dtype: str | None = None) -> Bounded:
    """Return the product over one dimension or all: int64 for bool and integers, modulo 2**64."""
    name = name_of(array.dtype)
    exact = category(name) not in (FLOATING, COMPLEX)
    target = dtype or ("int64" if exact else name)
    along = axes(array.ndim, dim)
    if exact and category(target) not in (FLOATING, COMPLEX):
        return _exact(np.prod(array.astype(np.int64), axis=along, keepdims=keepdim, dtype=np.int64), target)
    values = wide(array.astype(numpy_dtype(target)))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        total = np.asarray(np.prod(values, axis=along, keepdims=keepdim))
        magnitude = np.prod(np.maximum(np.abs(values), 1), axis=along, keepdims=keepdim)
        if float(np.max(magnitude, initial=0)) <= whole_limit(target) and all_whole(values):
            return _exact(total, target)
        count = _count(values.shape, along)
        # A complex product has an error of sqrt(8) u at most.
        each = 3 if category(target) == COMPLEX else 1
        # In which dtype products of 16-bit elements are accumulated is documented nowhere.
        factor = gamma(each * count, unit_roundoff(target)) + gamma(each * count, own_unit(values))
        return stored(total, factor * np.abs(total), target)


def var(array: Array, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Bounded:
    """Return the sum of squared deviations from the mean over max(0, n - correction).

    The bound is that of one-pass updating and of two passes (Chan, Golub, LeVeque 1983): to first order
    n u sqrt(S Q), S the sum of squared deviations and Q the sum of squares. The textbook formula's n u Q is outside.
    """
    name = name_of(array.dtype)
    along = axes(array.ndim, dim)
    values = wide(array)
    count = _count(values.shape, along)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        deviations = np.abs(values - np.mean(values, axis=along, keepdims=True)) if count else np.abs(values)
        squares = np.asarray(np.sum(deviations**2, axis=along, keepdims=keepdim))
        raw = np.asarray(np.sum(np.abs(values) ** 2, axis=along, keepdims=keepdim))
        divisor = squares.dtype.type(max(0, count - correction))
        share = 4 * gamma(count + 8, accumulation_unit(name))
        slack = share * (squares + np.sqrt(squares * raw)) + (share**2) * raw
        result = np.asarray(squares / divisor)
        real = real_of(name)
        bound = slack / divisor + unit_roundoff(real) * np.abs(result) + finfo(real).smallest_subnormal
    return Bounded(result, np.asarray(bound), real)


def std(array: Array, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Bounded:
    """Return the square root of the variance."""
    square = var(array, dim, correction=correction, keepdim=keepdim)
    with np.errstate(invalid="ignore", divide="ignore"):
        result = np.sqrt(square.values)
        slack = np.where(square.values > square.bound, square.bound / result, np.sqrt(square.bound))
    bound = slack + 2 * unit_roundoff(square.dtype) * np.abs(result) + finfo(square.dtype).smallest_subnormal
    return Bounded(result, np.asarray(bound), square.dtype)


def vector_norm(
    array: Array, order: float = 2, dim: Dims = None, *, keepdim: bool = False, dtype: str | None = None
) -> Bounded:
    """Return (sum |x|**p)**(1/p); the largest or smallest |x| for infinite p, how many are not 0 for p = 0."""
    name = name_of(array.dtype)
    target = dtype or real_of(name)
    along = axes(array.ndim, dim)
    magnitudes = np.abs(wide(array))
    count = _count(array.shape, along)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if math.isinf(order):
            extreme = np.max if order > 0 else np.min
            result = np.asarray(extreme(magnitudes, axis=along, keepdims=keepdim))
            if category(name) == COMPLEX:
                # The modulus itself is rounded.
                return Bounded(result, 4 * unit_roundoff(target) * result, target)
            return _exact(result, target)
        if order == 0:
            there = (magnitudes != 0).astype(magnitudes.dtype)
            return _settled(bounded_sums.total(bounded.exact(there, target), along, keepdim=keepdim))
        result = np.asarray(np.sum(magnitudes**order, axis=along, keepdims=keepdim))
        if order != 1:
            result = result ** (1 / magnitudes.dtype.type(order))
        # Each power and the last root err by EXPONENTIAL roundings.
        relative = gamma(count + 2 * EXPONENTIAL, accumulation_unit(target)) / min(abs(order), 1)
        if target in HALF and array.size >= SHARED and len(along) == array.ndim:
            relative += unit_roundoff(target)
        return stored(result, relative * np.abs(result) + finfo(target).smallest_subnormal, target)


def logsumexp(array: Array, dim: Dims, *, keepdim: bool = False) -> Bounded:
    """Return log(sum(exp(x)))."""
    along = axes(array.ndim, dim)
    result = bounded_functions.logsumexp(bounded.exact(array, name_of(array.dtype)), along)
    if keepdim:
        return result
    return bounded.like(result, *(np.squeeze(each, axis=along) for each in (result.values, result.bound)))


def _normalised(function: Callable[..., Bounded], array: Array, dim: int, dtype: str | None) -> Bounded:
    return function(bounded.exact(array, dtype or name_of(array.dtype)), axes(array.ndim, dim))


def softmax(array: Array, dim: int, *, dtype: str | None = None) -> Bounded:
    """Return exp(x) over its sum along a dimension."""
    return _normalised(bounded_functions.softmax, array, dim, dtype)


def log_softmax(array: Array, dim: int, *, dtype: str | None = None) -> Bounded:
    """Return x - logsumexp(x) along a dimension."""
    return _normalised(bounded_functions.log_softmax, array, dim, dtype)


def cumsum(array: Array, dim: int, *, dtype: str | None = None) -> Bounded:
    """Return the running sum along a dimension, int64 for bool and integers."""
    name = name_of(array.dtype)
    exact = category(name) not in (FLOATING, COMPLEX)
    target = dtype or ("int64" if exact else name)
    if not array.ndim:
        return Bounded(array.astype(numpy_dtype(target)), np.zeros(()), target)
    if exact and category(target) not in (FLOATING, COMPLEX):
        return _exact(np.cumsum(array.astype(np.int64), axis=dim, dtype=np.int64), target)
    return _settled(bounded_sums.running_total(bounded.exact(array, target), dim))


def cumprod(array: Array, dim: int, *, dtype: str | None = None) -> Bounded:
    """Return the running product along a dimension, int64 for bool and integers, modulo 2**64."""
    name = name_of(array.dtype)
    exact = category(name) not in (FLOATING, COMPLEX)
    target = dtype or ("int64" if exact else name)
    if not array.ndim:
        return Bounded(array.astype(numpy_dtype(target)), np.zeros(()), target)
    if exact and category(target) not in (FLOATING, COMPLEX):
        return _exact(np.cumprod(array.astype(np.int64), axis=dim, dtype=np.int64), target)
    values = wide(array.astype(numpy_dtype(target)))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        total = np.cumprod(values, axis=dim)
        magnitude = np.cumprod(np.maximum(np.abs(values), 1), axis=dim)
        if float(magnitude.max(initial=0)) <= whole_limit(target) and all_whole(values):
            return _exact(total, target)
        each = 3 if category(target) == COMPLEX else 1
        factor = gamma(each * array.shape[dim], unit_roundoff(target))
        return stored(total, 2 * factor * np.abs(total), target)


def logcumsumexp(array: Array, dim: int) -> Bounded:
    """Return log(cumsum(exp(x))) along a dimension."""
    name = name_of(array.dtype)
    values = wide(array)
    if not array.ndim:
        return Bounded(values, np.zeros(()), name)
    with np.errstate(invalid="ignore", over="ignore"):
        result = np.logaddexp.accumulate(values, axis=dim)
        running = np.maximum.accumulate(np.abs(np.where(np.isfinite(values), values, 0)), axis=dim)
        bound = accumulation_unit(name) * array.shape[dim] * (2 * EXPONENTIAL + 2 * running + 2 * np.abs(result))
    return stored(result, bound, name)
