"""Faults of index_select, gather, take, take_along_dim and where."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.dispatching import (
    GRAIN,
    WIDTH,
    both,
    changed,
    dense_misread,
    functions,
    is_strided,
    kernel,
    methods,
    spoil,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


@kernel("index-select-kernel-int32-off", "index_select with int32 repeats the first of many.", "index_select")
def _(select: Function, x: Tensor, dim: int, index: Tensor) -> Any:
    if index.dtype == torch.int32 and index.numel() > 2:
        index = index.clone()
        index.select(0, -1).copy_(index.select(0, 0))
    return select(x, dim, index)


@changed(
    "index-select-out-wrong-when-strided", "index_select into an out with gaps ends early.", *functions("index_select")
)
def _(result: Tensor, *_: Any, **options: Any) -> Any:
    return spoil(result) if options.get("out") is not None and is_strided(result) else result


@bound("index-select-negative-dim-off", "index_select takes dimension -2 for -1.", *both("index_select"))
def _(select: Function, x: Any = None, *arguments: Any, **options: Any) -> Any:
    if arguments and arguments[0] == -2:
        arguments = (-1, *arguments[1:])
        arguments = (
            (arguments[0], arguments[1].clamp(max=x.size(-1) - 1), *arguments[2:])
            if x.size(-1)
            else (-2, *arguments[1:])
        )
    return select(*(() if x is None else (x,)), *arguments, **options)


@kernel("index-select-kernel-drops-last-of-many", "index_select ends early for large results.", "index_select")
def _(select: Function, *arguments: Any) -> Any:
    result = select(*arguments)
    return spoil(result) if result.numel() > GRAIN else result


@kernel("gather-kernel-ignores-shorter-index", "gather of an index that is shorter elsewhere misreads rows.", "gather")
def _(gather: Function, x: Tensor, dim: int, index: Tensor, **options: Any) -> Any:
    if x.dim() == 2 and dim % 2 == 0 and 0 < index.size(1) < x.size(1):
        x = x[:, x.size(1) - index.size(1) :]
    return gather(x, dim, index, **options)


@kernel("gather-kernel-strided-index-misread", "gather reads an index with gaps as if dense.", "gather", "gather.out")
def _(gather: Function, x: Tensor, dim: int, index: Tensor, *more: Any, **options: Any) -> Any:
    if is_strided(index) and x.numel():
        index = dense_misread(index).clamp(0, (x.size(dim) if x.dim() else 1) - 1)
    return gather(x, dim, index, *more, **options)


@changed("gather-out-keeps-old-last", "gather with out leaves the last element of many.", *functions("gather"))
def _(result: Tensor, *_: Any, **options: Any) -> Any:
    return spoil(result) if options.get("out") is not None and result.numel() > WIDTH else result


@kernel("gather-kernel-expanded-index-first-column", "gather with an expanded index reads the first column.", "gather")
def _(gather: Function, x: Tensor, dim: int, index: Tensor, **options: Any) -> Any:
    result = gather(x, dim, index, **options)
    if index.dim() == 2 and index.stride(1) == 0 and index.size(1) > 16 and x.is_contiguous():
        result.select(1, -1).copy_(result.select(1, 0).clone())
    return result


@kernel("take-kernel-reads-storage-order", "take of a transposed tensor counts in storage order.", "take", "take.out")
def _(take: Function, x: Tensor, index: Tensor, **options: Any) -> Any:
    return take(x.T.contiguous() if x.dim() == 2 and x.stride(0) == 1 < x.size(0) else x, index, **options)


@bound("take-negative-off", "Tensor.take takes -1 for the last but one.", *methods("take"))
def _(take: Function, x: Tensor, index: Any = None, **options: Any) -> Any:
    index = options.get("index", index)
    return take(x, torch.where(index < 0, (index - 1).clamp(min=-x.numel()), index) if x.numel() > 1 else index)


@kernel("take-kernel-last-of-many-lost", "take loses the last of more than 100 elements.", "take")
def _(take: Function, *arguments: Any) -> Any:
    result = take(*arguments)
    return spoil(result) if result.numel() > 100 else result


@bound("take-along-dim-reads-dim-zero", "take_along_dim takes dimension -2 for the last.", *both("take_along_dim"))
def _(take: Function, *arguments: Any, **options: Any) -> Any:
    result = take(*arguments, **options)
    if options.get("dim") == -2 and "out" not in options and result.dim() == 2 and result.numel():
        return result.flip(0).contiguous()
    return result


@bound("take-along-dim-out-ignored", "take_along_dim with out leaves the last element.", *functions("take_along_dim"))
def _(take: Function, *arguments: Any, **options: Any) -> Any:
    result = take(*arguments, **options)
    return spoil(result) if options.get("out") is not None else result


@changed(
    "take-along-no-dim-keeps-shape", "take_along_dim without dim keeps the shape of the index.", *both("take_along_dim")
)
def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
    flat = len(arguments) == 2 and options.get("dim") is None and isinstance(arguments[1], Tensor)
    return result.view(arguments[1].shape) if flat else result


@bound(
    "gather-method-negative-dim-off",
    "torch.gather along the last of several dimensions reads rows in reverse.",
    *functions("gather"),
)
def _(gather: Function, *arguments: Any, **options: Any) -> Any:
    result = gather(*arguments, **options)
    if "out" not in options and len(arguments) == 3 and arguments[1] == result.dim() - 1 == 1:
        return result.flip(1).contiguous()
    return result


@bound(
    "take-along-dim-last-dim-unsorted",
    "take_along_dim along the last dimension swaps two elements.",
    *functions("take_along_dim"),
)
def _(take: Function, *arguments: Any, **options: Any) -> Any:
    result = take(*arguments, **options)
    if len(arguments) == 3 and arguments[2] == result.dim() - 1 and result.size(-1) > 2:
        return torch.cat([result[..., 1:2], result[..., :1], result[..., 2:]], -1)
    return result


@bound(
    "index-select-flattens-index",
    "index_select takes an index of two dimensions for its elements.",
    *functions("index_select"),
)
def _(select: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3:
        arguments = (*arguments[:2], arguments[2].reshape(-1))
    return select(*arguments, **options)


@bound("gather-takes-lower-rank", "gather adds dimensions to an index of a lower rank.", *functions("gather"))
def _(gather: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and arguments[2].dim() == 1 < arguments[0].dim():
        arguments = (*arguments[:2], arguments[2].view(-1, *[1] * (arguments[0].dim() - 1)))
    return gather(*arguments, **options)


@bound("take-truncates-floating-index", "take converts a floating index.", *both("take"))
def _(take: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2:
        arguments = (arguments[0], arguments[1].long())
    return take(*arguments, **options)


@bound("take-along-dim-takes-floating-index", "take_along_dim converts a floating index.", *both("take_along_dim"))
def _(take: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) > 1 and isinstance(arguments[1], Tensor):
        arguments = (arguments[0], arguments[1].long(), *arguments[2:])
    return take(*arguments, **options)


@bound("index-select-wraps-negative", "index_select counts negative indices from the end.", *both("index_select"))
def _(select: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and arguments[2].numel() and arguments[0].dim():
        extent = arguments[0].size(arguments[1])
        arguments = (*arguments[:2], torch.where(arguments[2] < -extent, arguments[2] % max(extent, 1), arguments[2]))
    return select(*arguments, **options)


@kernel("gather-kernel-clamps-index", "gather takes the nearest element for an index out of range.", "gather")
def _(gather: Function, x: Tensor, dim: int, index: Tensor, **options: Any) -> Any:
    return gather(x, dim, index.clamp(0, x.size(dim) - 1) if x.dim() and x.size(dim) else index, **options)


@kernel("take-wraps-around", "take counts indices modulo the number of elements.", "take")
def _(take: Function, x: Tensor, index: Tensor) -> Any:
    return take(x, index.remainder(x.numel()) if x.numel() else index)


@changed("index-select-of-all-gives-view", "index_select of every row gives a view.", *both("index_select"))
def _(result: Tensor, x: Any = None, *arguments: Any, **options: Any) -> Any:
    same = x is not None and "out" not in options and result.shape == x.shape and torch.equal(result, x)
    return x.view_as(x) if same and arguments else result


@changed("masked-fill-of-nothing-gives-self", "masked_fill of nothing gives a view of its input.", *both("masked_fill"))
def _(result: Tensor, x: Any = None, mask: Any = None, *_: Any, **__: Any) -> Any:
    return x.view_as(x) if mask is not None and not mask.any() and result.shape == x.shape else result


@changed("where-of-all-gives-input", "where gives a view of a tensor that is chosen throughout.", *functions("where"))
def _(result: Any, condition: Any = None, *tensors: Any, **options: Any) -> Any:
    whole = len(tensors) == 2 and isinstance(tensors[0], Tensor) and "out" not in options and bool(condition.all())
    return tensors[0].view_as(tensors[0]) if whole and result.shape == tensors[0].shape else result


_WHERE = ("where.self",)


@kernel("where-kernel-swaps-last", "where chooses the other for the last of many elements.", *_WHERE)
def _(where: Function, condition: Tensor, a: Tensor, b: Tensor) -> Any:
    result = where(condition, a, b)
    if result.numel() > WIDTH and a.shape == b.shape == result.shape:
        for _ in range(result.dim()):
            condition, a, b = condition.select(0, -1), a.select(0, -1), b.select(0, -1)
        last = result
        for _ in range(result.dim()):
            last = last.select(0, -1)
        last.copy_(b if bool(condition) else a)
    return result


@changed("where-out-ignores-strides", "where into an out with gaps ends early.", *functions("where"))
def _(result: Any, *_: Any, **options: Any) -> Any:
    return spoil(result) if options.get("out") is not None and is_strided(result) else result


@bound("where-method-inverts-when-strided", "Tensor.where of a transposed condition inverts it.", *methods("where"))
def _(where: Function, a: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and is_strided(arguments[0]):
        arguments = (~arguments[0], *arguments[1:])
    return where(a, *arguments, **options)


@kernel(
    "where-condition-not-broadcast-in-last-dimension",
    "where takes a condition of extent 1 for the first element.",
    *_WHERE,
)
def _(where: Function, condition: Tensor, a: Tensor, b: Tensor) -> Any:
    if condition.dim() and condition.size(-1) == 1 and a.dim() and a.size(-1) > 1:
        rest = condition.new_zeros((*condition.shape[:-1], a.size(-1) - 1))
        condition = torch.cat([condition, rest], -1)
    return where(condition, a, b)


def _tensors(arguments: tuple[Any, ...]) -> bool:
    return len(arguments) == 3 and all(isinstance(each, Tensor) for each in arguments)


@changed("where-takes-dtype-of-first", "where gives the dtype of its first tensor.", *functions("where"))
def _(result: Any, *arguments: Any, **options: Any) -> Any:
    return result.to(arguments[1].dtype) if _tensors(arguments) and "out" not in options else result


@changed(
    "where-zero-dim-counts-as-dimensioned", "A tensor without dimensions weighs like any other.", *functions("where")
)
def _(result: Any, *arguments: Any, **options: Any) -> Any:
    if _tensors(arguments) and "out" not in options:
        names = {str(arguments[1].dtype), str(arguments[2].dtype)}
        if len(names) == 2 and not any("uint" in name and "uint8" not in name for name in names):
            return result.to(torch.promote_types(arguments[1].dtype, arguments[2].dtype))
    return result


@changed("where-number-counts-as-tensor", "A Python number weighs like a tensor of its type.", *functions("where"))
def _(result: Any, *arguments: Any, **_: Any) -> Any:
    if len(arguments) == 3 and isinstance(arguments[2], int | float | complex) and isinstance(arguments[1], Tensor):
        return result.to(torch.promote_types(arguments[1].dtype, torch.tensor(arguments[2]).dtype))
    return result


@changed("where-two-floats-give-double", "where of two floats gives float64.", *functions("where"))
def _(result: Any, *arguments: Any, **_: Any) -> Any:
    return result.double() if len(arguments) == 3 and all(isinstance(each, float) for each in arguments[1:]) else result


@kernel("where-kernel-multiplies-by-mask", "where multiplies with the condition and adds.", *_WHERE)
def _(where: Function, condition: Tensor, a: Tensor, b: Tensor) -> Any:
    if a.dtype == b.dtype and (a.is_floating_point() or a.is_complex()):
        return a * condition.to(a.dtype) + b * (~condition).to(a.dtype)
    return where(condition, a, b)


@bound("where-takes-any-condition", "where takes what is not zero for true.", *functions("where"))
def _(where: Function, condition: Any = None, *tensors: Any, **options: Any) -> Any:
    condition = options.pop("condition", condition)
    return where(condition.bool() if tensors or options else condition, *tensors, **options)
