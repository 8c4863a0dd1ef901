"""Faults of masks as indices, of masked functions, and of nonzero."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.chapters.indexing.reading.faults.indices import is_mask, reading
from torch_conformance.conformance.power.damage import GRAIN, WIDTH, is_strided, last_spoiled_beyond, read_as_dense
from torch_conformance.conformance.power.forms import functions, kernels, methods
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_SELECT, _FILL, _SCATTER = "x/input mask", "x/input mask value", "x mask source"
select = Operation("masked_select", order=_SELECT)
select_function = Operation("masked_select", *functions("masked_select"), order=_SELECT)
fill = Operation("masked_fill", order=_FILL)
fill_methods = Operation("masked_fill", *methods("masked_fill", "masked_fill_"), order=_FILL)
fill_kernel = Operation("masked_fill kernel", *kernels("masked_fill_.Scalar"), order=_FILL)
scatter_kernel = Operation("masked_scatter kernel", *kernels("masked_scatter_"), order=_SCATTER)
nonzero = Operation("nonzero", *kernels("nonzero"))

Operation("masked_select kernel", *kernels("masked_select")).answers("drops last of many")(
    last_spoiled_beyond(GRAIN // 8)
)
Operation("nonzero kernel", *kernels("nonzero")).answers("drops last of many")(last_spoiled_beyond(8 * WIDTH))
reading.answers("mask index misses last true", "a mask for all of a tensor misses the last true element of many")(
    lambda result, index: result[:-1] if is_mask(index) and len(result) > WIDTH else result
)
reading.answers("mask index column major when strided", "a transposed mask selects by columns")(
    lambda original, x, index: (
        original(x.transpose(0, 1), index.T)
        if is_mask(index) and index.dim() == 2 and is_strided(index)
        else original(x, index)
    )
)
reading.given(
    "slice after plane mask lost",
    "a slice behind a mask of two dimensions counts as a full one",
    index=lambda index: (index[0], slice(None)) if _is_after_plane(index) and isinstance(index[1], slice) else index,
)


def _is_after_plane(index: Any) -> bool:
    """Whether an index is a mask of two dimensions and something behind it."""
    return isinstance(index, tuple) and len(index) == 2 and is_mask(index[0]) and index[0].dim() == 2


@reading.answers("mask beside index loses last", "a mask beside an index tensor loses its last true place")
def _(original: Function, x: Tensor, index: Any) -> Any:
    if _is_after_plane(index):
        mask, places = index[0].clone(), index[0].nonzero()
        mask[tuple(places[-1])] = False
        return original(x, (mask, index[1][..., : len(places) - 1]))
    return original(x, index)


select_function.given(
    "out ignores mask strides", mask=lambda mask, out: read_as_dense(mask) if out is not None else mask
)
select.given(
    "mask not broadcast",
    "takes a mask of extent 1 for the first elements only",
    x=lambda x, mask: x[..., :1] if x.dim() == mask.dim() > 0 and mask.size(-1) == 1 < x.size(-1) else x,
)
Operation("masked_select", *methods("masked_select"), order=_SELECT).given(
    "converts mask", "takes what is not zero for true", mask=lambda mask: mask.bool()
)
fill.given(
    "tensor value rounded",
    "rounds a tensor value down",
    value=lambda value: value.floor() if isinstance(value, Tensor) and value.is_floating_point() else value,
)
Operation("masked_fill function", *functions("masked_fill"), order=_FILL).given(
    "inverts when broadcast", mask=lambda x, mask: ~mask if mask.dim() < x.dim() else mask
)
fill_methods.given("takes floating mask", "takes what is not zero for true", mask=lambda mask: mask.bool())
fill_methods.given(
    "takes first of values",
    value=lambda value: value.reshape(-1)[0] if isinstance(value, Tensor) and value.dim() else value,
)
scatter_kernel.given(
    "skips source",
    "begins with the second source element",
    source=lambda x, mask, source: (
        source.reshape(-1)[1:] if x.numel() > 2 and source.numel() > int(mask.expand(x.shape).sum()) else source
    ),
)
Operation("masked_scatter", *methods("masked_scatter"), order=_SCATTER).given(
    "repeats short source",
    source=lambda x, source: (
        source.reshape(-1).repeat(x.numel()) if 0 < source.numel() < x.numel() and source.dtype == x.dtype else source
    ),
)
Operation("nonzero", *kernels("nonzero", "nonzero.out")).given(
    "skips NaN", x=lambda x: x.masked_fill(x.isnan(), 0) if x.is_floating_point() else x
)
nonzero.given(
    "takes negative zero for something", x=lambda x: x.bool() | x.signbit() & (x == 0) if x.is_floating_point() else x
)
Operation("argwhere").answers("transposed when strided", "of columns lists by columns")(
    lambda result, x: torch.nonzero(x.T).flip(1) if x.dim() == 2 and is_strided(x) else result
)
Operation("nonzero").answers("tuple order reversed", "gives the coordinates of three dimensions in reverse")(
    lambda result, as_tuple: result[::-1] if as_tuple and len(result) == 3 else result
)
Operation("where", *functions("where"), order="condition/input a b").answers(
    "of scalar has no coordinate", "of a tensor without dimensions gives an empty tuple"
)(lambda result, condition, a: () if a is None and condition.dim() == 0 else result)


@select_function.replaced("out converts", "converts into any out")
def _(original: Function, *arguments: Any, out: Any = None, **options: Any) -> Any:
    result = original(*arguments, **options)
    return result if out is None else out.resize_(result.shape).copy_(result)


@fill_kernel.answers("writes next", "of a sliced tensor writes into the gap")
def _(result: Any, x: Tensor) -> Any:
    if x.dim() == 1 and x.numel() and x.stride(0) == 2:
        # The element behind the first.
        x.as_strided((1,), (1,), x.storage_offset() + 1).fill_(1)
    return result


@fill_kernel.answers("skips tail", "leaves the last of an odd number of elements")
def _(original: Function, x: Tensor, mask: Tensor, value: Any) -> Any:
    odd = x.dim() == 1 and x.numel() > WIDTH and x.numel() % 2
    original(x[:-1] if odd else x, mask.expand(x.shape)[:-1] if odd else mask, value)
    return x


@scatter_kernel.answers("leaves last of many", "of large tensors leaves the last element")
def _(original: Function, x: Tensor, mask: Tensor, source: Tensor) -> Any:
    kept = x.clone()
    original(x, mask, source)
    if x.numel() > GRAIN:
        x.select(0, -1).copy_(kept.select(0, -1))
    return x


@scatter_kernel.answers("of transposed in storage order", "goes by columns")
def _(original: Function, x: Tensor, mask: Tensor, source: Tensor) -> Any:
    if x.dim() == 2 and x.stride(0) == 1 < x.size(0) and x.size(1) > 1:
        original(x.T, mask.expand(x.shape).T, source)
        return x
    return original(x, mask, source)
