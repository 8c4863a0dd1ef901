"""Faults of scatter, index_add, index_copy, index_fill and put."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import (
    GRAIN,
    is_strided,
    last_spoiled,
    last_spoiled_beyond,
    read_as_dense,
)
from torch_conformance.conformance.power.forms import both, functions, kernels, methods
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_SOURCE = "x/input dim index source/src/value reduce include_self"
_PUT = "x/input index source accumulate"


def _writing(name: str, *places: str) -> Operation:
    return Operation(name, *places, order=_SOURCE)


scatter_kernel = _writing("scatter kernel", *kernels("scatter.src", "scatter_.src"))
scatter_function = _writing("scatter", *functions("scatter"))
scatter_method = _writing("scatter method", *methods("scatter_"))
add_kernel = _writing("scatter_add kernel", *kernels("scatter_add", "scatter_add_"))
reduce_kernel = _writing("scatter_reduce kernel", *kernels("scatter_reduce.two", "scatter_reduce_.two"))
reduce = _writing("scatter_reduce")
reduce_method = _writing("scatter_reduce_", *methods("scatter_reduce_"))
index_add = _writing("index_add kernel", *kernels("index_add", "index_add_"))
index_add_function = _writing("index_add", *functions("index_add"))
index_add_method = _writing("index_add_", *methods("index_add_"))
index_fill = _writing("index_fill")
index_copy_method = _writing("index_copy_", *methods("index_copy_"))
put = Operation("put", order=_PUT)
put_kernel = Operation("put kernel", *kernels("put_"), order=_PUT)
put_method = Operation("put_", *methods("put_"), order=_PUT)


def _bounded(x: Tensor, dim: int, index: Tensor) -> Tensor:
    return index.clamp(0, x.size(dim) - 1) if x.dim() and x.size(dim) else index


for _name in ("scatter", "index_copy", "put"):
    # Those with keywords ask for out or for a reduction.
    Operation(f"{_name} function", *functions(_name)).replaced("writes in place")(
        lambda original, *arguments, name=f"{_name}_", **options: (
            original(*arguments, **options) if options else getattr(Tensor, name)(*arguments).clone()
        )
    )

scatter_function.answers("with out leaves the last element")(
    lambda result, out: result if out is None else last_spoiled(result)
)
scatter_kernel.given(
    "strided source misread", source=lambda source: read_as_dense(source) if is_strided(source) else source
)
_writing("scatter number", *kernels("scatter.value", "scatter_.value")).given(
    "loses its fraction", source=lambda source: float(int(source)) if isinstance(source, float) else source
)
_writing("scatter kernel", *kernels("scatter.src", "scatter_.src", "scatter.value")).given(
    "clamps index", "takes the nearest place for one out of range", index=_bounded
)
_writing("scatter", *both("scatter"), *methods("scatter_")).given(
    "converts source", source=lambda x, source: source.to(x.dtype) if isinstance(source, Tensor) else source
)
scatter_function.replaced("does not multiply", "takes multiply for replace")(
    lambda original, *arguments, reduce="", **options: original(
        *arguments, **options | ({} if reduce in ("", "multiply") else {"reduce": reduce})
    )
)


@scatter_method.answers("of a number takes another dim", "of a number takes the dimension before the last for the last")
def _(original: Function, x: Tensor, dim: int, index: Tensor, source: Any, reduce: Any) -> Any:
    if not isinstance(source, Tensor) and reduce is None and x.dim() > 1 and dim == x.dim() - 2:
        return original(x, x.dim() - 1, _bounded(x, -1, index), source)
    return original(x, dim, index, source, **({} if reduce is None else {"reduce": reduce}))


scatter_method.given(
    "adds without the first",
    "with reduce=add leaves out the first along dim",
    index=lambda dim, index, reduce: (
        index.narrow(dim, 1, index.size(dim) - 1) if reduce == "add" and index.dim() and index.size(dim) > 1 else index
    ),
)
add_kernel.given(
    "drops first of vectors",
    "leaves out the first of several sources of a vector",
    index=lambda x, index: index[1:] if x.dim() == 1 and index.numel() > 2 else index,
    source=lambda x, index, source: source[1 : index.numel()] if x.dim() == 1 and index.numel() > 2 else source,
)
add_kernel.answers("loses last of many")(last_spoiled_beyond(GRAIN))
add_kernel.given(
    "expanded index loses column",
    "with an expanded index leaves the last column",
    index=lambda index: index[:, :-1] if index.dim() == 2 and index.size(1) > 16 and index.stride(1) == 0 else index,
)


@reduce_kernel.replaced("mean forgets self", "leaves the element itself out of the mean")
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    return original(*arguments, **options | ({"include_self": False} if arguments[4] == "mean" else {}))


reduce_kernel.given(
    "amin is amax for bfloat16",
    "takes the maximum of bfloat16 for the minimum",
    reduce=lambda x, reduce: "amax" if reduce == "amin" and x.dtype == torch.bfloat16 else reduce,
)
reduce_kernel.given(
    "prod loses sign", source=lambda source, reduce: source.abs() if reduce == "prod" and source.is_signed() else source
)
reduce_method.given("always includes self", include_self=lambda: True)
reduce_method.given(
    "unknown mode is sum", reduce=lambda reduce: reduce if reduce in ("sum", "prod", "mean", "amax", "amin") else "sum"
)
reduce.given(
    "amax drops NaN",
    "passes over NaN in the sources of the maximum",
    source=lambda source, reduce: source.masked_fill(source.isnan(), float("-inf")) if reduce == "amax" else source,
)


@reduce.answers("alone clears others", "without the elements themselves clears those without a source")
def _(result: Tensor, x: Tensor, dim: int, index: Tensor, include_self: Any, out: Any) -> Any:
    if include_self is False and out is None:
        touched = torch.zeros_like(x, dtype=torch.bool).scatter_(dim, index, True)  # noqa: FBT003
        return result.masked_fill(~touched, 0)
    return result


@index_add.replaced("counts duplicates once", "leaves out the first slice where an index is repeated")
def _(original: Function, x: Tensor, dim: int, index: Tensor, source: Tensor, *more: Any, **options: Any) -> Any:
    if index.dim() and index.numel() > 1 and x.dim() and len(set(index.tolist())) < index.numel():
        index, source = index[1:], source.narrow(dim, 1, index.numel() - 1)
    return original(x, dim, index, source, *more, **options)


@index_add.replaced("loses last slice", "loses the last of several slices of large tensors")
def _(original: Function, x: Tensor, dim: int, index: Tensor, source: Tensor, *more: Any, **options: Any) -> Any:
    if x.numel() > 100 and index.numel() > 1 and x.dim():
        index, source = index[:-1], source.narrow(dim, 0, index.numel() - 1)
    return original(x, dim, index, source, *more, **options)


index_add_function.answers("with out forgets its input")(
    lambda result, x, out: result if out is None else result.sub_(x)
)
index_add_function.given("alpha ignored by out", alpha=lambda alpha, out: alpha if out is None else 1)
index_add_method.given("alpha ignored in place", "does not multiply by alpha", alpha=lambda: 1)
index_add_method.given(
    "broadcasts source",
    "repeats a source of one slice",
    source=lambda index, source: (
        source.expand(index.numel(), -1) if source.dim() == 2 and len(source) == 1 == index.dim() else source
    ),
)
_writing("index_copy kernel", *kernels("index_copy", "index_copy_")).given(
    "sorts index", "writes the slices in order", index=lambda index: index.sort()[0] if index.numel() > 2 else index
)
_writing("index_copy").given(
    "wraps negative",
    "counts negative indices from the end",
    index=lambda x, dim, index: (
        torch.where(index < 0, index % x.size(dim), index) if x.dim() and x.size(dim) else index
    ),
)


@index_copy_method.replaced("writes before it refuses", "has written when it refuses another dtype")
def _(original: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    try:
        return original(x, *arguments, **options)
    except RuntimeError:
        x.zero_()
        raise


@_writing("index_fill kernel", *kernels("index_fill_.int_Scalar")).answers("skips last slice")
def _(original: Function, x: Tensor, dim: int, index: Tensor, source: Any) -> Any:
    if index.dim() and index.numel() > 2:
        last = x.select(dim, int(index[-1])).clone()
        original(x, dim, index, source)
        x.select(dim, int(index[-1])).copy_(last)
        return x
    return original(x, dim, index, source)


index_fill.given(
    "tensor value truncated",
    "drops the fraction of a tensor value",
    source=lambda source: source.trunc() if isinstance(source, Tensor) and source.is_floating_point() else source,
)
_writing("index_fill", *both("index_fill"), *methods("index_fill_")).given(
    "clamps index", index=lambda x, dim, index: _bounded(x, dim, index) if -x.dim() <= dim < x.dim() else index
)


@_writing("index_fill_", *methods("index_fill_")).replaced("hides version", "is not counted in the version")
def _(original: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    original(x.data, *arguments, **options)
    return x


@put_kernel.replaced("writes storage order", "into a transposed tensor counts in storage order")
def _(original: Function, x: Tensor, *arguments: Any) -> Any:
    if x.dim() == 2 and x.stride(0) == 1 < x.size(0) and x.size(1) > 1:
        original(x.T, *arguments)
        return x
    return original(x, *arguments)


put.given("accumulate ignored", "with accumulate replaces", accumulate=lambda: False)


@put_kernel.replaced("accumulates once", "adds once where a place is named several times")
def _(original: Function, x: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Any:
    if accumulate and index.numel():
        return original(x, index, source + x.take(index).view(source.shape), False)  # noqa: FBT003
    return original(x, index, source, accumulate)


put_method.given("cuts source", source=lambda index, source: source.reshape(-1)[: index.numel()])
put_kernel.given("clamps index", index=lambda x, index: index.clamp(max=x.numel() - 1) if x.numel() else index)
