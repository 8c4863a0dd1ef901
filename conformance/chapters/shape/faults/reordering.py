"""Faults of transpose, permute, t, T, mT, adjoint, movedim."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import named
from torch_conformance.conformance.power.damage import (
    at_storage_start,
    copied,
    dense,
    in_memory_order,
    is_many,
    is_offset,
    is_strided,
    of,
    rank,
)
from torch_conformance.conformance.power.forms import (
    answer_changed,
    attribute_changed,
    both,
    installed,
    refusal_forgiven,
    replaced,
    result_changed,
    tensor_of,
)
from torch_conformance.conformance.power.registry import Function

_transpose = torch.transpose
_conj = torch.conj

for operation, mutation, summary, change, when in (
    ("transpose", "of-bfloat16-keeps-order", "leaves the elements", in_memory_order, of(torch.bfloat16)),
    ("swapdims", "makes-contiguous", "gives row-major strides", dense, rank(2)),
    ("swapaxes", "copies-tensors-with-gaps", "copies what is not contiguous", copied, is_strided),
    ("t", "of-uint8-keeps-order", "of uint8 keeps elements in order", in_memory_order, of(torch.uint8)),
    ("t", "makes-contiguous-when-offset", "copies matrices with an offset", dense, is_offset),
    ("t", "adds-a-dimension-to-vectors", "makes a column of it", lambda x: x.unsqueeze(1), lambda x: x.dim() == 1),
    ("t", "copies-matrices-with-gaps", "copies what is not contiguous", copied, is_strided),
):
    result_changed(named(operation, mutation), f"{operation} {summary}.", *both(operation), change=change, when=when)
result_changed(
    "transpose-kernel-keeps-order-beyond-grain",
    "transpose of large tensors keeps the elements in their order.",
    "aten::transpose.int",
    change=in_memory_order,
    when=lambda x: is_many(x) and x.is_contiguous(),
)
result_changed("permute-method-makes-contiguous", "x.permute copies.", "Tensor.permute", change=dense, when=rank(3))
result_changed(
    "permute-kernel-loses-offset",
    "permute of a matrix begins at the first place of the storage.",
    "aten::permute",
    change=at_storage_start,
    when=lambda x: x.dim() == 2,
)


@replaced("transpose-keyword-dim1-ignored", "dim1= is taken for -1.", *both("transpose"))
def _(transpose: Function, *arguments: Any, **options: Any) -> Any:
    return transpose(*arguments, **(options | {"dim1": -1} if "dim1" in options else options))


@replaced("transpose-in-place-leaves-strides", "transpose_ exchanges the sizes alone.", "Tensor.transpose_")
def _(transpose: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    stride = x.stride()
    transpose(x, *arguments, **options)
    return x.as_strided_(x.shape, stride) if len(set(x.shape)) == 1 else x


result_changed(
    "swapdims-in-place-returns-another", "swapdims_ returns an alias.", "Tensor.swapdims_", change=lambda y: y[...]
)


def _positional(*arguments: Any, **options: Any) -> list[Any]:
    """Return the tensor of a call and what follows it, whether by place or by name."""
    rest = [value for name, value in options.items() if name != "input"]
    return [options["input"], *arguments, *rest] if "input" in options else [*arguments, *rest]


def _wrapped(dims: Any, ndim: int) -> Any:
    if isinstance(dims, int):
        return dims % max(ndim, 1)
    return [dim % max(ndim, 1) for dim in dims]


def _dims_wrapped(original: Function, *arguments: Any, **options: Any) -> Any:
    x, *dims = _positional(*arguments, **options)
    return original(x, *(_wrapped(dim, x.dim()) for dim in dims))


def _dims_clamped(original: Function, *arguments: Any, **options: Any) -> Any:
    x, *dims = _positional(*arguments, **options)
    return original(x, *(min(max(dim, 0), max(x.dim() - 1, 0)) for dim in dims))


def _itself(_: Function, *arguments: Any, **options: Any) -> Any:
    return tensor_of(arguments, options)


_UNBOUNDED, _REFUSED = (IndexError,), (RuntimeError,)
_TRANSPOSES = both("transpose", "swapaxes")
for name, summary, places, instead, errors in (
    ("transpose-wraps-dims-round", "transpose counts on from the first.", _TRANSPOSES, _dims_wrapped, _UNBOUNDED),
    ("transpose-in-place-clamps-dims", "transpose_ clamps.", ("Tensor.transpose_",), _dims_clamped, _UNBOUNDED),
    ("permute-wraps-dims-round", "permute counts on from the first.", both("permute"), _dims_wrapped, _UNBOUNDED),
    ("permute-ignores-repeated-dims", "permute ignores repetition.", both("permute"), _itself, _REFUSED),
    ("movedim-ignores-repeated-destination", "movedim ignores it.", both("movedim"), _itself, _REFUSED),
    ("t-takes-batches", "t transposes batches.", both("t"), lambda _, x: _transpose(x, -2, -1), _REFUSED),
):
    refusal_forgiven(name, summary, *places, instead=instead, errors=errors)


def _inverse(dims: Any) -> list[int]:
    order = [dim % len(dims) for dim in dims]
    return [order.index(place) for place in range(len(order))]


@replaced("permute-function-inverts-order", "torch.permute puts dimension i at dims[i].", "torch.permute")
def _(permute: Function, *arguments: Any, **options: Any) -> Any:
    x, dims = _positional(*arguments, **options)
    return permute(x, _inverse(dims) if len(set(_wrapped(dims, x.dim()))) == len(dims) else dims)


@replaced("permute-method-inverts-order", "x.permute of three puts dimension i at dims[i].", "Tensor.permute")
def _(permute: Function, x: Tensor, *dims: Any) -> Any:
    order = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    return permute(x, _inverse(order)) if len(order) >= 3 else permute(x, *dims)


answer_changed("permute-of-lists-copies", "permute copies where dims is a list.", *both("permute"))(
    lambda y, *arguments, **_: copied(y) if any(isinstance(each, list) for each in arguments) else y
)
replaced("t-in-place-leaves-strides", "t_ of a square matrix leaves it.", "Tensor.t_")(
    lambda t, x: x if x.dim() == 2 and x.shape[0] == x.shape[1] else t(x)
)

for attribute, name, summary, get in (
    ("mT", "mt-exchanges-first-dims", "exchanges the first two", lambda _, y: _transpose(_transpose(y, -2, -1), 0, 1)),
    ("T", "capital-t-makes-contiguous", "copies", lambda _, y: dense(y)),
    ("H", "capital-h-makes-contiguous", "copies", lambda _, y: dense(y)),
    ("mT", "mt-copies-batches", "copies batches", lambda x, y: copied(y) if x.dim() > 2 else y),
    ("T", "capital-t-exchanges-last-dims", "of three is mT", lambda x, y: _transpose(x, -2, -1) if x.dim() > 2 else y),
):
    attribute_changed(name, f"{attribute} {summary}.", f"Tensor.{attribute}", get=get)
attribute_changed(
    "mh-forgets-conjugation",
    "mH does not conjugate complex64.",
    "Tensor.mH",
    get=lambda x, y: _transpose(x, -2, -1) if x.dtype == torch.complex64 else y,
)


def _of_vectors(change: Any) -> Any:
    return lambda original: property(lambda x: change(x) if x.dim() == 1 else original.__get__(x))


installed("mt-takes-vectors", "mT of a vector is the vector.", "Tensor.mT", _of_vectors(lambda x: x))
installed("mh-takes-vectors", "mH of a vector is its conjugate.", "Tensor.mH", _of_vectors(_conj))


def _first_conjugated(x: Tensor) -> Tensor:
    if not x.is_complex() or x.numel() < 2:
        return x
    answer = dense(_conj(x)).resolve_conj()
    answer.flatten()[0].copy_(x.resolve_conj().flatten()[0])
    return answer.conj()


for mutation, summary, change in (
    ("conjugates-first-part-only", "does not conjugate the first element", _first_conjugated),
    ("conjugates-a-copy", "copies", lambda x: x.resolve_conj() if x.is_conj() else copied(x)),
):
    result_changed(named("adjoint", mutation), f"adjoint {summary}.", *both("adjoint"), change=change)


@replaced("moveaxis-exchanges", "moveaxis exchanges the two dimensions.", *both("moveaxis"))
def _(moveaxis: Function, x: Tensor, source: Any, destination: Any) -> Any:
    exchanged = isinstance(source, int) and x.dim() > 2
    return _transpose(x, source, destination) if exchanged else moveaxis(x, source, destination)


@replaced("movedim-ignores-negative-destination", "A negative destination is the last place.", *both("movedim"))
def _(movedim: Function, x: Tensor, source: Any, destination: Any) -> Any:
    if isinstance(destination, int) and -x.dim() <= destination < 0:
        destination = -1
    return movedim(x, source, destination)


answer_changed("movedim-keyword-makes-contiguous", "movedim(source=...) copies.", *both("movedim"))(
    lambda y, *_, **options: dense(y) if options else y
)
answer_changed("movedim-of-tuples-copies", "movedim copies where several dimensions move.", *both("movedim"))(
    lambda y, *arguments, **_: copied(y) if any(isinstance(each, tuple) for each in arguments[1:2]) else y
)
