"""Conversion of values from one dtype to another.

Source: PyTorch documentation, torch.Tensor.to, torch.Tensor.type, "Numerical accuracy" (conversion of floating to
integral dtypes: undefined where the value does not fit), C++ conversion rules, IEEE 754 round to nearest even.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import (
    BOOL,
    COMPLEX,
    FLOATING,
    INTEGRAL,
    category,
    iinfo,
    is_complex,
    name_of,
    numpy_dtype,
)

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_BFLOAT16 = numpy_dtype("bfloat16")


def cast(array: Array, target: str) -> Array:
    """Return values converted to a dtype.

    To bool: whether the value is not zero, so NaN is True. Complex to real: the real part. Floating to integral:
    truncation toward zero. Integral to integral: modulo 2**bits. Into a floating dtype: round to nearest even, beyond
    the largest finite value to infinity; into the 16-bit ones through float32 (see `double_rounded`).

    Args:
        array: Values of any shape in the NumPy or ml_dtypes form of any of the dtypes.
        target: A dtype name.

    Returns:
        A new array of the same shape. Where the conversion is undefined (see `defined`) its elements are 0.

    Raises:
        KeyError: When either dtype is none of torch's.
    """
    source = name_of(array.dtype)
    if source == target:
        return np.array(array)
    # A signalling NaN raises the invalid flag when it is converted or compared; NumPy would warn of it.
    with np.errstate(all="ignore"):
        if category(target) == BOOL:
            return np.asarray(array != 0)
        if category(target) == COMPLEX:
            return np.asarray(_widened(array, source).astype(numpy_dtype(target)))
        real = array.real if is_complex(source) else array
        return _to_floating(real, target) if category(target) == FLOATING else _to_integer(real, target)


def _widened(array: Array, source: str) -> Array:
    """Return bfloat16 as float32, since ml_dtypes has no conversion to every NumPy type; others as they are."""
    return np.asarray(array.astype(np.float32)) if source == "bfloat16" else array


def _to_floating(array: Array, target: str) -> Array:
    """Round real values to nearest even, through float32 from a wider type into one of 16 bits."""
    dtype = numpy_dtype(target)
    if dtype.itemsize == 2 and array.dtype.itemsize > 2:
        array = array.astype(np.float32)
    return np.asarray(array.astype(dtype))


def _to_integer(array: Array, target: str) -> Array:
    """Truncate toward zero, or wrap around modulo 2**bits; undefined values become 0."""
    if array.dtype.kind in "biu":
        return np.asarray(array.astype(numpy_dtype(target)))
    values = array.astype(np.float64)
    whole = np.trunc(np.where(_fits(values, target), values, 0))
    if target != "uint64":
        return np.asarray(whole.astype(np.int64).astype(numpy_dtype(target)))
    # Beyond the largest int64: the bits above 2**63 apart, since a direct conversion is not defined everywhere.
    high = whole >= 2.0**63
    low_part = np.where(high, whole - 2.0**63, whole).astype(np.int64).astype(np.uint64)
    return np.asarray(low_part | np.where(high, np.uint64(2**63), np.uint64(0)))


def _fits(values: npt.NDArray[np.float64], target: str) -> Mask:
    facts = iinfo(target)
    whole = np.trunc(values)
    return np.asarray((whole >= float(facts.min)) & (whole < float(facts.max + 1)))


def defined(array: Array, target: str) -> Mask:
    """Return where a conversion has a defined result.

    It has none for NaN, infinities and values whose whole part does not fit an integral `target`, negative ones to an
    unsigned type included (C++ [conv.fpint]); -0.9 fits, as 0. For complex values the real part decides.

    Returns:
        A bool array of the array's shape.
    """
    if category(target) != INTEGRAL or array.dtype.kind in "biu":
        return np.ones(array.shape, dtype=np.bool_)
    with np.errstate(all="ignore"):
        real = array.real if array.dtype.kind == "c" else array
        return _fits(np.asarray(real, dtype=np.float64), target)


def double_rounded(array: Array, target: str) -> Mask:
    """Return where rounding through float32 gives another 16-bit floating value than rounding once.

    The documentation says neither. It matters for float64, for complex128 (the real part) and for integers of 32 and
    64 bits; everything else is exact in float32.

    Returns:
        A bool array of the array's shape.
    """
    kind, width = array.dtype.kind, array.dtype.itemsize
    if target not in ("float16", "bfloat16") or width < (16 if kind == "c" else 4) or array.dtype == np.float32:
        return np.zeros(array.shape, dtype=np.bool_)
    with np.errstate(all="ignore"):
        real = array.real if kind == "c" else array
        wide = _odd_float64(real) if kind in "iu" else real
        once = wide.astype(np.float16) if target == "float16" else _odd_float32(wide).astype(_BFLOAT16)
        twice = _to_floating(real, target)
        return np.asarray((once.astype(np.float32) != twice.astype(np.float32)) & ~np.isnan(wide))


# Rounding to odd: truncate, and set the last bit if anything was cut off. Where the intermediate type has at least two
# bits more than the final one, rounding the result to nearest is the same as rounding the exact value to nearest.
# Source: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd",
# IEEE Transactions on Computers 57 (2008).


def _odd_float32(array: Array) -> npt.NDArray[np.float32]:
    """Round float64 to odd in float32; infinities and NaN as they are."""
    single = array.astype(np.float32)
    pattern = single.view(np.uint32)
    wide = single.astype(np.float64)
    inexact = (wide != array) & np.isfinite(array)
    toward_zero = np.where(np.abs(wide) > np.abs(array), pattern - np.uint32(1), pattern)
    return np.asarray(np.where(inexact, toward_zero | np.uint32(1), pattern).astype(np.uint32).view(np.float32))


def _odd_float64(array: Array) -> npt.NDArray[np.float64]:
    """Round integers to odd in float64, at bit 11 where they have more than 53 bits."""
    negative = array < 0
    magnitude = np.where(negative, np.uint64(0) - array.astype(np.uint64), array.astype(np.uint64))
    low = magnitude & np.uint64(2**11 - 1)
    odd = (magnitude - low) | np.where(low != 0, np.uint64(2**11), np.uint64(0))
    rounded = np.where(magnitude >= np.uint64(2**53), odd, magnitude).astype(np.float64)
    return np.asarray(np.where(negative, -rounded, rounded))
