"""Sums, products, moments and norms over dimensions, each with a bound on the rounding error of any correct order.

The bounds are those of N. J. Higham, "Accuracy and Stability of Numerical Algorithms", chapters 1, 3 and 4: whatever
the order of summation, |computed - exact| <= gamma(n - 1) * sum |x|, gamma(n) = n u / (1 - n u), with u the unit
roundoff of the dtype in which is accumulated: the element type, or float32 for the 16-bit ones, whose result is
rounded once more. Where every partial result is a whole number that the result's dtype holds, the bound is 0.

Source: PyTorch documentation, torch.sum, torch.prod, torch.mean, torch.nansum, torch.var, torch.linalg.vector_norm,
torch.logsumexp, torch.softmax, torch.cumsum, torch.cumprod, torch.logcumsumexp, "Numerical accuracy".
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import COMPLEX, FLOATING, category, finfo, name_of, numpy_dtype

Array = npt.NDArray[Any]
Dims = int | tuple[int, ...] | None

_WIDER: dict[str, np.dtype[Any]] = {
    "float16": np.dtype(np.float64),
    "bfloat16": np.dtype(np.float64),
    "float32": np.dtype(np.float64),
    "float64": np.dtype(np.longdouble),
    "complex64": np.dtype(np.complex128),
    "complex128": np.dtype(np.clongdouble),
}
_HALF = ("float16", "bfloat16")
# From this many elements on, threads each reduce a share, and the shares meet in the result's dtype.
_SHARED = 32_768
# Units in the last place of one exp, log, pow or sqrt: 20 is the loosest that a vector library in use states
# (SLEEF's u20 functions); the rest covers the operations around it.
_ELEMENTARY = 32


@dataclasses.dataclass(frozen=True, slots=True)
class Bounded:
    """An answer with room for rounding.

    Attributes:
        values: The exact answer, in a type wider than the result's.
        bound: How far a correct answer may lie from it, per element; 0 where it must be exact.
        dtype: The result's dtype name.
    """

    values: Array
    bound: Array
    dtype: str


def axes(ndim: int, dim: Dims) -> tuple[int, ...]:
    """Return the dimensions that a `dim` argument names, counted from 0; all of them for None and (); none of 0-d."""
    if dim is None or dim == () or not ndim:
        return tuple(range(ndim))
    return tuple(each % ndim for each in ((dim,) if isinstance(dim, int) else dim))


def gamma(count: float, unit: float) -> float:
    """Return n u / (1 - n u), the bound on n roundings; infinite from 1/u on."""
    return count * unit / (1 - count * unit) if count * unit < 1 else math.inf


def unit_roundoff(dtype: str) -> float:
    """Return half the distance from 1 to the next value."""
    return finfo(dtype).eps / 2


def accumulation_unit(dtype: str) -> float:
    """Return the unit roundoff of the dtype in which sums of a dtype are accumulated."""
    return unit_roundoff("float32" if dtype in _HALF else dtype)


def wide(array: Array) -> Array:
    """Return the values in a type in which the reference computes: int64, or twice as wide."""
    name = name_of(array.dtype)
    if category(name) in (FLOATING, COMPLEX):
        return array.astype(_WIDER[name])
    return array.astype(np.int64)


def _own_unit(values: Array) -> float:
    """Return the unit roundoff of the reference's own arithmetic."""
    return float(np.finfo(values.real.dtype).eps) / 2


def _finite(bound: Array) -> Array:
    """Return a bound that is 0 where it says nothing: at infinities and NaN, which are compared as they are."""
    return np.where(np.isfinite(bound), bound, 0)


def _rounded(values: Array, bound: Array, dtype: str) -> Bounded:
    """Return an answer that is rounded once into the result's dtype after accumulation."""
    if dtype in _HALF:
        facts = finfo(dtype)
        bound = bound + unit_roundoff(dtype) * (np.abs(values) + bound) + facts.smallest_subnormal / 2
    return Bounded(np.asarray(values), np.asarray(_finite(bound)), dtype)


def _exact(values: Array, dtype: str) -> Bounded:
    """Return a result of exact arithmetic, rounded once where the dtype does not hold it."""
    target = numpy_dtype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return Bounded(np.asarray(values).astype(target), np.zeros(np.shape(values)), dtype)


def whole_limit(dtype: str) -> float:
    """Return the magnitude up to which a floating dtype holds every whole number."""
    return 2.0 / finfo(dtype).eps


def _whole(values: Array) -> bool:
    """Whether all values are finite whole numbers."""
    parts = (values.real, values.imag) if values.dtype.kind == "c" else (values,)
    return all(bool(np.all(np.isfinite(part) & (part == np.rint(part)))) for part in parts)


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
    values = wide(array.astype(numpy_dtype(target)))
    return _total(values, along, target, keepdim=keepdim)


