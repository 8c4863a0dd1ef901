"""Faults of repeat, tile, atleast_1d and others, and of size, dim and numel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import named
from torch_conformance.conformance.power.damage import as_strided, copied, in_memory_order, is_strided, rank
from torch_conformance.conformance.power.forms import (
    answer_changed,
    attribute_changed,
    both,
    input_changed,
    refusal_forgiven,
    replaced,
    result_changed,
    tensor_of,
)
from torch_conformance.conformance.power.registry import Function

_transpose = torch.transpose
_unsqueeze = torch.unsqueeze


def _counts(repeats: Any) -> list[int]:
    return list(repeats[0] if len(repeats) == 1 and not isinstance(repeats[0], int) else repeats)


@answer_changed("repeat-kernel-loses-last-row", "The last element of repeat is the first.", "aten::repeat")
def _(y: Tensor, *_: Any) -> None:
    if y.dim() and y.numel() > 8 and y.shape[0] > 1:
        line = as_strided(y, (y.numel(),), (1,), 0)
        line[-1] = line[0]


input_changed(
    "repeat-of-strided-reads-memory-order",
    "repeat reads what is not contiguous in memory order.",
    "Tensor.repeat",
    change=in_memory_order,
    when=is_strided,
)


@replaced("repeat-of-lists-appends-dimensions", "repeat of a list puts new dimensions last.", "Tensor.repeat")
def _(repeat: Function, x: Tensor, *repeats: Any) -> Any:
    if isinstance(repeats[0], list):
        for _ in range(len(repeats[0]) - x.dim()):
            x = _unsqueeze(x, -1)
    return repeat(x, *repeats)


@replaced("repeat-once-returns-a-view", "repeat returns a view where every count is 1.", "Tensor.repeat")
def _(repeat: Function, x: Tensor, *repeats: Any) -> Any:
    once = _counts(repeats) == [1] * x.dim() and x.dim() and x.is_contiguous()
    return x[...] if once else repeat(x, *repeats)


refusal_forgiven(
    "repeat-prepends-counts",
    "repeat takes missing counts for ones.",
    "Tensor.repeat",
    instead=lambda repeat, x, *repeats: repeat(x, *[1] * (x.dim() - len(_counts(repeats))), *_counts(repeats)),
    errors=(RuntimeError, TypeError),
)
refusal_forgiven(
    "repeat-takes-negative-counts",
    "repeat takes negative counts for 0.",
    "Tensor.repeat",
    instead=lambda repeat, x, *repeats: repeat(x, [max(count, 0) for count in _counts(repeats)]),
)
refusal_forgiven(
    "tile-takes-negative-counts",
    "tile takes negative counts for 0.",
    *both("tile"),
    instead=lambda tile, *a, **k: tile(tensor_of(a, k), [max(count, 0) for count in _tiles(*a, **k)]),
)


def _tiles(*arguments: Any, **options: Any) -> list[int]:
    return _counts([each for each in (*arguments, *options.values()) if not isinstance(each, Tensor)])


@answer_changed("tile-repeats-elements", "tile of vectors repeats each element in turn.", *both("tile"))
def _(y: Tensor, *arguments: Any, **options: Any) -> Any:
    x = tensor_of(arguments, options)
    if x.dim() == 1 and y.dim() == 1 and y.numel() > x.numel() > 1:
        return torch.repeat_interleave(x, y.numel() // x.numel())
    return None


@replaced("tile-appends-missing-counts", "tile takes missing counts for ones at the end.", "Tensor.tile")
def _(tile: Function, x: Tensor, *dims: Any) -> Any:
    counts = _counts(dims)
    return tile(x, [*counts, *[1] * (x.dim() - len(counts))])


@answer_changed("tile-gradient-averages", "The gradient of tile is divided by the number of copies.", *both("tile"))
def _(y: Tensor, *arguments: Any, **options: Any) -> Any:
    x = tensor_of(arguments, options)
    if not (y.numel() > x.numel() > 0 and y.requires_grad):
        return None
    share = y / (y.numel() // x.numel())
    return share + (y - share).detach()


def _square_transposed(x: Tensor) -> Tensor:
    return _transpose(x, 0, 1) if x.shape[0] == x.shape[1] else x


def _as_column(x: Tensor) -> Tensor:
    return _transpose(x, 0, 1) if x.shape[0] == 1 else x


for operation, mutation, summary, change, when in (
    ("atleast_3d", "transposes", "of a square matrix exchanges rows and columns", _square_transposed, rank(0)),
    ("atleast_2d", "makes-columns", "makes a column of a vector", _as_column, rank(0)),
    ("atleast_2d", "copies", "copies vectors", copied, lambda x: x.dim() == 1),
):
    result_changed(
        named(operation, mutation), f"{operation} {summary}.", f"torch.{operation}", change=change, when=when
    )


@replaced("size-of-keyword-dim-ignores-sign", "size(dim=-1) is size(dim=1).", "Tensor.size")
def _(size: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if options.get("dim") is not None and options["dim"] < 0 and x.dim() > abs(options["dim"]):
        options["dim"] = -options["dim"]
    return size(x, *arguments, **options)


attribute_changed(
    "shape-of-scalar-has-one-dimension",
    "shape of a tensor without dimensions is (1,).",
    "Tensor.shape",
    get=lambda _, shape: shape or torch.Size([1]),
)
refusal_forgiven(
    "size-wraps-dims-round",
    "size counts on from the first.",
    "Tensor.size",
    instead=lambda size, x, dim: size(x, dim % x.dim()) if x.dim() else 1,
    errors=(IndexError,),
)
answer_changed("ndimension-does-not-count-size-1", "ndimension leaves out dimensions of 1.", "Tensor.ndimension")(
    lambda ndimension, x: ndimension - list(x.shape).count(1)
)
result_changed(
    "numel-of-empty-is-one", "numel without elements is 1.", *both("numel"), change=lambda count: max(count, 1)
)
answer_changed("nelement-counts-storage", "nelement counts each place of memory once.", "Tensor.nelement")(
    lambda count, x: min(count, x.untyped_storage().nbytes() // x.element_size())
)
