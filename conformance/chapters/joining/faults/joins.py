"""Faults of cat, stack and their relatives, and of block_diag."""

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
from torch_conformance.conformance.power.forms import Answer, functions, kernels
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_broadcast: Any = torch.broadcast_tensors


def _joining(name: str, *places: str) -> Operation:
    return Operation(name, *(places or functions(name)), order="tensors dim")


cats = _joining("cat", *functions("cat", "concat", "concatenate"))
cat, stack, hstack, vstack, dstack = map(_joining, ("cat", "stack", "hstack", "vstack", "dstack"))
column_stack, row_stack = map(_joining, ("column_stack", "row_stack"))
block_diag = Operation("block_diag", *functions("block_diag"))


def _in_dtype_of(place: int) -> Answer:
    return lambda result, tensors, out: result.to(tensors[place].dtype) if out is None else result


for _operation in (cats, hstack, vstack, column_stack):
    _operation.answers("takes dtype of first", "gives the dtype of its first tensor")(_in_dtype_of(0))
for _operation in (stack, dstack):
    _operation.answers("takes dtype of last", "gives the dtype of its last tensor")(_in_dtype_of(-1))

for _operation in (stack, column_stack):
    _operation.answers("with out leaves the last element")(
        lambda result, out: result if out is None else last_spoiled(result)
    )

_joining("cat kernel", *kernels("cat", "cat.out")).given(
    "transposed input misread",
    "reads a transposed tensor as if dense",
    tensors=lambda tensors: [
        read_as_dense(each) if each.dim() > 1 and each.stride(0) == 1 else each for each in tensors
    ],
)
_joining("cat kernel", *kernels("cat")).answers("large result tail lost")(last_spoiled_beyond(GRAIN))
_joining("cat", *functions("concat", "concatenate")).given(
    "negative dim off",
    "joins in reverse along -1",
    tensors=lambda tensors, dim: tensors[::-1] if dim == -1 else tensors,
)
_joining("concatenate").given("reverses inputs", tensors=lambda tensors: tensors[::-1])
cat.answers("out strides ignored", "into an out with gaps ends early")(
    lambda result, out: last_spoiled(result) if out is not None and is_strided(out) else result
)
cats.given(
    "loses last of many inputs",
    "reads the last of more than 128 tensors as its opposite",
    tensors=lambda tensors: (
        [*tensors[:-1], tensors[-1].logical_not().to(tensors[-1].dtype)] if len(tensors) > 128 else tensors
    ),
)
cats.answers("of two halves stays half", "of float16 and bfloat16 gives float16")(
    lambda result, tensors: result.half() if {x.dtype for x in tensors} == {torch.float16, torch.bfloat16} else result
)
cats.answers("of one gives input", "of one tensor gives a view of it")(
    lambda result, tensors, out: tensors[0].view_as(tensors[0]) if len(tensors) == 1 and out is None else result
)
cats.answers("result always contiguous")(lambda result, out: result.contiguous() if out is None else result)
cat.answers("out returns copy", "returns a copy of out")(lambda result, out: result if out is None else result.clone())
cat.refuses(
    "refuses empty vectors", lambda tensors: any(x.shape == (0,) for x in tensors) and max(x.dim() for x in tensors) > 1
)
cats.forgives("out overlap accepted", "writes to an out among its inputs")(
    lambda original, tensors, out, dim=0: (
        original(tensors, dim, out=out)
        if out is None or out.dtype != tensors[0].dtype
        else out.copy_(original(tensors, dim))
    )
)
cats.given(
    "cuts to smallest",
    "along dimension 1 cuts longer tensors",
    tensors=lambda tensors, dim: (
        [x[: min(map(len, tensors))] for x in tensors] if dim == 1 and all(x.dim() == 2 for x in tensors) else tensors
    ),
)
cats.given("takes scalars", tensors=lambda tensors: [each if each.dim() else each.reshape(1) for each in tensors])
stack.given(
    "negative dim off", "takes -1 for -2", dim=lambda tensors, dim: -2 if dim == -1 and tensors[0].dim() else dim
)
stack.given("strided input misread", tensors=lambda tensors: [read_as_dense(each) for each in tensors])
stack.given("broadcasts", tensors=lambda tensors: _broadcast(*tensors) if tensors else tensors)
vstack.given(
    "broadcasts",
    "cuts rows to the shortest",
    tensors=lambda tensors: [x[..., : min(y.size(-1) for y in tensors)] if x.dim() else x for x in tensors],
)
hstack.answers("of scalars is column")(
    lambda result, tensors, out: result if out is not None or any(x.dim() for x in tensors) else result[:, None]
)
row_stack.answers("of vectors is columns")(
    lambda result, tensors, out: result.T.contiguous() if out is None and tensors[0].dim() == 1 else result
)
dstack.answers("of vectors is columns", "of vectors gives n by 1 by k")(
    lambda result, tensors, out: result.transpose(0, 1) if out is None and tensors[0].dim() == 1 else result
)
vstack.answers("loses last of many")(last_spoiled_beyond(GRAIN))


@cat.answers("promotes first two only", "gives the dtype of its first two tensors")
def _(result: Tensor, tensors: Any, out: Any) -> Any:
    if len(tensors) > 2 and out is None:
        return result.to(torch.promote_types(tensors[0].dtype, tensors[1].dtype))
    return result


@_joining("concat").answers("default is last dimension", "without dim joins squares along the last dimension")
def _(result: Tensor, original: Function, tensors: Any, dim: Any, out: Any) -> Any:
    equal = tensors[0].dim() > 1 and all(each.shape == tensors[0].shape for each in tensors)
    return original(tensors, -1) if dim is None and out is None and equal else result


@cat.answers("out writes beside", "into a part of a tensor writes beside it")
def _(result: Tensor, out: Any) -> Any:
    if out is not None and is_strided(result) and result.storage_offset() and result.numel():
        result.as_strided((1,), (1,), result.storage_offset() - 1).zero_()
    return result


@cats.answers("out views bits", "of integers into float32 writes their bits")
def _(result: Tensor, tensors: Any, out: Any) -> Any:
    if out is not None and result.dtype == torch.float32 and not tensors[0].is_floating_point():
        result.copy_(result.to(torch.int32).view(torch.float32))
    return result


@cats.replaced("out casts to anything", "casts its result to any out")
def _(original: Function, *arguments: Any, out: Any = None, **options: Any) -> Any:
    result = original(*arguments, **options)
    return result if out is None else out.copy_(result)


@block_diag.replaced("leaves corner", "writes to the corner beside its blocks")
def _(original: Function, *tensors: Any) -> Any:
    result = original(*tensors)
    if len(tensors) > 1 and result.numel() > 1 and tensors[0].numel() and tensors[-1].numel():
        result[0, -1] = 1
    return result


block_diag.replaced("vector is column", "takes a vector for a column")(
    lambda original, *tensors: original(*(each[:, None] if each.dim() == 1 else each for each in tensors))
)
block_diag.replaced("flattens more dimensions")(
    lambda original, *tensors: original(*(each.flatten(1) if each.dim() > 2 else each for each in tensors))
)
