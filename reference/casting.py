"""Conversion of values from one dtype to another.

Source: PyTorch documentation, torch.Tensor.to, torch.Tensor.type, "Numerical accuracy" (conversion of floating to
integral dtypes: undefined where the value does not fit), C++ conversion rules, IEEE 754 round to nearest even.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch_conformance.reference.dtypes import (
    BOOL,
    COMPLEX,
    FLOATING,
    INTEGRAL,
    category,
    iinfo,
    is_complex,
    name_of,
    numpy_dtype,
    real_of,
)

Array = npt.NDArray[Any]


def _to_real(array: Array, target: str) -> Array:
    """Round real values once, to nearest even, into a floating dtype.

    The conversion of float64 to a 16-bit dtype is documented nowhere as one rounding: torch converts through
    float32. `double_rounded` names the values for which that differs.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if numpy_dtype(target).itemsize == 2 and array.dtype.itemsize > 2:
            return np.asarray(array.astype(np.float32).astype(numpy_dtype(target)))
        return np.asarray(array.astype(numpy_dtype(target)))


def _to_integer(array: Array, target: str) -> Array:
    """Truncate toward zero, or wrap around modulo 2**bits; undefined values become 0."""
    if array.dtype.kind in "biu":
        return np.asarray(array.astype(numpy_dtype(target)))
    values = array.astype(np.float64) if array.dtype.itemsize < 8 else array
    facts = iinfo(target)
    whole = np.trunc(np.where(defined(array, target), values, 0))
    if facts.bits == 64 and facts.min == 0:
        high = whole >= 2.0**63
        low_part = np.where(high, whole - 2.0**63, whole).astype(np.int64).astype(np.uint64)
        return np.asarray(low_part + np.where(high, np.uint64(2**63), np.uint64(0)))
    return np.asarray(whole.astype(np.int64).astype(numpy_dtype(target)))


def defined(array: Array, target: str) -> npt.NDArray[np.bool_]:
    """Return where a conversion has a defined result.

    It has none for NaN, infinities and values whose whole part does not fit an integral `target`; for complex
    values the real part decides.
    """
    if category(target) != INTEGRAL or array.dtype.kind in "biu":
        return np.ones(array.shape, dtype=np.bool_)
    real = array.real if array.dtype.kind == "c" else array
    values = np.asarray(real, dtype=np.float64)
    facts = iinfo(target)
    with np.errstate(invalid="ignore"):
        whole = np.trunc(values)
        return np.asarray((whole >= float(facts.min)) & (whole < float(facts.max + 1)))


def double_rounded(array: Array, target: str) -> npt.NDArray[np.bool_]:
    """Return where rounding float64 through float32 gives another 16-bit value than rounding once."""
    part = real_of(target)
    if array.dtype != np.float64 or numpy_dtype(part).itemsize != 2:
        return np.zeros(array.shape, dtype=np.bool_)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        once = array.astype(np.float16) if part == "float16" else _bfloat16_once(array)
        twice = array.astype(np.float32).astype(numpy_dtype(part))
        return np.asarray((once.astype(np.float64) != twice.astype(np.float64)) & ~np.isnan(array))


def _bfloat16_once(array: Array) -> Array:
    """Round float64 to bfloat16 in one step: to odd in float32 first, which keeps the second rounding honest."""
    single = array.astype(np.float32)
    bits = single.view(np.uint32)
    inexact = (single.astype(np.float64) != array) & np.isfinite(single) & np.isfinite(array)
    toward_zero = np.where(np.abs(single.astype(np.float64)) > np.abs(array), bits - np.uint32(1), bits)
    odd = np.where(inexact, toward_zero | np.uint32(1), bits).astype(np.uint32).view(np.float32)
    return np.asarray(odd.astype(numpy_dtype("bfloat16")))


def cast(array: Array, target: str) -> Array:
    """Return values converted to a dtype.

    Args:
        array: Values in the NumPy or ml_dtypes form of any of the dtypes.
        target: A dtype name.

    Returns:
        An array of the same shape. Where the conversion is undefined (see `defined`), its elements mean nothing.
    """
    source = name_of(array.dtype)
    if source == target:
        return array.copy()
    if category(target) == BOOL:
        return np.asarray(array != 0)
    if is_complex(source) and category(target) != COMPLEX:
        return cast(np.ascontiguousarray(array.real).reshape(array.shape), target)
    if category(target) == COMPLEX:
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            real = array.astype(np.float32) if source == "bfloat16" else array
            return np.asarray(real.astype(numpy_dtype(target)))
    if category(target) == FLOATING:
        return _to_real(array, target)
    return _to_integer(array, target)
