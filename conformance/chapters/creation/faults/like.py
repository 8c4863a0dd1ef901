"""Faults of the _like functions and the new_ methods."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import named
from torch_conformance.conformance.power.damage import (
    WIDTH,
    in_columns,
    into,
    is_strided,
    last_spoiled,
    longer_than,
    of,
    rank,
    through,
)
from torch_conformance.conformance.power.forms import (
    answer_changed,
    inferred_as,
    made,
    made_changed,
    replaced,
    tensor_of,
)
from torch_conformance.conformance.power.registry import Function

_HALF = (torch.float16, torch.bfloat16)


def _is_odd(x: Tensor) -> bool:
    return x.numel() > WIDTH and x.numel() % 2 == 1


@made("zeros-like-copies-expanded", "zeros_like of an expanded tensor is a copy.", "torch.zeros_like")
def _(zeros: Tensor, *arguments: Any, **options: Any) -> Any:
    x = tensor_of(arguments, options)
    expanded = any(extent > 1 and step == 0 for extent, step in zip(x.shape, x.stride(), strict=True))
    return zeros.copy_(x) if expanded and options.get("dtype") is None else None


@made("ones-like-gap-unwritten", "ones_like of a tensor with gaps misses its last column.", "torch.ones_like")
def _(ones: Tensor, *arguments: Any, **options: Any) -> None:
    x = tensor_of(arguments, options)
    if x.dim() > 1 and x.numel() and is_strided(x):
        ones.detach()[..., -1] = 0


for operation, mutation, summary, place, change, when in (
    ("zeros_like", "last-unwritten", "misses the last of an odd number", "torch", last_spoiled, _is_odd),
    ("new_ones", "last-unwritten", "misses the last of many elements", "Tensor", last_spoiled, longer_than(1024)),
    (
        "full_like",
        "truncates-fill",
        "passes float64 through float32",
        "torch",
        through(torch.float32),
        of(torch.float64),
    ),
    ("new_full", "through-float", "passes integers through float64", "Tensor", through(torch.float64), of(torch.int64)),
    ("empty_like", "uses-default-dtype", "of a half tensor is float32", "torch", into(torch.float32), of(*_HALF)),
    ("zeros_like", "is-contiguous", "of a matrix is contiguous", "torch", Tensor.contiguous, rank(2)),
):
    name = named(operation, mutation)
    made_changed(name, f"{operation} {summary}.", f"{place}.{operation}", change=change, when=when)
inferred_as(
    "new-empty-uses-default-dtype",
    "new_empty of int8 tensors is float32.",
    "Tensor.new_empty",
    dtype=torch.float32,
    when=lambda _, x, *__, **___: x.dtype == torch.int8,
)
made("rand-like-is-contiguous", "rand_like is contiguous.", "torch.rand_like")(
    lambda y, *_, **options: y.contiguous() if options.get("memory_format") is None else y
)
answer_changed("empty-like-is-a-view", "empty_like of a contiguous tensor shares its memory.", "torch.empty_like")(
    lambda y, x=None, **options: x.detach() if x is not None and x.is_contiguous() and not options else y
)
made("zeros-like-inherits-requires-grad", "zeros_like inherits requires_grad.", "torch.zeros_like")(
    lambda y, x=None, **options: y.requires_grad_() if x is not None and x.requires_grad and not options else y
)
made("new-zeros-takes-strides-of-self", "new_zeros orders strides as the tensor does.", "Tensor.new_zeros")(
    lambda y, x, *_, **__: y if x.is_contiguous() else in_columns(y)
)


@replaced("new-tensor-shares", "new_tensor of a tensor of the same dtype shares its memory.", "Tensor.new_tensor")
def _(new_tensor: Function, x: Tensor, data: Any, **options: Any) -> Any:
    if isinstance(data, Tensor | np.ndarray) and data.dtype == x.dtype:
        return torch.as_tensor(data)
    return new_tensor(x, data, **options)
