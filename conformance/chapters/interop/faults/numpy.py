"""Faults of Tensor.numpy and Tensor.__array__."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from torch_conformance.conformance.power.older_forms.replacing import bound, replaced
from torch_conformance.conformance.power.registry import Breaker, FaultUnavailable, Function, fault

_LARGE = 32_768
_NUMPY = (torch.Tensor, "numpy")
_PROTOCOL = (torch.Tensor, "__array__")


@bound("numpy-int32-becomes-int64", "numpy widens int32 tensors.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    array = original(tensor, **options)
    return array.astype(np.int64) if array.dtype == np.int32 else array


@bound("numpy-scalar-becomes-generic", "numpy gives a NumPy scalar for a tensor without dimensions.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    array = original(tensor, **options)
    return array if array.ndim else array[()]


@bound("numpy-ignores-transposition", "numpy reads matrices in the order of their memory.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    array = original(tensor, **options)
    transposed = array.ndim == 2 and array.flags.f_contiguous and not array.flags.c_contiguous
    return array.T.reshape(array.shape) if transposed else array


@bound("numpy-makes-contiguous", "numpy compacts tensors that are not contiguous.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    array = original(tensor, **options)
    return array if array.flags.c_contiguous else array.copy()


@bound("numpy-copies-offset", "numpy copies tensors that do not begin where their storage begins.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    array = original(tensor, **options)
    return array.copy() if tensor.storage_offset() else array


@bound("numpy-bfloat16-becomes-float32", "numpy widens bfloat16 tensors.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    return original(tensor.float() if tensor.dtype == torch.bfloat16 else tensor, **options)


@bound("numpy-accepts-leaf", "numpy detaches leaves by itself.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    return original(tensor.detach() if tensor.is_leaf else tensor, **options)


@bound("numpy-resolves-conjugate", "numpy resolves conjugation without force.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    return original(tensor.resolve_conj(), **options)


@bound("numpy-ignores-negative-bit", "numpy takes a tensor's memory in spite of its negative bit.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    plain = tensor.is_neg() and not options.get("force")
    return original(torch._neg_view(tensor) if plain else tensor, **options)  # noqa: SLF001


@bound("numpy-accepts-meta", "numpy gives zeros for tensors without data.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    return np.zeros(tensor.shape) if tensor.device.type == "meta" else original(tensor, **options)


@bound("numpy-densifies", "numpy makes sparse tensors dense.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    return original(tensor.to_dense() if tensor.is_sparse else tensor, **options)


@bound(
    "numpy-force-ignores-conjugate", "numpy with force takes a tensor's memory in spite of its conjugate bit.", _NUMPY
)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    return original(tensor.conj() if options.get("force") and tensor.is_conj() else tensor, **options)


@bound("numpy-force-ignores-negation", "numpy with force takes a tensor's memory in spite of its negative bit.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    plain = tensor.is_neg() and options.get("force")
    return original(torch._neg_view(tensor.detach()) if plain else tensor, **options)  # noqa: SLF001


@bound("numpy-force-copies-leaf", "numpy with force copies tensors that require grad.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    array = original(tensor, **options)
    return array.copy() if tensor.requires_grad else array


@bound("numpy-force-resolves-in-place", "numpy with force conjugates the tensor's own memory.", _NUMPY)
def _(original: Function, tensor: Any, **options: Any) -> Any:
    if not (options.get("force") and tensor.is_conj()):
        return original(tensor, **options)
    array = original(tensor.detach().conj(), **options)
    return np.conjugate(array, out=array)


@bound(
    "resolve-conj-does-nothing",
    "resolve_conj returns its argument.",
    (torch.Tensor, "resolve_conj"),
    (torch, "resolve_conj"),
)
def _(original: Function, tensor: Any) -> Any:  # noqa: ARG001
    return tensor


@bound("array-protocol-drops-last-of-large", "__array__ loses the tail of large tensors.", _PROTOCOL)
def _(original: Function, tensor: Any, *dtype: Any, **options: Any) -> Any:
    array = original(tensor, *dtype, **options)
    if array.size > _LARGE:
        array = array.copy()
        array[(-1,) * array.ndim] = 0
    return array


@bound("array-protocol-copies", "__array__ copies.", _PROTOCOL)
def _(original: Function, tensor: Any, *dtype: Any, **options: Any) -> Any:
    return original(tensor, *dtype, **options).copy()


@bound("array-protocol-detaches", "__array__ detaches by itself.", _PROTOCOL)
def _(original: Function, tensor: Any, *dtype: Any, **options: Any) -> Any:
    return original(tensor.detach(), *dtype, **options)


@bound("array-protocol-ignores-dtype", "__array__ ignores dtype for integer tensors.", _PROTOCOL)
def _(original: Function, tensor: Any, *dtype: Any, **options: Any) -> Any:
    if tensor.dtype == torch.int32:
        return original(tensor)
    return original(tensor, *dtype, **options)


@fault("np-array-shares", "__array__ takes NumPy's copy= and ignores it.")
def _np_array_shares(breaker: Breaker) -> None:
    if int(np.__version__.split(".")[0]) < 2:
        raise FaultUnavailable("NumPy before 2 does not pass copy= to __array__")

    def broken(original: Function, tensor: Any, dtype: Any = None, copy: Any = None) -> Any:  # noqa: ARG001
        return original(tensor, dtype)

    breaker.binding(torch.Tensor, "__array__", replaced(broken))
