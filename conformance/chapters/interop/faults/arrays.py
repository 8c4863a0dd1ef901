"""Faults of what takes NumPy arrays: from_numpy, tensor and as_tensor."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from torch_conformance.conformance.power.older_forms.replacing import bound, replaced
from torch_conformance.conformance.power.registry import Breaker, FaultUnavailable, Function, fault
from torch_conformance.reference.model.strided import row_major

_LARGE = 32_768
_FROM_NUMPY = (torch, "from_numpy")
_TENSOR = (torch, "tensor")
_AS_TENSOR = (torch, "as_tensor")
_kept: list[Any] = []


def without_last(tensor: torch.Tensor) -> torch.Tensor:
    """Return a contiguous copy whose last element is zero."""
    copy = tensor.detach().contiguous().clone()
    copy.view(-1)[-1] = 0
    return copy


@bound("from-numpy-int16-becomes-int32", "from_numpy widens int16 arrays.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    tensor = original(array)
    return tensor.to(torch.int32) if tensor.dtype == torch.int16 else tensor


@bound("from-numpy-empty-becomes-float", "from_numpy gives empty arrays the default dtype.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    tensor = original(array)
    return tensor if tensor.numel() else torch.empty(tensor.shape)


@bound("from-numpy-ignores-strides", "from_numpy reads memory in row-major order.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    tensor = original(array)
    return tensor if tensor.is_contiguous() else tensor.as_strided(tensor.shape, row_major(tuple(tensor.shape)))


@bound("from-numpy-drops-last-element-of-large", "from_numpy loses the tail of large arrays.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    tensor = original(array)
    return without_last(tensor) if tensor.numel() > _LARGE else tensor


@bound("from-numpy-makes-contiguous", "from_numpy compacts arrays that are not contiguous.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    return original(array).contiguous()


@bound("from-numpy-copies-large", "from_numpy copies arrays beyond a size.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    tensor = original(array)
    return tensor.clone() if tensor.numel() > _LARGE else tensor


@bound("from-numpy-copies-scalar", "from_numpy copies arrays without dimensions.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    tensor = original(array)
    return tensor if tensor.ndim else tensor.clone()


@bound("from-numpy-leaks-array", "from_numpy never lets go of the array.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    _kept.append(array)
    return original(array)


@bound("from-numpy-accepts-lists", "from_numpy converts lists.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    return original(np.array(array) if isinstance(array, list) else array)


@bound("from-numpy-accepts-dates", "from_numpy takes dates for int64.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    dated = isinstance(array, np.ndarray) and array.dtype.kind in "mM"
    return original(array.view(np.int64) if dated else array)


@bound(
    "from-numpy-ignores-negative-outer-stride",
    "from_numpy takes the first stride of matrices as positive.",
    _FROM_NUMPY,
)
def _(original: Function, array: Any) -> Any:
    outer = isinstance(array, np.ndarray) and array.ndim > 1 and array.strides[0] < 0
    return original(array[::-1] if outer else array)


@bound("from-numpy-is-silent-on-read-only", "from_numpy does not warn of read-only arrays.", _FROM_NUMPY)
def _(original: Function, array: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return original(array)


@bound("tensor-accepts-objects", "tensor turns arrays of objects into zeros.", _TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    objects = isinstance(data, np.ndarray) and data.dtype.kind == "O"
    return torch.zeros(data.shape) if objects else original(data, **options)


@fault("tensor-accepts-wide-unsigned", "tensor takes uint16 arrays for int16.")
def _accept_wide_unsigned(breaker: Breaker) -> None:
    if hasattr(torch, "uint16"):
        raise FaultUnavailable("this torch has uint16, and accepts it")

    def broken(original: Function, data: Any, **options: Any) -> Any:
        wide = isinstance(data, np.ndarray) and data.dtype == np.uint16
        return original(data.view(np.int16) if wide else data, **options)

    breaker.binding(torch, "tensor", replaced(broken))


@bound("tensor-copies-reversed-array", "tensor copies arrays with negative strides.", _TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    reverse = isinstance(data, np.ndarray) and any(step < 0 for step in data.strides)
    return original(data.copy() if reverse else data, **options)


@bound("tensor-warns-on-read-only", "tensor warns of read-only arrays.", _TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    if isinstance(data, np.ndarray) and not data.flags.writeable:
        warnings.warn("the array is read-only", UserWarning, stacklevel=2)
    return original(data, **options)


@bound("tensor-shares-contiguous-array", "tensor shares the memory of contiguous arrays.", _TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    shared = isinstance(data, np.ndarray) and data.flags.c_contiguous and data.flags.writeable
    return torch.from_numpy(data) if shared else original(data, **options)


@bound("tensor-drops-last-element-of-large", "tensor loses the tail of large arrays.", _TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    tensor = original(data, **options)
    return without_last(tensor) if tensor.numel() > _LARGE else tensor


@bound("tensor-shares-read-only-array", "tensor shares the memory of read-only arrays.", _TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    if isinstance(data, np.ndarray) and not data.flags.writeable:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.from_numpy(data)
    return original(data, **options)


@bound("tensor-ignores-dtype-of-bool-array", "tensor ignores dtype= for bool arrays.", _TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    if isinstance(data, np.ndarray) and data.dtype == np.bool_:
        options.pop("dtype", None)
    return original(data, **options)


@bound("tensor-ignores-requires-grad-with-dtype", "tensor ignores requires_grad= beside dtype=.", _TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    if options.get("dtype") is not None:
        options.pop("requires_grad", None)
    return original(data, **options)


@bound("as-tensor-accepts-byte-swapped", "as_tensor swaps bytes by itself.", _AS_TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    swapped = isinstance(data, np.ndarray) and not data.dtype.isnative
    return original(data.astype(data.dtype.newbyteorder("=")) if swapped else data, **options)


@bound("as-tensor-copies-array", "as_tensor copies arrays.", _AS_TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    return original(data.copy() if isinstance(data, np.ndarray) else data, **options)


@bound("as-tensor-clones-tensor", "as_tensor copies tensors.", _AS_TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    return original(data.clone() if isinstance(data, torch.Tensor) else data, **options)


@bound("as-tensor-detaches", "as_tensor drops the history of tensors.", _AS_TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    return original(data.detach() if isinstance(data, torch.Tensor) else data, **options)


@bound("as-tensor-detaches-on-conversion", "as_tensor drops history when it converts.", _AS_TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    converts = isinstance(data, torch.Tensor) and options.get("dtype") not in (None, data.dtype)
    return original(data.detach() if converts else data, **options)


@bound("as-tensor-ignores-dtype", "as_tensor ignores dtype= for arrays of several dimensions.", _AS_TENSOR)
def _(original: Function, data: Any, **options: Any) -> Any:
    if isinstance(data, np.ndarray) and data.ndim > 1:
        options.pop("dtype", None)
    return original(data, **options)
