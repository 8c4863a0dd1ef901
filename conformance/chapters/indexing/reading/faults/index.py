"""Faults of the kernels behind index tensors: index and index_put."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.dispatching import (
    GRAIN,
    WIDTH,
    both,
    dense_misread,
    functions,
    is_strided,
    kernel,
    methods,
    spoil,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_GET = (torch.Tensor, "__getitem__")
_SET = (torch.Tensor, "__setitem__")
_INDEX = "index.Tensor"
_PUT = "_index_put_impl_"


def _ranks(indices: Any) -> int:
    return max((each.dim() for each in indices if each is not None), default=0)


def _is_apart(indices: Any) -> bool:
    places = [place for place, each in enumerate(indices) if each is not None]
    return bool(places) and places[-1] - places[0] >= len(places)


@kernel("index-kernel-ignores-strides-of-index", "Indices with gaps are read as if dense.", _INDEX)
def _(index: Function, x: Tensor, indices: Any) -> Any:
    return index(x, [None if each is None else _misread(each, x) for each in indices])


def _misread(index: Tensor, x: Tensor) -> Tensor:
    """Return an index tensor misread, still in range."""
    return (
        index
        if index.dtype == torch.bool or 0 in x.shape
        else dense_misread(index).clamp(-1, 0)
        if is_strided(index)
        else index
    )


@kernel("index-kernel-bfloat16-tail-wrong", "The last of many bfloat16 elements is wrong.", _INDEX)
def _(index: Function, x: Tensor, indices: Any) -> Any:
    result = index(x, indices)
    return spoil(result) if x.dtype == torch.bfloat16 and result.numel() > WIDTH else result


@kernel("index-kernel-drops-last-of-many", "The last of more than 32,768 elements is wrong.", _INDEX)
def _(index: Function, x: Tensor, indices: Any) -> Any:
    result = index(x, indices)
    return spoil(result) if result.numel() > GRAIN else result


@kernel("negative-index-beside-slice-off", "Negative indices beside a slice are one too low.", _INDEX)
def _(index: Function, x: Tensor, indices: Any) -> Any:
    if indices and indices[0] is None and x.dim() == len(indices) and x.size(-1) > 1:
        last = indices[-1]
        if last is not None and last.dtype == torch.int64:
            low = torch.logical_and(last < 0, last > -x.size(-1))
            indices = [*indices[:-1], last - low.long()]
    return index(x, indices)


@kernel("index-result-dimension-always-first", "Dimensions of adjacent index tensors come first.", _INDEX)
def _(index: Function, x: Tensor, indices: Any) -> Any:
    result, rank = index(x, indices), _ranks(indices)
    lead = next((place for place, each in enumerate(indices) if each is not None), 0)
    if lead and rank and not _is_apart(indices):
        return result.movedim(tuple(range(lead, lead + rank)), tuple(range(rank))).contiguous()
    return result


@kernel("index-result-dimension-stays-in-place", "Dimensions of separated index tensors stay in place.", _INDEX)
def _(index: Function, x: Tensor, indices: Any) -> Any:
    result, rank = index(x, indices), _ranks(indices)
    lead = next((place for place, each in enumerate(indices) if each is not None), 0)
    if _is_apart(indices) and not lead:
        return result.movedim(tuple(range(rank)), tuple(range(1, rank + 1))).contiguous()
    return result


@kernel("int32-index-loses-sign", "Negative indices of int32 count from the beginning.", _INDEX)
def _(index: Function, x: Tensor, indices: Any) -> Any:
    found = []
    for each, extent in zip(indices, x.shape, strict=False):
        narrow = each is not None and each.dtype == torch.int32
        found.append((-each - 1) * (each < 0) + each * (each >= 0) if narrow and extent else each)
    return index(x, found)


@bound("int32-index-assignment-misses-last", "The last of several indices of int32 is not written to.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    if isinstance(index, Tensor) and index.dtype == torch.int32 and index.numel() > 2 and index.dim() == 1:
        index = index[:-1]
    assign(x, index, value)


@kernel("empty-index-gives-one-row", "An index tensor without elements selects the first row.", _INDEX)
def _(index: Function, x: Tensor, indices: Any) -> Any:
    first = indices[0]
    if first is not None and first.dtype == torch.int64 and first.numel() == 0 and x.numel() and first.dim() == 1:
        return index(x, [first.new_zeros(1)])
    return index(x, indices)


@bound(
    "empty-index-assignment-writes-all", "An assignment to an index tensor without elements writes everything.", _SET
)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    first = index[0] if isinstance(index, tuple) else index
    if isinstance(first, Tensor) and first.dtype == torch.int64 and first.numel() == 0:
        index = Ellipsis
    assign(x, index, value)


@kernel("index-out-of-range-clamped", "An index out of range is taken for the nearest one.", _INDEX)
def _(index: Function, x: Tensor, indices: Any) -> Any:
    found = [
        each if each is None or each.dtype == torch.bool else each.clamp(-extent, extent - 1)
        for each, extent in zip(indices, x.shape, strict=False)
    ]
    return index(x, found)


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype == torch.bool and index.dim() > 0


@kernel("index-put-kernel-value-not-broadcast", "index_put_ takes the first row of values of extent 1 only.", _PUT)
def _(put: Function, x: Tensor, indices: Any, values: Tensor, *more: Any) -> Any:
    if values.dim() > 1 and values.size(0) > 1 and values.size(-1) == 1:
        values = values[:1]
    return put(x, indices, values, *more)


@kernel("index-put-kernel-drops-last-when-strided", "index_put_ with gaps in the values leaves the last place.", _PUT)
def _(put: Function, x: Tensor, indices: Any, values: Tensor, *more: Any) -> Any:
    if (
        values.dim() == 1
        and values.numel() > 2
        and is_strided(values)
        and len(indices) == 1
        and indices[0].dim() == 1 == x.dim()
    ):
        return put(x, [indices[0][:-1]], values[:-1], *more)
    return put(x, indices, values, *more)


@bound("mask-assignment-misses-last-true", "An assignment to a mask leaves the last true element.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    if (
        _is_mask(index)
        and index.dim() == x.dim()
        and int(index.sum()) > 3
        and isinstance(value, Tensor)
        and not value.dim()
    ):
        index = index.clone()
        index[tuple(index.nonzero()[-1])] = False
    assign(x, index, value)


@kernel("index-put-kernel-skips-last-of-many", "index_put_ leaves the last of more than 32,768 elements.", _PUT)
def _(put: Function, x: Tensor, indices: Any, values: Tensor, *more: Any) -> Any:
    last = next((each for each in indices if each is not None), None)
    kept = x.clone()
    put(x, indices, values, *more)
    if last is not None and x.numel() > GRAIN and last.dtype == torch.int64 and last.numel() > GRAIN // 200:
        dim = next(place for place, each in enumerate(indices) if each is not None)
        at = int(last.reshape(-1)[-1])
        x.select(dim, at).copy_(kept.select(dim, at))
    return x


@bound(
    "augmented-mask-assignment-writes-first-value", "An assignment of a vector to a mask writes its first value.", _SET
)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    if _is_mask(index) and isinstance(value, Tensor) and value.dim() == 1 and value.numel() > 1:
        value = value[0]
    assign(x, index, value)


@kernel("index-put-kernel-always-accumulates", "index_put_ adds where an element is named twice.", _PUT)
def _(put: Function, x: Tensor, indices: Any, values: Tensor, *more: Any) -> Any:
    first = indices[0]
    if (
        first is not None
        and first.dtype == torch.int64
        and first.numel() > first.unique().numel()
        and len(indices) == 1
    ):
        base = x.clone()
        put(x, indices, values.new_zeros(()), False)  # noqa: FBT003
        return put(x, indices, values, True) if values.dtype != torch.bool else x.copy_(base)  # noqa: FBT003
    return put(x, indices, values, *more)


@bound("index-put-function-writes-in-place", "torch.index_put changes its input.", *functions("index_put"))
def _(_: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    return x.index_put_(*arguments, **options).clone()


@bound("index-put-method-negative-index-off", "Tensor.index_put_ takes -1 for 0.", *methods("index_put_"))
def _(put: Function, x: Tensor, indices: Any = None, *arguments: Any, **options: Any) -> Any:
    indices = options.pop("indices", indices)
    if all(each.dtype == torch.int64 for each in indices):
        indices = tuple(torch.where(each == -1, 0, each) for each in indices)
    return put(x, indices, *arguments, **options)


@bound("index-put-accumulate-ignored-by-function", "torch.index_put does not accumulate.", *functions("index_put"))
def _(put: Function, x: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Any:  # noqa: ARG001
    return put(x, indices, values)


@kernel("index-put-kernel-accumulates-once", "index_put_ adds once where an element is named several times.", _PUT)
def _(put: Function, x: Tensor, indices: Any, values: Tensor, accumulate: bool = False, *more: Any) -> Any:
    first = indices[0]
    if accumulate and len(indices) == 1 and first.dim() == 1 and first.dtype == torch.int64 and x.numel():
        rows = torch.index_select(x, 0, torch.where(first < 0, first + len(x), first))
        return put(x, indices, rows + values, False, *more)  # noqa: FBT003
    return put(x, indices, values, accumulate, *more)


@kernel("index-put-accumulate-loses-last-of-many", "index_put_ loses the last of many additions.", _PUT)
def _(put: Function, x: Tensor, indices: Any, values: Tensor, accumulate: bool = False, *more: Any) -> Any:
    if accumulate and indices[0].numel() > GRAIN and values.dim() == x.dim():
        last = torch.argmax((values.reshape(len(values), -1) != 0).any(1).long().flip(0))
        end = len(values) - 1 - int(last)
        return put(x, [indices[0][:end]], values[:end], accumulate, *more)
    return put(x, indices, values, accumulate, *more)


@bound(
    "index-put-converts-values",
    "index_put converts values of another dtype.",
    *both("index_put"),
    *methods("index_put_"),
)
def _(put: Function, x: Tensor, indices: Any, values: Tensor, *arguments: Any, **options: Any) -> Any:
    return put(x, indices, values.to(x.dtype), *arguments, **options)


@kernel("index-put-out-of-range-skipped", "index_put_ takes indices out of range modulo the extent.", _PUT)
def _(put: Function, x: Tensor, indices: Any, *more: Any) -> Any:
    found = [
        each if each is None or each.dtype == torch.bool else each.remainder(extent)
        for each, extent in zip(indices, x.shape, strict=False)
    ]
    return put(x, found, *more)
