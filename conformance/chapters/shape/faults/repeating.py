"""Faults of repeat, tile, atleast_1d and others, and of size, dim and numel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.replacing import bound, replaced
from torch_conformance.conformance.power.older_forms.view_replacing import (
    as_strided,
    attribute,
    both,
    copied,
    forgiving,
    in_memory_order,
    is_gapped,
    kernel,
    spoiled,
)
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_transpose = torch.transpose
_repeat = Tensor.repeat
_unsqueeze = torch.unsqueeze


def _last_row_lost(original: Function, x: Tensor, repeats: Any) -> Tensor:
    answer: Tensor = original(x, repeats)
    if answer.dim() and answer.numel() > 8 and answer.shape[0] > 1:
        line = as_strided(answer, (answer.numel(),), (1,), 0)
        line[-1] = line[0]
    return answer


kernel("repeat-kernel-loses-last-row", "The last element of repeat is the first.", "repeat", _last_row_lost)


@bound(
    "repeat-of-strided-reads-memory-order", "repeat reads what is not contiguous in memory order.", (Tensor, "repeat")
)
def _(repeat: Function, x: Tensor, *repeats: Any) -> Any:
    return repeat(in_memory_order(x) if is_gapped(x) else x, *repeats)


@bound("repeat-of-lists-appends-dimensions", "repeat of a list puts new dimensions last.", (Tensor, "repeat"))
def _(repeat: Function, x: Tensor, *repeats: Any) -> Any:
    if isinstance(repeats[0], list):
        for _ in range(len(repeats[0]) - x.dim()):
            x = _unsqueeze(x, -1)
    return repeat(x, *repeats)


@bound("repeat-once-returns-a-view", "repeat returns a view where every count is 1.", (Tensor, "repeat"))
def _(repeat: Function, x: Tensor, *repeats: Any) -> Any:
    counts = repeats[0] if len(repeats) == 1 and not isinstance(repeats[0], int) else repeats
    if set(counts) == {1} and len(counts) == x.dim() and x.is_contiguous():
        return x[...]
    return repeat(x, *repeats)


def _counts(repeats: Any) -> list[int]:
    return list(repeats[0] if len(repeats) == 1 and not isinstance(repeats[0], int) else repeats)


forgiving(
    "repeat-prepends-counts",
    "repeat takes missing counts for ones.",
    ((Tensor, "repeat"),),
    lambda repeat, x, *repeats: repeat(x, *[1] * (x.dim() - len(_counts(repeats))), *_counts(repeats)),
    RuntimeError,
    TypeError,
)
forgiving(
    "repeat-takes-negative-counts",
    "repeat takes negative counts for 0.",
    ((Tensor, "repeat"),),
    lambda repeat, x, *repeats: repeat(x, [max(count, 0) for count in _counts(repeats)]),
    RuntimeError,
)


@bound("tile-repeats-elements", "tile of vectors repeats each element in turn.", *both("tile"))
def _(tile: Function, *arguments: Any, **options: Any) -> Any:
    answer = tile(*arguments, **options)
    x = options["input"] if "input" in options else arguments[0]
    if x.dim() == 1 and answer.dim() == 1 and answer.numel() > x.numel() > 1:
        return torch.repeat_interleave(x, answer.numel() // x.numel())
    return answer


@bound("tile-appends-missing-counts", "tile takes missing counts for ones at the end.", (Tensor, "tile"))
def _(tile: Function, x: Tensor, *dims: Any) -> Any:
    counts = _counts(dims)
    return tile(x, [*counts, *[1] * (x.dim() - len(counts))])


def _not_negative(tile: Function, *arguments: Any, **options: Any) -> Any:
    x = options.pop("input", None)
    x, *rest = arguments if x is None else (x, *arguments)
    return tile(x, [max(count, 0) for count in _counts([*rest, *options.values()])])


forgiving("tile-takes-negative-counts", "tile takes negative counts for 0.", both("tile"), _not_negative, RuntimeError)
spoiled(
    "atleast-3d-transposes",
    "atleast_3d of a matrix exchanges rows and columns that are equal in number.",
    ((torch, "atleast_3d"),),
    lambda x: _transpose(x, 0, 1) if x.shape[0] == x.shape[1] else x,
)
spoiled(
    "atleast-2d-makes-columns",
    "atleast_2d makes a column of a vector.",
    ((torch, "atleast_2d"),),
    lambda x: _transpose(x, 0, 1) if x.shape[0] == 1 else x,
)
spoiled("atleast-2d-copies", "atleast_2d copies vectors.", ((torch, "atleast_2d"),), copied, lambda x: x.dim() == 1)


@bound("size-of-keyword-dim-ignores-sign", "size(dim=-1) is size(dim=1).", (Tensor, "size"))
def _(size: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if options.get("dim") is not None and options["dim"] < 0 and x.dim() > abs(options["dim"]):
        options["dim"] = -options["dim"]
    return size(x, *arguments, **options)


attribute(
    "shape-of-scalar-has-one-dimension",
    "shape of a tensor without dimensions is (1,).",
    "shape",
    lambda get, x: get(x) or torch.Size([1]),
)


def _wrapped_size(size: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    dim = options.get("dim", arguments[0] if arguments else 0)
    return size(x, dim % x.dim()) if x.dim() else 1


forgiving("size-wraps-dims-round", "size counts on from the first.", ((Tensor, "size"),), _wrapped_size, IndexError)


@bound("ndimension-does-not-count-size-1", "ndimension leaves out dimensions of size 1.", (Tensor, "ndimension"))
def _(ndimension: Function, x: Tensor) -> Any:
    return ndimension(x) - list(x.shape).count(1)


@bound("numel-of-empty-is-one", "numel of a tensor without elements is 1.", *both("numel"))
def _(numel: Function, *arguments: Any, **options: Any) -> Any:
    return max(numel(*arguments, **options), 1)


@bound("nelement-counts-storage", "nelement counts each place of memory once.", (Tensor, "nelement"))
def _(nelement: Function, x: Tensor) -> Any:
    return min(nelement(x), x.untyped_storage().nbytes() // x.element_size())


def _averaging(tile: Function, *arguments: Any, **options: Any) -> Any:
    answer = tile(*arguments, **options)
    x = options["input"] if "input" in options else arguments[0]
    if answer.numel() > x.numel() > 0 and answer.requires_grad:
        times = answer.numel() // x.numel()
        answer = answer / times + (answer - answer / times).detach()
    return answer


@fault("tile-gradient-averages", "The gradient of tile is divided by the number of copies.")
def _(breaker: Breaker) -> None:
    breaker.bindings(both("tile"), replaced(_averaging))
