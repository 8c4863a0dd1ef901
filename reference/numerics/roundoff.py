"""Unit roundoffs of the dtypes, and which numbers arithmetic in them leaves exact.

Source: IEEE 754; PyTorch documentation, "Numerical accuracy"; NVIDIA, "TensorFloat-32".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import COMPLEX, FLOATING, category, finfo, name_of, numpy_dtype

Array = npt.NDArray[Any]

HALF = ("float16", "bfloat16")
# Accelerators may shorten the factors of float32 products to 11 significant bits.
TF32 = 2.0**-11
_WIDER: dict[str, np.dtype[Any]] = {
    "float16": np.dtype(np.float64),
    "bfloat16": np.dtype(np.float64),
    "float32": np.dtype(np.float64),
    "float64": np.dtype(np.longdouble),
    "complex64": np.dtype(np.complex128),
    "complex128": np.dtype(np.clongdouble),
}
# Whole numbers of quanta are looked for down to this power of two, and first among so many elements.
_FINEST = 12
_SAMPLE = 64


def gamma(count: float, unit: float) -> float:
    """Return n u / (1 - n u), the bound on n roundings; infinite from 1/u on."""
    return count * unit / (1 - count * unit) if count * unit < 1 else math.inf


def unit_roundoff(dtype: str) -> float:
    """Return half the distance from 1 to the next value."""
    return finfo(dtype).eps / 2


def accumulation_unit(dtype: str) -> float:
    """Return the unit roundoff of the dtype in which sums of a dtype are accumulated."""
    return unit_roundoff("float32" if dtype in HALF else dtype)


def own_unit(values: Array) -> float:
    """Return the unit roundoff of the reference's own arithmetic on wide values."""
    return float(np.finfo(values.real.dtype).eps) / 2


def whole_limit(dtype: str) -> float:
    """Return the magnitude up to which a floating dtype holds every whole number."""
    return 2.0 / finfo(dtype).eps


def wide(array: Array) -> Array:
    """Return the values in a type in which the reference computes: int64, or twice as wide."""
    name = name_of(array.dtype)
    if category(name) in (FLOATING, COMPLEX):
        return array.astype(_WIDER[name])
    return array.astype(np.int64)


def wider(dtype: str) -> np.dtype[Any]:
    """Return the NumPy type in which the reference computes for a floating or complex dtype."""
    return _WIDER[dtype]


def moduli(values: Array) -> Array:
    """Return magnitudes as float64, in which bounds are computed."""
    return np.abs(values).astype(np.float64)


def _parts(values: Array) -> tuple[Array, ...]:
    return (values.real, values.imag) if values.dtype.kind == "c" else (values,)


def held(values: Array, dtype: str, shortened: float = 0.0) -> Array:
    """Tell which wide values a dtype holds, within as many significant bits as factors may be shortened to."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.asarray(values.astype(numpy_dtype(dtype)).astype(values.dtype) == values)
        if shortened:
            for part in _parts(values):
                mantissa = np.frexp(part)[0] / shortened
                found = found & (mantissa == np.rint(mantissa))
    return found


def spacing(magnitude: Array, dtype: str, unit: float) -> Array:
    """Return the unit in the last place at magnitudes: the distance of neighbours that a unit roundoff implies."""
    _, exponent = np.frexp(magnitude)
    place = np.where(magnitude > 0, np.ldexp(unit, exponent), 0.0)
    return np.maximum(place, finfo(dtype).smallest_subnormal)


def all_whole(values: Array) -> bool:
    """Tell whether all values are finite whole numbers."""
    return all(bool(np.all(np.isfinite(part) & (part == np.rint(part)))) for part in _parts(values))


def quantum(values: Array) -> float | None:
    """Return a power of two, at most 1, of which all values are whole multiples; None where there is none."""
    for power in range(0, _FINEST + 1, 3):
        scale = 2.0**power
        if all_whole(values.reshape(-1)[:_SAMPLE] * scale) and all_whole(values * scale):
            return 1 / scale
    return None
