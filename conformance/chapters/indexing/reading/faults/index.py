"""Faults of the kernels behind index tensors: index and index_put."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.chapters.indexing.reading.faults.indices import first, is_indices, is_mask, writing
from torch_conformance.conformance.power.damage import (
    GRAIN,
    WIDTH,
    is_strided,
    last_spoiled,
    last_spoiled_beyond,
    read_as_dense,
)
from torch_conformance.conformance.power.forms import both, functions, kernels, methods
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_PUT = "x indices values accumulate"
# Some are named by the mutation alone: what it does to an index names the operation.
index = Operation("", *kernels("index.Tensor"), order="x indices")
put = Operation("index_put kernel", *kernels("_index_put_impl_"), order=_PUT)
put_method = Operation("index_put method", *methods("index_put_"), order=_PUT)
put_function = Operation("index_put", *functions("index_put"), order=_PUT)


def _ranks(indices: Any) -> int:
    return max((each.dim() for each in indices if each is not None), default=0)


def _lead(indices: Any) -> int:
    return next((place for place, each in enumerate(indices) if each is not None), 0)


def _is_apart(indices: Any) -> bool:
    places = [place for place, each in enumerate(indices) if each is not None]
    return bool(places) and places[-1] - places[0] >= len(places)


def _mapped(x: Tensor, indices: Any, change: Function) -> list[Any]:
    """Return indices of which those that are integers are `change(index, extent)`."""
    return [
        each if each is None or each.dtype == torch.bool else change(each, extent)
        for each, extent in zip(indices, x.shape, strict=False)
    ]


index.given(
    "index kernel ignores strides of index",
    indices=lambda x, indices: (
        indices
        if 0 in x.shape
        else _mapped(x, indices, lambda each, _: read_as_dense(each).clamp(-1, 0) if is_strided(each) else each)
    ),
)
index.answers("index kernel bfloat16 tail wrong")(
    lambda result, x: last_spoiled(result) if x.dtype == torch.bfloat16 and result.numel() > WIDTH else result
)
index.answers("index kernel drops last of many")(last_spoiled_beyond(GRAIN))
index.given(
    "int32 index loses sign",
    "negative indices of int32 count from the beginning",
    indices=lambda x, indices: _mapped(
        x, indices, lambda each, _: torch.where(each < 0, -each - 1, each) if each.dtype == torch.int32 else each
    ),
)
index.given(
    "empty index gives one row",
    indices=lambda x, indices: (
        [indices[0].new_zeros(1)]
        if is_indices(indices[0], torch.int64) and indices[0].shape == (0,) and x.numel()
        else indices
    ),
)
index.given(
    "index out of range clamped",
    indices=lambda x, indices: _mapped(x, indices, lambda each, extent: each.clamp(-extent, extent - 1)),
)


@index.answers("negative index beside slice off", "negative indices beside a slice are one too low")
def _(original: Function, x: Tensor, indices: Any) -> Any:
    *before, last = indices
    if indices[0] is None and x.dim() == len(indices) and x.size(-1) > 1 and is_indices(last, torch.int64):
        last = last - torch.logical_and(last < 0, last > -x.size(-1)).long()
    return original(x, [*before, last])


@index.answers("index result dimension always first", "dimensions of adjacent index tensors come first")
def _(result: Any, indices: Any) -> Any:
    rank, lead = _ranks(indices), _lead(indices)
    if lead and rank and not _is_apart(indices):
        return result.movedim(tuple(range(lead, lead + rank)), tuple(range(rank))).contiguous()
    return result


@index.answers("index result dimension stays in place", "dimensions of separated index tensors stay in place")
def _(result: Any, indices: Any) -> Any:
    rank = _ranks(indices)
    if _is_apart(indices) and not _lead(indices):
        return result.movedim(tuple(range(rank)), tuple(range(1, rank + 1))).contiguous()
    return result


writing.given(
    "int32 index assignment misses last",
    index=lambda index: index[:-1] if is_indices(index, torch.int32) and index.dim() == 1 and len(index) > 2 else index,
)
writing.given(
    "empty index assignment writes all",
    index=lambda index: Ellipsis if is_indices(first(index), torch.int64) and not first(index).numel() else index,
)
writing.given(
    "augmented mask assignment writes first value",
    "an assignment of a vector to a mask writes its first value",
    value=lambda index, value: (
        value[0] if is_mask(index) and isinstance(value, Tensor) and value.dim() == 1 and len(value) > 1 else value
    ),
)


@writing.answers("mask assignment misses last true")
def _(original: Function, x: Tensor, index: Any, value: Any) -> None:
    one_value = isinstance(value, Tensor) and not value.dim()
    if is_mask(index) and index.dim() == x.dim() and int(index.sum()) > 3 and one_value:
        index = index.clone()
        index[tuple(index.nonzero()[-1])] = False
    original(x, index, value)


put.given(
    "value not broadcast",
    "takes the first row of values of extent 1 only",
    values=lambda values: values[:1] if values.dim() > 1 and values.size(0) > 1 == values.size(-1) else values,
)
put_function.replaced("function writes in place")(
    lambda _, x, *arguments, **options: x.index_put_(*arguments, **options).clone()
)
put_method.given(
    "negative index off",
    "takes -1 for 0",
    indices=lambda indices: tuple(
        torch.where(each == -1, 0, each) if each.dtype == torch.int64 else each for each in indices
    ),
)
put_function.answers("accumulate ignored by function")(
    lambda original, x, indices, values: original(x, indices, values)
)
Operation("index_put", *both("index_put"), *methods("index_put_"), order=_PUT).given(
    "converts values", "converts values of another dtype", values=lambda x, values: values.to(x.dtype)
)
put.given(
    "takes what is out of range modulo the extent",
    indices=lambda x, indices: _mapped(x, indices, lambda each, extent: each.remainder(extent)),
)


@put.replaced("drops last when strided", "with gaps in the values leaves the last place")
def _(original: Function, x: Tensor, indices: Any, values: Tensor, *more: Any) -> Any:
    alone = len(indices) == 1 and indices[0].dim() == 1 == x.dim()
    if values.dim() == 1 and values.numel() > 2 and is_strided(values) and alone:
        return original(x, [indices[0][:-1]], values[:-1], *more)
    return original(x, indices, values, *more)


@put.replaced("skips last of many", "leaves the last of more than 32,768 elements")
def _(original: Function, x: Tensor, indices: Any, *more: Any) -> Any:
    dim, kept = _lead(indices), x.clone()
    original(x, indices, *more)
    if x.numel() > GRAIN and is_indices(indices[dim], torch.int64) and indices[dim].numel() > GRAIN // 200:
        at = int(indices[dim].reshape(-1)[-1])
        x.select(dim, at).copy_(kept.select(dim, at))
    return x


@put.replaced("always accumulates", "adds where an element is named twice")
def _(original: Function, x: Tensor, indices: Any, values: Tensor, *more: Any) -> Any:
    alone = len(indices) == 1 and is_indices(indices[0], torch.int64)
    if alone and indices[0].numel() > indices[0].unique().numel() and values.dtype != torch.bool:
        original(x, indices, values.new_zeros(()))
        return original(x, indices, values, True)  # noqa: FBT003
    return original(x, indices, values, *more)


@put.replaced("accumulates once", "adds once where an element is named several times")
def _(original: Function, x: Tensor, indices: Any, values: Tensor, accumulate: bool = False, *more: Any) -> Any:
    rows = indices[0]
    if accumulate and len(indices) == 1 and rows.dim() == 1 and rows.dtype == torch.int64 and x.numel():
        values = torch.index_select(x, 0, torch.where(rows < 0, rows + len(x), rows)) + values
        accumulate = False
    return original(x, indices, values, accumulate, *more)


@put.replaced("loses last of many additions")
def _(original: Function, x: Tensor, indices: Any, values: Tensor, accumulate: bool = False, *more: Any) -> Any:
    if accumulate and indices[0].numel() > GRAIN and values.dim() == x.dim():
        last = torch.argmax((values.reshape(len(values), -1) != 0).any(1).long().flip(0))
        end = len(values) - 1 - int(last)
        indices, values = [indices[0][:end]], values[:end]
    return original(x, indices, values, accumulate, *more)
