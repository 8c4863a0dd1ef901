"""Element types: torch's dtype names, the NumPy types that hold their values, and their limits.

Source: PyTorch documentation, "Tensor Attributes" (torch.dtype) and "Type Info" (torch.finfo, torch.iinfo).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import ml_dtypes
import numpy as np

BOOL, INTEGRAL, FLOATING, COMPLEX = range(4)
"""Categories, in the order in which promotion ranks them."""

_NUMPY: MappingProxyType[str, np.dtype[Any]] = MappingProxyType(
    {
        "bool": np.dtype(np.bool_),
        "uint8": np.dtype(np.uint8),
        "int8": np.dtype(np.int8),
        "int16": np.dtype(np.int16),
        "int32": np.dtype(np.int32),
        "int64": np.dtype(np.int64),
        "uint16": np.dtype(np.uint16),
        "uint32": np.dtype(np.uint32),
        "uint64": np.dtype(np.uint64),
        "float16": np.dtype(np.float16),
        "bfloat16": np.dtype(ml_dtypes.bfloat16),
        "float32": np.dtype(np.float32),
        "float64": np.dtype(np.float64),
        "complex64": np.dtype(np.complex64),
        "complex128": np.dtype(np.complex128),
    }
)
NAMES: tuple[str, ...] = tuple(_NUMPY)
_NAME_OF = {dtype: name for name, dtype in _NUMPY.items()}
_COMPLEX_OF = {"float32": "complex64", "float64": "complex128"}
_REAL_OF = {value: key for key, value in _COMPLEX_OF.items()}
_FINFO: Callable[..., Any] = ml_dtypes.finfo  # knows bfloat16 and NumPy's own


@dataclasses.dataclass(frozen=True, slots=True)
class FloatInfo:
    """Limits of a floating dtype, as float64: spacing at 1, largest finite, smallest normal and subnormal."""

    bits: int
    eps: float
    max: float
    tiny: float
    smallest_subnormal: float


@dataclasses.dataclass(frozen=True, slots=True)
class IntegerInfo:
    """Limits of an integral dtype."""

    bits: int
    min: int
    max: int


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return the NumPy (or ml_dtypes) dtype that holds a torch dtype's values; KeyError for an unknown name."""
    return _NUMPY[name]


def name_of(dtype: np.dtype[Any]) -> str:
    """Return torch's name for a NumPy dtype; KeyError where torch has no such dtype."""
    return _NAME_OF[dtype]


@functools.cache
def category(name: str) -> int:
    """Return BOOL, INTEGRAL, FLOATING or COMPLEX."""
    if name == "bool":
        return BOOL
    if name.startswith("complex"):
        return COMPLEX
    return INTEGRAL if "int" in name else FLOATING


def is_floating(name: str) -> bool:
    """Whether the dtype is a real floating one."""
    return category(name) == FLOATING


def is_complex(name: str) -> bool:
    """Whether the dtype is complex."""
    return category(name) == COMPLEX


def is_integral(name: str) -> bool:
    """Whether the dtype is an integer one; bool is not."""
    return category(name) == INTEGRAL


def is_signed(name: str) -> bool:
    """Whether the dtype can hold a negative number."""
    return name != "bool" and not name.startswith("uint")


def bits(name: str) -> int:
    """Return the width of an element in bits."""
    return _NUMPY[name].itemsize * 8


def complex_of(name: str) -> str:
    """Return the complex dtype whose parts have a floating dtype; KeyError for dtypes narrower than float32."""
    return _COMPLEX_OF[name]


def real_of(name: str) -> str:
    """Return the dtype of the parts of a complex dtype, or the dtype itself."""
    return _REAL_OF.get(name, name)


@functools.cache
def finfo(name: str) -> FloatInfo:
    """Return the limits of a floating dtype, or of the parts of a complex one."""
    dtype = _NUMPY[real_of(name)]
    facts = _FINFO(dtype)
    return FloatInfo(
        bits=int(facts.bits),
        eps=float(facts.eps),
        max=float(facts.max),
        tiny=float(facts.smallest_normal),
        smallest_subnormal=float(facts.smallest_subnormal),
    )


@functools.cache
def iinfo(name: str) -> IntegerInfo:
    """Return the limits of an integral dtype."""
    facts = np.iinfo(_NUMPY[name])
    return IntegerInfo(bits=int(facts.bits), min=int(facts.min), max=int(facts.max))
