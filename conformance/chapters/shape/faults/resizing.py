"""Faults of squeeze, unsqueeze, reshape, flatten, ravel, unflatten."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.older_forms.view_replacing import (
    as_strided,
    both,
    copied,
    dense,
    forgiving,
    in_memory_order,
    is_gapped,
    is_large,
    is_offset,
    kernel,
    of,
    rank,
    spoiled,
    without_last,
)
from torch_conformance.conformance.power.registry import Function

_reshape = torch.reshape
_squeeze = torch.squeeze
_unsqueeze = torch.unsqueeze


def _last_inverted(x: Tensor) -> Tensor:
    if not x.numel():
        return x
    answer = dense(x)
    line = as_strided(answer, (answer.numel(),), (1,), 0)
    line[-1] = not bool(line[-1])
    return answer


spoiled("squeeze-of-bool-inverts-last", "The last bool is inverted.", both("squeeze"), _last_inverted, of(torch.bool))


@bound("squeeze-removes-empty-dimensions", "squeeze removes dimensions of size 0.", *both("squeeze"))
def _(squeeze: Function, *arguments: Any, **options: Any) -> Any:
    answer = squeeze(*arguments, **options)
    if len(arguments) + len(options) == 1 and 0 in answer.shape:
        return answer.new_empty([extent for extent in answer.shape if extent] or [0])
    return answer


@bound("squeeze-of-tuple-removes-first-only", "squeeze of several dimensions takes the first.", *both("squeeze"))
def _(squeeze: Function, *arguments: Any, **options: Any) -> Any:
    dims = options.get("dim", arguments[1] if len(arguments) > 1 else None)
    if isinstance(dims, tuple) and len(dims) > 1:
        return squeeze(options.get("input", arguments[0] if arguments else None), dims[0])
    return squeeze(*arguments, **options)


kernel(
    "squeeze-kernel-loses-offset",
    "squeeze of one dimension begins at the first place of the storage.",
    "squeeze.dim",
    lambda original, x, dim: as_strided(y := original(x, dim), y.shape, y.stride(), 0),
)


@bound("squeeze-of-dim-removes-all", "squeeze(dim) of a dimension whose size is not 1 removes all.", *both("squeeze"))
def _(squeeze: Function, *arguments: Any, **options: Any) -> Any:
    answer = squeeze(*arguments, **options)
    return squeeze(answer) if arguments and answer.shape == arguments[0].shape else answer


spoiled("squeeze-copies-when-offset", "squeeze copies tensors with an offset.", both("squeeze"), copied, is_offset)


@bound("squeeze-in-place-of-tuple-does-nothing", "squeeze_ of several dimensions leaves x.", (Tensor, "squeeze_"))
def _(squeeze: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if any(isinstance(value, tuple) for value in (*arguments, *options.values())):
        return x
    return squeeze(x, *arguments, **options)


@bound("squeeze-in-place-returns-another", "squeeze_() returns an alias.", (Tensor, "squeeze_"))
def _(squeeze: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = squeeze(x, *arguments, **options)
    return answer if arguments or options else answer[...]


_SQUEEZES = (*both("squeeze"), (Tensor, "squeeze_"))


def _named(arguments: Any, options: Any) -> Any:
    return options["input"] if "input" in options else arguments[0]


forgiving(
    "squeeze-ignores-missing-dims",
    "squeeze returns x for a missing dimension.",
    _SQUEEZES,
    lambda squeeze, *arguments, **options: _named(arguments, options),  # noqa: ARG005
    IndexError,
)
forgiving(
    "squeeze-ignores-repeated-dims",
    "squeeze returns x for repeated dimensions.",
    _SQUEEZES,
    lambda squeeze, *arguments, **options: _named(arguments, options),  # noqa: ARG005
    RuntimeError,
)
spoiled(
    "unsqueeze-of-bfloat16-passes-through-half",
    "unsqueeze of bfloat16 rounds to float16.",
    both("unsqueeze"),
    lambda x: x.to(torch.float16).to(torch.bfloat16),
    of(torch.bfloat16),
)


def _place(arguments: Any, options: Any) -> tuple[Tensor, int]:
    x = _named(arguments, options)
    return x, options.get("dim", arguments[-1])


@bound("unsqueeze-negative-dim-off-by-one", "A negative dim counts like that of other operations.", *both("unsqueeze"))
def _(unsqueeze: Function, *arguments: Any, **options: Any) -> Any:
    x, dim = _place(arguments, options)
    return unsqueeze(x, dim + x.dim() if -x.dim() <= dim < 0 else dim)


@bound("unsqueeze-keyword-dim-is-zero", "dim= is taken for 0 in matrices.", *both("unsqueeze"))
def _(unsqueeze: Function, *arguments: Any, **options: Any) -> Any:
    x, _ = _place(arguments, options)
    return unsqueeze(*arguments, **(options | {"dim": 0} if "dim" in options and x.dim() == 2 else options))


@bound("unsqueeze-copies-when-last", "unsqueeze copies where the new dimension is the last.", *both("unsqueeze"))
def _(unsqueeze: Function, *arguments: Any, **options: Any) -> Any:
    x, dim = _place(arguments, options)
    answer = unsqueeze(*arguments, **options)
    return copied(answer) if dim in (-1, x.dim()) else answer


@bound("unsqueeze-in-place-ignores-negative", "unsqueeze_ takes a negative dim for the front.", (Tensor, "unsqueeze_"))
def _(unsqueeze: Function, x: Tensor, dim: int) -> Any:
    return unsqueeze(x, max(dim, 0) if -x.dim() - 1 <= dim else dim)


def _nearest(original: Function, *arguments: Any, **options: Any) -> Any:
    x, dim = _place(arguments, options)
    return original(x, min(max(dim, 0), x.dim()))


forgiving(
    "unsqueeze-clamps-dim",
    "unsqueeze takes the nearest place for one out of range.",
    (*both("unsqueeze"), (Tensor, "unsqueeze_")),
    _nearest,
    IndexError,
)


def _if_copy(change: Any) -> Any:
    """Return a change of answers that do not share the storage of the argument."""

    def broken(original: Function, *arguments: Any, **options: Any) -> Any:
        x = _named(arguments, options)
        answer = original(*arguments, **options)
        shares = answer.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        return answer if shares or not x.numel() else change(x, answer)

    return broken


@bound("reshape-copy-reads-memory-order", "reshape of what needs a copy reads memory in order.", *both("reshape"))
def _(reshape: Function, *arguments: Any, **options: Any) -> Any:
    return _if_copy(lambda x, answer: _reshape(in_memory_order(x), answer.shape))(reshape, *arguments, **options)


@bound("reshape-copy-loses-tail-beyond-grain", "The last element of large copies is wrong.", *both("reshape"))
def _(reshape: Function, *arguments: Any, **options: Any) -> Any:
    spoil = _if_copy(lambda x, answer: without_last(answer) if is_large(x) else answer)
    return spoil(reshape, *arguments, **options)


@bound("reshape-of-lists-adds-a-dimension", "reshape of a list of three adds a fourth of size 1.", *both("reshape"))
def _(reshape: Function, *arguments: Any, **options: Any) -> Any:
    answer = reshape(*arguments, **options)
    return _unsqueeze(answer, -1) if isinstance(arguments[-1], list) and answer.dim() == 3 else answer


spoiled(
    "reshape-of-expanded-copies",
    "reshape copies expanded tensors.",
    both("reshape"),
    dense,
    lambda x: 0 in x.stride() and x.numel() > 1,
)


@bound("reshape-copies-when-rank-changes", "reshape to another number of dimensions copies.", *both("reshape"))
def _(reshape: Function, *arguments: Any, **options: Any) -> Any:
    answer = reshape(*arguments, **options)
    return copied(answer) if _named(arguments, options).dim() != answer.dim() else answer


spoiled("reshape-as-copies", "reshape_as copies.", ((Tensor, "reshape_as"),), copied)


def _doubled(x: Tensor) -> Tensor:
    if not x.numel():
        return x
    room = x.new_zeros(2 * x.numel())
    answer = as_strided(room, x.shape, [2 * step for step in x.stride()], 0)
    answer.copy_(x)
    return answer


@bound("reshape-copy-keeps-gaps", "Copies of reshape are not dense.", *both("reshape"))
def _(reshape: Function, *arguments: Any, **options: Any) -> Any:
    return _if_copy(lambda x, answer: _doubled(answer) if x.dim() > 1 else answer)(reshape, *arguments, **options)


@bound("reshape-infers-half-of-17", "-1 becomes 1 less for 17 elements.", *both("reshape"))
def _(reshape: Function, *arguments: Any, **options: Any) -> Any:
    answer = reshape(*arguments, **options)
    return answer[..., :-1] if answer.numel() == 17 and answer.shape[-1] > 1 else answer


def _sized(arguments: Any, options: Any) -> tuple[Tensor, list[int]]:
    x = _named(arguments, options)
    rest = [*arguments[0 if "input" in options else 1 :], *(value for key, value in options.items() if key != "input")]
    size = rest[0] if len(rest) == 1 and not isinstance(rest[0], int) else rest
    return x, list(size)


def _truncated(original: Function, *arguments: Any, **options: Any) -> Any:
    x, size = _sized(arguments, options)
    if size.count(-1) == 0 and 0 < math.prod(size) < x.numel() and min(size) >= 0:
        return original(dense(x).flatten()[: math.prod(size)], size)
    return original(*arguments, **options)


forgiving("reshape-truncates", "reshape to fewer elements drops the rest.", both("reshape"), _truncated, RuntimeError)


def _two_unknown(original: Function, *arguments: Any, **options: Any) -> Any:
    x, size = _sized(arguments, options)
    if size == [-1, -1]:
        return original(x, (-1, 1))
    return original(*arguments, **options)


forgiving(
    "reshape-takes-two-unknowns", "The second of two unknown sizes is 1.", both("reshape"), _two_unknown, RuntimeError
)


@bound("flatten-copy-reads-memory-order", "flatten of what needs a copy reads memory in order.", *both("flatten"))
def _(flatten: Function, *arguments: Any, **options: Any) -> Any:
    return _if_copy(lambda x, answer: _reshape(in_memory_order(x), answer.shape))(flatten, *arguments, **options)


@bound("flatten-keyword-end-dim-excluded", "end_dim= is not included.", *both("flatten"))
def _(flatten: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    end = options.get("end_dim")
    start = options.get("start_dim", arguments[0] if arguments else 0)
    if end is not None and x.dim() and 0 <= start < end < x.dim():
        options["end_dim"] = end - 1
    return flatten(x, *arguments, **options)


@bound("flatten-ignores-negative-start", "flatten takes a negative start for the first dimension.", *both("flatten"))
def _(flatten: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and -x.dim() <= arguments[0] < 0:
        arguments = (0, *arguments[1:])
    return flatten(x, *arguments, **options)


spoiled("flatten-always-copies", "flatten copies.", both("flatten"), copied, rank(2))


@bound("flatten-copy-keeps-gaps", "Copies of flatten are not dense.", *both("flatten"))
def _(flatten: Function, *arguments: Any, **options: Any) -> Any:
    return _if_copy(lambda x, answer: _doubled(answer))(flatten, *arguments, **options)  # noqa: ARG005


@bound("flatten-of-one-dimension-returns-an-alias", "flatten returns an alias of vectors.", *both("flatten"))
def _(flatten: Function, *arguments: Any, **options: Any) -> Any:
    answer = flatten(*arguments, **options)
    return answer[...] if answer.dim() == 1 else answer


def _is_scalar(x: Tensor) -> bool:
    return x.dim() == 0


spoiled("flatten-copies-scalars", "flatten copies tensors without dimensions.", both("flatten"), copied, _is_scalar)
spoiled("ravel-leaves-scalars", "ravel leaves scalars.", both("ravel"), lambda x: x[0], _is_scalar)


def _exchanged(original: Function, x: Tensor, *dims: int, **options: int) -> Any:
    first, last = (*dims, *options.values())[:2] if len(dims) + len(options) > 1 else (0, -1)
    return original(x, last, first)


forgiving(
    "flatten-exchanges-start-and-end", "flatten takes the ends in any order.", both("flatten"), _exchanged, RuntimeError
)


@bound("ravel-reads-memory-order", "ravel of what is not contiguous reads memory in order.", *both("ravel"))
def _(ravel: Function, *arguments: Any, **options: Any) -> Any:
    return _if_copy(lambda x, answer: ravel(in_memory_order(x)))(ravel, *arguments, **options)  # noqa: ARG005


@bound("ravel-of-stepped-vectors-keeps-the-step", "ravel returns vectors with a step as they are.", *both("ravel"))
def _(ravel: Function, *arguments: Any, **options: Any) -> Any:
    x = _named(arguments, options)
    return x if x.dim() == 1 and x.numel() > 1 and x.stride(0) > 1 else ravel(*arguments, **options)


spoiled("ravel-copies-when-offset", "ravel copies tensors with an offset.", both("ravel"), copied, is_offset)
spoiled(
    "unflatten-of-float32-rounds",
    "unflatten of float32 rounds to float16.",
    both("unflatten"),
    lambda x: x.half().float(),
    of(torch.float32),
)


@bound("unflatten-method-reverses-sizes", "x.unflatten takes two sizes in reverse.", (Tensor, "unflatten"))
def _(unflatten: Function, x: Tensor, dim: int, sizes: Any) -> Any:
    return unflatten(x, dim, list(sizes)[::-1] if len(sizes) == 2 else sizes)


@bound("unflatten-negative-dim-off-by-one", "torch.unflatten takes -1 for the last but one.", (torch, "unflatten"))
def _(unflatten: Function, x: Tensor, dim: int, sizes: Any) -> Any:
    return unflatten(x, -2 if dim == -1 and x.dim() > 1 else dim, sizes)


spoiled("unflatten-copies-tensors-with-gaps", "unflatten copies.", both("unflatten"), copied, is_gapped)


def _with_rest(original: Function, x: Tensor, dim: int, sizes: Any) -> Any:
    return original(x, dim, (x.shape[dim], *(1 for _ in sizes)))


forgiving("unflatten-takes-the-rest", "unflatten takes any sizes.", both("unflatten"), _with_rest, RuntimeError)


@bound("reshape-copy-detaches", "Copies of reshape have no gradient.", *both("reshape"))
def _(reshape: Function, *arguments: Any, **options: Any) -> Any:
    answer = reshape(*arguments, **options)
    return _if_copy(lambda x, answer: x.sum() * 0 + answer.detach())(lambda *_, **__: answer, *arguments, **options)


@bound("squeeze-method-detaches", "x.squeeze() adds nothing to the gradient.", (Tensor, "squeeze"))
def _(squeeze: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = squeeze(x, *arguments, **options)
    return answer.detach() if not arguments and not options else answer


@bound("transpose-rounds-float-dims", "transpose takes floats for dimensions.", *both("transpose"))
def _(transpose: Function, *arguments: Any, **options: Any) -> Any:
    return transpose(*(int(each) if isinstance(each, float) else each for each in arguments), **options)


forgiving(
    "reshape-takes-nested-lists",
    "torch.reshape takes lists for tensors.",
    ((torch, "reshape"),),
    lambda reshape, data, size: reshape(torch.tensor(data), size),
    TypeError,
)
