"""Faults of split, chunk, tensor_split and their relatives, and of unbind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import is_strided
from torch_conformance.conformance.power.forms import functions, methods
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_SIZES = "x/input/tensor sizes/split_size/split_size_or_sections dim"
_SECTIONS = "x/input sections/indices/indices_or_sections/tensor_indices_or_sections dim"
_CHUNKS = "x/input chunks dim"
_tensor_split: Any = torch.tensor_split


def _is_listed(sections: Any) -> bool:
    return isinstance(sections, list | tuple)


split = Operation("split", order=_SIZES)
chunk = Operation("chunk", order=_CHUNKS)
tensor_split = Operation("tensor_split", order=_SECTIONS)
hsplit = Operation("hsplit", order=_SECTIONS)

for _operation in (
    Operation("split method", *methods("split"), order=_SIZES),
    Operation("chunk method", *methods("chunk"), order=_CHUNKS),
    Operation("unbind"),
):
    _operation.given("negative dim off", "takes -1 for 0", dim=lambda dim: 0 if dim == -1 else dim)

split.answers("drops shorter last", "by a number leaves out a last piece that is shorter")(
    lambda result, sizes: (
        result[:-1] if isinstance(sizes, int) and len(result) > 1 and result[-1].numel() < result[0].numel() else result
    )
)
split.answers("skips empty pieces")(
    lambda result, sizes: result if isinstance(sizes, int) else tuple(each for each in result if each.numel())
)
split.given(
    "takes too few lengths",
    "adds a piece for what the lengths leave",
    sizes=lambda x, sizes, dim: (
        [*sizes, len(x) - sum(sizes)]
        if isinstance(sizes, list) and dim is None and x.dim() and sum(sizes) < len(x)
        else sizes
    ),
)
Operation("split_with_sizes").answers("reverses its pieces")(lambda result: result[::-1])
chunk.answers("of empty is one", "of an empty dimension gives one piece")(
    lambda result: result[:1] if result[0].numel() == 0 else result
)
chunk.given("accepts zero pieces", "takes 0 pieces for one", chunks=lambda chunks: 1 if chunks == 0 else chunks)
Operation("chunk function", *functions("chunk")).answers("swaps first two", "swaps the first two of three pieces")(
    lambda result: (
        (result[1], result[0], *result[2:]) if len(result) > 2 and result[0].shape == result[1].shape else result
    )
)
Operation("tensor_split", *functions("tensor_split"), order=_SECTIONS).given(
    "tensor sections off",
    "by a tensor cuts one piece less",
    sections=lambda sections: (
        sections - 1 if isinstance(sections, Tensor) and not sections.dim() and int(sections) > 1 else sections
    ),
)
Operation("tensor_split", *methods("tensor_split"), order=_SECTIONS).given(
    "negative index clamped",
    "takes a negative index for 0",
    sections=lambda sections: tuple(max(each, 0) for each in sections) if _is_listed(sections) else sections,
)
tensor_split.given(
    "puts indices in order", sections=lambda sections: tuple(sorted(sections)) if _is_listed(sections) else sections
)
hsplit.refuses("refuses vectors", lambda x: x.dim() == 1)
hsplit.given(
    "takes uneven",
    "of a matrix cuts uneven pieces",
    sections=lambda x, sections: (
        [piece * x.size(1) // sections for piece in range(1, sections)]
        if x.dim() > 1 and isinstance(sections, int) and sections > 0
        else sections
    ),
)
Operation("vsplit method", *methods("vsplit"), order=_SECTIONS).answers("cuts columns", "of a list cuts columns")(
    lambda original, x, sections: (
        x.hsplit(sections) if x.dim() == 2 and isinstance(sections, list) else original(x, sections)
    )
)
Operation("dsplit", order=_SECTIONS).answers("cuts last dimension", "cuts the last of four dimensions")(
    lambda original, x, sections: _tensor_split(x, sections, dim=-1) if x.dim() == 4 else original(x, sections)
)
Operation("unbind method", *methods("unbind")).answers("reverses strided", "of a tensor with gaps is in reverse")(
    lambda result, x: result[::-1] if is_strided(x) else result
)


Operation("chunk", *functions("chunk"), order=_CHUNKS).answers(
    "always gives asked number", "adds empty pieces up to the number asked for"
)(lambda result, x, chunks, dim=0: (*result, *(x.narrow(dim, 0, 0) for _ in range(chunks - len(result)))))


@tensor_split.answers("last is longer", "gives the remainder to the last pieces")
def _(original: Function, x: Tensor, sections: Any, dim: int = 0) -> Any:
    if isinstance(sections, int) and sections > 0 and -x.dim() <= dim < x.dim():
        short, longer = divmod(x.size(dim), sections)
        sections = [place * short + max(0, place - (sections - longer)) for place in range(1, sections)]
    return original(x, sections, dim=dim)
