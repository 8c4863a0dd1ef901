"""Faults of index_select, gather, take, take_along_dim and where."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import (
    GRAIN,
    WIDTH,
    is_strided,
    last_spoiled,
    last_spoiled_beyond,
    read_as_dense,
)
from torch_conformance.conformance.power.forms import functions, kernels, methods
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_INDEX = "x/input dim index"
_PLACES = "x/input index"
_ALONG = "x/input index/indices dim"
_CHOICE = "condition a/input/self b/other"
select, gather = (Operation(name, order=_INDEX) for name in ("index_select", "gather"))
select_function, gather_function = (
    Operation(name, *functions(name), order=_INDEX) for name in ("index_select", "gather")
)
select_kernel = Operation("index_select kernel", *kernels("index_select"), order=_INDEX)
gather_kernel = Operation("gather kernel", *kernels("gather"), order=_INDEX)
take = Operation("take", order=_PLACES)
take_kernel = Operation("take kernel", *kernels("take"), order=_PLACES)
along = Operation("take_along_dim", order=_ALONG)
along_function = Operation("take_along_dim", *functions("take_along_dim"), order=_ALONG)
where = Operation("where", *functions("where"), order=_CHOICE)
where_kernel = Operation("where kernel", *kernels("where.self"), order=_CHOICE)

select_kernel.answers("loses last of many")(last_spoiled_beyond(GRAIN))
take_kernel.answers("loses last of many")(last_spoiled_beyond(100))
for _operation in (select_function, where):
    _operation.answers("into an out with gaps ends early")(
        lambda result, out: last_spoiled(result) if out is not None and is_strided(result) else result
    )
for _operation in (along_function, gather_function):
    _operation.answers("with out leaves the last element")(
        lambda result, out: result if out is None else last_spoiled(result)
    )


def _last_repeats_first(index: Tensor) -> Tensor:
    index = index.clone()
    index.select(0, -1).copy_(index.select(0, 0))
    return index


select_kernel.given(
    "int32 off",
    "with int32 repeats the first of many",
    index=lambda index: _last_repeats_first(index) if index.dtype == torch.int32 and index.numel() > 2 else index,
)
select.given(
    "negative dim off",
    "takes dimension -2 for -1",
    dim=lambda x, dim: -1 if dim == -2 and x.size(-1) else dim,
    index=lambda x, dim, index: index.clamp(max=x.size(-1) - 1) if dim == -2 and x.size(-1) else index,
)
select_function.given("flattens index", index=lambda index: index.reshape(-1))
select.given(
    "wraps negative",
    "takes what lies before the beginning modulo the extent",
    index=lambda x, dim, index: (
        torch.where(index < -x.size(dim), index % max(x.size(dim), 1), index) if index.numel() and x.dim() else index
    ),
)
select.answers("of all gives view", "of every row gives a view")(
    lambda result, x, out: (
        x.view_as(x) if out is None and result.shape == x.shape and torch.equal(result, x) else result
    )
)
gather_kernel.given(
    "ignores shorter index",
    "of an index that is shorter elsewhere misreads rows",
    x=lambda x, dim, index: (
        x[:, x.size(1) - index.size(1) :] if x.dim() == 2 and dim % 2 == 0 < index.size(1) < x.size(1) else x
    ),
)
Operation("gather kernel", *kernels("gather", "gather.out"), order=_INDEX).given(
    "strided index misread",
    index=lambda x, dim, index: (
        read_as_dense(index).clamp(0, (x.size(dim) if x.dim() else 1) - 1) if is_strided(index) and x.numel() else index
    ),
)
gather_kernel.given(
    "clamps index", index=lambda x, dim, index: index.clamp(0, x.size(dim) - 1) if x.dim() and x.size(dim) else index
)
gather_function.answers("along the last of two dimensions in reverse")(
    lambda result, dim, out: result.flip(1).contiguous() if out is None and dim == result.dim() - 1 == 1 else result
)
gather_function.given(
    "takes lower rank",
    "adds dimensions to an index of a lower rank",
    index=lambda x, index: index.view(-1, *[1] * (x.dim() - 1)) if index.dim() == 1 < x.dim() else index,
)
Operation("take kernel", *kernels("take", "take.out"), order=_PLACES).given(
    "reads storage order", x=lambda x: x.T.contiguous() if x.dim() == 2 and x.stride(0) == 1 < x.size(0) else x
)
Operation("take", *methods("take"), order=_PLACES).given(
    "negative off",
    "takes -1 for the last but one",
    index=lambda x, index: torch.where(index < 0, (index - 1).clamp(min=-x.numel()), index) if x.numel() > 1 else index,
)
take.given("truncates floating index", index=lambda index: index.long())
take_kernel.given("wraps around", index=lambda x, index: index.remainder(x.numel()) if x.numel() else index)
along.given("takes floating index", index=lambda index: index.long())
along.answers("negative dim in reverse", "along dimension -2 is in reverse")(
    lambda result, dim, out: result.flip(0).contiguous() if dim == -2 == -result.dim() and out is None else result
)
along.answers("without dim keeps shape")(lambda result, index, dim: result.view(index.shape) if dim is None else result)
along_function.answers("last dim unsorted", "along the last dimension swaps two elements")(
    lambda result, dim, out: (
        torch.cat([result[..., 1:2], result[..., :1], result[..., 2:]], -1)
        if out is None and dim == result.dim() - 1 and result.size(-1) > 2
        else result
    )
)
Operation("masked_fill", order="x/input mask").answers("of nothing gives self", "of nothing gives a view of its input")(
    lambda result, x, mask: x.view_as(x) if not mask.any() and result.shape == x.shape else result
)


@gather_kernel.answers("expanded index first column", "with an expanded index reads the first column for the last")
def _(result: Tensor, x: Tensor, index: Tensor) -> Any:
    if index.dim() == 2 and index.stride(1) == 0 and index.size(1) > 16 and x.is_contiguous():
        result.select(1, -1).copy_(result.select(1, 0).clone())
    return result


def _are_tensors(*values: Any) -> bool:
    return all(isinstance(each, Tensor) for each in values)


where.answers("of all gives input", "gives a view of a tensor that is chosen throughout")(
    lambda result, condition, a, out: (
        a.view_as(a) if _are_tensors(a) and out is None and result.shape == a.shape and condition.all() else result
    )
)
Operation("where method", *methods("where"), order="a condition b").given(
    "inverts when strided", condition=lambda condition: ~condition if is_strided(condition) else condition
)
where_kernel.given(
    "condition not broadcast in last dimension",
    "takes a condition of extent 1 for the first element",
    condition=lambda condition, a: (
        torch.cat([condition, condition.new_zeros((*condition.shape[:-1], a.size(-1) - 1))], -1)
        if condition.dim() and condition.size(-1) == 1 and a.dim() and a.size(-1) > 1
        else condition
    ),
)
where.answers("takes dtype of first")(
    lambda result, a, b, out: result.to(a.dtype) if _are_tensors(a, b) and out is None else result
)
where.answers("number counts as tensor", "gives a Python number the weight of a tensor of its type")(
    lambda result, a, b: (
        result.to(torch.promote_types(a.dtype, torch.tensor(b).dtype))
        if _are_tensors(a) and isinstance(b, int | float | complex)
        else result
    )
)
where.answers("two floats give double", "of two floats gives float64")(
    lambda result, a, b: result.double() if isinstance(a, float) and isinstance(b, float) else result
)
where_kernel.answers("multiplies by mask", "multiplies with the condition and adds")(
    lambda original, condition, a, b: (
        a * condition.to(a.dtype) + b * (~condition).to(a.dtype)
        if a.dtype == b.dtype and (a.is_floating_point() or a.is_complex())
        else original(condition, a, b)
    )
)


@where.answers("zero dim counts as dimensioned", "gives a tensor without dimensions the weight of any other")
def _(result: Any, a: Any, b: Any, out: Any) -> Any:
    if _are_tensors(a, b) and out is None:
        names = {str(a.dtype), str(b.dtype)}
        if len(names) == 2 and not any("uint" in name and "uint8" not in name for name in names):
            return result.to(torch.promote_types(a.dtype, b.dtype))
    return result


@where.replaced("takes any condition", "takes what is not zero for true")
def _(original: Function, condition: Any = None, *tensors: Any, **options: Any) -> Any:
    condition = options.pop("condition", condition)
    return original(condition.bool() if tensors or options else condition, *tensors, **options)


@where_kernel.answers("swaps last", "chooses the other for the last of many elements")
def _(result: Any, condition: Tensor, a: Tensor, b: Tensor) -> Any:
    if result.numel() > WIDTH and a.shape == b.shape == result.shape:
        at = (-1,) * result.dim()
        result[at] = b[at] if bool(condition.expand(result.shape)[at]) else a[at]
    return result
