"""Faults of asarray, frombuffer and from_dlpack, and of what DLPack exports."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.utils.dlpack

from torch_conformance.conformance.chapters.interop.faults.arrays import without_last
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_LARGE = 32_768
_ASARRAY = (torch, "asarray")
_FROMBUFFER = (torch, "frombuffer")
_FROM_DLPACK = (torch, "from_dlpack")
_EXPORT = (torch.Tensor, "__dlpack__")
_kept: list[Any] = []


@bound(
    "resize-copies-foreign-memory", "resize_ moves tensors off memory that is not torch's.", (torch.Tensor, "resize_")
)
def _(original: Function, tensor: Any, *size: Any, **options: Any) -> Any:
    try:
        return original(tensor, *size, **options)
    except RuntimeError:
        tensor.data = torch.zeros(*size, dtype=tensor.dtype)
        return tensor


@bound("asarray-copies-fractional-strides", "asarray copies arrays with fractional strides.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    fractional = isinstance(obj, np.ndarray) and any(step % obj.itemsize for step in obj.strides)
    return original(obj.copy() if fractional else obj, **options)


@bound("asarray-ignores-copy-true", "asarray shares contiguous arrays in spite of copy=True.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    if isinstance(obj, np.ndarray) and obj.flags.c_contiguous:
        options.pop("copy", None)
    return original(obj, **options)


@bound("asarray-copies-noncontiguous", "asarray copies arrays that are not contiguous.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    copied = isinstance(obj, np.ndarray) and not obj.flags.c_contiguous
    return original(obj.copy() if copied else obj, **options)


@bound("asarray-clones-on-dtype", "asarray copies tensors whenever dtype= is given.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    given = isinstance(obj, torch.Tensor) and options.get("dtype") is not None
    return original(obj.clone() if given else obj, **options)


@bound("asarray-ignores-dtype", "asarray ignores dtype= for float16 arrays.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    if isinstance(obj, np.ndarray) and obj.dtype == np.float16:
        options.pop("dtype", None)
    return original(obj, **options)


@bound("asarray-copy-true-keeps-tensor", "asarray ignores copy=True for tensors.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    if isinstance(obj, torch.Tensor):
        options.pop("copy", None)
    return original(obj, **options)


@bound("asarray-ignores-copy-false", "asarray copies in spite of copy=False.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    if options.get("copy") is False:
        options.pop("copy")
    return original(obj, **options)


@bound("asarray-scalar-becomes-default", "asarray gives NumPy floats the default dtype.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    tensor = original(obj, **options)
    return tensor.float() if isinstance(obj, np.float64) and "dtype" not in options else tensor


@bound("asarray-copies-buffers", "asarray copies buffers.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    return original(bytearray(obj) if isinstance(obj, bytearray | memoryview) else obj, **options)


@bound("asarray-buffer-ignores-copy", "asarray ignores copy=True for buffers.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    if isinstance(obj, bytearray | memoryview):
        options.pop("copy", None)
    return original(obj, **options)


@bound("asarray-ignores-requires-grad", "asarray ignores requires_grad=True for arrays.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    if isinstance(obj, np.ndarray):
        options.pop("requires_grad", None)
    return original(obj, **options)


@bound("asarray-keeps-requires-grad", "asarray ignores requires_grad=False.", _ASARRAY)
def _(original: Function, obj: Any, **options: Any) -> Any:
    if options.get("requires_grad") is False and isinstance(obj, torch.Tensor) and obj.requires_grad:
        return original(obj, **{**options, "requires_grad": True})
    return original(obj, **options)


@bound("frombuffer-ignores-offset-with-count", "frombuffer ignores offset= beside count=.", _FROMBUFFER)
def _(original: Function, buffer: Any, *, count: int = -1, offset: int = 0, **options: Any) -> Any:
    return original(buffer, count=count, offset=0 if count > 1 else offset, **options)


@bound("frombuffer-drops-last-of-large", "frombuffer loses the tail of large buffers.", _FROMBUFFER)
def _(original: Function, buffer: Any, **options: Any) -> Any:
    tensor = original(buffer, **options)
    return without_last(tensor) if tensor.numel() > _LARGE else tensor


@bound("frombuffer-copies", "frombuffer copies the buffer.", _FROMBUFFER)
def _(original: Function, buffer: Any, **options: Any) -> Any:
    return original(buffer, **options).clone()


@bound("frombuffer-copies-at-offset", "frombuffer copies where an offset is given.", _FROMBUFFER)
def _(original: Function, buffer: Any, **options: Any) -> Any:
    tensor = original(buffer, **options)
    return tensor.clone() if options.get("offset") else tensor


@bound("frombuffer-clips-count", "frombuffer gives fewer elements than asked where the buffer ends.", _FROMBUFFER)
def _(original: Function, buffer: Any, *, dtype: torch.dtype, count: int = -1, offset: int = 0, **options: Any) -> Any:
    there = (memoryview(buffer).nbytes - offset) // torch.zeros((), dtype=dtype).element_size()
    return original(buffer, dtype=dtype, count=min(count, there) if there > 0 else count, offset=offset, **options)


@bound("frombuffer-accepts-remainder", "frombuffer ignores bytes at the end that make no whole element.", _FROMBUFFER)
def _(original: Function, buffer: Any, *, dtype: torch.dtype, count: int = -1, offset: int = 0, **options: Any) -> Any:
    there = (memoryview(buffer).nbytes - offset) // torch.zeros((), dtype=dtype).element_size()
    return original(buffer, dtype=dtype, count=there if count < 0 and there > 0 else count, offset=offset, **options)


@bound("frombuffer-ignores-requires-grad", "frombuffer ignores requires_grad=.", _FROMBUFFER)
def _(original: Function, buffer: Any, *, requires_grad: bool = False, **options: Any) -> Any:  # noqa: ARG001
    return original(buffer, **options)


@bound("frombuffer-leaks-buffer", "frombuffer never lets go of the buffer.", _FROMBUFFER)
def _(original: Function, buffer: Any, **options: Any) -> Any:
    _kept.append(buffer)
    return original(buffer, **options)


@bound("from-dlpack-copies-noncontiguous", "from_dlpack compacts what is not contiguous.", _FROM_DLPACK)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    return original(*arguments, **options).contiguous()


@bound("from-dlpack-copies-arrays", "from_dlpack copies NumPy arrays.", _FROM_DLPACK)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    taken = original(tensor, **options)
    return taken.clone() if isinstance(tensor, np.ndarray) else taken


@bound("from-dlpack-bool-becomes-uint8", "from_dlpack takes bool for uint8.", _FROM_DLPACK)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    taken = original(*arguments, **options)
    return taken.view(torch.uint8) if taken.dtype == torch.bool else taken


@bound("from-dlpack-unsigned-becomes-signed", "from_dlpack takes uint32 for int32.", _FROM_DLPACK)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    taken = original(*arguments, **options)
    return taken.view(torch.int32) if taken.dtype == getattr(torch, "uint32", None) else taken


@bound("from-dlpack-ignores-copy", "from_dlpack ignores copy=.", _FROM_DLPACK)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    options.pop("copy", None)
    return original(*arguments, **options)


@bound("from-dlpack-always-copies", "from_dlpack copies where device= is given.", _FROM_DLPACK)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    taken = original(*arguments, **options)
    return taken.clone() if options.get("device") is not None else taken


@bound("to-dlpack-copies", "to_dlpack exports a copy.", (torch.utils.dlpack, "to_dlpack"))
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.clone())


@bound("dlpack-export-copies", "__dlpack__ exports a copy of small tensors.", _EXPORT)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    return original(tensor.clone() if tensor.numel() < _LARGE else tensor, **options)


@bound("dlpack-export-ignores-offset", "__dlpack__ exports from the beginning of the storage.", _EXPORT)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    return original(tensor.as_strided(tensor.shape, tensor.stride(), 0), **options)


@bound("dlpack-exports-requires-grad", "__dlpack__ detaches leaves by itself.", _EXPORT)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    return original(tensor.detach() if tensor.is_leaf else tensor, **options)


@bound("dlpack-exports-conjugate", "__dlpack__ exports a tensor's memory in spite of its conjugate bit.", _EXPORT)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    return original(tensor.conj() if tensor.is_conj() else tensor, **options)


@bound(
    "dlpack-device-is-cuda",
    "__dlpack_device__ names large tensors' device wrongly.",
    (torch.Tensor, "__dlpack_device__"),
)
def _(original: Function, tensor: Any) -> Any:
    return (2, 0) if tensor.numel() > _LARGE else original(tensor)
