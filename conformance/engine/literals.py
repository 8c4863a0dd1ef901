"""Write inputs as Python source that builds them again, bit for bit, with torch and NumPy alone."""

from __future__ import annotations

import base64
import math
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from torch_conformance.reference.model.dtypes import name_of
from torch_conformance.reference.model.strided import Strided

_INLINE_BYTES = 256


def _bytes_source(data: bytes) -> str:
    if len(data) <= _INLINE_BYTES:
        return f'bytes.fromhex("{data.hex()}")'
    packed = base64.b64encode(zlib.compress(data, 9)).decode()
    return f'zlib.decompress(base64.b64decode("{packed}"))'


def array_source(array: npt.NDArray[Any]) -> str:
    """Return an expression for a contiguous NumPy array with the same bits; bfloat16 as float32."""
    values = np.ascontiguousarray(array)
    if values.dtype.kind not in "biufc":
        values = values.astype(np.float32)
    if values.dtype.itemsize > 8 and values.dtype.kind == "f":
        values = values.astype(np.float64)
    source = f'np.frombuffer({_bytes_source(values.tobytes())}, dtype="{values.dtype.str}")'
    return source + (f".reshape({array.shape})" if array.ndim != 1 else "")


def strided_source(value: Strided) -> str:
    """Return an expression for a tensor with exactly this storage, offset, size and stride on `device`."""
    if name_of(value.storage.dtype) == "bfloat16":
        storage = f"torch.from_numpy({array_source(value.storage.view(np.int16))}.copy()).view(torch.bfloat16)"
    else:
        storage = f"torch.from_numpy({array_source(value.storage)}.copy())"
    return f"torch.as_strided({storage}.to(device), {value.size}, {value.stride}, {value.offset})"


def _float_source(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def source(value: Any) -> str:
    """Return an expression that builds `value` again.

    Raises:
        TypeError: For a type that a reproducer script cannot carry.
    """
    if isinstance(value, Strided):
        return strided_source(value)
    if isinstance(value, np.ndarray):
        return f"{array_source(value)}.copy()"
    if isinstance(value, list | tuple | dict | slice):
        return _collection_source(value)
    if isinstance(value, np.generic):
        kind = "np.bool_" if value.dtype.kind == "b" else f"np.{value.dtype.name}"
        return f"{kind}({_number_source(value.item())})"
    if isinstance(value, type):
        return {"builtins": "", "numpy": "np."}[value.__module__] + value.__name__
    return _number_source(value)


def _collection_source(value: list[Any] | tuple[Any, ...] | dict[Any, Any] | slice) -> str:
    if isinstance(value, slice):
        return f"slice({source(value.start)}, {source(value.stop)}, {source(value.step)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {source(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(source(item) for item in value) + "]"
    if isinstance(value, torch.Size):
        return f"torch.Size({list(value)})"
    return "(" + "".join(f"{source(item)}, " for item in value) + ")"


def _number_source(value: Any) -> str:
    if isinstance(value, float):
        return _float_source(value)
    if isinstance(value, complex):
        return f"complex({_float_source(value.real)}, {_float_source(value.imag)})"
    if value is Ellipsis:
        return "..."
    if isinstance(value, torch.device):
        return f'torch.device("{value}")'
    if isinstance(value, bool | int | str | bytes | torch.dtype | torch.memory_format) or value is None:
        return repr(value)
    raise TypeError(f"an input of type {type(value).__name__} cannot be written into a reproducer script")
