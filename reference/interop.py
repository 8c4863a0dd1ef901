"""Tensors as Python values and NumPy arrays.

Source: PyTorch documentation, torch.from_numpy (accepted dtypes), torch.Tensor.item, torch.Tensor.tolist,
torch.Tensor.numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch_conformance.reference.dtypes import NAMES, numpy_dtype
from torch_conformance.reference.strided import Strided

# Dtypes whose NumPy twin from_numpy accepts and numpy() gives; bfloat16 has none.
SHARED_DTYPES: tuple[str, ...] = tuple(name for name in NAMES if name != "bfloat16")


def numpy_twin(name: str) -> np.dtype[Any]:
    """Return NumPy's dtype for one of SHARED_DTYPES; KeyError for another."""
    if name not in SHARED_DTYPES:
        raise KeyError(name)
    return numpy_dtype(name)


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
    """Return the elements as nested lists in row-major order; a zero-dim tensor as one value."""
    return _nested(tensor.array)


def _nested(array: np.ndarray[Any, Any]) -> Any:
    if array.ndim == 0:
        return python_value(array)
    return [_nested(part) for part in array]
