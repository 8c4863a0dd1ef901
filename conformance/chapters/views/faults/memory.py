"""Faults of view(dtype), complex parts, contiguous, is_contiguous, stride and storage_offset."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import (
    as_strided,
    copied,
    dense,
    in_memory_order,
    is_many,
    is_strided,
    last_repeated,
    shifted,
)
from torch_conformance.conformance.power.forms import attribute_changed, functions, kernels, methods
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

view = Operation("view(dtype)", *methods("view"), order="x dtype/size")
contiguous = Operation("contiguous", *methods("contiguous"), order="x memory_format")
is_contiguous = Operation("is_contiguous", *methods("is_contiguous"), order="x memory_format")
view_as_complex = Operation("view_as_complex", *functions("view_as_complex"))
channels_last, channels_last_3d = torch.channels_last, torch.channels_last_3d
_RANKS: dict[Any, int] = {channels_last: 4, channels_last_3d: 5}


def _is_dtype(value: Any) -> bool:
    return isinstance(value, torch.dtype)


view.answers("copies")(lambda result, dtype: result.clone() if _is_dtype(dtype) else result)
view.answers("loses offset", "begins at the first place of the storage")(
    lambda result, dtype: shifted(result, -result.storage_offset()) if _is_dtype(dtype) and result.numel() else result
)
view.answers("keeps outer strides", "of matrices leaves the stride of rows dense")(
    lambda result, dtype: (
        as_strided(result, result.shape, (result.shape[1], 1))
        if _is_dtype(dtype) and result.dim() == 2 and result.numel()
        else result
    )
)
view.forgives("takes strided")(lambda original, x, dtype: original(dense(x) if _is_dtype(dtype) else x, dtype))


@view.answers("converts int32", "of float32 as int32 converts, and to other floats changes the sign")
def _(x: Tensor, dtype: Any, result: Any) -> Any:
    if x.dtype != torch.int32 and x.element_size() == 4 and dtype == torch.int32:
        return x.to(torch.int32)
    return result.neg() if _is_dtype(dtype) and result.dtype != x.dtype and result.is_floating_point() else result


@view.replaced("keyword swaps bytes", "by keyword exchanges neighbours")
def _(original: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = original(x, *arguments, **options)
    return torch.flip(answer, (-1,)) if "dtype" in options and answer.dim() else answer


@view.forgives("rounds size down", "leaves out the rest")
def _(original: Function, x: Tensor, dtype: Any) -> Any:
    ratio = max(dtype.itemsize // x.element_size(), 1)
    return original(dense(x[..., : x.shape[-1] // ratio * ratio]), dtype)


for _attribute, _mutation, _get in (
    ("real", "makes contiguous", lambda x, real: dense(real) if x.is_complex() else real),
    ("real", "of real copies", lambda x, real: real if x.is_complex() else copied(real)),
    ("imag", "of complex64 negates", lambda x, imag: -imag if x.dtype == torch.complex64 else imag * 3),
    ("imag", "makes contiguous", lambda _, imag: dense(imag)),
    ("imag", "forgets conjugation", lambda x, imag: -imag if x.is_conj() else imag),
):
    _name = f"{_attribute}-{_mutation.replace(' ', '-')}"
    attribute_changed(_name, f"x.{_attribute} {_mutation}.", f"Tensor.{_attribute}", get=_get)

Operation("imag", *functions("imag")).forgives("of real is zero")(lambda x: x.new_zeros(x.shape))
view_as_complex.forgives("takes strided pairs", "copies pairs with gaps")(lambda original, x: original(dense(x)))
view_as_complex.forgives("drops the rest")(lambda original, x: original(dense(x[..., :2])))
view_as_complex.forgives("converts integers")(lambda original, x: original(x.float()))
Operation("view_as_real", *functions("view_as_real")).forgives("resolves conjugation", "copies conjugated tensors")(
    lambda original, x: original(x.resolve_conj())
)
contiguous.answers("copies channels last", "copies for channels_last")(
    lambda result, memory_format: copied(result) if memory_format == channels_last else result
)
contiguous.answers("reads memory order of cubes", "of three dimensions reads memory in order")(
    lambda result, x: in_memory_order(x) if x.dim() == 3 and is_strided(x) else result
)
contiguous.answers("of large loses tail", "of large tensors loses the last element")(
    lambda result, x: last_repeated(result) if is_many(x) and is_strided(x) else result
)
contiguous.answers("leaves expanded", "returns tensors with stride 0 as they are")(
    lambda result, x, memory_format: x if 0 in x.stride() and memory_format is None and x.numel() else result
)
contiguous.answers("ignores channels last 3d", "takes channels_last_3d for row-major")(
    lambda result, x, memory_format: dense(x) if memory_format == channels_last_3d else result
)
contiguous.answers("channels last ignores batch", "takes channels_last of one image for row-major")(
    lambda result, x, memory_format: dense(x) if memory_format == channels_last and x.shape[0] == 1 else result
)
contiguous.forgives("ignores format of other rank", "takes any format for any rank")(lambda original, x: original(x))
is_contiguous.answers("compares last stride only")(
    lambda result, x, memory_format: x.stride(-1) == 1 if x.dim() and x.numel() and memory_format is None else result
)
is_contiguous.answers("keyword is true", "of contiguous_format is True")(
    lambda result, memory_format: memory_format == torch.contiguous_format or result
)
is_contiguous.answers("counts size 1", "looks at strides of dimensions of size 1")(
    lambda result, x, memory_format: (
        x.stride() == torch.empty(x.shape, device="meta").stride() if memory_format is None and x.numel() else result
    )
)
is_contiguous.answers("of empty compares strides")(lambda result, x: result and (x.numel() > 0 or 1 in x.stride()))
is_contiguous.answers("takes any dense order", "takes row-major for channels_last")(
    lambda result, original, x: result or (x.dim() in (4, 5) and original(x))
)


@contiguous.answers("to channels last of large loses tail", "to channels_last_3d gets the last of many elements wrong")
def _(result: Tensor, x: Tensor, memory_format: Any) -> Tensor:
    if memory_format == channels_last_3d and is_many(x) and result is not x:
        line = as_strided(result, (result.numel(),), (1,), 0)
        line[-1] = torch.logical_not(line[-1])
    return result


@Operation("copy kernel", *kernels("copy_")).replaced("loses corner of transposed")
def _(original: Function, x: Tensor, source: Tensor, *rest: Any) -> Tensor:
    answer: Tensor = original(x, source, *rest)
    if x.dim() == 2 and is_many(x) and x.is_contiguous() and source.stride(0) == 1 and min(x.shape) > 1:
        line = as_strided(answer, (answer.numel(),), (1,), 0)
        original(line[-1:], line[-2:-1], *rest)
    return answer


@Operation("stride", *methods("stride")).answers("in bytes for 16-bit types", "of 16-bit types is in bytes")
def _(result: Any, x: Tensor) -> Any:
    if x.element_size() != 2 or not x.dim():
        return result
    return 2 * result if isinstance(result, int) else tuple(2 * step for step in result)


Operation("stride", *methods("stride")).replaced("keyword dim is last", "by keyword is the last stride")(
    lambda original, x, *arguments, **options: original(
        x, *arguments, **({"dim": -1} if options and x.dim() else options)
    )
)
Operation("storage_offset", *methods("storage_offset")).answers("in bytes")(lambda result, x: result * x.element_size())
