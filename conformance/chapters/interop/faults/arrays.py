"""Faults of what takes NumPy arrays: from_numpy, tensor and as_tensor."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import argument_changed, keyword_ignored, named
from torch_conformance.conformance.power.damage import (
    a,
    always,
    array_where,
    clone,
    into,
    is_array,
    is_many,
    is_strided,
    last_replaced,
    of,
    read_as_dense,
)
from torch_conformance.conformance.power.forms import made, made_changed, replaced, wrapping
from torch_conformance.conformance.power.registry import Breaker, FaultUnavailable, Function, fault

for operation, mutation, summary, change, when in (
    ("from_numpy", "int16-becomes-int32", "widens int16 arrays", into(torch.int32), of(torch.int16)),
    ("from_numpy", "empty-becomes-float", "gives no elements the default dtype", Tensor.float, lambda x: not x.numel()),
    ("from_numpy", "ignores-strides", "reads memory in row-major order", read_as_dense, is_strided),
    ("from_numpy", "drops-last-element-of-large", "loses the tail of large arrays", last_replaced, is_many),
    ("tensor", "drops-last-element-of-large", "loses the tail of large arrays", last_replaced, is_many),
    ("from_numpy", "makes-contiguous", "compacts arrays with gaps", Tensor.contiguous, always),
    ("from_numpy", "copies-large", "copies arrays beyond a size", clone, is_many),
    ("from_numpy", "copies-scalar", "copies arrays without dimensions", clone, lambda x: not x.ndim),
):
    name = named(operation, mutation)
    made_changed(name, f"{operation} {summary}.", f"torch.{operation}", change=change, when=when)


_is_dated = array_where(lambda x: x.dtype.kind in "mM")
_is_upside_down = array_where(lambda x: x.ndim > 1 and x.strides[0] < 0)
_is_reversed = array_where(lambda x: any(step < 0 for step in x.strides))
_is_swapped = array_where(lambda x: not x.dtype.isnative)
_is_read_only = array_where(lambda x: not x.flags.writeable)


def _native(x: Any) -> Any:
    return x.astype(x.dtype.newbyteorder("="))


for operation, mutation, summary, change, when in (
    ("from_numpy", "accepts-lists", "converts lists", np.array, a(list)),
    ("from_numpy", "accepts-dates", "takes dates for int64", lambda x: x.view(np.int64), _is_dated),
    ("from_numpy", "ignores-negative-outer-stride", "drops its sign", lambda x: x[::-1], _is_upside_down),
    ("tensor", "copies-reversed-array", "copies arrays with negative strides", np.ndarray.copy, _is_reversed),
    ("as_tensor", "accepts-byte-swapped", "swaps bytes by itself", _native, _is_swapped),
    ("as_tensor", "copies-array", "copies arrays", np.ndarray.copy, is_array),
    ("as_tensor", "clones-tensor", "copies tensors", clone, a(Tensor)),
    ("as_tensor", "detaches", "drops the history of tensors", Tensor.detach, a(Tensor)),
):
    name = named(operation, mutation)
    argument_changed(name, f"{operation} {summary}.", f"torch.{operation}", change=change, when=when)

for operation, mutation, summary, option, when in (
    ("tensor", "ignores-dtype-of-bool-array", "ignores dtype= for bool", "dtype", lambda x: x.dtype == np.bool_),
    ("as_tensor", "ignores-dtype", "ignores dtype= for several dimensions", "dtype", lambda x: x.ndim > 1),
):
    name = named(operation, mutation)
    keyword_ignored(name, f"{operation} {summary}.", f"torch.{operation}", option=option, when=array_where(when))
keyword_ignored(
    "tensor-ignores-requires-grad-with-dtype",
    "tensor ignores requires_grad= beside dtype=.",
    "torch.tensor",
    option="requires_grad",
    called=lambda *_, **options: options.get("dtype") is not None,
)

_kept: list[Any] = []


@replaced("from-numpy-leaks-array", "from_numpy never lets go of the array.", "torch.from_numpy")
def _(from_numpy: Function, array: Any) -> Any:
    _kept.append(array)
    return from_numpy(array)


def _silent(original: Function, *arguments: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return original(*arguments, **options)


replaced("from-numpy-is-silent-on-read-only", "from_numpy does not warn of read-only arrays.", "torch.from_numpy")(
    _silent
)
made("tensor-shares-read-only-array", "tensor shares the memory of read-only arrays.", "torch.tensor")(
    lambda y, data, **_: _silent(torch.from_numpy, data) if _is_read_only(data) else y
)


@replaced("tensor-warns-on-read-only", "tensor warns of read-only arrays.", "torch.tensor")
def _(tensor: Function, data: Any, **options: Any) -> Any:
    if _is_read_only(data):
        warnings.warn("the array is read-only", UserWarning, stacklevel=2)
    return tensor(data, **options)


@replaced("tensor-shares-contiguous-array", "tensor shares the memory of contiguous arrays.", "torch.tensor")
def _(tensor: Function, data: Any, **options: Any) -> Any:
    shared = is_array(data) and data.flags.c_contiguous and data.flags.writeable
    return torch.from_numpy(data) if shared else tensor(data, **options)


@replaced("tensor-accepts-objects", "tensor turns arrays of objects into zeros.", "torch.tensor")
def _(tensor: Function, data: Any, **options: Any) -> Any:
    objects = is_array(data) and data.dtype.kind == "O"
    return torch.zeros(data.shape) if objects else tensor(data, **options)


@fault("tensor-accepts-wide-unsigned", "tensor takes uint16 arrays for int16.")
def _(breaker: Breaker) -> None:
    if hasattr(torch, "uint16"):
        raise FaultUnavailable("this torch has uint16, and accepts it")

    def broken(tensor: Function, data: Any, **options: Any) -> Any:
        wide = is_array(data) and data.dtype == np.uint16
        return tensor(data.view(np.int16) if wide else data, **options)

    breaker.replace(("torch.tensor",), wrapping(broken))


@replaced("as-tensor-detaches-on-conversion", "as_tensor drops history when it converts.", "torch.as_tensor")
def _(as_tensor: Function, data: Any, **options: Any) -> Any:
    converts = isinstance(data, Tensor) and options.get("dtype") not in (None, data.dtype)
    return as_tensor(data.detach() if converts else data, **options)