def _total(values: Array, along: tuple[int, ...], dtype: str, *, keepdim: bool) -> Bounded:
    with np.errstate(invalid="ignore", over="ignore"):
        total = np.asarray(np.sum(values, axis=along, keepdims=keepdim))
        magnitude = np.asarray(np.sum(np.abs(values), axis=along, keepdims=keepdim))
    if float(magnitude.max(initial=0)) <= whole_limit(dtype) and _whole(values):
        return _exact(total, dtype)
    count = _count(values.shape, along)
    factor = gamma(max(count - 1, 0), accumulation_unit(dtype)) + gamma(count, _own_unit(values))
    if dtype in _HALF and values.size >= _SHARED and len(along) == values.ndim:
        factor += unit_roundoff(dtype)
    return _rounded(total, factor * magnitude, dtype)


def nansum(array: Array, dim: Dims = None, *, keepdim: bool = False, dtype: str | None = None) -> Bounded:
    """Return the sum of what is not NaN."""
    if category(name_of(array.dtype)) == FLOATING:
        array = np.where(np.isnan(array), np.zeros((), array.dtype), array)
    return sum(array, dim, keepdim=keepdim, dtype=dtype)


def _quotient(total: Bounded, count: Array | int) -> Bounded:
    """Return a sum divided by how many were summed; 0 / 0 is NaN."""
    name = total.dtype
    with np.errstate(invalid="ignore", divide="ignore"):
        values = wide(total.values) if total.values.dtype == numpy_dtype(name) else total.values
        values = np.asarray(values / np.asarray(count, dtype=values.real.dtype))
        bound = total.bound / np.maximum(count, 1) * (1 + unit_roundoff(name))
    bound = bound + 2 * unit_roundoff(name) * np.abs(values) + finfo(name).smallest_subnormal
    return Bounded(values, np.asarray(_finite(bound)), name)


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
        if float(np.max(magnitude, initial=0)) <= whole_limit(target) and _whole(values):
            return _exact(total, target)
        count = _count(values.shape, along)
        # A complex product has an error of sqrt(8) u at most.
        each = 3 if category(target) == COMPLEX else 1
        # In which dtype products of 16-bit elements are accumulated is documented nowhere.
        factor = gamma(each * count, unit_roundoff(target)) + gamma(each * count, _own_unit(values))
        return _rounded(total, factor * np.abs(total), target)


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
        real = "float32" if name == "complex64" else "float64" if name == "complex128" else name
        bound = slack / divisor + unit_roundoff(real) * np.abs(result) + finfo(real).smallest_subnormal
    return Bounded(result, np.asarray(_finite(bound)), real)


