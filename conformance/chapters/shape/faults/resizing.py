"""Faults of squeeze, unsqueeze, reshape, flatten, ravel, unflatten."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import argument_changed, named
from torch_conformance.conformance.power.damage import (
    as_strided,
    at_storage_start,
    copied,
    dense,
    in_memory_order,
    is_many,
    is_offset,
    is_strided,
    last_repeated,
    last_spoiled,
    of,
    rank,
    through,
)
from torch_conformance.conformance.power.forms import (
    Answer,
    answer_changed,
    both,
    refusal_forgiven,
    replaced,
    result_changed,
    tensor_of,
)
from torch_conformance.conformance.power.registry import Function

_reshape = torch.reshape
_unsqueeze = torch.unsqueeze
_UNBOUNDED = (IndexError,)


def _is_scalar(x: Tensor) -> bool:
    return x.dim() == 0


def _is_stepped_vector(x: Tensor) -> bool:
    return x.dim() == 1 and x.numel() > 1 and x.stride(0) > 1


for operation, mutation, summary, change, when in (
    ("squeeze", "of-bool-inverts-last", "inverts the last bool", lambda y: last_spoiled(dense(y)), of(torch.bool)),
    ("squeeze", "copies-when-offset", "copies tensors with an offset", copied, is_offset),
    ("unsqueeze", "of-bfloat16-passes-through-half", "rounds it", through(torch.float16), of(torch.bfloat16)),
    ("reshape", "of-expanded-copies", "copies", dense, lambda x: 0 in x.stride() and x.numel() > 1),
    ("flatten", "always-copies", "copies", copied, rank(2)),
    ("flatten", "copies-scalars", "copies tensors without dimensions", copied, _is_scalar),
    ("ravel", "leaves-scalars", "leaves scalars", lambda x: x[0], _is_scalar),
    ("ravel", "copies-when-offset", "copies tensors with an offset", copied, is_offset),
    ("unflatten", "of-float32-rounds", "rounds to float16", through(torch.float16), of(torch.float32)),
    ("unflatten", "copies-tensors-with-gaps", "copies", copied, is_strided),
):
    result_changed(named(operation, mutation), f"{operation} {summary}.", *both(operation), change=change, when=when)
result_changed("reshape-as-copies", "reshape_as copies.", "Tensor.reshape_as", change=copied)
result_changed(
    "squeeze-kernel-loses-offset",
    "squeeze of one dimension begins at the first place of the storage.",
    "aten::squeeze.dim",
    change=at_storage_start,
)


def _where_copied(change: Callable[[Any, Any], Any]) -> Answer:
    """Return a change `change(x, answer)` of answers that do not share the memory of what they are of."""

    def broken(answer: Tensor, *arguments: Any, **options: Any) -> Any:
        x = tensor_of(arguments, options)
        shares = answer.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        return answer if shares or not x.numel() else change(x, answer)

    return broken


def _misread(x: Tensor, answer: Tensor) -> Tensor:
    return _reshape(in_memory_order(x), answer.shape)


def _doubled(x: Tensor) -> Tensor:
    """Return a copy with a gap behind each element."""
    room = as_strided(x.new_zeros(2 * x.numel()), x.shape, [2 * step for step in x.stride()], 0)
    return room.copy_(x)


for operation, mutation, summary, changed in (
    ("reshape", "copy-reads-memory-order", "reads memory in order", _misread),
    ("flatten", "copy-reads-memory-order", "reads memory in order", _misread),
    ("ravel", "reads-memory-order", "reads memory in order", _misread),
    ("reshape", "copy-loses-tail-beyond-grain", "loses one", lambda x, y: last_repeated(y) if is_many(x) else y),
    ("reshape", "copy-keeps-gaps", "is not dense", lambda x, y: _doubled(y) if x.dim() > 1 else y),
    ("flatten", "copy-keeps-gaps", "is not dense", lambda _, y: _doubled(y)),
    ("reshape", "copy-detaches", "has no gradient", lambda x, y: x.sum() * 0 + y.detach()),
):
    told = f"{operation}, where it copies, {summary}."
    answer_changed(named(operation, mutation), told, *both(operation))(_where_copied(changed))


@answer_changed("squeeze-removes-empty-dimensions", "squeeze removes dimensions of size 0.", *both("squeeze"))
def _(y: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) + len(options) == 1 and 0 in y.shape:
        return y.new_empty([extent for extent in y.shape if extent] or [0])
    return None


@replaced("squeeze-of-tuple-removes-first-only", "squeeze of several dimensions takes the first.", *both("squeeze"))
def _(squeeze: Function, *arguments: Any, **options: Any) -> Any:
    dims = options.get("dim", arguments[1] if len(arguments) > 1 else None)
    if isinstance(dims, tuple) and len(dims) > 1:
        return squeeze(tensor_of(arguments, options), dims[0])
    return squeeze(*arguments, **options)


@replaced("squeeze-of-dim-removes-all", "squeeze(dim) of a size that is not 1 removes all.", *both("squeeze"))
def _(squeeze: Function, *arguments: Any, **options: Any) -> Any:
    y = squeeze(*arguments, **options)
    return squeeze(y) if arguments and y.shape == arguments[0].shape else y


@replaced("squeeze-in-place-of-tuple-does-nothing", "squeeze_ of several dimensions leaves x.", "Tensor.squeeze_")
def _(squeeze: Function, x: Tensor, *dims: Any, **options: Any) -> Any:
    several = any(isinstance(value, tuple) for value in (*dims, *options.values()))
    return x if several else squeeze(x, *dims, **options)


answer_changed("squeeze-in-place-returns-another", "squeeze_() returns an alias.", "Tensor.squeeze_")(
    lambda y, _, *dims, **options: y if dims or options else y[...]
)
answer_changed("squeeze-method-detaches", "x.squeeze() adds nothing to the gradient.", "Tensor.squeeze")(
    lambda y, _, *dims, **options: y if dims or options else y.detach()
)
for mutation, summary, error in (
    ("missing", "returns x for a missing dimension", IndexError),
    ("repeated", "returns x for repeated dimensions", RuntimeError),
):
    refusal_forgiven(
        f"squeeze-ignores-{mutation}-dims",
        f"squeeze {summary}.",
        *both("squeeze"),
        "Tensor.squeeze_",
        instead=lambda _, *arguments, **options: tensor_of(arguments, options),
        errors=(error,),
    )


def _place(arguments: Any, options: Any) -> tuple[Tensor, int]:
    """Return the tensor and the dim of a call of unsqueeze."""
    return tensor_of(arguments, options), options.get("dim", arguments[-1] if arguments else None)


def _negative_counted_otherwise(x: Tensor, dim: int) -> int:
    return dim + x.dim() if -x.dim() <= dim < 0 else dim


def _nearest(x: Tensor, dim: int) -> int:
    return min(max(dim, 0), x.dim())


def _unsqueezed_at(place: Callable[[Tensor, int], int]) -> Answer:
    """Return unsqueeze at another place."""
    return lambda unsqueeze, *a, **k: unsqueeze(_place(a, k)[0], place(*_place(a, k)))


replaced("unsqueeze-negative-dim-off-by-one", "A negative dim counts as in other operations.", *both("unsqueeze"))(
    _unsqueezed_at(_negative_counted_otherwise)
)
replaced("unsqueeze-in-place-ignores-negative", "unsqueeze_ takes a negative dim for 0.", "Tensor.unsqueeze_")(
    _unsqueezed_at(lambda x, dim: max(dim, 0) if -x.dim() - 1 <= dim else dim)
)
refusal_forgiven(
    "unsqueeze-clamps-dim",
    "unsqueeze takes the nearest place for one out of range.",
    *both("unsqueeze"),
    "Tensor.unsqueeze_",
    instead=_unsqueezed_at(_nearest),
    errors=_UNBOUNDED,
)


@replaced("unsqueeze-keyword-dim-is-zero", "dim= is taken for 0 in matrices.", *both("unsqueeze"))
def _(unsqueeze: Function, *arguments: Any, **options: Any) -> Any:
    matrix = "dim" in options and tensor_of(arguments, options).dim() == 2
    return unsqueeze(*arguments, **(options | {"dim": 0} if matrix else options))


@answer_changed("unsqueeze-copies-when-last", "unsqueeze copies where the dimension is the last.", *both("unsqueeze"))
def _(y: Tensor, *arguments: Any, **options: Any) -> Any:
    x, dim = _place(arguments, options)
    return copied(y) if dim in (-1, x.dim()) else None


answer_changed("reshape-of-lists-adds-a-dimension", "reshape of a list of three adds a fourth.", *both("reshape"))(
    lambda y, *arguments, **_: _unsqueeze(y, -1) if isinstance(arguments[-1], list) and y.dim() == 3 else y
)
answer_changed("reshape-copies-when-rank-changes", "reshape to another rank copies.", *both("reshape"))(
    lambda y, *a, **k: copied(y) if tensor_of(a, k).dim() != y.dim() else y
)
result_changed(
    "reshape-infers-half-of-17",
    "-1 becomes 1 less for 17 elements.",
    *both("reshape"),
    change=lambda y: y[..., :-1] if y.dim() and y.shape[-1] > 1 else y,
    when=lambda x: x.numel() == 17,
)


def _sized(arguments: Any, options: Any) -> tuple[Tensor, list[int]]:
    """Return the tensor and the size of a call of reshape."""
    rest = [each for each in (*arguments, *options.values()) if not isinstance(each, Tensor)]
    return tensor_of(arguments, options), list(rest[0] if len(rest) == 1 and not isinstance(rest[0], int) else rest)


def _truncated(reshape: Function, *arguments: Any, **options: Any) -> Any:
    x, size = _sized(arguments, options)
    if -1 not in size and 0 < math.prod(size) < x.numel() and min(size) >= 0:
        return reshape(dense(x).flatten()[: math.prod(size)], size)
    return reshape(*arguments, **options)


def _two_unknown(reshape: Function, *arguments: Any, **options: Any) -> Any:
    x, size = _sized(arguments, options)
    return reshape(x, (-1, 1)) if size == [-1, -1] else reshape(*arguments, **options)


def _exchanged(flatten: Function, x: Tensor, *dims: int, **options: int) -> Any:
    first, last = (*dims, *options.values())[:2] if len(dims) + len(options) > 1 else (0, -1)
    return flatten(x, last, first)


def _with_rest(unflatten: Function, x: Tensor, dim: int, sizes: Any) -> Any:
    return unflatten(x, dim, (x.shape[dim], *(1 for _ in sizes)))


for operation, mutation, summary, instead in (
    ("reshape", "truncates", "to fewer elements drops the rest", _truncated),
    ("reshape", "takes-two-unknowns", "takes the second of two unknown sizes for 1", _two_unknown),
    ("flatten", "exchanges-start-and-end", "takes the ends in any order", _exchanged),
    ("unflatten", "takes-the-rest", "takes any sizes", _with_rest),
):
    name, told = named(operation, mutation), f"{operation} {summary}."
    refusal_forgiven(name, told, *both(operation), instead=instead, errors=(RuntimeError,))
refusal_forgiven(
    "reshape-takes-nested-lists",
    "torch.reshape takes lists for tensors.",
    "torch.reshape",
    instead=lambda reshape, data, size: reshape(torch.tensor(data), size),
    errors=(TypeError,),
)


@replaced("flatten-keyword-end-dim-excluded", "end_dim= is not included.", *both("flatten"))
def _(flatten: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    end = options.get("end_dim")
    start = options.get("start_dim", arguments[0] if arguments else 0)
    if end is not None and x.dim() and 0 <= start < end < x.dim():
        options["end_dim"] = end - 1
    return flatten(x, *arguments, **options)


@replaced("flatten-ignores-negative-start", "flatten takes a negative start for the first.", *both("flatten"))
def _(flatten: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and -x.dim() <= arguments[0] < 0:
        arguments = (0, *arguments[1:])
    return flatten(x, *arguments, **options)


result_changed(
    "flatten-of-one-dimension-returns-an-alias",
    "flatten returns an alias of vectors.",
    *both("flatten"),
    change=lambda y: y[...],
    when=lambda x: x.dim() == 1,
)
answer_changed("ravel-of-stepped-vectors-keeps-the-step", "ravel returns stepped vectors as they are.", *both("ravel"))(
    lambda y, *a, **k: tensor_of(a, k) if _is_stepped_vector(tensor_of(a, k)) else y
)
argument_changed(
    "unflatten-method-reverses-sizes",
    "x.unflatten takes two sizes in reverse.",
    "Tensor.unflatten",
    change=lambda sizes: list(sizes)[::-1],
    when=lambda sizes: len(sizes) == 2,
    which=2,
)
replaced("unflatten-negative-dim-off-by-one", "torch.unflatten takes -1 for the last but one.", "torch.unflatten")(
    lambda unflatten, x, dim, sizes: unflatten(x, -2 if dim == -1 and x.dim() > 1 else dim, sizes)
)
replaced("transpose-rounds-float-dims", "transpose takes floats for dimensions.", *both("transpose"))(
    lambda transpose, *a, **k: transpose(*(int(each) if isinstance(each, float) else each for each in a), **k)
)
