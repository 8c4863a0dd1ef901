"""Faults of split, chunk, tensor_split, hsplit, vsplit, dsplit and unbind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import copied
from torch_conformance.conformance.power.forms import methods
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_SECTIONS = "x/input sections/indices/indices_or_sections/tensor_indices_or_sections dim"
split = Operation("split", order="x/input/tensor sizes/split_size/split_size_or_sections dim")
chunk = Operation("chunk", order="x/input chunks dim")
tensor_split = Operation("tensor_split", order=_SECTIONS)
hsplit, dsplit = (Operation(name, order=_SECTIONS) for name in ("hsplit", "dsplit"))
unbind = Operation("unbind")

split.answers("of int64 drops last piece", "of int64 leaves out the last of several pieces")(
    lambda result: result[:-1] if len(result) > 1 and result[0].dtype == torch.int64 else result
)
split.answers("of sizes ignores dim", "of square matrices by sizes takes dimension 0")(
    lambda result, original, x, sizes: (
        original(x, sizes, 0) if not isinstance(sizes, int) and x.dim() and sum(sizes) == x.shape[0] else result
    )
)
split.answers("copies last piece")(lambda result: (*result[:-1], copied(result[-1])) if len(result) > 1 else result)
split.forgives("takes sizes that fall short", "takes any sizes")(
    lambda original, x, sizes, dim=0: (
        original(x, sizes, dim) if isinstance(sizes, int) or min(sizes) < 0 else [x for _ in sizes]
    )
)
chunk.answers("divides evenly", "gives as many pieces as asked for")(
    lambda result, x, chunks, dim=0: torch.tensor_split(x, chunks, dim) if len(result) < chunks else result
)
chunk.given("negative dim is zero", dim=lambda x, dim: 0 if -x.dim() <= dim < 0 else dim)
chunk.forgives("takes zero", "takes 0 for 1")(lambda original, x, chunks, dim=0: original(x, max(chunks, 1), dim))
tensor_split.given(
    "sorts indices",
    sections=lambda sections: tuple(sorted(sections)) if isinstance(sections, tuple | list) else sections,
)
tensor_split.answers("of tensor copies", "by a tensor copies")(
    lambda result, sections: tuple(map(copied, result)) if isinstance(sections, Tensor) else result
)
tensor_split.forgives("takes zero", "takes 0 for 1")(
    lambda original, x, sections, dim=0: original(x, sections if isinstance(sections, Tensor) else 1, dim)
)
hsplit.answers("of vectors drops last")(lambda result, x: result[:-1] if x.dim() == 1 and len(result) > 1 else result)
hsplit.forgives("takes uneven sections", "takes any number of sections")(
    lambda x, sections: torch.tensor_split(x, max(sections, 1), min(x.dim() - 1, 1))
)
dsplit.answers("splits last dim", "takes the last of more than three dimensions")(
    lambda result, x, sections: torch.tensor_split(x, sections, -1) if x.dim() > 3 else result
)
unbind.answers("of int64 reverses")(
    lambda result: result[::-1] if result and result[0].dtype == torch.int64 else result
)
unbind.answers("copies inner dimensions", "copies where dim is not the first")(
    lambda result, x, dim=0: result if dim in (0, -x.dim()) else tuple(map(copied, result))
)
unbind.forgives("wraps dims round")(lambda original, x, dim=0: original(x, dim % max(x.dim(), 1)))
Operation("unbind method", *methods("unbind")).given(
    "negative dim off by one",
    "takes -1 for the last but one",
    dim=lambda x, dim: -2 if dim == -1 and x.dim() > 1 else dim,
)


@split.replaced("keyword dim ignored", "by a number takes dim= for 0")
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    pieces = original(*arguments, **options)
    by = next((value for value in (*arguments, *options.values()) if not isinstance(value, Tensor)), ())
    return original(*arguments, **options | {"dim": 0}) if "dim" in options and isinstance(by, int) else pieces


@tensor_split.answers("larger sections last", "puts larger sections last")
def _(result: Any, x: Tensor, sections: Any, dim: int = 0) -> Any:
    if isinstance(sections, int) and sections <= x.shape[dim]:
        return torch.split(x, [piece.shape[dim] for piece in reversed(result)], dim)
    return result