def std(array: Array, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Bounded:
    """Return the square root of the variance."""
    square = var(array, dim, correction=correction, keepdim=keepdim)
    with np.errstate(invalid="ignore", divide="ignore"):
        result = np.sqrt(square.values)
        slack = np.where(square.values > square.bound, square.bound / result, np.sqrt(square.bound))
    bound = slack + 2 * unit_roundoff(square.dtype) * np.abs(result) + finfo(square.dtype).smallest_subnormal
    return Bounded(result, np.asarray(_finite(bound)), square.dtype)


def vector_norm(
    array: Array, order: float = 2, dim: Dims = None, *, keepdim: bool = False, dtype: str | None = None
) -> Bounded:
    """Return (sum |x|**p)**(1/p); the largest or smallest |x| for infinite p, how many are not 0 for p = 0."""
    name = name_of(array.dtype)
    target = dtype or {"complex64": "float32", "complex128": "float64"}.get(name, name)
    along = axes(array.ndim, dim)
    magnitudes = np.abs(wide(array))
    count = _count(array.shape, along)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if math.isinf(order):
            extreme = np.max if order > 0 else np.min
            result = np.asarray(extreme(magnitudes, axis=along, keepdims=keepdim))
            if category(name) == COMPLEX:
                # The modulus itself is rounded.
                return Bounded(result, _finite(4 * unit_roundoff(target) * result), target)
            return _exact(result, target)
        if order == 0:
            return _total((magnitudes != 0).astype(magnitudes.dtype), along, target, keepdim=keepdim)
        result = np.asarray(np.sum(magnitudes**order, axis=along, keepdims=keepdim))
        if order != 1:
            result = result ** (1 / magnitudes.dtype.type(order))
        relative = gamma(count + _ELEMENTARY, accumulation_unit(target)) / min(abs(order), 1)
        if target in _HALF and array.size >= _SHARED and len(along) == array.ndim:
            relative += unit_roundoff(target)
        return _rounded(result, relative * np.abs(result) + finfo(target).smallest_subnormal, target)


def _largest(values: Array, along: tuple[int, ...]) -> Array:
    """Return the maximum that exponentials are taken relative to, kept in shape; 0 where it is infinite."""
    if not _count(values.shape, along):
        shape = tuple(1 if each in along else extent for each, extent in enumerate(values.shape))
        return np.zeros(shape, values.dtype)
    top = np.max(values, axis=along, keepdims=True)
    return np.where(np.isfinite(top), top, np.zeros((), values.dtype))


def _weights(values: Array, along: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Return exp(x - max), its sum, and the weighted mean of |x - max|, the sums kept in shape."""
    shifted = values - _largest(values, along)
    weights = np.exp(shifted)
    total = np.sum(weights, axis=along, keepdims=True)
    spread = np.sum(weights * np.abs(np.where(weights > 0, shifted, 0)), axis=along, keepdims=True) / total
    return weights, total, np.where(np.isfinite(spread), spread, 0)


def logsumexp(array: Array, dim: Dims, *, keepdim: bool = False) -> Bounded:
    """Return log(sum(exp(x))), relative to the largest element, so that nothing overflows."""
    name = name_of(array.dtype)
    values = wide(array)
    along = axes(array.ndim, dim)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        _, total, spread = _weights(values, along)
        result = np.log(total) + _largest(values, along)
        unit = accumulation_unit(name)
        count = _count(array.shape, along)
        bound = unit * (count + _ELEMENTARY + spread + 2 * np.abs(np.log(total)) + 2 * np.abs(result))
        if name in _HALF:
            # The exponentials, their sum and its logarithm may each be stored in the element type.
            bound = bound + unit_roundoff(name) * (4 + spread + 2 * np.abs(np.log(total)) + np.abs(result))
    if not keepdim:
        result, bound = np.squeeze(result, axis=along), np.squeeze(bound, axis=along)
    return _rounded(np.asarray(result), np.asarray(bound), name)


def softmax(array: Array, dim: int, *, dtype: str | None = None) -> Bounded:
    """Return exp(x) over its sum along a dimension."""
    target = dtype or name_of(array.dtype)
    values = wide(array.astype(numpy_dtype(target)))
    along = axes(array.ndim, dim)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        weights, total, spread = _weights(values, along)
        result = weights / total
        distance = np.abs(np.where(weights > 0, values - _largest(values, along), 0))
        unit = accumulation_unit(target)
        relative = unit * (_count(array.shape, along) + 2 * _ELEMENTARY + distance + spread)
        if target in _HALF:
            # The differences, the exponentials and their sum may each be stored in the element type.
            relative = relative + unit_roundoff(target) * (4 + distance + spread)
        bound = relative * np.abs(result) + finfo(target).tiny
    return _rounded(result, bound, target)


def log_softmax(array: Array, dim: int, *, dtype: str | None = None) -> Bounded:
    """Return x - logsumexp(x) along a dimension."""
    target = dtype or name_of(array.dtype)
    values = wide(array.astype(numpy_dtype(target)))
    along = axes(array.ndim, dim)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        _, total, spread = _weights(values, along)
        top, logarithm = _largest(values, along), np.log(total)
        result = values - top - logarithm
        unit = accumulation_unit(target)
        scale = _count(array.shape, along) + _ELEMENTARY + spread + 2 * np.abs(logarithm) + 2 * np.abs(top + logarithm)
        bound = unit * (scale + 2 * np.abs(values - top) + np.abs(result))
        if target in _HALF:
            # The differences, the sum of exponentials and its logarithm may each be stored in the element type.
            stored = np.abs(values - top) + 2 * np.abs(logarithm) + np.abs(result) + spread + 4
            bound = bound + unit_roundoff(target) * stored
    return _rounded(result, np.where(np.isfinite(bound), bound, 0), target)


def cumsum(array: Array, dim: int, *, dtype: str | None = None) -> Bounded:
    """Return the running sum along a dimension, int64 for bool and integers."""
    name = name_of(array.dtype)
    exact = category(name) not in (FLOATING, COMPLEX)
    target = dtype or ("int64" if exact else name)
    if not array.ndim:
        return Bounded(array.astype(numpy_dtype(target)), np.zeros(()), target)
    if exact and category(target) not in (FLOATING, COMPLEX):
        return _exact(np.cumsum(array.astype(np.int64), axis=dim, dtype=np.int64), target)
    values = wide(array.astype(numpy_dtype(target)))
    with np.errstate(invalid="ignore", over="ignore"):
        total = np.cumsum(values, axis=dim)
        magnitude = np.cumsum(np.abs(values), axis=dim)
        if float(magnitude.max(initial=0)) <= whole_limit(target) and _whole(values):
            return _exact(total, target)
        factor = gamma(array.shape[dim], accumulation_unit(target)) + gamma(array.shape[dim], _own_unit(magnitude))
        return _rounded(total, factor * magnitude, target)


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
        if float(magnitude.max(initial=0)) <= whole_limit(target) and _whole(values):
            return _exact(total, target)
        each = 3 if category(target) == COMPLEX else 1
        factor = gamma(each * array.shape[dim], unit_roundoff(target))
        return _rounded(total, 2 * factor * np.abs(total), target)


def logcumsumexp(array: Array, dim: int) -> Bounded:
    """Return log(cumsum(exp(x))) along a dimension."""
    name = name_of(array.dtype)
    values = wide(array)
    if not array.ndim:
        return Bounded(values, np.zeros(()), name)
    with np.errstate(invalid="ignore", over="ignore"):
        result = np.logaddexp.accumulate(values, axis=dim)
        running = np.maximum.accumulate(np.abs(np.where(np.isfinite(values), values, 0)), axis=dim)
        bound = accumulation_unit(name) * array.shape[dim] * (_ELEMENTARY + 2 * running + 2 * np.abs(result))
    return _rounded(result, bound, name)
