"""Tensors as Python values and NumPy arrays.

Source: PyTorch documentation, torch.from_numpy (accepted dtypes), torch.Tensor.item, torch.Tensor.tolist,
torch.Tensor.numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from torch_conformance.reference.model.dtypes import NAMES, name_of, numpy_dtype
from torch_conformance.reference.model.strided import Strided

SHARED_DTYPES: tuple[str, ...] = tuple(name for name in NAMES if name != "bfloat16")
"""Dtypes that have a NumPy twin; bfloat16 has none, its form here is of ml_dtypes."""

FROM_NUMPY_DTYPES: tuple[str, ...] = (
    *("float64", "float32", "float16", "complex64", "complex128"),
    *("int64", "int32", "int16", "int8", "uint8", "bool"),
)
"""Dtypes that torch.from_numpy lists as accepted, in its order; of uint16, uint32 and uint64 it says nothing."""


def numpy_twin(name: str) -> np.dtype[Any]:
    """Return NumPy's dtype for one of SHARED_DTYPES; KeyError for another."""
    if name not in SHARED_DTYPES:
        raise KeyError(name)
    return numpy_dtype(name)


def torch_twin(dtype: np.dtype[Any]) -> str:
    """Return torch's name for a NumPy dtype; KeyError where torch has none, and for other byte orders."""
    name = name_of(dtype)
    if name not in SHARED_DTYPES:
        raise KeyError(name)
    return name


def python_value(element: Any) -> bool | int | float | complex:
    """Return a NumPy scalar as the Python value that item() gives: bool, int, float or complex, same value."""
    value = np.asarray(element)
    if value.dtype.kind == "b":
        return bool(value)
    if value.dtype.kind in "iu":
        return int(value)
    if value.dtype.kind == "c":
        return complex(value)
    return float(value)


def tolist(tensor: Strided) -> Any:
    """Return the elements as nested lists in row-major order; a zero-dim tensor as one value.

    Values have the Python type and the exact value that `python_value` gives.
    """
    return tensor.array.tolist()
