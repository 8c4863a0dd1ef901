"""Arithmetic that is more than one elementwise function: rounding modes, powers of integers, fused forms, comparison.

Source: PyTorch documentation, torch.div, torch.pow, torch.addcmul, torch.addcdiv, torch.lerp, torch.clamp,
torch.nan_to_num, torch.isclose, "Broadcasting semantics".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import finfo, is_integral, numpy_dtype

Array = npt.NDArray[Any]
Size = tuple[int, ...]


class BroadcastError(ValueError):
    """Two sizes do not broadcast."""


def broadcast_size(first: Size, second: Size) -> Size:
    """Return the size of operands that are broadcast against each other.

    Sizes are compared from the last dimension: equal, or one of them 1, or one of them missing.

    Raises:
        BroadcastError: For sizes that do not fit.
    """
    rank = max(len(first), len(second))
    padded = [(1,) * (rank - len(size)) + size for size in (first, second)]
    result = []
    for left, right in zip(*padded, strict=True):
        if left != right and 1 not in (left, right):
            raise BroadcastError(f"sizes {first} and {second} do not broadcast")
        result.append(right if left == 1 else left)
    return tuple(result)


def truncated_quotient(a: Array, b: Array) -> Array:
    """Return integer quotients rounded toward zero; divisors are not zero."""
    quotient = np.abs(a.astype(object)) // np.abs(b.astype(object))
    return np.asarray(np.where((a < 0) != (b < 0), -quotient, quotient)).astype(a.dtype)


def integer_power(a: Array, b: Array) -> Array:
    """Return a ** b of integers, modulo 2**bits; exponents are not negative."""
    bits = a.dtype.itemsize * 8
    powers = [pow(int(x), int(y), 2**bits) for x, y in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)]
    unsigned = np.array(powers, dtype=np.uint64).astype(f"u{a.dtype.itemsize}")
    return unsigned.view(a.dtype).reshape(a.shape)


def clamp(x: Array, low: Array | None, high: Array | None) -> Array:
    """Return min(max(x, low), high), NaN where any of them is."""
    result = x if low is None else np.maximum(x, low)
    return np.asarray(result if high is None else np.minimum(result, high))


def nan_to_num(
    x: Array, dtype: str, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Array:
    """Return x with NaN and infinities replaced; by default by zero and the largest finite values."""
    if is_integral(dtype) or dtype == "bool":
        return np.asarray(x.copy())
    largest = finfo(dtype).max
    kind = numpy_dtype(dtype).type
    result = np.where(np.isnan(x), kind(nan), x)
    result = np.where(np.isposinf(result), kind(largest if posinf is None else posinf), result)
    return np.where(np.isneginf(result), kind(-largest if neginf is None else neginf), result).astype(x.dtype)


def isclose(a: Array, b: Array, rtol: float, atol: float, *, equal_nan: bool) -> Array:
    """Return |a - b| <= atol + rtol |b|, or equality; NaN is close to NaN only where asked for."""
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(a - b) <= atol + rtol * np.abs(b)
        close &= np.isfinite(a) & np.isfinite(b)
        close |= a == b
    return np.asarray(close | (np.isnan(a) & np.isnan(b)) if equal_nan else close)


def complex_product(a: Array, b: Array) -> Array:
    """Return products by the textbook formula, in the longest complex type."""
    x, y = a.astype(np.clongdouble), b.astype(np.clongdouble)
    result = np.empty(np.broadcast_shapes(x.shape, y.shape), dtype=np.clongdouble)
    result.real = x.real * y.real - x.imag * y.imag
    result.imag = x.real * y.imag + x.imag * y.real
    return result
