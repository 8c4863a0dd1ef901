"""Faults of narrow, select, slices, diagonal, unfold: views of parts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import as_strided, copied, shifted
from torch_conformance.conformance.power.forms import kernels, methods, replaced
from torch_conformance.conformance.power.gradient_forms import differentiated_as
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_NARROW = "x/input dim start length"
narrow = Operation("narrow", order=_NARROW)
narrow_copy = Operation("narrow_copy", order=_NARROW)
select = Operation("select", order="x/input dim index")
slices = Operation("slice", *methods("__getitem__"), order="x index")
diagonal = Operation("diagonal", order="x/input offset dim1 dim2")
unfold = Operation("unfold", *methods("unfold"), order="x dimension size step")


def _length_left(original: Function, x: Tensor, dim: int, start: Any, length: int) -> Any:
    first = int(start)
    return original(x, dim, first, min(max(length, 0), x.shape[dim] - first % max(x.shape[dim], 1)))


for _operation in (narrow, narrow_copy):
    _operation.forgives("clamps length", "takes as much as there is")(_length_left)
for _operation in (narrow, select):
    _operation.answers("copies inner dimensions", "copies where dim is not the first")(
        lambda result, x, dim: copied(result) if dim not in (0, -x.dim()) else result
    )

narrow.given("tensor start is zero", start=lambda start: 0 if isinstance(start, Tensor) else start)
narrow.answers("negative start clamped", "takes a negative start for 0")(
    lambda result, original, x, dim, start, length: original(x, dim, 0, length) if int(start) < 0 else result
)
narrow.given("rounds float start", start=lambda start: int(start) if isinstance(start, float) else start)
Operation("narrow method", *methods("narrow")).answers("halves the gradient")(
    lambda result: differentiated_as(result, result / 2) if result.requires_grad else result
)
Operation("narrow_copy method", *methods("narrow_copy"), order=_NARROW).given(
    "loses last from negative start", length=lambda start, length: length - 1 if start < 0 < length else length
)
narrow_copy.answers("of everything is a view", "of a whole dimension is a view")(
    lambda result, x: x[...] if result.shape == x.shape and x.is_contiguous() else result
)
select.given("of uint8 off by one", index=lambda x, index: index - 1 if x.dtype == torch.uint8 and index > 0 else index)
Operation("select kernel", *kernels("select.int")).answers("loses offset", "of three dimensions drops their offset")(
    lambda result, x: shifted(result, -x.storage_offset()) if x.dim() > 2 else result
)
select.forgives("clamps index", "takes the nearest position")(
    lambda original, x, dim, index: original(x, dim, min(max(index, -x.shape[dim]), x.shape[dim] - 1))
)
slices.given(
    "of negative start is zero",
    "of a negative start begins at 0",
    index=lambda x, index: (
        slice(0, index.stop, index.step)
        if isinstance(index, slice) and index.start is not None and -len(x) < index.start < 0
        else index
    ),
)
diagonal.given("negative offset ignored", "takes a negative offset for 0", offset=lambda offset: max(offset, 0))
Operation("linalg.diagonal", "torch.linalg.diagonal").replaced("takes first dims", "has the defaults of diagonal")(
    lambda original, x, **options: original(x, **{"dim1": 0, "dim2": 1} | options)
)
diagonal.forgives("of one dimension", "of one dimension is the tensor")(lambda x: x)
unfold.answers("copies overlapping windows")(lambda result, size, step: copied(result) if step < size else result)
unfold.forgives("clamps size", "takes as large a window as there is")(
    lambda original, x, dimension, size, step: original(x, dimension, min(max(size, 0), x.shape[dimension]), step)
)
unfold.forgives("takes step zero", "takes steps below 1 for 1")(
    lambda original, x, dimension, size, step: original(x, dimension, size, max(step, 1))
)


@select.replaced("keyword index ignores sign", "takes index=-1 for index=1")
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    answer = original(*arguments, **options)
    if options.get("index", 0) >= 0:
        return answer
    x, dim = (*arguments, *(options[name] for name in ("input", "dim") if name in options))
    return original(x, dim, -options["index"]) if -options["index"] < x.shape[dim] else answer


@replaced("slice-kernel-rounds-length-down", "A slice with a step leaves out the rest.", *kernels("slice.Tensor"))
def _(original: Function, x: Tensor, dim: int = 0, *bounds: Any) -> Tensor:
    answer: Tensor = original(x, dim, *bounds)
    step = bounds[2] if len(bounds) > 2 else 1
    if step > 1 and answer.shape[dim] > 1:
        size = list(answer.shape)
        size[dim] = max(size[dim] - 1, 1) if x.shape[dim] % step else size[dim]
        return as_strided(answer, size, answer.stride(), answer.storage_offset())
    return answer


@slices.answers("with step copies")
def _(result: Tensor, index: Any) -> Any:
    items = index if isinstance(index, tuple) else (index,)
    return copied(result) if any(isinstance(item, slice) and (item.step or 1) > 1 for item in items) else result


unfold.replaced("keyword step is one", "takes step= for 1")(
    lambda original, *arguments, **options: original(*arguments, **options | ({"step": 1} if "step" in options else {}))
)


@unfold.answers("rounds up", "takes a window more where some elements are left")
def _(result: Tensor, x: Tensor, dimension: int, size: int, step: int) -> Any:
    if step > 1 and (x.shape[dimension] - size) % step and result.numel():
        sizes = list(result.shape)
        sizes[dimension if dimension >= 0 else dimension - 1] += 1
        return result.new_empty(sizes)
    return result


@unfold.answers("gradient counts once", "has the gradient of its first window only")
def _(result: Tensor, dimension: int) -> Any:
    if not result.requires_grad or not result.numel():
        return result
    mask = torch.zeros_like(result, dtype=torch.bool)
    mask.select(dimension if dimension >= 0 else dimension - 1, 0).fill_(1)
    return torch.where(mask, result, result.detach())
