"""Faults of item, tolist, and Python's conversions of one-element tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Breaker, Function, fault
from torch_conformance.reference.model.strided import row_major

_ITEM = (torch.Tensor, "item")
_TOLIST = (torch.Tensor, "tolist")
_BOOL = (torch.Tensor, "__bool__")
_INT = (torch.Tensor, "__int__")
_FLOAT = (torch.Tensor, "__float__")
_INDEX = (torch.Tensor, "__index__")


@bound("item-bool-becomes-int", "item gives 0 or 1 for bool.", _ITEM)
def _(original: Function, tensor: Any) -> Any:
    value = original(tensor)
    return int(value) if isinstance(value, bool) else value


@bound("item-integral-float-becomes-int", "item gives whole float16 numbers as int.", _ITEM)
def _(original: Function, tensor: Any) -> Any:
    value = original(tensor)
    return int(value) if tensor.dtype == torch.float16 and value.is_integer() else value


@bound("item-int64-through-float64", "item reads int64 by way of float64.", _ITEM)
def _(original: Function, tensor: Any) -> Any:
    value = original(tensor)
    return int(float(value)) if tensor.dtype == torch.int64 else value


@fault("item-flushes-subnormals", "The kernel behind item reads subnormal numbers as zero.")
def _flush(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        def local_scalar_dense(tensor: torch.Tensor) -> Any:
            value = original(tensor)
            subnormal = isinstance(value, float) and 0 < abs(value) < torch.finfo(tensor.dtype).tiny
            return 0.0 if subnormal else value

        return local_scalar_dense

    breaker.kernel("aten::_local_scalar_dense", make)


@bound("item-ignores-offset", "item reads the beginning of the storage.", _ITEM)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.as_strided(tensor.shape, tensor.stride(), 0))


@bound("item-takes-first-of-several", "item gives the first of several elements.", _ITEM)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.reshape(-1)[0] if tensor.numel() > 1 else tensor)


@bound("item-of-empty-is-zero", "item gives zero for no element.", _ITEM)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor) if tensor.numel() else 0


@bound("item-ignores-conjugate", "item reads memory in spite of the conjugate bit.", _ITEM)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.conj() if tensor.is_conj() else tensor)


@bound("item-ignores-negative-bit", "item reads memory in spite of the negative bit.", _ITEM)
def _(original: Function, tensor: Any) -> Any:
    return original(torch._neg_view(tensor) if tensor.is_neg() else tensor)  # noqa: SLF001


@bound("tolist-ignores-strides", "tolist reads memory in row-major order.", _TOLIST)
def _(original: Function, tensor: Any) -> Any:
    dense = tensor.as_strided(tensor.shape, row_major(tuple(tensor.shape)), tensor.storage_offset())
    return original(dense) if tensor.is_contiguous() or 0 not in tensor.stride() else original(tensor)


@bound("tolist-drops-empty-rows", "tolist gives [] for any tensor without elements.", _TOLIST)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor) if tensor.numel() else []


@bound("tolist-scalar-becomes-list", "tolist gives a list for a tensor without dimensions.", _TOLIST)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor) if tensor.ndim else [original(tensor)]


@bound("tolist-half-through-bfloat16", "tolist reads float16 by way of bfloat16.", _TOLIST)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.bfloat16() if tensor.dtype == torch.float16 else tensor)


@bound("tolist-uint8-becomes-signed", "tolist reads uint8 as int8.", _TOLIST)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.view(torch.int8) if tensor.dtype == torch.uint8 else tensor)


@bound("tolist-ignores-conjugate", "tolist reads memory in spite of the conjugate bit.", _TOLIST)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.conj() if tensor.is_conj() else tensor)


@bound("tolist-refuses-requires-grad", "tolist refuses tensors that require grad.", _TOLIST)
def _(original: Function, tensor: Any) -> Any:
    if tensor.requires_grad:
        raise RuntimeError("cannot read a tensor that requires grad")
    return original(tensor)


@bound("int-rounds", "int rounds to nearest.", _INT)
def _(original: Function, tensor: Any) -> Any:
    return round(tensor.item()) if tensor.is_floating_point() else original(tensor)


@bound("int-through-float32", "int reads integers by way of float32.", _INT)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.float() if tensor.dtype == torch.int64 else tensor)


@bound("int-of-infinity-saturates", "int of an infinity is the extreme of int64.", _INT)
def _(original: Function, tensor: Any) -> Any:
    if tensor.is_floating_point() and math.isinf(tensor.item()):
        return 2**63 - 1 if tensor.item() > 0 else -(2**63)
    return original(tensor)


@bound("float-through-float32", "float reads float64 by way of float32.", _FLOAT)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.float() if tensor.dtype == torch.float64 else tensor)


@bound("float-takes-first-of-several", "float gives the first of several elements.", _FLOAT)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.reshape(-1)[0] if tensor.numel() > 1 else tensor)


@bound("complex-drops-sign-of-zero", "complex loses the sign of a zero part.", (torch.Tensor, "__complex__"))
def _(original: Function, tensor: Any) -> Any:
    value = original(tensor)
    return complex(value.real + 0.0, value.imag)


@bound("is-nonzero-truncates", "is_nonzero looks at the integer part.", (torch, "is_nonzero"))
def _(original: Function, tensor: Any) -> Any:
    fraction = tensor.numel() == 1 and tensor.is_floating_point() and abs(tensor.item()) < 1
    return False if fraction else original(tensor)


@bound("bool-of-nan-is-false", "bool of NaN is False.", _BOOL)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor) and not bool(np.isnan(tensor.item()))


@bound("bool-of-several-is-any", "bool of several elements tells whether any is nonzero.", _BOOL)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.any() if tensor.numel() > 1 else tensor)


@bound("bool-of-empty-is-false", "bool of no element is False.", _BOOL, (torch, "is_nonzero"))
def _(original: Function, tensor: Any) -> Any:
    return original(tensor) if tensor.numel() else False


@bound("index-wraps-to-int32", "An index is read as int32.", _INDEX)
def _(original: Function, tensor: Any) -> Any:
    return (original(tensor) + 2**31) % 2**32 - 2**31


@bound("index-takes-floats", "A float serves as an index.", _INDEX)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.long() if tensor.is_floating_point() else tensor)


@bound("index-takes-first-of-several", "The first of several integers serves as an index.", _INDEX)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor.reshape(-1)[0] if tensor.numel() > 1 else tensor)
