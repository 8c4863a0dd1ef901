"""Faults of asarray, frombuffer and from_dlpack, and of what DLPack exports."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.utils.dlpack
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import argument_changed, keyword_ignored, named
from torch_conformance.conformance.power.damage import (
    GRAIN,
    Change,
    a,
    always,
    array_where,
    at_storage_start,
    clone,
    is_array,
    is_many,
    is_strided_array,
    last_replaced,
    of,
    without_conjugate_bit,
)
from torch_conformance.conformance.power.forms import answer_changed, made, made_changed, refusal_forgiven, replaced
from torch_conformance.conformance.power.registry import Function

change: Change
_is_buffer = a(bytearray, memoryview)


_has_fractional_strides = array_where(lambda x: any(step % x.itemsize for step in x.strides))
_is_half_array = array_where(lambda x: x.dtype == np.float16)
_is_dense_array = array_where(lambda x: x.flags.c_contiguous)

for operation, mutation, summary, place, change, when in (
    ("asarray", "copies-fractional-strides", "copies some arrays", "torch", np.ndarray.copy, _has_fractional_strides),
    ("asarray", "copies-noncontiguous", "copies arrays with gaps", "torch", np.ndarray.copy, is_strided_array),
    ("asarray", "copies-buffers", "copies buffers", "torch", bytearray, _is_buffer),
    ("to_dlpack", "copies", "exports a copy", "torch.utils.dlpack", clone, always),
):
    name = named(operation, mutation)
    argument_changed(name, f"{operation} {summary}.", f"{place}.{operation}", change=change, when=when)
for name, summary, change, when in (
    ("dlpack-export-copies", "exports a copy of small tensors", clone, lambda x: x.numel() < GRAIN),
    ("dlpack-export-ignores-offset", "exports from the beginning of the storage", at_storage_start, always),
    ("dlpack-exports-requires-grad", "detaches leaves by itself", Tensor.detach, lambda x: x.is_leaf),
    ("dlpack-exports-conjugate", "exports memory in spite of the conjugate bit", without_conjugate_bit, always),
):
    argument_changed(name, f"__dlpack__ {summary}.", "Tensor.__dlpack__", change=change, when=when)

for operation, mutation, summary, option, when in (
    ("asarray", "ignores-copy-true", "ignores copy= for dense arrays", "copy", _is_dense_array),
    ("asarray", "copy-true-keeps-tensor", "ignores copy= for tensors", "copy", a(Tensor)),
    ("asarray", "buffer-ignores-copy", "ignores copy= for buffers", "copy", _is_buffer),
    ("asarray", "ignores-dtype", "ignores dtype= for float16 arrays", "dtype", _is_half_array),
    ("asarray", "ignores-requires-grad", "ignores requires_grad= for arrays", "requires_grad", is_array),
    ("frombuffer", "ignores-requires-grad", "ignores requires_grad=", "requires_grad", always),
    ("from_dlpack", "ignores-copy", "ignores copy=", "copy", always),
):
    name = named(operation, mutation)
    keyword_ignored(name, f"{operation} {summary}.", f"torch.{operation}", option=option, when=when)
keyword_ignored(
    "asarray-ignores-copy-false",
    "asarray copies in spite of copy=False.",
    "torch.asarray",
    option="copy",
    called=lambda *_, **options: options["copy"] is False,
)

for name, summary, change, when in (
    ("frombuffer-drops-last-of-large", "frombuffer loses the tail of large buffers.", last_replaced, is_many),
    ("frombuffer-copies", "frombuffer copies the buffer.", clone, always),
):
    made_changed(name, summary, "torch.frombuffer", change=change, when=when)
for name, summary, change, when in (
    ("from-dlpack-copies-noncontiguous", "from_dlpack compacts what has gaps.", Tensor.contiguous, always),
    (
        "from-dlpack-bool-becomes-uint8",
        "from_dlpack takes bool for uint8.",
        lambda x: x.view(torch.uint8),
        of(torch.bool),
    ),
    (
        "from-dlpack-unsigned-becomes-signed",
        "from_dlpack takes uint32 for int32.",
        Tensor.int,
        of(getattr(torch, "uint32", torch.int32)),
    ),
):
    made_changed(name, summary, "torch.from_dlpack", change=change, when=when)
made("from-dlpack-copies-arrays", "from_dlpack copies NumPy arrays.", "torch.from_dlpack")(
    lambda y, data, **_: clone(y) if is_array(data) else y
)
made("from-dlpack-always-copies", "from_dlpack copies where device= is given.", "torch.from_dlpack")(
    lambda y, *_, **options: clone(y) if options.get("device") is not None else y
)
made("frombuffer-copies-at-offset", "frombuffer copies where an offset is given.", "torch.frombuffer")(
    lambda y, *_, **options: clone(y) if options.get("offset") else y
)
made("asarray-clones-on-dtype", "asarray copies tensors whenever dtype= is given.", "torch.asarray")(
    lambda y, data, **options: clone(y) if isinstance(data, Tensor) and options.get("dtype") is not None else y
)
made("asarray-scalar-becomes-default", "asarray gives NumPy floats the default dtype.", "torch.asarray")(
    lambda y, data, **options: y.float() if isinstance(data, np.float64) and "dtype" not in options else y
)
refusal_forgiven(
    "resize-copies-foreign-memory",
    "resize_ moves tensors off memory that is not torch's.",
    "Tensor.resize_",
    instead=lambda _, x, *size, **__: x.set_(torch.zeros(*size, dtype=x.dtype)),
)
answer_changed("dlpack-device-is-cuda", "__dlpack_device__ is wrong for large tensors.", "Tensor.__dlpack_device__")(
    lambda _, x: (2, 0) if is_many(x) else None
)


@replaced("asarray-keeps-requires-grad", "asarray ignores requires_grad=False.", "torch.asarray")
def _(asarray: Function, data: Any, **options: Any) -> Any:
    if options.get("requires_grad") is False and isinstance(data, Tensor) and data.requires_grad:
        options["requires_grad"] = True
    return asarray(data, **options)


@replaced("frombuffer-ignores-offset-with-count", "frombuffer ignores offset= beside count=.", "torch.frombuffer")
def _(frombuffer: Function, buffer: Any, *, count: int = -1, offset: int = 0, **options: Any) -> Any:
    return frombuffer(buffer, count=count, offset=0 if count > 1 else offset, **options)


def _room(buffer: Any, dtype: torch.dtype, offset: int) -> int:
    """Return how many whole elements a buffer has behind an offset."""
    return int(memoryview(buffer).nbytes - offset) // torch.zeros((), dtype=dtype).element_size()


@replaced("frombuffer-clips-count", "frombuffer gives fewer elements where the buffer ends.", "torch.frombuffer")
def _(frombuffer: Function, buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, **options: Any) -> Any:
    room = _room(buffer, dtype, offset)
    return frombuffer(buffer, dtype=dtype, count=min(count, room) if room > 0 else count, offset=offset, **options)


@replaced("frombuffer-accepts-remainder", "frombuffer ignores bytes that make no whole element.", "torch.frombuffer")
def _(frombuffer: Function, buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, **options: Any) -> Any:
    room = _room(buffer, dtype, offset)
    return frombuffer(buffer, dtype=dtype, count=room if count < 0 < room else count, offset=offset, **options)


_kept: list[Any] = []


@replaced("frombuffer-leaks-buffer", "frombuffer never lets go of the buffer.", "torch.frombuffer")
def _(frombuffer: Function, buffer: Any, **options: Any) -> Any:
    _kept.append(buffer)
    return frombuffer(buffer, **options)
