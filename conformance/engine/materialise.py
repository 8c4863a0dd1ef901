"""Carry tensors between the host's NumPy form and torch, bit for bit.

The functions of torch that do the carrying are looked up once, when this module is imported, so that a fault
installed later breaks the clause that judges it and not the carrying.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import torch

from torch_conformance.reference.model.dtypes import name_of, numpy_dtype
from torch_conformance.reference.model.strided import Strided

Array = npt.NDArray[Any]

_from_numpy = torch.from_numpy
_as_strided = torch.as_strided
_to = torch.Tensor.to
_cpu = torch.Tensor.cpu
_view = torch.Tensor.view
_numpy = torch.Tensor.numpy
_detach = torch.Tensor.detach
_resolve_conj = torch.Tensor.resolve_conj
_resolve_neg = torch.Tensor.resolve_neg
_is_conj = torch.Tensor.is_conj
_is_neg = torch.Tensor.is_neg

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
# Tensors of these dtypes cross through a dtype of the same width, which every supported torch can carry.
_CARRIER = {"bfloat16": ("int16", torch.int16)}

TORCH_DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
    if hasattr(torch, name)
}
DTYPE_NAMES: dict[torch.dtype, str] = {dtype: name for name, dtype in TORCH_DTYPES.items()}


def to_torch(value: Strided, device: torch.device) -> torch.Tensor:
    """Return a tensor on `device` with its own copy of the storage and the same offset, size and stride."""
    storage = value.storage.copy()
    name = name_of(storage.dtype)
    if name in _CARRIER:
        carrier, _ = _CARRIER[name]
        flat = _view(_from_numpy(storage.view(carrier)), TORCH_DTYPES[name])
    else:
        flat = _from_numpy(storage)
    if device.type != "cpu":
        flat = _to(flat, device)
    return _as_strided(flat, value.size, value.stride, value.offset)


def to_host(tensor: torch.Tensor) -> Array:
    """Return the elements of a tensor of any device and layout as an array of the matching NumPy dtype."""
    value = _detach(tensor)
    if _is_conj(value):
        value = _resolve_conj(value)
    if _is_neg(value):
        value = _resolve_neg(value)
    if value.device.type != "cpu":
        value = _cpu(value)
    if value.dtype == torch.bfloat16:
        return np.asarray(_numpy(_view(value, torch.int16)).view(_BFLOAT16))
    return np.asarray(_numpy(value))


def empty_host(tensor: torch.Tensor) -> Array:
    """Return an array of the shape and dtype of a tensor that holds no data (device `meta`)."""
    return np.zeros(tuple(tensor.shape), dtype=numpy_dtype(DTYPE_NAMES[tensor.dtype]))
