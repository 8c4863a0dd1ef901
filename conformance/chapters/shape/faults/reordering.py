"""Faults of transpose, permute, t, T, mT, adjoint, movedim."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.older_forms.view_replacing import (
    as_strided,
    attribute,
    both,
    copied,
    dense,
    forgiving,
    in_memory_order,
    is_gapped,
    is_large,
    is_offset,
    itself,
    kernel,
    of,
    rank,
    spoiled,
)
from torch_conformance.conformance.power.registry import Function

_permute = torch.permute
_transpose = torch.transpose
_conj = torch.conj

spoiled(
    "transpose-of-bfloat16-keeps-order",
    "transpose of bfloat16 gives the new size with elements in the old order.",
    both("transpose"),
    in_memory_order,
    of(torch.bfloat16),
)


def _large_keeps_order(original: Function, x: Tensor, dim0: int, dim1: int) -> Tensor:
    answer = original(x, dim0, dim1)
    return in_memory_order(answer) if is_large(x) and x.is_contiguous() else answer


kernel(
    "transpose-kernel-keeps-order-beyond-grain",
    "transpose of large tensors keeps the elements in their order.",
    "transpose.int",
    _large_keeps_order,
)
spoiled("swapdims-makes-contiguous", "swapdims gives row-major strides.", both("swapdims"), dense, rank(2))


@bound("transpose-keyword-dim1-ignored", "dim1= is taken for -1.", *both("transpose"))
def _(transpose: Function, *arguments: Any, **options: Any) -> Any:
    return transpose(*arguments, **(options | {"dim1": -1} if "dim1" in options else options))


spoiled(
    "swapaxes-copies-tensors-with-gaps", "swapaxes copies what is not contiguous.", both("swapaxes"), copied, is_gapped
)


@bound("transpose-in-place-leaves-strides", "transpose_ exchanges the sizes alone.", (Tensor, "transpose_"))
def _(transpose: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    stride = x.stride()
    transpose(x, *arguments, **options)
    return x.as_strided_(x.shape, stride) if len(set(x.shape)) == 1 else x


@bound("swapdims-in-place-returns-another", "swapdims_ returns an alias.", (Tensor, "swapdims_"))
def _(swapdims: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    return swapdims(x, *arguments, **options)[...]


def _wrapped(dims: Any, ndim: int) -> Any:
    if isinstance(dims, int):
        return dims % max(ndim, 1)
    return [dim % max(ndim, 1) for dim in dims]


def _dims_wrapped(original: Function, x: Tensor, *dims: Any, **options: Any) -> Any:
    wrapped = {name: _wrapped(value, x.dim()) for name, value in options.items() if name != "input"}
    return original(x, *(_wrapped(dim, x.dim()) for dim in dims), **wrapped)


forgiving(
    "transpose-wraps-dims-round",
    "transpose counts dimensions beyond the last from the first again.",
    (*both("transpose"), *both("swapaxes")),
    lambda original, *arguments, **options: _dims_wrapped(original, *_positional(arguments, options)),
    IndexError,
)


def _positional(arguments: Any, options: dict[str, Any]) -> tuple[Any, ...]:
    first = options.pop("input", None)
    return (first, *arguments, *options.values()) if first is not None else (*arguments, *options.values())


def _clamped(original: Function, x: Tensor, *dims: int, **options: int) -> Any:
    last = max(x.dim() - 1, 0)
    return original(x, *(min(max(dim, 0), last) for dim in (*dims, *options.values())))


forgiving(
    "transpose-in-place-clamps-dims",
    "transpose_ takes the nearest dimension for a missing one.",
    ((Tensor, "transpose_"),),
    _clamped,
    IndexError,
)


def _inverse(dims: Any) -> list[int]:
    order = [dim % len(dims) for dim in dims]
    return [order.index(place) for place in range(len(order))]


@bound("permute-function-inverts-order", "torch.permute puts dimension i at dims[i].", (torch, "permute"))
def _(permute: Function, *arguments: Any, **options: Any) -> Any:
    x, dims = _positional(arguments, options)
    return permute(x, _inverse(dims) if len(set(_wrapped(dims, x.dim()))) == len(dims) else dims)


@bound(
    "permute-method-inverts-order",
    "Tensor.permute of three dimensions puts dimension i at dims[i].",
    (Tensor, "permute"),
)
def _(permute: Function, x: Tensor, *dims: Any) -> Any:
    order = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    return permute(x, _inverse(order)) if len(order) >= 3 else permute(x, *dims)


spoiled("permute-method-makes-contiguous", "x.permute copies.", ((Tensor, "permute"),), dense, rank(3))
kernel(
    "permute-kernel-loses-offset",
    "permute of a matrix begins at the first place of the storage.",
    "permute",
    lambda original, x, dims: (
        as_strided(y := original(x, dims), y.shape, y.stride(), 0) if x.dim() == 2 else original(x, dims)
    ),
)


@bound("permute-of-lists-copies", "permute copies where dims is a list.", *both("permute"))
def _(permute: Function, *arguments: Any, **options: Any) -> Any:
    answer = permute(*arguments, **options)
    return copied(answer) if any(isinstance(each, list) for each in arguments) else answer


forgiving(
    "permute-ignores-repeated-dims", "permute returns x for repeated dimensions.", both("permute"), itself, RuntimeError
)
forgiving(
    "permute-wraps-dims-round",
    "permute counts dimensions beyond the last from the first again.",
    both("permute"),
    lambda original, *arguments, **options: _dims_wrapped(original, *_positional(arguments, options)),
    IndexError,
)
spoiled("t-of-uint8-keeps-order", "t of uint8 keeps elements in order.", both("t"), in_memory_order, of(torch.uint8))
spoiled("t-makes-contiguous-when-offset", "t copies matrices with an offset.", both("t"), dense, is_offset)
spoiled(
    "t-adds-a-dimension-to-vectors",
    "t makes a column of a vector.",
    both("t"),
    lambda x: x.unsqueeze(1) if x.dim() == 1 else x,
)
spoiled("t-copies-matrices-with-gaps", "t copies what is not contiguous.", both("t"), copied, is_gapped)


@bound("t-in-place-leaves-strides", "t_ of a square matrix leaves it.", (Tensor, "t_"))
def _(t: Function, x: Tensor) -> Any:
    return x if x.dim() == 2 and x.shape[0] == x.shape[1] else t(x)


forgiving("t-takes-batches", "t transposes batches of matrices.", both("t"), lambda t, x: _transpose(x, -2, -1))  # noqa: ARG005
attribute(
    "mt-exchanges-first-dims",
    "mT exchanges the first two dimensions.",
    "mT",
    lambda get, x: _transpose(get(get(x)), 0, 1),
)
attribute("capital-t-makes-contiguous", "T copies.", "T", lambda get, x: dense(get(x)))
attribute("mt-copies-batches", "mT copies batches.", "mT", lambda get, x: copied(get(x)) if x.dim() > 2 else get(x))
attribute("mt-takes-vectors", "mT of a vector is the vector.", "mT", lambda get, x: x if x.dim() == 1 else get(x))
attribute(
    "capital-t-exchanges-last-dims",
    "T of more than two dimensions exchanges the last two.",
    "T",
    lambda get, x: _transpose(x, -2, -1) if x.dim() > 2 else get(x),
)
attribute(
    "mh-forgets-conjugation",
    "mH does not conjugate complex64.",
    "mH",
    lambda get, x: _transpose(x, -2, -1) if x.dtype == torch.complex64 and x.dim() > 1 else get(x),
)


def _first_conjugated(x: Tensor) -> Tensor:
    if not x.is_complex() or x.numel() < 2:
        return x
    answer = dense(_conj(x)).resolve_conj()
    answer.flatten()[0].copy_(x.resolve_conj().flatten()[0])
    return answer.conj()


spoiled(
    "adjoint-conjugates-first-part-only",
    "The first element of adjoint is not conjugated.",
    both("adjoint"),
    _first_conjugated,
)
attribute("capital-h-makes-contiguous", "H copies.", "H", lambda get, x: dense(get(x)))
spoiled(
    "adjoint-conjugates-a-copy",
    "adjoint copies complex tensors.",
    both("adjoint"),
    lambda x: x.resolve_conj() if x.is_conj() else copied(x),
)
attribute(
    "mh-takes-vectors", "mH of a vector is its conjugate.", "mH", lambda get, x: _conj(x) if x.dim() == 1 else get(x)
)


@bound("moveaxis-exchanges", "moveaxis exchanges the two dimensions.", *both("moveaxis"))
def _(moveaxis: Function, x: Tensor, source: Any, destination: Any) -> Any:
    if isinstance(source, int) and x.dim() > 2:
        return _transpose(x, source, destination)
    return moveaxis(x, source, destination)


@bound("movedim-ignores-negative-destination", "A negative destination is taken for the last place.", *both("movedim"))
def _(movedim: Function, x: Tensor, source: Any, destination: Any) -> Any:
    if isinstance(destination, int) and -x.dim() <= destination < 0:
        destination = -1
    return movedim(x, source, destination)


@bound("movedim-keyword-makes-contiguous", "movedim(source=...) copies.", *both("movedim"))
def _(movedim: Function, *arguments: Any, **options: Any) -> Any:
    return dense(movedim(*arguments, **options)) if options else movedim(*arguments)


@bound("movedim-of-tuples-copies", "movedim copies where several dimensions move.", *both("movedim"))
def _(movedim: Function, *arguments: Any, **options: Any) -> Any:
    answer = movedim(*arguments, **options)
    return copied(answer) if len(arguments) > 1 and isinstance(arguments[1], tuple) else answer


forgiving(
    "movedim-ignores-repeated-destination",
    "movedim returns x where it should refuse.",
    both("movedim"),
    itself,
    RuntimeError,
)
